//! Whether pictures seem to be prepared as the network was trained: a trained network's best class
//! stands out most with its own preparation. Nothing is said where two ways are near.

use std::path::PathBuf;

use firebrick_network::float::FloatNetwork;
use firebrick_network::{Normalise, Picture};
use rayon::prelude::*;

use crate::error::CliError;
use crate::preparations::{self, Preparation, prominence};

/// Photographs that are looked at.
const PICTURES: usize = 24;
/// Photographs below which nothing is said.
const LEAST: usize = 16;
/// By what part another way must make the best class stand out more.
const MARGIN: f64 = 0.04;
/// Share of the best way's gain from which a way is named.
const ENOUGH: f64 = 0.5;
/// Standard errors that the difference must have.
const SIGNIFICANT: f64 = 3.0;

/// Says so if another preparation makes the network surer of the photographs. `own` is what the
/// graph does itself.
pub fn check(
    network: &FloatNetwork,
    own: Option<Normalise>,
    files: &[PathBuf],
) -> Result<Option<String>, CliError> {
    if files.len() < LEAST {
        return Ok(None);
    }
    let files = crate::pictures::spread(files.to_vec(), PICTURES);
    let pictures = files
        .par_iter()
        .map(Picture::open)
        .collect::<Result<Vec<_>, _>>()?;
    let measure = |way: &Preparation| {
        let scores = way.scores(network, &pictures)?;
        Ok::<_, CliError>(scores.iter().map(|s| prominence(s)).collect::<Vec<f64>>())
    };
    let chosen = Preparation::of(network, network.input);
    let present = measure(&chosen)?;
    let now = preparations::mean(present.iter().copied()).0;
    let mut found = Vec::new();
    for way in preparations::others(&chosen, own) {
        let values = measure(&way)?;
        let differences = values.iter().zip(&present).map(|(a, b)| a - b);
        let (gain, error) = preparations::mean(differences);
        if gain > MARGIN * now && gain > SIGNIFICANT * error {
            found.push((way, now + gain));
        }
    }
    let best = found.iter().map(|(_, value)| *value).fold(now, f64::max);
    // Those that gain much of what the best one does, in the order of how usual they are.
    found.retain(|(_, value)| value - now >= ENOUGH * (best - now));
    let ways: Vec<String> = found
        .iter()
        .map(|(way, value)| format!("with {} it would be {value:.2}", way.flags))
        .collect();
    Ok((!ways.is_empty()).then(|| {
        format!(
            "The preparation of pictures may not be the one that the network was trained with: on \
             {} of the photographs its best class stands {now:.2} standard deviations above the \
             mean of all classes; {}. If the network was trained so, import it again with these \
             arguments; `firebrick evaluate --reference` measures what is right more often on \
             labelled pictures.",
            files.len(),
            ways.join(", "),
        )
    }))
}

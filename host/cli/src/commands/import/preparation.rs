//! Whether pictures seem to be prepared as the network was trained: with its own preparation a
//! trained network answers alike for a picture and its mirror image, as surely as it is right, and
//! its best class stands out most. Nothing is said where two ways are near.

use std::path::PathBuf;

use firebrick_network::float::FloatNetwork;
use firebrick_network::{Normalise, Picture};
use rayon::prelude::*;

use crate::error::CliError;
use crate::preparations::{self, Preparation, information, prominence};

/// Photographs that are looked at.
pub const PICTURES: usize = 24;
/// Photographs below which nothing is said.
pub const LEAST: usize = 16;
/// What a measure must gain with another way, and in standard errors: in nats, which tells pixels
/// of another size well, but colours that are swapped less well.
const INFORMATION: (f64, f64) = (0.75, 2.0);
/// As a part of what it is: that tells colours, but is misled by pixels that are far too large.
const PROMINENCE: (f64, f64) = (0.04, 3.0);
/// Nats that the first may lose where the second gains.
const LOSS: f64 = 0.1;
/// Share of the best way's gain from which a way is named.
const ENOUGH: f64 = 0.7;

/// What a way makes of each photograph.
pub struct Measures {
    information: Vec<f64>,
    prominence: Vec<f64>,
}

impl Measures {
    pub fn of(
        way: &Preparation,
        network: &FloatNetwork,
        pictures: &[Picture],
    ) -> Result<Measures, CliError> {
        let views = way.mirrored_scores(network, pictures)?;
        let both = |[one, other]: &[Vec<f32>; 2]| (prominence(one) + prominence(other)) / 2.0;
        Ok(Measures {
            information: information(&views),
            prominence: views.iter().map(both).collect(),
        })
    }

    /// Mean information and prominence.
    pub fn means(&self) -> (f64, f64) {
        let mean = |values: &[f64]| preparations::mean(values.iter().copied()).0;
        (mean(&self.information), mean(&self.prominence))
    }

    pub fn is_better_than(&self, other: &Measures) -> bool {
        let gain = |a: &[f64], b: &[f64]| preparations::mean(a.iter().zip(b).map(|(a, b)| a - b));
        let (told, error) = gain(&self.information, &other.information);
        let tells = told > INFORMATION.0 && told > INFORMATION.1 * error;
        let (out, error) = gain(&self.prominence, &other.prominence);
        let stands = out > PROMINENCE.0 * other.means().1 && out > PROMINENCE.1 * error;
        tells || (stands && told > -LOSS)
    }
}

/// Says so if another preparation suits the network better. `own` is what the graph does itself.
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
    let chosen = Preparation::of(network, network.input);
    let present = Measures::of(&chosen, network, &pictures)?;
    let (now, stands) = present.means();
    let mut found = Vec::new();
    for way in preparations::others(&chosen, own) {
        let measures = Measures::of(&way, network, &pictures)?;
        if measures.is_better_than(&present) {
            found.push((way, measures.means()));
        }
    }
    let best = found.iter().map(|(_, means)| means.0).fold(now, f64::max);
    // Those that gain much of what the best one does, in the order of how usual they are.
    found.retain(|(_, means)| means.0 - now >= ENOUGH * (best - now));
    let ways: Vec<String> = found
        .iter()
        .map(|(way, (told, stands))| {
            format!("with {} it would be {told:.2} and {stands:.2}", way.flags)
        })
        .collect();
    Ok((!ways.is_empty()).then(|| {
        format!(
            "The preparation of pictures may not be the one that the network was trained with: on \
             {} of the photographs its answer tells {now:.2} nats about that for the mirror image, \
             and its best class stands {stands:.2} standard deviations above the mean of all; {}. \
             If the network was trained so, import it again with these arguments; `firebrick \
             evaluate --reference` measures what is right more often on labelled pictures.",
            pictures.len(),
            ways.join(", "),
        )
    }))
}

//! The padding of the first convolution: whether a file of tensors, which does not say it, seems to
//! have been trained with another, and what rounding the pixel that pads costs.

use std::path::PathBuf;

use firebrick_network::Picture;
use firebrick_network::float::FloatNetwork;
use firebrick_network::import::{self, Imported, first};
use ndarray::Array3;
use rayon::prelude::*;

use super::preparation::{LEAST, Measures, PICTURES};
use crate::args;
use crate::error::CliError;
use crate::preparations::Preparation;

/// Paddings that are tried.
const TRIED: std::ops::RangeInclusive<usize> = 0..=3;

/// Says so if another padding suits the network better. Nothing is said where two are near, where the
/// file says it, and where `--first-pad` does.
pub fn check(
    args: &args::Import,
    imported: &Imported,
    files: &[PathBuf],
) -> Result<Option<String>, CliError> {
    let options = args.source.options();
    if !imported.format.is_tensors() || options.first_pad.is_some() || files.len() < LEAST {
        return Ok(None);
    }
    let files = crate::pictures::spread(files.to_vec(), PICTURES);
    let pictures = files
        .par_iter()
        .map(Picture::open)
        .collect::<Result<Vec<_>, _>>()?;
    let measure = |network: &FloatNetwork| {
        let way = Preparation::of(network, network.input);
        Measures::of(&way, network, &pictures)
    };
    let present = measure(&imported.network)?;
    let now = present.means();
    let input = imported.network.input;
    let mut best: Option<(usize, (f64, f64))> = None;
    for pad in TRIED.filter(|&pad| pad != 0) {
        let options = import::Options {
            first_pad: Some(pad),
            size: Some(input.inner([input.height, input.width])),
            ..options.clone()
        };
        // Where the maps become too large or too small, it was not trained so.
        let Ok(other) = import::open(&args.model, &options) else {
            continue;
        };
        let Ok(measures) = measure(&other.network) else {
            continue;
        };
        let means = measures.means();
        if measures.is_better_than(&present) && best.is_none_or(|(_, (told, _))| means.0 > told) {
            best = Some((pad, means));
        }
    }
    Ok(best.map(|(pad, (told, stands))| {
        format!(
            "The first convolution may have been trained with padding, which a file of tensors does \
             not say: on {} of the photographs the answer tells {:.2} nats about that for the mirror \
             image, and the best class stands {:.2} standard deviations above the mean of all; with \
             --first-pad {pad} it would be {told:.2} and {stands:.2}. If it was trained so, import it \
             again with that; --first-pad 0 keeps it as it is.",
            pictures.len(),
            now.0,
            now.1
        )
    }))
}

/// What rounding the border's pixel to a whole one makes of the scores: nothing if there is no
/// border, or if the mean is a whole pixel.
pub fn rounding(network: &FloatNetwork, pictures: &[Array3<u8>]) -> Result<Vec<String>, CliError> {
    let border = network.input.border;
    if border.is_none() {
        return Ok(Vec::new());
    }
    let sides = [border.top, border.left, border.bottom, border.right];
    let drawn = format!(
        "The first convolution pads, or is smaller than the window unit's: the host draws a border of \
         {sides:?} pixels (top, left, bottom, right) of the colour {:?} around each picture",
        border.pixel
    );
    let residue = first::residue(network);
    if residue == 0.0 {
        return Ok(vec![format!(
            "{drawn}, which is exactly the 0 that it stands for."
        )]);
    }
    let compared = pictures
        .par_iter()
        .map(|picture| {
            let drawn = scores(network.forward(picture.view())?);
            let exact = scores(network.forward_padded(picture.view())?);
            let differs = best(&drawn) != best(&exact);
            let spread = exact.iter().fold(0.0f32, |m, v| m.max(v.abs()));
            let error = drawn
                .iter()
                .zip(&exact)
                .fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
            Ok((differs, error / spread.max(f32::MIN_POSITIVE)))
        })
        .collect::<Result<Vec<_>, CliError>>()?;
    let differ = compared.iter().filter(|(differs, _)| *differs).count();
    let error = compared.iter().fold(0.0f32, |m, (_, e)| m.max(*e));
    Ok(vec![format!(
        "{drawn}. It stands for 0 and is {residue:.4} after the normalisation; the scores of the float \
         network change by at most {:.3} % of the largest, and its class on {differ} of {} pictures.",
        error * 100.0,
        compared.len()
    )])
}

fn scores(maps: Vec<Array3<f32>>) -> Vec<f32> {
    maps.last()
        .map(|m| m.iter().copied().collect())
        .unwrap_or_default()
}

fn best(scores: &[f32]) -> Option<usize> {
    (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]))
}

//! Whether the pixels seem to be prepared as the model was trained: with the right order of
//! colours and mean a trained network is surer of what it sees than with others.

use firebrick_network::float::FloatNetwork;
use firebrick_network::{Normalise, PixelOrder};
use ndarray::Array3;
use rayon::prelude::*;

use crate::error::CliError;
use crate::pictures;

/// Photographs that are looked at.
const PICTURES: usize = 24;
/// By how much another preparation must be surer (mean of the best class's probability).
const MARGIN: f64 = 0.04;

/// Names the preparation that looks right if it is not the present one.
pub fn check(network: &FloatNetwork, all: &[Array3<u8>]) -> Result<Option<String>, CliError> {
    let own = network.normalise;
    let pictures = pictures::spread(all.to_vec(), PICTURES);
    let swapped: Vec<Array3<u8>> = pictures.iter().map(reversed).collect();
    let reversed = |n: Normalise| {
        let turn = |v: [f32; 3]| [v[2], v[1], v[0]];
        Normalise {
            mean: turn(n.mean),
            std: turn(n.std),
        }
    };
    let other = match network.input.order {
        PixelOrder::Rgb => "blue first (--order bgr)",
        PixelOrder::Bgr => "red first (--order rgb)",
    };
    let unshifted = Normalise {
        mean: [0.0; 3],
        ..own
    };
    let present = sureness(network, own, &pictures)?;
    let mut best: Option<(f64, &str)> = None;
    let candidates = [
        (reversed(own), &swapped, other),
        (
            unshifted,
            &pictures,
            "without subtracting a mean (--mean 0,0,0)",
        ),
    ];
    for (normalise, pictures, name) in candidates {
        let sure = sureness(network, normalise, pictures)?;
        if best.is_none_or(|(most, _)| sure > most) {
            best = Some((sure, name));
        }
    }
    Ok(best
        .filter(|(sure, _)| *sure > present + MARGIN)
        .map(|(sure, name)| {
            format!(
                "On the photographs the float network gives its best class {:.0} % on average; fed \
                 with pixels {name} it would give {:.0} %. The pixels may not be prepared as they \
                 were in training: blue and red swapped (Caffe's models take blue first, \
                 torchvision's red), or a mean subtracted that the model subtracts itself.",
                100.0 * present,
                100.0 * sure
            )
        }))
}

fn reversed(picture: &Array3<u8>) -> Array3<u8> {
    Array3::from_shape_fn(picture.dim(), |(y, x, c)| picture[(y, x, 2 - c)])
}

/// Mean probability of the best class.
fn sureness(
    network: &FloatNetwork,
    normalise: Normalise,
    pictures: &[Array3<u8>],
) -> Result<f64, CliError> {
    let network = FloatNetwork {
        normalise,
        ..network.clone()
    };
    let shares = pictures
        .par_iter()
        .map(|picture| {
            let maps = network.forward(picture.view())?;
            let scores = maps
                .last()
                .map_or(Vec::new(), |m| m.iter().copied().collect());
            let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f64 = scores.iter().map(|s| f64::from(s - most).exp()).sum();
            Ok(1.0 / sum)
        })
        .collect::<Result<Vec<f64>, CliError>>()?;
    Ok(shares.iter().sum::<f64>() / shares.len().max(1) as f64)
}

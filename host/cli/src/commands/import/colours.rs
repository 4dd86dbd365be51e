//! Whether red and blue seem to be swapped: a trained network is surer of what it sees in the order
//! of colours that it was trained with. It is not always: nothing is said where the two are near.

use firebrick_network::float::FloatNetwork;
use firebrick_network::{Normalise, PixelOrder};
use ndarray::Array3;
use rayon::prelude::*;

use crate::error::CliError;
use crate::pictures;

/// Photographs that are looked at.
const PICTURES: usize = 24;
/// Photographs below which nothing is said.
const LEAST: usize = 16;
/// By how much the other order must be surer (mean of the best class's probability).
const MARGIN: f64 = 0.04;

/// Says so if the network is surer of the photographs with red and blue swapped.
pub fn check(network: &FloatNetwork, all: &[Array3<u8>]) -> Result<Option<String>, CliError> {
    if all.len() < LEAST {
        return Ok(None);
    }
    let own = network.normalise;
    let turn = |v: [f32; 3]| [v[2], v[1], v[0]];
    let turned = Normalise {
        mean: turn(own.mean),
        std: turn(own.std),
    };
    let pictures = pictures::spread(all.to_vec(), PICTURES);
    let swapped: Vec<Array3<u8>> = pictures.iter().map(reversed).collect();
    let present = sureness(network, own, &pictures)?;
    let sure = sureness(network, turned, &swapped)?;
    let other = match network.input.order {
        PixelOrder::Rgb => "blue first (--order bgr)",
        PixelOrder::Bgr => "red first (--order rgb)",
    };
    Ok((sure > present + MARGIN).then(|| {
        format!(
            "On the photographs the float network gives its best class {:.0} % on average; with \
             {other} it would give {:.0} %. Blue and red may be swapped: Caffe's models take blue \
             first, torchvision's red.",
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

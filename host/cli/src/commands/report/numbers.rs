//! Weights, activations and feature maps.

use std::path::Path;

use firebrick::LayerQuantisation;
use firebrick::quantisation::Figures;
use firebrick_model::Activations;
use firebrick_network::{Network, Op};
use firebrick_report::data::Map;
use ndarray::{Array3, ArrayView3};

use crate::commands::evaluate::{Reference, pairs};
use crate::error::CliError;
use crate::target::Target;

/// Longest side of a map that is shown pixel by pixel.
const SIDE: usize = 64;

/// What the integers are on a photograph, and what a float model says of it.
pub struct Compared {
    /// Of every convolution.
    pub quantisation: Vec<LayerQuantisation>,
    /// Float scores with those of the integers; none without a float model.
    pub scores: Vec<(f64, f64)>,
}

impl Compared {
    /// Without a photograph.
    pub fn none(network: &Network) -> Compared {
        Compared {
            quantisation: Figures::new(network).layers(network, None),
            scores: Vec::new(),
        }
    }

    /// Of a photograph, and with a float model, if there is one.
    pub fn of(
        reference: Option<&Path>,
        target: &Target,
        picture: &Array3<u8>,
        found: &Activations,
    ) -> Result<Compared, CliError> {
        let network = &target.network;
        let mut figures = Figures::new(network);
        let mut scores = Vec::new();
        match reference {
            None => figures.add(found, None),
            Some(path) => {
                let reference = Reference::open(path, target)?;
                let float = reference.network().forward(picture.view())?;
                figures.add(found, Some(&float));
                let step = target.logit_scale();
                let sums = found.logits.iter();
                let integer: Vec<f64> = sums.map(|&sum| f64::from(sum) * step).collect();
                let real = reference.scores(std::slice::from_ref(picture))?;
                scores = real
                    .first()
                    .map_or_else(Vec::new, |real| pairs(&integer, real));
            }
        }
        Ok(Compared {
            quantisation: figures.layers(network, None),
            scores,
        })
    }
}

/// Every map but concatenations, whose channels are those of their parts.
pub fn maps(network: &Network, activations: &Activations) -> Vec<Map> {
    let maps = activations.iter();
    maps.filter(|(id, _, _)| !matches!(network.nodes[id.0].op, Op::Concat))
        .map(|(_, name, values)| map(name, &values))
        .collect()
}

/// A map with its range, and so many pixels that it is shown well.
pub fn map(name: &str, values: &ArrayView3<'_, u8>) -> Map {
    let (height, width, channels) = values.dim();
    let step = height.max(width).div_ceil(SIDE).max(1);
    let sum: u64 = values.iter().map(|v| u64::from(*v)).sum();
    let extreme = |fold: fn(u8, u8) -> u8| values.iter().copied().reduce(fold).unwrap_or(0);
    Map {
        name: name.to_owned(),
        height,
        width,
        channels,
        step,
        range: (
            extreme(u8::min),
            sum as f64 / values.len().max(1) as f64,
            extreme(u8::max),
        ),
        pixels: values
            .slice(ndarray::s![..;step, ..;step, ..])
            .iter()
            .copied()
            .collect(),
    }
}

//! Weights, activations and feature maps.

use std::path::Path;

use firebrick_model::Activations;
use firebrick_network::{Network, NodeId, Op};
use firebrick_report::data::{Map, Quantised};
use ndarray::{Array3, ArrayView3, Axis};

use crate::commands::evaluate::{Reference, pairs};
use crate::error::CliError;
use crate::target::Target;

/// Steps of a histogram over 256 values.
const STEPS: usize = 32;
/// Longest side of a map that is shown pixel by pixel.
const SIDE: usize = 64;

/// How many values there are of each size.
pub fn histogram(values: impl Iterator<Item = u8>) -> Vec<u64> {
    let mut counts = vec![0; STEPS];
    values.for_each(|value| counts[usize::from(value) * STEPS / 256] += 1);
    counts
}

fn share(part: usize, all: usize) -> f64 {
    part as f64 / all.max(1) as f64
}

/// What a float model says of the photograph.
#[derive(Default)]
pub struct Compared {
    /// Range and noise of each node; none where the float model has no such map.
    nodes: Vec<Option<Noise>>,
    /// Float scores with those of the integers.
    pub scores: Vec<(f64, f64)>,
}

/// A layer of the float model against the integers.
#[derive(Clone, Copy)]
struct Noise {
    largest: f64,
    sqnr_db: Option<f64>,
}

impl Compared {
    pub fn of(
        path: &Path,
        target: &Target,
        picture: &Array3<u8>,
        found: &Activations,
    ) -> Result<Compared, CliError> {
        let reference = Reference::open(path, target)?;
        let float = reference.network().forward(picture.view())?;
        let nodes = target.network.nodes.iter().enumerate();
        let nodes = nodes.map(|(index, _)| {
            let map = found.map(NodeId(index))?;
            let real = float.get(index).filter(|real| real.dim() == map.dim())?;
            Some(noise(real, &map))
        });
        let real = reference.scores(std::slice::from_ref(picture))?;
        let step = target.logit_scale();
        let sums = found.logits.iter();
        let integer: Vec<f64> = sums.map(|&sum| f64::from(sum) * step).collect();
        Ok(Compared {
            nodes: nodes.collect(),
            scores: real
                .first()
                .map_or_else(Vec::new, |real| pairs(&integer, real)),
        })
    }
}

/// The pack does not keep the steps of equalised channels: each channel gets the one that fits
/// best.
fn noise(real: &Array3<f32>, map: &ArrayView3<'_, u8>) -> Noise {
    let (mut signal, mut left, mut largest) = (0.0, 0.0, 0.0f64);
    for (real, map) in real.axis_iter(Axis(2)).zip(map.axis_iter(Axis(2))) {
        let (mut rr, mut rq, mut qq) = (0.0, 0.0, 0.0);
        for (&real, &value) in real.iter().zip(&map) {
            let (real, value) = (f64::from(real), f64::from(value));
            largest = largest.max(real);
            rr += real * real;
            rq += real * value;
            qq += value * value;
        }
        signal += rr;
        left += match qq > 0.0 {
            true => (rr - rq * rq / qq).max(0.0),
            false => rr,
        };
    }
    Noise {
        largest,
        sqnr_db: (signal > 0.0 && left > 0.0).then(|| 10.0 * (signal / left).log10()),
    }
}

/// Of every convolution.
pub fn quantisation(
    network: &Network,
    activations: Option<&Activations>,
    compared: &Compared,
) -> Vec<Quantised> {
    let nodes = network.nodes.iter().enumerate();
    nodes
        .filter_map(|(index, node)| {
            let conv = node.op.conv()?;
            let weights = &conv.weights;
            let noise = compared.nodes.get(index).copied().flatten();
            let map = activations.and_then(|found| found.map(NodeId(index)));
            let equal =
                |to: u8| map.map(|map| share(map.iter().filter(|v| **v == to).count(), map.len()));
            Some(Quantised {
                name: node.name.clone(),
                zero_weights: share(weights.iter().filter(|w| **w == 0).count(), weights.len()),
                largest_weight: weights.iter().map(|w| w.unsigned_abs()).max().unwrap_or(0),
                output_scale: f64::from(conv.output_scale),
                clip: 255.0 * f64::from(conv.output_scale),
                largest: noise.map(|noise| noise.largest),
                sqnr_db: noise.and_then(|noise| noise.sqnr_db),
                // From -128 on.
                weights: histogram(weights.iter().map(|w| w.cast_unsigned() ^ 0x80)),
                activations: map.map_or_else(Vec::new, |map| histogram(map.iter().copied())),
                zeros: equal(0),
                clipped: equal(255),
            })
        })
        .collect()
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

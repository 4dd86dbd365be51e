//! Weights, activations and feature maps.

use firebrick_model::Activations;
use firebrick_network::{Network, NodeId, Op};
use firebrick_report::data::{Map, Quantised};
use ndarray::ArrayView3;

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

/// Of every convolution.
pub fn quantisation(network: &Network, activations: Option<&Activations>) -> Vec<Quantised> {
    let nodes = network.nodes.iter().enumerate();
    nodes
        .filter_map(|(index, node)| {
            let conv = node.op.conv()?;
            let weights = &conv.weights;
            let map = activations.and_then(|found| found.map(NodeId(index)));
            let equal =
                |to: u8| map.map(|map| share(map.iter().filter(|v| **v == to).count(), map.len()));
            Some(Quantised {
                name: node.name.clone(),
                zero_weights: share(weights.iter().filter(|w| **w == 0).count(), weights.len()),
                largest_weight: weights.iter().map(|w| w.unsigned_abs()).max().unwrap_or(0),
                output_scale: f64::from(conv.output_scale),
                clip: 255.0 * f64::from(conv.output_scale),
                largest: None,
                sqnr_db: None,
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

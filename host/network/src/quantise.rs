//! From float weights and measured ranges to the integer network.
//!
//! Weights: symmetric i8 per output channel. Activations: u8 with zero point 0 and one scale a
//! group (see [`crate::calibration`]). The input is the raw pixel with scale 1; its mean is
//! folded into the first convolution's bias with the *quantised* weights, so that a picture of
//! mean pixels gives exactly the bias. Only additions, products, quotients and roundings in f64:
//! the same figures give the same bytes on every machine.

mod conv;
mod rounding;
#[cfg(test)]
mod tests;

use firebrick_spec::arith::{SHIFT_MAX, SHIFT_MIN};

use crate::calibration::{Calibration, Range, groups};
use crate::float::{FloatNetwork, FloatOp};
use crate::graph::{Network, Node, NodeId, Op, Scores};
use crate::moments::Moments;
use crate::validate::InvalidNetwork;

/// Least step of a channel relative to its map's, before the root is taken: channels that are
/// nearly always 0 would want steps too small for the weights behind them.
const LEAST_RATIO: f64 = 0.02;

/// How a group's clip is chosen from its measured range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Clip {
    /// The largest value seen.
    Max,
    /// The 99.9 % percentile.
    P99_9,
    /// The 99.99 % percentile.
    P99_99,
    /// The 99.999 % percentile.
    #[default]
    P99_999,
    /// The smallest mean squared error, except in the map that is summed: there the largest value.
    Mse,
}

impl Clip {
    /// The largest value of a range that is kept.
    #[must_use]
    pub fn of(self, range: &Range) -> f64 {
        match self {
            Clip::Max => range.max,
            Clip::P99_9 => range.p99_9,
            Clip::P99_99 => range.p99_99,
            Clip::P99_999 => range.p99_999,
            Clip::Mse => range.mse,
        }
    }
}

/// Settings of the quantiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How clips are chosen.
    pub clip: Clip,
    /// Whether the mean error that rounded weights cause is subtracted from the bias.
    pub correct_bias: bool,
    /// Whether each channel of a map has a scale of its own, between that of the map and that of its
    /// own largest value. The weights that read the map compensate for it, so that no arithmetic
    /// changes. Needs the channels' largest values in the calibration.
    pub equalise: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            clip: Clip::default(),
            correct_bias: true,
            equalise: false,
        }
    }
}

/// A quantised network, and the real value of one step for each channel of each node's output; none
/// for the sums.
#[derive(Clone, Debug)]
pub struct Quantised {
    /// The network.
    pub network: Network,
    /// Real value of a step, by node, then by channel.
    pub steps: Vec<Vec<f64>>,
}

/// Why a network cannot be quantised.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum QuantiseError {
    /// The calibration is not this network's.
    #[error("node {node:?}: {reason}; measure the calibration again")]
    Calibration {
        /// Name of the node.
        node: String,
        /// What does not fit.
        reason: String,
    },
    /// Nothing but zeros, or values that are no numbers, on every picture that was measured.
    #[error(
        "node {node:?}: its outputs are {found} on each of the {pictures} pictures that were \
         measured; {hint}"
    )]
    Dead {
        /// Name of the node.
        node: String,
        /// What its outputs are.
        found: &'static str,
        /// Number of pictures.
        pictures: usize,
        /// What would work.
        hint: &'static str,
    },
    /// Pixels at the border would be 0 in place of the mean.
    #[error(
        "node {node:?}: pads the picture by {pad} and has a mean subtracted from it, which cannot be \
         folded into it exactly; train it without padding, or without subtracting a mean"
    )]
    PaddedMean {
        /// Name of the node.
        node: String,
        /// Its padding.
        pad: usize,
    },
    /// A scale that no multiplier and shift can express.
    #[error("node {node:?}, channel {channel}: the scale {scale:e} cannot be expressed")]
    Scale {
        /// Name of the node.
        node: String,
        /// Output channel.
        channel: usize,
        /// Input scale times weight scale over output scale.
        scale: f64,
    },
    /// The result does not hold what the engine relies on.
    #[error(transparent)]
    Invalid(#[from] InvalidNetwork),
}

/// What is known of a node's output while its readers are quantised.
#[derive(Clone)]
struct Signal {
    /// Real value of one step.
    scale: f64,
    /// One step of each channel, relative to that: 1 unless they were equalised.
    ratios: Vec<f64>,
    /// Mean of each channel, in real values.
    means: Vec<f64>,
}

impl Signal {
    fn joined(sources: &[&Signal], scale: f64) -> Signal {
        let all =
            |part: fn(&Signal) -> &Vec<f64>| sources.iter().flat_map(move |s| part(s)).copied();
        Signal {
            scale,
            ratios: all(|s| &s.ratios).collect(),
            means: all(|s| &s.means).collect(),
        }
    }
}

/// Quantises a network and proves that its sums cannot overflow. With the `moments` of a
/// convolution's inputs, its weights are rounded so that their errors cancel; without, each to the
/// nearest step.
///
/// # Errors
///
/// If the calibration does not match the network, the outputs of a convolution are all 0 or not
/// numbers, the mean cannot be folded into a padded convolution, a scale cannot be expressed, or
/// [`Network::validate`] refuses the result.
pub fn quantise(
    network: &FloatNetwork,
    calibration: &Calibration,
    moments: &[Option<Moments>],
    labels: Vec<String>,
    options: Options,
) -> Result<Quantised, QuantiseError> {
    let summed = summed(network);
    let fixed = fixed_scales(network, &summed);
    let mut signals: Vec<Signal> = Vec::new();
    let mut nodes = Vec::new();
    for (index, node) in network.nodes.iter().enumerate() {
        let fail = |reason: &str| QuantiseError::Calibration {
            node: node.name.clone(),
            reason: reason.into(),
        };
        let source = |id: &NodeId| {
            signals
                .get(id.0)
                .ok_or_else(|| fail("reads no earlier node"))
        };
        let sources = || {
            node.inputs
                .iter()
                .map(source)
                .collect::<Result<Vec<_>, _>>()
        };
        let same_scale = |sources: &[&Signal]| {
            let scale = sources.first().ok_or_else(|| fail("has no input"))?.scale;
            if sources.iter().any(|s| s.scale != scale) {
                return Err(fail("its inputs have different scales"));
            }
            Ok(scale)
        };
        let (op, signal) = match &node.op {
            FloatOp::Conv(conv) => {
                let range = calibration
                    .range_of(&node.name)
                    .ok_or_else(|| fail("no range"))?;
                let clip = match options.clip {
                    Clip::Mse if summed[index] => Clip::Max,
                    clip => clip,
                };
                let scale = clip.of(range) / 255.0;
                if !(scale.is_finite() && scale > 0.0) {
                    return Err(dead(&node.name, scale, calibration.pictures));
                }
                let part = channels_of(network, range, &node.name);
                let means = part
                    .clone()
                    .and_then(|part| range.means.get(part))
                    .ok_or_else(|| fail("the measured means do not fit its channels"))?;
                let peaks = part.and_then(|part| range.peaks.get(part));
                let equalise = options.equalise && !fixed[index];
                let ratios = match peaks.filter(|_| equalise) {
                    Some(peaks) => peaks.iter().map(|&p| ratio(f64::from(p), scale)).collect(),
                    None => vec![1.0; conv.bias.len()],
                };
                // The raw picture's mean is taken off exactly, so its expected value is 0.
                let picture = Signal {
                    scale: 1.0,
                    ratios: network.normalise.std.map(|s| 1.0 / f64::from(s)).to_vec(),
                    means: vec![0.0; 3],
                };
                let (input, mean) = match node.inputs.first() {
                    Some(&NodeId::INPUT) => {
                        (&picture, network.normalise.mean.map(f64::from).to_vec())
                    }
                    Some(id) => (source(id)?, vec![0.0; conv.weights.dim().3]),
                    None => return Err(fail("has no input")),
                };
                if conv.weights.dim().3 != input.means.len() {
                    return Err(fail("its input has another number of channels"));
                }
                if conv.pad > 0 && mean.iter().any(|&m| m != 0.0) {
                    return Err(QuantiseError::PaddedMean {
                        node: node.name.clone(),
                        pad: conv.pad,
                    });
                }
                let output = Signal {
                    scale,
                    ratios,
                    means: means.iter().map(|&m| f64::from(m)).collect(),
                };
                let moments = moments.get(index).and_then(Option::as_ref);
                let quantised = conv::quantise(conv, input, &mean, &output, moments, options)
                    .map_err(|(channel, m)| QuantiseError::Scale {
                        node: node.name.clone(),
                        channel,
                        scale: m,
                    })?;
                (Op::Conv(quantised), output)
            }
            FloatOp::MaxPool(pool) => {
                // The mean of maxima is larger than that of the map: near enough for a correction.
                let id = node.inputs.first().ok_or_else(|| fail("has no input"))?;
                (Op::MaxPool(*pool), source(id)?.clone())
            }
            FloatOp::Concat => {
                let sources = sources()?;
                let scale = same_scale(&sources)?;
                (Op::Concat, Signal::joined(&sources, scale))
            }
            FloatOp::Add => {
                let sources = sources()?;
                same_scale(&sources)?;
                let [a, b] = sources[..] else {
                    return Err(fail("does not add two maps"));
                };
                let means = a.means.iter().zip(&b.means).map(|(a, b)| a + b).collect();
                let sum = Signal { means, ..a.clone() };
                (Op::Add, sum)
            }
            FloatOp::Global => {
                let sum = Signal {
                    scale: 1.0,
                    ratios: Vec::new(),
                    means: Vec::new(),
                };
                (Op::Global, sum)
            }
        };
        signals.push(signal);
        nodes.push(Node {
            name: node.name.clone(),
            op,
            inputs: node.inputs.clone(),
        });
    }
    let quantised = Network {
        name: network.name.clone(),
        input: network.input,
        normalise: Some(network.normalise),
        nodes,
        labels,
        scores: Scores::Softmax,
    };
    quantised.validate()?;
    let steps = |s: &Signal| s.ratios.iter().map(|r| r * s.scale).collect();
    Ok(Quantised {
        steps: signals.iter().map(steps).collect(),
        network: quantised,
    })
}

/// A layer without a range has no step.
fn dead(node: &str, scale: f64, pictures: usize) -> QuantiseError {
    let (found, hint) = match scale == 0.0 {
        true => (
            "0 (a dead layer)",
            "give photographs of what the network is meant for and the preparation that it was \
             trained with (--preprocess, --order, --mean, --std); if it is dead there too, so is \
             what training made of it",
        ),
        false => (
            "not finite",
            "look at the weights, and at the preparation of pictures (--mean, --std)",
        ),
    };
    QuantiseError::Dead {
        node: node.to_owned(),
        found,
        pictures,
        hint,
    }
}

/// One step of a channel, relative to its map's: halfway, in powers, between the map's and that
/// which its own largest value would want. Wholly the latter would clip what other pictures hold,
/// and leave the weights behind it too uneven.
fn ratio(peak: f64, scale: f64) -> f64 {
    (peak / 255.0 / scale).max(LEAST_RATIO).sqrt()
}

/// Nodes whose channels must have the map's scale: what is added is added step by step, and what
/// is summed is compared across channels.
fn fixed_scales(network: &FloatNetwork, summed: &[bool]) -> Vec<bool> {
    let mut fixed = summed.to_vec();
    for group in groups(network) {
        let adds = |&i: &usize| matches!(network.nodes[i].op, FloatOp::Add);
        if group.iter().any(adds) {
            group.iter().for_each(|&i| fixed[i] = true);
        }
    }
    through_joins(network, fixed)
}

/// Nodes whose values are summed to the scores. Their largest values are what decides, so that
/// clipping costs more there than its squared error says.
fn summed(network: &FloatNetwork) -> Vec<bool> {
    let mut summed = vec![false; network.nodes.len()];
    let means = network.nodes.iter();
    for node in means.filter(|n| matches!(n.op, FloatOp::Global)) {
        for input in &node.inputs {
            if let Some(summed) = summed.get_mut(input.0) {
                *summed = true;
            }
        }
    }
    summed = through_joins(network, summed);
    // A group has one clip.
    for group in groups(network) {
        if group.iter().any(|&i| summed[i]) {
            group.iter().for_each(|&i| summed[i] = true);
        }
    }
    summed
}

/// Marks what the marked nodes keep the scale of as well, backwards to the convolutions.
fn through_joins(network: &FloatNetwork, mut marked: Vec<bool>) -> Vec<bool> {
    for (index, node) in network.nodes.iter().enumerate().rev() {
        let keeps = node.op.keeps_scale();
        for input in node.inputs.iter().filter(|id| keeps && id.0 < index) {
            marked[input.0] |= marked[index];
        }
    }
    marked
}

/// A convolution's part of the channels of its group.
fn channels_of(
    network: &FloatNetwork,
    range: &Range,
    name: &str,
) -> Option<std::ops::Range<usize>> {
    let mut start = 0;
    for conv in &range.convs {
        let outputs = network
            .nodes
            .iter()
            .find(|n| n.name == *conv)
            .and_then(|n| n.op.conv())?
            .bias
            .len();
        if conv == name {
            return Some(start..start + outputs);
        }
        start += outputs;
    }
    None
}

/// `scale` as the nearest `mult / 2^shift` with `mult` in `2^14 .. 2^15`; `mult` is smaller only if
/// the shift would leave its range. `None` if the scale is too large or too small.
#[must_use]
pub fn multiplier(scale: f64) -> Option<(u16, u8)> {
    if !(scale.is_finite() && scale > 0.0) {
        return None;
    }
    let (mut value, mut shift) = (scale, 0i32);
    while value < 16_384.0 && shift < i32::from(SHIFT_MAX) {
        value *= 2.0;
        shift += 1;
    }
    let mut mult = value.round();
    if mult == 32_768.0 {
        mult = 16_384.0;
        shift -= 1;
    }
    let fits = (1.0..32_768.0).contains(&mult) && shift >= i32::from(SHIFT_MIN);
    fits.then_some((mult as u16, shift as u8))
}

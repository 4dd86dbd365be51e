//! From float weights and measured ranges to the integer network.
//!
//! Weights: symmetric i8 per output channel. Activations: u8 with zero point 0 and one scale a
//! group (see [`crate::calibration`]). The input is the raw pixel with scale 1; its mean is
//! folded into the first convolution's bias with the *quantised* weights, so that a picture of
//! mean pixels gives exactly the bias. Only additions, products, quotients and roundings in f64:
//! the same figures give the same bytes on every machine.

#[cfg(test)]
mod tests;

use firebrick_spec::arith::{Requant, SHIFT_MAX, SHIFT_MIN, WEIGHT_MAX};
use ndarray::{Array4, Axis};

use crate::calibration::{Calibration, Range};
use crate::float::{FloatConv, FloatNetwork, FloatOp};
use crate::graph::{Conv, Network, Node, NodeId, Op};
use crate::validate::InvalidNetwork;

/// Largest real bias in accumulator steps: leaves the accumulator room for the products.
const BIAS_LIMIT: f64 = (1u32 << 30) as f64;

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
    /// The smallest mean squared error.
    Mse,
}

impl Clip {
    fn of(self, range: &Range) -> f64 {
        match self {
            Clip::Max => range.max,
            Clip::P99_9 => range.p99_9,
            Clip::P99_99 => range.p99_99,
            Clip::P99_999 => range.p99_999,
            Clip::Mse => range.mse,
        }
    }
}

/// Choices of the quantiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How clips are chosen.
    pub clip: Clip,
    /// Whether the mean error that rounded weights cause is taken off the bias.
    pub correct_bias: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            clip: Clip::default(),
            correct_bias: true,
        }
    }
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
    /// Mean of each channel, in real values.
    means: Vec<f64>,
}

/// Quantises a network and proves the result.
pub fn quantise(
    network: &FloatNetwork,
    calibration: &Calibration,
    labels: Vec<String>,
    options: Options,
) -> Result<Network, QuantiseError> {
    let mut signals: Vec<Signal> = Vec::new();
    let mut nodes = Vec::new();
    for node in &network.nodes {
        let fail = |reason: &str| QuantiseError::Calibration {
            node: node.name.clone(),
            reason: reason.into(),
        };
        let source = |id: &NodeId| {
            signals
                .get(id.0)
                .ok_or_else(|| fail("reads no earlier node"))
        };
        let (op, signal) = match &node.op {
            FloatOp::Conv(conv) => {
                let range = calibration
                    .range_of(&node.name)
                    .ok_or_else(|| fail("no range"))?;
                let scale = options.clip.of(range) / 255.0;
                if !(scale.is_finite() && scale > 0.0) {
                    return Err(fail("its range is not positive"));
                }
                let means = channel_means(network, range, &node.name)
                    .ok_or_else(|| fail("the measured means do not fit its channels"))?;
                // The raw picture's mean is taken off exactly, so its expected value is 0.
                let picture = Signal {
                    scale: 1.0,
                    means: vec![0.0; 3],
                };
                let (input, mean) = match node.inputs.first() {
                    Some(&NodeId::INPUT) => (&picture, network.mean.map(f64::from).to_vec()),
                    Some(id) => (source(id)?, vec![0.0; conv.weights.dim().3]),
                    None => return Err(fail("has no input")),
                };
                if conv.weights.dim().3 != input.means.len() {
                    return Err(fail("its input has another number of channels"));
                }
                if conv.pad > 0 && mean.iter().any(|&m| m != 0.0) {
                    return Err(fail("a mean cannot be folded into a padded convolution"));
                }
                let quantised =
                    quantise_conv(conv, input, &mean, scale, options).map_err(|(channel, m)| {
                        QuantiseError::Scale {
                            node: node.name.clone(),
                            channel,
                            scale: m,
                        }
                    })?;
                (Op::Conv(quantised), Signal { scale, means })
            }
            FloatOp::MaxPool(pool) => {
                // The mean of maxima is larger than that of the map: near enough for a correction.
                let id = node.inputs.first().ok_or_else(|| fail("has no input"))?;
                (Op::MaxPool(*pool), source(id)?.clone())
            }
            FloatOp::Concat => {
                let sources = node
                    .inputs
                    .iter()
                    .map(source)
                    .collect::<Result<Vec<_>, _>>()?;
                let scale = sources.first().ok_or_else(|| fail("has no input"))?.scale;
                if sources.iter().any(|s| s.scale != scale) {
                    return Err(fail("its inputs have different scales"));
                }
                let means = sources
                    .iter()
                    .flat_map(|s| s.means.iter().copied())
                    .collect();
                (Op::Concat, Signal { scale, means })
            }
            FloatOp::GlobalMean => (
                Op::GlobalSum,
                Signal {
                    scale: 1.0,
                    means: Vec::new(),
                },
            ),
        };
        signals.push(signal);
        nodes.push(Node {
            name: node.name.clone(),
            op,
            inputs: node.inputs.clone(),
        });
    }
    let network = Network {
        name: network.name.clone(),
        input: network.input,
        nodes,
        labels,
    };
    network.validate()?;
    Ok(network)
}

/// A convolution's part of its group's means.
fn channel_means(network: &FloatNetwork, range: &Range, name: &str) -> Option<Vec<f64>> {
    let mut start = 0;
    for conv in &range.convs {
        let outputs = network
            .nodes
            .iter()
            .find(|n| n.name == *conv)
            .and_then(|n| match &n.op {
                FloatOp::Conv(c) => Some(c.bias.len()),
                _ => None,
            })?;
        if conv == name {
            let means = range.means.get(start..start + outputs)?;
            return Some(means.iter().map(|&m| f64::from(m)).collect());
        }
        start += outputs;
    }
    None
}

/// Quantises one convolution; the error names the channel and its scale.
fn quantise_conv(
    conv: &FloatConv,
    input: &Signal,
    mean: &[f64],
    output_scale: f64,
    options: Options,
) -> Result<Conv, (usize, f64)> {
    let mut weights = Array4::<i8>::zeros(conv.weights.dim());
    let mut requant = Vec::with_capacity(conv.bias.len());
    let channels = conv
        .weights
        .outer_iter()
        .zip(weights.outer_iter_mut())
        .zip(&conv.bias);
    for (channel, ((real, mut quantised), &bias)) in channels.enumerate() {
        let bias = f64::from(bias);
        let largest = real.iter().fold(0.0f64, |m, &w| m.max(f64::from(w).abs()));
        // A large bias over small weights would not fit; a channel of zeros needs some scale.
        let weight_scale = (largest / f64::from(WEIGHT_MAX))
            .max(bias.abs() / (input.scale * BIAS_LIMIT))
            .max(output_scale / input.scale / 1_048_576.0);
        let mut shift_of_mean = 0.0;
        let mut correction = 0.0;
        let taps = real
            .axis_iter(Axis(2))
            .zip(quantised.axis_iter_mut(Axis(2)));
        for (i, (real, quantised)) in taps.enumerate() {
            for (&w, q) in real.iter().zip(quantised) {
                let w = f64::from(w);
                let limit = f64::from(WEIGHT_MAX);
                let rounded = (w / weight_scale).round().clamp(-limit, limit);
                *q = rounded as i8;
                shift_of_mean += rounded * weight_scale * mean[i];
                correction += (w - rounded * weight_scale) * input.means[i];
            }
        }
        if !options.correct_bias {
            correction = 0.0;
        }
        let step = input.scale * weight_scale;
        let bias = ((bias - shift_of_mean + correction) / step).round() as i32;
        let scale = step / output_scale;
        let (mult, shift) = multiplier(scale).ok_or((channel, scale))?;
        requant.push(Requant { bias, mult, shift });
    }
    Ok(Conv {
        kernel: conv.weights.dim().1,
        stride: conv.stride,
        pad: conv.pad,
        weights,
        requant,
        output_scale: output_scale as f32,
    })
}

/// `scale` as `mult / 2^shift` with `mult` in `2^14 .. 2^15`, the nearest there is; smaller only
/// where the shift would leave its range. `None` when it is too large or too small for that.
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

//! Quantises one convolution.

use firebrick_spec::arith::{Requant, WEIGHT_MAX};
use ndarray::{Array1, Array2, Array4, ArrayView3, Axis};

use super::rounding::Adaptive;
use super::{Options, Signal, multiplier};
use crate::float::FloatConv;
use crate::graph::Conv;
use crate::moments::Moments;

/// Largest real bias in accumulator steps: leaves the accumulator room for the products.
const BIAS_LIMIT: f64 = (1u32 << 30) as f64;

/// Moments of the inputs in steps of each channel.
struct Inputs {
    means: Array1<f64>,
    rounding: Option<Adaptive>,
}

impl Inputs {
    fn of(moments: &Moments, input: &Signal) -> Inputs {
        let channels = input.ratios.len();
        let step = |tap: usize| input.ratios[tap % channels];
        let moved = |(i, j): (usize, usize)| moments.covariance[(i, j)] / (step(i) * step(j));
        let covariance = Array2::from_shape_fn(moments.covariance.dim(), moved);
        Inputs {
            means: moments
                .mean
                .iter()
                .enumerate()
                .map(|(tap, m)| m / step(tap))
                .collect(),
            rounding: Adaptive::new(&covariance),
        }
    }
}

/// Quantises one convolution; `mean` is taken off its raw input. The error names the channel and
/// its scale.
pub(super) fn quantise(
    conv: &FloatConv,
    input: &Signal,
    mean: &[f64],
    output: &Signal,
    moments: Option<&Moments>,
    options: Options,
) -> Result<Conv, (usize, f64)> {
    let inputs = moments.map(|m| Inputs::of(m, input));
    let mut weights = Array4::<i8>::zeros(conv.weights.dim());
    let mut requant = Vec::with_capacity(conv.bias.len());
    let channels = conv
        .weights
        .outer_iter()
        .zip(weights.outer_iter_mut())
        .zip(&conv.bias);
    for (channel, ((real, mut quantised), &bias)) in channels.enumerate() {
        let bias = f64::from(bias);
        let at = |i: usize, w: f32| f64::from(w) * input.ratios[i];
        let largest = real
            .indexed_iter()
            .fold(0.0f64, |m, ((_, _, i), &w)| m.max(at(i, w).abs()));
        // A large bias over small weights would not fit; a channel of zeros needs some scale.
        let weight_scale = (largest / f64::from(WEIGHT_MAX))
            .max(bias.abs() / (input.scale * BIAS_LIMIT))
            .max(output.scale / input.scale / 1_048_576.0);
        let adapted = inputs
            .as_ref()
            .and_then(|inputs| adapt(inputs, &real, input, weight_scale));
        let mut shift_of_mean = 0.0;
        let mut correction = 0.0;
        let taps = real
            .axis_iter(Axis(2))
            .zip(quantised.axis_iter_mut(Axis(2)));
        for (i, (real, quantised)) in taps.enumerate() {
            let places = real.iter().zip(quantised).enumerate();
            for (place, (&w, q)) in places {
                let w = at(i, w);
                let tap = place * input.ratios.len() + i;
                let limit = f64::from(WEIGHT_MAX);
                let rounded = match &adapted {
                    Some(adapted) => adapted[tap],
                    None => (w / weight_scale).round().clamp(-limit, limit),
                };
                *q = rounded as i8;
                shift_of_mean += rounded * weight_scale * mean[i];
                // The picture's mean is exact already.
                let expected = match &inputs {
                    Some(inputs) if input.means[i] != 0.0 => inputs.means[tap],
                    _ => input.means[i] / input.ratios[i],
                };
                correction += (w - rounded * weight_scale) * expected;
            }
        }
        if !options.correct_bias {
            correction = 0.0;
        }
        let step = input.scale * weight_scale;
        let bias = ((bias - shift_of_mean + correction) / step).round() as i32;
        let scale = step / (output.scale * output.ratios[channel]);
        let (mult, shift) = multiplier(scale).ok_or((channel, scale))?;
        requant.push(Requant { bias, mult, shift });
    }
    Ok(Conv {
        kernel: conv.weights.dim().1,
        stride: conv.stride,
        pad: conv.pad,
        weights,
        requant,
        output_scale: output.scale as f32,
    })
}

/// Weights of one output channel in whole steps, rounded so that their errors cancel.
fn adapt(
    inputs: &Inputs,
    real: &ArrayView3<f32>,
    input: &Signal,
    weight_scale: f64,
) -> Option<Array1<f64>> {
    let rounding = inputs.rounding.as_ref()?;
    let steps = real
        .indexed_iter()
        .map(|((_, _, i), &w)| f64::from(w) * input.ratios[i] / weight_scale);
    Some(rounding.round(&steps.collect(), f64::from(WEIGHT_MAX)))
}

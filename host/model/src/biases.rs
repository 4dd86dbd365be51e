//! Biases that make up for what quantising does on average.
//!
//! Rounded weights and activations move the mean of every channel, and the layers behind add it
//! up. One convolution after the other gets the biases with which the integer network, on
//! photographs, has the float network's mean of each channel behind ReLU, clip and rounding. Its
//! inputs are those of the integer network with the biases before it already in place.

use firebrick_network::Convolution as _;
use firebrick_network::InvalidNetwork;
use firebrick_network::float::{FloatConv, FloatError, FloatNetwork, FloatOp, Windows};
use firebrick_network::graph::{Conv, Network, NodeId, Op};
use firebrick_network::moments::{every, sample};
use firebrick_network::quantise::Quantised;
use firebrick_spec::arith::Requant;
use ndarray::{Array2, Array3, ArrayView1, ArrayView3, Axis};
use rayon::prelude::*;

use crate::{Model, ModelError};

/// Halvings of the range in which a bias is looked for.
const HALVINGS: usize = 16;
/// Channels with a smaller share of outputs between 0 and 255 keep their bias: their mean says
/// little.
const LEAST_ACTIVE: f64 = 0.01;
/// A bias moves the mean by its share of outputs between 0 and 255, and is moved as far as if that
/// were this much.
const LEAST_SLOPE: f64 = 0.1;

/// Why biases cannot be corrected.
#[derive(Debug, thiserror::Error)]
pub enum BiasError {
    /// The float network does not take the photographs.
    #[error(transparent)]
    Float(#[from] FloatError),
    /// Nor does the integer network.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A bias left the range in which sums are exact.
    #[error(transparent)]
    Invalid(#[from] InvalidNetwork),
}

/// Number of times that [`correct`] calls `tick`.
#[must_use]
pub fn ticks(network: &FloatNetwork, pictures: usize) -> usize {
    let convs = network.nodes.iter().filter(|n| conv_of(&n.op).is_some());
    (convs.count() + 1) * pictures
}

/// Corrects the biases of a quantised network that was made from `float`, so that the means of its
/// maps over `pictures` (row, column, channel in the network's order) approach those of `float`.
/// `tick` is called for every photograph that was run.
///
/// # Errors
///
/// If a photograph does not pass through one of the networks, or a bias leaves the range in which
/// sums are exact.
pub fn correct(
    float: &FloatNetwork,
    quantised: &mut Quantised,
    pictures: &[Array3<u8>],
    tick: &(dyn Fn() + Sync),
) -> Result<(), BiasError> {
    if pictures.is_empty() {
        return Ok(());
    }
    let targets = targets(float, pictures, tick)?;
    for (index, target) in targets.iter().enumerate() {
        let Some(target) = target else { continue };
        let sums = accumulators(&quantised.network, index, pictures, tick)?;
        let op = quantised.network.nodes.get_mut(index).map(|n| &mut n.op);
        let (Some(Op::Conv(conv)), Some(steps)) = (op, quantised.steps.get(index)) else {
            continue;
        };
        let channels = conv.requant.par_iter_mut().zip(target).zip(steps);
        channels
            .enumerate()
            .for_each(|(channel, ((requant, target), step))| {
                let sums: Vec<_> = sums.iter().map(|s| s.column(channel)).collect();
                approach(requant, &sums, target / step);
            });
    }
    quantised.network.validate()?;
    Ok(())
}

/// Moves a bias until the mean output is `target`, in steps of the output.
fn approach(requant: &mut Requant, sums: &[ArrayView1<'_, f32>], target: f64) {
    let step = f64::from(requant.mult) / 2f64.powi(requant.shift.into());
    let count = sums.iter().map(ArrayView1::len).sum::<usize>().max(1) as f64;
    let outputs = |bias: i32| {
        let moved = Requant { bias, ..*requant };
        let sums = sums.iter().flatten();
        sums.map(move |&sum| moved.apply(sum as i32))
    };
    let active = outputs(requant.bias).filter(|v| (1..u8::MAX).contains(v));
    if (active.count() as f64) < LEAST_ACTIVE * count {
        return;
    }
    let mean = |bias| outputs(bias).map(f64::from).sum::<f64>() / count;
    // The mean grows with the bias: halving finds it, between the present bias and the furthest.
    let furthest = (target - mean(requant.bias)) / step / LEAST_SLOPE;
    let (mut near, mut far) = (f64::from(requant.bias), f64::from(requant.bias) + furthest);
    for _ in 0..HALVINGS {
        let middle = (near + far) / 2.0;
        // Saturates in the cast; whether it is too large is looked at in the end.
        let beyond = (mean(middle.round() as i32) - target) * furthest > 0.0;
        if beyond { far = middle } else { near = middle }
    }
    requant.bias = near.round() as i32;
}

/// Mean output of each channel of each convolution over the sampled windows of all photographs.
fn targets(
    float: &FloatNetwork,
    pictures: &[Array3<u8>],
    tick: &(dyn Fn() + Sync),
) -> Result<Vec<Option<Vec<f64>>>, FloatError> {
    let of_picture = |picture: &Array3<u8>| {
        let maps = float.forward(picture.view())?;
        let means = float.nodes.iter().zip(&maps).map(|(node, map)| {
            let conv = conv_of(&node.op)?;
            let source = match *node.inputs.first()? {
                NodeId::INPUT => picture.dim(),
                NodeId(i) => maps.get(i)?.dim(),
            };
            means(conv, source, map)
        });
        let means: Vec<_> = means.collect();
        tick();
        Ok(means)
    };
    let all = pictures
        .par_iter()
        .map(of_picture)
        .collect::<Result<Vec<_>, FloatError>>()?;
    let mut sums: Vec<Option<Vec<f64>>> = vec![None; float.nodes.len()];
    for picture in all {
        for (sum, means) in sums.iter_mut().zip(picture) {
            match (sum, means) {
                (Some(sum), Some(means)) => sum.iter_mut().zip(means).for_each(|(s, m)| *s += m),
                (sum, means) => *sum = means,
            }
        }
    }
    for sum in sums.iter_mut().flatten().flatten() {
        *sum /= pictures.len() as f64;
    }
    Ok(sums)
}

/// Mean of each channel of an output over the sampled windows of its source.
fn means(conv: &FloatConv, source: (usize, usize, usize), map: &Array3<f32>) -> Option<Vec<f64>> {
    let every = every(&conv.windows(), source)?;
    let width = map.dim().1;
    let outputs: Vec<usize> = (0..map.dim().0 * width).step_by(every).collect();
    let mut sums = vec![0.0; map.dim().2];
    for output in &outputs {
        let pixel = map.index_axis(Axis(0), output / width);
        let pixel = pixel.index_axis(Axis(0), output % width);
        sums.iter_mut()
            .zip(pixel)
            .for_each(|(s, &v)| *s += f64::from(v));
    }
    let mean = |sum: f64| sum / outputs.len().max(1) as f64;
    Some(sums.into_iter().map(mean).collect())
}

/// Sums of products, without bias, of a convolution's sampled windows, by picture: window by
/// output channel.
fn accumulators(
    network: &Network,
    index: usize,
    pictures: &[Array3<u8>],
    tick: &(dyn Fn() + Sync),
) -> Result<Vec<Array2<f32>>, ModelError> {
    let node = network.nodes.get(index);
    let (Some(Op::Conv(conv)), Some(&source)) =
        (node.map(|n| &n.op), node.and_then(|n| n.inputs.first()))
    else {
        return Ok(Vec::new());
    };
    let model = Model::new(network)?;
    let taps = conv.weights.len() / conv.out_channels().max(1);
    let weights = conv.weights.iter().map(|&w| f32::from(w));
    let Ok(weights) = Array2::from_shape_vec((conv.out_channels(), taps), weights.collect()) else {
        return Ok(Vec::new());
    };
    let of_picture = |picture: &Array3<u8>| {
        let map = model.run(&picture.view())?;
        let sums = match source {
            NodeId::INPUT => products(conv, &weights, &picture.view()),
            id => map.map(id).and_then(|map| products(conv, &weights, &map)),
        };
        tick();
        Ok(sums)
    };
    let sums = pictures.par_iter().map(of_picture);
    let sums = sums.collect::<Result<Vec<_>, ModelError>>()?;
    Ok(sums.into_iter().flatten().collect())
}

fn products<T: Copy + Into<f32>>(
    conv: &Conv,
    weights: &Array2<f32>,
    map: &ArrayView3<'_, T>,
) -> Option<Array2<f32>> {
    let windows = Windows {
        kernel: conv.kernel,
        stride: conv.stride,
        pad: conv.pad,
    };
    let windows = sample(&windows, map)?;
    (windows.dim().1 == weights.dim().1).then(|| windows.dot(&weights.t()))
}

fn conv_of(op: &FloatOp) -> Option<&FloatConv> {
    match op {
        FloatOp::Conv(conv) => Some(conv),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array1;

    /// An output that is 0 half of the time reaches its mean all the same.
    #[test]
    fn the_mean_is_reached() {
        let sums = Array1::from_iter((-500..500).map(|i| i as f32 * 10.0));
        for (bias, target) in [(0, 40.0), (3000, 10.0), (-4000, 30.0)] {
            let mut requant = Requant {
                bias,
                mult: 1 << 14,
                shift: 19,
            };
            approach(&mut requant, &[sums.view()], target);
            let total: f64 = sums
                .iter()
                .map(|&s| f64::from(requant.apply(s as i32)))
                .sum();
            assert!(
                (total / 1000.0 - target).abs() < 0.5,
                "{bias}: {}",
                total / 1000.0
            );
        }
    }

    #[test]
    fn what_is_always_zero_is_left_alone() {
        let sums = Array1::from_elem(1000, -5000.0f32);
        let mut requant = Requant::IDENTITY;
        approach(&mut requant, &[sums.view()], 3.0);
        assert_eq!(requant, Requant::IDENTITY);
    }
}

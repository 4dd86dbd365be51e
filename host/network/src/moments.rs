//! Means and covariances of what each convolution reads: with them, weights are rounded so that
//! their errors cancel on real pictures.

use ndarray::{Array1, Array2, Array3, ArrayView3, Axis};
use rayon::prelude::*;

use crate::float::{FloatError, FloatNetwork, FloatOp, Windows};
use crate::graph::NodeId;
use crate::op::Convolution as _;

/// Windows of a picture that are looked at, evenly over the map.
const WINDOWS: usize = 512;
/// Most taps of a convolution whose covariance is measured; the covariance has their square as its
/// size.
pub const MAX_TAPS: usize = 2048;
/// Pictures that are run at the same time, before their sums are added in order.
const BATCH: usize = 8;

/// Moments of the windows of one convolution, in the order of its weights: row, column, input
/// channel. Real values, after the normalisation.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// Mean of each tap; length `taps`.
    pub mean: Array1<f64>,
    /// Covariance of each pair of taps; `taps` x `taps`.
    pub covariance: Array2<f64>,
}

/// Sums over windows, about values near the mean so that little is lost.
struct Sums {
    count: f64,
    first: Array1<f64>,
    second: Array2<f64>,
}

/// Measures all convolutions of a network; `None` for those with more than [`MAX_TAPS`] taps.
/// `tick` is called after each picture.
///
/// # Errors
///
/// If a picture does not pass through the network.
pub fn measure(
    network: &FloatNetwork,
    inputs: &[Array3<u8>],
    tick: &(dyn Fn() + Sync),
) -> Result<Vec<Option<Moments>>, FloatError> {
    let mut totals: Vec<Option<Sums>> = network.nodes.iter().map(|_| None).collect();
    for pictures in inputs.chunks(BATCH) {
        let sums: Vec<Vec<Option<Sums>>> = pictures
            .par_iter()
            .map(|picture| of_picture(network, picture).inspect(|_| tick()))
            .collect::<Result<_, _>>()?;
        for picture in sums {
            for (total, sums) in totals.iter_mut().zip(picture) {
                match (total, sums) {
                    (Some(total), Some(sums)) => {
                        total.count += sums.count;
                        total.first += &sums.first;
                        total.second += &sums.second;
                    }
                    (total, sums) => *total = sums,
                }
            }
        }
    }
    Ok(totals
        .into_iter()
        .map(|sums| sums.map(Sums::moments))
        .collect())
}

fn of_picture(
    network: &FloatNetwork,
    picture: &Array3<u8>,
) -> Result<Vec<Option<Sums>>, FloatError> {
    let input = network.normalised(picture.view());
    let maps = network.forward(picture.view())?;
    let sums = network.nodes.iter().map(|node| {
        let FloatOp::Conv(conv) = &node.op else {
            return None;
        };
        let source = match *node.inputs.first()? {
            NodeId::INPUT => &input,
            NodeId(i) => maps.get(i)?,
        };
        let (_, rows, columns, channels) = conv.weights.dim();
        if rows * columns * channels > MAX_TAPS {
            return None;
        }
        let windows = sample(&conv.windows(), &source.view())?;
        Some(Sums {
            count: windows.dim().0 as f64,
            first: windows.mapv(f64::from).sum_axis(Axis(0)),
            second: windows.t().dot(&windows).mapv(f64::from),
        })
    });
    Ok(sums.collect())
}

/// Windows of a map that are sampled, one per row of the result.
pub fn sample<T: Copy + Into<f32>>(
    windows: &Windows,
    map: &ArrayView3<'_, T>,
) -> Option<Array2<f32>> {
    windows.of(map, every(windows, map.dim())?)
}

/// Every how many-th window of a map of this shape is sampled.
#[must_use]
pub fn every(windows: &Windows, map: (usize, usize, usize)) -> Option<usize> {
    let (height, width) = windows.outputs(map.0, map.1)?;
    Some((height * width).div_ceil(WINDOWS).max(1))
}

impl Sums {
    fn moments(self) -> Moments {
        let mean = self.first / self.count;
        let mut covariance = self.second / self.count;
        for ((i, j), value) in covariance.indexed_iter_mut() {
            *value -= mean[i] * mean[j];
        }
        Moments { mean, covariance }
    }
}

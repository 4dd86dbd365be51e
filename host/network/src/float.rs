//! The float network that an importer yields, and its forward pass: the reference that the
//! quantiser is measured against. Plain and parallel over pictures, not within one.

use ndarray::{Array2, Array3, Array4, ArrayView3, Axis, concatenate, s};

use crate::graph::{Input, NodeId, Normalise};
pub use crate::op::Windows;
use crate::op::{self, Convolution, Pool, Shape, ShapeError};

/// A convolution, usually with ReLU.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatConv {
    /// Stride along both axes, in pixels.
    pub stride: usize,
    /// Zero padding on every side, in pixels.
    pub pad: usize,
    /// Weights as `[output channel][kernel row][kernel column][input channel]`.
    pub weights: Array4<f32>,
    /// Bias, one value per output channel.
    pub bias: Vec<f32>,
    /// Whether a ReLU follows. Only the convolution whose map is summed may do without, and is
    /// raised until it needs none before it is quantised ([`crate::tail`]).
    pub relu: bool,
}

/// What a node of a float network computes.
pub type FloatOp = op::Op<FloatConv>;

/// One node of a float network.
pub type FloatNode = op::Node<FloatConv>;

/// A float network, and the pixels that it expects.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatNetwork {
    /// For example `squeezenet-v1.1`.
    pub name: String,
    /// Input picture.
    pub input: Input,
    /// Normalisation of the raw pixels.
    pub normalise: Normalise,
    /// Nodes in topological order.
    pub nodes: Vec<FloatNode>,
}

/// Why a float network cannot run: a picture is too small for it, or its graph is inconsistent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("node {node:?} cannot be computed: {reason}")]
pub struct FloatError {
    /// Name of the node.
    pub node: String,
    /// What does not fit.
    pub reason: String,
}

impl FloatNetwork {
    /// Shape of every node's output for an input of `height` x `width` pixels.
    ///
    /// # Errors
    ///
    /// If a node does not fit its inputs.
    pub fn shapes(&self, height: usize, width: usize) -> Result<Vec<Shape>, ShapeError> {
        op::shapes(&self.nodes, height, width)
    }

    /// Raw pixels as the first convolution of the float network takes them.
    pub(crate) fn normalised(&self, pixels: ArrayView3<u8>) -> Array3<f32> {
        let mut input = pixels.mapv(f32::from);
        let Normalise { mean, std } = &self.normalise;
        for mut pixel in input.rows_mut() {
            pixel
                .iter_mut()
                .zip(mean.iter().zip(std))
                .for_each(|(v, (mean, std))| *v = (*v - mean) / std);
        }
        input
    }

    /// Every node's output (row, column, channel; real values) for raw pixels (row, column, channel
    /// in the network's order).
    ///
    /// # Errors
    ///
    /// If the picture does not pass through the network.
    pub fn forward(&self, pixels: ArrayView3<u8>) -> Result<Vec<Array3<f32>>, FloatError> {
        self.forward_normalised(self.normalised(pixels))
    }

    /// The same with a border of exact zeros, where [`forward`](Self::forward) takes the pixel that
    /// comes nearest to one.
    ///
    /// # Errors
    ///
    /// As those of [`forward`](Self::forward).
    pub fn forward_padded(&self, pixels: ArrayView3<u8>) -> Result<Vec<Array3<f32>>, FloatError> {
        let border = self.input.border;
        let whole = self.normalised(pixels);
        let (rows, columns, _) = whole.dim();
        let mut padded = Array3::zeros(whole.dim());
        let inside = s![
            border.top.min(rows)..rows.saturating_sub(border.bottom).max(border.top.min(rows)),
            border.left.min(columns)
                ..columns
                    .saturating_sub(border.right)
                    .max(border.left.min(columns)),
            ..
        ];
        padded.slice_mut(inside).assign(&whole.slice(inside));
        self.forward_normalised(padded)
    }

    fn forward_normalised(&self, input: Array3<f32>) -> Result<Vec<Array3<f32>>, FloatError> {
        let mut maps: Vec<Array3<f32>> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let fail = |reason: &str| FloatError {
                node: node.name.clone(),
                reason: reason.into(),
            };
            let source = |id: &NodeId| match *id {
                NodeId::INPUT => Ok(&input),
                NodeId(i) => maps
                    .get(i)
                    .ok_or_else(|| fail("an input is not computed before it")),
            };
            let sources = node
                .inputs
                .iter()
                .map(source)
                .collect::<Result<Vec<_>, _>>()?;
            let first = *sources.first().ok_or_else(|| fail("it has no input"))?;
            let map = match &node.op {
                FloatOp::Conv(c) => {
                    conv(first, c).ok_or_else(|| fail("its kernel does not fit its input"))?
                }
                FloatOp::MaxPool(p) => {
                    max_pool(first, *p).ok_or_else(|| fail("the map is smaller than the window"))?
                }
                FloatOp::Concat => {
                    let views: Vec<_> = sources.iter().map(|map| map.view()).collect();
                    concatenate(Axis(2), &views).map_err(|e| fail(&e.to_string()))?
                }
                FloatOp::Add => match sources[..] {
                    [a, b] if a.dim() == b.dim() => a + b,
                    _ => return Err(fail("it adds two maps of one shape")),
                },
                FloatOp::Global => {
                    let pixels = (first.dim().0 * first.dim().1).max(1) as f32;
                    let sums = first.sum_axis(Axis(0)).sum_axis(Axis(0)) / pixels;
                    sums.insert_axis(Axis(0)).insert_axis(Axis(0))
                }
            };
            maps.push(map);
        }
        Ok(maps)
    }
}

impl Windows {
    /// Every `every`th window of a map, row by row, one a row of the result: kernel row, kernel
    /// column, input channel.
    #[must_use]
    pub fn of<T: Copy + Into<f32>>(
        &self,
        input: &ArrayView3<'_, T>,
        every: usize,
    ) -> Option<Array2<f32>> {
        let (rows, columns, channels) = input.dim();
        let (height, width) = self.outputs(rows, columns)?;
        let taps = self.kernel * self.kernel;
        let count = (height * width).div_ceil(every.max(1));
        let mut windows = Array2::<f32>::zeros((count, taps * channels));
        for (index, mut window) in windows.outer_iter_mut().enumerate() {
            let output = index * every.max(1);
            let (y, x) = (output / width * self.stride, output % width * self.stride);
            for tap in 0..taps {
                let (dy, dx) = (y + tap / self.kernel, x + tap % self.kernel);
                let at = (dy.checked_sub(self.pad), dx.checked_sub(self.pad));
                if let (Some(dy), Some(dx)) = at
                    && dy < rows
                    && dx < columns
                {
                    let pixel = input.slice(s![dy, dx, ..]);
                    let place = s![tap * channels..(tap + 1) * channels];
                    window
                        .slice_mut(place)
                        .zip_mut_with(&pixel, |to, &from| *to = from.into());
                }
            }
        }
        Some(windows)
    }
}

impl Convolution for FloatConv {
    fn windows(&self) -> Windows {
        Windows {
            kernel: self.weights.dim().1,
            stride: self.stride,
            pad: self.pad,
        }
    }

    fn in_channels(&self) -> usize {
        self.weights.dim().3
    }

    fn out_channels(&self) -> usize {
        self.bias.len()
    }
}

/// Convolution as one matrix product over the unfolded input.
fn conv(input: &Array3<f32>, conv: &FloatConv) -> Option<Array3<f32>> {
    let (outputs, kernel, columns, channels) = conv.weights.dim();
    if columns != kernel || channels != input.dim().2 || conv.bias.len() != outputs {
        return None;
    }
    let (height, width) = conv.windows().outputs(input.dim().0, input.dim().1)?;
    let unfolded = conv.windows().of(&input.view(), 1)?;
    let taps = unfolded.dim().1;
    let weights = conv.weights.to_shape((outputs, taps)).ok()?;
    let mut result = unfolded.dot(&weights.t());
    let floor = if conv.relu { 0.0 } else { f32::NEG_INFINITY };
    for mut row in result.outer_iter_mut() {
        row.iter_mut()
            .zip(&conv.bias)
            .for_each(|(v, bias)| *v = (*v + bias).max(floor));
    }
    // A product of vectors comes column by column, one of matrices row by row.
    let rows = result.as_standard_layout().into_owned();
    rows.into_shape_with_order((height, width, outputs)).ok()
}

fn max_pool(input: &Array3<f32>, pool: Pool) -> Option<Array3<f32>> {
    let (rows, columns, channels) = input.dim();
    let (height, width) = pool.outputs(rows, columns)?;
    Some(Array3::from_shape_fn(
        (height, width, channels),
        |(y, x, c)| {
            let window = s![pool.window(y, rows), pool.window(x, columns), c];
            input
                .slice(window)
                .fold(f32::NEG_INFINITY, |m, &v| m.max(v))
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn convolution_pads_strides_and_clips_at_zero() {
        let input = Array3::from_shape_fn((3, 3, 1), |(y, x, _)| (y * 3 + x) as f32);
        let mut c = FloatConv {
            stride: 2,
            pad: 1,
            weights: Array4::ones((2, 3, 3, 1)),
            bias: vec![0.5, 0.0],
            relu: true,
        };
        c.weights.slice_mut(s![1, .., .., ..]).fill(-1.0);
        let output = conv(&input, &c).unwrap();
        assert_eq!(output.dim(), (2, 2, 2));
        assert_eq!(output[(0, 0, 0)], 0.0 + 1.0 + 3.0 + 4.0 + 0.5);
        assert_eq!(output[(1, 1, 0)], 4.0 + 5.0 + 7.0 + 8.0 + 0.5);
        assert_eq!(output[(1, 1, 1)], 0.0);
    }

    /// One output, tap by tap.
    fn direct(input: &Array3<f32>, c: &FloatConv, (y, x, o): (usize, usize, usize)) -> f32 {
        let (_, rows, columns, channels) = c.weights.dim();
        let mut sum = c.bias[o];
        for (dy, dx, i) in ndarray::indices((rows, columns, channels)) {
            let at = |p: usize, d: usize| (p * c.stride + d).checked_sub(c.pad);
            if let (Some(y), Some(x)) = (at(y, dy), at(x, dx)) {
                sum += input.get((y, x, i)).unwrap_or(&0.0) * c.weights[(o, dy, dx, i)];
            }
        }
        sum.max(0.0)
    }

    #[test]
    fn every_small_convolution_is_the_sum_of_its_taps() {
        let mut seed = 1u32;
        let mut value = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as f32 - 127.0
        };
        let sizes = ndarray::indices((3, 3, 2, 2, 2));
        for (inputs, outputs, small, stride, pad) in sizes {
            let kernel = if small == 0 { 1 } else { 3 };
            let (inputs, outputs, stride) = (inputs + 1, outputs + 1, stride + 1);
            for (height, width) in [(1, 1), (1, 4), (3, 3), (5, 2)] {
                let shape = (outputs, kernel, kernel, inputs);
                let c = FloatConv {
                    stride,
                    pad,
                    weights: Array4::from_shape_fn(shape, |_| value()),
                    bias: (0..outputs).map(|_| value()).collect(),
                    relu: true,
                };
                let input = Array3::from_shape_fn((height, width, inputs), |_| value());
                let fits = height + 2 * pad >= kernel && width + 2 * pad >= kernel;
                let output = conv(&input, &c);
                assert_eq!(output.is_some(), fits, "{shape:?} over {height}x{width}");
                for (at, &found) in output.iter().flat_map(|o| o.indexed_iter()) {
                    assert_eq!(found, direct(&input, &c, at), "{shape:?} at {at:?}");
                }
            }
        }
    }

    #[test]
    fn pool_in_ceil_mode_takes_the_partial_window() {
        let input = Array3::from_shape_fn((4, 4, 1), |(y, x, _)| (y * 4 + x) as f32);
        let output = max_pool(&input, Pool::three(true)).unwrap();
        assert_eq!(output.into_raw_vec_and_offset().0, [10.0, 11.0, 14.0, 15.0]);
        assert_eq!(
            max_pool(&input, Pool::three(false)).unwrap().dim(),
            (1, 1, 1)
        );
        let pairs = max_pool(&input, Pool::PAIRS).unwrap();
        assert_eq!(pairs.into_raw_vec_and_offset().0, [5.0, 7.0, 13.0, 15.0]);
        assert_eq!(Pool::PAIRS.outputs(5, 3), Some((2, 1)));
        assert_eq!(Pool::PAIRS.outputs(5, 1), None);
    }
}

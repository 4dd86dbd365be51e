//! The definition: plain loops over the functions of [`firebrick_spec::arith`], with nothing
//! clever about them. Slow; the fast paths are tested against it.

use crate::plan::BufferPlace;
use crate::{Activations, ModelError, check};
use firebrick_network::{Conv, Network, NodeId, Op, Pool, Shape};
use firebrick_spec::arith;
use ndarray::{Array3, ArrayView3};

/// Runs a picture (row, column, channel) through a network and keeps every feature map.
///
/// # Errors
///
/// If the network is malformed, or the picture does not pass through it.
pub fn run(network: &Network, image: &ArrayView3<'_, u8>) -> Result<Activations, ModelError> {
    check::network(network)?;
    let shapes = check::picture(network, image)?;
    let mut maps: Vec<Array3<u8>> = Vec::with_capacity(shapes.len());
    let mut logits = Vec::new();
    for (node, &shape) in network.nodes.iter().zip(&shapes) {
        let inputs: Vec<ArrayView3<'_, u8>> = node
            .inputs
            .iter()
            .map(|&id| {
                if id == NodeId::INPUT {
                    image.view()
                } else {
                    maps[id.0].view()
                }
            })
            .collect();
        maps.push(match &node.op {
            Op::Conv(c) => conv(c, &inputs[0], shape),
            Op::MaxPool(pool) => max_pool(&inputs[0], *pool, shape),
            Op::Concat => concat(&inputs, shape),
            Op::Add => add(&inputs[0], &inputs[1]),
            Op::Global => {
                logits = global_sum(&inputs[0]);
                Array3::zeros((0, 0, 0))
            }
        });
    }
    let places = network
        .nodes
        .iter()
        .zip(&shapes)
        .enumerate()
        .map(|(i, (node, &shape))| {
            (!matches!(node.op, Op::Global)).then_some(BufferPlace {
                buffer: i,
                offset: 0,
                row_stride: shape.width * shape.channels,
                pixel_stride: shape.channels,
                shape,
            })
        });
    Ok(Activations::of_maps(
        network.nodes.iter().map(|node| node.name.clone()).collect(),
        maps.into_iter()
            .map(|map| map.into_iter().collect())
            .collect(),
        places.collect(),
        logits,
    ))
}

/// Zero-padded convolution, i32 accumulation, requantisation.
#[must_use]
pub fn conv(conv: &Conv, input: &ArrayView3<'_, u8>, out: Shape) -> Array3<u8> {
    let (height, width, _) = input.dim();
    Array3::from_shape_fn((out.height, out.width, out.channels), |(y, x, o)| {
        let mut acc = 0;
        for ky in 0..conv.kernel {
            for kx in 0..conv.kernel {
                let row = (y * conv.stride + ky)
                    .checked_sub(conv.pad)
                    .filter(|&r| r < height);
                let column = (x * conv.stride + kx)
                    .checked_sub(conv.pad)
                    .filter(|&c| c < width);
                let (Some(row), Some(column)) = (row, column) else {
                    continue;
                };
                for i in 0..conv.in_channels() {
                    acc = arith::mac(acc, input[[row, column, i]], conv.weights[[o, ky, kx, i]]);
                }
            }
        }
        conv.requant[o].apply(acc)
    })
}

/// Max-pool, windows cut off at the map's end.
#[must_use]
pub fn max_pool(input: &ArrayView3<'_, u8>, pool: Pool, out: Shape) -> Array3<u8> {
    let (height, width, _) = input.dim();
    Array3::from_shape_fn((out.height, out.width, out.channels), |(y, x, c)| {
        let mut max = 0;
        for row in pool.window(y, height) {
            for column in pool.window(x, width) {
                max = max.max(input[[row, column, c]]);
            }
        }
        max
    })
}

/// Channels of all inputs, one after the other.
#[must_use]
pub fn concat(inputs: &[ArrayView3<'_, u8>], out: Shape) -> Array3<u8> {
    Array3::from_shape_fn((out.height, out.width, out.channels), |(y, x, c)| {
        let mut channel = c;
        for input in inputs {
            if channel < input.dim().2 {
                return input[[y, x, channel]];
            }
            channel -= input.dim().2;
        }
        unreachable!("the shape has as many channels as the inputs together")
    })
}

/// Element-wise sum of two maps of one shape, clamped to 255.
#[must_use]
pub fn add(a: &ArrayView3<'_, u8>, b: &ArrayView3<'_, u8>) -> Array3<u8> {
    Array3::from_shape_fn(a.dim(), |at| arith::add(a[at], b[at]))
}

/// Exact sum of each channel over all pixels.
#[must_use]
pub fn global_sum(input: &ArrayView3<'_, u8>) -> Vec<i32> {
    let (height, width, channels) = input.dim();
    let mut sums = vec![0; channels];
    for y in 0..height {
        for x in 0..width {
            for (c, sum) in sums.iter_mut().enumerate() {
                *sum += i32::from(input[[y, x, c]]);
            }
        }
    }
    sums
}

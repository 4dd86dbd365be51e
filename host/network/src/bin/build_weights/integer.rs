//! The integer network once more, as plainly as can be, to judge a quantisation by itself.

use firebrick_network::{Conv, Network, NodeId, Op};
use firebrick_spec::arith::{POOL_KERNEL, POOL_STRIDE, conv_len, pool_len};
use ndarray::{Array3, Axis, concatenate, s};

/// The logits: sums of the last map over all pixels. `None` if the picture is too small.
pub fn logits(network: &Network, pixels: &Array3<u8>) -> Option<Vec<i32>> {
    let mut maps: Vec<Array3<u8>> = Vec::new();
    for node in &network.nodes {
        let source = |id: &NodeId| {
            if *id == NodeId::INPUT {
                Some(pixels)
            } else {
                maps.get(id.0)
            }
        };
        let sources = node.inputs.iter().map(source).collect::<Option<Vec<_>>>()?;
        let first = sources.first()?;
        let map = match &node.op {
            Op::Conv(c) => conv(first, c)?,
            Op::MaxPool(pool) => {
                let (rows, columns, channels) = first.dim();
                let shape = (
                    pool_len(rows, pool.ceil)?,
                    pool_len(columns, pool.ceil)?,
                    channels,
                );
                Array3::from_shape_fn(shape, |(y, x, c)| {
                    let (y, x) = (y * POOL_STRIDE, x * POOL_STRIDE);
                    let (bottom, right) = (y + POOL_KERNEL, x + POOL_KERNEL);
                    first
                        .slice(s![y..bottom.min(rows), x..right.min(columns), c])
                        .fold(0, |m, &v| v.max(m))
                })
            }
            Op::Concat => {
                let views: Vec<_> = sources.iter().map(|map| map.view()).collect();
                concatenate(Axis(2), &views).ok()?
            }
            Op::GlobalSum => {
                let sums = first.mapv(i32::from).sum_axis(Axis(0)).sum_axis(Axis(0));
                return Some(sums.to_vec());
            }
        };
        maps.push(map);
    }
    None
}

fn conv(input: &Array3<u8>, conv: &Conv) -> Option<Array3<u8>> {
    let (rows, columns, channels) = input.dim();
    let height = conv_len(rows, conv.kernel, conv.stride, conv.pad)?;
    let width = conv_len(columns, conv.kernel, conv.stride, conv.pad)?;
    let outputs = conv.out_channels();
    // Concatenation leaves the channels strided.
    let input = input.as_standard_layout();
    let (weights, pixels) = (conv.weights.as_slice()?, input.as_slice()?);
    let taps = conv.kernel * conv.kernel;
    let mut output = Array3::zeros((height, width, outputs));
    for y in 0..height {
        for x in 0..width {
            let mut sums = vec![0i32; outputs];
            for tap in 0..taps {
                let row = (y * conv.stride + tap / conv.kernel).checked_sub(conv.pad);
                let column = (x * conv.stride + tap % conv.kernel).checked_sub(conv.pad);
                let (Some(row), Some(column)) = (row, column) else {
                    continue;
                };
                if row >= rows || column >= columns {
                    continue;
                }
                let pixel = &pixels[(row * columns + column) * channels..][..channels];
                for (o, sum) in sums.iter_mut().enumerate() {
                    let weights = &weights[(o * taps + tap) * channels..][..channels];
                    let products = pixel.iter().zip(weights);
                    *sum += products
                        .map(|(&p, &w)| i32::from(p) * i32::from(w))
                        .sum::<i32>();
                }
            }
            for ((o, sum), requant) in sums.iter().enumerate().zip(&conv.requant) {
                output[(y, x, o)] = requant.apply(*sum);
            }
        }
    }
    Some(output)
}

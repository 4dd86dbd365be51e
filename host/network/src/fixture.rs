//! A small network with every operation, for tests.

use firebrick_spec::arith::Requant;
use ndarray::Array4;

use crate::graph::{
    Border, Conv, Input, Network, Node, NodeId, Op, PixelOrder, Pool, ResizePolicy, Scores,
};

/// A convolution with pseudo-random but fixed weights.
pub fn conv(kernel: usize, stride: usize, pad: usize, inputs: usize, outputs: usize) -> Conv {
    let weights = Array4::from_shape_fn((outputs, kernel, kernel, inputs), |(o, y, x, i)| {
        ((o * 31 + y * 17 + x * 13 + i * 7 + kernel) % 255) as i8
    })
    .mapv(|w: i8| w.max(-127));
    let requant = (0..outputs)
        .map(|o| Requant {
            bias: o as i32 * 100 - 300,
            mult: 20_000 + o as u16,
            shift: 25,
        })
        .collect();
    Conv {
        kernel,
        stride,
        pad,
        weights,
        requant,
        output_scale: 0.125,
    }
}

/// conv 3x3/2, pool, a fire module, conv 1x1, global sum; 5 classes.
pub fn tiny() -> Network {
    let node = |name: &str, op, inputs: &[usize]| Node {
        name: name.into(),
        op,
        inputs: inputs.iter().map(|&i| NodeId(i)).collect(),
    };
    Network {
        name: "tiny".into(),
        input: Input {
            height: 21,
            width: 23,
            order: PixelOrder::Bgr,
            resize: ResizePolicy::CropCenter { short: 30 },
            border: Border::NONE,
        },
        normalise: None,
        scores: Scores::Softmax,
        nodes: vec![
            node("conv1", Op::Conv(conv(3, 2, 0, 3, 16)), &[NodeId::INPUT.0]),
            node("pool1", Op::MaxPool(Pool::three(true)), &[0]),
            node("fire2/squeeze1x1", Op::Conv(conv(1, 1, 0, 16, 16)), &[1]),
            node("fire2/expand1x1", Op::Conv(conv(1, 1, 0, 16, 16)), &[2]),
            node("fire2/expand3x3", Op::Conv(conv(3, 1, 1, 16, 16)), &[2]),
            node("fire2/concat", Op::Concat, &[3, 4]),
            node("conv10", Op::Conv(conv(1, 1, 0, 32, 5)), &[5]),
            node("logits", Op::Global, &[6]),
        ],
        labels: ["ash", "beech", "cedar \"red\"", "dogwood", "eln"]
            .map(String::from)
            .to_vec(),
    }
}

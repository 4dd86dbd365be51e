//! Random networks and pictures for tests and measurements.
#![allow(dead_code)] // Each user takes what it needs.

use firebrick_network::graph::{
    Conv, Input, Network, Node, NodeId, Op, PixelOrder, Pool, ResizePolicy,
};
use firebrick_spec::arith::Requant;
use ndarray::{Array3, Array4};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Builds a network node by node.
pub struct Builder {
    nodes: Vec<Node>,
    channels: Vec<usize>,
    rng: SmallRng,
}

impl Builder {
    pub fn new(seed: u64) -> Self {
        Builder {
            nodes: Vec::new(),
            channels: Vec::new(),
            rng: SmallRng::seed_from_u64(seed),
        }
    }

    pub fn channels(&self, id: NodeId) -> usize {
        if id == NodeId::INPUT {
            3
        } else {
            self.channels[id.0]
        }
    }

    pub fn push(&mut self, name: &str, op: Op, inputs: &[NodeId]) -> NodeId {
        self.channels.push(match &op {
            Op::Conv(conv) => conv.out_channels(),
            Op::Concat => inputs.iter().map(|&id| self.channels(id)).sum(),
            Op::MaxPool(_) | Op::GlobalSum => self.channels(inputs[0]),
        });
        self.nodes.push(Node {
            name: name.into(),
            op,
            inputs: inputs.into(),
        });
        NodeId(self.nodes.len() - 1)
    }

    /// A convolution whose outputs spread over 0..=255.
    pub fn conv(
        &mut self,
        name: &str,
        input: NodeId,
        out: usize,
        (kernel, stride, pad): (usize, usize, usize),
    ) -> NodeId {
        let depth = self.channels(input);
        let rng = &mut self.rng;
        let weights = Array4::from_shape_fn((out, kernel, kernel, depth), |_| {
            rng.random_range(-127..=127i8)
        });
        let spread = ((kernel * kernel * depth) as f64).sqrt() * 9000.0;
        let requant = (0..out)
            .map(|_| {
                let scale = rng.random_range(60.0..160.0) / spread;
                let shift = (32_767.0 / scale).log2().floor();
                Requant {
                    bias: (rng.random_range(-0.7..1.0) * spread) as i32,
                    mult: (scale * shift.exp2()) as u16,
                    shift: shift as u8,
                }
            })
            .collect();
        let conv = Conv {
            kernel,
            stride,
            pad,
            weights,
            requant,
            output_scale: 1.0,
        };
        self.push(name, Op::Conv(conv), &[input])
    }

    pub fn pool(&mut self, name: &str, input: NodeId, ceil: bool) -> NodeId {
        self.push(name, Op::MaxPool(Pool { ceil }), &[input])
    }

    pub fn fire(&mut self, name: &str, input: NodeId, squeeze: usize, expand: usize) -> NodeId {
        let s = self.conv(&format!("{name}/squeeze1x1"), input, squeeze, (1, 1, 0));
        let e1 = self.conv(&format!("{name}/expand1x1"), s, expand, (1, 1, 0));
        let e3 = self.conv(&format!("{name}/expand3x3"), s, expand, (3, 1, 1));
        self.push(&format!("{name}/concat"), Op::Concat, &[e1, e3])
    }

    pub fn finish(mut self, input: NodeId) -> Network {
        self.push("sum", Op::GlobalSum, &[input]);
        Network {
            name: "random".into(),
            input: Input {
                height: 227,
                width: 227,
                order: PixelOrder::Bgr,
                resize: ResizePolicy::Squash,
            },
            labels: (0..*self.channels.last().unwrap())
                .map(|i| i.to_string())
                .collect(),
            nodes: self.nodes,
        }
    }
}

/// The layers of SqueezeNet v1.1 with random weights.
pub fn squeezenet_v1_1(seed: u64) -> Network {
    let mut b = Builder::new(seed);
    let mut x = b.conv("conv1", NodeId::INPUT, 64, (3, 2, 0));
    let fires = [
        (16, 64),
        (16, 64),
        (32, 128),
        (32, 128),
        (48, 192),
        (48, 192),
        (64, 256),
    ];
    x = b.pool("pool1", x, true);
    for (i, (squeeze, expand)) in fires.into_iter().chain([(64, 256)]).enumerate() {
        x = b.fire(&format!("fire{}", i + 2), x, squeeze, expand);
        if i == 1 || i == 3 {
            x = b.pool(&format!("pool{}", i + 2), x, true);
        }
    }
    x = b.conv("conv10", x, 1000, (1, 1, 0));
    b.finish(x)
}

/// A picture of random pixels.
pub fn picture(height: usize, width: usize, seed: u64) -> Array3<u8> {
    let mut rng = SmallRng::seed_from_u64(seed);
    Array3::from_shape_fn((height, width, 3), |_| rng.random())
}

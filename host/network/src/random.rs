//! Networks with seeded random weights, and pictures of noise: what tests and measurements of
//! all crates run on. The same seed gives the same network on every machine.
//!
//! Requantisation is chosen from the number of products that an output sums up, so that
//! activations spread over 0 to 255, some clamped at either end, however deep the network is.

use firebrick_spec::arith::{MULT_MAX, MULT_MIN, Requant, SHIFT_MAX, SHIFT_MIN, WEIGHT_MAX};
use ndarray::{Array3, Array4, Axis};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::float::{FloatConv, FloatNetwork};
use crate::graph::{
    Border, Conv, Input, Network, Node, NodeId, Op, PixelOrder, ResizePolicy, Scores,
};
use crate::op::Pool;
use crate::preprocess::Preprocess;
use crate::squeezenet::{Fire, Row, SqueezeNet};

/// Root mean square of the weights (uniform over ±127) times that of typical activations.
const PRODUCT_RMS: f64 = 73.0 * 100.0;
/// Activation for a sum of one standard deviation.
const TARGET: f64 = 128.0;
/// Most that a layer's first channel gives if all its inputs are at their most.
const FIRST_MOST: f64 = 224.0;

/// Builds a network node by node.
#[derive(Clone, Debug)]
pub struct Builder {
    rng: SmallRng,
    nodes: Vec<Node>,
    channels: Vec<usize>,
}

impl Builder {
    /// An empty network.
    #[must_use]
    pub fn new(seed: u64) -> Builder {
        Builder {
            rng: SmallRng::seed_from_u64(seed),
            nodes: Vec::new(),
            channels: Vec::new(),
        }
    }

    /// Number of channels of a node, 3 for the picture and 0 for a node that does not exist yet.
    #[must_use]
    pub fn channels(&self, id: NodeId) -> usize {
        match id {
            NodeId::INPUT => 3,
            NodeId(i) => self.channels.get(i).copied().unwrap_or(0),
        }
    }

    /// Adds any node.
    pub fn push(&mut self, name: &str, op: Op, inputs: &[NodeId]) -> NodeId {
        let sources: Vec<usize> = inputs.iter().map(|&id| self.channels(id)).collect();
        // Tests build misfits too.
        self.channels.push(op.channels(&sources).unwrap_or(0));
        self.nodes.push(Node {
            name: name.to_owned(),
            op,
            inputs: inputs.to_vec(),
        });
        NodeId(self.nodes.len() - 1)
    }

    /// Adds a convolution with `out` channels.
    pub fn conv(
        &mut self,
        name: &str,
        input: NodeId,
        out: usize,
        shape: (usize, usize, usize),
    ) -> NodeId {
        let depth = self.channels(input);
        let conv = conv(&mut self.rng, depth, out, shape);
        self.push(name, Op::Conv(conv), &[input])
    }

    /// Adds a max-pool.
    pub fn pool(&mut self, name: &str, input: NodeId, ceil: bool) -> NodeId {
        self.push(name, Op::MaxPool(Pool::three(ceil)), &[input])
    }

    /// A max-pool of 2x2.
    pub fn pairs(&mut self, name: &str, input: NodeId) -> NodeId {
        self.push(name, Op::MaxPool(Pool::PAIRS), &[input])
    }

    /// Adds a concatenation.
    pub fn concat(&mut self, name: &str, inputs: &[NodeId]) -> NodeId {
        self.push(name, Op::Concat, inputs)
    }

    /// Adds a Fire module: s1x1, e1x1 and e3x3 channels; an expand of none is left out.
    pub fn fire(
        &mut self,
        name: &str,
        input: NodeId,
        squeeze: usize,
        expand1: usize,
        expand3: usize,
    ) -> NodeId {
        let s = self.conv(&format!("{name}/squeeze1x1"), input, squeeze, (1, 1, 0));
        let kinds = [
            ("expand1x1", expand1, (1, 1, 0)),
            ("expand3x3", expand3, (3, 1, 1)),
        ];
        let parts: Vec<NodeId> = (kinds.into_iter().filter(|kind| kind.1 > 0))
            .map(|(part, out, shape)| self.conv(&format!("{name}/{part}"), s, out, shape))
            .collect();
        match parts[..] {
            [only] => only,
            _ => self.concat(&format!("{name}/concat"), &parts),
        }
    }

    /// Adds a convolution over the channels of two maps, as of a bypass with weights.
    pub fn joined(
        &mut self,
        name: &str,
        a: NodeId,
        b: NodeId,
        out: usize,
        kernel: usize,
    ) -> NodeId {
        let both = self.concat(&format!("{name}/both"), &[a, b]);
        self.conv(name, both, out, (kernel, 1, kernel / 2))
    }

    /// Adds an element-wise sum of two maps.
    pub fn add(&mut self, name: &str, a: NodeId, b: NodeId) -> NodeId {
        self.push(name, Op::Add, &[a, b])
    }

    /// Adds the global sum and gives the network, for pictures of `height` x `width`.
    #[must_use]
    pub fn finish(mut self, input: NodeId, height: usize, width: usize) -> Network {
        let classes = self.channels(input);
        self.push("logits", Op::Global, &[input]);
        Network {
            name: "random".into(),
            input: Input {
                height,
                width,
                order: PixelOrder::Bgr,
                resize: ResizePolicy::Squash,
                border: Border::NONE,
            },
            normalise: None,
            scores: Scores::Softmax,
            nodes: self.nodes,
            labels: (0..classes).map(|i| format!("class {i}")).collect(),
        }
    }
}

/// Sets about `share` of all weights to zero, as pruning does, except those of each layer's first
/// channel.
pub fn thin(network: &mut Network, share: f64, seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    for node in &mut network.nodes {
        if let Op::Conv(conv) = &mut node.op {
            for mut channel in conv.weights.axis_iter_mut(Axis(0)).skip(1) {
                channel.mapv_inplace(|w| if rng.random_bool(share) { 0 } else { w });
            }
        }
    }
}

/// A convolution (kernel, stride, padding). Its first channel is neither 0 if all inputs are 0 nor
/// clamped if all are 255, so that even a layer of one channel passes something on.
pub fn conv(
    rng: &mut SmallRng,
    depth: usize,
    out: usize,
    (kernel, stride, pad): (usize, usize, usize),
) -> Conv {
    let mut weights = Array4::from_shape_fn((out, kernel, kernel, depth), |_| {
        rng.random_range(-WEIGHT_MAX..=WEIGHT_MAX)
    });
    let mut first_sum = 0.0;
    if let Some(mut first) = weights.axis_iter_mut(Axis(0)).next() {
        let sum: f64 = first.iter().map(|&w| f64::from(w)).sum();
        if sum < 0.0 {
            first.mapv_inplace(|w| -w);
        }
        first_sum = sum.abs();
    }
    let spread = PRODUCT_RMS * ((kernel * kernel * depth) as f64).sqrt();
    let requant = (0..out)
        .map(|channel| {
            let mult = rng.random_range(MULT_MIN..=MULT_MAX);
            let least = if channel == 0 { 0.1 } else { -1.0 };
            let bias = rng.random_range(least..1.0) * spread;
            let mut shift = (f64::from(mult) * spread / TARGET).log2().round();
            if channel == 0 {
                let most = bias + 255.0 * first_sum;
                shift = shift.max((f64::from(mult) * most / FIRST_MOST).log2().ceil());
            }
            Requant {
                bias: bias as i32,
                mult,
                shift: (shift as u8).clamp(SHIFT_MIN, SHIFT_MAX),
            }
        })
        .collect();
    Conv {
        kernel,
        stride,
        pad,
        weights,
        requant,
        output_scale: 1.0,
    }
}

/// A SqueezeNet of any dimensions, with random weights.
#[must_use]
pub fn squeezenet(table: &SqueezeNet, seed: u64) -> Network {
    let mut b = Builder::new(seed);
    let mut x = NodeId::INPUT;
    for row in table.rows() {
        x = match row {
            Row::Conv {
                name,
                kernel,
                stride,
                pad,
                outputs,
            } => b.conv(&name, x, outputs, (kernel, stride, pad)),
            Row::Pool { name, ceil } => b.pool(&name, x, ceil),
            Row::Fire { name, fire, bypass } => {
                let out = b.fire(&name, x, fire.squeeze, fire.expand1, fire.expand3);
                match bypass {
                    true => b.add(&format!("{name}/bypass"), x, out),
                    false => out,
                }
            }
        };
    }
    let network = b.finish(x, table.side, table.side);
    Network {
        name: table.name.clone(),
        input: table.input(),
        ..network
    }
}

/// A float SqueezeNet of any dimensions, with weights initialised as for training, so that maps
/// neither die out nor grow. Raw pixels are normalised as for Caffe's models.
#[must_use]
pub fn float(table: &SqueezeNet, seed: u64) -> FloatNetwork {
    let rng = &mut SmallRng::seed_from_u64(seed);
    let nodes = squeezenet(table, seed)
        .nodes
        .iter()
        .map(|node| {
            node.map(|conv| {
                let (outputs, kernel, _, inputs) = conv.weights.dim();
                let spread = (6.0 / (kernel * kernel * inputs) as f32).sqrt();
                FloatConv {
                    stride: conv.stride,
                    pad: conv.pad,
                    weights: conv
                        .weights
                        .mapv(|_| rng.random_range(-1.0..1.0f32) * spread),
                    bias: (0..outputs).map(|_| rng.random_range(0.0..1.0)).collect(),
                    relu: true,
                }
            })
        })
        .collect();
    FloatNetwork {
        name: table.name.clone(),
        input: table.input(),
        normalise: Preprocess::CAFFE.normalise,
        nodes,
    }
}

/// Random figures of a small SqueezeNet: one to four modules of 1 to 40 channels, pools and
/// roundings anywhere, both kernels and strides, a last convolution with or without padding. A
/// picture of its side passes through it.
#[must_use]
pub fn figures(seed: u64) -> SqueezeNet {
    let rng = &mut SmallRng::seed_from_u64(seed);
    let mut table = SqueezeNet {
        name: format!("random-{seed}"),
        kernel: if rng.random() { 3 } else { 7 },
        stride: rng.random_range(1..=2),
        outputs: rng.random_range(1..=40),
        fires: Vec::new(),
        pools: Vec::new(),
        bypass: Vec::new(),
        ceil: rng.random(),
        classes: rng.random_range(1..=40),
        last_pad: rng.random_range(0..=1),
        side: rng.random_range(15..=60),
    };
    for _ in 0..rng.random_range(1..=4) {
        table.fires.push(Fire {
            squeeze: rng.random_range(1..=24),
            expand1: rng.random_range(1..=40),
            expand3: rng.random_range(1..=40),
        });
    }
    // A floor pool leaves the smaller map.
    let mut side = (table.side - table.kernel) / table.stride + 1;
    for layer in 1..=1 + table.fires.len() {
        if side >= 5 && rng.random_bool(0.4) {
            table.pools.push(layer);
            side = (side - 3) / 2 + 1;
        }
    }
    table
}

/// A table with a bypass around module 3 and each second one from there, whose channels are made to
/// match: in module 3 as they come from the one before, in the others with those of both expand
/// convolutions exchanged.
#[must_use]
pub fn with_bypass(mut table: SqueezeNet) -> SqueezeNet {
    if let [only] = table.fires[..] {
        table.fires.push(only);
    }
    for at in (1..table.fires.len()).step_by(2) {
        let before = table.fires[at - 1];
        let fire = &mut table.fires[at];
        (fire.expand1, fire.expand3) = match at {
            1 => (before.expand1, before.expand3),
            _ => (before.expand3, before.expand1),
        };
        table.bypass.push(at + 2);
    }
    table
}

/// A max-pool of any kind.
pub fn any_pool(rng: &mut SmallRng) -> Pool {
    match rng.random_range(0..3) {
        0 => Pool::PAIRS,
        kind => Pool::three(kind == 1),
    }
}

/// A picture of noise.
#[must_use]
pub fn picture(height: usize, width: usize, seed: u64) -> Array3<u8> {
    let mut rng = SmallRng::seed_from_u64(seed);
    Array3::from_shape_fn((height, width, 3), |_| rng.random())
}

/// A network with a layer of each kind: 30x30 pixels, 12 classes.
#[must_use]
pub fn small() -> Network {
    let mut b = Builder::new(3);
    let x = b.conv("conv1", NodeId::INPUT, 24, (3, 2, 0));
    let x = b.pool("pool1", x, true);
    let x = b.fire("fire2", x, 16, 20, 32);
    let x = b.conv("conv10", x, 12, (1, 1, 0));
    b.finish(x, 30, 30)
}

/// A random small network and its input, height and width from 7 to 40: any shape, pooled as long
/// as the map allows, so that most end in maps of few pixels, 1x1, 1xn and nx1 among them, and
/// their modules are computed there too.
#[must_use]
pub fn tiny(seed: u64) -> (Network, usize, usize) {
    let rng = &mut SmallRng::seed_from_u64(seed);
    // Of its own, so that the other choices of a seed stay what they were.
    let other = &mut SmallRng::seed_from_u64(!seed);
    let mut b = Builder::new(rng.random());
    let side = |rng: &mut SmallRng| match rng.random_range(0..3) {
        0 => rng.random_range(7..=12),
        _ => rng.random_range(7..=40),
    };
    let (height, width) = (side(rng), side(rng));
    let (kernel, stride) = ([3, 3, 7][rng.random_range(0..3)], rng.random_range(1..=2));
    let mut x = b.conv(
        "conv1",
        NodeId::INPUT,
        rng.random_range(1..=40),
        (kernel, stride, 0),
    );
    let mut size = [height, width].map(|side| (side - kernel) / stride + 1);
    let mut pools = 0;
    for layer in 0..rng.random_range(1..=5) {
        if size.iter().all(|&side| side >= 3) && rng.random_bool(0.7) {
            let ceil = rng.random();
            pools += 1;
            let name = format!("pool{pools}");
            let (pairs, pool) = (other.random_bool(0.3), Pool::three(ceil));
            let pool = if pairs { Pool::PAIRS } else { pool };
            x = b.push(&name, Op::MaxPool(pool), &[x]);
            size = match pool.outputs(size[0], size[1]) {
                Some((height, width)) => [height, width],
                None => unreachable!("a map of 3x3 has a window"),
            };
        }
        let name = format!("layer{layer}");
        let mut channels = || rng.random_range(1..=40);
        let (squeeze, expand1, expand3) = (channels(), channels(), channels());
        let y = match rng.random_range(0..5) {
            0 => b.conv(&name, x, expand1, (1, 1, 0)),
            1 => b.conv(&name, x, expand3, (3, 1, 1)),
            _ => match other.random_range(0..6) {
                0 => b.fire(&name, x, squeeze, 0, expand3),
                1 => b.fire(&name, x, squeeze, expand1, 0),
                _ => b.fire(&name, x, squeeze, expand1, expand3),
            },
        };
        x = match other.random_bool(0.2) {
            true => {
                let (out, kernel) = (other.random_range(1..=40), other.random_range(0..2) * 2 + 1);
                b.joined(&format!("{name}/sum"), y, x, out, kernel)
            }
            false => y,
        };
    }
    let x = b.conv("last", x, rng.random_range(1..=40), (1, 1, 0));
    let mut network = b.finish(x, height, width);
    if rng.random_bool(0.3) {
        thin(&mut network, rng.random_range(0.3..0.9), rng.random());
    }
    (network, height, width)
}

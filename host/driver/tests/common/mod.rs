//! Networks with seeded random weights, and the comparison with the integer model.
#![allow(dead_code)]

use firebrick_driver::{CompileOptions, ExecutorDevice, Program, Session, compile};
use firebrick_model::Model;
use firebrick_network::{Conv, Input, Network, Node, NodeId, Op, PixelOrder, Pool, ResizePolicy};
use firebrick_spec::HwConfig;
use firebrick_spec::arith::Requant;
use ndarray::{Array3, Array4};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Builds networks node by node.
pub struct Builder {
    rng: SmallRng,
    nodes: Vec<Node>,
    channels: Vec<usize>,
}

impl Builder {
    pub fn new(seed: u64) -> Builder {
        Builder {
            rng: SmallRng::seed_from_u64(seed),
            nodes: Vec::new(),
            channels: Vec::new(),
        }
    }

    fn push(&mut self, name: &str, op: Op, inputs: Vec<NodeId>, channels: usize) -> NodeId {
        self.nodes.push(Node {
            name: name.to_owned(),
            op,
            inputs,
        });
        self.channels.push(channels);
        NodeId(self.nodes.len() - 1)
    }

    pub fn conv(
        &mut self,
        name: &str,
        input: NodeId,
        out: usize,
        (kernel, stride, pad): (usize, usize, usize),
    ) -> NodeId {
        let channels = if input == NodeId::INPUT {
            3
        } else {
            self.channels[input.0]
        };
        let rng = &mut self.rng;
        let weights = Array4::from_shape_fn((out, kernel, kernel, channels), |_| {
            rng.random_range(-127..=127)
        });
        // Scaled so that outputs spread over 0..=255, with some clamped at either end.
        let spread = 73.0 * 100.0 * ((kernel * kernel * channels) as f64).sqrt();
        let requant = (0..out)
            .map(|_| {
                let mult = rng.random_range(1..=32_767u16);
                let ideal = (f64::from(mult) * spread / 128.0).log2().round() as u8;
                let bias = rng.random_range(-1.0..1.0) * spread;
                Requant {
                    bias: bias as i32,
                    mult,
                    shift: ideal.clamp(1, 48),
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
        self.push(name, Op::Conv(conv), vec![input], out)
    }

    pub fn pool(&mut self, name: &str, input: NodeId, ceil: bool) -> NodeId {
        let channels = self.channels[input.0];
        self.push(name, Op::MaxPool(Pool { ceil }), vec![input], channels)
    }

    pub fn concat(&mut self, name: &str, inputs: &[NodeId]) -> NodeId {
        let channels = inputs.iter().map(|id| self.channels[id.0]).sum();
        self.push(name, Op::Concat, inputs.to_vec(), channels)
    }

    pub fn fire(&mut self, name: &str, input: NodeId, s: usize, e1: usize, e3: usize) -> NodeId {
        let squeeze = self.conv(&format!("{name}/squeeze1x1"), input, s, (1, 1, 0));
        let one = self.conv(&format!("{name}/expand1x1"), squeeze, e1, (1, 1, 0));
        let three = self.conv(&format!("{name}/expand3x3"), squeeze, e3, (3, 1, 1));
        self.concat(&format!("{name}/concat"), &[one, three])
    }

    pub fn finish(mut self, input: NodeId, height: usize, width: usize) -> Network {
        let classes = self.channels[input.0];
        self.push("logits", Op::GlobalSum, vec![input], classes);
        Network {
            name: "test".into(),
            input: Input {
                height,
                width,
                order: PixelOrder::Rgb,
                resize: ResizePolicy::Squash,
            },
            nodes: self.nodes,
            labels: (0..classes).map(|i| format!("class {i}")).collect(),
        }
    }
}

/// SqueezeNet v1.1 with random weights.
pub fn squeezenet_v1_1(seed: u64) -> Network {
    let mut b = Builder::new(seed);
    let x = b.conv("conv1", NodeId::INPUT, 64, (3, 2, 0));
    let x = b.pool("pool1", x, true);
    let x = b.fire("fire2", x, 16, 64, 64);
    let x = b.fire("fire3", x, 16, 64, 64);
    let x = b.pool("pool3", x, true);
    let x = b.fire("fire4", x, 32, 128, 128);
    let x = b.fire("fire5", x, 32, 128, 128);
    let x = b.pool("pool5", x, true);
    let x = b.fire("fire6", x, 48, 192, 192);
    let x = b.fire("fire7", x, 48, 192, 192);
    let x = b.fire("fire8", x, 64, 256, 256);
    let x = b.fire("fire9", x, 64, 256, 256);
    let x = b.conv("conv10", x, 1000, (1, 1, 0));
    b.finish(x, 224, 224)
}

/// A picture of noise.
pub fn picture(seed: u64, height: usize, width: usize) -> Array3<u8> {
    let mut rng = SmallRng::seed_from_u64(seed);
    Array3::from_shape_fn((height, width, 3), |_| rng.random())
}

/// The default preset.
pub fn preset() -> HwConfig {
    HwConfig::preset(firebrick_spec::config::DEFAULT_PRESET).unwrap()
}

/// Compiles and runs several pictures without reset, one by one and then back to back; every
/// logit and, with `check`, every map must equal the integer model's. Returns the program.
pub fn agree(
    network: &Network,
    config: &HwConfig,
    size: (usize, usize),
    check: bool,
    pictures: u64,
) -> Program {
    let options = CompileOptions {
        check,
        ..CompileOptions::default()
    };
    let program = compile(network, config, size.0, size.1, &options).unwrap();
    run(network, &program, pictures);
    program
}

/// Runs pictures one by one and then as many back to back, and compares everything.
pub fn run(network: &Network, program: &Program, pictures: u64) {
    let config = program.config();
    let (height, width) = program.input();
    let model = Model::new(network).unwrap();
    let mut session = Session::open(ExecutorDevice::new(config), config).unwrap();
    let images: Vec<_> = (0..pictures)
        .map(|seed| picture(seed, height, width))
        .collect();
    let mut results = Vec::new();
    for image in &images {
        results.push(session.run(program, &image.view()).unwrap());
    }
    let views: Vec<_> = images.iter().map(|image| image.view()).collect();
    results.extend(session.run_many(program, &views).unwrap());
    let setups = u64::from(program.setup().is_some());
    for (turn, got) in results.iter().enumerate() {
        let image = &images[turn % images.len()];
        let want = model.run(&image.view()).unwrap();
        assert_eq!(program.check(), !got.maps.is_empty());
        if program.check() {
            assert_eq!(got.maps.len(), network.nodes.len() - 1);
        }
        for (node, map) in &got.maps {
            let name = &network.nodes[node.0].name;
            let expected = want.map(*node).unwrap();
            assert_eq!(map.dim(), expected.dim(), "{name}");
            if let Some(((at, g), w)) = map.indexed_iter().zip(&expected).find(|((_, g), w)| g != w)
            {
                panic!("{name} at {at:?}: {g} instead of {w}");
            }
        }
        assert_eq!(got.logits, want.logits);
        assert_eq!(u64::from(got.trailer.sequence), turn as u64 + setups);
    }
}

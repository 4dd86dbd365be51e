//! Compiled networks on the software engine, compared with the integer model.
#![allow(dead_code, unused_imports)]

use firebrick_driver::{CompileOptions, ExecutorDevice, Program, Session, compile};
use firebrick_model::Model;
use firebrick_network::{Network, SqueezeNet, random};
use firebrick_spec::HwConfig;
use ndarray::Array3;

pub use firebrick_network::random::Builder;

/// SqueezeNet v1.1 with random weights.
pub fn squeezenet_v1_1(seed: u64) -> Network {
    random::squeezenet(&SqueezeNet::v1_1(), seed)
}

/// A picture of noise.
pub fn picture(seed: u64, height: usize, width: usize) -> Array3<u8> {
    random::picture(height, width, seed)
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

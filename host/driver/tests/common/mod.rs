//! The comparison with the integer model.
#![allow(dead_code)]

use firebrick_driver::{CompileOptions, ExecutorDevice, Program, Session, compile};
use firebrick_model::Model;
pub use firebrick_network::random::Builder;
use firebrick_network::{Network, SqueezeNet, random};
use firebrick_spec::HwConfig;
use ndarray::Array3;

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

/// Compiles and runs several pictures without reset; every logit and, with `check`, every map
/// must equal the integer model's. Returns the program.
pub fn agree(
    network: &Network,
    config: &HwConfig,
    (height, width): (usize, usize),
    check: bool,
    pictures: u64,
) -> Program {
    let program = compile(network, config, height, width, &CompileOptions { check }).unwrap();
    let model = Model::new(network).unwrap();
    let mut session = Session::open(ExecutorDevice::new(config), config).unwrap();
    for seed in 0..pictures {
        let image = picture(seed, height, width);
        let got = session.run(&program, &image.view()).unwrap();
        let want = model.run(&image.view()).unwrap();
        if check {
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
        assert_eq!(got.trailer.sequence as u64, seed);
    }
    program
}

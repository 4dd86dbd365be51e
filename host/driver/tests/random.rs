//! Random networks on engines of random sizes: either a clear refusal, or the model's result
//! without a hazard.

mod common;

use common::{Builder, picture, preset};
use firebrick_driver::{CompileError, CompileOptions, ExecutorDevice, Session, compile};
use firebrick_model::Model;
use firebrick_network::{Network, NodeId};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

fn network(rng: &mut SmallRng, height: usize, width: usize) -> Network {
    let mut b = Builder::new(rng.random());
    let channels = |rng: &mut SmallRng| rng.random_range(1..=70);
    let stride = rng.random_range(1..=2);
    let mut x = b.conv("first", NodeId::INPUT, channels(rng), (3, stride, 0));
    let mut size = ((height - 3) / stride + 1).min((width - 3) / stride + 1);
    for layer in 0..rng.random_range(1..=4) {
        if size >= 5 && rng.random_bool(0.4) {
            x = b.pool(&format!("pool{layer}"), x, rng.random());
            size = (size - 3) / 2 + 1;
        }
        let name = format!("layer{layer}");
        x = match rng.random_range(0..4) {
            0 => b.conv(&name, x, channels(rng), (1, 1, 0)),
            1 => b.conv(&name, x, channels(rng), (3, 1, 1)),
            _ => b.fire(&name, x, channels(rng), channels(rng), channels(rng)),
        };
    }
    let kernel = if rng.random() { (1, 1, 0) } else { (3, 1, 1) };
    let x = b.conv("last", x, channels(rng), kernel);
    b.finish(x, height, width)
}

#[test]
fn random_networks_agree_or_are_refused() {
    let mut compiled = 0;
    for seed in 0..150 {
        let rng = &mut SmallRng::seed_from_u64(seed);
        let (height, width) = (rng.random_range(8..=60), rng.random_range(8..=60));
        let network = network(rng, height, width);
        let mut config = preset();
        if rng.random() {
            config.weight_blocks = rng.random_range(60..=300);
            config.param_groups = rng.random_range(3..=40);
            config.acc_depth = rng.random_range(30..=300);
            config.block_queue = rng.random_range(2..=32);
            config.feature_words = rng.random_range(4_000..=32_768);
            config.requantisers = 1 << rng.random_range(0..=4);
        }
        let options = CompileOptions {
            check: rng.random(),
        };
        let program = match compile(&network, &config, height, width, &options) {
            Ok(program) => program,
            Err(CompileError::Memory { .. }) => continue,
            Err(error) => panic!("seed {seed}: {error}"),
        };
        compiled += 1;
        let model = Model::new(&network).unwrap();
        let mut session = Session::open(ExecutorDevice::new(&config), &config).unwrap();
        for turn in 0..2 {
            let image = picture(turn, height, width);
            let got = session
                .run(&program, &image.view())
                .unwrap_or_else(|error| panic!("seed {seed}, picture {turn}: {error}"));
            let want = model.run(&image.view()).unwrap();
            assert_eq!(got.logits, want.logits, "seed {seed}");
            for (node, map) in &got.maps {
                assert!(
                    map.view() == want.map(*node).unwrap(),
                    "seed {seed}, node {node:?}"
                );
            }
        }
    }
    assert!(compiled >= 75, "only {compiled} networks were small enough");
}

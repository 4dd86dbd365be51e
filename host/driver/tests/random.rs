//! Random networks on engines of random sizes: either a clear refusal, or the model's result
//! without a hazard.

mod common;

use common::Builder;
use firebrick_driver::{CompileError, CompileOptions, Limits, Program, Weights, compile};
use firebrick_network::random::{any_pool, thin};
use firebrick_network::{Network, NodeId, Op};
use firebrick_spec::HwConfig;
use firebrick_spec::command::Command;
use firebrick_spec::config::PRESETS;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

fn network(rng: &mut SmallRng, height: usize, width: usize) -> Network {
    let mut b = Builder::new(rng.random());
    let channels = |rng: &mut SmallRng| rng.random_range(1..=70);
    let stride = rng.random_range(1..=2);
    let kernel = [3, 7][rng.random_range(0..2)];
    let mut x = b.conv("first", NodeId::INPUT, channels(rng), (kernel, stride, 0));
    let mut size = (height.min(width) - kernel) / stride + 1;
    for layer in 0..rng.random_range(1..=4) {
        if size >= 5 && rng.random_bool(0.4) {
            x = b.push(&format!("pool{layer}"), Op::MaxPool(any_pool(rng)), &[x]);
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
    let mut network = b.finish(x, height, width);
    if rng.random_bool(0.4) {
        thin(&mut network, rng.random_range(0.3..1.0), rng.random());
    }
    network
}

/// Any preset, half of them with other, mostly smaller, memories.
fn config(rng: &mut SmallRng) -> HwConfig {
    let name = PRESETS[rng.random_range(0..PRESETS.len())];
    let mut config = HwConfig::preset(name).unwrap();
    if rng.random() {
        let scale = 256 / (config.tile * config.tile);
        config.weight_blocks = rng.random_range(60..=300) * scale;
        config.param_groups = rng.random_range(3..=40);
        config.acc_depth = rng.random_range(30..=300);
        config.block_queue = rng.random_range(2..=32);
        config.feature_words = rng.random_range(4_000..=32_768);
        config.requantisers = 1 << rng.random_range(0..=4);
    }
    config
}

fn options(rng: &mut SmallRng) -> CompileOptions {
    CompileOptions {
        plain_weights: rng.random(),
        check: rng.random(),
        map: false,
        weights: [Weights::Streamed, Weights::Auto][rng.random_range(0..2)],
        limits: Limits {
            vectors: rng.random_bool(0.3).then(|| rng.random_range(1..=300)),
        },
    }
}

#[test]
fn random_networks_agree_or_are_refused() {
    let (mut compiled, mut resident) = (0, 0);
    for seed in 0..200 {
        let rng = &mut SmallRng::seed_from_u64(seed);
        let (height, width) = (rng.random_range(16..=60), rng.random_range(16..=60));
        let network = network(rng, height, width);
        let (config, options) = (config(rng), options(rng));
        eprintln!("seed {seed}: {height}x{width} on {} lanes", config.lanes);
        let program = match compile(&network, &config, height, width, &options) {
            Ok(program) => program,
            Err(CompileError::Memory { .. }) => continue,
            Err(error) => panic!("seed {seed}: {error}"),
        };
        compiled += 1;
        resident += usize::from(program.setup().is_some());
        common::run(&network, &program, 2);
    }
    assert!(
        compiled >= 100,
        "only {compiled} networks were small enough"
    );
    assert!(resident >= 30, "only {resident} kept their weights");
}

/// Whether maps lie in rings of rows.
fn has_rings(program: &Program) -> bool {
    program
        .records()
        .iter()
        .any(|record| matches!(record.command, Command::Block(b) if b.in_ring > 0))
}

#[test]
fn maps_larger_than_the_feature_buffer_pass_row_by_row() {
    let (mut by_rows, mut checked) = (0, 0);
    for seed in 0..200 {
        let rng = &mut SmallRng::seed_from_u64(1_000 + seed);
        let (height, width) = (rng.random_range(50..=110), rng.random_range(40..=100));
        let network = network(rng, height, width);
        let mut config = HwConfig::preset(PRESETS[seed as usize % PRESETS.len()]).unwrap();
        config.feature_words = 1 << 17;
        let options = options(rng);
        let compile = |config: &HwConfig| compile(&network, config, height, width, &options);
        let Ok(roomy) = compile(&config) else {
            continue;
        };
        config.feature_words = roomy.prediction().feature_words * rng.random_range(20..90) / 100;
        let program = match compile(&config) {
            Ok(program) => program,
            Err(CompileError::Memory { .. }) => continue,
            Err(error) => panic!("seed {seed}: {error}"),
        };
        if has_rings(&program) {
            eprintln!("seed {seed}: {height}x{width} on {} lanes", config.lanes);
            by_rows += 1;
            checked += usize::from(options.check);
            common::run(&network, &program, 2);
        }
    }
    assert!(
        by_rows >= 20 && checked >= 8,
        "{by_rows}, {checked} checked"
    );
}

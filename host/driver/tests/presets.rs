//! The networks that the presets are made for, on every preset.

mod common;

use common::squeezenet_v1_1;
use firebrick_driver::{CompileError, CompileOptions, Program, Weights, compile};
use firebrick_network::SqueezeNet;
use firebrick_network::{Network, random};
use firebrick_spec::HwConfig;
use firebrick_spec::config::PRESETS;

fn report(name: &str, program: &Program) {
    let p = program.prediction();
    eprintln!(
        "{name} {:?} resident {}: busy {} bound {:.4} cycles {} utilization {:.4} in {} records {} \
         feature words {}",
        program.input(),
        program.setup().is_some(),
        p.busy_cycles,
        p.bound(),
        p.cycles,
        p.utilization(),
        program.input_bytes(),
        program.records().len(),
        p.feature_words
    );
}

fn compiled(network: &Network, name: &str, size: usize, weights: Weights) -> Program {
    let config = HwConfig::preset(name).unwrap();
    let options = CompileOptions {
        weights,
        ..CompileOptions::default()
    };
    let program = compile(network, &config, size, size, &options)
        .unwrap_or_else(|error| panic!("{name} at {size}: {error}"));
    report(name, &program);
    program
}

#[test]
fn squeezenet_v1_1_streamed_on_every_preset() {
    let network = squeezenet_v1_1(1);
    for name in PRESETS.iter().rev() {
        for size in [224, 227] {
            let program = compiled(&network, name, size, Weights::Streamed);
            if size == 224 {
                common::run(&network, &program, 2);
            }
        }
    }
}

#[test]
fn resident_weights_leave_little_to_send() {
    let network = squeezenet_v1_1(1);
    for name in PRESETS.iter().rev() {
        let name = format!("{name}-resident");
        let program = compiled(&network, &name, 224, Weights::Auto);
        assert!(program.setup().is_some(), "{name}");
        assert!(program.input_bytes() <= 200_000, "{name}");
        common::run(&network, &program, 1);
    }
}

#[test]
fn squeezenet_v1_0_with_a_padded_last_layer() {
    let mut table = SqueezeNet::v1_0();
    table.last_pad = 1;
    let network = random::squeezenet(&table, 2);
    for name in ["fb256", "fb512", "fb2048"] {
        let program = compiled(&network, name, 227, Weights::Streamed);
        common::run(&network, &program, 1);
    }
}

#[test]
fn weights_that_do_not_fit_are_refused_or_streamed() {
    let network = squeezenet_v1_1(1);
    let config = HwConfig::preset("fb2048").unwrap();
    let compile = |weights| {
        let options = CompileOptions {
            weights,
            ..CompileOptions::default()
        };
        compile(&network, &config, 224, 224, &options)
    };
    let error = compile(Weights::Resident).unwrap_err().to_string();
    assert!(error.contains("weight buffer"), "{error}");
    assert!(compile(Weights::Auto).unwrap().setup().is_none());
}

#[test]
fn random_squeezenets_of_all_figures() {
    let mut compiled = 0;
    for seed in 0..120 {
        let table = random::figures(seed);
        let network = random::squeezenet(&table, seed);
        let name = PRESETS[seed as usize % PRESETS.len()];
        let config = HwConfig::preset(name).unwrap();
        let options = CompileOptions {
            check: seed % 2 == 0,
            weights: Weights::Auto,
            ..CompileOptions::default()
        };
        let (height, width) = (table.side, table.side + seed as usize % 7);
        eprintln!("seed {seed} on {name}");
        let program = match firebrick_driver::compile(&network, &config, height, width, &options) {
            Ok(program) => program,
            // Two maps without a pool between them.
            Err(CompileError::Memory { .. }) => continue,
            Err(error) => panic!("seed {seed}: {error}"),
        };
        common::run(&network, &program, 2);
        compiled += 1;
    }
    assert!(compiled >= 116, "only {compiled} were small enough");
}

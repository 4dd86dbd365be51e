//! Additions of two maps: compiled, run on the software engine without hazards, equal to the
//! integer model.

mod common;

use common::{Builder, agree, picture, preset, run};
use firebrick_driver::{CompileError, CompileOptions, Program, Weights, compile};
use firebrick_model::timing::predict;
use firebrick_network::random::{figures, squeezenet, with_bypass};
use firebrick_network::{Network, NodeId, Op, Pool, SqueezeNet};
use firebrick_spec::HwConfig;
use firebrick_spec::command::{Block, Command};
use firebrick_spec::config::PRESETS;

/// Runs a network on every preset, with and without its maps.
fn everywhere(network: &Network, size: (usize, usize)) {
    for name in PRESETS {
        let config = HwConfig::preset(name).unwrap();
        for check in [true, false] {
            agree(network, &config, size, check, 2);
        }
    }
}

/// A network around `middle`, which gets the first convolution's map, 16 + 16 channels deep.
fn around(seed: u64, side: usize, middle: impl Fn(&mut Builder, NodeId) -> NodeId) -> Network {
    let mut b = Builder::new(seed);
    let x = b.conv("first", NodeId::INPUT, 24, (3, 2, 0));
    let x = b.fire("fire2", x, 8, 16, 16);
    let x = middle(&mut b, x);
    let x = b.conv("last", x, 12, (1, 1, 0));
    b.finish(x, side, side)
}

#[test]
fn a_bypass_around_a_module() {
    let network = around(1, 33, |b, x| {
        let y = b.fire("fire3", x, 8, 16, 16);
        b.add("add", x, y)
    });
    everywhere(&network, (33, 33));
    everywhere(&network, (20, 41));
}

#[test]
fn parts_that_lie_differently_are_added_channel_by_channel() {
    // Neither do the parts begin with a tile, nor do both maps have the same parts.
    for (one, three) in [(20, 12), (16, 16), (5, 27), (32, 0)] {
        let network = around(2, 25, |b, x| {
            let y = match three {
                0 => b.conv("fire3", x, one, (3, 1, 1)),
                _ => b.fire("fire3", x, 7, one, three),
            };
            b.add("add", y, x)
        });
        everywhere(&network, (25, 25));
    }
}

#[test]
fn pools_before_and_behind_additions() {
    for ceil in [false, true] {
        for side in [40, 43, 46] {
            let network = around(3, side, |b, x| {
                let x = b.pool("pool2", x, ceil);
                let y = b.fire("fire3", x, 8, 16, 16);
                let x = b.add("add3", x, y);
                let x = b.pool("pool3", x, ceil);
                let y = b.conv("conv4", x, 32, (3, 1, 1));
                b.add("add4", y, x)
            });
            everywhere(&network, (side, side));
        }
    }
}

#[test]
fn additions_follow_additions() {
    let network = around(4, 30, |b, x| {
        let y = b.fire("fire3", x, 8, 16, 16);
        let x = b.add("add3", x, y);
        let y = b.fire("fire4", x, 8, 16, 16);
        let z = b.add("add4", x, y);
        // Both sums again, and a map to itself.
        let x = b.add("both", x, z);
        b.add("double", x, x)
    });
    everywhere(&network, (30, 30));
}

#[test]
fn a_convolution_on_the_bypass_and_sums_in_a_concatenation() {
    let network = around(5, 27, |b, x| {
        let side = b.conv("side", x, 40, (1, 1, 0));
        let y = b.fire("fire3", x, 8, 24, 16);
        let sum = b.add("add3", side, y);
        let other = b.conv("other", x, 9, (3, 1, 1));
        let all = b.concat("all", &[other, sum]);
        b.pool("pool3", all, true)
    });
    everywhere(&network, (27, 27));
}

/// A 1x1 convolution on the bypass without ReLU is a part of the convolution that adds it, which
/// reads two maps that lie apart.
#[test]
fn a_convolution_over_two_maps_that_others_read_as_well() {
    for (one, three, kernel) in [(16, 16, 1), (5, 27, 1), (20, 7, 3)] {
        for pools in [None, Some(Pool::PAIRS), Some(Pool::three(true))] {
            let network = around(7, 37, |b, x| {
                let x = match pools {
                    Some(pool) => b.push("pool2", Op::MaxPool(pool), &[x]),
                    None => x,
                };
                let y = b.fire("fire3", x, 9, one, three);
                let x = b.joined("sum3", y, x, 33, kernel);
                let y = b.fire("fire4", x, 7, 12, 21);
                // The deeper map first.
                let x = b.joined("sum4", x, y, 40, kernel);
                match pools {
                    Some(pool) => b.push("pool4", Op::MaxPool(pool), &[x]),
                    None => x,
                }
            });
            everywhere(&network, (37, 37));
        }
    }
}

#[test]
fn a_sum_may_be_what_the_classes_are_summed_of() {
    let mut b = Builder::new(6);
    let x = b.conv("first", NodeId::INPUT, 20, (3, 1, 0));
    let y = b.conv("second", x, 20, (3, 1, 1));
    let x = b.add("add", x, y);
    let network = b.finish(x, 21, 21);
    everywhere(&network, (21, 21));
}

#[test]
fn random_squeezenets_with_bypass() {
    let (mut compiled, mut backwards) = (0, 0);
    for seed in 0..90 {
        let table = with_bypass(figures(seed));
        let network = squeezenet(&table, seed);
        let name = PRESETS[seed as usize % PRESETS.len()];
        let mut config = HwConfig::preset(name).unwrap();
        if seed % 4 == 3 {
            config.acc_depth = 64;
            config.block_queue = 4;
            config.requantisers = 1 << (seed % 5);
        }
        let options = CompileOptions {
            check: seed % 2 == 0,
            weights: [Weights::Auto, Weights::Streamed][seed as usize / 2 % 2],
            ..CompileOptions::default()
        };
        let (height, width) = (table.side, table.side + seed as usize % 7);
        eprintln!("seed {seed} on {name}");
        match compile(&network, &config, height, width, &options) {
            Ok(program) => {
                let mut blocks = blocks(&program);
                let beyond = config.feature_words as u32;
                backwards += usize::from(blocks.any(|b| b.groups > 1 && b.plane > beyond));
                run(&network, &program, 2);
            }
            Err(CompileError::Memory { .. }) => continue,
            Err(error) => panic!("seed {seed}: {error}"),
        }
        compiled += 1;
    }
    assert!(compiled >= 80, "only {compiled} were small enough");
    // The second map may lie before the first: the distance wraps.
    assert!(backwards >= 5, "{backwards}");
}

fn blocks(program: &Program) -> impl Iterator<Item = Block> + '_ {
    let records = program.records().iter();
    records.filter_map(|record| match record.command {
        Command::Block(block) => Some(block),
        _ => None,
    })
}

#[test]
fn maps_in_rings_are_added_row_by_row() {
    let mut by_rows = 0;
    for seed in 0..80 {
        let mut table = with_bypass(figures(seed));
        table.side += 40;
        let network = squeezenet(&table, seed);
        let mut config = HwConfig::preset(PRESETS[seed as usize % PRESETS.len()]).unwrap();
        config.feature_words = 1 << 17;
        let options = CompileOptions {
            check: seed % 2 == 0,
            ..CompileOptions::default()
        };
        let compile = |config: &HwConfig| {
            firebrick_driver::compile(&network, config, table.side, table.side, &options)
        };
        let Ok(roomy) = compile(&config) else {
            continue;
        };
        config.feature_words = roomy.prediction().feature_words * (30 + seed as usize % 60) / 100;
        let program = match compile(&config) {
            Ok(program) => program,
            Err(CompileError::Memory { .. }) => continue,
            Err(error) => panic!("seed {seed}: {error}"),
        };
        let sums: Vec<usize> = program
            .layers()
            .iter()
            .filter(|l| l.macs == 0)
            .map(|l| l.layer)
            .collect();
        if blocks(&program).any(|b| b.in_ring > 0 && sums.contains(&(b.layer as usize))) {
            eprintln!(
                "seed {seed}: {0}x{0} on {1} lanes",
                table.side, config.lanes
            );
            by_rows += 1;
            run(&network, &program, 2);
        }
    }
    assert!(by_rows >= 8, "{by_rows}");
}

/// SqueezeNet with the simple bypass of its paper.
fn simple_bypass(table: SqueezeNet) -> Network {
    let bypass = vec![3, 5, 7, 9];
    squeezenet(&SqueezeNet { bypass, ..table }, 1)
}

/// Compiles a whole network for every preset, without a result where it does not fit, and prints
/// what it costs.
fn whole(table: &SqueezeNet) -> Vec<(&'static str, Option<Program>)> {
    let network = simple_bypass(table.clone());
    let plain = squeezenet(table, 1);
    let side = table.side;
    let compiled = |network: &Network, config: &HwConfig| {
        compile(network, config, side, side, &CompileOptions::default())
    };
    PRESETS
        .iter()
        .map(|&name| {
            let config = HwConfig::preset(name).unwrap();
            let program = match compiled(&network, &config) {
                Ok(program) => program,
                Err(error) => {
                    assert!(matches!(error, CompileError::Memory { .. }), "{error}");
                    eprintln!("{name}: {error}");
                    return (name, None);
                }
            };
            let without = compiled(&plain, &config).unwrap();
            assert_eq!(program.macs(), without.macs());
            let figures = |program: &Program| {
                let transfer = program.transfer(&picture(1, side, side).view()).unwrap();
                let timing = predict(&config, &[&transfer]).unwrap();
                let cycles = timing.counters[0];
                let peak = program.prediction().peak;
                (cycles, program.macs() as f64 / (cycles * peak) as f64)
            };
            let (a, b) = (figures(&without), figures(&program));
            eprintln!(
                "{} at {side} on {name}: {} cycles ({:.4}) without bypass, {} ({:.4}) with, busy {}, \
                 {} and {} bytes, {} and {} feature words",
                table.name,
                a.0,
                a.1,
                b.0,
                b.1,
                program.prediction().busy_cycles,
                without.input_bytes(),
                program.input_bytes(),
                without.prediction().feature_words,
                program.prediction().feature_words,
            );
            // Two passes over each sum's planes, and little lost to their drains.
            let extra = program.prediction().busy_cycles - without.prediction().busy_cycles;
            let lost = (b.0 - a.0) as f64 - extra as f64;
            assert!(lost <= 0.007 * a.0 as f64, "{name}: {lost} cycles lost");
            (name, Some(program))
        })
        .collect()
}

#[test]
fn v1_1_with_bypass() {
    let table = SqueezeNet::v1_1();
    for (name, program) in whole(&table) {
        let Some(program) = program else {
            assert!(["fb64", "fb256-small"].contains(&name), "{name}");
            continue;
        };
        // The weights of each sum are sent once: two identity matrices.
        for layer in program.layers().iter().filter(|layer| layer.macs == 0) {
            assert!(layer.weight_bytes <= 2 * 256, "{}", layer.name);
        }
        if ["fb256", "fb2048"].contains(&name) {
            run(&simple_bypass(table.clone()), &program, 1);
        }
    }
}

#[test]
fn v1_0_with_bypass() {
    let table = SqueezeNet::v1_0();
    for (name, program) in whole(&table) {
        let Some(program) = program else {
            assert!(["fb64", "fb256-small"].contains(&name), "{name}");
            continue;
        };
        // Three maps of 55x55 pixels and 128 channels would not fit.
        assert!(program.prediction().feature_words < 3 * 55 * 55 * 8);
        if name == "fb512" {
            run(&simple_bypass(table.clone()), &program, 1);
        }
    }
}

#[test]
fn one_record_adds_a_tile() {
    let network = around(7, 97, |b, x| {
        let y = b.fire("fire3", x, 8, 16, 16);
        b.add("add", y, x)
    });
    let program = agree(&network, &preset(), (97, 97), false, 1);
    let layer = program.layers().iter().find(|l| l.name == "add").unwrap();
    assert_eq!((layer.macs, layer.kernel), (0, 1));
    assert_eq!(layer.busy_cycles, 2 * 2 * 48 * 48);
    let sums: Vec<Block> = blocks(&program)
        .filter(|block| block.layer as usize == layer.layer)
        .collect();
    assert_eq!(sums.len(), layer.records);
    // But for the last tiles before it, everything has drained.
    let pairs: Vec<&Block> = sums.iter().filter(|block| block.groups == 2).collect();
    assert!(pairs.len() > sums.len() / 2);
    // The map that is read first is the bypass; where it lies does not matter.
    let backwards = |block: &&&Block| block.plane > preset().feature_words as u32;
    eprintln!(
        "{} of {}",
        pairs.iter().filter(backwards).count(),
        pairs.len()
    );
}

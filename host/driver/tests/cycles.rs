//! What the schedule costs, by the exact model of the engine's timing.

mod common;

use common::{picture, squeezenet_v1_1};
use firebrick_driver::{CompileOptions, Order, Program, Weights, compile};
use firebrick_model::timing::{Timing, predict};
use firebrick_spec::HwConfig;
use firebrick_spec::config::PRESETS;
use firebrick_spec::regs;

/// The timing of pictures that follow each other.
fn timing(program: &Program, pictures: usize) -> Timing {
    let (height, width) = program.input();
    let image = picture(1, height, width);
    let mut transfers: Vec<Vec<u8>> = program.setup().map(<[u8]>::to_vec).into_iter().collect();
    for index in 0..pictures {
        let order = if index == 0 {
            Order::First
        } else {
            Order::Following
        };
        transfers.push(program.transfer_in_order(&image.view(), order).unwrap());
    }
    let transfers: Vec<&[u8]> = transfers.iter().map(Vec::as_slice).collect();
    predict(program.config(), &transfers).unwrap()
}

/// Cycles of one picture alone, and of each of four that follow each other.
fn cycles(program: &Program) -> (u64, f64) {
    let setup = match program.setup() {
        Some(setup) => predict(program.config(), &[setup]).unwrap().counters[0],
        None => 0,
    };
    let one = timing(program, 1).counters[0] - setup;
    let four = timing(program, 4).counters[0] - setup;
    (one, four as f64 / 4.0)
}

fn v1_1(config: &HwConfig, weights: Weights) -> Program {
    let network = squeezenet_v1_1(1);
    let options = CompileOptions {
        weights,
        ..CompileOptions::default()
    };
    compile(&network, config, 224, 224, &options).unwrap()
}

#[test]
fn every_preset_is_kept_busy() {
    for name in PRESETS.iter().rev() {
        for option in ["", "-resident"] {
            let name = format!("{name}{option}");
            let Some(config) = HwConfig::preset(&name) else {
                continue;
            };
            let program = v1_1(&config, Weights::Auto);
            let (one, each) = cycles(&program);
            let p = program.prediction();
            let useful = p.macs as f64 / p.peak as f64;
            eprintln!(
                "{name}: {one} alone ({:.4}), estimated {}, {each:.0} each of four ({:.4}), busy {}",
                useful / one as f64,
                p.cycles,
                useful / each,
                p.busy_cycles
            );
            for (pictures, timing) in [(1, timing(&program, 1)), (4, timing(&program, 4))] {
                let causes: Vec<String> = regs::CAUSES
                    .map(|cause| {
                        format!("{} {}", regs::COUNTERS[cause].name, timing.counters[cause])
                    })
                    .collect();
                eprintln!("  {pictures}: {}", causes.join(", "));
                if std::env::var("LAYERS").is_ok() {
                    for layer in program.layers() {
                        let counts = &timing.layers[layer.layer];
                        let lost: Vec<String> = (2..11)
                            .filter(|&cause| counts[cause] > 0)
                            .map(|cause| {
                                format!("{} {}", regs::COUNTERS[cause].name, counts[cause])
                            })
                            .collect();
                        eprintln!("    {}: busy {} {}", layer.name, counts[1], lost.join(" "));
                    }
                }
            }
        }
    }
}

//! What the schedule costs, by the exact model of the engine's timing.

mod common;

use common::{picture, squeezenet_v1_1};
use firebrick_driver::{CompileOptions, Program, TransferOrder, Weights, compile};
use firebrick_model::timing::{Timing, predict};
use firebrick_spec::HwConfig;
use firebrick_spec::regs;

/// The timing of pictures that follow each other.
fn timing(program: &Program, pictures: usize) -> Timing {
    let (height, width) = program.input();
    let image = picture(1, height, width);
    let mut transfers: Vec<Vec<u8>> = program.setup().map(<[u8]>::to_vec).into_iter().collect();
    for index in 0..pictures {
        let order = if index == 0 {
            TransferOrder::First
        } else {
            TransferOrder::Following
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

/// Preset, least share of the array's work that is useful when pictures follow each other.
const TARGETS: [(&str, f64); 6] = [
    ("fb64", 0.98),
    ("fb256-small", 0.98),
    ("fb256", 0.98),
    ("fb512", 0.975),
    ("fb1024", 0.965),
    ("fb2048", 0.95),
];

#[test]
fn every_preset_is_kept_busy() {
    for (name, target) in TARGETS {
        for (option, weights) in [("", Weights::Streamed), ("-resident", Weights::Resident)] {
            let name = format!("{name}{option}");
            let config = HwConfig::preset(&name).unwrap();
            let program = v1_1(&config, weights);
            let (one, each) = cycles(&program);
            let p = program.prediction();
            let useful = p.macs as f64 / p.peak as f64;
            let causes: Vec<String> = regs::CAUSES
                .zip(timing(&program, 4).counters[regs::CAUSES].iter())
                .map(|(cause, cycles)| format!("{} {cycles}", regs::COUNTERS[cause].name))
                .collect();
            eprintln!(
                "{name}: {one} alone ({:.4}), estimated {}, {each:.0} each of four ({:.4}); {}",
                useful / one as f64,
                p.cycles,
                useful / each,
                causes.join(", ")
            );
            assert!(useful / each >= target, "{name}");
            assert!(useful / one as f64 >= target - 0.01, "{name}");
        }
    }
}

#[test]
fn two_thousand_multipliers_meet_their_target() {
    let config = HwConfig::preset("fb2048").unwrap();
    let (one, each) = cycles(&v1_1(&config, Weights::Streamed));
    assert!(one <= 189_000, "{one}");
    assert!(each <= 181_300.0, "{each}");
}

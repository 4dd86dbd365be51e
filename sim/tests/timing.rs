//! The timing model against the emitted Verilog: every counter, in total and by layer, and the
//! cycle of every trailer must be what was predicted.

#[path = "../../host/model/tests/timing/streams.rs"]
mod streams;

#[path = "timing/engine.rs"]
mod engine;

use std::sync::{Mutex, MutexGuard, OnceLock};

use engine::Engine;
use firebrick_driver::{CompileOptions, Limits, Program, TransferOrder, Weights, compile};
use firebrick_network::random::{figures, picture, squeezenet, thin, with_bypass};
use firebrick_sim::bus::{Testbench, seed_or};
use firebrick_sim::{Builder, Model, SimOptions, engine_design};
use firebrick_spec::HwConfig;
use firebrick_spec::regs::CAUSES;

/// One build at a time: the first fills the cache, the others find it.
fn build_lock() -> MutexGuard<'static, ()> {
    static LOCK: OnceLock<Mutex<()>> = OnceLock::new();
    LOCK.get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(|e| e.into_inner())
}

fn engine(preset: &str) -> Engine {
    let config = HwConfig::preset(preset).unwrap();
    // As in presets.rs, so that both find the same model.
    let options = SimOptions {
        quick_build: config.lanes > 1 || config.packed,
        ..SimOptions::default()
    };
    let built = {
        let _one = build_lock();
        let design = engine_design(&config, &options).unwrap();
        Builder::new().build(&design).unwrap()
    };
    let model = Model::load(&built, 0).unwrap();
    Engine::on(config, Testbench::engine(model, 0).unwrap())
}

/// All transfers for so many pictures: what stays in the engine, the first, those that follow.
fn transfers(program: &Program, pictures: usize, seed: u64) -> Vec<Vec<u8>> {
    let (height, width) = program.input();
    let picture = picture(height, width, seed);
    let mut transfers: Vec<Vec<u8>> = program.setup().map(<[u8]>::to_vec).into_iter().collect();
    for i in 0..pictures {
        let order = if i == 0 {
            TransferOrder::First
        } else {
            TransferOrder::Following
        };
        transfers.push(program.transfer_in_order(&picture.view(), order).unwrap());
    }
    transfers
}

/// Random small networks: streamed and resident, one picture alone and several back to back,
/// with and without feature maps.
fn networks(preset: &str, count: u64) {
    let seed = seed_or(300);
    let mut engine = engine(preset);
    let mut resident = 0;
    for seed in seed..seed + count {
        let table = figures(seed);
        let mut network = squeezenet(&table, seed);
        if seed.is_multiple_of(2) {
            thin(&mut network, 0.7, seed);
        }
        for weights in [Weights::Streamed, Weights::Auto] {
            let options = CompileOptions {
                plain_weights: false,
                check: seed.is_multiple_of(3),
                map: seed.is_multiple_of(5),
                weights,
                limits: Limits::default(),
            };
            let side = table.side;
            let program = compile(&network, &engine.config, side, side, &options).unwrap();
            resident += u64::from(program.setup().is_some());
            for pictures in [1, 3] {
                let transfers = transfers(&program, pictures, seed);
                let transfers: Vec<&[u8]> = transfers.iter().map(Vec::as_slice).collect();
                let what = format!("{preset}: network {seed}, {weights:?}, {pictures} pictures");
                engine.agrees(&what, &transfers);
            }
        }
    }
    assert!(resident > 0, "no network kept its weights");
}

/// Networks whose modules have a bypass, small enough for every preset.
fn bypass(preset: &str, count: usize) {
    let mut engine = engine(preset);
    let small = |seed: &u64| figures(*seed).side <= 30;
    for seed in (seed_or(350)..).filter(small).take(count) {
        let table = with_bypass(figures(seed));
        let options = CompileOptions {
            check: seed.is_multiple_of(3),
            ..CompileOptions::default()
        };
        let (network, side) = (squeezenet(&table, seed), table.side);
        let program = compile(&network, &engine.config, side, side, &options).unwrap();
        let sums = program.layers().iter().filter(|layer| layer.macs == 0);
        let sums: Vec<usize> = sums.map(|layer| layer.layer).collect();
        assert_eq!(sums.len(), table.bypass.len());
        for pictures in [1, 3] {
            let transfers = transfers(&program, pictures, seed);
            let transfers: Vec<&[u8]> = transfers.iter().map(Vec::as_slice).collect();
            let what = format!("{preset}: bypass {seed}, {pictures} pictures");
            let timing = engine.agrees(&what, &transfers);
            for &sum in &sums {
                assert!(timing.layers[sum][CAUSES.start] > 0, "{what}");
            }
        }
    }
}

/// Records by chance: whatever the control does, also what no scheduler asks for.
fn records(preset: &str, count: u64) {
    let seed = seed_or(400);
    let mut engine = engine(preset);
    let mut busy = 0;
    for seed in seed..seed + count {
        let transfers = streams::random(&engine.config, seed);
        let transfers: Vec<&[u8]> = transfers.iter().map(Vec::as_slice).collect();
        let timing = engine.agrees(&format!("{preset}: records {seed}"), &transfers);
        busy += timing.counters[CAUSES.start];
    }
    assert!(busy > 0, "no record was a block");
}

macro_rules! presets {
    ($($module:ident = $preset:literal, $networks:literal, $records:literal;)*) => {
        $(mod $module {
            #[test]
            fn networks() {
                super::networks($preset, $networks);
            }

            #[test]
            fn records() {
                super::records($preset, $records);
            }

            #[test]
            fn bypass() {
                super::bypass($preset, 4);
            }
        })*
    };
}

presets! {
    fb64 = "fb64", 14, 60;
    fb64_packed_xc7 = "fb64-packed-xc7", 10, 40;
    fb256_small_packed_xc7 = "fb256-small-packed-xc7", 10, 40;
    fb256 = "fb256", 10, 40;
    fb512 = "fb512", 8, 30;
    fb1024_packed_xcup = "fb1024-packed-xcup", 6, 20;
    fb2048 = "fb2048", 4, 12;
}

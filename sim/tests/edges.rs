//! The engine at its edges: tiles of one and two vectors, maps down to 1x1, waits that hold, records
//! right behind each other, resets in any state. Everything is compared with the software engine,
//! the integer model and the timing model.
//!
//! The ignored tests are the campaign of `scripts/edges`.

#[path = "edges/bench.rs"]
mod bench;
#[path = "edges/corners.rs"]
mod corners;
#[path = "timing/engine.rs"]
mod engine;
#[path = "edges/legal.rs"]
mod legal;
#[path = "edges/mutants.rs"]
mod mutants;
#[path = "edges/networks.rs"]
mod networks;
#[path = "../../host/model/tests/timing/streams.rs"]
mod records;
#[path = "edges/registers.rs"]
mod registers;
#[path = "edges/resets.rs"]
mod resets;
#[path = "edges/waits.rs"]
mod waits;

use bench::Bench;
use firebrick_sim::bus::seed_or;
use legal::Kinds;

/// Probabilities of idle cycles and of back-pressure, in turn.
const DISTURBANCES: [f64; 3] = [0.0, 0.1, 0.5];

/// Random streams on a preset; gives what their tiles were like.
fn streams(preset: &str, first: u64, count: u64) -> Kinds {
    let mut bench = Bench::new(preset, first);
    let mut all = Kinds::default();
    for seed in first..first + count {
        let case = legal::case(&bench.config, seed);
        let disturbance = DISTURBANCES[seed as usize % DISTURBANCES.len()];
        if let Err(error) = bench.compare(&case.transfers, &case.packets, disturbance) {
            panic!("{preset}, stream {seed}, disturbance {disturbance}: {error}");
        }
        all.tiles += case.kinds.tiles;
        all.shortest += case.kinds.shortest;
        all.short += case.kinds.short;
    }
    all
}

macro_rules! presets {
    ($($module:ident = $preset:literal, $streams:literal, $networks:literal;)*) => {
        $(mod $module {
            #[test]
            fn streams() {
                let kinds = super::streams($preset, super::seed_or(7_000), $streams);
                // A third of the tiles, and more, have at most two weight loads.
                assert!(3 * kinds.short >= kinds.tiles, "{kinds:?}");
                assert!(8 * kinds.shortest >= kinds.tiles, "{kinds:?}");
            }

            #[test]
            fn networks() {
                super::networks::run($preset, super::seed_or(8_000), $networks);
            }
        })*
    };
}

presets! {
    fb64 = "fb64", 60, 20;
    fb256 = "fb256", 60, 20;
    fb64_packed_xc7 = "fb64-packed-xc7", 40, 12;
    fb256_small_packed_xc7 = "fb256-small-packed-xc7", 30, 8;
    fb256_resident = "fb256-resident", 40, 20;
    fb512 = "fb512", 40, 14;
    fb1024_packed_xcup = "fb1024-packed-xcup", 24, 8;
    fb2048 = "fb2048", 12, 6;
}

/// A number from the environment.
fn figure(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text}")),
        Err(_) => default,
    }
}

/// One preset's part of the campaign: as many cases as asked for, and a line with what there was.
#[test]
#[ignore = "a campaign: see scripts/edges"]
fn campaign() {
    let preset = std::env::var("FIREBRICK_PRESET").unwrap_or_else(|_| "fb256".into());
    let seed = seed_or(100_000);
    let (streams, networks) = (
        figure("FIREBRICK_STREAMS", 1000),
        figure("FIREBRICK_NETWORKS", 500),
    );
    let kinds = self::streams(&preset, seed, streams);
    let tally = networks::run(&preset, seed, networks);
    println!(
        "{{\"preset\":\"{preset}\",\"seed\":{seed},\"streams\":{streams},\"tiles\":{},\
         \"two_vectors\":{},\"short\":{},\"networks\":{},\"refused\":{},\"values\":{}}}",
        kinds.tiles, kinds.shortest, kinds.short, tally.compiled, tally.refused, tally.values
    );
}

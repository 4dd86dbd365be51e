//! Mutants of the engine's Verilog, many in one build, of which an input of the top module chooses
//! one: each runs until a check finds it. Run by `scripts/mutate`, which makes the Verilog and reads
//! the lines that this prints.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use firebrick_driver::{CompileOptions, Executor, TransferOrder, Weights, compile};
use firebrick_network::random::{picture, tiny};
use firebrick_rtl::top;
use firebrick_sim::{Builder, Design, Model, VerilatedModel};
use firebrick_spec::HwConfig;
use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::bench::Bench;
use super::engine::Engine;
use super::{corners, figure, legal, records, registers, resets, waits};

/// The engine under test: a fresh one, of any state, with one mutant chosen.
struct Engines<'a> {
    built: &'a VerilatedModel,
    config: &'a HwConfig,
    mutant: u64,
}

impl Engines<'_> {
    /// Before any reset.
    fn raw(&self, seed: u64) -> Bench {
        let mut model = Model::load(self.built, seed as u32).unwrap();
        // Random otherwise; an engine as it was emitted has no such port.
        if model.has_port("mutant") {
            let port = model.port("mutant").unwrap();
            model.set(port, self.mutant);
        }
        Bench::unreset(self.config.clone(), model, seed)
    }

    /// After one cycle of reset.
    fn reset(&self, seed: u64) -> Bench {
        let mut bench = self.raw(seed);
        bench.bench.reset(1).unwrap();
        // A reset takes two cycles to arrive, in which a beat of that state may leave.
        bench.bench.run(3).unwrap();
        bench.bench.sink_mut(bench.sink).clear();
        bench
    }
}

type Check = fn(&Engines) -> Result<(), String>;

/// The cheapest first. What a check compares with is in its own file.
const CHECKS: [(&str, Check); 12] = [
    ("streams", |engines| streams(engines, 0, 3)),
    ("registers", |engines| {
        registers::registers(&mut engines.reset(2));
        Ok(())
    }),
    ("counters", |engines| counters(engines, 400..412)),
    ("networks", |engines| networks(engines, 8)),
    ("state after a reset", |engines| {
        for seed in 1..8 {
            let mut bench = engines.raw(seed);
            for _ in 0..seed % 4 {
                bench.bench.model_mut().tick().unwrap();
            }
            bench.bench.reset(1).unwrap();
            resets::clean(&mut bench, &format!("state {seed}"));
        }
        let mut bench = engines.reset(3);
        bench.bench.run(8).unwrap();
        resets::idle_in_reset(&mut bench);
        Ok(())
    }),
    ("damaged streams", |engines| {
        corners::damaged(&mut engines.reset(4), 2, 120).map(drop)
    }),
    ("soft resets", |engines| {
        let rng = &mut SmallRng::seed_from_u64(11);
        resets::soft_resets(&mut engines.reset(5), rng, 20);
        resets::errors_and_resets(&mut engines.reset(6), 40);
        resets::results_before_a_fault(&mut engines.reset(7), 6);
        Ok(())
    }),
    ("waits", |engines| {
        let mut bench = engines.reset(8);
        waits::short_tiles(&mut bench);
        waits::drains(&mut bench);
        waits::stores(&mut bench);
        waits::full_queues(&mut bench);
        Ok(())
    }),
    ("held output", |engines| held(engines, 12)),
    ("corners of fields", |engines| {
        corners::corners_of_fields(&mut engines.reset(9), 1, 1).map(drop)
    }),
    ("more streams", |engines| streams(engines, 3, 60)),
    ("more counters", |engines| counters(engines, 412..460)),
];

/// Random streams with every wait as loose as it may be.
fn streams(engines: &Engines, first: u64, end: u64) -> Result<(), String> {
    let mut bench = engines.reset(1);
    for seed in first..end {
        let case = legal::case(engines.config, 7_000 + seed);
        let disturbance = super::DISTURBANCES[seed as usize % 3];
        let ran = bench.compare(&case.transfers, &case.packets, disturbance);
        ran.map_err(|error| format!("stream {seed}: {error}"))?;
    }
    Ok(())
}

/// Streams whose results nobody takes for long, so that every queue behind the decoder fills.
fn held(engines: &Engines, count: u64) -> Result<(), String> {
    let mut bench = engines.reset(1);
    bench.hold = 12_000;
    for seed in 0..count {
        let case = legal::case(engines.config, 7_500 + seed);
        let ran = bench.compare(&case.transfers, &case.packets, 0.0);
        ran.map_err(|error| format!("stream {seed}, held: {error}"))?;
    }
    Ok(())
}

/// Random records, whose every counter is predicted.
fn counters(engines: &Engines, seeds: std::ops::Range<u64>) -> Result<(), String> {
    let bench = engines.reset(1);
    let parts = (bench.bench, bench.source, bench.sink, bench.lite);
    let mut engine = Engine::on(engines.config.clone(), parts);
    for seed in seeds {
        let transfers = records::random(engines.config, seed);
        let transfers: Vec<&[u8]> = transfers.iter().map(Vec::as_slice).collect();
        engine.agrees(&format!("records {seed}"), &transfers);
    }
    Ok(())
}

/// Small networks, two pictures back to back.
fn networks(engines: &Engines, count: u64) -> Result<(), String> {
    let mut bench = engines.reset(1);
    for seed in 0..count {
        let (network, height, width) = tiny(8_000 + seed);
        let options = CompileOptions {
            check: seed % 2 == 0,
            weights: Weights::Auto,
            ..CompileOptions::default()
        };
        let Ok(program) = compile(&network, engines.config, height, width, &options) else {
            continue;
        };
        let mut transfers: Vec<Vec<u8>> = program.setup().map(<[u8]>::to_vec).into_iter().collect();
        for (index, order) in [TransferOrder::First, TransferOrder::Following]
            .into_iter()
            .enumerate()
        {
            let image = picture(height, width, seed + index as u64);
            transfers.push(program.transfer_in_order(&image.view(), order).unwrap());
        }
        let mut model = Executor::new(engines.config);
        let packets: Vec<_> = transfers.iter().map(|t| model.run(t).unwrap()).collect();
        let disturbance = super::DISTURBANCES[seed as usize % 3];
        let ran = bench.compare(&transfers, &packets, disturbance);
        ran.map_err(|error| format!("network {seed}: {error}"))?;
    }
    Ok(())
}

/// Runs a check; what it asserts is an error as well.
fn attempt(check: Check, engines: &Engines) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| check(engines))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(text.unwrap_or("a panic").to_owned())
    })
}

/// The check that finds a mutant, as a line of JSON.
fn verdict(engines: &Engines, checks: &[(&str, Check)]) -> String {
    let (begin, number) = (Instant::now(), engines.mutant);
    for (name, check) in checks {
        if let Err(error) = attempt(*check, engines) {
            let hung = error.contains(": not within ") || error.contains("Timeout {");
            let verdict = if hung { "hung" } else { "killed" };
            let line = error.lines().next().unwrap_or_default();
            let text: String = line.chars().filter(|c| !"\"\\".contains(*c)).collect();
            let took = begin.elapsed().as_secs_f64();
            return format!(
                "{{\"mutant\":{number},\"verdict\":\"{verdict}\",\"check\":\"{name}\",\
                 \"seconds\":{took:.1},\"why\":\"{text}\"}}"
            );
        }
    }
    let took = begin.elapsed().as_secs_f64();
    format!("{{\"mutant\":{number},\"verdict\":\"survived\",\"seconds\":{took:.1}}}")
}

/// The numbers to run: `1-340` or `3,17`.
fn numbers(text: &str) -> Vec<u64> {
    text.split(',')
        .flat_map(|part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("number {text:?}"));
            number(first)..=number(last)
        })
        .collect()
}

fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

/// Every mutant of a file, between two runs of the engine as it was emitted.
#[test]
#[ignore = "a campaign: see scripts/mutate"]
fn mutants() {
    let config = HwConfig::preset(&setting("FIREBRICK_PRESET")).unwrap();
    let verilog = std::fs::read_to_string(setting("FIREBRICK_VERILOG")).unwrap();
    let design = Design::new(top::TOP, resets::uninitialised(&verilog)).random_reset(true);
    let built = Builder::new()
        .build(&design.primitives().optimise(1))
        .unwrap();
    let engines = |mutant| Engines {
        built: &built,
        config: &config,
        mutant,
    };
    std::panic::set_hook(Box::new(|_| {}));
    let control = |when: &str| {
        let said = verdict(&engines(0), &CHECKS);
        println!("{said}");
        assert!(said.contains("survived"), "the control {when}: {said}");
    };
    control("before all mutants");
    let (numbers, next) = (numbers(&setting("FIREBRICK_MUTANTS")), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..figure("FIREBRICK_THREADS", 2) {
            scope.spawn(|| {
                while let Some(&number) = numbers.get(next.fetch_add(1, Ordering::Relaxed)) {
                    println!("{}", verdict(&engines(number), &CHECKS));
                }
            });
        }
    });
    control("after all mutants");
}

/// All checks on an engine that counts what they reach. Run by `scripts/coverage`, which names the
/// folder for the counts.
#[test]
#[ignore = "a campaign: see scripts/coverage"]
fn coverage() {
    let config = HwConfig::preset(&setting("FIREBRICK_PRESET")).unwrap();
    let verilog = std::fs::read_to_string(setting("FIREBRICK_VERILOG")).unwrap();
    let design = Design::new(top::TOP, verilog).coverage(true);
    let built = Builder::new()
        .build(&design.primitives().optimise(1))
        .unwrap();
    let engines = Engines {
        built: &built,
        config: &config,
        mutant: 0,
    };
    for (name, check) in CHECKS {
        check(&engines).unwrap_or_else(|error| panic!("{name}: {error}"));
        println!("{name}");
    }
}

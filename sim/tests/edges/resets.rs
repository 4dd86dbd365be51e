//! Faults and resets: what comes out, what does not, and what is left.

use firebrick_driver::Executor;
use firebrick_sim::{Builder, Design, Model, engine_design};
use firebrick_spec::HwConfig;
use firebrick_spec::command::{Command, ErrorCode, Rows, Store};
use firebrick_spec::latency::RESET_LATENCY;
use firebrick_spec::regs;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::bench::{Bench, build_lock, options, split};
use super::legal::{self, Item, transfer};
use super::seed_or;

/// A stream with nothing in it but a store of what lies there, 8 words and the trailer.
fn small(config: &HwConfig, tag: u32) -> Vec<u8> {
    let store = Item {
        command: Command::Store(Store { base: 0, count: 8 }),
        payload: Vec::new(),
    };
    transfer(config, [&store], tag)
}

/// A stream that is at fault: how, and the error.
fn bad(config: &HwConfig, kind: usize) -> (Vec<u8>, ErrorCode) {
    match kind {
        0 => {
            let mut bytes = small(config, 9);
            bytes[40] ^= 1;
            (bytes, ErrorCode::BadCrc)
        }
        1 => {
            let mut bytes = small(config, 9);
            let end = bytes.len() - 32;
            bytes.drain(32..64);
            bytes.truncate(end - 32);
            (bytes, ErrorCode::EarlyEnd)
        }
        _ => {
            // The window unit leaves the feature buffer.
            let words = config.feature_words as u32;
            let rows = Rows {
                first: true,
                base: words - 4,
                plane: 8,
                width: 10,
                rows: 3,
                kernel: 3,
                stride: 1,
                ..Rows::default()
            };
            let rows = Item {
                payload: vec![1; Command::Rows(rows).payload_bytes(config)],
                command: Command::Rows(rows),
            };
            (transfer(config, [&rows], 9), ErrorCode::FeatureRange)
        }
    }
}

/// Results of the transfers that were accepted come out, however long the host leaves them.
pub fn results_before_a_fault(bench: &mut Bench, cases: u64) {
    let config = bench.config.clone();
    let preset = &config.name;
    for (case, kind) in (0..cases).zip([0, 1, 2].into_iter().cycle()) {
        let case = legal::case(&config, 9_000 + case);
        let (bytes, code) = bad(&config, kind);
        bench.bench.set_disturbance(0.0, 0.0, 0.0);
        bench.bench.sink_mut(bench.sink).clear();
        bench.soft_reset();
        let paused = kind != 1;
        bench.bench.sink_mut(bench.sink).set_paused(paused);
        for transfer in &case.transfers {
            bench.send(transfer);
        }
        bench.send(&bytes);
        // What comes behind the fault is dropped.
        bench.send(&small(&config, 10));
        if paused {
            bench.bench.run(5_000).unwrap();
            bench.bench.sink_mut(bench.sink).set_paused(false);
        }
        let (source, sink) = (bench.source, bench.sink);
        bench
            .bench
            .run_until("all input", Bench::PATIENCE, |b| {
                b.source(source).waiting() == 0
            })
            .unwrap();
        bench.bench.run(20_000).unwrap();
        assert_eq!(bench.read(regs::ERROR) & 0xff, code as u32, "{preset}");
        for (index, want) in case.packets.iter().enumerate() {
            let got = bench.bench.sink_mut(sink).take_packet();
            let got = got.unwrap_or_else(|| panic!("{preset}: packet {index} is lost"));
            assert!(split(&got).unwrap().0 == split(want).unwrap().0);
        }
        assert!(bench.bench.sink_mut(sink).take_packet().is_none());
        assert_eq!(bench.read(regs::RESULTS), case.packets.len() as u32);
    }
}

#[test]
fn good_results_come_out_before_a_fault() {
    for preset in ["fb64", "fb256", "fb512"] {
        results_before_a_fault(&mut Bench::new(preset, 5), 12);
    }
}

/// Soft resets at any moment, with a host that takes beats now and then: the rules of AXI4-Stream
/// hold (the bus model checks them), every packet ends, and the next stream is right. Gives how many
/// packets were broken off.
pub fn soft_resets(bench: &mut Bench, rng: &mut SmallRng, cases: u64) -> u32 {
    let config = bench.config.clone();
    let preset = &config.name;
    let mut aborted = 0;
    for case in 0..cases {
        let case = legal::case(&config, 9_500 + case);
        let back_pressure = [0.0, 0.5, 0.9][rng.random_range(0..3)];
        bench.bench.set_disturbance(0.0, back_pressure, 0.0);
        bench.bench.sink_mut(bench.sink).clear();
        for transfer in &case.transfers {
            bench.send(transfer);
        }
        bench.bench.run(rng.random_range(1..20_000)).unwrap();
        bench.bench.source_mut(bench.source).clear();
        bench.soft_reset();
        let mut looks = 0;
        while bench.read(regs::STATUS) & regs::status::ABORTING.mask() != 0 {
            looks += 1;
            assert!(looks < 10_000, "{preset}: the packet does not end");
        }
        let sink = bench.sink;
        for want in &case.packets {
            let Some(packet) = bench.bench.sink_mut(sink).take_packet() else {
                break;
            };
            let (got, want) = (split(&packet).unwrap().0, split(want).unwrap().0);
            if packet.ends_with(&[0xff; 16]) {
                aborted += 1;
                assert!(want.starts_with(got), "{preset}: beats before the break");
                break;
            }
            assert!(got == want, "{preset}: a packet before the reset");
        }
        assert!(
            bench.bench.sink(sink).is_empty(),
            "{preset}: a packet was left open"
        );
        // Without a second reset, which would clear what the first has left.
        bench.bench.set_disturbance(0.0, 0.0, 0.0);
        if let Err(error) = bench.follow(&case.transfers, &case.packets, true) {
            panic!("{preset}: after the reset: {error}");
        }
    }
    aborted
}

#[test]
fn a_soft_reset_at_any_moment_leaves_whole_packets() {
    let rng = &mut SmallRng::seed_from_u64(seed_or(11));
    for preset in ["fb64", "fb256"] {
        let aborted = soft_resets(&mut Bench::new(preset, 6), rng, 40);
        assert!(aborted > 5, "{preset}: {aborted} packets were broken off");
    }
}

/// Nothing is taken on any channel while `aresetn` is low, and nothing is offered.
#[test]
fn nothing_is_taken_during_a_reset() {
    idle_in_reset(&mut Bench::new("fb64", 7));
}

pub fn idle_in_reset(bench: &mut Bench) {
    let model = bench.bench.model_mut();
    let port = |model: &Model, name: &str| model.port(name).unwrap();
    let valids = [
        "s_axil_arvalid",
        "s_axil_awvalid",
        "s_axil_wvalid",
        "s_axis_tvalid",
    ];
    let readies = [
        "s_axil_arready",
        "s_axil_awready",
        "s_axil_wready",
        "s_axis_tready",
    ];
    for name in valids {
        let at = port(model, name);
        model.set(at, 1);
    }
    let reset = port(model, "aresetn");
    model.set(reset, 0);
    for cycle in 0..4 {
        model.eval().unwrap();
        for name in readies {
            assert_eq!(model.get(port(model, name)), 0, "{name}, cycle {cycle}");
        }
        if cycle > 0 {
            for name in ["m_axis_tvalid", "s_axil_rvalid", "s_axil_bvalid", "irq"] {
                assert_eq!(model.get(port(model, name)), 0, "{name}, cycle {cycle}");
            }
        }
        model.tick().unwrap();
    }
    model.set(reset, 1);
    let stream = port(model, "s_axis_tready");
    // On its way to the statistics, and then a word a cycle.
    for cycle in 0..RESET_LATENCY + 1_024 {
        model.eval().unwrap();
        assert_eq!(model.get(stream), 0, "s_axis_tready, {cycle} cycles after");
        if cycle == 0 {
            for name in &readies[..3] {
                assert_eq!(model.get(port(model, name)), 1, "{name} after the reset");
            }
        }
        model.tick().unwrap();
    }
    model.eval().unwrap();
    assert_eq!(model.get(stream), 1, "s_axis_tready after the statistics");
}

/// A range error, a soft reset, and a range error again: none survives, and neither does the one
/// that a reset of a single cycle meets.
#[test]
fn no_error_survives_a_reset() {
    let errors = errors_and_resets(&mut Bench::new("fb64", 8), 80);
    assert!((40..140).contains(&errors), "{errors} resets met an error");
}

/// Gives how many resets met an error, which came after at most so many cycles.
pub fn errors_and_resets(bench: &mut Bench, delays: u64) -> u32 {
    let config = bench.config.clone();
    let good = legal::case(&config, 9_800);
    let (bytes, _) = bad(&config, 2);
    let irq = bench.bench.model().port("irq").unwrap();
    let enable = |bench: &mut Bench| {
        let register = regs::IRQ_ENABLE.offset;
        bench.bench.write(bench.lite, register, 2).unwrap();
    };
    enable(bench);
    let mut errors = 0;
    for (delay, soft) in (0..delays).flat_map(|delay| [(delay, false), (delay, true)]) {
        bench.bench.sink_mut(bench.sink).clear();
        // Until the statistics are cleared, nothing is taken.
        bench.bench.run(1_100).unwrap();
        bench.send(&bytes);
        bench.bench.run(delay).unwrap();
        bench.bench.source_mut(bench.source).clear();
        errors += u32::from(bench.bench.model().get(irq) != 0);
        if !soft {
            bench.bench.reset(1).unwrap();
            // What interrupts are enabled goes with such a reset.
            enable(bench);
        } else {
            bench.soft_reset();
        }
        assert_eq!(bench.read(regs::ERROR), 0, "after {delay} cycles");
        if delay % 10 == 0 {
            bench.compare(&good.transfers, &good.packets, 0.0).unwrap();
        }
    }
    errors
}

/// The Verilog without any initial value of a register or a memory.
pub fn uninitialised(design: &str) -> String {
    let mut out = String::with_capacity(design.len());
    let mut skipping = false;
    for line in design.lines() {
        let text = line.trim();
        if text == "initial begin" {
            skipping = true;
        }
        if !skipping && !text.starts_with("initial ") {
            out.push_str(line);
            out.push('\n');
        }
        if skipping && text == "end" {
            skipping = false;
        }
    }
    out
}

/// What the engine says of itself after a reset.
pub fn clean(bench: &mut Bench, what: &str) {
    for register in [regs::ERROR, regs::IRQ_STATUS, regs::RESULTS, regs::SCRATCH] {
        assert_eq!(bench.read(register), 0, "{what}: {}", register.name);
    }
    assert_eq!(bench.read(regs::CYCLES_HI), 0, "{what}: CYCLES_HI");
    for index in [0, 17, 0x3ff] {
        bench
            .bench
            .write(bench.lite, regs::STATS_INDEX.offset, index)
            .unwrap();
        bench.bench.run(2_000).unwrap();
        assert_eq!(
            bench.read(regs::STATS_DATA),
            0,
            "{what}: STATS_DATA {index}"
        );
    }
}

/// Registers and memories of any content, one cycle of reset, and streams are right. Nothing that
/// the engine says of itself depends on initial values.
#[test]
fn one_cycle_of_reset_is_enough_from_any_state() {
    for (preset, seeds) in [("fb64", 100), ("fb512", 12)] {
        let config = HwConfig::preset(preset).unwrap();
        let built = {
            let _one = build_lock();
            let verilog = firebrick_rtl::top::generate(&config).unwrap();
            let stripped = uninitialised(&verilog);
            assert!(!stripped.contains("initial"), "an initial value is left");
            let quick = engine_design(&config, &options(&config, 0)).unwrap();
            let design = Design::new(quick.top(), stripped)
                .random_reset(true)
                .optimise(1);
            Builder::new().build(&design).unwrap()
        };
        for seed in 1..=seeds {
            let model = Model::load(&built, seed).unwrap();
            let mut bench = Bench::unreset(config.clone(), model, u64::from(seed));
            // Some cycles of whatever such a state does.
            for _ in 0..seed % 4 {
                bench.bench.model_mut().tick().unwrap();
            }
            bench.bench.reset(1).unwrap();
            let what = format!("{preset}, state {seed}");
            clean(&mut bench, &what);
            let case = legal::case(&config, 9_900 + u64::from(seed));
            let got = bench.exchange(&case.transfers, Bench::PATIENCE);
            let got = got.unwrap_or_else(|error| panic!("{what}: {error}"));
            for (got, want) in got.iter().zip(&case.packets) {
                assert!(split(got).unwrap().0 == split(want).unwrap().0, "{what}");
            }
        }
    }
}

/// The software engine is the same after a reset too.
#[test]
fn the_software_engine_agrees_about_resets() {
    let config = HwConfig::preset("fb64").unwrap();
    let case = legal::case(&config, 9_950);
    let mut engine = Executor::new(&config);
    for _ in 0..2 {
        for (index, (transfer, want)) in case.transfers.iter().zip(&case.packets).enumerate() {
            let got = engine.run(transfer).unwrap();
            assert!(split(&got).unwrap().0 == split(want).unwrap().0, "{index}");
        }
        engine.soft_reset();
    }
}

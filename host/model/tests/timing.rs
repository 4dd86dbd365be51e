//! The timing model: mechanisms with counts made by hand, skipping against stepping.

#[path = "timing/streams.rs"]
mod streams;

use firebrick_model::timing::{self, Stepping, Timing, TimingError, predict, predict_with};
use firebrick_spec::HwConfig;
use firebrick_spec::command::{Block, Command, ErrorCode, Load, Mode, Store, WAIT_NONE};
use firebrick_spec::config::PRESETS;
use firebrick_spec::latency::{
    DRAIN_LATENCY, DRAIN_PACE, OUTPUT_LATENCY, RECORD_CYCLES, TAP_LATENCY, handover_latency,
    sums_beat_latency, sums_pace, tap_pace,
};
use firebrick_spec::regs::{CAUSES, COUNTERS, Register};
use streams::{Stream, random};

fn preset(name: &str) -> HwConfig {
    HwConfig::preset(name).unwrap()
}

/// The timing of one transfer.
fn time(config: &HwConfig, transfer: &[u8]) -> Result<Timing, TimingError> {
    predict(config, &[transfer])
}

/// A load of `count` entries that waits for nothing.
fn load(count: u32) -> Load {
    Load {
        wait: WAIT_NONE,
        base: 0,
        count,
    }
}

/// A block of one pass over `count` positions of a map that is `width` wide.
fn block(count: u32, width: u32) -> Block {
    Block {
        first: true,
        last: true,
        outstanding: 7,
        count,
        groups: 1,
        plane: 1,
        width,
        height: 64,
        more_beats: 0,
        ..Block::default()
    }
}

/// The value of a counter.
fn count(timing: &Timing, register: Register) -> u64 {
    let index = COUNTERS.iter().position(|r| *r == register).unwrap();
    timing.counters[index]
}

/// Cycles of a transfer without any block. The hello record has no way to the queue, which saves a
/// cycle; the queue and the pass generator take one each. The end then goes the way of a tile's
/// last vector to the drain unit, passes that as far as its beats are made, the output stage, and its queue
/// (1). The first cycle of all is not counted.
fn empty(config: &HwConfig) -> u64 {
    let records = 2 * RECORD_CYCLES - 1;
    (records + 2 + handover_latency(config) + TAP_LATENCY + OUTPUT_LATENCY + 1 - 1) as u64
}

#[test]
fn an_empty_transfer_takes_what_its_way_takes() {
    for name in PRESETS {
        let config = preset(name);
        let timing = time(&config, &Stream::new(&config).end(7)).unwrap();
        assert_eq!(timing.images.len(), 1);
        let image = &timing.images[0];
        assert_eq!((image.tag, image.end_cycle), (7, empty(&config)), "{name}");
        assert_eq!(image.framed_cycle + 2, image.end_cycle);
        assert_eq!(image.counters, timing.counters);
        use firebrick_spec::regs::{BEATS_IN_LO, BEATS_OUT_LO, BUSY_LO, FINISH_LO, START_LO};
        assert_eq!(count(&timing, BEATS_IN_LO), 4);
        assert_eq!(count(&timing, BEATS_OUT_LO), 1);
        assert_eq!(count(&timing, BUSY_LO), 0);
        // The end record leaves the queue.
        let start = 2 * RECORD_CYCLES as u64 - 1;
        assert_eq!(count(&timing, START_LO), start);
        assert_eq!(count(&timing, FINISH_LO), empty(&config) - start);
    }
}

#[test]
fn a_payload_takes_a_cycle_a_beat() {
    for (name, weights, params) in [("fb64", 4, 4), ("fb256", 16, 8), ("fb2048", 16, 8)] {
        let config = preset(name);
        for blocks in [1, 2, 9] {
            let transfer = Stream::new(&config)
                .with(Command::LoadWeights(load(blocks)))
                .with(Command::LoadParams(load(blocks)))
                .end(0);
            let cycles = time(&config, &transfer).unwrap().images[0].end_cycle;
            // Two records, without the payload.
            let more = 2 * RECORD_CYCLES as u64 + u64::from(blocks) * (weights + params);
            assert_eq!(cycles, empty(&config) + more, "{name}");
        }
    }
}

#[test]
fn a_pass_takes_a_cycle_a_vector_and_at_least_the_tiles_rows() {
    use firebrick_spec::regs::{BUSY_LO, FILL_LO, RAGGED_LO};
    for name in PRESETS {
        let config = preset(name);
        let (lanes, rows) = (config.lanes as u64, config.tile as u64);
        for vectors in [1, 7, 8, 15, 16, 17, 40] {
            let mut one = block(vectors as u32 * config.lanes as u32 - 1, 60);
            one.count = one.count.max(1);
            one.in_gap = 1;
            one.groups = 10;
            let transfer = Stream::new(&config).with(Command::Block(one)).end(0);
            let timing = time(&config, &transfer).unwrap();
            let vectors = u64::from(one.count).div_ceil(lanes);
            assert_eq!(count(&timing, BUSY_LO), 10 * vectors, "{name}");
            let short = rows.saturating_sub(vectors);
            assert_eq!(count(&timing, FILL_LO), 9 * short, "{name} {vectors}");
            let pixels = (0..u64::from(one.count)).filter(|p| p % 61 < 60).count() as u64;
            let ragged = 10 * (vectors * lanes - pixels);
            assert_eq!(count(&timing, RAGGED_LO), ragged, "{name}");
            assert_eq!(timing.layers[0][11], ragged);
        }
    }
}

#[test]
fn causes_follow_what_a_block_waits_for() {
    use firebrick_spec::regs::{ACCUMULATOR_LO, COMMAND_LO, DEPENDENCY_LO, INPUT_LO, OUTPUT_LO};
    use firebrick_spec::regs::{STATS_LAYERS, WEIGHTS_LO};
    let config = preset("fb256");
    let two = |data| {
        let mut second = block(20, 20);
        (second.outstanding, second.data, second.layer) = (0, data, 5);
        Stream::new(&config)
            .with(Command::Block(block(20, 20)))
            .with(Command::Block(second))
    };
    // The second block waits until the first has drained: the way to the drain unit, nineteen
    // further vectors and the drain's latency.
    let waits = (handover_latency(&config) + DRAIN_PACE * 19 + DRAIN_LATENCY) as u64;
    let timing = time(&config, &two(false).end(0)).unwrap();
    assert_eq!(count(&timing, ACCUMULATOR_LO), waits);
    assert_eq!(count(&timing, DEPENDENCY_LO), 0);
    assert_eq!(timing.layers[5][5], waits);
    let timing = time(&config, &two(true).end(0)).unwrap();
    assert_eq!(count(&timing, ACCUMULATOR_LO), 0);
    assert_eq!(count(&timing, DEPENDENCY_LO), waits);
    assert_eq!(timing.layers[5][6], waits);
    assert_eq!(timing.layers.len(), STATS_LAYERS);

    let stored = Stream::new(&config)
        .with(Command::Block(block(20, 20)))
        .with(Command::Store(Store { base: 0, count: 30 }))
        .end(0);
    let timing = time(&config, &stored).unwrap();
    assert!(count(&timing, OUTPUT_LO) > 30);

    let late = Stream::new(&config)
        .with(Command::Block(block(20, 20)))
        .with(Command::LoadWeights(load(10)))
        .with(Command::Block(block(20, 20)))
        .end(0);
    let timing = time(&config, &late).unwrap();
    assert!(count(&timing, WEIGHTS_LO) > 100);
    assert!((1..20).contains(&count(&timing, COMMAND_LO)));
    assert_eq!(count(&timing, INPUT_LO), 0);
}

#[test]
fn taps_and_sums_keep_their_distance() {
    for name in ["fb256", "fb512", "fb1024", "fb2048"] {
        let config = preset(name);
        let lanes = config.lanes as u32;
        let (tap, sums) = (
            tap_pace(config.lanes) as u64,
            sums_pace(config.lanes) as u64,
        );
        let cycles = |vectors: u32, mode: Mode, tap: bool, beats: u32| {
            let mut tile = block(vectors * lanes, 60);
            (tile.mode, tile.tap, tile.more_beats) = (mode, tap, beats - 1);
            (tile.sum_last, tile.outstanding) = (true, 0);
            let transfer = Stream::new(&config).with(Command::Block(tile)).end(0);
            time(&config, &transfer).unwrap().images[0].end_cycle
        };
        let plain = cycles(20, Mode::Write, false, 1);
        // A vector more takes a cycle in the array and its share of the drain.
        let pace = DRAIN_PACE as u64;
        assert_eq!(
            cycles(21, Mode::Write, false, 1),
            plain + 1 + pace,
            "{name}"
        );
        assert_eq!(
            cycles(21, Mode::Write, true, 1),
            cycles(20, Mode::Write, true, 1) + tap + 1
        );
        // The end's own vector keeps its distance from the last.
        assert_eq!(
            cycles(20, Mode::Sum, false, 4),
            plain + sums - pace,
            "{name}"
        );
        let last_beat = sums_beat_latency(config.lanes) + 3;
        assert!(last_beat < sums_pace(config.lanes) + TAP_LATENCY, "{name}");
    }
}

#[test]
fn skipping_changes_nothing() {
    let mut cycles = 0;
    for seed in 0..400 {
        let config = preset(PRESETS[seed as usize % PRESETS.len()]);
        let transfers = random(&config, seed);
        let transfers: Vec<&[u8]> = transfers.iter().map(Vec::as_slice).collect();
        let skipped = predict(&config, &transfers).unwrap();
        let stepped = predict_with(&config, &transfers, Stepping::EveryCycle).unwrap();
        assert_eq!(skipped, stepped, "seed {seed} on {}", config.name);
        assert_eq!(skipped.images.len(), transfers.len());
        // Every cycle has one cause and one layer.
        let counters = &skipped.counters;
        assert_eq!(counters[CAUSES].iter().sum::<u64>(), counters[0]);
        for counter in 1..=11 {
            let layers: u64 = skipped.layers.iter().map(|layer| layer[counter]).sum();
            assert_eq!(layers, counters[counter]);
        }
        cycles += counters[0];
    }
    assert!(cycles > 1_000_000, "{cycles} cycles are too few to tell");
}

/// A trace books every cycle as the counters do, and passes where the array is busy.
#[test]
fn a_trace_is_the_counters_in_order() {
    for name in ["fb64", "fb256", "fb2048"] {
        let config = preset(name);
        for seed in 0..20 {
            println!("{name}, seed {seed}");
            let transfers = random(&config, seed);
            let transfers: Vec<&[u8]> = transfers.iter().map(Vec::as_slice).collect();
            let plain = predict(&config, &transfers).unwrap();
            let (timing, trace) = timing::trace(&config, &transfers).unwrap();
            assert_eq!(timing, plain);
            let mut at = 0;
            let mut causes = [0; COUNTERS.len()];
            for span in &trace.spans {
                assert_eq!(span.start, at);
                at = span.end;
                causes[span.cause] += span.end - span.start;
            }
            assert_eq!(at, timing.counters[0]);
            assert_eq!(causes[CAUSES], timing.counters[CAUSES]);
            let mut free = 0;
            for pass in &trace.passes {
                assert!(pass.start >= free && pass.end > pass.start, "{pass:?}");
                free = pass.end;
                let busy = |at| {
                    let after = trace.spans.partition_point(|span| span.end <= at);
                    trace.spans[after].cause == CAUSES.start
                };
                assert!(busy(pass.start) && busy(pass.end - 1), "{pass:?}");
            }
            let busy: u64 = trace.passes.iter().map(|p| p.end - p.start).sum();
            assert_eq!(busy, timing.counters[CAUSES.start]);
        }
    }
}

#[test]
fn streams_that_the_engine_refuses_are_errors() {
    let config = preset("fb256");
    let good = Stream::new(&config)
        .with(Command::LoadWeights(load(2)))
        .end(0);
    assert!(time(&config, &good).is_ok());
    for cut in [0, 10, 32, 100, good.len() - 1] {
        assert_eq!(
            time(&config, &good[..cut]),
            Err(TimingError::Truncated {
                transfer: 0,
                bytes: cut
            })
        );
    }
    let mut longer = good.clone();
    longer.push(0);
    let offset = good.len();
    assert_eq!(
        predict(&config, &[&good, &longer]),
        Err(TimingError::Trailing {
            transfer: 1,
            offset
        })
    );
    assert!(matches!(
        time(&config, &good[32..]),
        Err(TimingError::Hello { offset: 0, .. })
    ));
    let mut damaged = good.clone();
    damaged[40] ^= 1;
    assert!(matches!(
        time(&config, &damaged),
        Err(TimingError::Record { offset: 32, source, .. }) if source.code == ErrorCode::BadCrc
    ));
    assert!(matches!(
        time(&preset("fb512"), &good),
        Err(TimingError::Record { offset: 0, source, .. }) if source.code == ErrorCode::BadHash
    ));
}

#[test]
fn a_block_that_waits_for_ever_is_an_error() {
    let config = preset("fb256");
    let mut waits = block(20, 20);
    waits.take_strip = true;
    let transfer = Stream::new(&config).with(Command::Block(waits)).end(0);
    assert!(matches!(
        time(&config, &transfer),
        Err(TimingError::Stuck { cycle: 1..100 })
    ));
}

//! Pass generator and streamer together, as in the engine: addresses, masks, tags and the order
//! of things for random records, against a plain list of what must happen.

use std::collections::VecDeque;

use firebrick_rtl::decode::streamer::Streamer;
use firebrick_rtl::emit::emit_block;
use firebrick_rtl::sequence::passes::Passes;
use firebrick_sim::{Builder, Model, VerilatedModel};
use firebrick_spec::HwConfig;
use firebrick_spec::command::{Block, Command, End, Mode, Store, ring_address};
use firebrick_spec::latency::PASS_INTERVAL;
use firebrick_spec::regs::COUNTERS;
use rand::{Rng, rngs::StdRng};

use crate::support::{chance, design, percent, random};

/// The two blocks, wired as the engine does.
fn wires(lanes: usize) -> String {
    let masks: String = (0..lanes)
        .map(|i| format!(".read_mask_{i}(read_mask[{i}]), "))
        .collect();
    format!(
        "module sequencer_bench (
    input wire clock, reset, record_valid, weights_ready, strip_done, drained, trailer_sent, store_room,
    input wire drain_blocked, late_weights, late_input, record_single,
    input wire [223:0] record_data,
    output wire record_pop, pass_pop, swap, tag_swap, tag_valid, tag_first, tag_bank,
    output wire tag_job, job_push, reads_done, store_read, store_done, end_begun, read_valid,
    output wire [{high}:0] read_mask,
    output wire [19:0] read_address, ring_base, ring_mask,
    output wire [10:0] tag_address,
    output wire [223:0] job_record,
    output wire [3:0] outstanding, cause, ragged,
    output wire [5:0] layer
);
    wire block, store, mark, first_pass, final_pass;
    wire [223:0] record;
    wire [19:0] address, base, mask;
    wire [10:0] pitch;
    wire [1:0] tap_row, tap_column;
    passes passes (
        .clock(clock), .reset(reset), .record_valid(record_valid), .record_data(record_data), .record_single(record_single),
        .record_pop(record_pop), .block(block), .store(store), .mark(mark), .record(record),
        .first_pass(first_pass), .final_pass(final_pass), .address(address), .ring_base(base),
        .ring_mask(mask), .pitch(pitch), .tap_row(tap_row),
        .tap_column(tap_column), .pass_pop(pass_pop)
    );
    streamer streamer (
        .clock(clock), .reset(reset), .block(block), .store(store), .mark(mark), .record(record),
        .taken(record_pop), .first_pass(first_pass), .final_pass(final_pass), .address(address), .ring_base(base),
        .ring_mask(mask), .pitch(pitch), .tap_row(tap_row),
        .tap_column(tap_column), .pass_pop(pass_pop), .weights_ready(weights_ready), .swap(swap),
        .strip_done(strip_done), .drained(drained), .drain_blocked(drain_blocked),
        .late_weights(late_weights), .late_input(late_input), .trailer_sent(trailer_sent),
        .read_valid(read_valid), .read_address(read_address), .read_ring_base(ring_base), .read_ring_mask(ring_mask),
        {masks}.tag_swap(tag_swap), .tag_valid(tag_valid), .tag_first(tag_first), .tag_bank(tag_bank),
        .tag_address(tag_address), .tag_job(tag_job), .job_push(job_push),
        .job_record(job_record), .reads_done(reads_done), .store_read(store_read),
        .store_done(store_done), .end_begun(end_begun), .store_room(store_room), .outstanding(outstanding), .cause(cause), .layer(layer),
        .ragged(ragged)
    );
endmodule
",
        high = lanes - 1
    )
}

dut!(Pins: reset, record_valid, weights_ready, strip_done, drained, trailer_sent, store_room,
    drain_blocked, late_weights, late_input,
    record_data, record_single, record_pop, pass_pop, swap, read_valid, read_mask, tag_swap, tag_valid, tag_first, tag_bank,
    tag_job, job_push, reads_done, store_read, store_done, end_begun, cause, layer, ragged, read_address, ring_base,
    ring_mask, tag_address, job_record, outstanding);

/// Numbers of lanes under test.
const LANES: [usize; 3] = [1, 2, 8];

fn built(lanes: usize) -> VerilatedModel {
    let config = HwConfig {
        lanes,
        ..HwConfig::preset("fb256").expect("a preset")
    };
    let design = design("sequencer_bench", wires(lanes))
        .source(
            "passes.v",
            emit_block(Passes::default(), "passes").expect("emitted"),
        )
        .source(
            "streamer.v",
            emit_block(Streamer::new(&config), "streamer").expect("emitted"),
        );
    Builder::new().build(&design).expect("the sequencer builds")
}

/// What one cycle with a vector, or a word of a store, must show.
#[derive(Clone, Debug, PartialEq)]
struct Vector {
    /// Feature word of each lane, `None` outside the map or the tile.
    words: Vec<Option<u32>>,
    /// Lanes without a pixel of the tile.
    ragged: u64,
    swap: bool,
    first: bool,
    bank: bool,
    address: u32,
    job: bool,
    reads_done: bool,
}

/// The passes of a block, each a list of vectors, from the definition of the record.
fn passes(b: &Block, lanes: u32) -> Vec<Vec<Vector>> {
    let taps: Vec<(i64, i64)> = if b.kernel3 {
        (-1..=1)
            .flat_map(|dy| (-1..=1).map(move |dx| (dy, dx)))
            .collect()
    } else {
        vec![(0, 0)]
    };
    let (width, height) = (i64::from(b.width), i64::from(b.height));
    let pitch = i64::from(b.pitch());
    let mut passes = Vec::new();
    for group in 0..b.groups {
        let base = b.in_base.wrapping_add(group.wrapping_mul(b.plane)) & 0xf_ffff;
        for &(dy, dx) in &taps {
            let place = |i: u32| {
                let column = i64::from(b.x0) + i64::from(i);
                (i64::from(b.y0) + column / pitch, column % pitch)
            };
            let word = |i: u32| {
                let (y, x) = place(i);
                let inside = i < b.count
                    && (0..width).contains(&(x + dx))
                    && (0..height).contains(&(y + dy));
                let word = i64::from(base) + i64::from(i) + dy * pitch + dx;
                inside.then(|| ring_address(base, (word & 0xf_ffff) as u32, b.in_ring))
            };
            passes.push(
                (0..b.vectors(lanes as usize))
                    .map(|v| Vector {
                        words: (0..lanes).map(|l| word(v * lanes + l)).collect(),
                        ragged: (0..lanes)
                            .map(|l| v * lanes + l)
                            .filter(|&i| i >= b.count || place(i).1 >= width)
                            .count() as u64,
                        swap: v == 0,
                        first: b.first && group == 0 && (dy, dx) == taps[0],
                        bank: b.acc_bank == 1,
                        address: (b.acc_base + v) & 0x7ff,
                        job: false,
                        reads_done: false,
                    })
                    .collect(),
            );
        }
    }
    let last: &mut Vector = passes
        .last_mut()
        .and_then(|p: &mut Vec<_>| p.last_mut())
        .expect("one");
    last.reads_done = true;
    last.job = b.last;
    passes
}

fn block(rng: &mut StdRng, lanes: usize, calm: bool) -> Command {
    let width = *[
        1,
        2,
        3,
        14,
        rng.random_range(1..=60),
        rng.random_range(1..=1023),
    ]
    .get(rng.random_range(0..6))
    .expect("six");
    let height = *[1, 2, rng.random_range(1..=60), 1023]
        .get(rng.random_range(0..4))
        .expect("four");
    let count = match rng.random_range(0..5) {
        0 => rng.random_range(1..4),
        1 => width.min(200),
        2 => rng.random_range(1..150),
        _ => rng.random_range(1..40),
    };
    let x0 = if rng.random_ratio(1, 3) {
        width - 1
    } else {
        rng.random_range(0..width)
    };
    // A tile may leave the map below (it reads zeros there), but not the range of its row counter.
    let y0 = if rng.random_ratio(1, 3) {
        0
    } else {
        rng.random_range(0..height)
    };
    let y0 = y0.min(1023 - (x0 + count - 1) / width);
    let least = (lanes as u32).saturating_sub(width);
    let in_gap = if rng.random() {
        least
    } else {
        rng.random_range(least..16)
    };
    Command::Block(Block {
        kernel3: rng.random(),
        first: rng.random(),
        last: rng.random_ratio(2, 3),
        take_strip: !calm && rng.random_ratio(1, 5),
        tap: rng.random(),
        partial: rng.random(),
        pairs: rng.random(),
        sum_first: rng.random(),
        sum_last: rng.random(),
        outstanding: if calm { 7 } else { rng.random_range(0..=7) },
        count,
        in_base: rng.random_range(0..1 << 20),
        groups: rng.random_range(1..=5),
        plane: rng.random_range(0..1 << 20),
        acc_bank: rng.random_range(0..2),
        acc_base: rng.random_range(0..2048),
        width,
        height,
        mode: [Mode::Write, Mode::Pool, Mode::Sum][rng.random_range(0..3)],
        layer: rng.random_range(0..64),
        in_gap,
        more_beats: rng.random_range(0..4),
        y0,
        x0,
        line_base: rng.random_range(0..1024),
        weight_base: rng.random_range(0..1 << 20),
        param: rng.random_range(0..1024),
        data: rng.random(),
        out_base: rng.random_range(0..1 << 20),
        out_gap: rng.random_range(0..16),
        in_ring: [0, rng.random_range(0..16)][rng.random_range(0..2)],
        out_ring: rng.random_range(0..16),
    })
}

fn records(rng: &mut StdRng, lanes: usize) -> Vec<Command> {
    (0..rng.random_range(5..40))
        .map(|_| match rng.random_range(0..10) {
            0 => {
                let count = *[1, 2, rng.random_range(1..40)]
                    .get(rng.random_range(0..3))
                    .expect("3");
                Command::Store(Store {
                    base: rng.random_range(0..1 << 20),
                    count,
                })
            }
            1 => Command::End(End { tag: rng.random() }),
            _ => block(rng, lanes, false),
        })
        .collect()
}

/// Chances in percent.
#[derive(Clone, Copy, Debug)]
struct Weather {
    record: u32,
    weights: u32,
    strip: u32,
    drain: u32,
    room: u32,
}

const CALM: Weather = Weather {
    record: 100,
    weights: 100,
    strip: 100,
    drain: 100,
    room: 100,
};

fn words(command: &Command) -> Vec<u32> {
    command.encode().expect("fields fit")[..7].to_vec()
}

/// Progress of the record that the pass generator holds.
struct Held {
    command: Command,
    /// Passes not started.
    passes: VecDeque<Vec<Vector>>,
    fresh: bool,
    /// It was offered in the cycle before.
    settled: bool,
}

fn reset(d: &mut Pins) {
    d.put(d.reset, true);
    for port in [
        d.record_valid,
        d.weights_ready,
        d.strip_done,
        d.drained,
        d.trailer_sent,
    ] {
        d.put(port, true);
    }
    d.tick();
    for port in [
        d.reset,
        d.record_valid,
        d.strip_done,
        d.drained,
        d.trailer_sent,
    ] {
        d.put(port, false);
    }
}

/// Runs all records and checks each cycle; gives the number of cycles from the first vector or
/// word to the last.
fn run(
    d: &mut Pins,
    rng: &mut StdRng,
    records: &[Command],
    lanes: u32,
    weather: Weather,
    give_up: Option<u64>,
) -> u64 {
    let mut waiting: VecDeque<&Command> = records.iter().collect();
    let mut held: Option<Held> = None;
    let mut running: VecDeque<Vector> = VecDeque::new();
    let mut storing: VecDeque<u32> = VecDeque::new();
    // Jobs pushed; how many of them are in the array, and how many wait to drain.
    let (mut tiles, mut computing, mut draining) = (0u32, 0u32, 0u32);
    let (mut strips, mut strips_owed) = (0u32, 0);
    let (mut unsent_ends, mut ends_draining) = (0u32, VecDeque::new());
    let (mut finishing, mut image, mut layer) = (false, false, None);
    let (mut cycle, mut begun, mut over) = (0, None, 0);
    let mut swapped = None;
    let mut ragged = 0;
    strips_owed += records
        .iter()
        .filter(|r| matches!(r, Command::Block(b) if b.take_strip))
        .count();
    let total_strips = strips_owed;
    loop {
        // Inputs.
        let offered = waiting.front().filter(|_| percent(rng, weather.record));
        d.put(d.record_valid, offered.is_some());
        let data = offered.map_or_else(|| rng.random::<[u32; 7]>().to_vec(), |r| words(r));
        d.model.set_words(d.record_data, &data);
        let single = offered.map_or_else(
            || rng.random(),
            |record| !matches!(record, Command::Block(block) if block.passes() != 1),
        );
        d.put(d.record_single, single);
        // As the loader promises.
        let weights = swapped.is_none_or(|at| cycle >= at + PASS_INTERVAL as u64)
            && percent(rng, weather.weights);
        d.put(d.weights_ready, weights);
        let strip = strips_owed > 0 && strips < 15 && percent(rng, weather.strip);
        d.put(d.strip_done, strip);
        let drained = draining > 0 && percent(rng, weather.drain);
        d.put(d.drained, drained);
        let trailer_sent = unsent_ends > 0 && percent(rng, weather.drain);
        d.put(d.trailer_sent, trailer_sent);
        let room = percent(rng, weather.room);
        d.put(d.store_room, room);
        let (blocked, late_weights): (bool, bool) = (rng.random(), rng.random());
        let late_input = !late_weights && rng.random::<bool>();
        d.put(d.drain_blocked, blocked);
        d.put(d.late_weights, late_weights);
        d.put(d.late_input, late_input);
        d.eval();

        // What must happen in this cycle.
        let at = |what: &str| format!("{what}, cycle {cycle}, {weather:?}");
        let vector = running.pop_front();
        let pass_ends = running.is_empty();
        let read = if room { storing.front().copied() } else { None };
        let busy_storing = !storing.is_empty();
        let mut class = match (late_weights, late_input) {
            (true, _) => "WEIGHTS",
            (_, true) => "INPUT",
            _ => "COMMAND",
        };
        let mut counts_for = layer;
        let mut pops = false;
        match held.as_ref().map(|h| (h, h.command)) {
            _ if vector.is_some() => class = "BUSY",
            _ if busy_storing => class = "OUTPUT",
            Some((_, Command::Store(_))) => class = "OUTPUT",
            Some((_, Command::End(_))) => class = "FINISH",
            Some((h, Command::Block(b))) => {
                counts_for = Some(b.layer);
                class = if h.settled && h.fresh && tiles > u32::from(b.outstanding) {
                    match (blocked, b.data) {
                        (true, _) => "OUTPUT",
                        (_, true) => "DEPENDENCY",
                        _ => "ACCUMULATOR",
                    }
                } else if !image {
                    "START"
                } else if h.settled && h.fresh && b.take_strip && strips == 0 {
                    "INPUT"
                } else {
                    "FILL"
                }
            }
            _ if finishing => class = "FINISH",
            _ if !image => (class, counts_for) = ("START", Some(0)),
            _ => {}
        }
        match held.as_ref().map(|h| (h, h.command)) {
            Some((h, Command::Block(b))) => {
                let tiles_ok = !h.fresh || tiles <= u32::from(b.outstanding);
                let strip_ok = !h.fresh || !b.take_strip || strips > 0;
                pops = pass_ends && !busy_storing && h.settled && weights && tiles_ok && strip_ok;
            }
            Some((_, Command::Store(_))) => pops = vector.is_none() && !busy_storing && tiles == 0,
            Some((_, Command::End(_))) => pops = vector.is_none() && !busy_storing && tiles <= 7,
            _ => {}
        }
        let cause = COUNTERS[d.get(d.cause) as usize].name;
        assert_eq!(cause.trim_end_matches("_LO"), class, "{}", at("cause"));
        if let Some(layer) = counts_for {
            assert_eq!(d.get(d.layer), u64::from(layer), "{}", at("layer"));
        }
        assert_eq!(d.bit(d.pass_pop), pops, "{}", at("pass_pop"));
        let block_starts = pops
            && matches!(
                held,
                Some(Held {
                    command: Command::Block(_),
                    ..
                })
            );
        assert_eq!(d.bit(d.swap), block_starts, "{}", at("swap"));
        assert_eq!(
            d.get(d.outstanding),
            u64::from(tiles),
            "{}",
            at("outstanding")
        );

        let end_starts = pops
            && matches!(
                held,
                Some(Held {
                    command: Command::End(_),
                    ..
                })
            );
        assert_eq!(d.bit(d.tag_valid), vector.is_some(), "{}", at("tag_valid"));
        assert_eq!(d.bit(d.store_read), read.is_some(), "{}", at("store_read"));
        assert_eq!(
            d.bit(d.store_done),
            read.is_some() && storing.len() == 1,
            "{}",
            at("store_done")
        );
        assert_eq!(d.bit(d.end_begun), end_starts, "{}", at("end_begun"));
        let mask = d.get(d.read_mask);
        let reads = vector.is_some() || read.is_some();
        assert!(
            d.bit(d.read_valid) || (mask == 0 && !reads),
            "{}",
            at("read_valid")
        );
        let lane_word = |lane: u32| {
            let raw = (d.get(d.read_address) as u32 + lane) & 0xf_ffff;
            let word = (raw & d.get(d.ring_mask) as u32) | d.get(d.ring_base) as u32;
            (mask >> lane & 1 == 1).then_some(word)
        };
        if vector.is_none() {
            assert_eq!(mask >> 1, 0, "{}", at("mask"));
            assert_eq!(lane_word(0), read, "{}", at("store"));
        }
        let seen = vector.as_ref().map(|_| Vector {
            words: (0..lanes).map(lane_word).collect(),
            ragged: vector.as_ref().map_or(0, |v| v.ragged),
            swap: d.bit(d.tag_swap),
            first: d.bit(d.tag_first),
            bank: d.bit(d.tag_bank),
            address: d.get(d.tag_address) as u32,
            job: d.bit(d.tag_job),
            reads_done: d.bit(d.reads_done),
        });
        assert_eq!(seen, vector, "{}", at("vector"));
        // Of the cycle before.
        assert_eq!(d.get(d.ragged), ragged, "{}", at("ragged"));
        ragged = vector.as_ref().map_or(0, |v| v.ragged);
        if vector.is_none() {
            assert!(
                !d.bit(d.tag_swap) && !d.bit(d.reads_done),
                "{}",
                at("no vector")
            );
            assert_eq!(d.bit(d.tag_job), end_starts, "{}", at("tag_job"));
        }
        let gives_job = end_starts
            || held.as_ref().is_some_and(|h| {
                block_starts
                    && h.passes.len() == 1
                    && matches!(h.command, Command::Block(Block { last: true, .. }))
            });
        assert_eq!(d.bit(d.job_push), gives_job, "{}", at("job_push"));
        if let (true, Some(h)) = (gives_job, &held) {
            assert_eq!(
                d.model.get_words(d.job_record),
                words(&h.command),
                "{}",
                at("job")
            );
        }

        // What it leads to.
        if block_starts {
            swapped = Some(cycle);
        }
        if let Some(h) = &mut held {
            h.settled = true;
        }
        if vector.is_some() || read.is_some() {
            begun.get_or_insert(cycle);
            over = cycle + 1;
        }
        if drained {
            (tiles, draining) = (tiles - 1, draining - 1);
            if ends_draining.pop_front() == Some(true) {
                unsent_ends += 1;
            }
        }
        if trailer_sent {
            unsent_ends -= 1;
            finishing = false;
        }
        if vector.is_some_and(|v| v.job) {
            (computing, draining) = (computing - 1, draining + 1);
            ends_draining.push_back(false);
        }
        if read.is_some() {
            storing.pop_front();
        }
        if strip {
            (strips, strips_owed) = (strips + 1, strips_owed - 1);
        }
        let mut done = held.is_none();
        if let (true, Some(h)) = (pops, &mut held) {
            match h.command {
                Command::Block(b) => {
                    strips -= u32::from(h.fresh && b.take_strip);
                    running.extend(h.passes.pop_front().expect("a pass"));
                    h.fresh = false;
                    (image, layer) = (true, Some(b.layer));
                    done = h.passes.is_empty();
                    finishing = false;
                    if gives_job {
                        (tiles, computing) = (tiles + 1, computing + 1);
                    }
                }
                Command::Store(s) => {
                    storing = (s.base..s.base + s.count).map(|a| a & 0xf_ffff).collect();
                    (done, finishing) = (true, false);
                }
                _ => {
                    (tiles, draining) = (tiles + 1, draining + 1);
                    ends_draining.push_back(true);
                    (done, finishing, image) = (true, true, false);
                }
            }
        }
        let takes = done && offered.is_some();
        assert_eq!(d.bit(d.record_pop), takes, "{}", at("record_pop"));
        if done {
            held = None;
        }
        if takes {
            held = waiting.pop_front().map(|&command| Held {
                command,
                passes: match &command {
                    Command::Block(b) => passes(b, lanes).into(),
                    _ => VecDeque::new(),
                },
                settled: false,
                fresh: true,
            });
        }
        d.tick();
        cycle += 1;
        if give_up == Some(cycle) {
            return cycle;
        }
        let idle = waiting.is_empty() && held.is_none() && running.is_empty();
        if idle && storing.is_empty() && draining + unsent_ends + computing == 0 {
            assert_eq!((tiles, strips_owed), (0, 0), "{total_strips} strips");
            d.put(d.drained, false);
            return over - begun.unwrap_or(0);
        }
        assert!(
            cycle < 2_000_000,
            "stuck with {} records, {weather:?}",
            waiting.len()
        );
    }
}

#[test]
fn random_records_in_random_surroundings() {
    for lanes in LANES {
        let mut rng = random(10);
        let built = built(lanes);
        let mut d = Pins::new(Model::load(&built, 1).expect("loads"));
        for _ in 0..40 {
            reset(&mut d);
            let weather = Weather {
                record: chance(&mut rng),
                weights: chance(&mut rng),
                strip: chance(&mut rng),
                drain: chance(&mut rng),
                room: chance(&mut rng),
            };
            let records = records(&mut rng, lanes);
            run(&mut d, &mut rng, &records, lanes as u32, weather, None);
        }
    }
}

#[test]
fn blocks_follow_without_a_gap() {
    for lanes in LANES {
        let mut rng = random(11);
        let built = built(lanes);
        let mut d = Pins::new(Model::load(&built, 1).expect("loads"));
        for _ in 0..10 {
            reset(&mut d);
            let records: Vec<Command> = (0..20).map(|_| block(&mut rng, lanes, true)).collect();
            // The loader keeps passes apart that are shorter than this.
            let interval = PASS_INTERVAL as u32;
            let (mut want, mut last) = (0, 0);
            for record in &records {
                if let Command::Block(b) = record {
                    last = b.vectors(lanes);
                    want += b.passes() * last.max(interval);
                }
            }
            want -= interval.saturating_sub(last);
            let cycles = run(&mut d, &mut rng, &records, lanes as u32, CALM, None);
            assert_eq!(cycles, u64::from(want));
        }
    }
}

#[test]
fn a_reset_in_the_middle_leaves_nothing_behind() {
    let mut rng = random(12);
    let lanes = 4;
    let built = built(lanes);
    let mut d = Pins::new(Model::load(&built, 1).expect("loads"));
    for _ in 0..40 {
        let weather = Weather {
            drain: 20,
            strip: 60,
            ..CALM
        };
        let cut = records(&mut rng, lanes);
        reset(&mut d);
        let give_up = rng.random_range(1..600);
        run(&mut d, &mut rng, &cut, lanes as u32, weather, Some(give_up));
        reset(&mut d);
        let whole = records(&mut rng, lanes);
        run(&mut d, &mut rng, &whole, lanes as u32, weather, None);
    }
}

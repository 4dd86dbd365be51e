//! Command decoder against the specification: well-formed streams, and every way to spoil one.

use firebrick_spec::BEAT_BYTES;
use std::collections::VecDeque;

use firebrick_rtl::decode::decoder::Decoder;
use firebrick_sim::{Model, VerilatedModel};
use firebrick_spec::command::{
    Block, Command, End, ErrorCode, Hello, Load, LoadSparse, Mode, Opcode, RECORD_WORDS, Rows,
    Store, WAIT_NONE, block, common, load, load_sparse, payload_crc, record_crc, rows, store,
};
use firebrick_spec::fields::Field;
use firebrick_spec::{ABI_VERSION, HwConfig, MAGIC, sparse};
use rand::{Rng, rngs::StdRng};

use crate::support::{build, chance, join, percent, random};

dut!(Pins: reset, s_valid, s_ready, s_data, s_last, queue_data, queue_push, queue_block,
    queue_end, queue_single, queue_passes, queue_full, reads_done, drained, store_done, weight_valid, weight_address, param_valid,
    param_address, sparse_start, sparse_rows, sparse_address, sparse_valid, sparse_ready, sparse_busy,
    payload, window_start, window_valid, window_ready, window_busy, halt, error,
    error_code, record_index, stream_begins);

/// Small memories, so that every limit is near; none is a power of two.
fn config() -> HwConfig {
    HwConfig {
        name: "decoder".into(),
        feature_words: 1000,
        weight_blocks: 20,
        param_groups: 12,
        acc_depth: 100,
        line_words: 60,
        window_width: 40,
        lanes: 4,
        ..HwConfig::preset("fb256").expect("a preset")
    }
}

fn built() -> VerilatedModel {
    build(Decoder::new(&config()), "decoder")
}

fn pins(built: &VerilatedModel) -> Pins {
    let mut d = Pins::new(Model::load(built, 1).expect("loads"));
    reset(&mut d);
    d
}

fn reset(d: &mut Pins) {
    d.put(d.reset, true);
    for port in [
        d.s_valid,
        d.queue_full,
        d.reads_done,
        d.drained,
        d.store_done,
        d.window_busy,
        d.sparse_ready,
        d.sparse_busy,
        d.halt,
    ] {
        d.put(port, false);
    }
    d.tick();
    d.put(d.reset, false);
}

/// A beat and whether it is the last.
type Beat = (u128, bool);
type Words = [u32; RECORD_WORDS];

/// What the decoder does, in order.
#[derive(Clone, Debug, PartialEq)]
enum Event {
    Begin,
    Push {
        record: Vec<u32>,
        block: bool,
        passes: Option<u32>,
    },
    Weight(u64, u128),
    Param(u64, u128),
    Start(Vec<u32>),
    Sparse(u64, u64),
    Pixels(u128),
    Error(u8, u64),
}

/// Follows the masks of a sparse payload: which of its beats are still to come.
#[derive(Default)]
struct Masks {
    groups: u64,
    values: u32,
    free: u32,
}

impl Masks {
    fn new(rows: u64) -> Masks {
        Masks {
            groups: rows.div_ceil(8),
            values: 0,
            free: 0,
        }
    }

    fn done(&self) -> bool {
        self.groups == 0 && self.values == 0
    }

    fn take(&mut self, beat: u128) {
        if self.values > 0 {
            self.values -= 1;
            return;
        }
        self.groups -= 1;
        let ones = beat.count_ones();
        self.values = ones.saturating_sub(self.free).div_ceil(16);
        self.free = self.free + 16 * self.values - ones;
    }
}

/// The events of some beats, straight from the specification; ends after an error.
fn expected(beats: &[Beat], config: &HwConfig) -> Vec<Event> {
    let mut events = Vec::new();
    let mut beats = beats.iter().copied();
    let (mut greeted, mut index) = (false, 0);
    let mut begun = false;
    while let Some((low, last)) = beats.next() {
        if !begun {
            events.push(Event::Begin);
            begun = true;
        }
        let early = Event::Error(ErrorCode::EarlyEnd as u8, index);
        if last {
            events.push(early);
            break;
        }
        let Some((high, ended)) = beats.next() else {
            break;
        };
        let mut words: Words = [0; RECORD_WORDS];
        for (i, word) in words.iter_mut().enumerate() {
            *word = ([low, high][i / 4] >> (32 * (i % 4))) as u32;
        }
        let opcode = Opcode::from_bits(words[0] as u8);
        let decoded = Command::decode(&words).map_err(|e| e.code);
        let refusal = match decoded {
            Err(code @ (ErrorCode::BadCrc | ErrorCode::BadOpcode)) => Some(code),
            _ if (opcode == Some(Opcode::Hello)) == greeted => Some(ErrorCode::NoHello),
            _ if ended && opcode != Some(Opcode::End) => Some(ErrorCode::EarlyEnd),
            _ if !ended && opcode == Some(Opcode::End) => Some(ErrorCode::LateEnd),
            Err(code) => Some(code),
            Ok(command) => command.check(config).err().map(|e| e.code),
        };
        let command = match (refusal, decoded) {
            (None, Ok(command)) => command,
            (code, _) => {
                events.push(Event::Error(code.map_or(0, |c| c as u8), index));
                break;
            }
        };
        let record = words[..7].to_vec();
        let beat_count = command.payload_bytes(config) / BEAT_BYTES;
        match command {
            Command::Hello(_) => greeted = true,
            Command::Block(b) => {
                events.push(Event::Push {
                    record,
                    block: true,
                    passes: Some(b.passes()),
                });
            }
            Command::Store(_) => events.push(Event::Push {
                record,
                block: false,
                passes: None,
            }),
            Command::End(_) => {
                events.push(Event::Push {
                    record,
                    block: false,
                    passes: None,
                });
                (greeted, begun, index) = (false, false, 0);
                continue;
            }
            Command::Rows(_) => events.push(Event::Start(record)),
            Command::LoadSparse(l) => events.push(Event::Sparse(
                u64::from(l.base) * 16,
                u64::from(l.count) * 16,
            )),
            Command::LoadWeights(_) | Command::LoadParams(_) => {}
        }
        let mut stopped = false;
        let mut payload = Vec::new();
        let mut masks = match command {
            Command::LoadSparse(l) => Some(Masks::new(u64::from(l.count) * 16)),
            _ => None,
        };
        for i in 0.. {
            let done = match &masks {
                Some(masks) if masks.done() != (i == beat_count as u64) => {
                    events.push(Event::Error(ErrorCode::BadField as u8, index));
                    stopped = true;
                    break;
                }
                _ => i == beat_count as u64,
            };
            if done {
                break;
            }
            let Some((data, last)) = beats.next() else {
                stopped = true;
                break;
            };
            payload.extend(data.to_le_bytes());
            if let Some(masks) = &mut masks {
                masks.take(data);
            }
            events.push(match command {
                Command::LoadWeights(l) => Event::Weight(u64::from(l.base) * 16 + i, data),
                Command::LoadParams(l) => Event::Param(u64::from(l.base) * 8 + i, data),
                _ => Event::Pixels(data),
            });
            if last {
                events.push(Event::Error(ErrorCode::EarlyEnd as u8, index));
                stopped = true;
                break;
            }
        }
        if !stopped && command.has_payload() && payload_crc(&payload) != words[5] {
            events.push(Event::Error(ErrorCode::BadPayload as u8, index));
            stopped = true;
        }
        if stopped {
            break;
        }
        index += 1;
    }
    events
}

/// Chances in percent.
#[derive(Clone, Copy, Debug)]
struct Weather {
    beat: u32,
    full: u32,
    window: u32,
    done: u32,
}

const CALM: Weather = Weather {
    beat: 100,
    full: 0,
    window: 100,
    done: 50,
};

fn weather(rng: &mut StdRng) -> Weather {
    Weather {
        beat: chance(rng),
        full: [0, 50, 90][rng.random_range(0..3)],
        window: chance(rng),
        done: rng.random_range(3..60),
    }
}

/// Surroundings that last from one stream to the next.
#[derive(Default)]
struct World {
    /// Blocks that have not read all their pixels, and blocks that have not drained.
    reads: u32,
    drains: u32,
    /// Stores that have words to read.
    stores: u32,
}

/// Feeds beats until all are taken and nothing happens any more; gives what happened.
fn run(
    d: &mut Pins,
    rng: &mut StdRng,
    beats: &[Beat],
    world: &mut World,
    weather: Weather,
) -> Vec<Event> {
    let config = config();
    let mut events = Vec::new();
    let (mut sent, mut quiet, mut offered) = (0, 0, false);
    // Beats that the window unit still takes, and cycles that it then stays busy.
    let (mut window, mut linger) = (0, 0);
    let (mut sparse, mut sparse_linger) = (Masks::default(), 0);
    let mut last_record: Option<Words> = None;
    let mut waited_for: Option<Command> = None;
    let mut dead = false;
    while quiet < 12 {
        offered = offered || (sent < beats.len() && percent(rng, weather.beat));
        d.put(d.s_valid, offered);
        let (data, last) = if offered {
            beats[sent]
        } else {
            (join(rng.random()), rng.random::<bool>())
        };
        d.set_wide(d.s_data, data);
        d.put(d.s_last, last);
        let full = percent(rng, weather.full);
        d.put(d.queue_full, full);
        let reads_done = world.reads > 0 && percent(rng, weather.done);
        let drained = world.drains > 0 && percent(rng, weather.done);
        d.put(d.reads_done, reads_done);
        d.put(d.drained, drained);
        let store_done = world.stores > 0 && percent(rng, weather.done);
        d.put(d.store_done, store_done);
        let ready = window > 0 && percent(rng, weather.window);
        d.put(d.window_ready, ready);
        d.put(d.window_busy, window > 0 || linger > 0);
        if window == 0 && linger > 0 {
            linger -= 1;
        }
        let sparse_ready = !sparse.done() && percent(rng, weather.window);
        d.put(d.sparse_ready, sparse_ready);
        d.put(d.sparse_busy, !sparse.done() || sparse_linger > 0);
        if sparse.done() && sparse_linger > 0 {
            sparse_linger -= 1;
        }
        d.eval();

        let before = events.len();
        let taken = offered && d.bit(d.s_ready);
        if d.bit(d.stream_begins) {
            assert!(taken, "a stream begins with a beat");
            events.push(Event::Begin);
        }
        let index = d.get(d.record_index);
        let record = d.model.get_words(d.queue_data);
        if d.bit(d.queue_push) {
            assert!(!full, "push into a full queue");
            let block = d.bit(d.queue_block);
            let passes = block.then(|| d.get(d.queue_passes) as u32);
            let single = passes.is_none_or(|passes| passes == 1);
            assert_eq!(d.bit(d.queue_single), single, "{passes:?} passes");
            events.push(Event::Push {
                record: record.clone(),
                block,
                passes,
            });
            if block {
                world.reads += 1;
                world.drains += record[0] >> 10 & 1;
            }
            let opcode = Opcode::from_bits(record[0] as u8);
            world.stores += u32::from(opcode == Some(Opcode::Store));
            assert_eq!(d.bit(d.queue_end), opcode == Some(Opcode::End));
        }
        let payload = d.get_wide(d.payload);
        if d.bit(d.weight_valid) {
            assert!(taken);
            events.push(Event::Weight(d.get(d.weight_address), payload));
        }
        if d.bit(d.param_valid) {
            assert!(taken);
            events.push(Event::Param(d.get(d.param_address), payload));
        }
        if d.bit(d.window_start) {
            assert_eq!(
                (window, linger),
                (0, 0),
                "starts a window unit that is busy"
            );
            events.push(Event::Start(record.clone()));
            let mut words: Words = [0; RECORD_WORDS];
            words[..7].copy_from_slice(&record);
            words[7] = record_crc(&words);
            let command = Command::decode(&words).expect("the window unit gets a good record");
            window = command.payload_bytes(&config) / BEAT_BYTES;
            linger = rng.random_range(0..20);
        }
        if d.bit(d.window_valid) && ready {
            assert!(taken, "the window unit and the decoder take the same beats");
            window -= 1;
            events.push(Event::Pixels(payload));
        }
        if d.bit(d.sparse_start) {
            assert!(
                sparse.done() && sparse_linger == 0,
                "starts a unit that is busy"
            );
            let rows = d.get(d.sparse_rows);
            events.push(Event::Sparse(d.get(d.sparse_address), rows));
            sparse = Masks::new(rows);
            sparse_linger = rng.random_range(0..20);
        }
        if d.bit(d.sparse_valid) && sparse_ready {
            assert!(taken, "the unit and the decoder take the same beats");
            sparse.take(payload);
            events.push(Event::Pixels(payload));
        }
        // The payload's first effect: what it waits for must have come.
        if let (Some(command), true) = (waited_for, before < events.len()) {
            match command {
                Command::LoadWeights(l) => {
                    assert!(
                        world.reads <= l.wait.into() || l.wait == WAIT_NONE,
                        "{command}"
                    );
                }
                Command::LoadSparse(l) => {
                    assert!(
                        world.reads <= l.wait.into() || l.wait == WAIT_NONE,
                        "{command}"
                    );
                }
                Command::LoadParams(l) => {
                    assert!(
                        world.drains <= l.wait.into() || l.wait == WAIT_NONE,
                        "{command}"
                    );
                }
                Command::Rows(r) => {
                    assert!(
                        world.reads <= r.wait.into() || r.wait == WAIT_NONE,
                        "{command}"
                    );
                    assert!(
                        world.drains <= r.drains.into() || r.drains == WAIT_NONE,
                        "{command}"
                    );
                    assert_eq!(world.stores, 0, "{command}");
                }
                _ => {}
            }
            waited_for = None;
        }
        if d.bit(d.error) {
            assert!(!dead, "a second error");
            events.push(Event::Error(d.get(d.error_code) as u8, index));
            dead = true;
            (window, linger) = (0, 0);
            (sparse, sparse_linger) = (Masks::default(), 0);
        } else if dead {
            assert!(d.bit(d.s_ready), "input is dropped after an error");
            assert_eq!(
                before,
                events.len(),
                "effects after an error: {:?}",
                events.last()
            );
        }
        if taken {
            // Where a record may begin: remember what it has to wait for.
            if let Some(&(high, _)) = beats.get(sent + 1) {
                let words: Vec<u32> = [data, high]
                    .iter()
                    .flat_map(|&b| crate::support::words(b))
                    .collect();
                last_record = words.try_into().ok();
            }
            if let Some(command) = last_record.take().and_then(|w| Command::decode(&w).ok()) {
                waited_for = Some(command);
            }
            sent += 1;
            offered = false;
            quiet = 0;
        }
        world.reads -= u32::from(reads_done);
        world.drains -= u32::from(drained);
        world.stores -= u32::from(store_done);
        let over = sent == beats.len()
            && (window > 0 || linger == 0)
            && (!sparse.done() || sparse_linger == 0);
        if !over || before < events.len() || world.reads + world.drains + world.stores > 0 {
            quiet = 0;
        } else if !full {
            quiet += 1;
        }
        d.tick();
        assert!(d.model.cycle() < 50_000_000, "stuck");
    }
    d.put(d.s_valid, false);
    events
}

fn hello(config: &HwConfig) -> Command {
    Command::Hello(Hello::for_config(config))
}

/// A valid record other than hello and end.
fn record(rng: &mut StdRng) -> Command {
    let config = config();
    let wait = match rng.random_range(0..4) {
        0 => 0,
        1 => rng.random_range(0..4),
        2 => WAIT_NONE,
        _ => rng.random(),
    };
    let near = |rng: &mut StdRng, limit: usize| match rng.random_range(0..3) {
        0 => 0,
        1 => limit as u32 - 1,
        _ => rng.random_range(0..limit as u32),
    };
    let span = |rng: &mut StdRng, limit: usize, most: u32| {
        let count = rng.random_range(1..=most);
        let base = near(rng, limit + 1 - count as usize);
        (base, count)
    };
    match rng.random_range(0..9) {
        8 => {
            let (base, count) = span(rng, config.weight_blocks, 3);
            Command::LoadSparse(LoadSparse {
                wait,
                base,
                count,
                beats: rng.random_range(1..60),
            })
        }
        0 => {
            let (base, count) = span(rng, config.weight_blocks, 3);
            Command::LoadWeights(Load { wait, base, count })
        }
        1 => {
            let (base, count) = span(rng, config.param_groups, 3);
            Command::LoadParams(Load { wait, base, count })
        }
        2 => Command::Rows(Rows {
            first: rng.random(),
            strip_end: rng.random(),
            wait,
            base: near(rng, config.feature_words),
            plane: rng.random_range(0..1 << 20),
            width: rng.random_range(7..=config.window_width as u32),
            rows: rng.random_range(1..4),
            kernel: [3, 7][rng.random_range(0..2)],
            stride: rng.random_range(1..=2),
            gap: rng.random_range(0..16),
            drains: [0, 1, 3, WAIT_NONE][rng.random_range(0..4)],
        }),
        3 => {
            let (base, count) = span(rng, config.feature_words, 1000);
            Command::Store(Store { base, count })
        }
        _ => {
            let (acc_base, count) = span(rng, config.acc_depth, 100);
            Command::Block(Block {
                kernel3: rng.random(),
                first: rng.random(),
                last: rng.random(),
                take_strip: rng.random(),
                tap: rng.random(),
                partial: rng.random(),
                pairs: rng.random(),
                sum_first: rng.random(),
                sum_last: rng.random(),
                outstanding: rng.random_range(0..8),
                count,
                in_base: near(rng, config.feature_words),
                groups: if rng.random() {
                    rng.random_range(1..6)
                } else {
                    rng.random_range(1..4096)
                },
                plane: rng.random_range(0..1 << 20),
                acc_bank: rng.random_range(0..2),
                acc_base,
                width: rng.random_range(1..1024),
                height: rng.random_range(0..1024),
                mode: [Mode::Write, Mode::Pool, Mode::Sum][rng.random_range(0..3)],
                layer: rng.random_range(0..64),
                in_gap: rng.random_range(3..16),
                more_beats: rng.random_range(0..4),
                y0: rng.random_range(0..1024),
                x0: rng.random_range(0..1024),
                line_base: near(rng, config.line_words),
                weight_base: near(rng, config.weight_blocks),
                param: near(rng, config.param_groups),
                data: rng.random(),
                out_base: near(rng, config.feature_words),
                out_gap: rng.random_range(0..6),
                in_ring: rng.random_range(0..16),
                out_ring: rng.random_range(0..16),
            })
        }
    }
}

/// A valid block record.
fn tile(rng: &mut StdRng) -> Block {
    loop {
        if let Command::Block(tile) = record(rng) {
            return tile;
        }
    }
}

fn header(words: &Words) -> [Beat; 2] {
    [0, 4].map(|at| (join(words[at..at + 4].try_into().expect("four")), false))
}

fn payload_beats(payload: &[u8]) -> impl Iterator<Item = Beat> {
    payload.chunks_exact(16).map(|beat| {
        (
            u128::from_le_bytes(beat.try_into().expect("16 bytes")),
            false,
        )
    })
}

/// A random payload for a record, and the record with the beats that a sparse one has.
fn with_payload(rng: &mut StdRng, command: Command) -> (Command, Vec<u8>) {
    let mut bytes = |len: usize| (0..len).map(|_| rng.random()).collect::<Vec<u8>>();
    match command {
        Command::LoadSparse(l) => {
            let mut weights = bytes(l.count as usize * 256);
            let density = chance(rng);
            weights.retain_mut(|w| {
                if !percent(rng, density) {
                    *w = 0;
                }
                true
            });
            let payload = sparse::encode(&weights);
            let beats = payload.len() as u32 / 16;
            (Command::LoadSparse(LoadSparse { beats, ..l }), payload)
        }
        _ => (command, bytes(command.payload_bytes(&config()))),
    }
}

/// The beats of a stream, payloads random, TLAST on the last of them.
fn beats(rng: &mut StdRng, commands: &[Command]) -> Vec<Beat> {
    let config = config();
    let mut beats = Vec::new();
    for command in commands {
        let (command, payload) = with_payload(rng, *command);
        beats.extend(header(&command.encode_with(&payload).expect("fields fit")));
        assert_eq!(command.payload_bytes(&config), payload.len());
        beats.extend(payload_beats(&payload));
    }
    beats.last_mut().expect("a beat").1 = true;
    beats
}

fn stream(rng: &mut StdRng, records: usize) -> Vec<Command> {
    let mut commands = vec![hello(&config())];
    commands.extend((0..records).map(|_| record(rng)));
    commands.push(Command::End(End { tag: rng.random() }));
    commands
}

/// Runs beats that are refused, some more that must be dropped, and a good stream after a reset.
fn refused(d: &mut Pins, rng: &mut StdRng, beats: &[Beat], weather: Weather) -> ErrorCode {
    let want = expected(beats, &config());
    let mut all = beats.to_vec();
    all.extend((0..rng.random_range(0..10)).map(|_| (join(rng.random()), rng.random::<bool>())));
    let got = run(d, rng, &all, &mut World::default(), weather);
    assert_eq!(got, want);
    let Some(&Event::Error(code, _)) = want.last() else {
        panic!("not refused: {want:?}")
    };
    reset(d);
    let again = self::beats(rng, &[hello(&config()), Command::End(End { tag: 1 })]);
    let got = run(d, rng, &again, &mut World::default(), weather);
    assert_eq!(got, expected(&again, &config()), "after a reset");
    reset(d);
    ErrorCode::from_bits(code).expect("a known code")
}

/// A stream whose second record is `words`, with a correct CRC.
fn second(words: &Words) -> Vec<Beat> {
    let mut words = *words;
    words[7] = record_crc(&words);
    let first = hello(&config()).encode().expect("fields fit");
    [header(&first), header(&words)].concat()
}

#[test]
fn well_formed_streams() {
    let mut rng = random(13);
    let built = built();
    let mut d = pins(&built);
    let mut world = World::default();
    for _ in 0..60 {
        // Several streams in one go, without a reset.
        let mut all = Vec::new();
        for _ in 0..rng.random_range(1..4) {
            let records = rng.random_range(0..30);
            let commands = stream(&mut rng, records);
            all.extend(beats(&mut rng, &commands));
        }
        let weather = weather(&mut rng);
        let got = run(&mut d, &mut rng, &all, &mut world, weather);
        let want = expected(&all, &config());
        for (i, (got, want)) in got.iter().zip(&want).enumerate() {
            assert_eq!(got, want, "event {i}, {weather:?}");
        }
        assert_eq!(got.len(), want.len(), "{weather:?}");
    }
}

#[test]
fn payloads_wait_as_long_as_asked_and_no_longer() {
    let mut rng = random(14);
    let built = built();
    for wait in [0, 1, 3, 7] {
        for kind in 0..6 {
            let mut d = pins(&built);
            let load = Load {
                wait,
                base: 2,
                count: 1,
            };
            let waiter = match kind {
                0 => Command::LoadWeights(load),
                1 => Command::LoadParams(load),
                2 => Command::LoadSparse(LoadSparse {
                    wait,
                    base: 2,
                    count: 1,
                    beats: 1,
                }),
                _ => Command::Rows(Rows {
                    first: true,
                    strip_end: true,
                    wait: if kind == 3 { wait } else { WAIT_NONE },
                    base: 0,
                    plane: 1,
                    width: 5,
                    rows: 1,
                    kernel: 3,
                    stride: 1,
                    gap: 0,
                    drains: if kind == 4 { wait } else { WAIT_NONE },
                }),
            };
            // A store is waited for in any case.
            if kind == 5 && wait > 0 {
                continue;
            }
            // Only blocks marked `last` drain; the others do not count for parameters.
            let blocks = u32::from(wait) + 3;
            let mut commands = vec![hello(&config())];
            commands.extend((0..blocks).map(|_| match kind {
                5 => Command::Store(Store { base: 0, count: 1 }),
                _ => Command::Block(Block {
                    last: true,
                    ..tile(&mut rng)
                }),
            }));
            if kind == 1 || kind == 4 {
                let open = |_| {
                    Command::Block(Block {
                        last: false,
                        ..tile(&mut rng)
                    })
                };
                commands.extend((0..3).map(open));
            }
            commands.push(waiter);
            let beats = beats(&mut rng, &commands);
            let mut sent = 0;
            let pulses = match kind {
                1 | 4 => d.drained,
                5 => d.store_done,
                _ => d.reads_done,
            };
            let mut clock = |d: &mut Pins, pulse: bool| {
                d.put(pulses, pulse);
                if let Some(&(data, last)) = beats.get(sent) {
                    d.put(d.s_valid, true);
                    d.set_wide(d.s_data, data);
                    d.put(d.s_last, last);
                }
                d.eval();
                sent += usize::from(sent < beats.len() && d.bit(d.s_ready));
                let begun = d.bit(d.weight_valid)
                    || d.bit(d.param_valid)
                    || d.bit(d.window_start)
                    || d.bit(d.sparse_start);
                d.tick();
                begun
            };
            for _ in 0..100 {
                assert!(!clock(&mut d, false), "{waiter} did not wait");
            }
            for left in (u32::from(wait)..blocks).rev() {
                assert!(!clock(&mut d, true), "{waiter} did not wait");
                let begun = (0..20).any(|_| clock(&mut d, false));
                assert_eq!(
                    begun,
                    left == u32::from(wait),
                    "{waiter} with {left} pending"
                );
            }
        }
    }
}

#[test]
fn every_flipped_bit_of_a_header_is_found() {
    let mut rng = random(15);
    let built = built();
    let mut d = pins(&built);
    let mut commands = vec![hello(&config()), Command::End(End { tag: rng.random() })];
    let mut seen = Vec::new();
    while seen.len() < Opcode::ALL.len() - 2 {
        let command = record(&mut rng);
        if !seen.contains(&command.opcode()) {
            seen.push(command.opcode());
            commands.push(command);
        }
    }
    for command in commands {
        for bit in 0..256 {
            let mut words = command.encode().expect("fields fit");
            words[bit / 32] ^= 1 << (bit % 32);
            let first = hello(&config()).encode().expect("fields fit");
            let mut beats = [header(&first), header(&words)].concat();
            if command.opcode() == Opcode::Hello {
                beats.drain(..2);
            }
            let code = refused(&mut d, &mut rng, &beats, CALM);
            assert_eq!(code, ErrorCode::BadCrc, "bit {bit} of {command}");
        }
    }
}

#[test]
fn every_unknown_opcode_is_refused() {
    let mut rng = random(16);
    let built = built();
    let mut d = pins(&built);
    let mut refusals = 0;
    for opcode in 0..=255u8 {
        if Opcode::from_bits(opcode).is_some() {
            continue;
        }
        let mut words: Words = rng.random();
        words[0] = words[0] & !0xff | u32::from(opcode);
        let mut beats = second(&words);
        // It goes before the rules for hello and TLAST.
        if rng.random() {
            beats.drain(..2);
        }
        let end = beats.len() - 1;
        beats[end].1 = rng.random();
        let code = refused(&mut d, &mut rng, &beats, CALM);
        assert_eq!(code, ErrorCode::BadOpcode, "opcode {opcode:#x}");
        refusals += 1;
    }
    assert_eq!(refusals, 256 - Opcode::ALL.len());
}

#[test]
fn hello_comes_first_and_only_first() {
    let mut rng = random(17);
    let built = built();
    let mut d = pins(&built);
    for _ in 0..40 {
        // Without hello; the field errors that it may have besides come later.
        let mut words = record(&mut rng).encode().expect("fields fit");
        if rng.random() {
            words[2] = 0;
            words[7] = record_crc(&words);
        }
        let code = refused(&mut d, &mut rng, &header(&words), CALM);
        assert_eq!(code, ErrorCode::NoHello);
        // A hello in the middle, right or wrong.
        let mut commands = stream(&mut rng, 4);
        let mut again = Hello::for_config(&config());
        again.magic ^= u32::from(rng.random::<bool>());
        commands.insert(rng.random_range(1..5), Command::Hello(again));
        let all = beats(&mut rng, &commands);
        assert_eq!(refused(&mut d, &mut rng, &all, CALM), ErrorCode::NoHello);
    }
    // An end first.
    let all = beats(&mut rng, &[Command::End(End { tag: 0 })]);
    assert_eq!(refused(&mut d, &mut rng, &all, CALM), ErrorCode::NoHello);
}

#[test]
fn a_hello_for_another_core_is_refused() {
    let mut rng = random(18);
    let built = built();
    let mut d = pins(&built);
    let good = Hello::for_config(&config());
    for bit in 0..128 {
        let mut hello = good;
        let code = match bit {
            0..32 => {
                hello.magic = MAGIC ^ 1 << bit;
                ErrorCode::BadMagic
            }
            32..64 => {
                hello.abi = ABI_VERSION ^ 1 << (bit - 32);
                ErrorCode::BadAbi
            }
            _ => {
                let hash = hello.hash() ^ 1 << (bit - 64);
                (hello.hash_lo, hello.hash_hi) = (hash as u32, (hash >> 32) as u32);
                ErrorCode::BadHash
            }
        };
        let words = Command::Hello(hello).encode().expect("fields fit");
        assert_eq!(
            refused(&mut d, &mut rng, &header(&words), CALM),
            code,
            "bit {bit}"
        );
    }
    // Magic before version before configuration.
    for (magic, abi, code) in [
        (0, 0, ErrorCode::BadMagic),
        (MAGIC, 0, ErrorCode::BadAbi),
        (MAGIC, ABI_VERSION, ErrorCode::BadHash),
    ] {
        let words = Command::Hello(Hello {
            magic,
            abi,
            hash_lo: 0,
            hash_hi: 0,
        })
        .encode()
        .expect("fields fit");
        assert_eq!(refused(&mut d, &mut rng, &header(&words), CALM), code);
    }
}

/// Whether the decoder takes a second record of these words, and the code if not. The
/// specification must agree.
fn verdict(d: &mut Pins, rng: &mut StdRng, words: &Words) -> Option<ErrorCode> {
    let beats = second(words);
    let want = expected(&beats, &config());
    let got = run(d, rng, &beats, &mut World::default(), CALM);
    assert_eq!(got, want, "{words:x?}");
    reset(d);
    match want.last() {
        Some(&Event::Error(code, _)) => Some(ErrorCode::from_bits(code).expect("a known code")),
        _ => None,
    }
}

#[test]
fn limits_hold_to_the_last_entry() {
    let mut rng = random(19);
    let built = built();
    let mut d = pins(&built);
    let c = config();
    let load = Command::LoadWeights(Load {
        wait: 255,
        base: 0,
        count: 1,
    });
    let sparse = Command::LoadSparse(LoadSparse {
        wait: 255,
        base: 0,
        count: 1,
        beats: 3,
    });
    let params = Command::LoadParams(Load {
        wait: 255,
        base: 0,
        count: 1,
    });
    let picture = Rows {
        first: true,
        strip_end: true,
        wait: 255,
        base: 0,
        plane: 0,
        width: 10,
        rows: 2,
        kernel: 3,
        stride: 1,
        gap: 0,
        drains: WAIT_NONE,
    };
    let store_one = Command::Store(Store { base: 0, count: 1 });
    let mut tile = Block {
        acc_base: 0,
        count: 1,
        mode: Mode::Write,
        sum_last: true,
        width: 10,
        in_gap: 3,
        out_gap: 0,
        ..tile(&mut rng)
    };
    let good = |tile: &Block| Command::Block(*tile);
    // (record, changed fields and their values, what is said)
    let field = Some(ErrorCode::BadField);
    let address = Some(ErrorCode::BadAddress);
    type Case<'a> = (Command, &'a [(Field, usize)], Option<ErrorCode>);
    let rows_record = Command::Rows(picture);
    let top = (1 << 20) - 1;
    let cases: &[Case] = &[
        (load, &[(load::COUNT, 0)], field),
        (load, &[(load::BASE, c.weight_blocks - 1)], None),
        (load, &[(load::BASE, c.weight_blocks)], address),
        (load, &[(load::COUNT, c.weight_blocks)], None),
        (load, &[(load::COUNT, c.weight_blocks + 1)], address),
        (
            load,
            &[(load::BASE, 5), (load::COUNT, c.weight_blocks - 5)],
            None,
        ),
        (
            load,
            &[(load::BASE, 5), (load::COUNT, c.weight_blocks - 4)],
            address,
        ),
        (load, &[(load::BASE, top), (load::COUNT, top)], address),
        (load, &[(load::BASE, top), (load::COUNT, 1)], address),
        (load, &[(load::BASE, top), (load::COUNT, 0)], field),
        (sparse, &[(load::COUNT, 0)], field),
        (sparse, &[(load_sparse::BEATS, 0)], field),
        (sparse, &[(load_sparse::BEATS, top)], None),
        (sparse, &[(load::BASE, c.weight_blocks - 1)], None),
        (sparse, &[(load::BASE, c.weight_blocks)], address),
        (sparse, &[(load::COUNT, c.weight_blocks)], None),
        (sparse, &[(load::COUNT, c.weight_blocks + 1)], address),
        (params, &[(load::COUNT, 0)], field),
        (params, &[(load::BASE, c.param_groups - 1)], None),
        (params, &[(load::BASE, c.param_groups)], address),
        (params, &[(load::COUNT, c.param_groups)], None),
        (params, &[(load::COUNT, c.param_groups + 1)], address),
        (rows_record, &[(rows::ROWS, 0)], field),
        (rows_record, &[(rows::KERNEL, 2)], field),
        (rows_record, &[(rows::KERNEL, 4)], field),
        (rows_record, &[(rows::KERNEL, 0)], field),
        (rows_record, &[(rows::KERNEL, 7)], None),
        (rows_record, &[(rows::KERNEL, 7), (rows::WIDTH, 6)], field),
        (rows_record, &[(rows::KERNEL, 9)], field),
        (rows_record, &[(rows::STRIDE, 0)], field),
        (rows_record, &[(rows::STRIDE, 2)], None),
        (rows_record, &[(rows::STRIDE, 3)], field),
        (rows_record, &[(rows::STRIDE, 15)], field),
        (rows_record, &[(rows::WIDTH, 2)], field),
        (rows_record, &[(rows::WIDTH, 0)], field),
        (rows_record, &[(rows::WIDTH, 3)], None),
        (rows_record, &[(rows::WIDTH, c.window_width)], None),
        (rows_record, &[(rows::WIDTH, c.window_width + 1)], address),
        (rows_record, &[(rows::WIDTH, 1023)], address),
        (rows_record, &[(rows::BASE, c.feature_words - 1)], None),
        (rows_record, &[(rows::BASE, c.feature_words)], address),
        (rows_record, &[(rows::BASE, top), (rows::ROWS, 0)], field),
        (store_one, &[(store::COUNT, 0)], field),
        (store_one, &[(store::BASE, c.feature_words - 1)], None),
        (store_one, &[(store::BASE, c.feature_words)], address),
        (store_one, &[(store::COUNT, c.feature_words)], None),
        (store_one, &[(store::COUNT, c.feature_words + 1)], address),
        (
            store_one,
            &[(store::BASE, top), (store::COUNT, top)],
            address,
        ),
        (good(&tile), &[], None),
        (good(&tile), &[(block::COUNT, 0)], field),
        (good(&tile), &[(block::COUNT, 4 * c.acc_depth)], None),
        (good(&tile), &[(block::COUNT, 4 * c.acc_depth + 1)], address),
        (good(&tile), &[(block::ACC_BASE, c.acc_depth - 1)], None),
        (good(&tile), &[(block::ACC_BASE, c.acc_depth)], address),
        (
            good(&tile),
            &[(block::ACC_BASE, 2047), (block::COUNT, 8191)],
            address,
        ),
        (good(&tile), &[(block::GROUPS, 0)], field),
        (good(&tile), &[(block::GROUPS, 4095)], None),
        (good(&tile), &[(block::WIDTH, 0)], field),
        (good(&tile), &[(block::WIDTH, 1)], None),
        (good(&tile), &[(block::WIDTH, 1), (block::IN_GAP, 2)], field),
        (good(&tile), &[(block::MODE, 3)], field),
        (
            good(&tile),
            &[(block::MODE, 3), (block::PARAM, 1023)],
            field,
        ),
        (good(&tile), &[(block::WIDTH, 3), (block::IN_GAP, 0)], field),
        (good(&tile), &[(block::WIDTH, 3), (block::IN_GAP, 1)], None),
        (good(&tile), &[(block::OUT_GAP, 5)], None),
        (good(&tile), &[(block::OUT_GAP, 6)], field),
        (good(&tile), &[(block::OUT_GAP, 6), (block::MODE, 1)], None),
        (good(&tile), &[(block::OUT_GAP, 6), (block::MODE, 2)], None),
        (good(&tile), &[(block::IN_BASE, c.feature_words - 1)], None),
        (good(&tile), &[(block::IN_BASE, c.feature_words)], address),
        (
            good(&tile),
            &[(block::WEIGHT_BASE, c.weight_blocks - 1)],
            None,
        ),
        (
            good(&tile),
            &[(block::WEIGHT_BASE, c.weight_blocks)],
            address,
        ),
        (good(&tile), &[(block::PARAM, c.param_groups - 1)], None),
        (good(&tile), &[(block::PARAM, c.param_groups)], address),
        (good(&tile), &[(block::LINE_BASE, c.line_words - 1)], None),
        (good(&tile), &[(block::LINE_BASE, c.line_words)], address),
        (good(&tile), &[(block::OUT_BASE, c.feature_words - 1)], None),
        (good(&tile), &[(block::OUT_BASE, c.feature_words)], address),
        (
            good(&tile),
            &[(block::OUT_BASE, top), (block::COUNT, 0)],
            field,
        ),
    ];
    for (command, changes, want) in cases {
        let mut words = command.encode().expect("fields fit");
        for (field, value) in *changes {
            field
                .set(&mut words, *value as u64)
                .expect("the field holds it");
        }
        let names: Vec<_> = changes.iter().map(|(f, v)| (f.name, v)).collect();
        assert_eq!(
            verdict(&mut d, &mut rng, &words),
            *want,
            "{command} with {names:?}"
        );
    }
    tile.count = 0;
    let mut all = second(&Command::Block(tile).encode().expect("fields fit"));
    // TLAST goes before fields, fields before addresses.
    all[3].1 = true;
    assert_eq!(refused(&mut d, &mut rng, &all, CALM), ErrorCode::EarlyEnd);
}

#[test]
fn random_records_are_judged_as_the_specification_does() {
    let mut rng = random(20);
    let built = built();
    let mut d = pins(&built);
    let mut tally = [0; 2];
    for _ in 0..3000 {
        let mut words = match rng.random_range(0..4) {
            // Anything behind a known opcode.
            0 => {
                let mut words: Words = rng.random();
                let opcode = Opcode::ALL[rng.random_range(0..Opcode::ALL.len())];
                common::OPCODE.set(&mut words, opcode as u64).expect("fits");
                words
            }
            _ => record(&mut rng).encode().expect("fields fit"),
        };
        // A payload without a wait, to keep it short.
        for _ in 0..rng.random_range(0..3) {
            let opcode = Opcode::from_bits(words[0] as u8).expect("known");
            let fields = Command::fields(opcode);
            let field = fields[rng.random_range(0..fields.len())];
            let value = rng.random::<u32>() >> rng.random_range(0..32) & field.max();
            field.set(&mut words, value.into()).expect("fits");
        }
        words[7] = record_crc(&words);
        let accepted = verdict(&mut d, &mut rng, &words).is_none();
        tally[usize::from(accepted)] += 1;
    }
    assert!(
        tally.iter().all(|&n| n > 500),
        "refused, accepted: {tally:?}"
    );
}

#[test]
fn a_stream_that_ends_early_or_late_is_refused() {
    let mut rng = random(21);
    let built = built();
    let mut d = pins(&built);
    for _ in 0..250 {
        let records = rng.random_range(1..6);
        let commands = stream(&mut rng, records);
        let mut all = beats(&mut rng, &commands);
        let end = all.len() - 1;
        all[end].1 = false;
        let weather = weather(&mut rng);
        // TLAST anywhere but at its place: first header beat, second, payload.
        let at = rng.random_range(0..end);
        all[at].1 = true;
        assert_eq!(
            refused(&mut d, &mut rng, &all[..=at], weather),
            ErrorCode::EarlyEnd
        );
        all[at].1 = false;
        assert_eq!(refused(&mut d, &mut rng, &all, weather), ErrorCode::LateEnd);
    }
    // On the first beat even of a record whose CRC would be wrong.
    let beats = [(join(rng.random()), true)];
    assert_eq!(refused(&mut d, &mut rng, &beats, CALM), ErrorCode::EarlyEnd);
}

#[test]
fn a_reset_anywhere_starts_anew() {
    let mut rng = random(22);
    let built = built();
    let mut d = pins(&built);
    for _ in 0..60 {
        let commands = stream(&mut rng, 6);
        let all = beats(&mut rng, &commands);
        let mut queue: VecDeque<Beat> = all.into();
        d.put(d.window_ready, true);
        d.put(d.window_busy, true);
        d.put(d.sparse_ready, true);
        d.put(d.sparse_busy, true);
        for _ in 0..rng.random_range(1..200) {
            let front = queue.front().copied();
            d.put(d.s_valid, front.is_some());
            d.set_wide(d.s_data, front.map_or(0, |b| b.0));
            d.put(d.s_last, front.is_some_and(|b| b.1));
            d.eval();
            if d.bit(d.s_ready) {
                queue.pop_front();
            }
            d.tick();
        }
        reset(&mut d);
        let commands = stream(&mut rng, 6);
        let all = beats(&mut rng, &commands);
        let weather = weather(&mut rng);
        let got = run(&mut d, &mut rng, &all, &mut World::default(), weather);
        assert_eq!(got, expected(&all, &config()));
    }
}

#[test]
fn a_halt_drops_the_rest() {
    let mut rng = random(23);
    let built = built();
    let mut d = pins(&built);
    for _ in 0..20 {
        let commands = stream(&mut rng, 3);
        let all = beats(&mut rng, &commands);
        let cut = rng.random_range(0..all.len());
        let mut world = World::default();
        run(&mut d, &mut rng, &all[..cut], &mut world, CALM);
        d.put(d.halt, true);
        d.tick();
        d.put(d.halt, false);
        let got = run(&mut d, &mut rng, &all[cut..], &mut world, CALM);
        assert_eq!(got, []);
        reset(&mut d);
        let got = run(&mut d, &mut rng, &all, &mut World::default(), CALM);
        assert_eq!(got, expected(&all, &config()));
        reset(&mut d);
    }
}

#[test]
fn a_damaged_payload_is_found_before_the_next_record() {
    let mut rng = random(24);
    let built = built();
    let mut d = pins(&built);
    let mut seen = Vec::new();
    for _ in 0..120 {
        let mut commands = stream(&mut rng, 4);
        let at = rng.random_range(1..5);
        while !commands[at].has_payload() {
            commands[at] = record(&mut rng);
        }
        let (command, payload) = with_payload(&mut rng, commands[at]);
        let before = beats(&mut rng, &commands[..at]);
        let after = beats(&mut rng, &commands[at + 1..]);
        let mut damaged = payload.clone();
        let bit = rng.random_range(0..8 * damaged.len());
        damaged[bit / 8] ^= 1 << (bit % 8);
        let mut all = before;
        all.last_mut().expect("a beat").1 = false;
        all.extend(header(&command.encode_with(&payload).expect("fields fit")));
        all.extend(payload_beats(&damaged));
        if rng.random() {
            all.extend(after);
        }
        let weather = weather(&mut rng);
        let code = refused(&mut d, &mut rng, &all, weather);
        // A sparse payload may be found out by its length first.
        let sparse = command.opcode() == Opcode::LoadSparse;
        assert!(
            code == ErrorCode::BadPayload || sparse && code == ErrorCode::BadField,
            "{code} of bit {bit} of {command}"
        );
        seen.push((command.opcode(), code));
    }
    for opcode in [
        Opcode::LoadWeights,
        Opcode::LoadSparse,
        Opcode::LoadParams,
        Opcode::Rows,
    ] {
        assert!(
            seen.contains(&(opcode, ErrorCode::BadPayload)),
            "{opcode:?}"
        );
    }
}

#[test]
fn sparse_payloads_of_a_wrong_length_are_refused() {
    let mut rng = random(25);
    let built = built();
    let mut d = pins(&built);
    for i in 0..60 {
        let load = LoadSparse {
            wait: WAIT_NONE,
            base: 3,
            count: rng.random_range(1..4),
            beats: 0,
        };
        let (command, payload) = with_payload(&mut rng, Command::LoadSparse(load));
        let Command::LoadSparse(load) = command else {
            unreachable!("it stays what it is")
        };
        let off = rng.random_range(1..4).min(load.beats - 1).max(1);
        let beats = if i % 2 == 0 {
            load.beats + off
        } else {
            load.beats.saturating_sub(off).max(1)
        };
        if beats == load.beats {
            continue;
        }
        let mut payload = payload;
        payload.resize(beats as usize * 16, 0xff);
        let wrong = Command::LoadSparse(LoadSparse { beats, ..load });
        let mut all = self::beats(&mut rng, &[hello(&config())]);
        all[1].1 = false;
        all.extend(header(&wrong.encode_with(&payload).expect("fields fit")));
        all.extend(payload_beats(&payload));
        let weather = weather(&mut rng);
        assert_eq!(
            refused(&mut d, &mut rng, &all, weather),
            ErrorCode::BadField
        );
    }
}

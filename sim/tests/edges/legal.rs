//! Random streams in which every wait is as loose as it may be: each record begins with waits by
//! chance, and gets strict ones, or is left out, only where the software engine's hazard check
//! asks for it. Tiles of one and two vectors, and of about a weight load, come often.

use firebrick_driver::{ExecError, Executor};
use firebrick_spec::BEAT_BYTES;
use firebrick_spec::arith::{MULT_MAX, MULT_MIN, SHIFT_MAX, WEIGHT_MAX};
use firebrick_spec::command::{
    Block, Command, End, Hello, Load, LoadSparse, Mode, Rows, Store, WAIT_NONE,
};
use firebrick_spec::{HwConfig, sparse};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Feature words that streams use.
const WORDS: u32 = 640;
/// Weight blocks and parameter groups that streams use. Of the blocks, those at the end of the weight
/// buffer come first, so that passes wrap from its last block to block 0.
const BLOCKS: u32 = 24;
const BLOCKS_AT_END: u32 = 8;
const GROUPS: u32 = 6;
/// Times that a stream is mended before it is given up.
const MENDS: usize = 400;

/// A record with its payload.
#[derive(Clone, Debug)]
pub struct Item {
    pub command: Command,
    pub payload: Vec<u8>,
}

/// Records that belong together: a payload, a store, or all parts of a tile.
#[derive(Clone, Debug)]
struct Unit {
    items: Vec<Item>,
    strict: bool,
}

/// What the tiles of a stream were like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kinds {
    /// Tiles in all, of at most two vectors, of at most two weight loads.
    pub tiles: u64,
    pub shortest: u64,
    pub short: u64,
}

/// Transfers that follow each other, and what comes back, trailers left out.
pub struct Case {
    pub transfers: Vec<Vec<u8>>,
    pub packets: Vec<Vec<u8>>,
    pub kinds: Kinds,
}

impl From<Command> for Item {
    /// A record without a payload.
    fn from(command: Command) -> Item {
        Item {
            command,
            payload: Vec::new(),
        }
    }
}

fn item(command: Command) -> Item {
    Item::from(command)
}

/// A record of each kind that has a payload, and a block that takes the strip.
pub fn one_of_each(config: &HwConfig, rng: &mut SmallRng) -> Vec<Item> {
    let mut items = vec![params(config, rng, false)];
    for wanted in ["load_weights", "load_sparse"] {
        let found = (0..).map(|_| load(config, rng)).find(|item| {
            matches!(
                (&item.command, wanted),
                (Command::LoadWeights(_), "load_weights") | (Command::LoadSparse(_), "load_sparse")
            )
        });
        items.extend(found);
    }
    let whole = |rows: &Vec<Item>| rows.len() == 1;
    let found = (0..).find_map(|_| rows(config, rng, 0, WORDS).filter(whole));
    items.extend(found.into_iter().flatten());
    items.push(item(Command::Block(taker(config))));
    items
}

/// A transfer of these records.
pub fn transfer<'a>(
    config: &HwConfig,
    items: impl IntoIterator<Item = &'a Item>,
    tag: u32,
) -> Vec<u8> {
    let hello = item(Command::Hello(Hello::for_config(config)));
    let end = item(Command::End(End { tag }));
    let mut bytes = Vec::new();
    let mut put = |item: &Item| {
        item.command.check(config).unwrap();
        for word in item.command.encode_with(&item.payload).unwrap() {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(&item.payload);
    };
    put(&hello);
    items.into_iter().for_each(&mut put);
    put(&end);
    bytes
}

/// A wait: none, a small one, or all.
fn wait(rng: &mut SmallRng) -> u8 {
    [WAIT_NONE, WAIT_NONE, 0, 1, 2, 4][rng.random_range(0..6)]
}

/// The weight block of this number among those that streams use.
fn block_at(config: &HwConfig, number: u32) -> u32 {
    let blocks = config.weight_blocks as u32;
    (blocks - BLOCKS_AT_END + number) % blocks
}

/// Loads of weights, with and without their zeros, or of parameters.
fn load(config: &HwConfig, rng: &mut SmallRng) -> Item {
    if rng.random_ratio(1, 3) {
        return params(config, rng, false);
    }
    let count = rng.random_range(1..=4);
    let mut first = rng.random_range(0..=BLOCKS - count);
    // A load does not wrap.
    if first < BLOCKS_AT_END && first + count > BLOCKS_AT_END {
        first = BLOCKS_AT_END;
    }
    let wait = wait(rng);
    weights(config, rng, first, count, wait)
}

/// A load of weights, from this number among those that streams use.
fn weights(config: &HwConfig, rng: &mut SmallRng, first: u32, count: u32, wait: u8) -> Item {
    let (tile, base) = (config.tile, block_at(config, first));
    let thin = rng.random_bool(0.3);
    let weights: Vec<u8> = (0..count as usize * tile * tile)
        .map(|_| match rng.random_range(0..8) {
            0 if !thin => [127u8, 129][rng.random_range(0..2)],
            1..=6 if thin => 0,
            _ => rng.random_range(-WEIGHT_MAX..=WEIGHT_MAX) as u8,
        })
        .collect();
    if thin {
        let payload = sparse::encode(&weights);
        let beats = (payload.len() / BEAT_BYTES) as u32;
        return Item {
            command: Command::LoadSparse(LoadSparse {
                wait,
                base,
                count,
                beats,
            }),
            payload,
        };
    }
    Item {
        command: Command::LoadWeights(Load { wait, base, count }),
        payload: weights,
    }
}

fn params(config: &HwConfig, rng: &mut SmallRng, all: bool) -> Item {
    let (base, count) = match all {
        true => (0, GROUPS),
        false => (rng.random_range(0..GROUPS), 1),
    };
    let mut payload = Vec::new();
    for _ in 0..count as usize * config.tile {
        payload.extend(rng.random_range(-200_000..200_000i32).to_le_bytes());
        payload.extend(rng.random_range(MULT_MIN..=MULT_MAX).to_le_bytes());
        payload.extend([rng.random_range(14..=26u8.min(SHIFT_MAX)), 0]);
    }
    Item {
        command: Command::LoadParams(Load {
            wait: if all { 0 } else { wait(rng) },
            base,
            count,
        }),
        payload,
    }
}

/// Rows of a picture whose windows fill words from `base` on, at most `most` of them, in one record
/// or in two.
fn rows(config: &HwConfig, rng: &mut SmallRng, base: u32, most: u32) -> Option<Vec<Item>> {
    let kernel: u32 = if config.window_kernel == 7 && rng.random_ratio(1, 3) {
        7
    } else {
        3
    };
    let stride = rng.random_range(1..=2);
    let groups = (3 * kernel * kernel).div_ceil(config.tile as u32);
    let width = match rng.random_range(0..12) {
        0 => config.window_width as u32 - rng.random_range(0..3),
        _ => rng.random_range(kernel..=kernel + 24),
    };
    let columns = (width - kernel) / stride + 1;
    let gap = if rng.random() {
        0
    } else {
        rng.random_range(0..=3)
    };
    let pitch = columns + gap;
    let lines = rng.random_range(1..=6.min(most / groups / pitch).max(1));
    let plane = lines * pitch;
    if plane * groups > most {
        return None;
    }
    let count = (lines - 1) * stride + kernel;
    let bytes = Rows::row_bytes(width as usize);
    let parts = match rng.random_range(0..3) {
        0 => vec![rng.random_range(1..count), count],
        _ => vec![count],
    };
    let mut from = 0;
    let waits = (wait(rng), wait(rng));
    let items = parts.iter().map(|&to| {
        let done = (from + stride).saturating_sub(kernel) / stride;
        let rows = Rows {
            first: from == 0,
            strip_end: to == count,
            wait: waits.0,
            base: base + done * pitch,
            plane,
            width,
            rows: to - from,
            kernel,
            stride,
            gap,
            drains: waits.1,
        };
        let payload = (0..(to - from) as usize * bytes).map(|_| rng.random());
        from = to;
        Item {
            payload: payload.collect(),
            command: Command::Rows(rows),
        }
    });
    Some(items.collect())
}

/// A block that only takes a strip and is always allowed.
pub fn taker(config: &HwConfig) -> Block {
    Block {
        first: true,
        last: true,
        take_strip: true,
        count: 1,
        groups: 1,
        width: config.lanes.max(3) as u32,
        height: 1,
        out_base: WORDS,
        mode: Mode::Sum,
        sum_first: true,
        layer: 63,
        more_beats: 0,
        ..Block::default()
    }
}

/// Positions of a tile: often one or two vectors, or as many as a weight load has rows.
fn positions(config: &HwConfig, rng: &mut SmallRng, most: u32) -> u32 {
    let (lanes, tile) = (config.lanes as u32, config.tile as u32);
    let count = match rng.random_range(0..8) {
        0 => rng.random_range(1..=lanes),
        1 => rng.random_range(1..=2 * lanes),
        2 => rng.random_range(2 * lanes..=4 * lanes),
        3 => {
            [tile - 1, tile, tile + 1][rng.random_range(0..3)] * lanes - rng.random_range(0..lanes)
        }
        4 => rng.random_range(1..=2 * tile * lanes),
        _ => rng.random_range(1..=config.acc_depth as u32 / 2 * lanes),
    };
    count.clamp(1, most)
}

/// A ring in which `base` lies, with room for `words`; often none. All of it is within the words
/// that streams use, whose number is a multiple of the largest.
fn ring(rng: &mut SmallRng, words: u32) -> u32 {
    let ring = rng.random_range(1..=3);
    match rng.random_ratio(1, 3) && words <= 1 << (ring + 4) {
        true => ring,
        false => 0,
    }
}

/// The parts of a tile.
fn tile(config: &HwConfig, rng: &mut SmallRng, sum_begun: &mut bool) -> Vec<Item> {
    let (lanes, pixels) = (config.lanes as u32, config.drain_pixels() as u32);
    let mode = [Mode::Write, Mode::Write, Mode::Pool, Mode::Sum][rng.random_range(0..4)];
    let width = match mode {
        // Rows as long as the words allow, now and then.
        _ if rng.random_ratio(1, 12) => rng.random_range(31..=WORDS / 3 - 8),
        Mode::Pool => rng.random_range(3.max(4 * pixels)..=30.max(4 * pixels)),
        _ => rng.random_range(1..=30),
    };
    let partial = rng.random();
    let mut in_gap = rng.random_range(0..=2).max(lanes.saturating_sub(width));
    if mode == Mode::Pool {
        in_gap = u32::from(partial && width.is_multiple_of(2)).max(lanes.saturating_sub(width));
        in_gap += (pixels - (width + in_gap) % pixels) % pixels;
    }
    let pitch = width + in_gap;
    let most = (WORDS / 3 / pitch).max(1);
    let height = rng.random_range(1..=most.min(12));
    let (y0, x0, count) = if mode == Mode::Pool {
        let rows = rng.random_range(1..=height);
        let rows = rows.min((config.acc_depth as u32 * lanes / pitch).max(1));
        (0, 0, rows * pitch)
    } else {
        // A tile may begin in a gap.
        let columns = if rng.random_bool(0.1) { pitch } else { width };
        let (y0, x0) = (rng.random_range(0..height), rng.random_range(0..columns));
        let rest = height * pitch - y0 * pitch - x0;
        (
            y0,
            x0,
            positions(config, rng, rest.min(config.acc_depth as u32 * lanes)),
        )
    };
    let vectors = count.div_ceil(lanes);
    let mut sum_first = rng.random();
    if mode == Mode::Sum {
        sum_first |= !*sum_begun;
        *sum_begun = true;
    }
    let out_base = rng.random_range(0..=WORDS - (count + height * 4).min(WORDS));
    let place = Block {
        tap: rng.random_bool(0.15),
        partial,
        pairs: rng.random(),
        sum_first,
        sum_last: mode == Mode::Sum && rng.random(),
        count,
        acc_base: rng.random_range(0..=config.acc_depth as u32 - vectors),
        acc_bank: rng.random_range(0..=1),
        width,
        height,
        mode,
        layer: rng.random_range(0..=63),
        in_gap,
        y0,
        x0,
        line_base: 0,
        more_beats: rng.random_range(0..config.tile as u32 / 4),
        param: rng.random_range(0..GROUPS),
        out_base,
        out_ring: ring(rng, count + height * 4),
        out_gap: rng.random_range(0..=in_gap.min(3)),
        ..Block::default()
    };
    let parts = [1, 1, 1, 2, 3][rng.random_range(0..5)];
    let span = height * pitch;
    (0..parts)
        .map(|part| {
            let kernel3 = rng.random_bool(0.4);
            let start = rng.random_range(0..=WORDS - span) + y0 * pitch + x0;
            let groups = rng.random_range(1..=3);
            let room = (WORDS - (start - y0 * pitch - x0) - span) / groups;
            let plane = rng.random_range(0..=room);
            let passes = groups * if kernel3 { 9 } else { 1 };
            item(Command::Block(Block {
                kernel3,
                in_ring: ring(rng, 1),
                first: part == 0,
                last: part + 1 == parts,
                outstanding: [0, 1, 2, 3, 7, 7][rng.random_range(0..6)],
                in_base: start,
                groups,
                plane,
                weight_base: block_at(config, rng.random_range(0..=BLOCKS.saturating_sub(passes))),
                data: rng.random(),
                ..place
            }))
        })
        .collect()
}

fn store(rng: &mut SmallRng) -> Item {
    let count = rng.random_range(1..=90);
    let base = rng.random_range(0..=WORDS - count);
    item(Command::Store(Store { base, count }))
}

/// Fills everything that later streams may use.
fn prefill(config: &HwConfig, rng: &mut SmallRng) -> Vec<Item> {
    let mut items = vec![
        params(config, rng, true),
        weights(config, rng, 0, BLOCKS_AT_END, 0),
        weights(config, rng, BLOCKS_AT_END, BLOCKS - BLOCKS_AT_END, 0),
    ];
    let groups = 27u32.div_ceil(config.tile as u32);
    // 32 columns of a picture 34 wide, so many rows that all words are written.
    let lines = (WORDS + 64).div_ceil(32 * groups);
    let bytes = Rows::row_bytes(34);
    items.push(Item {
        command: Command::Rows(Rows {
            first: true,
            strip_end: true,
            base: 0,
            plane: lines * 32,
            width: 34,
            rows: lines + 2,
            kernel: 3,
            stride: 1,
            ..Rows::default()
        }),
        payload: (0..(lines as usize + 2) * bytes)
            .map(|_| rng.random())
            .collect(),
    });
    items.push(item(Command::Block(taker(config))));
    items.push(item(Command::Store(Store {
        base: 0,
        count: WORDS,
    })));
    items
}

/// The units of one stream, waits by chance.
fn units(config: &HwConfig, rng: &mut SmallRng, sum_begun: &mut bool) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut strips = 0;
    let mut add = |items: Vec<Item>| {
        units.push(Unit {
            items,
            strict: false,
        });
    };
    for _ in 0..rng.random_range(1..=16) {
        match rng.random_range(0..12) {
            0 | 1 => add(vec![load(config, rng)]),
            2 | 3 if strips < 8 => {
                let base = rng.random_range(0..WORDS - 100);
                if let Some(rows) = rows(config, rng, base, WORDS - base) {
                    strips += 1;
                    add(rows);
                }
            }
            4 if rng.random() => add(vec![store(rng)]),
            _ => {
                let mut items = tile(config, rng, sum_begun);
                if strips > 0
                    && rng.random_bool(0.6)
                    && let Command::Block(block) = &mut items[0].command
                {
                    block.take_strip = true;
                    strips -= 1;
                }
                add(items);
            }
        }
    }
    for _ in 0..strips {
        add(vec![item(Command::Block(taker(config)))]);
    }
    add(vec![item(Command::Store(Store {
        base: 0,
        count: WORDS,
    }))]);
    units
}

/// Makes the unit safe, or replaces what cannot be.
fn mend(config: &HwConfig, units: &mut Vec<Unit>, at: usize) {
    let unit = &mut units[at];
    if !unit.strict {
        unit.strict = true;
        for item in &mut unit.items {
            match &mut item.command {
                Command::LoadWeights(load) | Command::LoadParams(load) => load.wait = 0,
                Command::LoadSparse(load) => load.wait = 0,
                Command::Rows(rows) => (rows.wait, rows.drains) = (0, 0),
                Command::Block(block) => block.outstanding = 0,
                _ => {}
            }
        }
        return;
    }
    let takes = unit.items.iter().any(|item| match item.command {
        Command::Block(block) => block.take_strip,
        _ => false,
    });
    let rows = matches!(unit.items[0].command, Command::Rows(_));
    if takes {
        unit.items = vec![item(Command::Block(taker(config)))];
    } else {
        units.remove(at);
        if rows {
            // One taker less.
            for unit in &mut units[at..] {
                if let Command::Block(block) = &mut unit.items[0].command
                    && block.take_strip
                {
                    block.take_strip = false;
                    break;
                }
            }
        }
    }
}

/// Runs a stream on the software engine as it stands, mended until it is safe.
fn safe(
    config: &HwConfig,
    engine: &mut Executor,
    mut units: Vec<Unit>,
    tag: u32,
) -> Option<(Vec<u8>, Vec<u8>, Kinds)> {
    for _ in 0..MENDS {
        let bytes = transfer(config, units.iter().flat_map(|unit| &unit.items), tag);
        let mut trial = engine.clone();
        let record = match trial.run(&bytes) {
            Ok(packet) => {
                *engine = trial;
                return Some((bytes, packet, kinds(config, &units)));
            }
            Err(ExecError::Hazard(hazard)) => hazard.record,
            Err(ExecError::Fault(fault)) => fault.record,
            Err(error) => panic!("{error}"),
        };
        // Record 0 is the hello.
        let mut left = record as usize - 1;
        let at = units.iter().position(|unit| {
            let here = left < unit.items.len();
            left = left.saturating_sub(unit.items.len());
            here
        })?;
        mend(config, &mut units, at);
    }
    None
}

fn kinds(config: &HwConfig, units: &[Unit]) -> Kinds {
    let mut kinds = Kinds::default();
    for item in units.iter().flat_map(|unit| &unit.items) {
        if let Command::Block(block) = item.command {
            let vectors = block.vectors(config.lanes);
            kinds.tiles += 1;
            kinds.shortest += u64::from(vectors <= 2);
            kinds.short += u64::from(vectors as usize <= 2 * config.tile);
        }
    }
    kinds
}

/// A case by seed: a stream that fills the memories, and one to three that follow it.
pub fn case(config: &HwConfig, seed: u64) -> Case {
    let rng = &mut SmallRng::seed_from_u64(seed);
    let mut engine = Executor::new(config);
    let mut case = Case {
        transfers: Vec::new(),
        packets: Vec::new(),
        kinds: Kinds::default(),
    };
    let fill = Unit {
        items: prefill(config, rng),
        strict: true,
    };
    let (bytes, packet, _) = safe(config, &mut engine, vec![fill], 0).expect("filling is safe");
    case.transfers.push(bytes);
    case.packets.push(packet);
    let mut sum_begun = true;
    for tag in 1..=rng.random_range(1..=3) {
        let units = units(config, rng, &mut sum_begun);
        if let Some((bytes, packet, kinds)) = safe(config, &mut engine, units, tag) {
            case.transfers.push(bytes);
            case.packets.push(packet);
            case.kinds.tiles += kinds.tiles;
            case.kinds.shortest += kinds.shortest;
            case.kinds.short += kinds.short;
        }
    }
    case
}

//! Transfers for the timing model: records with payloads of zeros, made by hand or by chance.

use firebrick_spec::BEAT_BYTES;
use firebrick_spec::command::{
    Block, Command, End, Hello, Load, LoadSparse, Mode, Rows, Store, WAIT_NONE,
};
use firebrick_spec::{HwConfig, sparse};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// A transfer under construction.
pub struct Stream {
    config: HwConfig,
    bytes: Vec<u8>,
}

impl Stream {
    /// Begins with a hello record.
    pub fn new(config: &HwConfig) -> Stream {
        let stream = Stream {
            config: config.clone(),
            bytes: Vec::new(),
        };
        stream.with(Command::Hello(Hello::for_config(config)))
    }

    /// Appends a record and its payload.
    pub fn with(self, command: Command) -> Stream {
        let zeros = vec![0; command.payload_bytes(&self.config)];
        self.with_payload(command, &zeros)
    }

    /// Appends a record that brings something.
    pub fn with_payload(mut self, command: Command, payload: &[u8]) -> Stream {
        command.check(&self.config).unwrap();
        assert_eq!(payload.len(), command.payload_bytes(&self.config));
        for word in command.encode_with(payload).unwrap() {
            self.bytes.extend(word.to_le_bytes());
        }
        self.bytes.extend(payload);
        self
    }

    /// Appends a load of weights that leaves out zeros, about `ones` in 128 not being any.
    fn sparse(self, load: Load, ones: u32, rng: &mut SmallRng) -> Stream {
        let weights = load.count as usize * self.config.tile * self.config.tile;
        let weights: Vec<u8> = (0..weights)
            .map(|_| u8::from(rng.random_range(0..128) < ones))
            .collect();
        let payload = sparse::encode(&weights);
        let load = LoadSparse {
            wait: load.wait,
            base: load.base,
            count: load.count,
            beats: (payload.len() / BEAT_BYTES) as u32,
        };
        self.with_payload(Command::LoadSparse(load), &payload)
    }

    /// Appends an end record.
    pub fn end(self, tag: u32) -> Vec<u8> {
        self.with(Command::End(End { tag })).bytes
    }
}

/// A block that the engine may be given, of any kind.
fn random_block(config: &HwConfig, rng: &mut SmallRng) -> Block {
    let (lanes, pixels) = (config.lanes as u32, config.drain_pixels() as u32);
    let mode = [Mode::Write, Mode::Write, Mode::Pool, Mode::Sum][rng.random_range(0..4)];
    let width = rng.random_range(3.max(4 * pixels)..=50);
    let partial = rng.random();
    let mut in_gap = rng.random_range(0..=3).max(lanes.saturating_sub(width));
    if mode == Mode::Pool {
        in_gap = u32::from(partial && width.is_multiple_of(2));
        in_gap += (pixels - (width + in_gap) % pixels) % pixels;
    }
    let pitch = width + in_gap;
    let depth = config.acc_depth as u32 * lanes;
    let count = match mode {
        Mode::Pool => rng.random_range(1..=(depth / 4 / pitch).clamp(1, 9)) * pitch,
        _ => rng.random_range(1..=depth / 4),
    };
    // As many short tiles as long ones: what is behind an edge shows within a few cycles.
    let count = match rng.random_range(0..6) {
        0 if mode != Mode::Pool => rng.random_range(1..=2 * lanes),
        1 | 2 if mode != Mode::Pool => {
            rng.random_range(1..=count.min(2 * config.tile as u32 * lanes))
        }
        _ => count,
    };
    let vectors = count.div_ceil(lanes);
    Block {
        kernel3: rng.random(),
        first: rng.random_bool(0.8),
        last: rng.random_bool(0.8),
        tap: rng.random_bool(0.1),
        partial,
        pairs: rng.random(),
        sum_first: rng.random(),
        sum_last: rng.random(),
        outstanding: rng.random_range(0..=7),
        count,
        // The row above the tile, if there is one, lies in the buffer as well.
        in_base: 100,
        groups: rng.random_range(1..=3),
        plane: rng.random_range(0..=64),
        acc_base: rng.random_range(0..=config.acc_depth as u32 - vectors),
        acc_bank: rng.random_range(0..=1),
        width,
        height: rng.random_range(1..=60),
        mode,
        layer: rng.random_range(0..=63),
        in_gap,
        y0: rng.random_range(0..=9),
        x0: if mode == Mode::Pool {
            0
        } else {
            rng.random_range(0..width)
        },
        more_beats: rng.random_range(0..4),
        data: rng.random(),
        out_base: rng.random_range(0..=99),
        out_gap: rng.random_range(0..=in_gap.min(4)),
        ..Block::default()
    }
}

/// Rows of a picture.
fn random_rows(config: &HwConfig, rng: &mut SmallRng) -> Rows {
    let kernel = if rng.random() { 3 } else { 7 };
    Rows {
        first: rng.random_bool(0.3),
        strip_end: true,
        wait: rng.random_range(0..=3),
        base: rng.random_range(0..=99),
        plane: rng.random_range(0..=config.lanes as u32),
        width: rng.random_range(kernel..=60),
        rows: rng.random_range(1..=12),
        kernel,
        stride: rng.random_range(1..=2),
        gap: rng.random_range(0..=15),
        drains: [0, 1, 4, WAIT_NONE][rng.random_range(0..4)],
    }
}

/// Transfers of records by chance, in an order that does not block for ever.
pub fn random(config: &HwConfig, seed: u64) -> Vec<Vec<u8>> {
    let rng = &mut SmallRng::seed_from_u64(seed);
    let transfers = rng.random_range(1..=3);
    let mut strips = 0;
    // Where an earlier stream left the window unit in its picture is not for the model to know.
    let mut begun = false;
    (0..transfers)
        .map(|tag| {
            let mut stream = Stream::new(config);
            for _ in 0..rng.random_range(1..=25) {
                let wait = [0, 1, 3, WAIT_NONE][rng.random_range(0..4)];
                let count = rng.random_range(1..=20);
                let load = Load {
                    wait,
                    base: 0,
                    count,
                };
                let kind = rng.random_range(0..22);
                if kind >= 20 {
                    let ones = rng.random_range(0..=128);
                    stream = stream.sparse(load, ones, rng);
                    continue;
                }
                stream = stream.with(match kind {
                    0 | 1 => Command::LoadWeights(load),
                    2 => Command::LoadParams(load),
                    // The engine counts up to 15 strips.
                    3 | 4 if strips < 15 => {
                        strips += 1;
                        let mut rows = random_rows(config, rng);
                        rows.first |= !begun;
                        begun = true;
                        Command::Rows(rows)
                    }
                    5 if rng.random_bool(0.3) => Command::Store(Store { base: 0, count: 90 }),
                    _ => {
                        let mut block = random_block(config, rng);
                        block.take_strip = strips > 0 && rng.random_bool(0.4);
                        strips -= u32::from(block.take_strip);
                        Command::Block(block)
                    }
                });
            }
            stream.end(tag)
        })
        .collect()
}

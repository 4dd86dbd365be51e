//! What the tests of the drain path share: jobs, memories and an integer model.

use firebrick_rtl::drain::Drain;
use firebrick_rtl::drain::job::DRAIN_JOB_BITS;
use firebrick_rtl::emit::emit;
use firebrick_sim::{Builder, Design, VerilatedModel};
use firebrick_spec::HwConfig;
use firebrick_spec::arith::{
    MULT_MAX, MULT_MIN, POOL_KERNEL, POOL_STRIDE, Requant, SHIFT_MAX, SHIFT_MIN, pool_len,
};
use firebrick_spec::command::ring_address;
use rand::{Rng, rngs::StdRng};
use rust_hdl::prelude::*;

/// Words of the feature buffer under test; no power of two, so that the limit is seen.
pub const FEATURE_WORDS: u32 = 30_000;
/// Words of the pooling line memory under test.
pub const LINE_WORDS: u32 = 512;
/// Accumulator vectors in each bank.
pub const ACC_DEPTH: u32 = 512;
/// Parameter groups.
pub const GROUPS: usize = 64;
/// Result of [`Job::mode`].
pub const WRITE: u32 = 0;
/// See [`WRITE`].
pub const POOL: u32 = 1;
/// See [`WRITE`].
pub const SUM: u32 = 2;

/// The configurations under test: every number of lanes, and the small tile.
pub fn configs() -> Vec<HwConfig> {
    ["fb256", "fb512", "fb1024", "fb2048", "fb64", "fb512-wide"]
        .map(|name| HwConfig {
            feature_words: FEATURE_WORDS as usize,
            line_words: LINE_WORDS as usize,
            param_groups: GROUPS,
            acc_depth: ACC_DEPTH as usize,
            ..HwConfig::preset(name).expect("a preset")
        })
        .to_vec()
}

/// The Verilog of the drain unit.
pub fn drain_verilog(config: &HwConfig) -> String {
    let mut uut = Drain::new(config);
    uut.clock.connect();
    uut.reset.connect();
    uut.job_valid.connect();
    uut.job.connect();
    uut.acc_grant.connect();
    uut.acc_words_0.iter_mut().for_each(Logic::connect);
    uut.acc_words_1.iter_mut().for_each(Logic::connect);
    uut.param_rdata.connect();
    uut.out_room.connect();
    uut.connect_all();
    emit(&uut, "drain").expect("the drain unit can be emitted")
}

/// The drain unit under Verilator, registers without an initial value random.
pub fn build_drain(config: &HwConfig) -> VerilatedModel {
    let design = Design::new("drain", drain_verilog(config))
        .clock("clock")
        .random_reset(true)
        .optimise(1);
    Builder::new()
        .build(&design)
        .expect("the drain unit builds")
}

/// One job, field for field as the hardware takes it.
#[derive(Clone, Debug, Default)]
pub struct Job {
    pub end_image: bool,
    pub acc_bank: u32,
    pub acc_base: u32,
    pub count: u32,
    pub param: u32,
    pub mode: u32,
    pub tap: bool,
    pub partial: bool,
    pub pairs: bool,
    pub sum_first: bool,
    pub sum_last: bool,
    pub more_beats: u32,
    pub out_base: u32,
    pub out_gap: u32,
    pub out_ring: u32,
    pub line_base: u32,
    pub width: u32,
    pub height: u32,
    pub in_gap: u32,
    pub x0: u32,
    pub y0: u32,
    pub tag: u32,
}

impl Job {
    /// The packed form: fields in order, the first in the low bits.
    pub fn pack(&self) -> [u32; 5] {
        let fields = [
            (u32::from(self.end_image), 1),
            (self.acc_bank, 1),
            (self.acc_base, 11),
            (self.count, 13),
            (self.param, 10),
            (self.mode, 2),
            (u32::from(self.tap), 1),
            (u32::from(self.partial), 1),
            (u32::from(self.pairs), 1),
            (u32::from(self.sum_first), 1),
            (u32::from(self.sum_last), 1),
            (self.more_beats, 2),
            (self.out_base, 20),
            (self.out_gap, 4),
            (self.out_ring, 4),
            (self.line_base, 10),
            (self.width, 10),
            (self.height, 10),
            (self.in_gap, 4),
            (self.x0, 10),
            (self.y0, 10),
            (self.tag, 32),
        ];
        let (mut packed, mut at) = ([0; 5], 0);
        for (value, width) in fields {
            for bit in 0..width {
                packed[at / 32] |= (value >> bit & 1) << (at % 32);
                at += 1;
            }
            assert!(
                u64::from(value) >> width == 0,
                "{self:?} has a field that is too large"
            );
        }
        assert_eq!(at, DRAIN_JOB_BITS);
        packed
    }

    /// Positions from row to row.
    pub fn pitch(&self) -> u32 {
        self.width + self.in_gap
    }

    /// Whether the sums are sent after this job.
    pub fn sends_sums(&self) -> bool {
        !self.end_image && self.mode == SUM && self.sum_last
    }

    /// Vectors that pass the drain unit.
    pub fn vectors(&self, lanes: u32) -> u32 {
        if self.end_image {
            return 1;
        }
        let behind = lanes >= 4
            && self.mode == POOL
            && self.partial
            && self.width.is_multiple_of(2)
            && self.count.is_multiple_of(lanes)
            && self.count % self.pitch() == self.width;
        self.count.div_ceil(lanes) + u32::from(behind)
    }

    /// For each position whether it is a pixel.
    fn pixels(&self) -> impl Iterator<Item = bool> {
        let (first, pitch, width) = (self.x0, self.pitch(), self.width);
        (0..self.count).map(move |v| (first + v) % pitch < width)
    }
}

/// Channels of a word, 16 or the first 8 of them.
pub type Word = [u8; 16];

/// What accumulators and parameters hold.
pub struct Memories {
    /// Edge of the tile.
    pub tile: usize,
    /// Lanes.
    pub lanes: usize,
    /// Bits of a sum.
    pub sum_bits: usize,
    /// Bank, then position: vector by vector, lane by lane.
    pub acc: [Vec<[i32; 16]>; 2],
    pub param: Vec<[Requant; 16]>,
}

impl Memories {
    /// Random contents; most parameters spread the accumulators over the whole range of u8.
    pub fn random(config: &HwConfig, rng: &mut StdRng) -> Memories {
        let acc = [(); 2].map(|()| {
            (0..config.acc_depth * config.lanes)
                .map(|_| {
                    let bits = if rng.random_ratio(1, 20) { 31 } else { 20 };
                    std::array::from_fn(|c| {
                        let value = rng.random_range(-(1i64 << bits)..1i64 << bits) as i32;
                        if c < config.tile { value } else { 0 }
                    })
                })
                .collect()
        });
        let param = (0..config.param_groups)
            .map(|_| {
                [(); 16].map(|()| match rng.random_range(0..8) {
                    0 => Requant {
                        bias: rng.random(),
                        mult: rng.random_range(MULT_MIN..=MULT_MAX),
                        shift: rng.random_range(SHIFT_MIN..=SHIFT_MAX),
                    },
                    _ => Requant {
                        bias: rng.random_range(-100_000..600_000),
                        mult: rng.random_range(16_384..=MULT_MAX),
                        shift: 27,
                    },
                })
            })
            .collect();
        Memories {
            tile: config.tile,
            lanes: config.lanes,
            sum_bits: config.sum_bits,
            acc,
            param,
        }
    }

    /// What the drain unit reads at a parameter address.
    pub fn param_words(&self, address: u32) -> [u32; 32] {
        let (group, first, channels) = if self.lanes == 1 {
            let half = self.tile / 2;
            (address >> 1, half * (address & 1) as usize, half)
        } else {
            (address, 0, self.tile)
        };
        let group = &self.param[group as usize % self.param.len()];
        let mut words = [0; 32];
        for (words, r) in words
            .chunks_exact_mut(2)
            .zip(&group[first..first + channels])
        {
            words[0] = r.bias as u32;
            words[1] = u32::from(r.mult) | u32::from(r.shift) << 16;
        }
        words
    }

    /// The requantised words of a job, for each position.
    fn words(&self, job: &Job) -> impl Iterator<Item = Word> {
        let first = job.acc_base as usize * self.lanes;
        let acc = &self.acc[job.acc_bank as usize][first..first + job.count as usize];
        let param = &self.param[job.param as usize];
        acc.iter().map(|acc| {
            std::array::from_fn(|c| match c < self.tile {
                true => param[c].apply_within(acc[c], self.sum_bits),
                false => 0,
            })
        })
    }
}

/// Four words of 32 bits.
pub type Beat = [u32; 4];

/// What the jobs must bring about, and how far it must have come after each.
#[derive(Default, Debug)]
pub struct Effects {
    pub writes: Vec<(u32, Beat)>,
    pub beats: Vec<(Beat, bool)>,
    /// Words beyond the memory.
    pub misses: usize,
    /// Writes, beats and misses up to the end of each job.
    pub after: Vec<(usize, usize, usize)>,
}

fn to_beat(bytes: &Word) -> Beat {
    std::array::from_fn(|i| u32::from_le_bytes(std::array::from_fn(|j| bytes[4 * i + j])))
}

/// One pooled map in the making, kept per `line_base` as plain rows.
type Rows = std::collections::HashMap<u32, Vec<Word>>;

/// The integer model.
pub fn effects(jobs: &[Job], memories: &Memories) -> Effects {
    let mut all = Effects::default();
    let mut sums = [0u32; 16];
    let mut maps = Rows::new();
    for job in jobs {
        // Output words with the column behind them, and the columns of an output row.
        let mut outputs: Vec<(Word, u32)> = Vec::new();
        let mut columns = job.width;
        if job.end_image {
            all.beats.push(([0, 0, job.tag, 0], true));
        } else {
            let x = |v: u32| (job.x0 + v) % job.pitch();
            let words: Vec<(Word, u32)> = memories
                .words(job)
                .zip(0..)
                .zip(job.pixels())
                .filter_map(|((word, v), pixel)| pixel.then_some((word, x(v) + 1)))
                .collect();
            if job.tap {
                all.beats
                    .extend(words.iter().map(|(w, _)| (to_beat(w), false)));
            }
            match job.mode {
                WRITE => outputs = words,
                POOL => {
                    let map = maps.entry(job.line_base).or_default();
                    columns = windows(job.width, job.partial).expect("wide");
                    outputs = pool(job, words.iter().map(|(w, _)| *w), map)
                        .into_iter()
                        .zip((1..=columns).cycle())
                        .collect();
                }
                _ => {
                    if job.sum_first {
                        sums = [0; 16];
                    }
                    for (word, _) in &words {
                        for (sum, &x) in sums.iter_mut().zip(word) {
                            *sum += u32::from(x);
                        }
                    }
                    if job.sum_last {
                        let beats = sums.chunks_exact(4).take(job.more_beats as usize + 1);
                        all.beats
                            .extend(beats.map(|b| (b.try_into().expect("four"), false)));
                    }
                }
            }
        }
        let mut next = job.out_base;
        for (word, column) in &outputs {
            let address = ring_address(job.out_base, next, job.out_ring);
            if address < FEATURE_WORDS {
                all.writes.push((address, to_beat(word)));
            } else {
                all.misses += 1;
            }
            next += 1;
            if *column == columns {
                next += job.out_gap;
            }
        }
        all.after
            .push((all.writes.len(), all.beats.len(), all.misses));
    }
    all
}

/// Windows along `n` pixels; those of 2x2 end where those of 3x3 do, cut ones if there are 2.
pub fn windows(n: u32, partial: bool) -> Option<u32> {
    match n {
        2 if partial => Some(1),
        _ => pool_len(n as usize, partial).map(|windows| windows as u32),
    }
}

/// The output words that are complete with this tile, straight from the definition of the
/// pool: all windows of the map whose last row lies in the tile.
fn pool(job: &Job, words: impl Iterator<Item = Word>, map: &mut Vec<Word>) -> Vec<Word> {
    let (w, h) = (job.width as usize, job.height as usize);
    let first = job.y0 as usize;
    map.truncate(first * w);
    map.extend(words);
    let rows = first..map.len() / w;
    let outputs = |n: u32| windows(n, job.partial).unwrap_or(0) as usize;
    let last = |o: usize, n: usize| (POOL_STRIDE * o + POOL_KERNEL - 1).min(n - 1);
    // The last pixel that counts is that in which a 3x3 window ends, or the one before it.
    let end = |o: usize, n: usize| match job.pairs {
        true => (POOL_STRIDE * o + 1).min(n - 1),
        false => last(o, n),
    };
    let mut pooled = Vec::new();
    for oy in (0..outputs(job.height)).filter(|&oy| rows.contains(&last(oy, h))) {
        for ox in 0..outputs(job.width) {
            let mut best = [0; 16];
            for y in POOL_STRIDE * oy..=end(oy, h) {
                for x in POOL_STRIDE * ox..=end(ox, w) {
                    for (b, &v) in best.iter_mut().zip(&map[y * w + x]) {
                        *b = v.max(*b);
                    }
                }
            }
            pooled.push(best);
        }
    }
    pooled
}

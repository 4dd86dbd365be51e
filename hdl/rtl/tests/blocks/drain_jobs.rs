//! Random jobs for the drain unit.

use firebrick_spec::HwConfig;
use rand::{Rng, rngs::StdRng};

use crate::drain_support::{
    ACC_DEPTH, FEATURE_WORDS, GROUPS, Job, LINE_WORDS, POOL, SUM, WRITE, windows,
};

/// Widest gap of a row.
const GAP: u32 = 15;

/// The end of an image; fields of a tile hold anything.
pub fn end(rng: &mut StdRng) -> Job {
    Job {
        end_image: true,
        mode: rng.random_range(0..3),
        tap: rng.random(),
        partial: rng.random(),
        pairs: rng.random(),
        sum_first: rng.random(),
        sum_last: rng.random(),
        width: 2 * rng.random_range(0..500),
        out_base: rng.random_range(0..1 << 20),
        out_ring: rng.random_range(0..16),
        tag: rng.random(),
        count: rng.random_range(0..1 << 13),
        ..Job::default()
    }
}

/// A tile of `count` positions somewhere in the accumulators, any part of a map.
pub fn tile(config: &HwConfig, rng: &mut StdRng, count: u32) -> Job {
    let lanes = config.lanes as u32;
    let most = *[4, 20, 100, 1024]
        .get(rng.random_range(0..4))
        .expect("four");
    let width = rng.random_range(1..most);
    let in_gap = match rng.random_range(0..3) {
        0 => lanes.saturating_sub(width),
        _ => rng.random_range(lanes.saturating_sub(width)..=GAP),
    };
    Job {
        acc_bank: rng.random_range(0..2),
        acc_base: rng.random_range(0..=ACC_DEPTH - count.div_ceil(lanes)),
        count,
        param: rng.random_range(0..GROUPS as u32),
        out_base: rng.random_range(0..FEATURE_WORDS - 8192),
        out_gap: rng.random_range(0..=GAP) * rng.random_range(0..2),
        out_ring: ring(rng),
        width,
        in_gap,
        x0: rng.random_range(0..(width + in_gap).min(1 << 10)),
        // Fields without meaning in the mode hold anything.
        more_beats: rng.random_range(0..4),
        line_base: rng.random_range(0..LINE_WORDS),
        height: rng.random_range(1..1024),
        y0: rng.random_range(0..1024),
        tag: rng.random(),
        ..Job::default()
    }
}

/// No ring or one that lies in the feature buffer for every base of [`tile`].
fn ring(rng: &mut StdRng) -> u32 {
    match rng.random_range(0..3) {
        0 => rng.random_range(1..9),
        _ => 0,
    }
}

/// A tile in mode write.
pub fn write(config: &HwConfig, rng: &mut StdRng) -> Job {
    let count = match rng.random_range(0..4) {
        0 => rng.random_range(1..4),
        1 => rng.random_range(1..400),
        _ => rng.random_range(1..60),
    };
    Job {
        mode: WRITE,
        sum_first: rng.random(),
        sum_last: rng.random(),
        partial: rng.random(),
        pairs: rng.random(),
        ..tile(config, rng, count)
    }
}

/// A gap with which a map of this width can be pooled, at random or the least.
pub fn pool_gap(config: &HwConfig, rng: &mut StdRng, width: u32, partial: bool) -> u32 {
    if config.lanes == 1 {
        return *[0, rng.random_range(0..=GAP)]
            .get(rng.random_range(0..2))
            .expect("two");
    }
    let pixels = config.drain_pixels() as u32;
    let fits = |gap: &u32| {
        let pitch = width + gap;
        pitch.is_multiple_of(pixels)
            && pitch >= 4 * pixels
            && (*gap >= 1 || !partial || width % 2 == 1)
    };
    let gaps: Vec<u32> = (0..=GAP).filter(fits).collect();
    gaps[rng.random_range(0..gaps.len()) * rng.random_range(0..2)]
}

/// Words of the line memory that a map takes.
pub fn line_words(config: &HwConfig, pitch: u32) -> u32 {
    pitch.div_ceil(config.line_columns() as u32)
}

/// All tiles of one pooled map, split at random rows; the last gap of a tile may miss.
pub fn pooled_map(
    config: &HwConfig,
    rng: &mut StdRng,
    (width, height): (u32, u32),
    (partial, pairs): (bool, bool),
    line_base: u32,
) -> Vec<Job> {
    let in_gap = pool_gap(config, rng, width, partial);
    let pitch = width + in_gap;
    let out_gap = rng.random_range(0..=GAP) * rng.random_range(0..2);
    let out_ring = ring(rng);
    let columns = windows(width, partial).expect("wide");
    let pooled_rows = windows(height, partial).expect("high");
    let mut y0 = 0;
    let mut out_base = rng.random_range(0..FEATURE_WORDS - 8192);
    let mut jobs = Vec::new();
    while y0 < height {
        let rows = rng.random_range(1..=(height - y0).min(1 + 200 / pitch));
        let missing = match rng.random_range(0..3) {
            0 => 0,
            1 => in_gap,
            _ => rng.random_range(0..=in_gap),
        };
        // Narrow maps would use the same word of the line memory too soon again.
        let apart = (rows * pitch - missing).next_multiple_of(2) - (rows - 1) * pitch;
        let missing = if config.lanes == 2 && apart < 4 {
            0
        } else {
            missing
        };
        let job = Job {
            mode: POOL,
            partial,
            pairs,
            width,
            height,
            in_gap,
            x0: 0,
            y0,
            line_base,
            out_base,
            out_gap,
            out_ring,
            ..tile(config, rng, rows * pitch - missing)
        };
        let rows_done = |y: u32| {
            if y == height {
                pooled_rows
            } else {
                y.saturating_sub(1) / 2
            }
        };
        out_base += (rows_done(y0 + rows) - rows_done(y0)) * (columns + out_gap);
        y0 += rows;
        jobs.push(job);
    }
    jobs
}

/// The tiles of one global sum.
pub fn global_sum(config: &HwConfig, rng: &mut StdRng) -> Vec<Job> {
    let tiles = rng.random_range(1..4);
    (0..tiles)
        .map(|i| {
            let count = rng.random_range(1..50);
            Job {
                mode: SUM,
                sum_first: i == 0,
                sum_last: i + 1 == tiles,
                more_beats: rng.random_range(0..4),
                ..tile(config, rng, count)
            }
        })
        .collect()
}

/// Jobs of all kinds; those of one map or sum keep their order, everything else mixes.
pub fn mixed(config: &HwConfig, rng: &mut StdRng, taps: bool) -> Vec<Job> {
    let maps = rng.random_range(1..4u32);
    let mut sources: Vec<Vec<Job>> = (0..maps)
        .map(|i| {
            let size = (rng.random_range(3..40), rng.random_range(3..20));
            let kind = (rng.random(), rng.random());
            let most = line_words(config, size.0 + GAP);
            let line_base = i * 128 + rng.random_range(0..=128 - most);
            pooled_map(config, rng, size, kind, line_base)
        })
        .collect();
    let sums = rng.random_range(0..4);
    sources.push((0..sums).flat_map(|_| global_sum(config, rng)).collect());
    let writes = rng.random_range(0..12);
    sources.push((0..writes).map(|_| write(config, rng)).collect());
    let ends = rng.random_range(0..4);
    sources.push((0..ends).map(|_| end(rng)).collect());
    let mut left: Vec<_> = sources.into_iter().map(Vec::into_iter).collect();
    let mut order: Vec<usize> = left
        .iter()
        .enumerate()
        .flat_map(|(i, s)| vec![i; s.len()])
        .collect();
    rand::seq::SliceRandom::shuffle(&mut order[..], rng);
    let mut jobs: Vec<Job> = order
        .into_iter()
        .map(|i| left[i].next().expect("one job each"))
        .collect();
    if taps {
        jobs.iter_mut()
            .filter(|j| !j.end_image)
            .for_each(|j| j.tap = rng.random_ratio(1, 3));
    }
    jobs
}

//! The drain unit, from emitted Verilog under Verilator, against an integer model.

use crate::drain_support::{
    ACC_DEPTH, Bench, FEATURE_WORDS, GROUPS, Job, LINE_WORDS, Memories, POOL, SUM, WRITE, Weather,
    build_drain, effects,
};
use firebrick_rtl::drain::DRAIN_LATENCY;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

/// A tile of `count` vectors somewhere in the accumulators.
fn tile(rng: &mut StdRng, count: u32) -> Job {
    Job {
        acc_bank: rng.random_range(0..2),
        acc_base: rng.random_range(0..=ACC_DEPTH as u32 - count),
        count,
        param: rng.random_range(0..GROUPS as u32),
        // Fields without meaning in the mode hold anything.
        beats: rng.random_range(0..8),
        out_base: rng.random_range(0..FEATURE_WORDS - 8192),
        line_base: rng.random_range(0..LINE_WORDS),
        width: rng.random_range(1..1024),
        height: rng.random_range(1..1024),
        y0: rng.random_range(0..1024),
        ..Job::default()
    }
}

fn write(rng: &mut StdRng) -> Job {
    let count = match rng.random_range(0..4) {
        0 => rng.random_range(1..4),
        _ => rng.random_range(1..60),
    };
    Job {
        mode: WRITE,
        sum_first: rng.random(),
        sum_last: rng.random(),
        ..tile(rng, count)
    }
}

/// All tiles of one pooled map, split at random rows.
fn pooled_map(
    rng: &mut StdRng,
    width: u32,
    height: u32,
    partial: bool,
    line_base: u32,
) -> Vec<Job> {
    let mut y0 = 0;
    let mut out_base = rng.random_range(0..FEATURE_WORDS - 8192);
    let mut jobs = Vec::new();
    while y0 < height {
        let rows = rng.random_range(1..=(height - y0).min(1 + 200 / width));
        let job = Job {
            mode: POOL,
            partial,
            width,
            height,
            y0,
            line_base,
            out_base,
            ..tile(rng, width * rows)
        };
        let cut = |n: u32| if partial { n / 2 } else { (n - 1) / 2 };
        let rows_done = |y: u32| {
            if y == height {
                cut(height)
            } else {
                y.saturating_sub(1) / 2
            }
        };
        out_base += (rows_done(y0 + rows) - rows_done(y0)) * cut(width);
        y0 += rows;
        jobs.push(job);
    }
    jobs
}

/// The tiles of one global sum.
fn global_sum(rng: &mut StdRng) -> Vec<Job> {
    let tiles = rng.random_range(1..4);
    (0..tiles)
        .map(|i| {
            let count = rng.random_range(1..30);
            Job {
                mode: SUM,
                sum_first: i == 0,
                sum_last: i + 1 == tiles,
                beats: rng.random_range(1..=4),
                ..tile(rng, count)
            }
        })
        .collect()
}

/// Jobs of all kinds; those of one map or sum keep their order, everything else mixes.
fn jobs(rng: &mut StdRng, taps: bool) -> Vec<Job> {
    let maps = rng.random_range(1..4u32);
    let mut sources: Vec<Vec<Job>> = (0..maps)
        .map(|i| {
            let (w, h) = (rng.random_range(3..40), rng.random_range(3..20));
            let partial = rng.random();
            let line_base = i * 128 + rng.random_range(0..108);
            pooled_map(rng, w, h, partial, line_base)
        })
        .collect();
    let sums = rng.random_range(0..4);
    sources.push((0..sums).flat_map(|_| global_sum(rng)).collect());
    let writes = rng.random_range(0..12);
    sources.push((0..writes).map(|_| write(rng)).collect());
    let ends = rng.random_range(0..4);
    sources.push((0..ends).map(|_| Job::end(rng.random())).collect());
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

#[test]
fn random_jobs_in_random_surroundings() {
    let built = build_drain();
    for seed in 0..60 {
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let memories = Memories::random(&mut rng);
        let mut bench = Bench::open(&built, seed as u32);
        for weather in [
            Weather::CALM,
            Weather {
                grant: 50,
                job: 30,
                host: 20,
            },
            Weather {
                grant: rng.random_range(5..=100),
                job: rng.random_range(5..=100),
                host: rng.random_range(5..=100),
            },
        ] {
            let jobs = jobs(&mut rng, true);
            bench.run(&jobs, &memories, weather, &mut rng, None);
        }
    }
}

#[test]
fn pools_of_all_small_sizes() {
    let built = build_drain();
    let mut rng = StdRng::seed_from_u64(1);
    let memories = Memories::random(&mut rng);
    let mut bench = Bench::open(&built, 1);
    for width in 3..12 {
        for height in 3..12 {
            for partial in [false, true] {
                println!("{width} x {height}, partial {partial}");
                let jobs = pooled_map(&mut rng, width, height, partial, LINE_WORDS - 12);
                bench.run(&jobs, &memories, Weather::CALM, &mut rng, None);
            }
        }
    }
}

#[test]
fn two_cycles_a_vector_without_a_gap_between_jobs() {
    let built = build_drain();
    for seed in 0..4 {
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let memories = Memories::random(&mut rng);
        let mut bench = Bench::open(&built, 0);
        let mut jobs: Vec<Job> = (0..20)
            .map(|i| {
                let count = rng.random_range(8..60);
                Job {
                    mode: [WRITE, SUM, WRITE][i % 3],
                    ..tile(&mut rng, count)
                }
            })
            .collect();
        jobs.extend(pooled_map(&mut rng, 30, 20, true, 7));
        let vectors: u64 = jobs.iter().map(|j| u64::from(j.count)).sum();
        let cycles = bench.run(&jobs, &memories, Weather::CALM, &mut rng, None);
        assert_eq!(cycles, 2 * (vectors - 1) + DRAIN_LATENCY as u64);
    }
}

#[test]
fn jobs_of_one_vector() {
    let built = build_drain();
    for seed in 0..20 {
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let memories = Memories::random(&mut rng);
        let mut bench = Bench::open(&built, 0);
        let jobs: Vec<Job> = (0..200)
            .map(|_| match rng.random_range(0..6) {
                0 => Job::end(rng.random()),
                1 | 2 => Job {
                    mode: WRITE,
                    tap: rng.random(),
                    ..tile(&mut rng, 1)
                },
                _ => Job {
                    mode: SUM,
                    tap: rng.random_ratio(3, 4),
                    sum_first: rng.random(),
                    sum_last: rng.random_ratio(3, 4),
                    beats: rng.random_range(1..=4),
                    ..tile(&mut rng, 1)
                },
            })
            // The sums start from nothing known.
            .skip_while(|j| !(j.mode == SUM && j.sum_first))
            .collect();
        let host = *[100, 60, 15].choose(&mut rng).expect("three");
        bench.run(
            &jobs,
            &memories,
            Weather {
                host,
                ..Weather::CALM
            },
            &mut rng,
            None,
        );
    }
}

#[test]
fn writes_beyond_the_memory_are_reported_and_suppressed() {
    let built = build_drain();
    let mut rng = StdRng::seed_from_u64(3);
    let memories = Memories::random(&mut rng);
    let mut bench = Bench::open(&built, 0);
    let mut jobs = Vec::new();
    for out_base in [FEATURE_WORDS - 10, FEATURE_WORDS, (1 << 20) - 10, 0] {
        jobs.push(Job {
            mode: WRITE,
            out_base,
            ..tile(&mut rng, 20)
        });
        let map = pooled_map(&mut rng, 9, 9, true, 0);
        jobs.extend(map.into_iter().map(|j| Job { out_base, ..j }));
    }
    assert!(effects(&jobs, &memories).range_errors > 60);
    bench.run(&jobs, &memories, Weather::CALM, &mut rng, None);
}

#[test]
fn a_reset_in_the_middle_leaves_nothing_behind() {
    let built = build_drain();
    for seed in 0..60 {
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let memories = Memories::random(&mut rng);
        let mut bench = Bench::open(&built, seed as u32);
        let weather = Weather {
            grant: 80,
            job: 80,
            host: 80,
        };
        for _ in 0..4 {
            let interrupted = jobs(&mut rng, true);
            let give_up = rng.random_range(1..200);
            bench.run(&interrupted, &memories, weather, &mut rng, Some(give_up));
            bench.reset();
            let whole = jobs(&mut rng, true);
            bench.run(&whole, &memories, weather, &mut rng, None);
        }
    }
}

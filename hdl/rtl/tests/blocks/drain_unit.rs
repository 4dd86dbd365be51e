//! The drain unit in every configuration, from emitted Verilog under Verilator, against an integer
//! model and a model of its timing.

use crate::drain_bench::{Bench, Weather};
use crate::drain_jobs::{end, line_words, mixed, pooled_map, tile};
use crate::drain_support::{
    ACC_DEPTH, FEATURE_WORDS, Job, LINE_WORDS, Memories, POOL, SUM, WRITE, build_drain, configs,
    drain_verilog, effects,
};
use firebrick_rtl::drain::{DRAIN_LATENCY, Drain, TAP_LATENCY, sums_beat_latency, tapped_latency};
use firebrick_sim::lint::lint;
use firebrick_sim::{Design, Environment};
use firebrick_spec::HwConfig;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

/// Runs a test for each configuration.
fn each(test: impl Fn(&HwConfig, &mut dyn FnMut(u32) -> Bench)) {
    for config in configs() {
        println!("{}", config.name);
        let built = build_drain(&config);
        test(&config, &mut |seed| Bench::open(&config, &built, seed));
    }
}

#[test]
fn latencies_are_as_documented() {
    assert_eq!(DRAIN_LATENCY, 13);
    assert_eq!(TAP_LATENCY, 11);
    assert_eq!([1, 2, 4, 8].map(tapped_latency), [13, 13, 14, 18]);
    assert_eq!([1, 2, 4, 8].map(sums_beat_latency), [13, 13, 15, 19]);
}

#[test]
fn random_jobs_in_random_surroundings() {
    each(|config, open| {
        for seed in 0..30 {
            println!("seed {seed}");
            let mut rng = StdRng::seed_from_u64(seed);
            let memories = Memories::random(config, &mut rng);
            let mut bench = open(seed as u32);
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
                let jobs = mixed(config, &mut rng, true);
                bench.run(&jobs, &memories, weather, &mut rng, None);
            }
        }
    });
}

#[test]
fn pools_of_all_small_sizes() {
    each(|config, open| {
        let mut rng = StdRng::seed_from_u64(1);
        let memories = Memories::random(config, &mut rng);
        let mut bench = open(1);
        let kinds = [(false, false), (true, false), (false, true), (true, true)];
        for width in 2..18 {
            for height in 2..9 {
                for kind in kinds.into_iter().filter(|k| k.0 || width.min(height) > 2) {
                    println!("{width} x {height}, partial and pairs {kind:?}");
                    let line_base = LINE_WORDS - line_words(config, width + 15);
                    let jobs = pooled_map(config, &mut rng, (width, height), kind, line_base);
                    bench.run(&jobs, &memories, Weather::CALM, &mut rng, None);
                }
            }
        }
    });
}

/// The last window of a row may end behind the tile: such a tile has a vector more.
#[test]
fn a_cut_window_needs_no_gap_behind_the_tile() {
    each(|config, open| {
        let lanes = config.lanes as u32;
        let mut rng = StdRng::seed_from_u64(2);
        let memories = Memories::random(config, &mut rng);
        let mut bench = open(1);
        let mut longer = 0;
        for width in [8u32, 16, 24, 32] {
            let pitch = width + 8;
            for rows in 1..4 {
                for acc_base in [0, ACC_DEPTH - (rows * pitch - 8).div_ceil(lanes)] {
                    let jobs: Vec<Job> = (0..4)
                        .map(|i| Job {
                            mode: POOL,
                            partial: true,
                            width,
                            in_gap: 8,
                            height: 4 * rows,
                            x0: 0,
                            y0: i * rows,
                            line_base: 3,
                            out_ring: 0,
                            acc_base,
                            ..tile(config, &mut rng, rows * pitch - 8)
                        })
                        .collect();
                    longer += jobs
                        .iter()
                        .filter(|j| j.vectors(lanes) > j.count.div_ceil(lanes))
                        .count();
                    bench.run(&jobs, &memories, Weather::CALM, &mut rng, None);
                }
            }
        }
        assert_eq!(longer > 0, lanes >= 4);
    });
}

#[test]
fn two_cycles_a_vector_without_a_gap_between_jobs() {
    each(|config, open| {
        for seed in 0..4 {
            println!("seed {seed}");
            let mut rng = StdRng::seed_from_u64(seed);
            let memories = Memories::random(config, &mut rng);
            let mut bench = open(0);
            let mut jobs: Vec<Job> = (0..20)
                .map(|i| {
                    let count = rng.random_range(1..60);
                    Job {
                        mode: [WRITE, SUM, WRITE][i % 3],
                        ..tile(config, &mut rng, count)
                    }
                })
                .collect();
            jobs.extend(pooled_map(config, &mut rng, (30, 20), (true, false), 7));
            let lanes = config.lanes as u32;
            let vectors: u64 = jobs.iter().map(|j| u64::from(j.vectors(lanes))).sum();
            let cycles = bench.run(&jobs, &memories, Weather::CALM, &mut rng, None);
            assert_eq!(cycles, 2 * (vectors - 1) + DRAIN_LATENCY as u64);
        }
    });
}

#[test]
fn jobs_of_one_vector() {
    each(|config, open| {
        for seed in 0..10 {
            println!("seed {seed}");
            let mut rng = StdRng::seed_from_u64(seed);
            let memories = Memories::random(config, &mut rng);
            let mut bench = open(0);
            let jobs: Vec<Job> = (0..200)
                .map(|_| {
                    let count = rng.random_range(1..=config.lanes as u32);
                    match rng.random_range(0..6) {
                        0 => end(&mut rng),
                        1 | 2 => Job {
                            mode: WRITE,
                            tap: rng.random(),
                            ..tile(config, &mut rng, count)
                        },
                        _ => Job {
                            mode: SUM,
                            tap: rng.random_ratio(3, 4),
                            sum_first: rng.random(),
                            sum_last: rng.random_ratio(3, 4),
                            more_beats: rng.random_range(0..4),
                            ..tile(config, &mut rng, count)
                        },
                    }
                })
                // The sums start from nothing known.
                .skip_while(|j| j.end_image || j.mode != SUM || !j.sum_first)
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
    });
}

#[test]
fn writes_beyond_the_memory_are_reported_and_suppressed() {
    each(|config, open| {
        let mut rng = StdRng::seed_from_u64(3);
        let memories = Memories::random(config, &mut rng);
        let mut bench = open(0);
        let mut jobs = Vec::new();
        // The last ring straddles the end of the memory.
        for (out_base, out_ring) in [
            (FEATURE_WORDS - 10, 0),
            (FEATURE_WORDS, 0),
            ((1 << 20) - 10, 0),
            (0, 0),
            (FEATURE_WORDS - 10, 2),
        ] {
            jobs.push(Job {
                mode: WRITE,
                out_base,
                out_gap: 1,
                out_ring,
                x0: 0,
                width: 7,
                in_gap: 2,
                ..tile(config, &mut rng, 45)
            });
            let map = pooled_map(config, &mut rng, (9, 9), (true, false), 0);
            jobs.extend(map.into_iter().map(|j| Job {
                out_base,
                out_ring,
                ..j
            }));
        }
        assert!(effects(&jobs, &memories).misses > 60);
        bench.run(&jobs, &memories, Weather::CALM, &mut rng, None);
    });
}

#[test]
fn a_reset_in_the_middle_leaves_nothing_behind() {
    each(|config, open| {
        for seed in 0..30 {
            println!("seed {seed}");
            let mut rng = StdRng::seed_from_u64(seed);
            let memories = Memories::random(config, &mut rng);
            let mut bench = open(seed as u32);
            let weather = Weather {
                grant: 80,
                job: 80,
                host: 80,
            };
            for _ in 0..4 {
                let interrupted = mixed(config, &mut rng, true);
                let give_up = rng.random_range(1..200);
                bench.run(&interrupted, &memories, weather, &mut rng, Some(give_up));
                bench.reset();
                let whole = mixed(config, &mut rng, true);
                bench.run(&whole, &memories, weather, &mut rng, None);
            }
        }
    });
}

#[test]
fn the_emitted_unit_is_clean_under_lint() {
    for config in configs() {
        // The rules that the whole engine waives.
        let verilog = format!(
            "/* verilator lint_off WIDTH */\n/* verilator lint_off UNUSEDSIGNAL */\n\
             /* verilator lint_off DECLFILENAME */\n{}",
            drain_verilog(&config)
        );
        let left: Vec<String> = lint(
            &Design::new("drain", verilog),
            &Environment::from_process(),
            std::time::Duration::from_secs(300),
        )
        .expect("lint runs")
        .iter()
        .map(ToString::to_string)
        .collect();
        assert_eq!(left, [""; 0], "{}", config.name);
    }
}

#[test]
#[should_panic(expected = "no drain unit for 3 lanes")]
fn other_shapes_are_refused() {
    let mut config = HwConfig::preset("fb256").expect("a preset");
    config.lanes = 3;
    let _ = Drain::new(&config);
}

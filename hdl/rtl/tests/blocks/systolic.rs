//! Processing element and tile against sums of products.

use std::collections::VecDeque;

use firebrick_rtl::array::pe::{PE_LATENCY, Pe};
use firebrick_rtl::array::tile::{Tile8, Tile16};
use firebrick_rtl::array::tile_packed::{TilePacked8, TilePacked16, TileTree8, TileTree16};
use firebrick_sim::{Model, VerilatedModel};
use firebrick_spec::HwConfig;
use firebrick_spec::arith::array_mac;
use firebrick_spec::config::Family;
use firebrick_spec::latency::{load_lead, tile_latency};
use rand::{Rng, rngs::StdRng};

use crate::support::{
    PSUM as PSUM_MASK, build, byte, column, open, percent, random, signed_byte, weight,
};

/// Sums are modulo 2^19.
const PSUM: i64 = PSUM_MASK as i64;

dut!(Element: x_in, swap_in, load_in, w_in, psum_in, x_out, swap_out, load_out, psum_out);

#[test]
fn a_processing_element_uses_the_weight_that_was_last_swapped_in() {
    let mut rng = random(1);
    let mut pe = Element::new(open(Pe::default(), "pe"));
    let (mut shadow, mut active) = (None, None);
    // (x, swap, load, psum, active weight) of each cycle.
    let mut past: Vec<(i8, bool, bool, u32, Option<i8>)> = Vec::new();
    let mut compared = 0;
    for t in 0..20_000usize {
        let (x, w) = (signed_byte(&mut rng), signed_byte(&mut rng));
        let (swap, load) = (percent(&mut rng, 30), percent(&mut rng, 30));
        let psum = match rng.random_range(0..8) {
            0 => 0x3_ffff,
            1 => 0x4_0000,
            2 => 0x7_ffff,
            _ => rng.random_range(0..=PSUM_MASK),
        };
        pe.set(pe.x_in, u64::from(x as u8));
        pe.set(pe.w_in, u64::from(w as u8));
        pe.set(pe.psum_in, psum.into());
        pe.put(pe.swap_in, swap);
        pe.put(pe.load_in, load);
        pe.eval();
        if let Some(&(x, swap, load, ..)) = past.last() {
            assert_eq!(pe.get(pe.x_out), u64::from(x as u8), "cycle {t}");
            assert_eq!(pe.bit(pe.swap_out), swap, "cycle {t}");
            assert_eq!(pe.bit(pe.load_out), load, "cycle {t}");
        }
        if let Some(&(x, .., Some(w))) = t.checked_sub(PE_LATENCY).map(|i| &past[i]) {
            // The partial sum comes two cycles after the activation.
            let psum = past[t - PE_LATENCY + 2].3;
            let want = (i64::from(psum) + i64::from(x) * i64::from(w)) & PSUM;
            assert_eq!(
                pe.get(pe.psum_out) as i64,
                want,
                "{psum:#x} + {x} * {w}, cycle {t}"
            );
            compared += 1;
        }
        if swap {
            active = shadow;
        }
        if load {
            shadow = Some(w);
        }
        past.push((x, swap, load, psum, active));
        pe.tick();
    }
    assert!(compared > 19_000);
}

/// Weights of a tile: row (input channel) by row, one output channel each.
type Weights = Vec<Vec<i8>>;

/// How far apart loads and swaps are.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Pace {
    /// As early as the tile allows.
    Earliest,
    /// As early as possible, but the swap waits for the whole block.
    Loaded,
    /// At random.
    Random,
}

fn packed(bytes: impl Iterator<Item = u8>) -> Vec<u32> {
    let bytes: Vec<u8> = bytes.collect();
    bytes
        .chunks_exact(4)
        .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect()
}

/// Runs `passes` passes; a vector enters in every cycle.
fn run_tile(mut model: Model, config: &HwConfig, passes: usize, pace: Pace, rng: &mut StdRng) {
    let (n, lead, latency) = (config.tile, load_lead(config), tile_latency(config));
    let port = |name: &str| model.port(name).expect("a port");
    let (x_in, w_in) = (port("x_in"), port("w_in"));
    let (swap_in, load_in) = (port("swap_in"), port("load_in"));
    let psums = port("psums");
    // When each pass's block is loaded and becomes active.
    let mut schedule: Vec<(usize, usize)> = Vec::new();
    let (mut load, mut swap) = (0, 0);
    for _ in 0..passes {
        swap = match pace {
            Pace::Earliest => load + lead,
            Pace::Loaded => load + n.max(lead),
            Pace::Random => {
                load + lead + [0, 1, n - 1, rng.random_range(0..3 * n)][rng.random_range(0..4)]
            }
        };
        schedule.push((load, swap));
        // The shadow is free again in the cycle of the swap.
        load = (load + n).max(swap);
        if pace == Pace::Random {
            load += [0, 0, 1, rng.random_range(0..2 * n)][rng.random_range(0..4)];
        }
    }
    let end = swap + 3 * n + latency;
    let blocks: Vec<Weights> = (0..passes)
        .map(|i| {
            // The first blocks reach the largest sums of either sign.
            let fixed = [Some(127), Some(-127), None][i.min(2)];
            (0..n)
                .map(|_| {
                    (0..n)
                        .map(|_| fixed.unwrap_or_else(|| weight(rng)))
                        .collect()
                })
                .collect()
        })
        .collect();
    let mut active: Option<&Weights> = None;
    let mut due: VecDeque<Option<Vec<i64>>> = VecDeque::new();
    let mut compared = 0;
    for t in 0..end {
        let loads = schedule.iter().position(|&(l, _)| (l..l + n).contains(&t));
        let row = match loads {
            Some(i) => blocks[i][t - schedule[i].0].clone(),
            None => (0..n).map(|_| rng.random()).collect(),
        };
        let swaps = schedule.iter().position(|&(_, s)| s == t);
        if let Some(i) = swaps {
            active = Some(&blocks[i]);
        }
        let all = [Some(0), Some(255), None][rng.random_range(0..20).min(2)];
        let x: Vec<u8> = (0..n).map(|_| all.unwrap_or_else(|| byte(rng))).collect();
        model.set_words(x_in, &packed(x.iter().copied()));
        model.set_words(w_in, &packed(row.iter().map(|&w| w as u8)));
        model.set(swap_in, swaps.is_some().into());
        model.set(load_in, schedule.iter().any(|&(l, _)| l == t).into());
        model.eval().expect("eval");
        due.push_back(active.map(|w| {
            (0..n)
                .map(|c| {
                    (0..n)
                        .fold(0, |sum, r| array_mac(sum, x[r], w[r][c]))
                        .into()
                })
                .collect()
        }));
        if due.len() > latency
            && let Some(want) = due.pop_front().flatten()
        {
            let got = model.get_words(psums);
            for (c, want) in want.into_iter().enumerate() {
                let got = i64::from(column(&got, c));
                assert_eq!(got, want & PSUM, "channel {c}, cycle {t}, {pace:?}");
            }
            let rest = (n..16).map(|c| column(&got, c));
            assert!(rest.into_iter().all(|sum| sum == 0));
            compared += 1;
        }
        model.tick().expect("tick");
    }
    assert!(compared >= end - latency - 3 * n - 1, "{compared} of {end}");
}

/// Runs a tile at every pace.
fn run_paces(built: &VerilatedModel, preset: &str, seed: u64) {
    let config = HwConfig::preset(preset).expect("a preset");
    let mut rng = random(seed);
    for pace in [Pace::Earliest, Pace::Loaded, Pace::Random, Pace::Random] {
        let model = Model::load(built, 3).expect("loads");
        run_tile(model, &config, 480 / config.tile, pace, &mut rng);
    }
}

#[test]
fn a_tile_of_16_gives_every_sum_after_its_latency() {
    run_paces(&build(Tile16::default(), "tile16"), "fb256", 2);
}

#[test]
fn a_tile_of_8_gives_every_sum_after_its_latency() {
    run_paces(&build(Tile8::default(), "tile8"), "fb64", 3);
}

#[test]
fn a_packed_tile_of_16_gives_every_sum_after_its_latency() {
    for family in [Family::Generic, Family::Xcup] {
        let top = format!("tile_packed16_{}", family.name());
        run_paces(&build(TilePacked16::new(family), &top), "fb256-packed", 2);
    }
    let built = build(TileTree16::new(Family::Xc7), "tile_tree16");
    run_paces(&built, "fb256-packed-xc7", 2);
}

#[test]
fn a_packed_tile_of_8_gives_every_sum_after_its_latency() {
    for family in [Family::Generic, Family::Xcup] {
        let top = format!("tile_packed8_{}", family.name());
        run_paces(&build(TilePacked8::new(family), &top), "fb64-packed", 3);
    }
    let built = build(TileTree8::new(Family::Xc7), "tile_tree8");
    run_paces(&built, "fb64-packed-xc7", 3);
}

//! A lane, tile and accumulators together, against sums of products.

use std::collections::VecDeque;

use firebrick_rtl::array::accumulators::{ACC_READ_LATENCY, ACC_REUSE, TAG_LEAD};
use firebrick_rtl::array::lane::Lane;
use firebrick_rtl::emit::{emit, emit_block};
use firebrick_spec::HwConfig;
use firebrick_spec::arith::array_mac;
use firebrick_spec::config::Family;
use firebrick_spec::latency::{load_lead, tile_latency};
use rand::{Rng, rngs::StdRng};
use rust_hdl::prelude::{Block, Logic};

use crate::support::{byte, chance, open, percent, random, weight};

dut!(Lanes: x_in, swap_in, load_in, w_in, tag_valid, tag_first, tag_bank, tag_address, drain_read,
    drain_bank, drain_address, drain_grant, drain_words_0, drain_words_1);

type Sums = [i32; 16];

/// Sums that belong to a pixel.
#[derive(Clone, Copy)]
struct Tag {
    first: bool,
    bank: usize,
    address: usize,
}

/// What enters the array in one cycle.
#[derive(Clone, Default)]
struct Entry {
    x: u128,
    swap: bool,
    load: bool,
    row: Option<u128>,
    tag: Option<Tag>,
}

/// Sums of one set of pixels, and what computes them.
struct Job {
    bank: usize,
    base: usize,
    sums: Vec<Sums>,
    entries: Vec<Entry>,
}

fn word(bytes: &[u8]) -> u128 {
    bytes
        .iter()
        .rev()
        .fold(0, |word, &byte| word << 8 | u128::from(byte))
}

/// Passes of random weights over random pixels. The first weights enter before the job, each
/// further block during the pass before it, as late as it may or at once.
fn job(rng: &mut StdRng, config: &HwConfig, bank: usize) -> Job {
    let (n, depth) = (config.tile, config.acc_depth);
    let count = [ACC_REUSE, n, rng.random_range(ACC_REUSE..=depth)][rng.random_range(0..3)];
    let base = rng.random_range(0..=depth - count);
    let mut sums = vec![[0i32; 16]; count];
    let mut entries: Vec<Entry> = Vec::new();
    let busy = chance(rng);
    let mut load = 0;
    for pass in 0..rng.random_range(1..5) {
        let rows: Vec<Vec<u8>> = (0..n)
            .map(|_| (0..n).map(|_| weight(rng) as u8).collect())
            .collect();
        // The swap may follow the first row as soon as the array allows, but not come before the
        // last pass's end.
        let swap = entries
            .len()
            .max(load + [load_lead(config), n][rng.random_range(0..2)]);
        entries.resize(swap.max(load + n), Entry::default());
        for (r, row) in rows.iter().enumerate() {
            entries[load + r].row = Some(word(row));
        }
        entries[load].load = true;
        let mut at = swap;
        for (v, sums) in sums.iter_mut().enumerate() {
            // The swap comes with the first vector.
            while v > 0 && !percent(rng, busy) {
                at += 1;
            }
            let x: Vec<u8> = (0..n).map(|_| byte(rng)).collect();
            for (c, sum) in sums.iter_mut().enumerate().take(n) {
                *sum = (0..n).fold(*sum, |sum, r| array_mac(sum, x[r], rows[r][c] as i8));
            }
            entries.resize(entries.len().max(at + 1), Entry::default());
            let entry = &mut entries[at];
            entry.x = word(&x);
            entry.swap = v == 0;
            entry.tag = Some(Tag {
                first: pass == 0,
                bank,
                address: base + v,
            });
            at += 1;
        }
        // The next block's rows follow this one's, from this swap on.
        load = swap.max(load + n);
    }
    Job {
        bank,
        base,
        sums,
        entries,
    }
}

fn run(config: &HwConfig, top: &str, jobs: usize, seed: u64) {
    let mut rng = random(seed);
    let mut lane = Lanes::new(open(Lane::new(config), top));
    let n = config.tile;
    let mask = if n == 16 { !0 } else { (1 << (8 * n)) - 1 };
    // Tags on their way, one for each cycle.
    let mut tags: VecDeque<Option<Tag>> = vec![None; tile_latency(config) - TAG_LEAD].into();
    let mut due: VecDeque<(usize, usize, Sums)> = VecDeque::new();
    let mut ready: Option<Job> = None;
    let (mut cycle, mut drained, mut refused) = (0, 0, 0);
    for index in 0..=jobs {
        let last = index == jobs;
        let next = (!last).then(|| job(&mut rng, config, index % 2));
        let entries = next.as_ref().map_or(&[][..], |job| &job.entries);
        // What the previous job left is drained meanwhile, in any order.
        let mut wanted: Vec<usize> = ready.as_ref().map_or(vec![], |job| {
            let mut order: Vec<usize> = (0..job.sums.len()).collect();
            for i in (1..order.len()).rev() {
                order.swap(i, rng.random_range(0..=i));
            }
            order
        });
        let (drain, end) = (
            chance(&mut rng),
            entries.len() + tile_latency(config) + ACC_REUSE,
        );
        let mut t = 0;
        while t < end || !wanted.is_empty() || !due.is_empty() {
            let entry = entries.get(t).cloned().unwrap_or_default();
            let noise: u128 = rng.random();
            let x = if entry.tag.is_some() { entry.x } else { noise };
            lane.set_wide(lane.x_in, x & mask);
            lane.set_wide(lane.w_in, entry.row.unwrap_or(!noise) & mask);
            lane.put(lane.swap_in, entry.swap);
            lane.put(lane.load_in, entry.load);
            tags.push_back(entry.tag);
            let tag = tags.pop_front().flatten();
            lane.put(lane.tag_valid, tag.is_some());
            let (first, bank, address) = match tag {
                Some(tag) => (tag.first, tag.bank, tag.address),
                // These mean nothing without a vector.
                None => (
                    rng.random(),
                    rng.random_range(0..2),
                    rng.random_range(0..512),
                ),
            };
            lane.put(lane.tag_first, first);
            lane.set(lane.tag_bank, bank as u64);
            lane.set(lane.tag_address, address as u64);
            // Words of the previous job, now and then one of the bank in use.
            let read = percent(&mut rng, drain);
            let other = wanted.is_empty() || percent(&mut rng, 10);
            let (from, at, sums) = match (&ready, wanted.last()) {
                (Some(job), Some(&v)) if !other => (job.bank, job.base + v, Some(job.sums[v])),
                _ => (index % 2, rng.random_range(0..config.acc_depth), None),
            };
            lane.put(lane.drain_read, read);
            lane.set(lane.drain_bank, from as u64);
            lane.set(lane.drain_address, at as u64);
            lane.eval();
            let conflict = tag.is_some_and(|tag| !tag.first && tag.bank == from);
            let granted = lane.bit(lane.drain_grant);
            assert_eq!(granted, read && !conflict, "cycle {cycle}");
            refused += usize::from(read && conflict);
            if due.front().is_some_and(|&(when, ..)| when == cycle)
                && let Some((_, from, want)) = due.pop_front()
            {
                let words = [lane.drain_words_0, lane.drain_words_1][from];
                let got = lane.model.get_words(words);
                let held = u32::MAX >> (32 - config.sum_bits);
                assert_eq!(got, want.map(|sum| sum as u32 & held), "cycle {cycle}");
                drained += 1;
            }
            if granted && let Some(sums) = sums {
                due.push_back((cycle + ACC_READ_LATENCY, from, sums));
                wanted.pop();
            }
            lane.tick();
            cycle += 1;
            t += 1;
        }
        ready = next;
    }
    assert!(drained > 10 * jobs && refused > jobs, "{drained} {refused}");
}

fn config(tile: usize, packed: bool) -> HwConfig {
    let mut config = HwConfig::preset("fb256").expect("a preset");
    config.tile = tile;
    config.packed = packed;
    config.acc_depth = 100;
    config
}

#[test]
fn a_lane_of_16_computes_accumulates_and_drains() {
    run(&config(16, false), "lane16", 60, 61);
}

#[test]
fn a_packed_lane_of_16_computes_accumulates_and_drains() {
    run(&config(16, true), "lane_packed16", 60, 61);
}

#[test]
fn lanes_of_slices_compute_accumulate_and_drain() {
    for family in [Family::Xc7, Family::Xcup] {
        for tile in [16, 8] {
            let mut config = config(tile, true);
            config.family = family;
            run(&config, &format!("lane_{}_{tile}", family.name()), 40, 63);
        }
    }
}

#[test]
fn a_lane_of_8_computes_accumulates_and_drains() {
    run(&config(8, false), "lane8", 80, 62);
}

#[test]
fn a_packed_lane_of_8_computes_accumulates_and_drains() {
    run(&config(8, true), "lane_packed8", 80, 62);
}

/// Rust-HDL finds no undriven signal and no loop, whichever tile it is.
#[test]
fn every_lane_passes_the_checks_of_the_emitter() {
    for (tile, packed) in [(8, false), (8, true), (16, false), (16, true)] {
        let config = config(tile, packed);
        let mut lane = Lane::new(&config);
        lane.clock.connect();
        lane.x_in.connect();
        lane.swap_in.connect();
        lane.load_in.connect();
        lane.w_in.connect();
        lane.tag_valid.connect();
        lane.tag_first.connect();
        lane.tag_bank.connect();
        lane.tag_address.connect();
        lane.drain_read.connect();
        lane.drain_bank.connect();
        lane.drain_address.connect();
        lane.connect_all();
        let verilog = emit(&lane, "lane").expect("no fault is found");
        let alone = emit_block(Lane::new(&config), "lane").expect("emitted");
        assert!(verilog == alone, "a tile of {tile}, packed: {packed}");
    }
}

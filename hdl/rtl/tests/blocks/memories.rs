//! Memories: weight buffer and loader, feature buffer, parameters, queue, and the two leaves
//! that bring their own Verilog.

use std::collections::VecDeque;

use firebrick_rtl::array::accumulators::{ACC_READ_LATENCY, ACC_REUSE};
use firebrick_rtl::common::mem::{Fifo, LutRam, Pack, Ram};
use firebrick_rtl::drain::params::Params;
use firebrick_rtl::io::histogram::Histogram;
use firebrick_rtl::sequence::loader::{Loader, WEIGHT_LATENCY};
use firebrick_rtl::store::rotate::Rotate;
use firebrick_sim::Model;
use firebrick_spec::HwConfig;
use rand::{Rng, rngs::StdRng};
use rust_hdl::prelude::*;

use crate::drain_leaves::{settle, to_bits, to_words};
use crate::support::{chance, join, open, percent, random};

dut!(Weights: reset, job_valid, job_base, job_passes, job_pop, ready, swap, load, row,
    write_valid, write_address, write_data);

/// Blocks of the weight buffer under test; no power of two.
const BLOCKS: usize = 11;

/// Runs jobs (first block, passes) and checks every row; gives the cycles from the first load to
/// the last.
fn run_loader(
    d: &mut Weights,
    rng: &mut StdRng,
    memory: &[u128],
    jobs: &[(usize, usize)],
    (job, swap): (u32, u32),
) -> usize {
    let blocks: Vec<usize> = jobs
        .iter()
        .flat_map(|&(base, n)| (0..n).map(move |i| (base + i) % BLOCKS))
        .collect();
    let (mut taken, mut offered) = (0, false);
    let (mut loaded, mut swapped, mut row) = (0, 0, 16);
    let mut loads: Vec<usize> = Vec::new();
    // When swaps reach the array.
    let mut swaps_seen: Vec<usize> = Vec::new();
    let mut cycle = 0;
    while swapped < blocks.len() || loads.len() < blocks.len() || row < 16 {
        offered = offered || (taken < jobs.len() && percent(rng, job));
        d.put(d.job_valid, offered);
        let (base, passes) = if offered {
            jobs[taken]
        } else {
            (rng.random_range(0..BLOCKS), rng.random_range(0..9))
        };
        d.set(d.job_base, base as u64);
        d.set(d.job_passes, passes as u64);
        d.eval();
        let ready = d.bit(d.ready);
        let swaps = ready && percent(rng, swap);
        d.put(d.swap, swaps);
        d.eval();
        if d.bit(d.job_pop) {
            assert!(offered, "takes a job that is not there");
            taken += 1;
            offered = false;
        }
        if d.bit(d.load) {
            assert_eq!(row, 16, "a block is cut short");
            loaded += 1;
            loads.push(cycle);
            row = 0;
        }
        if row < 16 {
            let want = memory[16 * blocks[loaded - 1] + row];
            assert_eq!(d.get_wide(d.row), want, "row {row} of block {}", loaded - 1);
            row += 1;
        }
        if swaps {
            assert!(swapped < blocks.len(), "ready without a block");
            swapped += 1;
            swaps_seen.push(cycle + 1 + WEIGHT_LATENCY);
        }
        d.tick();
        cycle += 1;
        assert!(
            cycle < 1_000_000,
            "stuck: {taken} jobs, {loaded} loads, {swapped} swaps"
        );
    }
    // As the array sees it: a load comes before its swap, and not before the swap of the block
    // before.
    assert_eq!(
        (loads.len(), swaps_seen.len()),
        (blocks.len(), blocks.len())
    );
    for (i, &swap) in swaps_seen.iter().enumerate() {
        assert!(loads[i] < swap, "block {i}: load {}, swap {swap}", loads[i]);
        assert!(
            loads.get(i + 1).is_none_or(|&next| next >= swap),
            "block {i}: swap {swap}"
        );
    }
    // What the accumulators ask for, however long a block had to wait.
    for pair in swaps_seen.windows(2) {
        assert!(pair[1] - pair[0] >= ACC_REUSE, "swaps in cycles {pair:?}");
    }
    d.put(d.swap, false);
    d.put(d.job_valid, false);
    for _ in 0..40 {
        d.eval();
        assert!(!d.bit(d.load) && !d.bit(d.ready) && !d.bit(d.job_pop));
        d.tick();
    }
    loads[loads.len() - 1] - loads[0]
}

fn loader() -> Weights {
    let config = HwConfig {
        weight_blocks: BLOCKS,
        ..HwConfig::preset("fb256").expect("a preset")
    };
    Weights::new(open(Loader::new(&config), "loader"))
}

fn reset_loader(d: &mut Weights) {
    d.put(d.reset, true);
    d.put(d.job_valid, true);
    d.put(d.swap, false);
    d.put(d.write_valid, false);
    d.tick();
    d.put(d.reset, false);
}

fn write_weights(d: &mut Weights, rng: &mut StdRng, memory: &mut [u128]) {
    for (address, row) in memory.iter_mut().enumerate() {
        *row = join(rng.random());
        d.put(d.write_valid, true);
        d.set(d.write_address, address as u64);
        d.set_wide(d.write_data, *row);
        d.tick();
    }
    d.put(d.write_valid, false);
}

fn jobs(rng: &mut StdRng) -> Vec<(usize, usize)> {
    (0..rng.random_range(1..12))
        .map(|_| {
            (
                rng.random_range(0..BLOCKS),
                *[1, 2, 9, 25].get(rng.random_range(0..4)).expect("4"),
            )
        })
        .collect()
}

#[test]
fn weights_come_block_by_block_and_wrap() {
    let mut rng = random(30);
    let mut d = loader();
    let mut memory = vec![0; 16 * BLOCKS];
    for _ in 0..25 {
        reset_loader(&mut d);
        d.put(d.job_valid, false);
        write_weights(&mut d, &mut rng, &mut memory);
        let weather = (chance(&mut rng), chance(&mut rng));
        let jobs = jobs(&mut rng);
        run_loader(&mut d, &mut rng, &memory, &jobs, weather);
        // Jobs under way are forgotten.
        d.put(d.job_valid, true);
        d.set(d.job_passes, 5);
        for _ in 0..rng.random_range(1..60) {
            d.eval();
            let ready = d.bit(d.ready);
            d.put(d.swap, ready);
            d.tick();
        }
    }
}

#[test]
fn a_block_of_weights_takes_sixteen_cycles() {
    let mut rng = random(31);
    let mut d = loader();
    let mut memory = vec![0; 16 * BLOCKS];
    reset_loader(&mut d);
    d.put(d.job_valid, false);
    write_weights(&mut d, &mut rng, &mut memory);
    let jobs = jobs(&mut rng);
    let blocks: usize = jobs.iter().map(|j| j.1).sum();
    let cycles = run_loader(&mut d, &mut rng, &memory, &jobs, (100, 100));
    assert_eq!(cycles, 16 * (blocks - 1));
}

#[test]
fn weights_are_written_while_others_are_read() {
    let mut rng = random(32);
    let mut d = loader();
    let mut memory = vec![0; 16 * BLOCKS];
    reset_loader(&mut d);
    d.put(d.job_valid, false);
    write_weights(&mut d, &mut rng, &mut memory);
    // Block 0 is read over and over; the others are written meanwhile.
    d.put(d.job_valid, true);
    d.set(d.job_base, 0);
    d.set(d.job_passes, 1);
    let mut row = 16;
    for _ in 0..3000 {
        let address = rng.random_range(16..memory.len());
        let data = join(rng.random());
        let write = percent(&mut rng, 50);
        d.put(d.write_valid, write);
        d.set(d.write_address, address as u64);
        d.set_wide(d.write_data, data);
        d.eval();
        let ready = d.bit(d.ready);
        d.put(d.swap, ready);
        d.eval();
        if d.bit(d.load) {
            row = 0;
        }
        if row < 16 {
            assert_eq!(d.get_wide(d.row), memory[row]);
            row += 1;
        }
        if write {
            memory[address] = data;
        }
        d.tick();
    }
    reset_loader(&mut d);
    d.put(d.job_valid, false);
    run_loader(
        &mut d,
        &mut rng,
        &memory,
        &[(1, BLOCKS), (0, 3)],
        (100, 100),
    );
}

dut!(Parameters: write_valid, write_address, write_data, read_address, read_data);

#[test]
fn parameters_go_in_by_pairs_and_come_out_as_they_are_taken() {
    const GROUPS: usize = 23;
    let mut rng = random(34);
    for (preset, channels) in [("fb256", 8), ("fb64", 4), ("fb512", 16), ("fb2048", 16)] {
        let config = HwConfig {
            param_groups: GROUPS,
            ..HwConfig::preset(preset).expect("a preset")
        };
        let words = config.tile * GROUPS / channels;
        let mut d = Parameters::new(open(Params::new(&config), "params"));
        // 64 bits a channel.
        let mut memory: Vec<Option<u64>> = vec![None; config.tile * GROUPS];
        let mut due: VecDeque<Vec<Option<u64>>> = VecDeque::new();
        let mut compared = 0;
        for _ in 0..8000 {
            let write = percent(&mut rng, 60);
            let pair = rng.random_range(0..config.tile / 2 * GROUPS);
            let data = join(rng.random());
            d.put(d.write_valid, write);
            d.set(d.write_address, pair as u64);
            d.set_wide(d.write_data, data);
            let word = rng.random_range(0..words);
            d.set(d.read_address, word as u64);
            d.eval();
            if due.len() == ACC_READ_LATENCY {
                let want = due.pop_front().expect("a word");
                let got = d.model.get_words(d.read_data);
                for (got, want) in got.chunks_exact(2).zip(&want) {
                    if let Some(want) = want {
                        assert_eq!(u64::from(got[0]) | u64::from(got[1]) << 32, *want);
                        compared += 1;
                    }
                }
                assert!(got[2 * channels..].iter().all(|&above| above == 0));
            }
            due.push_back(memory[channels * word..channels * (word + 1)].to_vec());
            if write {
                memory[2 * pair] = Some(data as u64);
                memory[2 * pair + 1] = Some((data >> 64) as u64);
            }
            d.tick();
        }
        assert!(compared > 4000 * channels, "{preset}: {compared}");
    }
}

dut!(Queue: reset, keep, push_data, push, full, data, valid, pop, count);

#[test]
fn a_queue_keeps_order_and_ignores_what_it_cannot_do() {
    let mut rng = random(35);
    let mut d = Queue::new(open(Fifo::<36, 3, 4>::default(), "queue"));
    d.put(d.reset, true);
    d.put(d.keep, false);
    d.put(d.push, true);
    d.put(d.pop, true);
    d.tick();
    let mut words: VecDeque<u64> = VecDeque::new();
    let (mut fulls, mut empties) = (0, 0);
    for phase in 0..60 {
        let (push, pop) = (chance(&mut rng), chance(&mut rng));
        for _ in 0..200 {
            let reset = rng.random_ratio(1, 100);
            let (pushes, pops) = (percent(&mut rng, push), percent(&mut rng, pop));
            let word = rng.random::<u64>() >> 28;
            d.put(d.reset, reset);
            // Only of a word that is there and stays.
            let keep = reset && !pops && !words.is_empty() && rng.random();
            d.put(d.keep, keep);
            d.put(d.push, pushes);
            d.set(d.push_data, word);
            d.put(d.pop, pops);
            d.eval();
            assert_eq!(d.get(d.count), words.len() as u64, "phase {phase}");
            assert_eq!(d.bit(d.valid), !words.is_empty());
            assert_eq!(d.bit(d.full), words.len() == 8);
            if let Some(&oldest) = words.front() {
                assert_eq!(d.get(d.data), oldest);
            }
            let full = words.len() == 8;
            fulls += usize::from(full);
            empties += usize::from(words.is_empty());
            if pops {
                words.pop_front();
            }
            if pushes && !full {
                words.push_back(word);
            }
            if reset {
                words.truncate(usize::from(keep));
            }
            d.tick();
        }
    }
    assert!(fulls > 500 && empties > 500, "{fulls} {empties}");
}

/// Clocks a block in Rust-HDL's own simulation and its Verilog side by side.
macro_rules! side_by_side {
    ($test:ident, $block:expr, $cycles:literal, bits: [$($bit:ident),*],
     wide: [$($wide:ident),*], output: $out:ident) => {
        #[test]
        fn $test() {
            let mut rng = random(36);
            let mut uut = $block;
            uut.clock.connect();
            $(uut.$bit.connect();)*
            $(uut.$wide.connect();)*
            uut.connect_all();
            // All memory starts at zero in both.
            let design = firebrick_sim::Design::new(
                stringify!($test),
                firebrick_rtl::emit::emit(&uut, stringify!($test)).expect("emitted"),
            );
            let mut model = Model::open(&design.clock("clock").optimise(1)).expect("builds");
            let mut kinds = std::collections::HashSet::new();
            for cycle in 0..$cycles {
                $(
                    let value = cycle < 2 || rng.random();
                    uut.$bit.next = value;
                    model.poke(stringify!($bit), value.into()).expect("an input");
                )*
                $(
                    let port = model.input(stringify!($wide)).expect("an input");
                    let mut words: Vec<u32> = (0..port.words()).map(|_| rng.random()).collect();
                    let cut = port.width() % 32;
                    if cut != 0 {
                        *words.last_mut().expect("a word") &= (1 << cut) - 1;
                    }
                    uut.$wide.next = to_bits(&words);
                    model.set_words(port, &words);
                )*
                settle(&mut uut);
                model.eval().expect("eval");
                let port = model.output(stringify!($out)).expect("an output");
                if cycle >= 2 {
                    let rust = to_words(uut.$out.val());
                    assert_eq!(rust, model.get_words(port), "cycle {cycle}");
                    kinds.insert(rust);
                }
                uut.clock.next = !uut.clock.val();
                settle(&mut uut);
                model.tick().expect("tick");
                uut.clock.next = !uut.clock.val();
                settle(&mut uut);
            }
            assert!(kinds.len() > $cycles / 10, "the outputs vary");
        }
    };
}

side_by_side!(
    ram_as_in_rust, Ram::<40, 4>::new(16), 2000,
    bits: [read_enable, write_enable], wide: [read_address, write_address, write_data],
    output: read_data
);
side_by_side!(
    small_ram_as_in_rust, LutRam::<40, 4>::default(), 2000,
    bits: [write_enable], wide: [read_address, write_address, write_data], output: read_data
);

#[test]
fn words_are_joined_with_the_first_lowest() {
    let mut rng = random(37);
    for count in [16, 5, 1] {
        let mut model = open(Pack::<24, 384>::new(count), "pack");
        let joined = model.output("joined").expect("an output");
        for _ in 0..100 {
            let mut bytes: Vec<u8> = Vec::new();
            for i in 0..count {
                let word = rng.random_range(0..1u32 << 24);
                let port = model.input(&format!("words_{i}")).expect("an input");
                model.set(port, word.into());
                bytes.extend(&word.to_le_bytes()[..3]);
            }
            bytes.resize(48, 0);
            model.eval().expect("eval");
            let want: Vec<u32> = bytes
                .chunks_exact(4)
                .map(|b| u32::from_le_bytes(b.try_into().expect("four")))
                .collect();
            assert_eq!(model.get_words(joined), want);
        }
    }
}

#[test]
fn a_tile_of_eight_takes_two_rows_from_a_beat() {
    let config = HwConfig {
        weight_blocks: 5,
        ..HwConfig::preset("fb64").expect("a preset")
    };
    let mut rng = random(36);
    let mut d = Weights::new(open(Loader::new(&config), "loader"));
    reset_loader(&mut d);
    d.put(d.job_valid, false);
    let mut memory = vec![0; 4 * config.weight_blocks];
    write_weights(&mut d, &mut rng, &mut memory);
    d.put(d.job_valid, true);
    d.set(d.job_base, 3);
    d.set(d.job_passes, 100);
    d.put(d.swap, true);
    let (mut rows, mut cycles) = (0, 0);
    while rows < 200 {
        d.eval();
        if rows > 0 || d.bit(d.load) {
            assert_eq!(d.bit(d.load), rows % 8 == 0, "row {rows}");
            let at = (24 + rows) % (8 * config.weight_blocks);
            let row = memory[at / 2] >> (64 * (at % 2)) & u128::from(u64::MAX);
            assert_eq!(d.get_wide(d.row), row, "row {rows}");
            rows += 1;
        }
        d.tick();
        cycles += 1;
        assert!(cycles < 300, "a block takes eight cycles");
    }
}

#[test]
fn a_rotation_is_what_its_verilog_does() {
    for lanes in [1, 2, 4, 8] {
        let mut uut = Rotate::new(lanes);
        uut.amount.connect();
        uut.words.iter_mut().for_each(Logic::connect);
        uut.connect_all();
        let mut rng = random(37);
        let mut model = open(Rotate::new(lanes), "rotate");
        for _ in 0..60 {
            let amount = rng.random_range(0..8u64);
            uut.amount.next = amount.into();
            let port = model.input("amount").expect("an input");
            model.set(port, amount);
            for (i, word) in uut.words.iter_mut().enumerate() {
                let value: [u32; 4] = rng.random();
                let port = model.input(&format!("words_{i}")).expect("an input");
                model.set_words(port, &value);
                word.next = to_bits(&value);
            }
            settle(&mut uut);
            model.eval().expect("eval");
            for (i, out) in uut.out.iter().enumerate() {
                let port = model.output(&format!("out_{i}")).expect("an output");
                assert_eq!(to_words(out.val()), model.get_words(port));
            }
        }
    }
}

dut!(Statistics: reset, clearing, enable, index, amount, read_index, read_data);

#[test]
fn statistics_lose_no_event() {
    let mut rng = random(38);
    let mut d = Statistics::new(open(Histogram::<4>::default(), "histogram"));
    let mut counts = [0u64; 16];
    // The memory begins with anything; until it is cleared, every counter shows 0.
    for restart in [30, 3, 16] {
        d.put(d.enable, false);
        d.put(d.reset, true);
        d.tick();
        d.put(d.reset, false);
        for cycle in 0..restart {
            d.set(d.read_index, rng.random_range(0..16));
            d.eval();
            assert_eq!(d.bit(d.clearing), cycle < 16, "cycle {cycle}");
            assert!(cycle == 0 || d.get(d.read_data) == 0, "cycle {cycle}");
            d.tick();
        }
    }
    for _ in 0..5000 {
        // Few counters, so that one is often met again at once.
        let (index, amount) = (rng.random_range(0..3usize) * 5, rng.random_range(0..=8));
        let enable = percent(&mut rng, 80);
        d.put(d.enable, enable);
        d.set(d.index, index as u64);
        d.set(d.amount, amount);
        d.tick();
        if enable {
            counts[index] += amount;
        }
    }
    d.put(d.enable, false);
    for (index, &count) in counts.iter().enumerate() {
        d.set(d.read_index, index as u64);
        for _ in 0..4 {
            d.tick();
        }
        assert_eq!(d.get(d.read_data), count, "counter {index}");
    }
}

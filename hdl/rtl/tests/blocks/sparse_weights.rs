//! The unit that puts zeros back, against the specification's coder.

use firebrick_rtl::decode::sparse::{SPARSE_LATENCY, Sparse};
use firebrick_spec::sparse;
use rand::{Rng, rngs::StdRng};

use crate::support::{chance, join, open, percent, random};

dut!(Pins: reset, start, rows, address, in_valid, in_ready, in_data, busy, write_valid,
    write_address, write_data);

fn pins() -> Pins {
    let mut d = Pins::new(open(Sparse::default(), "sparse"));
    reset(&mut d);
    d
}

fn reset(d: &mut Pins) {
    d.put(d.reset, true);
    d.put(d.start, false);
    d.put(d.in_valid, false);
    d.tick();
    d.put(d.reset, false);
}

/// Whole rows of weights, the share of zeros changing on the way.
fn weights(rng: &mut StdRng, rows: usize) -> Vec<u8> {
    let mut density = chance(rng);
    let mut weights = Vec::new();
    for row in 0..rows {
        if row % 8 == 0 && percent(rng, 20) {
            density = [0, 3, 33, 50, 100][rng.random_range(0..5)];
        }
        weights.extend((0..16).map(|_| {
            if percent(rng, density) {
                rng.random::<u8>()
            } else {
                0
            }
        }));
    }
    weights
}

fn begin(d: &mut Pins, rows: usize, address: u64) {
    d.put(d.start, true);
    d.set(d.rows, rows as u64);
    d.set(d.address, address);
    d.put(d.in_valid, false);
    d.tick();
    d.put(d.start, false);
}

/// Feeds a payload and gives what is written, with the cycle of each write from the start on.
fn run(d: &mut Pins, rng: &mut StdRng, payload: &[u8], beat: u32) -> Vec<(u64, u64, u128)> {
    let beats: Vec<u128> = payload
        .chunks_exact(16)
        .map(|beat| u128::from_le_bytes(beat.try_into().expect("16 bytes")))
        .collect();
    let (mut sent, mut offered) = (0, false);
    let mut written = Vec::new();
    let mut tail = 0;
    for cycle in 0.. {
        offered = offered || (sent < beats.len() && percent(rng, beat));
        d.put(d.in_valid, offered);
        let data = if offered {
            beats[sent]
        } else {
            join(rng.random())
        };
        d.set_wide(d.in_data, data);
        d.eval();
        if d.bit(d.write_valid) {
            written.push((cycle, d.get(d.write_address), d.get_wide(d.write_data)));
        }
        if offered && d.bit(d.in_ready) {
            sent += 1;
            offered = false;
        }
        if !d.bit(d.busy) {
            assert_eq!(sent, beats.len(), "beats are left");
            assert!(!d.bit(d.in_ready), "asks for more");
            tail += 1;
            if tail > SPARSE_LATENCY {
                break;
            }
        }
        d.tick();
        assert!(cycle < 1_000_000, "stuck");
    }
    written
}

fn rows_of(weights: &[u8], address: u64) -> Vec<(u64, u128)> {
    let row = |row: &[u8]| u128::from_le_bytes(row.try_into().expect("16 bytes"));
    (address..).zip(weights.chunks_exact(16).map(row)).collect()
}

#[test]
fn random_weights_come_back() {
    let mut rng = random(61);
    let mut d = pins();
    for _ in 0..400 {
        let rows = match rng.random_range(0..3) {
            0 => rng.random_range(1..20),
            1 => 8 * rng.random_range(1..20),
            _ => 4 * rng.random_range(1..200),
        };
        let weights = weights(&mut rng, rows);
        let address = rng.random_range(0..(1 << 24) - rows as u64);
        begin(&mut d, rows, address);
        let beat = chance(&mut rng);
        let got = run(&mut d, &mut rng, &sparse::encode(&weights), beat);
        let got: Vec<_> = got.into_iter().map(|(_, at, row)| (at, row)).collect();
        assert_eq!(got, rows_of(&weights, address), "{rows} rows");
    }
}

#[test]
fn a_row_in_every_cycle_up_to_half_density() {
    let mut rng = random(62);
    let mut d = pins();
    for ones in [0, 10, 33, 60, 64, 128] {
        let mut weights = vec![0; 128 * 50];
        for group in weights.chunks_exact_mut(128) {
            for i in rand::seq::index::sample(&mut rng, 128, ones) {
                group[i] = rng.random_range(1..=255);
            }
        }
        begin(&mut d, 8 * 50, 0);
        let got = run(&mut d, &mut rng, &sparse::encode(&weights), 100);
        assert_eq!(got.len(), 400);
        let cycles = got[399].0 - got[0].0 + 1;
        // Mask, two cycles of counting, values, and one in which the group before lets go.
        let group = 8.max(4 + ones as u64 / 16);
        assert_eq!(cycles, 49 * group + 8, "{ones}");
    }
}

#[test]
fn a_reset_anywhere_starts_anew() {
    let mut rng = random(63);
    let mut d = pins();
    for _ in 0..200 {
        let rows = rng.random_range(1..60);
        let first = sparse::encode(&weights(&mut rng, rows));
        begin(&mut d, rows, 5);
        for beat in first.chunks_exact(16).take(rng.random_range(0..20)) {
            d.put(d.in_valid, true);
            d.set_wide(d.in_data, u128::from_le_bytes(beat.try_into().expect("16")));
            d.tick();
        }
        reset(&mut d);
        let rows = rng.random_range(1..60);
        let weights = weights(&mut rng, rows);
        begin(&mut d, rows, 7);
        let got = run(&mut d, &mut rng, &sparse::encode(&weights), 100);
        let got: Vec<_> = got.into_iter().map(|(_, at, row)| (at, row)).collect();
        assert_eq!(got, rows_of(&weights, 7));
    }
}

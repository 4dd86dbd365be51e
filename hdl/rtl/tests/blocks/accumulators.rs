//! Accumulators against an array of sums.

use std::collections::VecDeque;

use firebrick_rtl::array::accumulators::{ACC_READ_LATENCY, ACC_REUSE, Accumulators, TAG_LEAD};
use rand::{Rng, rngs::StdRng};

use crate::support::{chance, columns, open, percent, random};

dut!(Acc: psums, tag_valid, tag_first, tag_bank, tag_address, drain_read, drain_bank, drain_address,
    drain_grant, drain_words_0, drain_words_1);

/// Vectors of a bank; no power of two.
const DEPTH: usize = 300;

type Vector = [i32; 16];

/// What the banks hold, and the sums on their way into them.
struct Banks {
    words: [Vec<Option<Vector>>; 2],
    /// (cycle from which it is seen, bank, address, sums)
    coming: VecDeque<(usize, usize, usize, Vector)>,
}

impl Banks {
    fn settle(&mut self, cycle: usize) {
        while let Some(&(seen, bank, address, sums)) = self.coming.front() {
            if seen > cycle {
                break;
            }
            self.words[bank][address] = Some(sums);
            self.coming.pop_front();
        }
    }

    fn is_coming(&self, bank: usize, address: usize) -> bool {
        self.coming
            .iter()
            .any(|&(_, b, a, _)| (b, a) == (bank, address))
    }
}

fn psum(rng: &mut StdRng) -> i32 {
    match rng.random_range(0..6) {
        0 => [-(1 << 18), (1 << 18) - 1, 0, -1][rng.random_range(0..4)],
        _ => rng.random_range(-(1 << 18)..1 << 18),
    }
}

#[test]
fn tiles_of_16_columns_accumulate_and_drain() {
    let acc = open(Accumulators::new(16, DEPTH, 27), "accumulators");
    accumulate_and_drain(Acc::new(acc), 16, 27, 400);
}

#[test]
fn sums_of_32_bits_accumulate_and_drain() {
    let acc = open(Accumulators::new(16, DEPTH, 32), "accumulators_wide");
    accumulate_and_drain(Acc::new(acc), 16, 32, 400);
}

#[test]
fn tiles_of_8_columns_accumulate_and_drain() {
    let acc = open(Accumulators::new(8, DEPTH, 24), "accumulators_8");
    accumulate_and_drain(Acc::new(acc), 8, 24, 400);
}

/// Sums have `bits` bits; what is carried beyond them is lost.
fn accumulate_and_drain(mut acc: Acc, used: usize, bits: u32, tiles: usize) {
    let mut rng = random(4);
    let mut banks = Banks {
        words: [vec![None; DEPTH], vec![None; DEPTH]],
        coming: VecDeque::new(),
    };
    let mut cycle = 0;
    let (mut drained, mut withheld, mut added) = (0, 0, 0);
    // Granted words and the cycle in which they must be there; `None` if undefined.
    let mut due: VecDeque<(usize, usize, Option<Vector>)> = VecDeque::new();
    // Sums come a cycle after their tag.
    let mut late: VecDeque<Vector> = vec![[0; 16]; TAG_LEAD].into();
    for tile in 0..tiles {
        let count = *[1, 2, 3, 5, 40, rng.random_range(1..=DEPTH)]
            .get(rng.random_range(0..6))
            .expect("six");
        let count = if tile % 16 == 0 { DEPTH } else { count.min(60) };
        let base = rng.random_range(0..=DEPTH - count);
        let bank = usize::from(rng.random::<bool>());
        // Now and then a sum goes to the limits of 32 bits.
        let far = tile % 50 == 1;
        let count = if far { count.min(4) } else { count };
        let passes = if far { 255 } else { rng.random_range(1..6) };
        let side: Vector = std::array::from_fn(|_| {
            if rng.random() {
                -(1 << 18)
            } else {
                (1 << 18) - 1
            }
        });
        let (array, drain) = (chance(&mut rng), chance(&mut rng));
        for pass in 0..passes {
            let mut i = 0;
            while i < count {
                banks.settle(cycle);
                let first = pass == 0;
                let address = base + i;
                // A sum must have settled before it is added to.
                let valid = percent(&mut rng, array) && (first || !banks.is_coming(bank, address));
                let vector = if far {
                    side
                } else {
                    std::array::from_fn(|_| psum(&mut rng))
                };
                late.push_back(vector);
                let now = late.pop_front().unwrap_or_default();
                acc.model.set_words(acc.psums, &columns(now));
                acc.put(acc.tag_valid, valid);
                // The other tag bits mean nothing without a vector.
                let tag = (first, bank == 1, address as u64);
                let tag = if valid { tag } else { rng.random() };
                acc.put(acc.tag_first, tag.0);
                acc.put(acc.tag_bank, tag.1);
                acc.set(acc.tag_address, tag.2);
                let read = percent(&mut rng, drain);
                let (from, at) = (
                    usize::from(rng.random::<bool>()),
                    rng.random_range(0..DEPTH),
                );
                acc.put(acc.drain_read, read);
                acc.put(acc.drain_bank, from == 1);
                acc.set(acc.drain_address, at as u64);
                acc.eval();
                let granted = acc.bit(acc.drain_grant);
                let conflict = valid && !first && from == bank;
                assert_eq!(granted, read && !conflict, "cycle {cycle}");
                if granted {
                    due.push_back((cycle + ACC_READ_LATENCY, from, banks.words[from][at]));
                } else if read {
                    withheld += 1;
                }
                if due.front().is_some_and(|&(when, ..)| when == cycle)
                    && let Some((_, from, Some(want))) = due.pop_front()
                {
                    let words = [acc.drain_words_0, acc.drain_words_1][from];
                    let got = acc.model.get_words(words);
                    // Columns that are not there stay zero, as do bits above a sum's.
                    let want: Vector = std::array::from_fn(|c| if c < used { want[c] } else { 0 });
                    let held = u32::MAX >> (32 - bits);
                    assert_eq!(
                        got,
                        want.map(|x| x as u32 & held),
                        "tile {tile}, cycle {cycle}"
                    );
                    drained += 1;
                }
                if valid {
                    let sums = match banks.words[bank][address] {
                        Some(old) if !first => {
                            added += 1;
                            std::array::from_fn(|c| {
                                old[c]
                                    .checked_add(vector[c])
                                    .expect("sums stay within 32 bits")
                            })
                        }
                        _ => vector,
                    };
                    banks
                        .coming
                        .push_back((cycle + ACC_REUSE, bank, address, sums));
                    i += 1;
                }
                acc.tick();
                cycle += 1;
            }
        }
    }
    assert!(
        drained > 5_000 && withheld > 1_000 && added > 10_000,
        "{drained} {withheld} {added}"
    );
}

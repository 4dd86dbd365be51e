//! The requantiser, from emitted Verilog under Verilator, against the specification.

use firebrick_rtl::drain::requant::{COARSE_DELAY, FINE_DELAY, REQUANT_LATENCY, Requantiser};
use firebrick_rtl::emit::emit;
use firebrick_sim::{Design, Model};
use firebrick_spec::arith::{MULT_MAX, MULT_MIN, Requant, SHIFT_MAX, SHIFT_MIN};
use rand::{Rng, SeedableRng, rngs::StdRng};
use rust_hdl::prelude::*;

fn model((bits, slices): (usize, usize)) -> Model {
    let mut uut = Requantiser::new(bits, slices);
    uut.clock.connect();
    uut.now_0.connect();
    uut.now_1.connect();
    uut.later_0.connect();
    uut.later_1.connect();
    uut.bank.connect();
    uut.now.connect();
    uut.bias.connect();
    uut.mult.connect();
    uut.factor.connect();
    uut.coarse.connect();
    uut.fine.connect();
    uut.connect_all();
    let verilog = emit(&uut, "requantiser").expect("the requantiser can be emitted");
    let design = Design::new("requantiser", verilog)
        .clock("clock")
        .random_reset(true)
        .optimise(1);
    Model::open(&design).expect("the requantiser builds")
}

/// Feeds one case a cycle, every other one as the word that waits, and compares each result exactly
/// `REQUANT_LATENCY` cycles later. Bits above a sum's are noise.
fn check(kind: (usize, usize), cases: impl Iterator<Item = (i32, Requant)>) {
    let bits = kind.0;
    let mut model = model(kind);
    let names = [
        "now_0", "now_1", "later_0", "later_1", "bank", "now", "bias", "mult", "factor", "coarse",
        "fine", "y",
    ];
    let [
        now_0,
        now_1,
        later_0,
        later_1,
        bank,
        now,
        bias,
        mult,
        factor,
        coarse,
        fine,
        y,
    ] = names.map(|name| model.port(name).expect("port"));
    let mut rng = StdRng::seed_from_u64(99);
    let cases: Vec<(i32, Requant)> = cases.collect();
    let above = if bits == 32 { 0 } else { u32::MAX << bits };
    // What the parameters of a case are when they are wanted.
    let at = |cycle: usize, delay: usize| {
        let case = cycle.checked_sub(delay).and_then(|i| cases.get(i));
        case.map_or(Requant::IDENTITY, |case| case.1)
    };
    for cycle in 0..cases.len() + REQUANT_LATENCY {
        let first = cycle % 2 == 0;
        let mut words: [u32; 4] = rng.random();
        let side: bool = rng.random();
        for (word, case) in [(0, cycle), (2, cycle + 1)] {
            if first && let Some(&(acc, _)) = cases.get(case) {
                let word = &mut words[word + usize::from(side)];
                *word = *word & above | acc as u32 & !above;
            }
        }
        for (port, word) in [now_0, now_1, later_0, later_1].into_iter().zip(words) {
            model.set(port, word.into());
        }
        model.set(bank, side.into());
        model.set(now, first.into());
        let noise: u32 = rng.random();
        let value = noise & above | at(cycle, 0).bias as u32 & !above;
        model.set(bias, value.into());
        model.set(mult, at(cycle, 0).mult.into());
        model.set(factor, at(cycle, 1).mult.into());
        model.set(coarse, u64::from(at(cycle, COARSE_DELAY).shift >> 4));
        model.set(fine, u64::from(at(cycle, FINE_DELAY).shift & 15));
        model.eval().expect("eval");
        if let Some(&(acc, r)) = cycle
            .checked_sub(REQUANT_LATENCY)
            .and_then(|i| cases.get(i))
        {
            let want = u64::from(r.apply_within(acc, bits));
            assert_eq!(model.get(y), want, "{bits} bits, acc {acc}, {r:?}");
        }
        model.tick().expect("tick");
    }
}

/// Widths: one slice without and with what is missing, as the presets have it, two slices.
/// Bits of the sums, and slices of the product.
pub const KINDS: [(usize, usize); 11] = [
    (16, 1),
    (24, 1),
    (25, 1),
    (26, 1),
    (27, 1),
    (20, 2),
    (24, 2),
    (26, 2),
    (27, 2),
    (28, 2),
    (32, 2),
];

#[test]
fn all_combinations_of_extremes() {
    for kind in [(26, 1), (27, 1), (27, 2), (32, 2)] {
        extremes(kind);
    }
}

/// Sums and biases at the ends of their range and of the slice's.
fn extremes(kind: (usize, usize)) {
    let bits = kind.0;
    let most = (1i64 << (bits - 1)) - 1;
    let sums: Vec<i32> = [-most - 1, -most, -65_536, -2, -1, 0, 1, 2, 255, 256]
        .into_iter()
        .chain([
            (1 << 24) - 1,
            1 << 24,
            (1 << 25) - 1,
            1 << 25,
            most - 1,
            most,
        ])
        .filter(|sum| *sum <= most)
        .map(|sum| sum as i32)
        .collect();
    let mults = [MULT_MIN, 2, 3, 255, 16_384, MULT_MAX];
    let cases = sums.iter().flat_map(|&acc| {
        let biases = sums.iter();
        biases.flat_map(move |&bias| {
            mults.into_iter().flat_map(move |mult| {
                (SHIFT_MIN..=SHIFT_MAX).map(move |shift| (acc, Requant { bias, mult, shift }))
            })
        })
    });
    check(kind, cases);
}

#[test]
fn random_values() {
    let seed = 20_240;
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    for kind in KINDS {
        let cases = (0..50_000).map(|_| {
            let (a, b) = (rng.random_range(0..32), rng.random_range(0..32));
            let mult = rng.random_range(MULT_MIN..=MULT_MAX);
            let shift = rng.random_range(SHIFT_MIN..=SHIFT_MAX);
            let bias = rng.random::<i32>() >> b;
            (rng.random::<i32>() >> a, Requant { bias, mult, shift })
        });
        check(kind, cases);
    }
}

#[test]
fn results_around_every_rounding_boundary() {
    // For each shift, accumulators whose products lie next to k + 1/2.
    let mut rng = StdRng::seed_from_u64(7);
    let cases = (SHIFT_MIN..=SHIFT_MAX).flat_map(|shift| {
        let mult: u16 = rng.random_range(MULT_MIN..=MULT_MAX);
        (0..=257u64).flat_map(move |k| {
            let half = ((2 * k + 1) << (shift - 1)) / u64::from(mult);
            (half.saturating_sub(2)..half + 3).filter_map(move |sum| {
                let acc = i32::try_from(sum / 2).ok()?;
                let bias = i32::try_from(sum - sum / 2).ok()?;
                (sum < 1 << 26).then_some(())?;
                Some((acc, Requant { bias, mult, shift }))
            })
        })
    });
    let cases: Vec<_> = cases.collect();
    for slices in [1, 2] {
        check((27, slices), cases.iter().copied());
    }
}

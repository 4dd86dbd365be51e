//! The requantiser, from emitted Verilog under Verilator, against the specification.

use firebrick_rtl::drain::requant::{REQUANT_LATENCY, Requantiser};
use firebrick_rtl::emit::emit;
use firebrick_sim::{Design, Model};
use firebrick_spec::arith::{MULT_MAX, MULT_MIN, Requant, SHIFT_MAX, SHIFT_MIN};
use rand::{Rng, SeedableRng, rngs::StdRng};
use rust_hdl::prelude::*;

fn model() -> Model {
    let mut uut = Requantiser::default();
    uut.clock.connect();
    uut.acc.connect();
    uut.bias.connect();
    uut.mult.connect();
    uut.shift.connect();
    uut.connect_all();
    let verilog = emit(&uut, "requantiser").expect("the requantiser can be emitted");
    let design = Design::new("requantiser", verilog)
        .clock("clock")
        .random_reset(true)
        .optimise(1);
    Model::open(&design).expect("the requantiser builds")
}

/// Feeds one case a cycle and compares each result exactly `REQUANT_LATENCY` cycles later.
fn check(cases: impl Iterator<Item = (i32, Requant)>) {
    let mut model = model();
    let port = |name: &str| model.port(name).expect("port");
    let (acc, bias, mult, shift, y) = (
        port("acc"),
        port("bias"),
        port("mult"),
        port("shift"),
        port("y"),
    );
    let mut fed: Vec<(i32, Requant)> = Vec::new();
    let mut results = 0;
    let mut compare = |fed: &[(i32, Requant)], cycle: usize, got: u64| {
        if let Some(&(a, r)) = cycle.checked_sub(REQUANT_LATENCY).and_then(|i| fed.get(i)) {
            assert_eq!(got, u64::from(r.apply(a)), "acc {a}, {r:?}");
            results += 1;
        }
    };
    for (cycle, (a, r)) in cases.enumerate() {
        model.set(acc, u64::from(a as u32));
        model.set(bias, u64::from(r.bias as u32));
        model.set(mult, u64::from(r.mult));
        model.set(shift, u64::from(r.shift));
        fed.push((a, r));
        model.eval().expect("eval");
        compare(&fed, cycle, model.get(y));
        model.tick().expect("tick");
    }
    for cycle in fed.len()..fed.len() + REQUANT_LATENCY {
        compare(&fed, cycle, model.get(y));
        model.step().expect("step");
    }
    assert_eq!(results, fed.len());
}

#[test]
fn all_combinations_of_extremes() {
    let sums = [
        i32::MIN,
        i32::MIN + 1,
        -65_536,
        -256,
        -2,
        -1,
        0,
        1,
        2,
        127,
        255,
        256,
        65_535,
        1 << 30,
    ]
    .into_iter()
    .chain([i32::MAX - 1, i32::MAX])
    .collect::<Vec<_>>();
    let mults = [MULT_MIN, 2, 3, 255, 256, 16_384, MULT_MAX - 1, MULT_MAX];
    let cases = sums.iter().flat_map(|&acc| {
        let biases = sums.iter();
        biases.flat_map(move |&bias| {
            mults.into_iter().flat_map(move |mult| {
                (SHIFT_MIN..=SHIFT_MAX).map(move |shift| (acc, Requant { bias, mult, shift }))
            })
        })
    });
    check(cases);
}

#[test]
fn random_values() {
    let seed = 20_240;
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    check((0..200_000).map(|_| {
        let (a, b) = (rng.random_range(0..32), rng.random_range(0..32));
        let mult = rng.random_range(MULT_MIN..=MULT_MAX);
        let shift = rng.random_range(SHIFT_MIN..=SHIFT_MAX);
        let bias = rng.random::<i32>() >> b;
        (rng.random::<i32>() >> a, Requant { bias, mult, shift })
    }));
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
                Some((acc, Requant { bias, mult, shift }))
            })
        })
    });
    check(cases);
}

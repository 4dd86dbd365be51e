//! The registers of a whole engine: what every address reads, what writes do, and the interrupt.

use firebrick_sim::bus::{Operation, WriteOrder};
use firebrick_spec::regs::{self, Access};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::bench::Bench;
use super::legal;

/// Reads an address, whatever is there.
fn look(bench: &mut Bench, address: u32) -> u32 {
    bench.bench.read(bench.lite, address).unwrap()
}

fn put(bench: &mut Bench, register: regs::Register, data: u32, strobes: u8) {
    let operation = Operation::Write {
        address: register.offset,
        data,
        strobes,
    };
    let answer = bench.bench.access(bench.lite, operation).unwrap();
    assert_eq!(answer.response, 0, "the answer to {operation}");
}

/// Every address of the space after a reset.
fn space(bench: &mut Bench) {
    let config = bench.config.clone();
    for (register, want) in regs::identity(&config) {
        assert_eq!(bench.read(register), want, "{}", register.name);
    }
    let known = |offset: u32| regs::ALL.iter().any(|register| register.offset == offset);
    for offset in (0..regs::SPACE).step_by(4).filter(|&offset| !known(offset)) {
        assert_eq!(look(bench, offset), 0, "address {offset:#x}");
    }
    let constant = regs::identity(&config).len();
    for register in &regs::ALL[constant..] {
        assert_eq!(bench.read(*register), 0, "{} after a reset", register.name);
    }
}

/// Registers that hold what is written, and those that do not.
fn writes(bench: &mut Bench, rng: &mut SmallRng) {
    let held = [regs::SCRATCH, regs::IRQ_ENABLE, regs::STATS_INDEX];
    let mut values = held.map(|register| bench.read(register));
    for _ in 0..200 {
        let at = rng.random_range(0..held.len());
        // Half of the writes have all bytes; the others are answered and ignored.
        let strobes = if rng.random() {
            15
        } else {
            rng.random_range(0..15)
        };
        let data = rng.random();
        put(bench, held[at], data, strobes);
        if strobes == 15 {
            values[at] = data & held[at].mask();
        }
        for (register, value) in held.iter().zip(values) {
            assert_eq!(bench.read(*register), value, "{}", register.name);
        }
        // It follows, as it says.
        bench.bench.run(8).unwrap();
        assert_eq!(bench.read(regs::STATS_AT), values[2]);
    }
    let constant = regs::identity(&bench.config.clone());
    for register in regs::ALL.iter().filter(|r| r.access == Access::ReadOnly) {
        put(bench, *register, u32::MAX, 15);
    }
    for (register, want) in constant {
        assert_eq!(bench.read(register), want, "{} after writes", register.name);
    }
    put(bench, regs::IRQ_ENABLE, 0, 15);
}

/// Causes of the interrupt come, are enabled one by one, and go where a one is written.
fn interrupts(bench: &mut Bench) {
    let irq = bench.bench.model().port("irq").unwrap();
    let high = |bench: &mut Bench| {
        bench.bench.run(2).unwrap();
        bench.bench.model().get(irq) != 0
    };
    let config = bench.config.clone();
    let case = legal::case(&config, 9_700);
    let (done, error) = (
        regs::irq_status::DONE.mask(),
        regs::irq_status::ERROR.mask(),
    );
    bench.compare(&case.transfers, &case.packets, 0.0).unwrap();
    assert_eq!(bench.read(regs::IRQ_STATUS), done);
    assert_eq!(bench.read(regs::RESULTS), case.transfers.len() as u32);
    assert_eq!(bench.read(regs::STATUS), 0);
    let mut wrong = case.transfers[0].clone();
    wrong[1] ^= 1;
    bench.send(&wrong);
    let source = bench.source;
    bench
        .bench
        .run_until("all input", Bench::PATIENCE, |b| {
            b.source(source).waiting() == 0
        })
        .unwrap();
    bench.bench.run(100).unwrap();
    // Its trailer will never be sent.
    assert_eq!(bench.read(regs::STATUS), regs::UNCLEAN);
    let mut pending = done | error;
    for clears in [0, done, error] {
        // A write without all bytes is ignored.
        put(bench, regs::IRQ_STATUS, u32::MAX, 0b1110);
        put(bench, regs::IRQ_STATUS, clears, 15);
        pending &= !clears;
        for enabled in [0, done, error, done | error] {
            put(bench, regs::IRQ_ENABLE, enabled, 15);
            assert_eq!(bench.read(regs::IRQ_STATUS), pending);
            let want = pending & enabled != 0;
            assert_eq!(high(bench), want, "{pending} pending, {enabled} enabled");
        }
    }
    put(bench, regs::IRQ_ENABLE, 0, 15);
    bench.soft_reset();
    assert_eq!(bench.read(regs::ERROR), 0);
    assert_eq!(bench.read(regs::RESULTS), 0);
}

/// Counters stay until they are cleared, by either bit of CTRL.
fn counters(bench: &mut Bench) {
    let config = bench.config.clone();
    let case = legal::case(&config, 9_701);
    for clear in [regs::ctrl::CLEAR_COUNTERS, regs::ctrl::SOFT_RESET] {
        bench.compare(&case.transfers, &case.packets, 0.0).unwrap();
        let beats: u32 = case.transfers.iter().map(|t| t.len() as u32 / 16).sum();
        for _ in 0..2 {
            assert_eq!(bench.read(regs::BEATS_IN_LO), beats);
        }
        let [cycles, parts @ .., _, _, _] = &regs::COUNTERS
            .iter()
            .map(|r| bench.read(*r))
            .collect::<Vec<_>>()[..]
        else {
            unreachable!("there are more counters")
        };
        assert_eq!(*cycles, parts.iter().sum::<u32>());
        put(bench, regs::CTRL, clear.mask(), 0b1110);
        assert_eq!(bench.read(regs::BEATS_IN_LO), beats, "a byte was missing");
        put(bench, regs::CTRL, clear.mask(), 15);
        for register in regs::COUNTERS {
            assert_eq!(bench.read(*register), 0, "{}", register.name);
        }
        assert_eq!(look(bench, regs::CYCLES_HI.offset), 0);
    }
}

/// All of them, with a master that hurries and one that waits, in every order of address and data.
pub fn registers(bench: &mut Bench) {
    space(bench);
    let rng = &mut SmallRng::seed_from_u64(bench.bench.seed());
    for (wait, order) in [
        (0.0, WriteOrder::Together),
        (0.0, WriteOrder::AddressFirst),
        (0.0, WriteOrder::DataFirst),
        (0.6, WriteOrder::Random),
    ] {
        bench.bench.set_disturbance(0.0, 0.0, wait);
        bench.bench.lite_mut(bench.lite).set_order(order);
        writes(bench, rng);
    }
    interrupts(bench);
    counters(bench);
}

#[test]
fn registers_of_an_engine() {
    registers(&mut Bench::new("fb64", 9));
}

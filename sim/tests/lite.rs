//! The register master: all orders and delays, responses, and broken designs.

mod common;

use common::open;
use firebrick_sim::Design;
use firebrick_sim::bus::{BusError, LiteId, Operation, Random, Testbench, Violation, WriteOrder};

const REGISTERS: &str = include_str!("verilog/registers.v");

fn bench(bug: u32, seed: u64) -> (Testbench, LiteId) {
    println!("seed {seed}");
    let model = open(&Design::new("registers", REGISTERS).define("BUG", bug.to_string()));
    let mut bench = Testbench::new(model, seed).expect("bench");
    let lite = bench.add_lite("s_axil").expect("lite");
    bench.reset(3).expect("reset");
    (bench, lite)
}

#[test]
fn what_is_written_is_read() {
    let orders = [
        WriteOrder::Together,
        WriteOrder::AddressFirst,
        WriteOrder::DataFirst,
        WriteOrder::Random,
    ];
    for (seed, order) in (0..).zip(orders) {
        for wait in [0.0, 0.5] {
            let (mut bench, lite) = bench(0, seed);
            bench.lite_mut(lite).set_order(order);
            bench.set_disturbance(0.0, 0.0, wait);
            let mut random = Random::new(seed, 5);
            let mut file = [0u32; 4];
            for (i, value) in file.iter_mut().enumerate() {
                *value = random.next_u32();
                bench.write(lite, 4 * i as u32, *value).expect("write");
            }
            for _ in 0..100 {
                let i = random.below(4);
                if random.below(2) == 0 {
                    let data = random.next_u32();
                    let strobes = random.below(16) as u8;
                    let operation = Operation::Write {
                        address: 4 * i,
                        data,
                        strobes,
                    };
                    assert_eq!(bench.access(lite, operation).expect("write").response, 0);
                    for byte in (0..4).filter(|byte| strobes >> byte & 1 == 1) {
                        let mask = 0xff << (8 * byte);
                        file[i as usize] = file[i as usize] & !mask | data & mask;
                    }
                } else {
                    assert_eq!(bench.read(lite, 4 * i).expect("read"), file[i as usize]);
                }
            }
        }
    }
}

#[test]
fn queued_accesses_go_on_beside_other_things() {
    let (mut bench, lite) = bench(0, 4);
    for i in 0..3 {
        bench
            .submit(
                lite,
                Operation::Write {
                    address: 0,
                    data: i,
                    strobes: 15,
                },
            )
            .expect("queue");
        bench
            .submit(lite, Operation::Read { address: 0 })
            .expect("queue");
    }
    bench.run(60).expect("run");
    assert!(bench.lite_mut(lite).is_idle());
    let data: Vec<u32> = std::iter::from_fn(|| bench.lite_mut(lite).take_completed())
        .map(|c| c.data)
        .collect();
    assert_eq!(data, [0, 0, 0, 1, 0, 2]);
}

#[test]
fn error_responses() {
    let (mut bench, lite) = bench(0, 5);
    let text = bench.write(lite, 0x100, 1).expect_err("SLVERR").to_string();
    assert!(
        text.contains("write at address 0x100") && text.contains("SLVERR"),
        "{text}"
    );
    let text = bench.read(lite, 0x200).expect_err("DECERR").to_string();
    assert!(
        text.contains("read at address 0x200") && text.contains("DECERR"),
        "{text}"
    );
    let text = bench.read(lite, 0x1000).expect_err("13 bits").to_string();
    assert!(
        text.contains("12 bits") && text.contains("0x1000"),
        "{text}"
    );
    bench.write(lite, 0, 3).expect("goes on");
    assert_eq!(bench.read(lite, 0).expect("read"), 3);
}

fn violation(bug: u32) -> Violation {
    let (mut bench, lite) = bench(bug, 6);
    bench.lite_mut(lite).set_order(WriteOrder::AddressFirst);
    bench.set_disturbance(0.0, 0.0, 0.8);
    for i in 0..200 {
        let result = bench.write(lite, 0, i).and_then(|()| bench.read(lite, 0));
        match result {
            Ok(_) => {}
            Err(BusError::Protocol { violation, .. }) => {
                println!("bug {bug}: {violation}");
                return violation;
            }
            Err(other) => panic!("another error: {other}"),
        }
    }
    panic!("bug {bug} was not found");
}

#[test]
fn broken_answers_are_found() {
    let Violation::Unasked { signal, .. } = violation(1) else {
        panic!("early answer")
    };
    assert_eq!(signal, "s_axil_bvalid");
    let Violation::ValidDropped { signal, .. } = violation(2) else {
        panic!("taken back")
    };
    assert_eq!(signal, "s_axil_rvalid");
    let Violation::Changed { signal, .. } = violation(3) else {
        panic!("changed")
    };
    assert_eq!(signal, "s_axil_rdata");
    let Violation::Unasked { signal, .. } = violation(4) else {
        panic!("unasked")
    };
    assert_eq!(signal, "s_axil_rvalid");
}

#[test]
fn no_answer_is_a_timeout() {
    let (mut bench, lite) = bench(5, 7);
    bench.set_lite_limit(500);
    let text = bench
        .write(lite, 8, 1)
        .expect_err("never ready")
        .to_string();
    println!("{text}");
    for part in [
        "500 cycles",
        "s_axil_awvalid is high since cycle 3, s_axil_awready low",
        "0x8",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    bench.reset(2).expect("reset");
    assert!(bench.lite_mut(lite).is_idle(), "a reset drops the access");
}

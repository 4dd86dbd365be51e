//! The emitted Verilog of the whole engine against the integer model and the software engine.

#[path = "../../host/driver/tests/common/mod.rs"]
mod common;

use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use common::{Builder as NetworkBuilder, picture, preset};
use firebrick_driver::{
    CompileOptions, Device, DeviceError, ExecError, Executor, Program, Session, compile,
};
use firebrick_model::Model;
use firebrick_network::random::thin;
use firebrick_network::{Network, NodeId};
use firebrick_rtl::top;
use firebrick_sim::bus::seed_or;
use firebrick_sim::icarus::{IcarusError, Stimulus, run_icarus};
use firebrick_sim::{Builder, Environment, SimDevice, SimOptions};
use firebrick_spec::command::{Command, ErrorCode, RECORD_BYTES};
use firebrick_spec::docs::example::Example;
use firebrick_spec::regs;
use firebrick_spec::result::Trailer;

const DEADLINE: Duration = Duration::from_secs(120);

/// One build at a time: the first fills the cache, the others find it.
fn build_lock() -> MutexGuard<'static, ()> {
    static LOCK: OnceLock<Mutex<()>> = OnceLock::new();
    LOCK.get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(|e| e.into_inner())
}

fn device(seed: u64, disturbance: f64) -> SimDevice {
    device_with(SimOptions {
        seed,
        idle: disturbance,
        back_pressure: disturbance,
        ..SimOptions::default()
    })
}

fn device_with(options: SimOptions) -> SimDevice {
    let _one = build_lock();
    SimDevice::open(&preset(), &Builder::new(), &options).unwrap()
}

fn session(seed: u64, disturbance: f64) -> Session<SimDevice> {
    let mut session = Session::open(device(seed, disturbance), &preset()).unwrap();
    session.deadline = DEADLINE;
    session
}

/// A network that uses every operation; shapes vary with the seed.
fn network(seed: u64) -> (Network, usize, usize) {
    let pick = |salt: u64, low: usize, high: usize| {
        let mixed = (seed * 0x9e37_79b9 + salt * 0x85eb_ca6b) ^ (seed << 7 | salt);
        low + (mixed.wrapping_mul(0xc2b2_ae35) >> 16) as usize % (high - low + 1)
    };
    let (height, width) = (pick(1, 13, 37), pick(2, 13, 41));
    let mut b = NetworkBuilder::new(seed);
    let stride = pick(3, 1, 2);
    let x = b.conv("conv1", NodeId::INPUT, pick(4, 1, 40), (3, stride, 0));
    let x = b.pool("pool1", x, seed.is_multiple_of(2));
    let x = b.fire("fire2", x, pick(5, 1, 33), pick(6, 1, 40), pick(7, 1, 40));
    let x = if seed.is_multiple_of(3) {
        x
    } else {
        b.fire("fire3", x, 16, 32, 32)
    };
    let x = b.conv("conv10", x, pick(8, 2, 40), (1, 1, 0));
    let mut network = b.finish(x, height, width);
    if seed.is_multiple_of(2) {
        thin(&mut network, 0.7, seed);
    }
    (network, height, width)
}

fn program(network: &Network, height: usize, width: usize, check: bool) -> Program {
    compile(
        network,
        &preset(),
        height,
        width,
        &CompileOptions {
            check,
            ..CompileOptions::default()
        },
    )
    .unwrap()
}

/// Runs a picture and compares all that comes back.
fn agrees(session: &mut Session<SimDevice>, network: &Network, program: &Program, seed: u64) {
    let (height, width) = program.input();
    let image = picture(seed, height, width);
    let want = Model::new(network).unwrap().run(&image.view()).unwrap();
    let got = session.run(program, &image.view()).unwrap();
    for (node, map) in &got.maps {
        let name = &network.nodes[node.0].name;
        let expected = want.map(*node).unwrap();
        assert_eq!(map.dim(), expected.dim(), "{name}");
        for (at, value) in map.indexed_iter() {
            assert_eq!(*value, expected[at], "{} {name} at {at:?}", network.name);
        }
    }
    assert_eq!(got.logits, want.logits);
}

#[test]
fn random_networks_are_bit_exact_whatever_the_streams_do() {
    let seed = seed_or(100);
    for i in 0..6 {
        let (network, height, width) = network(seed + i);
        let mut session = session(seed + i, if i == 0 { 0.0 } else { 0.3 });
        for check in [true, false] {
            let program = program(&network, height, width, check);
            eprintln!("network {}: {height}x{width}, check {check}", seed + i);
            agrees(&mut session, &network, &program, seed + i);
        }
    }
}

#[test]
fn what_lies_in_the_memories_at_first_does_not_matter() {
    let seed = seed_or(150);
    let options = SimOptions {
        seed,
        random_state: true,
        ..SimOptions::default()
    };
    let mut session = Session::open(device_with(options), &preset()).unwrap();
    session.deadline = DEADLINE;
    for i in 0..3 {
        let (network, height, width) = network(seed + i);
        agrees(
            &mut session,
            &network,
            &program(&network, height, width, true),
            i,
        );
    }
}

#[test]
fn many_pictures_of_several_networks_follow_each_other_without_reset() {
    let seed = seed_or(200);
    let mut session = session(seed, 0.1);
    let programs: Vec<_> = (0..3)
        .map(|i| {
            let (network, height, width) = network(seed + i);
            let program = program(&network, height, width, i == 1);
            (network, program)
        })
        .collect();
    for i in 0..12 {
        let (network, program) = &programs[i % 3];
        agrees(&mut session, network, program, i as u64);
    }
    assert_eq!(session.device().read_reg(regs::RESULTS.offset).unwrap(), 12);
    assert_eq!(session.device().read_reg(regs::STATUS.offset).unwrap(), 0);
}

#[test]
fn counters_add_up() {
    let (network, height, width) = network(7);
    let program = program(&network, height, width, true);
    let mut session = session(1, 0.0);
    agrees(&mut session, &network, &program, 0);
    let counts: Vec<u64> = regs::COUNTERS
        .iter()
        .map(|r| session.counter(r).unwrap())
        .collect();
    let [cycles, busy, stalls @ .., beats_in, beats_out] = counts.as_slice() else {
        unreachable!("there are ten counters")
    };
    assert_eq!(*busy, program.prediction().busy_cycles);
    assert_eq!(*cycles, busy + stalls.iter().sum::<u64>());
    assert_eq!(*beats_in as usize, program.input_bytes() / 16);
    assert_eq!(*beats_out as usize, program.output_bytes() / 16);
    session.device().write_reg(regs::CTRL.offset, 2).unwrap();
    assert!(
        regs::COUNTERS
            .iter()
            .all(|r| session.counter(r).unwrap() == 0)
    );
}

#[test]
fn the_example_of_the_reference_pages_runs() {
    let config = preset();
    let example = Example::new(&config);
    let transfer = example.transfer();
    let mut device = device(3, 0.0);
    let packet = device
        .run(&transfer, example.body.len() + Trailer::BYTES, DEADLINE)
        .unwrap();
    assert_eq!(&packet[..example.body.len()], &example.body[..]);
}

/// Streams that the engine must refuse, made from a good one.
fn damaged(program: &Program, good: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let offset = |wanted: fn(&Command) -> bool| {
        program
            .records()
            .iter()
            .find(|r| wanted(&r.command))
            .unwrap()
            .offset
    };
    let replaced = |at: usize, command: Command| {
        let mut bytes = good.to_vec();
        let words = command.encode().unwrap();
        bytes[at..at + RECORD_BYTES].copy_from_slice(&words.map(u32::to_le_bytes).concat());
        bytes
    };
    let block_at = offset(|c| matches!(c, Command::Block(_)));
    let Some(Command::Block(block)) = program
        .records()
        .iter()
        .map(|r| r.command)
        .find(|c| matches!(c, Command::Block(_)))
    else {
        unreachable!("a program has blocks")
    };
    let rows_at = offset(|c| matches!(c, Command::Rows(_)));
    let flipped = |at: usize| {
        let mut bytes = good.to_vec();
        bytes[at] ^= 0x10;
        bytes
    };
    let weights_at = offset(|c| matches!(c, Command::LoadWeights(_) | Command::LoadSparse(_)));
    let params_at = offset(|c| matches!(c, Command::LoadParams(_)));
    let mut crc = good.to_vec();
    crc[block_at + 9] ^= 0x40;
    let mut opcode = [0x77u32, 0, 0, 0, 0, 0, 0, 0];
    opcode[7] = firebrick_spec::command::record_crc(&opcode);
    let mut unknown = good.to_vec();
    unknown[block_at..block_at + RECORD_BYTES]
        .copy_from_slice(&opcode.map(u32::to_le_bytes).concat());
    let mut late = good.to_vec();
    late.extend([0; 16]);
    let beyond = preset().acc_depth as u32;
    vec![
        ("bad CRC", crc),
        ("unknown opcode", unknown),
        ("a weight", flipped(weights_at + RECORD_BYTES + 20)),
        ("a parameter", flipped(params_at + RECORD_BYTES + 5)),
        ("a pixel", flipped(rows_at + RECORD_BYTES + 7)),
        ("no hello", good[RECORD_BYTES..].to_vec()),
        (
            "accumulator out of range",
            replaced(
                block_at,
                Command::Block(firebrick_spec::command::Block {
                    acc_base: beyond,
                    ..block
                }),
            ),
        ),
        (
            "no pixels",
            replaced(
                block_at,
                Command::Block(firebrick_spec::command::Block { count: 0, ..block }),
            ),
        ),
        ("ends in a header", good[..block_at + 16].to_vec()),
        (
            "ends in a picture row",
            good[..rows_at + RECORD_BYTES + 16].to_vec(),
        ),
        (
            "ends before the end record",
            good[..good.len() - RECORD_BYTES].to_vec(),
        ),
        ("goes on after the end record", late),
    ]
}

#[test]
fn damaged_streams_are_refused_and_a_soft_reset_recovers() {
    let seed = seed_or(300);
    let (network, height, width) = network(seed);
    let program = program(&network, height, width, false);
    let image = picture(0, height, width);
    let good = program.transfer(&image.view()).unwrap();
    let mut session = session(seed, 0.2);
    for (what, bad) in damaged(&program, &good) {
        let mut executor = Executor::new(&preset());
        let Err(ExecError::Fault(want)) = executor.run(&bad) else {
            panic!("{what}: the software engine takes it")
        };
        match session.device().run(&bad, program.output_bytes(), DEADLINE) {
            Err(DeviceError::Engine { fault, .. }) => assert_eq!(fault, want, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
        assert_eq!(
            session.device().read_reg(regs::STATUS.offset).unwrap() & 2,
            2,
            "{what}"
        );
        session.reset().unwrap();
        agrees(&mut session, &network, &program, 1);
    }
}

#[test]
fn a_feature_address_beyond_the_buffer_is_an_error_not_a_result() {
    let (network, height, width) = network(8);
    let program = program(&network, height, width, false);
    let image = picture(0, height, width);
    let mut transfer = program.transfer(&image.view()).unwrap();
    let (at, mut block) = program
        .records()
        .iter()
        .filter_map(|r| match r.command {
            Command::Block(b) if b.count > 1 => Some((r.offset, b)),
            _ => None,
        })
        .next_back()
        .unwrap();
    block.in_base = preset().feature_words as u32 - 1;
    let words = Command::Block(block).encode().unwrap();
    transfer[at..at + RECORD_BYTES].copy_from_slice(&words.map(u32::to_le_bytes).concat());
    let mut session = session(4, 0.0);
    match session
        .device()
        .run(&transfer, program.output_bytes(), DEADLINE)
    {
        Err(DeviceError::Engine { fault, .. }) => assert_eq!(fault.code, ErrorCode::FeatureRange),
        other => panic!("{other:?}"),
    }
    session.reset().unwrap();
    agrees(&mut session, &network, &program, 1);
}

#[test]
fn traffic_right_after_reset_is_not_lost() {
    let (network, height, width) = network(9);
    let program = program(&network, height, width, false);
    let mut session = session(5, 0.0);
    for i in 0..3 {
        session.device().bench_mut().reset(1).unwrap();
        agrees(&mut session, &network, &program, i);
    }
}

#[test]
fn icarus_agrees() {
    let mut b = NetworkBuilder::new(11);
    let x = b.conv("conv1", NodeId::INPUT, 16, (3, 2, 0));
    let x = b.pool("pool1", x, true);
    let x = b.fire("fire2", x, 16, 16, 16);
    let x = b.conv("conv10", x, 5, (1, 1, 0));
    let network = b.finish(x, 9, 11);
    let program = program(&network, 9, 11, true);
    let image = picture(2, 9, 11);
    let want = Model::new(&network).unwrap().run(&image.view()).unwrap();
    let mut stimulus = Stimulus {
        idle: 40,
        back_pressure: 60,
        expected_beats: program.output_bytes() / 16,
        cycle_limit: 50_000,
        ..Stimulus::default()
    };
    stimulus.push_packet(&program.transfer(&image.view()).unwrap());
    let verilog = top::generate(&preset()).unwrap();
    let outcome = match run_icarus(&verilog, top::TOP, &stimulus, &Environment::from_process()) {
        Err(IcarusError::Missing { .. }) => {
            let _ = writeln!(std::io::stderr(), "skipped: iverilog is not installed");
            return;
        }
        outcome => outcome.unwrap(),
    };
    let result = program.decode_result(&outcome.bytes()).unwrap();
    assert_eq!(result.logits, want.logits);
    for (node, map) in &result.maps {
        assert_eq!(
            map.view(),
            want.map(*node).unwrap(),
            "{}",
            network.nodes[node.0].name
        );
    }
}

//! Streams that the engine must refuse, and its way back.

mod common;

use common::{picture, preset};
use firebrick_driver::{
    CompileOptions, Device, DeviceError, EngineFault, ExecError, Executor, ExecutorDevice,
    HazardKind, Program, Session, compile,
};
use firebrick_network::random;
use firebrick_spec::command::{Command, ErrorCode, LoadSparse, RECORD_BYTES};
use firebrick_spec::docs::example::Example;
use firebrick_spec::regs;
use firebrick_spec::result::{Trailer, packet_crc};
use proptest::prelude::*;
use std::time::Duration;

fn program() -> Program {
    compile(
        &random::small(),
        &preset(),
        30,
        30,
        &CompileOptions::default(),
    )
    .unwrap()
}

fn good() -> Vec<u8> {
    program().transfer(&picture(0, 30, 30).view()).unwrap()
}

/// Index of the n-th record that satisfies a condition.
fn find(program: &Program, wanted: impl Fn(&Command) -> bool) -> usize {
    program
        .records()
        .iter()
        .position(|record| wanted(&record.command))
        .unwrap()
}

/// Replaces a record.
fn replace(transfer: &mut [u8], offset: usize, command: &Command) {
    let payload = offset + RECORD_BYTES;
    let payload = &transfer[payload..payload + command.payload_bytes(&preset())];
    let words = command.encode_with(payload).unwrap();
    transfer[offset..offset + RECORD_BYTES].copy_from_slice(&words.map(u32::to_le_bytes).concat());
}

/// The engine reports the fault, drops what follows, and works again after a soft reset.
fn refuses(bad: &[u8], code: ErrorCode, record: usize) {
    let fault = EngineFault {
        code,
        record: record as u32,
    };
    let mut device = ExecutorDevice::new(&preset());
    let program = program();
    let run = |device: &mut ExecutorDevice, transfer: &[u8]| {
        device.run(transfer, program.output_bytes(), Duration::from_secs(1))
    };
    for _ in 0..2 {
        match run(&mut device, bad) {
            Err(DeviceError::Engine { fault: got, .. }) => assert_eq!(got, fault),
            other => panic!("{other:?} instead of {fault}"),
        }
    }
    assert!(matches!(
        run(&mut device, &good()),
        Err(DeviceError::Engine { .. })
    ));
    assert_eq!(device.read_reg(regs::STATUS.offset).unwrap() & 2, 2);
    let error = device.read_reg(regs::ERROR.offset).unwrap();
    assert_eq!(error, code as u32 | (record as u32) << 8);
    assert_eq!(device.read_reg(regs::IRQ_STATUS.offset).unwrap(), 2);
    device.write_reg(regs::CTRL.offset, 1).unwrap();
    assert_eq!(device.read_reg(regs::ERROR.offset).unwrap(), 0);
    let result = program
        .decode_result(&run(&mut device, &good()).unwrap())
        .unwrap();
    assert_eq!(result.trailer.sequence, 0);
    let model = firebrick_model::Model::new(&random::small()).unwrap();
    assert_eq!(
        result.logits,
        model.logits(&picture(0, 30, 30).view()).unwrap()
    );
}

#[test]
fn a_flipped_bit_in_any_record_word() {
    let program = program();
    for index in [0, 1, 7, program.records().len() - 1] {
        for bit in [0, 100, 255] {
            let mut bad = good();
            bad[program.records()[index].offset + bit / 8] ^= 1 << (bit % 8);
            refuses(&bad, ErrorCode::BadCrc, index);
        }
    }
}

#[test]
fn a_flipped_bit_in_any_payload() {
    let program = program();
    let mut kinds = Vec::new();
    for (index, record) in program.records().iter().enumerate() {
        let bytes = record.command.payload_bytes(&preset());
        if bytes == 0 || kinds.contains(&record.command.opcode()) {
            continue;
        }
        kinds.push(record.command.opcode());
        for byte in [0, bytes / 2, bytes - 1] {
            let mut bad = good();
            bad[record.offset + RECORD_BYTES + byte] ^= 0x80;
            // A mask of a sparse payload says how long it is.
            let code = match record.command {
                Command::LoadSparse(_) if byte == 0 => continue,
                _ => ErrorCode::BadPayload,
            };
            refuses(&bad, code, index);
        }
    }
    assert!(kinds.len() >= 3, "{kinds:?}");
}

#[test]
fn a_sparse_load_of_a_wrong_length() {
    let network = {
        let mut network = random::small();
        random::thin(&mut network, 0.8, 1);
        network
    };
    let program = compile(&network, &preset(), 30, 30, &CompileOptions::default()).unwrap();
    let good = program.transfer(&picture(0, 30, 30).view()).unwrap();
    let index = find(&program, |c| matches!(c, Command::LoadSparse(_)));
    let record = &program.records()[index];
    let Command::LoadSparse(load) = record.command else {
        panic!()
    };
    let payload = record.offset + RECORD_BYTES;
    for beats in [load.beats - 1, load.beats + 1] {
        let mut bad = good.clone();
        let end = payload + 16 * beats as usize;
        let command = Command::LoadSparse(LoadSparse { beats, ..load });
        let words = command.encode_with(&good[payload..end]).unwrap();
        bad[record.offset..payload].copy_from_slice(&words.map(u32::to_le_bytes).concat());
        refuses(&bad, ErrorCode::BadField, index);
    }
}

#[test]
fn an_unknown_opcode() {
    let offset = program().records()[4].offset;
    let mut bad = good();
    bad[offset] = 0x7f;
    let crc = packet_crc(&bad[offset..offset + 28]);
    bad[offset + 28..offset + 32].copy_from_slice(&crc.to_le_bytes());
    refuses(&bad, ErrorCode::BadOpcode, 4);
}

#[test]
fn a_hello_that_is_wrong_missing_or_late() {
    let program = program();
    let Command::Hello(hello) = program.records()[0].command else {
        panic!()
    };
    for (code, wrong) in [
        (
            ErrorCode::BadMagic,
            firebrick_spec::command::Hello { magic: 1, ..hello },
        ),
        (
            ErrorCode::BadAbi,
            firebrick_spec::command::Hello {
                abi: hello.abi ^ 1,
                ..hello
            },
        ),
        (
            ErrorCode::BadHash,
            firebrick_spec::command::Hello {
                hash_lo: hello.hash_lo ^ 1,
                ..hello
            },
        ),
    ] {
        let mut bad = good();
        replace(&mut bad, 0, &Command::Hello(wrong));
        refuses(&bad, code, 0);
    }
    refuses(&good()[RECORD_BYTES..], ErrorCode::NoHello, 0);
    let twice = [&good()[..RECORD_BYTES], &good()].concat();
    refuses(&twice, ErrorCode::NoHello, 1);
}

#[test]
fn fields_and_addresses_out_of_range() {
    let program = program();
    let config = preset();
    let index = find(&program, |c| matches!(c, Command::Block(_)));
    let record = program.records()[index];
    let Command::Block(block) = record.command else {
        panic!()
    };
    type Block = firebrick_spec::command::Block;
    let check = |code, wrong: Block| {
        let mut bad = good();
        replace(&mut bad, record.offset, &Command::Block(wrong));
        refuses(&bad, code, index);
    };
    check(ErrorCode::BadField, Block { count: 0, ..block });
    check(ErrorCode::BadField, Block { groups: 0, ..block });
    check(
        ErrorCode::BadAddress,
        Block {
            in_base: config.feature_words as u32,
            ..block
        },
    );
    check(
        ErrorCode::BadAddress,
        Block {
            acc_base: config.acc_depth as u32,
            ..block
        },
    );
    check(
        ErrorCode::BadAddress,
        Block {
            weight_base: config.weight_blocks as u32,
            ..block
        },
    );
    // Found only when the block runs.
    check(
        ErrorCode::FeatureRange,
        Block {
            plane: config.feature_words as u32,
            ..block
        },
    );
    let out_base = config.feature_words as u32 - 1;
    check(ErrorCode::FeatureRange, Block { out_base, ..block });
}

#[test]
fn a_stream_that_ends_early_or_late() {
    let program = program();
    let weights = find(&program, |c| matches!(c, Command::LoadWeights(_)));
    let block = find(&program, |c| matches!(c, Command::Block(_)));
    let at = |index: usize| program.records()[index].offset;
    let good = good();
    refuses(&good[..16], ErrorCode::EarlyEnd, 0);
    refuses(&good[..RECORD_BYTES], ErrorCode::EarlyEnd, 0);
    refuses(&good[..at(weights) + 16], ErrorCode::EarlyEnd, weights);
    refuses(
        &good[..at(weights) + RECORD_BYTES],
        ErrorCode::EarlyEnd,
        weights,
    );
    refuses(
        &good[..at(weights) + RECORD_BYTES + 16],
        ErrorCode::EarlyEnd,
        weights,
    );
    refuses(&good[..at(weights + 1)], ErrorCode::EarlyEnd, weights);
    refuses(&good[..at(block + 1)], ErrorCode::EarlyEnd, block);
    let last = program.records().len() - 1;
    refuses(&good[..at(last) + 16], ErrorCode::EarlyEnd, last);
    refuses(&[&good[..], &[0; 16]].concat(), ErrorCode::LateEnd, last);
}

#[test]
fn a_session_recovers_by_itself() {
    let config = preset();
    let program = program();
    let mut session = Session::open(ExecutorDevice::new(&config), &config).unwrap();
    let image = picture(1, 30, 30);
    assert!(session.run(&program, &picture(1, 31, 30).view()).is_err());
    let bad = &good()[..RECORD_BYTES];
    assert!(
        session
            .device()
            .run(bad, 16, Duration::from_secs(1))
            .is_err()
    );
    // It sees that the engine holds an error, and resets it first.
    assert_eq!(
        session.device().executor().fault().map(|f| f.record),
        Some(0)
    );
    assert!(session.run(&program, &image.view()).is_ok());
    assert_eq!(session.device().executor().fault(), None);
    let mut other = config.clone();
    other.acc_depth = 1024;
    assert!(Session::open(ExecutorDevice::new(&other), &config).is_err());
}

#[test]
fn a_damaged_result_is_noticed() {
    let program = program();
    let mut packet = Executor::new(&preset()).run(&good()).unwrap();
    assert!(program.decode_result(&packet).is_ok());
    packet[5] ^= 1;
    assert!(program.decode_result(&packet).is_err());
    assert!(program.decode_result(&packet[16..]).is_err());
}

/// Streams whose waits are too loose are found out, whatever they would have given here.
#[test]
fn missing_waits_are_found() {
    let mut found = std::collections::BTreeMap::new();
    // Small maps wait for drains; in a large picture the ring of window strips comes round.
    for side in [100, 200] {
        let options = CompileOptions::default();
        let program = compile(&random::small(), &preset(), side, side, &options).unwrap();
        let good = program.transfer(&picture(0, side, side).view()).unwrap();
        for record in program.records() {
            let looser = match record.command {
                Command::Block(b) if b.outstanding < 7 => {
                    Command::Block(firebrick_spec::command::Block {
                        outstanding: 7,
                        ..b
                    })
                }
                Command::Rows(r) => Command::Rows(firebrick_spec::command::Rows { wait: 255, ..r }),
                _ => continue,
            };
            let mut bad = good.clone();
            replace(&mut bad, record.offset, &looser);
            match Executor::new(&preset()).run(&bad) {
                Ok(_) => {}
                Err(ExecError::Hazard(hazard)) => {
                    *found.entry(format!("{:?}", hazard.kind)).or_insert(0) += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    for kind in [HazardKind::FeatureNotDrained, HazardKind::FeatureInUse] {
        assert!(
            found.contains_key(&format!("{kind:?}")),
            "{kind:?} not in {found:?}"
        );
    }
}

#[test]
fn the_documented_example_does_what_the_page_says() {
    let example = Example::new(&preset());
    let mut executor = Executor::new(&preset());
    let packet = executor.run(&example.transfer()).unwrap();
    let (body, trailer) = packet.split_at(packet.len() - Trailer::BYTES);
    assert_eq!(body, example.body);
    assert!(body.iter().any(|&byte| byte != 0 && byte != 255));
    let trailer = Trailer::from_bytes(trailer.try_into().unwrap());
    assert_eq!((trailer.crc, trailer.tag), (packet_crc(body), Example::TAG));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is damaged, the engine answers; it neither panics nor hangs.
    #[test]
    fn damaged_streams_never_panic(
        edits in prop::collection::vec((0usize..100_000, any::<u8>(), any::<bool>()), 1..8),
        cut in 0usize..100_000,
    ) {
        let program = program();
        let mut bad = good();
        for (at, value, fix) in edits {
            let record = program.records()[at % program.records().len()];
            let offset = record.offset;
            bad[offset + at % 28] = value;
            if fix {
                let crc = packet_crc(&bad[offset..offset + 28]);
                bad[offset + 28..offset + 32].copy_from_slice(&crc.to_le_bytes());
            }
        }
        if cut % 2 == 0 {
            bad.truncate(bad.len().min(16 * (1 + cut % (bad.len() / 16))));
        }
        for strict in [true, false] {
            let mut executor = Executor::new(&preset());
            executor.set_strict(strict);
            let _ = executor.run(&bad);
            executor.soft_reset();
            executor.set_strict(true);
            prop_assert!(executor.run(&good()).is_ok());
        }
    }
}

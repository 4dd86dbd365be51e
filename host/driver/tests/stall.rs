//! Where an engine stands, told from the beats that it has taken and from its registers.

mod common;
mod suite;

use common::preset;
use firebrick_driver::fake::Fake;
use firebrick_driver::stall::{Places, Queues, records_of};
use firebrick_driver::{Cancel, DeviceError, Session, SessionError, Weights};
use firebrick_spec::command::{Command, RECORD_BYTES};
use firebrick_spec::regs;
use std::time::Duration;
use suite::Case;

fn queues(queued: usize, draining: usize, held: bool) -> Queues {
    Queues {
        queued,
        draining,
        held: Some(held),
        in_hand: false,
    }
}

#[test]
fn a_transfer_is_read_as_the_records_that_it_was_made_of() {
    let case = Case::new(&preset(), Weights::Streamed);
    let transfer = case.program.transfer(&Case::picture(0).view()).unwrap();
    assert_eq!(records_of(&transfer, &preset()), case.program.records());
    // A damaged tail ends the list, without a panic.
    for length in [0, 1, 31, 32, 33, 500] {
        let cut = records_of(&transfer[..length], &preset());
        assert!(cut.len() <= length.div_ceil(RECORD_BYTES), "{length}");
    }
    assert!(records_of(&[0xff; 64], &preset()).is_empty());
}

#[test]
fn each_unit_is_at_the_record_that_the_counts_say() {
    let case = Case::new(&preset(), Weights::Streamed);
    let records = case.program.records();
    let queued = |c: &Command| matches!(c, Command::Block(_) | Command::Store(_) | Command::End(_));
    let last = |c: &Command| {
        matches!(c, Command::Block(block) if block.last) || matches!(c, Command::End(_))
    };
    for (index, record) in records.iter().enumerate() {
        // Half of it is in: the decoder is at it, and it is not in the queue.
        let places = Places::find(records, record.offset + 16, queues(0, 0, false));
        assert_eq!(places.of("decoder").unwrap().record, index);
        let before: Vec<_> = (0..index)
            .filter(|&i| queued(&records[i].command))
            .collect();
        let array = places.of("array").map(|at| at.record);
        assert_eq!(array, before.last().copied());
        assert!(places.of("drain").is_none());
        // Two wait, the sequencer holds the one before them, one tile before that has not drained.
        if before.len() > 3 {
            let places = Places::find(records, record.offset + 16, queues(2, 1, true));
            let held = before.len() - 3;
            assert_eq!(places.of("array").unwrap().record, before[held]);
            let tile = before[..held].iter().rfind(|&&i| last(&records[i].command));
            let drain = places.of("drain").map(|at| at.record);
            assert_eq!(drain, tile.copied());
        }
    }
    assert!(Places::find(records, 0, queues(0, 0, false)).0.is_empty());
    // Counts that make no sense are no reason to panic.
    let odd = Places::find(records, 100, queues(200, 200, true));
    assert!(odd.of("decoder").is_some());
}

#[test]
fn a_board_that_stands_still_names_its_records() {
    let fake = Fake::new(&preset()).unwrap();
    let board = fake.open(Cancel::new()).unwrap();
    let mut session = Session::open(board, &preset()).unwrap();
    session.deadline = Duration::from_millis(300);
    let case = Case::new(&preset(), Weights::Streamed);
    case.right(&mut session, 0);
    let before = session.counter(&regs::BEATS_IN_LO).unwrap() as u32;
    // It stops behind the first half of some record of the next picture.
    let stopped = 20;
    let record = case.program.records()[stopped];
    let beats = record.offset as u32 / 16 + 1;
    fake.script(|script| {
        script.stall_after = Some(record.offset + 16);
        script.registers = vec![
            (regs::BEATS_IN_LO.offset, before + beats),
            // Three records wait, two tiles have not drained.
            (regs::STATUS.offset, 0x0002_0301),
        ];
    });
    let picture = Case::picture(1);
    let error = session.run(&case.program, &picture.view()).unwrap_err();
    let SessionError::Device(DeviceError::Stalled { state, .. }) = &error else {
        panic!("{error}");
    };
    let decoder = format!("record {stopped}: {}", record.command);
    assert!(state.contains("decoder, which has half of it: "), "{state}");
    assert!(state.contains(&decoder), "{state}");
    assert!(state.contains("array, which took it last: "), "{state}");
    assert!(state.contains(", tile "), "{state}");
}

//! Recordings: what crossed, replayed on another device.

mod common;
mod suite;

use common::preset;
use firebrick_driver::fake::{Damage, Fake};
use firebrick_driver::{Cancel, Difference, ExecutorDevice, Recorder, Session, Weights, replay};
use std::time::Duration;
use suite::{Case, Subject, all};

const LIMIT: Duration = Duration::from_secs(20);

/// Records a few pictures on a fake board.
fn recording(damage: &[Damage], corrupt: bool) -> (Vec<u8>, Case) {
    let config = preset();
    let fake = Fake::new(&config).unwrap();
    // Not the first that uses the board.
    let case = Case::new(&config, Weights::Resident);
    let mut earlier = Session::open(fake.open(Cancel::new()).unwrap(), &config).unwrap();
    case.stream(&mut earlier, 0, 3);
    drop(earlier);
    let recorder = Recorder::new(fake.open(Cancel::new()).unwrap(), Vec::new()).unwrap();
    let mut session = Session::open(recorder, &config).unwrap();
    session.set_up(&case.program).unwrap();
    case.stream(&mut session, 0, 4);
    if corrupt {
        let mut bad = case.program.transfer(&Case::picture(0).view()).unwrap();
        bad[40] ^= 1;
        use firebrick_driver::Device as _;
        let refused = session
            .device()
            .run(&bad, case.program.output_bytes(), LIMIT);
        assert!(refused.is_err());
        case.right(&mut session, 9);
    }
    fake.script(|script| script.packets.extend(damage));
    let last = session.run(&case.program, &Case::picture(5).view());
    assert_eq!(last.is_ok(), damage.is_empty());
    let (_, file) = session.into_device().finish().unwrap();
    (file, case)
}

#[test]
fn a_recorder_disturbs_nothing() {
    let config = preset();
    all(Subject {
        open: &mut || Recorder::new(ExecutorDevice::new(&config), Vec::new()).unwrap(),
        config: config.clone(),
        pictures: 5,
        cancels: false,
    });
    let fake = Fake::new(&config).unwrap();
    all(Subject {
        open: &mut || Recorder::new(fake.open(Cancel::new()).unwrap(), Vec::new()).unwrap(),
        config: config.clone(),
        pictures: 5,
        cancels: true,
    });
}

#[test]
fn a_good_recording_replays_without_a_difference() {
    for corrupt in [false, true] {
        let (file, _) = recording(&[], corrupt);
        let mut device = ExecutorDevice::new(&preset());
        let found = replay(&file[..], &mut device, LIMIT).unwrap();
        assert_eq!(found.difference, None);
        assert_eq!(found.truncated, None);
        assert_eq!(found.device, "fake:");
        assert_eq!(found.packets, 6 + u64::from(corrupt) * 2);
        assert!(found.registers >= 4);
    }
}

#[test]
fn the_first_word_that_differs_is_named() {
    // A bit of the second of three words of sums.
    let (file, case) = recording(&[Damage::Flipped(8 * 20 + 3)], false);
    let mut device = ExecutorDevice::new(&preset());
    let found = replay(&file[..], &mut device, LIMIT).unwrap();
    let logits = case.want(5);
    match found.difference {
        Some(Difference::Packet {
            packet,
            byte,
            want,
            got,
            ..
        }) => {
            assert_eq!((packet, byte), (5, 20));
            assert_eq!((want ^ got, got), (8, logits[5] as u32));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_lost_result_is_a_difference() {
    let config = preset();
    let fake = Fake::new(&config).unwrap();
    let case = Case::new(&config, Weights::Streamed);
    let recorder = Recorder::new(fake.open(Cancel::new()).unwrap(), Vec::new()).unwrap();
    let mut session = Session::open(recorder, &config).unwrap();
    session.deadline = Duration::from_millis(200);
    fake.script(|script| script.packets.push_back(Damage::Lost));
    assert!(
        session
            .run(&case.program, &Case::picture(5).view())
            .is_err()
    );
    let (_, file) = session.into_device().finish().unwrap();
    let found = replay(&file[..], &mut ExecutorDevice::new(&config), LIMIT).unwrap();
    let difference = found.difference.unwrap();
    assert!(
        matches!(difference, Difference::Outcome { .. }),
        "{difference}"
    );
    let text = difference.to_string();
    assert!(text.contains("no result within 200ms"), "{text}");
    assert!(text.contains("now the transfer gives a packet"), "{text}");
}

#[test]
fn another_configuration_shows_in_a_register() {
    let (file, _) = recording(&[], false);
    let mut other = preset();
    other.param_groups *= 2;
    let found = replay(&file[..], &mut ExecutorDevice::new(&other), LIMIT).unwrap();
    let text = found.difference.unwrap().to_string();
    assert!(text.contains("HASH_LO"), "{text}");
}

#[test]
fn a_cut_recording_is_replayed_as_far_as_it_goes() {
    let (file, _) = recording(&[], false);
    let cut = &file[..file.len() - 10];
    let found = replay(cut, &mut ExecutorDevice::new(&preset()), LIMIT).unwrap();
    assert_eq!(found.difference, None);
    assert_eq!(found.packets, 5);
    let warning = found.truncated.unwrap();
    assert!(
        warning.contains("the entries before it are whole"),
        "{warning}"
    );
}

//! What boards do to a driver: each fault ends in its own error or in a recovery, within its
//! deadline, without a wrong result, and the next picture is right.

mod common;
mod suite;

use common::preset;
use firebrick_driver::fake::{Act, Damage, Fake, FakeLink, Script};
use firebrick_driver::{
    Board, Cancel, Device, DeviceError, ResultError, Session, SessionError, Weights,
};
use firebrick_spec::{ABI_VERSION, MAGIC, regs};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use suite::Case;

/// For a picture; what takes longer hangs.
const DEADLINE: Duration = Duration::from_millis(300);
/// What a failed picture and its recovery may take beyond the deadline on a busy machine.
const SLACK: Duration = Duration::from_secs(8);

struct Bench {
    fake: Fake,
    case: Case,
    session: Session<Board<FakeLink>>,
}

fn fake() -> Fake {
    Fake::new(&preset()).unwrap()
}

impl Bench {
    fn new() -> Bench {
        let fake = fake();
        let board = fake.open(Cancel::new()).unwrap();
        let mut session = Session::open(board, &preset()).unwrap();
        session.deadline = DEADLINE;
        let mut bench = Bench {
            fake,
            case: Case::new(&preset(), Weights::Auto),
            session,
        };
        bench.case.right(&mut bench.session, 0);
        bench
    }

    /// One picture with a script; the error if there is one. A result has to be right.
    fn run(&mut self, script: impl FnOnce(&mut Script)) -> Option<SessionError> {
        self.fake.script(script);
        let begin = Instant::now();
        let picture = Case::picture(1);
        let result = self.session.run(&self.case.program, &picture.view());
        assert!(begin.elapsed() < DEADLINE + SLACK, "{:?}", begin.elapsed());
        match result {
            Ok(result) => {
                assert_eq!(result.logits, self.case.want(1));
                None
            }
            Err(error) => Some(error),
        }
    }

    /// The pictures after a fault are right.
    fn recovered(&mut self) {
        self.fake.script(|script| *script = Script::default());
        self.case.right(&mut self.session, 2);
        self.case.stream(&mut self.session, 3, 3);
    }

    /// A fault that has to be an error of this text.
    fn fails(&mut self, script: impl FnOnce(&mut Script), text: &str) -> SessionError {
        let error = self.run(script).expect("an error");
        assert!(error.to_string().contains(text), "{error}");
        self.recovered();
        error
    }

    /// A fault that must not be noticed.
    fn passes(&mut self, script: impl FnOnce(&mut Script)) {
        let error = self.run(script);
        assert!(error.is_none(), "{error:?}");
        self.recovered();
    }
}

/// Why a session does not open on a board with a register that reads this.
fn refusal(offset: u32, value: u32) -> SessionError {
    let fake = fake();
    fake.script(|script| script.registers.push((offset, value)));
    let board = fake.open(Cancel::new()).unwrap();
    Session::open(board, &preset()).map(|_| ()).unwrap_err()
}

#[test]
fn another_engine_is_refused_by_name() {
    let error = refusal(regs::MAGIC.offset, MAGIC ^ 1);
    assert!(matches!(error, SessionError::Magic { .. }), "{error}");
    for (abi, word) in [
        (ABI_VERSION - 1, "older"),
        (ABI_VERSION + 1, "newer"),
        (ABI_VERSION - 0x1_0000, "older"),
        (ABI_VERSION + 0x1_0000, "newer"),
    ] {
        let error = refusal(regs::ABI.offset, abi);
        assert!(matches!(error, SessionError::Abi { .. }), "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
    for half in [regs::HASH_LO, regs::HASH_HI] {
        let error = refusal(half.offset, 0x1234);
        assert!(matches!(error, SessionError::Hash { .. }), "{error}");
    }
}

#[test]
fn a_lost_link_is_named_at_open_before_and_during_a_transfer() {
    let lost = fake();
    lost.set_lost(true);
    let error = lost.open(Cancel::new()).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("when it was opened"), "{error}");

    let mut bench = Bench::new();
    bench.fake.set_lost(true);
    let error = bench.run(|_| {}).expect("an error");
    assert!(error.to_string().contains("before a transfer"), "{error}");
    // As long as it is down every picture says so; then all is well.
    let error = bench.run(|_| {}).expect("an error");
    assert!(
        matches!(error, SessionError::Device(DeviceError::LinkLost { .. })),
        "{error}"
    );
    bench.fake.set_lost(false);
    bench.recovered();

    // Half way through, with the result missing.
    let error = bench
        .run(|script| {
            script.lost_after = Some(1000);
            script.packets.push_back(Damage::Lost);
        })
        .expect("an error");
    assert!(error.to_string().contains("during a transfer"), "{error}");
    bench.fake.set_lost(false);
    bench.recovered();
}

#[test]
fn short_counts_interruptions_and_time_outs_are_continued() {
    let mut bench = Bench::new();
    let errnos = [libc::EINTR, libc::EAGAIN, libc::ETIMEDOUT, 512];
    for errno in errnos {
        bench.passes(|script| {
            script
                .writes
                .extend([Act::Errno(errno), Act::Short(7), Act::Errno(errno)]);
            script
                .reads
                .extend([Act::Errno(errno), Act::Short(1), Act::Errno(errno)]);
        });
    }
    bench.passes(|script| {
        script.writes.extend(vec![Act::Short(1000); 20]);
        script.reads.extend(vec![Act::Short(3); 20]);
    });
    bench.passes(|script| {
        script
            .writes
            .extend([Act::Ended, Act::Short(100), Act::Ended])
    });
    bench.passes(|script| {
        let nap = Act::Delay(Duration::from_millis(50));
        script.writes.push_back(nap);
        script.reads.push_back(nap);
    });
}

mod libc {
    //! The numbers, without the crate.
    pub const EINTR: i32 = 4;
    pub const EIO: i32 = 5;
    pub const EAGAIN: i32 = 11;
    pub const EFAULT: i32 = 14;
    pub const EBUSY: i32 = 16;
    pub const ENODEV: i32 = 19;
    pub const ETIMEDOUT: i32 = 110;
}

#[test]
fn other_error_numbers_are_explained() {
    let mut bench = Bench::new();
    for (errno, text) in [
        (libc::EBUSY, "somebody else has it"),
        (libc::EIO, "stopped with an error"),
        (libc::EFAULT, "pin the buffer"),
        (libc::ENODEV, "is gone"),
        (77, "does not know"),
    ] {
        let error = bench.fails(|script| script.writes.push_back(Act::Errno(errno)), text);
        assert!(error.to_string().contains("write to fake_h2c_0"), "{error}");
        let error = bench.fails(|script| script.reads.push_back(Act::Errno(errno)), text);
        assert!(
            error.to_string().contains("read from fake_c2h_0"),
            "{error}"
        );
    }
}

#[test]
fn a_time_out_that_comes_again_and_again_is_told_at_the_deadline() {
    let mut bench = Bench::new();
    for (errno, text) in [
        (libc::ETIMEDOUT, "gave up waiting"),
        (512, "internal number"),
    ] {
        let error = bench.fails(
            |script| script.reads.extend(vec![Act::Errno(errno); 100_000]),
            text,
        );
        assert!(
            matches!(error, SessionError::Device(DeviceError::Stalled { .. })),
            "{error}"
        );
    }
}

#[test]
fn results_that_are_late_lost_cut_or_damaged_are_never_returned() {
    let mut bench = Bench::new();
    let late = Damage::Late(Duration::from_millis(100));
    bench.passes(|script| script.packets.push_back(late));
    let late = Damage::Late(DEADLINE + Duration::from_millis(200));
    let error = bench.fails(|script| script.packets.push_back(late), "no result within");
    assert!(error.to_string().contains("0 of 64 received"), "{error}");
    bench.fails(
        |script| script.packets.push_back(Damage::Lost),
        "no result within",
    );
    let error = bench.fails(
        |script| script.packets.push_back(Damage::BeatShort),
        "broke off",
    );
    assert!(error.to_string().contains("48 of 64 received"), "{error}");
    let error = bench.fails(
        |script| script.packets.push_back(Damage::BeatMore),
        "run the picture again",
    );
    assert!(matches!(error, SessionError::Result(_)), "{error}");
    for bit in (0..512).step_by(37) {
        let error = bench.run(|script| script.packets.push_back(Damage::Flipped(bit)));
        // The last word of the trailer is a cycle count, which nothing depends on.
        match error {
            Some(SessionError::Result(_)) => {}
            None => assert!(bit >= 8 * 60, "bit {bit}"),
            Some(error) => panic!("bit {bit}: {error}"),
        }
        bench.recovered();
    }
}

/// A batch with damage to its third result: two are right, then an error, and no more.
fn batch(damage: Damage) -> SessionError {
    let mut bench = Bench::new();
    bench.fake.script(|script| {
        script.packets.extend([Damage::None, Damage::None, damage]);
    });
    let mut right = 0;
    let begin = Instant::now();
    let error = bench
        .session
        .stream_iter(
            &bench.case.program,
            (0..10).map(Case::picture),
            &mut |answer| {
                assert_eq!(answer.result.logits, bench.case.want(answer.index));
                right += 1;
                ControlFlow::Continue(())
            },
        )
        .unwrap_err();
    assert!(begin.elapsed() < DEADLINE + SLACK);
    assert!((2..=3).contains(&right), "{damage:?}: {right}");
    bench.recovered();
    error
}

#[test]
fn lost_repeated_and_swapped_results_are_seen() {
    let order = |damage| match batch(damage) {
        SessionError::Result(error @ ResultError::Order { .. }) => error.to_string(),
        other => panic!("{damage:?}: {other}"),
    };
    let text = order(Damage::Lost);
    assert!(text.contains("a result was lost"), "{text}");
    let text = order(Damage::Swapped);
    assert!(text.contains("two were swapped"), "{text}");
    // The third is right, its copy is not the fourth.
    let text = order(Damage::Twice);
    assert!(text.contains("came twice"), "{text}");
}

#[test]
fn an_engine_that_stalls_is_reset() {
    let mut bench = Bench::new();
    let bytes = bench.case.program.input_bytes();
    for after in [1, 100, bytes / 2, bytes - 1] {
        let error = bench.fails(
            |script| script.stall_after = Some(after),
            "does not take its input",
        );
        let text = error.to_string();
        assert!(
            text.contains(&format!("{after} of {bytes} bytes sent")),
            "{text}"
        );
    }
}

#[test]
fn an_engine_that_no_reset_revives_is_given_up_in_time() {
    let mut bench = Bench::new();
    bench.session.reset_deadline = Duration::from_millis(500);
    let error = bench
        .run(|script| {
            script.stall_after = Some(100);
            script.dead = true;
        })
        .expect("an error");
    assert!(
        error.to_string().contains("does not take its input"),
        "{error}"
    );
    let error = bench.run(|_| {}).expect("an error");
    assert!(
        matches!(
            error,
            SessionError::Device(DeviceError::Unresponsive { .. })
        ),
        "{error}"
    );
    // Somebody reloads it.
    bench.recovered();
}

#[test]
fn a_register_that_does_not_follow_is_named() {
    let mut bench = Bench::new();
    bench.session.reset_deadline = Duration::from_millis(200);
    bench
        .fake
        .script(|script| script.registers.push((regs::CTRL.offset, 1)));
    let error = bench.session.reset().unwrap_err().to_string();
    assert!(error.contains("took no effect within"), "{error}");
    bench.recovered();
    bench
        .fake
        .script(|script| script.registers.push((regs::STATS_AT.offset, 1023)));
    assert!(bench.session.statistic(1, 1).is_err());
    // A counter that never reads the same.
    bench.recovered();
}

#[test]
fn a_driver_that_sits_in_a_call_does_not_hold_the_caller() {
    let mut bench = Bench::new();
    bench.session.reset_deadline = Duration::from_secs(10);
    let hang = Duration::from_millis(1500);
    let begin = Instant::now();
    bench
        .fake
        .script(|script| script.reads.push_back(Act::Hang(hang)));
    let picture = Case::picture(1);
    // The error comes at the deadline; the reset that follows waits for the driver.
    let error = bench.session.run(&bench.case.program, &picture.view());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("no result within"), "{error}");
    assert!(begin.elapsed() < hang + SLACK);
    bench.recovered();
    // With less patience it is the next picture that says so, and a later one works.
    bench.session.reset_deadline = Duration::from_millis(100);
    bench
        .fake
        .script(|script| script.reads.push_back(Act::Hang(hang)));
    assert!(
        bench
            .session
            .run(&bench.case.program, &picture.view())
            .is_err()
    );
    let error = bench.session.run(&bench.case.program, &picture.view());
    if let Err(error) = error {
        let text = error.to_string();
        assert!(
            text.contains("has not given a read or write back"),
            "{text}"
        );
    }
    std::thread::sleep(hang);
    bench.session.reset_deadline = Duration::from_secs(10);
    bench.recovered();
}

#[test]
fn errors_are_found_with_and_without_their_interrupt() {
    for lose in [false, true] {
        let mut bench = Bench::new();
        bench.fake.script(|script| script.no_interrupts = lose);
        let transfer = bench
            .case
            .program
            .transfer(&Case::picture(0).view())
            .unwrap();
        let mut bad = transfer.clone();
        bad[bench.case.program.records()[4].offset + 4] ^= 1;
        let bytes = bench.case.program.output_bytes();
        let begin = Instant::now();
        let result = bench
            .session
            .device()
            .run(&bad, bytes, Duration::from_secs(60));
        assert!(
            matches!(result, Err(DeviceError::Engine { .. })),
            "{result:?}"
        );
        assert!(begin.elapsed() < SLACK);
        bench.recovered();
    }
}

#[test]
fn what_an_earlier_process_left_is_cleaned_up() {
    let config = preset();
    let case = Case::new(&config, Weights::Streamed);
    let transfer = case.program.transfer(&Case::picture(0).view()).unwrap();
    let packet = vec![0xc3; 16 * 5];
    for (what, stray) in [
        ("nothing", &transfer[..0]),
        ("one beat", &transfer[..16]),
        ("half a transfer", &transfer[..transfer.len() / 2]),
        ("no hello", &transfer[32..96]),
        ("a whole transfer", &transfer[..]),
    ] {
        for stale in [&packet[..0], &packet] {
            let fake = fake();
            // So that sequence numbers do not begin at 0.
            for _ in 0..3 {
                fake.inject(&firebrick_driver::probe(&config, 1));
            }
            fake.leave(stale);
            fake.inject(stray);
            let board = fake.open(Cancel::new()).unwrap();
            let mut session = Session::open(board, &config).unwrap();
            case.stream(&mut session, 0, 3);
            let dirty = !(stray.is_empty() || stray.len() == transfer.len());
            assert_eq!(fake.resets() > 0, dirty, "{what}");
        }
    }
}

#[test]
fn stale_beats_in_a_batch_are_noticed() {
    let mut bench = Bench::new();
    bench.fake.leave(&[0x11; 32]);
    let error = bench.run(|_| {}).expect("an error");
    assert!(matches!(error, SessionError::Result(_)), "{error}");
    bench.recovered();
}

#[test]
fn a_cancelled_wait_ends_at_once() {
    let mut bench = Bench::new();
    bench.session.deadline = Duration::from_secs(60);
    let cancel = Cancel::new();
    bench.session.device().set_cancel(cancel.clone());
    bench
        .fake
        .script(|script| script.packets.extend([Damage::None, Damage::Lost]));
    let canceller = std::thread::spawn({
        let cancel = cancel.clone();
        move || {
            std::thread::sleep(Duration::from_millis(200));
            cancel.cancel();
        }
    });
    let begin = Instant::now();
    // The first packet is the probe's: the device was touched.
    let result = bench
        .session
        .run(&bench.case.program, &Case::picture(0).view());
    assert!(
        matches!(
            result,
            Err(SessionError::Device(DeviceError::Cancelled { .. }))
        ),
        "{result:?}"
    );
    assert!(begin.elapsed() < SLACK);
    canceller.join().unwrap();
    cancel.clear();
    bench.recovered();
}

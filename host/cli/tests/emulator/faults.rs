//! Faults of the board: each ends in its own error or passes, and the next picture is right.

use std::time::{Duration, Instant};

use firebrick_driver::{DeviceError, ResultError, SessionError};

use crate::board::{Board, Kind, TestSession, check, picture, program, session};

/// Longer than any deadline of a session here, with a loaded machine's delays.
const LIMIT: Duration = Duration::from_secs(30);

/// Runs a picture that meets a fault; nothing hangs, and no wrong result is good.
fn failing(session: &mut TestSession, what: &str) -> SessionError {
    let begin = Instant::now();
    let result = session.run(&program(), &picture(3).view());
    assert!(begin.elapsed() < LIMIT, "{what}: {:?}", begin.elapsed());
    match result {
        Err(error) => error,
        Ok(_) => panic!("{what}: a result"),
    }
}

fn is_stalled(error: &SessionError) -> bool {
    matches!(error, SessionError::Device(DeviceError::Stalled { .. }))
}

fn is_damaged(error: &SessionError) -> bool {
    use SessionError::{Device, Result};
    matches!(
        error,
        Result(ResultError::Crc { .. } | ResultError::Order { .. } | ResultError::Length { .. })
            | Device(
                DeviceError::Length { .. } | DeviceError::Dma { .. } | DeviceError::Stalled { .. }
            )
    )
}

#[test]
fn damaged_results_are_seen_and_the_next_is_right() {
    let program = program();
    for kind in Kind::all() {
        let mut board = Board::start(kind, &[]);
        let mut session = board.session();
        session.deadline = Duration::from_millis(1500);
        for (fired, fault) in (1..).zip([
            "c2h-flip",
            "c2h-flip=700",
            "c2h-beat-less",
            "c2h-missing",
            "h2c-flip=100",
        ]) {
            board.tell(fault);
            let error = failing(&mut session, fault);
            let refused = matches!(error, SessionError::Device(DeviceError::Engine { .. }));
            assert!(
                is_damaged(&error) || (refused && fault.starts_with("h2c")),
                "{kind:?} {fault}: {error}"
            );
            board.await_fired(fired);
            check(&mut session, &program, 4);
        }
    }
}

/// A beat or a packet too many may be seen only with the next picture; it never gives a wrong one.
#[test]
fn what_comes_too_often_never_gives_a_wrong_result() {
    let program = program();
    for kind in Kind::all() {
        let mut board = Board::start(kind, &[]);
        let mut session = board.session();
        session.deadline = Duration::from_millis(1500);
        for (fired, fault) in (1..).zip(["c2h-beat-more", "c2h-repeat"]) {
            board.tell(fault);
            let mut errors = 0;
            for number in 0..3 {
                match session.run(&program, &picture(number).view()) {
                    Ok(result) => assert_eq!(result.logits, crate::board::want(number)),
                    Err(error) => {
                        assert!(is_damaged(&error), "{kind:?} {fault}: {error}");
                        errors += 1;
                    }
                }
            }
            assert!(errors <= 1, "{kind:?} {fault}: {errors} errors");
            board.await_fired(fired);
            check(&mut session, &program, 4);
        }
    }
}

#[test]
fn swapped_results_are_seen() {
    let program = program();
    for kind in Kind::all() {
        let mut board = Board::start(kind, &[]);
        let mut session = board.session();
        check(&mut session, &program, 0);
        board.tell("c2h-swap");
        let images = [picture(1), picture(2)];
        let views: Vec<_> = images.iter().map(|image| image.view()).collect();
        let error = session.run_many(&program, &views).unwrap_err();
        let order = matches!(error, SessionError::Result(ResultError::Order { .. }));
        assert!(order, "{kind:?}: {error}");
        check(&mut session, &program, 3);
    }
}

#[test]
fn late_results_and_lost_interrupts_pass() {
    let program = program();
    for kind in Kind::all() {
        let mut board = Board::start(kind, &[]);
        let mut session = board.session();
        board.tell("c2h-late=0.8");
        let begin = Instant::now();
        check(&mut session, &program, 1);
        assert!(begin.elapsed() >= Duration::from_millis(800));
        board.tell("irq-lost");
        check(&mut session, &program, 2);
        // Later than the deadline is too late.
        session.deadline = Duration::from_millis(700);
        board.tell("c2h-late=2");
        let error = failing(&mut session, "late");
        assert!(is_stalled(&error), "{kind:?}: {error}");
        session.deadline = Duration::from_secs(3);
        check(&mut session, &program, 3);
    }
}

#[test]
fn a_stall_ends_at_the_deadline() {
    let program = program();
    for kind in Kind::all() {
        let mut board = Board::start(kind, &[]);
        let mut session = board.session();
        session.deadline = Duration::from_millis(700);
        for fault in [
            "stall",
            "stall@byte=1024",
            "h2c-swallow=2000",
            "h2c-swallow=16",
        ] {
            board.tell(fault);
            let error = failing(&mut session, fault);
            // A stream without its beginning is refused, one without its end waited for.
            let refused = matches!(error, SessionError::Device(DeviceError::Engine { .. }));
            let swallowed = fault.starts_with("h2c");
            assert!(
                is_stalled(&error) || (refused && swallowed),
                "{kind:?} {fault}: {error}"
            );
            check(&mut session, &program, 4);
        }
        // For ever: not even a reset helps; nothing hangs, and when it is over all is well.
        session.reset_deadline = Duration::from_secs(2);
        board.tell("stall=hard");
        let error = failing(&mut session, "stall=hard");
        assert!(is_stalled(&error), "{kind:?}: {error}");
        failing(&mut session, "stall=hard again");
        board.tell("clear");
        session.deadline = Duration::from_secs(3);
        session.reset_deadline = Duration::from_secs(5);
        check(&mut session, &program, 5);
    }
}

#[test]
fn a_lost_link_is_named() {
    let program = program();
    for kind in Kind::all() {
        let mut board = Board::start(kind, &[]);
        let mut first = board.session();
        for fault in ["link-lost", "link-lost@transfer=1", "link-lost@byte=1024"] {
            board.tell(fault);
            let error = failing(&mut first, fault);
            let lost = matches!(error, SessionError::Device(DeviceError::LinkLost { .. }));
            assert!(lost, "{kind:?} {fault}: {error}");
            board.tell("clear");
            check(&mut first, &program, 4);
        }
        drop(first);
        board.tell("link-lost");
        let error = session(&board.uri).err().unwrap();
        let lost = matches!(error, SessionError::Device(DeviceError::LinkLost { .. }));
        assert!(lost, "{kind:?}: {error}");
        board.tell("clear");
        check(&mut board.session(), &program, 5);
    }
}

#[test]
fn the_wrong_engine_is_refused() {
    let program = program();
    for kind in [Kind::XdmaFifo, Kind::AxiDma] {
        let mut board = Board::start(kind, &["--fault", "magic=12345678"]);
        let refused = |board: &Board| session(&board.uri).err().unwrap();
        let error = refused(&board);
        assert!(matches!(error, SessionError::Magic { .. }), "{error}");
        for (fault, says) in [
            ("abi=older", "is older than"),
            ("abi=newer", "is newer than"),
            ("hash=0123456789abcdef", "0123456789abcdef"),
        ] {
            board.tell("clear");
            board.tell(fault);
            let error = refused(&board).to_string();
            assert!(error.contains(says), "{fault}: {error}");
        }
        board.tell("clear");
        check(&mut board.session(), &program, 0);
    }
}

#[test]
fn registers_that_do_nothing_are_noticed() {
    let program = program();
    for kind in [Kind::XdmaFifo, Kind::AxiDma] {
        let mut board = Board::start(kind, &[]);
        let mut session = board.session();
        session.reset_deadline = Duration::from_secs(1);
        check(&mut session, &program, 0);
        board.tell("frozen");
        let error = session.reset().unwrap_err();
        let dead = matches!(
            error,
            SessionError::Device(DeviceError::Unresponsive { .. })
        );
        assert!(dead, "{kind:?}: {error}");
        board.tell("clear");
        session.reset_deadline = Duration::from_secs(5);
        check(&mut session, &program, 1);
    }
}

#[test]
fn errors_of_the_dma_are_named() {
    let program = program();
    let mut board = Board::start(Kind::AxiDma, &[]);
    let mut session = board.session();
    check(&mut session, &program, 0);
    for channel in ["mm2s", "s2mm"] {
        for (error, name) in [
            ("int", "DMAIntErr"),
            ("slv", "DMASlvErr"),
            ("dec", "DMADecErr"),
            ("sgint", "scatter-gather"),
            ("sgslv", "scatter-gather"),
            ("sgdec", "scatter-gather"),
        ] {
            board.tell(&format!("dma={channel}:{error}"));
            let said = failing(&mut session, error).to_string();
            assert!(said.contains(name), "{said}");
            assert!(said.contains(&channel.to_uppercase()), "{said}");
            check(&mut session, &program, 1);
        }
    }
}

#[test]
fn system_calls_that_fail_pass_or_are_explained() {
    if !crate::board::fuse() {
        return;
    }
    let program = program();
    let mut board = Board::start(Kind::XdmaFuse, &[]);
    let mut session = board.session();
    // What passes by trying again, and by going on with the rest.
    let mut fired = 0;
    for node in ["h2c", "c2h"] {
        for (fault, times) in [
            ("short=48", 1),
            ("short=32*2", 2),
            ("errno=EAGAIN*3", 3),
            ("errno=EINTR*3", 3),
            ("errno=ETIMEDOUT*2", 2),
        ] {
            board.tell(&format!("{node}-{fault}"));
            check(&mut session, &program, 1);
            fired += times;
            board.await_fired(fired);
        }
    }
    // What does not.
    for node in ["h2c", "c2h"] {
        for (name, says) in [
            ("EBUSY", "somebody else has it"),
            ("EIO", "DMA engine"),
            ("ENOMEM", "memory"),
        ] {
            board.tell(&format!("{node}-errno={name}"));
            let error = failing(&mut session, name).to_string();
            assert!(error.contains(says), "{node} {name}: {error}");
            check(&mut session, &program, 2);
        }
    }
    drop(session);
    for (name, says) in [
        ("EACCES", "udev"),
        ("EBUSY", "somebody else has it"),
        ("ENODEV", "gone"),
    ] {
        board.tell(&format!("open-errno={name}"));
        let error = crate::board::session(&board.uri).err().unwrap().to_string();
        assert!(error.contains(says), "{name}: {error}");
    }
    check(&mut board.session(), &program, 3);
}

#[test]
fn an_emulator_that_dies_in_mid_image_is_noticed() {
    for kind in Kind::all() {
        let dir = tempfile::tempdir().unwrap();
        let mut board = Board::start_in(dir.path(), kind, &[]);
        let mut first = board.session();
        check(&mut first, &program(), 0);
        board.tell("die@byte=1024");
        first.deadline = Duration::from_secs(1);
        first.reset_deadline = Duration::from_secs(1);
        failing(&mut first, "die");
        assert!(!board.wait().success());
        drop(first);
        // A new one in its place is a board after power-up.
        let board = Board::start_in(dir.path(), kind, &[]);
        check(&mut board.session(), &program(), 1);
        board.stop();
    }
}

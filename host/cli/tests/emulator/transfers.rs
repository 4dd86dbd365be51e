//! Right results, many in a row.

use std::ops::ControlFlow;

use firebrick_driver::SessionError;
use firebrick_spec::regs;

use crate::board::{Board, Kind, check, picture, program, session, want};

#[test]
fn a_hundred_pictures_without_a_reset() {
    let program = program();
    for kind in Kind::all() {
        let board = Board::start(kind, &[]);
        let mut session = board.session();
        check(&mut session, &program, 0);
        let before = session.counter(&regs::CYCLES_LO).unwrap();
        let results = session.device().read_reg(regs::RESULTS.offset).unwrap();
        let mut seen = 0;
        let count = session
            .stream_iter(&program, (0..100).map(picture), &mut |answer| {
                let number = answer.index as usize;
                assert_eq!(answer.result.logits, want(number), "{kind:?} {number}");
                seen += 1;
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!((count, seen), (100, 100), "{kind:?}");
        // The session also sends a probe when it has given its device away.
        let now = session.device().read_reg(regs::RESULTS.offset).unwrap();
        assert!((100..=101).contains(&(now - results)), "{now} {results}");
        let counters: Vec<u64> = regs::COUNTERS
            .iter()
            .map(|counter| session.counter(counter).unwrap())
            .collect();
        let parts: u64 = counters[1..regs::RAGGED_INDEX].iter().sum();
        assert_eq!(counters[0], parts, "{kind:?}");
        assert!(counters[0] > before);
        check(&mut session, &program, 7);
        drop(session);
        board.stop();
    }
}

#[test]
fn statistics_are_those_of_the_layers() {
    let program = program();
    for kind in [Kind::XdmaFifo, Kind::AxiDma] {
        let board = Board::start(kind, &[]);
        let mut session = board.session();
        let busy = |session: &mut crate::board::TestSession| -> u64 {
            (0..program.layers().len() as u32)
                .map(|layer| u64::from(session.statistic(layer, 1).unwrap()))
                .sum()
        };
        let before = busy(&mut session);
        let counted = session.counter(&regs::BUSY_LO).unwrap();
        for number in 0..3 {
            check(&mut session, &program, number);
        }
        let counted = session.counter(&regs::BUSY_LO).unwrap() - counted;
        assert!(counted > 0);
        assert_eq!(busy(&mut session) - before, counted, "{kind:?}");
    }
}

#[test]
fn what_does_not_fit_the_dma_is_refused() {
    // Not even the probe that a session begins with.
    let board = Board::start(Kind::AxiDma, &["--length-bits", "10"]);
    let error = session(&board.uri).err().unwrap();
    assert!(matches!(error, SessionError::Device(_)), "{error}");
    assert!(error.to_string().contains("length register"), "{error}");
}

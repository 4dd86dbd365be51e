//! Batches that go on after an error: each picture has one outcome, in order, and a fault takes
//! only what it has to.

mod common;
mod suite;

use common::preset;
use firebrick_driver::fake::{Damage, Fake, FakeLink, Script};
use firebrick_driver::{Board, Cancel, Session, SessionError, Tried, Weights};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use suite::Case;

const PICTURES: u64 = 12;
const DEADLINE: Duration = Duration::from_millis(300);

/// What was told of one picture, or one try of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Right(u64, u32),
    Again(u64, u32, &'static str),
    Failed(u64, u32, &'static str),
}

struct Bench {
    fake: Fake,
    case: Case,
    session: Session<Board<FakeLink>>,
}

impl Bench {
    fn new() -> Bench {
        let fake = Fake::new(&preset()).unwrap();
        let board = fake.open(Cancel::new()).unwrap();
        let mut session = Session::open(board, &preset()).unwrap();
        session.deadline = DEADLINE;
        session.reset_deadline = DEADLINE;
        Bench {
            fake,
            case: Case::new(&preset(), Weights::Streamed),
            session,
        }
    }

    /// Runs a batch; `script` is asked at each try that failed.
    fn run(
        &mut self,
        retries: u32,
        mut script: impl FnMut(u64, u32, &mut Script),
    ) -> (Vec<Told>, Result<u64, SessionError>) {
        let (mut told, mut next) = (Vec::new(), 0);
        let (case, fake) = (&self.case, &self.fake);
        let result = self.session.stream_each(
            &case.program,
            retries,
            &mut || {
                next += 1;
                (next <= PICTURES).then(|| Case::picture(next - 1)).into()
            },
            &mut |tried| {
                told.push(match tried {
                    Tried::Answer(answer, attempt) => {
                        assert_eq!(answer.result.logits, case.want(answer.index));
                        Told::Right(answer.index, attempt)
                    }
                    Tried::Again(lost) => {
                        fake.script(|s| script(lost.index, lost.attempt, s));
                        Told::Again(lost.index, lost.attempt, lost.error.kind())
                    }
                    Tried::Failed(lost) => {
                        Told::Failed(lost.index, lost.attempt, lost.error.kind())
                    }
                });
                ControlFlow::Continue(())
            },
        );
        (told, result)
    }

    fn damage(&self, packet: usize, damage: Damage) {
        self.fake.script(|script| {
            script.packets = vec![Damage::None; packet].into();
            script.packets.push_back(damage);
        });
    }
}

/// Pictures by their last word, which each has once, in order.
fn outcomes(told: &[Told]) -> Vec<Told> {
    let is_last = |t: &&Told| !matches!(t, Told::Again(..));
    let last: Vec<Told> = told.iter().filter(is_last).cloned().collect();
    for (index, told) in (0..).zip(&last) {
        let (Told::Right(at, _) | Told::Again(at, ..) | Told::Failed(at, ..)) = told;
        assert_eq!(*at, index, "{last:?}");
    }
    last
}

#[test]
fn a_flipped_bit_loses_nothing() {
    for (damage, kind) in [
        (Damage::Flipped(700), "result-crc"),
        (Damage::Lost, "result-order"),
        (Damage::Swapped, "result-order"),
    ] {
        let mut bench = Bench::new();
        bench.damage(4, damage);
        let (told, result) = bench.run(1, |_, _, _| {});
        assert_eq!(result.unwrap(), PICTURES, "{damage:?} {told:?}");
        assert_eq!(told[4], Told::Again(4, 1, kind), "{damage:?} {told:?}");
        let last = outcomes(&told);
        assert_eq!(last.len() as u64, PICTURES);
        assert_eq!(last[3..5], [Told::Right(3, 1), Told::Right(4, 2)]);
        assert!(matches!(last[11], Told::Right(11, _)), "{last:?}");
    }
}

#[test]
fn without_retries_what_was_under_way_is_reported_one_by_one() {
    let mut bench = Bench::new();
    bench.damage(4, Damage::Flipped(700));
    let (told, result) = bench.run(0, |_, _, _| {});
    let last = outcomes(&told);
    assert_eq!((told.len(), last.len() as u64), (last.len(), PICTURES));
    let failed: Vec<&Told> = last[4..]
        .iter()
        .take_while(|t| matches!(t, Told::Failed(_, 1, "result-crc")))
        .collect();
    // At least the damaged one; how many were under way with it depends on how fast the host is.
    assert!(!failed.is_empty(), "{last:?}");
    assert_eq!(result.unwrap(), PICTURES - failed.len() as u64);
}

#[test]
fn a_picture_that_fails_each_time_takes_no_other_with_it() {
    let mut bench = Bench::new();
    bench.damage(4, Damage::Flipped(700));
    let (told, result) = bench.run(2, |index, _, script| {
        if index == 4 {
            // Behind the packet of the probe that follows the reset.
            script.packets = vec![Damage::None, Damage::Flipped(300)].into();
        }
    });
    assert_eq!(result.unwrap(), PICTURES - 1);
    for attempt in [1, 2] {
        assert!(told.contains(&Told::Again(4, attempt, "result-crc")));
    }
    for (index, told) in (0..).zip(outcomes(&told)) {
        match index {
            4 => assert_eq!(told, Told::Failed(4, 3, "result-crc")),
            _ => assert!(matches!(told, Told::Right(..)), "{told:?}"),
        }
    }
}

#[test]
fn a_stall_is_tried_again() {
    let mut bench = Bench::new();
    let bytes = bench.case.program.input_bytes();
    bench.fake.script(|s| s.stall_after = Some(5 * bytes + 100));
    let (told, result) = bench.run(1, |_, _, _| {});
    assert_eq!(result.unwrap(), PICTURES, "{told:?}");
    assert!(
        told.iter()
            .any(|t| matches!(t, Told::Again(_, 1, "stalled")))
    );
    assert_eq!(outcomes(&told).len() as u64, PICTURES);
}

#[test]
fn a_dead_device_ends_the_batch_soon() {
    for lost in [false, true] {
        let mut bench = Bench::new();
        let bytes = bench.case.program.input_bytes();
        bench.fake.script(|script| match lost {
            true => {
                script.lost_after = Some(3 * bytes + 100);
                // Registers are looked at when a result is missing.
                script.packets = vec![Damage::None, Damage::None, Damage::Lost].into();
            }
            false => {
                script.stall_after = Some(3 * bytes + 100);
                script.dead = true;
            }
        });
        let begin = Instant::now();
        let (told, result) = bench.run(1, |_, _, _| {});
        assert!(begin.elapsed() < Duration::from_secs(8), "{told:?}");
        let kind = result.unwrap_err().kind();
        assert!(
            if lost {
                kind == "link-lost"
            } else {
                kind != "stalled"
            },
            "{kind}"
        );
        let last = outcomes(&told);
        assert!(matches!(last.last(), Some(Told::Failed(..))), "{told:?}");
    }
}

#[test]
fn a_batch_can_be_broken_off() {
    let mut bench = Bench::new();
    bench.damage(4, Damage::Flipped(700));
    let mut told = 0;
    let result = bench.session.stream_each(
        &bench.case.program,
        1,
        &mut || Some(Case::picture(0)).into(),
        &mut |tried| {
            told += 1;
            match tried {
                Tried::Answer(..) => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        },
    );
    assert_eq!(result.unwrap(), 4);
    bench.case.right(&mut bench.session, 1);
}

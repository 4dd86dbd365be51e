//! Several engines behind one queue: a fault on one of them loses no result, gives no wrong one and
//! changes no order; the others go on, and the engine comes back.

mod common;
mod suite;

use common::preset;
use firebrick_driver::fake::{Act, Damage, Fake, FakeLink, Script};
use firebrick_driver::{
    Board, Cancel, DeviceError, Member, Next, Pool, Session, SessionError, Told, Weights,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};
use suite::Case;

const ENGINES: usize = 4;
/// For a picture, and for a reset; what takes longer hangs.
const DEADLINE: Duration = Duration::from_millis(1000);
/// What a run with faults may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
/// For a run that has to go on until an engine is back.
const ALWAYS: u64 = u64::MAX;

struct Bench {
    fakes: Vec<Fake>,
    case: Arc<Case>,
    pool: Pool<Board<FakeLink>>,
    cancel: Cancel,
}

/// What a run told.
#[derive(Debug, Default)]
struct Seen {
    answers: u64,
    by_engine: [u64; ENGINES],
    again: u64,
    failed: Vec<(u64, u32, &'static str)>,
    out: Vec<(usize, &'static str)>,
    back: Vec<usize>,
}

impl Bench {
    fn new() -> Bench {
        let cancel = Cancel::new();
        let case = Arc::new(Case::new(&preset(), Weights::Auto));
        let program = Arc::new(case.program.clone());
        let fakes: Vec<Fake> = (0..ENGINES)
            .map(|_| Fake::new(&preset()).unwrap())
            .collect();
        let member = |fake: &Fake| {
            let board = fake.open(cancel.clone()).unwrap();
            let mut session = Session::open(board, &preset()).unwrap();
            (session.deadline, session.reset_deadline) = (DEADLINE, DEADLINE);
            let (fake, cancel) = (fake.clone(), cancel.clone());
            Member::new(session, Arc::clone(&program), move || {
                fake.open(cancel.clone())
            })
        };
        let members = fakes.iter().map(member).collect();
        Bench {
            pool: Pool::new(members, cancel.clone()),
            fakes,
            case,
            cancel,
        }
    }

    /// Runs pictures until `count` are through, or until `enough` says so. Every result has to be
    /// the model's, and outcomes have to come in order.
    fn run(
        &mut self,
        count: u64,
        retries: u32,
        mut enough: impl FnMut(&Seen) -> bool,
        mut look: impl FnMut(&[Fake], &Told<'_>),
    ) -> (Seen, Result<u64, SessionError>) {
        // Few pictures differ: the model is slow.
        let wants: Vec<Vec<i32>> = (0..8).map(|seed| self.case.want(seed)).collect();
        let (mut fed, mut due) = (0, 0);
        let seen = std::cell::RefCell::new(Seen::default());
        let fakes = &self.fakes;
        let begin = Instant::now();
        let result = self.pool.run(
            retries,
            &mut || {
                assert!(begin.elapsed() < LIMIT, "{:?}", seen.borrow());
                if fed == count || enough(&seen.borrow()) {
                    return Next::End;
                }
                fed += 1;
                Next::Picture(Case::picture((fed - 1) % 8))
            },
            &mut |told| {
                look(fakes, &told);
                let seen = &mut *seen.borrow_mut();
                match told {
                    Told::Answer { engine, answer, .. } => {
                        assert_eq!(answer.index, due, "the order of the outcomes");
                        let want = &wants[due as usize % 8];
                        assert_eq!(answer.result.logits, *want, "picture {due}");
                        due += 1;
                        seen.answers += 1;
                        seen.by_engine[engine] += 1;
                    }
                    Told::Again { .. } => seen.again += 1,
                    Told::Failed { lost } => {
                        assert_eq!(lost.index, due, "the order of the outcomes");
                        due += 1;
                        seen.failed
                            .push((lost.index, lost.attempt, lost.error.kind()));
                    }
                    Told::Out { engine, error } => seen.out.push((engine, error.kind())),
                    Told::Back { engine, .. } => seen.back.push(engine),
                }
                ControlFlow::Continue(())
            },
        );
        assert!(begin.elapsed() < LIMIT, "{:?}", begin.elapsed());
        let seen = seen.into_inner();
        assert_eq!(due, fed, "every picture has an outcome");
        if let Ok(answers) = result {
            assert_eq!(answers, seen.answers);
        }
        (seen, result)
    }

    /// A plain run: nothing happens to any engine, and each has a share. An engine that was out when
    /// the run before ended is opened while the others work, so that the run has no fixed length.
    fn sound(&mut self, what: &str) {
        let all = |seen: &Seen| seen.by_engine.iter().all(|n| *n > 0);
        let enough = |seen: &Seen| seen.answers >= 400 && all(seen);
        let (seen, result) = self.run(ALWAYS, 0, enough, |_, _| ());
        assert_eq!(result.unwrap(), seen.answers, "{what}: {seen:?}");
        assert!(seen.out.is_empty(), "{what}: {seen:?}");
        assert!(all(&seen), "{what}: {seen:?}");
    }
}

#[test]
fn four_engines_share_the_pictures_and_results_come_in_order() {
    let mut bench = Bench::new();
    bench.sound("no fault");
    let (seen, result) = bench.run(0, 0, |_| false, |_, _| ());
    assert_eq!((seen.answers, result.unwrap()), (0, 0));
}

/// A fault and its name.
type Kind = (&'static str, Box<dyn Fn(&mut Script)>);

/// The kinds of docs/device.md that a session notices.
fn kinds() -> Vec<Kind> {
    let reads = |act: Act| move |script: &mut Script| script.reads.push_back(act);
    let writes = |act: Act| move |script: &mut Script| script.writes.push_back(act);
    let packet = |damage: Damage| move |script: &mut Script| script.packets.push_back(damage);
    let mut kinds: Vec<Kind> = vec![
        ("lost", Box::new(packet(Damage::Lost))),
        ("beat short", Box::new(packet(Damage::BeatShort))),
        ("beat more", Box::new(packet(Damage::BeatMore))),
        ("flipped", Box::new(packet(Damage::Flipped(12)))),
        ("late", Box::new(packet(Damage::Late(2 * DEADLINE)))),
        ("stall", Box::new(|script| script.stall_after = Some(5000))),
        ("hang", Box::new(reads(Act::Hang(2 * DEADLINE)))),
    ];
    for (name, errno) in [
        ("EIO", 5),
        ("ENOMEM", 12),
        ("EFAULT", 14),
        ("ENODEV", 19),
        ("EINVAL", 22),
        ("EPIPE", 32),
        ("ENOTCONN", 107),
    ] {
        kinds.push((name, Box::new(reads(Act::Errno(errno)))));
        kinds.push((name, Box::new(writes(Act::Errno(errno)))));
    }
    kinds
}

#[test]
fn each_kind_of_fault_on_one_engine_costs_no_result() {
    let mut bench = Bench::new();
    for (turn, (name, fault)) in kinds().iter().enumerate() {
        let victim = turn % ENGINES;
        bench.fakes[victim].script(|script| fault(script));
        // Until the engine is back, and gave results again.
        let mut given = None;
        let (seen, result) = bench.run(
            ALWAYS,
            1,
            |seen| {
                let back = seen.back.contains(&victim);
                let begun = *given.get_or_insert(seen.by_engine[victim]);
                if !back {
                    given = None;
                }
                back && seen.by_engine[victim] > begun + 2
            },
            |_, _| (),
        );
        assert_eq!(result.unwrap(), seen.answers, "{name}: {seen:?}");
        assert!(seen.failed.is_empty(), "{name}: {seen:?}");
        assert!(
            seen.out.iter().all(|(engine, _)| *engine == victim),
            "{name}: {seen:?}"
        );
        assert!(!seen.out.is_empty(), "{name}: {seen:?}");
        for (engine, given) in seen.by_engine.iter().enumerate() {
            assert!(*given > 0, "{name}, engine {engine}: {seen:?}");
        }
        bench.fakes[victim].script(|script| *script = Script::default());
    }
    bench.sound("after all faults");
}

#[test]
fn a_lost_link_of_one_engine_is_waited_for_while_the_others_go_on() {
    let mut bench = Bench::new();
    bench.fakes[2].script(|script| script.lost_after = Some(9000));
    let mut since = 0;
    let (seen, result) = bench.run(
        ALWAYS,
        0,
        |seen| seen.back == [2] && seen.by_engine[2] > 2,
        |fakes, told| {
            // The others give a hundred results meanwhile.
            match told {
                Told::Out { .. } => since = 1,
                Told::Answer { engine, .. } if since > 0 => {
                    // What it gave before may be told a little later.
                    assert!(*engine != 2 || !(40..=100).contains(&since), "it is lost");
                    since += 1;
                    if since == 100 {
                        fakes[2].set_lost(false);
                        fakes[2].script(|script| *script = Script::default());
                    }
                }
                _ => {}
            }
        },
    );
    assert_eq!(result.unwrap(), seen.answers);
    assert_eq!(seen.out, [(2, "link-lost")], "{seen:?}");
    // No picture's fault: none was lost, although none is tried again.
    assert!(seen.failed.is_empty(), "{seen:?}");
    bench.sound("after the loss");
}

#[test]
fn when_no_engine_answers_every_picture_has_an_outcome() {
    let mut bench = Bench::new();
    for fake in &bench.fakes {
        fake.script(|script| script.lost_after = Some(8_000));
    }
    let (seen, result) = bench.run(500, 1, |_| false, |_, _| ());
    let error = result.unwrap_err();
    assert_eq!(error.kind(), "link-lost", "{error}");
    assert!(!seen.failed.is_empty());
    for engine in 0..ENGINES {
        assert!(seen.out.iter().any(|(out, _)| *out == engine), "{seen:?}");
    }
    // They are there again later.
    for fake in &bench.fakes {
        fake.set_lost(false);
        fake.script(|script| *script = Script::default());
    }
    bench.sound("after the loss of all");
}

#[test]
fn a_picture_that_cannot_be_sent_fails_alone() {
    let mut bench = Bench::new();
    let mut fed = 0;
    let (mut failed, mut answers) = (Vec::new(), 0);
    let result = bench.pool.run(
        3,
        &mut || {
            fed += 1;
            match fed {
                5 => Next::Picture(ndarray::Array3::zeros((2, 2, 3))),
                1..=20 => Next::Picture(Case::picture(1)),
                _ => Next::End,
            }
        },
        &mut |told| {
            match told {
                Told::Answer { .. } => answers += 1,
                Told::Failed { lost } => failed.push((lost.index, lost.error.kind())),
                other => panic!("{other:?}"),
            }
            ControlFlow::Continue(())
        },
    );
    assert_eq!((result.unwrap(), answers), (19, 19));
    assert_eq!(failed, [(4, "image")]);
}

#[test]
fn a_break_and_a_cancellation_end_all_engines() {
    let mut bench = Bench::new();
    let mut told = 0;
    let result = bench
        .pool
        .run(0, &mut || Next::Picture(Case::picture(1)), &mut |_| {
            told += 1;
            match told {
                17 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        });
    assert_eq!((result.unwrap(), told), (17, 17));
    bench.sound("after a break");
    let cancel = bench.cancel.clone();
    let mut answers = 0;
    let result = bench
        .pool
        .run(0, &mut || Next::Picture(Case::picture(1)), &mut |told| {
            answers += u32::from(matches!(told, Told::Answer { .. }));
            if answers == 9 {
                cancel.cancel();
            }
            ControlFlow::Continue(())
        });
    let error = result.unwrap_err();
    let cancelled = matches!(error, SessionError::Device(DeviceError::Cancelled { .. }));
    assert!(cancelled, "{error}");
    bench.cancel.clear();
    bench.pool.reset().unwrap();
    bench.sound("after a cancellation");
}

/// Faults of random kinds on random engines at random times. `FIREBRICK_SEED` repeats a run,
/// `FIREBRICK_RUNS` makes more of them.
#[test]
fn random_faults_cost_no_result() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let first: u64 = number("FIREBRICK_SEED").unwrap_or(1);
    let runs: u64 = number("FIREBRICK_RUNS").unwrap_or(3);
    let kinds = kinds();
    for seed in first..first + runs {
        println!("seed {seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let mut bench = Bench::new();
        let mut left = random.random_range(1..=4);
        let (seen, result) = bench.run(
            120,
            6,
            |_| false,
            |fakes, told| {
                if left > 0
                    && matches!(told, Told::Answer { .. })
                    && random.random_range(0..12) == 0
                {
                    left -= 1;
                    let (name, fault) = &kinds[random.random_range(0..kinds.len())];
                    let engine = random.random_range(0..ENGINES);
                    println!("  {name} on engine {engine}");
                    fakes[engine].script(|script| fault(script));
                }
            },
        );
        println!("  {seen:?}");
        assert_eq!(result.unwrap(), 120, "seed {seed}");
        assert!(seen.failed.is_empty(), "seed {seed}: {seen:?}");
        for fake in &bench.fakes {
            fake.script(|script| *script = Script::default());
        }
        bench.sound("after random faults");
    }
}

//! A board with four engines: pictures go to whichever has room, and a fault on one engine costs no
//! result.

use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use firebrick::device::{AnyDevice, Behaviour, Carrier, Opening};
use firebrick_driver::{
    Cancel, CompileOptions, Device, DeviceError, Fed, Feed, Member, Next, OpenOptions, Packet,
    Pool, Session, Synchronised, Take, Told, Uri, Weights, compile,
};
use firebrick_spec::result::Trailer;
use ndarray::Array3;

use crate::board::{Board, Kind, config, picture, program, want};
use crate::common::{firebrick, small_network, small_pack, text};

const ENGINES: usize = 4;
const LIMIT: Duration = Duration::from_secs(120);
/// Pictures that differ.
const DISTINCT: usize = 5;

type Boxed = Box<dyn Device + Send>;

/// A pool of all engines of a board, with short deadlines.
fn pool(uri: &str) -> Pool<Boxed> {
    let uri: Uri = uri.parse().unwrap();
    let engines = uri.engines();
    assert_eq!(engines.len(), ENGINES, "{uri}");
    let cancel = Cancel::new();
    let program = Arc::new(program());
    let member = |uri: Uri| {
        let options = OpenOptions {
            cancel: cancel.clone(),
            ..OpenOptions::default()
        };
        let open = move || firebrick_driver::open(&uri, &options);
        let mut session = Session::open(open().unwrap(), &config()).unwrap();
        session.deadline = Duration::from_secs(2);
        session.reset_deadline = Duration::from_secs(5);
        Member::new(session, Arc::clone(&program), open)
    };
    let members = engines.into_iter().map(member).collect();
    Pool::new(members, cancel)
}

/// What a run told.
#[derive(Debug, Default)]
struct Seen {
    by_engine: [u64; ENGINES],
    out: Vec<(usize, &'static str)>,
    back: Vec<usize>,
}

/// Runs pictures until `enough`; every result is right and in its place. `look` is called between.
fn run(
    pool: &mut Pool<Boxed>,
    what: &str,
    mut enough: impl FnMut(usize, &Seen) -> bool,
    mut look: impl FnMut(&Seen),
) -> Seen {
    let wants: Vec<Vec<i32>> = (0..DISTINCT).map(want).collect();
    let (mut fed, mut due) = (0, 0);
    let seen = std::cell::RefCell::new(Seen::default());
    let begin = Instant::now();
    let result = pool.run(
        3,
        &mut || {
            assert!(begin.elapsed() < LIMIT, "{what}: {:?}", seen.borrow());
            look(&seen.borrow());
            if enough(fed, &seen.borrow()) {
                return Next::End;
            }
            fed += 1;
            Next::Picture(picture((fed - 1) % DISTINCT))
        },
        &mut |told| {
            let seen = &mut *seen.borrow_mut();
            match told {
                Told::Answer { engine, answer, .. } => {
                    assert_eq!(answer.index as usize, due, "{what}: the order");
                    assert_eq!(answer.result.logits, wants[due % DISTINCT], "{what}: {due}");
                    due += 1;
                    seen.by_engine[engine] += 1;
                }
                Told::Again { .. } => {}
                Told::Failed { lost } => panic!("{what}: {lost:?}"),
                Told::Out { engine, error } => seen.out.push((engine, error.kind())),
                Told::Back { engine, .. } => seen.back.push(engine),
            }
            ControlFlow::Continue(())
        },
    );
    assert_eq!(result.unwrap() as usize, fed, "{what}");
    assert_eq!(due, fed, "{what}");
    seen.into_inner()
}

/// Faults of docs/emulator.md that a session notices, and whether they last until `clear`; of the
/// other kinds of boards those that only they have.
fn faults(kind: Kind) -> Vec<(&'static str, bool)> {
    match kind {
        Kind::XdmaFifo => {}
        Kind::AxiDma => return vec![("dma=s2mm:dec", false), ("dma=mm2s:slv", false)],
        Kind::XdmaFuse => return vec![("c2h-errno=EIO", false), ("h2c-errno=ENODEV", false)],
    }
    vec![
        ("c2h-flip=77", false),
        ("c2h-missing", false),
        ("c2h-beat-less", false),
        ("c2h-swap", false),
        ("h2c-flip=100", false),
        ("h2c-swallow=160", false),
        ("stall", false),
        ("stall=hard", true),
        ("link-lost", true),
    ]
}

#[test]
fn a_fault_on_one_engine_of_four_costs_no_result() {
    for kind in Kind::all() {
        let mut board = Board::start(kind, &["--engines", "4"]);
        let mut pool = pool(&board.uri);
        // Which engine gets how many is the machine's affair; each gets some in the end.
        let all = |seen: &Seen| seen.by_engine.iter().all(|n| *n > 0);
        let sound = run(
            &mut pool,
            &format!("{kind:?}, no fault"),
            |fed, seen| fed >= 24 && all(seen),
            |_| (),
        );
        assert!(all(&sound), "{kind:?}: {sound:?}");
        for (turn, (fault, lasts)) in faults(kind).into_iter().enumerate() {
            let victim = turn % ENGINES;
            let what = format!("{kind:?} {fault} on engine {victim}");
            board.tell_engine(victim, fault);
            let mut cleared = !lasts;
            // Until the engine is back and has given results again.
            let mut before = None;
            let seen = run(
                &mut pool,
                &what,
                |_, seen| {
                    let back = seen.back.contains(&victim);
                    let given = seen.by_engine[victim];
                    back && given > *before.get_or_insert(given) && all(seen)
                },
                |seen| {
                    // The others go on while it is out.
                    let others: u64 = seen.by_engine.iter().sum();
                    if !cleared && !seen.out.is_empty() && others > 12 {
                        board.tell_engine(victim, "clear");
                        cleared = true;
                    }
                },
            );
            // On a busy machine another one may be out for its deadline, too.
            assert!(
                seen.out.iter().any(|(engine, _)| *engine == victim),
                "{what}: {seen:?}"
            );
            assert!(all(&seen), "{what}: {seen:?}");
        }
        drop(pool);
        board.stop();
    }
}

/// Random faults on random engines. `FIREBRICK_SEED` repeats a run, `FIREBRICK_RUNS` makes more.
#[test]
fn random_faults_on_four_engines_cost_no_result() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let first: u64 = number("FIREBRICK_SEED").unwrap_or(1);
    let runs: u64 = number("FIREBRICK_RUNS").unwrap_or(2);
    let mut board = Board::start(Kind::XdmaFifo, &["--engines", "4"]);
    let mut pool = pool(&board.uri);
    for seed in first..first + runs {
        println!("seed {seed}");
        let mut state = seed;
        let mut random = |limit: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % limit
        };
        let kinds: Vec<&str> = faults(Kind::XdmaFifo)
            .into_iter()
            .filter_map(|(fault, lasts)| (!lasts).then_some(fault))
            .collect();
        let (mut left, mut next) = (1 + random(3), 0);
        run(
            &mut pool,
            &format!("seed {seed}"),
            |fed, _| fed == 40,
            |seen| {
                let through: u64 = seen.by_engine.iter().sum();
                if left > 0 && through >= next {
                    let (engine, kind) = (random(ENGINES), random(kinds.len()));
                    println!("  {} on engine {engine}", kinds[kind]);
                    board.tell_engine(engine, kinds[kind]);
                    left -= 1;
                    next = through + 1 + random(12) as u64;
                }
            },
        );
        for engine in 0..ENGINES {
            board.tell_engine(engine, "clear");
        }
    }
}

#[test]
fn commands_know_all_engines_of_a_board() {
    let dir = tempfile::tempdir().unwrap();
    let pack = small_pack(dir.path());
    let board = Board::start(Kind::XdmaFifo, &["--engines", "4"]);
    let doctor = firebrick(&["doctor", "--json", "--device", &board.uri]).good();
    let steps = doctor.objects();
    let of = |name: &str| steps.iter().filter(|step| step["step"] == name).count();
    assert_eq!((of("engine"), of("self test")), (ENGINES, ENGINES));
    let model = ["--model", text(&pack), "--json", "--device"];
    let bench = |uris: &[&str]| {
        let mut args = vec!["bench", "--images", "16"];
        args.extend(model);
        args.extend(uris);
        firebrick(&args).good().objects().remove(0)
    };
    let report = bench(&[&board.uri]);
    let engines = report["engines"].as_array().unwrap();
    assert_eq!(engines.len(), ENGINES);
    let images = |engine: &serde_json::Value| engine["images"].as_u64().unwrap();
    assert_eq!(engines.iter().map(images).sum::<u64>(), 16);
    // One of them, and two named one by one.
    let one = format!("{}#2", board.uri);
    assert!(bench(&[&one]).get("engines").is_none());
    let other = format!("{}#0", board.uri);
    assert_eq!(
        bench(&[&one, "--device", &other])["engines"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let twice = ["bench", "--device", &one, "--device", &one];
    firebrick(&twice).fails("named twice");
    let verify = ["verify", "x.png", "--device", &board.uri];
    firebrick(&verify).fails("works on one engine");
    // Pictures come in the order in which they were named, with the model's sums.
    let pictures: Vec<String> = (0..9)
        .map(|n| {
            let name = format!("{n}.png");
            let path = crate::common::picture(dir.path(), &name, 20 + n, 30);
            text(&path).to_owned()
        })
        .collect();
    let classify = |more: &[&str]| {
        let mut args = vec!["classify", "--json", "--model", text(&pack)];
        args.extend(pictures.iter().map(String::as_str));
        args.extend(more);
        firebrick(&args).good().objects()
    };
    let (want, got) = (classify(&[]), classify(&["--device", &board.uri]));
    assert_eq!(got.len(), pictures.len());
    for (want, got) in want.iter().zip(&got) {
        assert_eq!(
            (&want["image"], &want["logits_sha256"]),
            (&got["image"], &got["logits_sha256"])
        );
    }
    board.stop();
}

/// Clocks of simulated engines: who is behind goes on, so that they move as on a board, however the
/// threads are scheduled here.
#[derive(Default)]
struct Clocks {
    now: Mutex<Vec<u64>>,
    moved: Condvar,
}

impl Clocks {
    fn set(&self, engine: usize, cycle: u64) {
        self.now.lock().unwrap()[engine] = cycle;
        self.moved.notify_all();
    }

    /// Waits until no other engine is behind.
    fn turn(&self, engine: usize) {
        let begin = Instant::now();
        let mut now = self.now.lock().unwrap();
        while now.iter().any(|other| *other < now[engine]) {
            assert!(begin.elapsed() < LIMIT, "{now:?}");
            now = self
                .moved
                .wait_timeout(now, Duration::from_millis(100))
                .unwrap()
                .0;
        }
    }
}

/// A simulated engine that takes a picture only when it is its turn by the clocks.
struct Clocked {
    inner: AnyDevice,
    engine: usize,
    clocks: Arc<Clocks>,
}

struct Gate<'a>(&'a mut dyn Feed, usize, &'a Clocks);

impl Feed for Gate<'_> {
    fn transfer_bytes(&self) -> usize {
        self.0.transfer_bytes()
    }

    fn next(&mut self, room: &mut [u8]) -> Fed {
        self.2.turn(self.1);
        let fed = self.0.next(room);
        if fed == Fed::End {
            self.2.set(self.1, u64::MAX);
        }
        fed
    }
}

impl Device for Clocked {
    fn name(&self) -> String {
        format!("{} {}", self.inner.name(), self.engine)
    }

    fn read_reg(&mut self, offset: u32) -> Result<u32, DeviceError> {
        self.inner.read_reg(offset)
    }

    fn write_reg(&mut self, offset: u32, value: u32) -> Result<(), DeviceError> {
        self.inner.write_reg(offset, value)
    }

    fn stream(
        &mut self,
        feed: &mut dyn Feed,
        result_bytes: usize,
        deadline: Duration,
        take: &mut Take<'_>,
    ) -> Result<(), DeviceError> {
        let (engine, clocks) = (self.engine, Arc::clone(&self.clocks));
        let mut gate = Gate(feed, engine, &clocks);
        self.inner
            .stream(&mut gate, result_bytes, deadline, &mut |packet: Packet<
                '_,
            >| {
                let trailer = &packet.bytes[packet.bytes.len() - Trailer::BYTES..];
                let trailer = Trailer::from_bytes(trailer.try_into().unwrap());
                clocks.set(engine, trailer.cycles.into());
                take(packet)
            })
    }

    fn synchronise(
        &mut self,
        probe: &[u8],
        tag: u32,
        deadline: Duration,
    ) -> Result<Synchronised, DeviceError> {
        self.inner.synchronise(probe, tag, deadline)
    }
}

/// Cycles in which each engine worked for 200 pictures, as its own counter says: all but 2 % of what
/// the one that was last took. What is lost would be lost to the queue.
#[test]
fn the_queue_keeps_every_engine_busy() {
    const PICTURES: usize = 200;
    let clocks = Arc::new(Clocks {
        now: Mutex::new(vec![0; ENGINES]),
        moved: Condvar::new(),
    });
    // Without a transfer of its own for the weights: all that counts is pictures.
    let options = CompileOptions {
        weights: Weights::Streamed,
        ..CompileOptions::default()
    };
    let program = compile(&small_network(), &config(), 21, 23, &options).unwrap();
    let program = Arc::new(program);
    let carrier = Carrier::Sim(config());
    let member = |engine: usize| {
        let (clocks, carrier) = (Arc::clone(&clocks), carrier.clone());
        let open = move || {
            Ok(Clocked {
                inner: carrier
                    .open(&Behaviour::default(), Opening::default())
                    .unwrap(),
                engine,
                clocks: Arc::clone(&clocks),
            })
        };
        let session = Session::open(open().unwrap(), &config()).unwrap();
        Member::new(session, Arc::clone(&program), open)
    };
    let mut pool = Pool::new((0..ENGINES).map(member).collect(), Cancel::new());
    // Probes were sent one after the other.
    *clocks.now.lock().unwrap() = vec![0; ENGINES];
    let pictures: Vec<Array3<u8>> = (0..DISTINCT).map(picture).collect();
    let wants: Vec<Vec<i32>> = (0..DISTINCT).map(want).collect();
    let mut fed = 0;
    let mut last = [0; ENGINES];
    let answers = pool.run(
        0,
        &mut || {
            fed += 1;
            match fed <= PICTURES {
                true => Next::Picture(pictures[(fed - 1) % DISTINCT].clone()),
                false => Next::End,
            }
        },
        &mut |told| {
            let Told::Answer { engine, answer, .. } = told else {
                panic!("{told:?}");
            };
            assert_eq!(
                answer.result.logits,
                wants[answer.index as usize % DISTINCT]
            );
            last[engine] = last[engine].max(answer.result.trailer.cycles);
            ControlFlow::Continue(())
        },
    );
    assert_eq!(answers.unwrap() as usize, PICTURES);
    let longest = last.iter().copied().max().unwrap();
    for (engine, cycles) in last.iter().enumerate() {
        let share = f64::from(*cycles) / f64::from(longest);
        println!("engine {engine}: {cycles} cycles, {:.2} %", 100.0 * share);
        assert!(share >= 0.98, "engine {engine}: {last:?}");
    }
}

//! `firebrick classify` on a board, on several engines, or with `--record`: pictures streamed through a device at constant memory, results
//! printed as they come.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::BufWriter;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firebrick_driver::{Cancel, Device, Next, Program, Recorder, Session, Told};
use firebrick_spec::regs;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Measured, Read, Timed, failure, read, report};
use crate::device::{self, Carrier};
use crate::error::{CliError, Outcome};
use crate::output::Output;
use crate::outputs::{Kind, Place};
use crate::pool::{self, Carry, Single};
use crate::progress::{self, Counter, Style};
use crate::runner::Failed;
use crate::skipped::{Skipped, Unreadable};
use crate::sources::Sources;
use crate::target::{self, Target, shown};
use crate::{args, engine, signals};

/// Pictures that are read ahead.
const AHEAD: usize = 4;

/// A batch under way.
struct Batch<'a> {
    args: &'a args::Classify,
    target: &'a Target,
    backend: String,
    /// Names of several engines.
    engines: Vec<String>,
    retries: u32,
    cancel: Cancel,
    pictures: Receiver<Coming>,
    /// The first of them, while it is being read.
    next: Option<Coming>,
    bar: ProgressBar,
    /// In place of the bar where there is no terminal.
    lines: Option<Counter>,
    /// Each engine's count of cycles at its last result, if it is known.
    counted: Vec<Option<u32>>,
    skipped: Skipped,
    /// Pictures that came, also those that could not be read.
    count: u64,
}

pub fn run(
    args: &args::Classify,
    on: &Carrier,
    style: Style,
    output: &mut Output,
) -> Result<Outcome, CliError> {
    let place = match &args.record {
        Some(path) => {
            let pictures = args.pictures.images.iter().map(PathBuf::as_path);
            let inputs: Vec<_> = pictures
                .chain(args.target.network.model.as_deref())
                .collect();
            Some(Place::check(path, Kind::RECORDING, &inputs, args.force.on)?)
        }
        None => None,
    };
    let cancel = signals::interrupt()?;
    let target = Arc::new(target::with_classes(Some(on), &args.target, style)?);
    let program = target.compile(false)?;
    let board = device::open(on, &device::behaviour(&args.simulation), style)?;
    let deadline = engine::deadline(args.simulation.deadline, on, &program, false);
    let retries = args.retries.on(Some(on));
    let mut batch = Batch::new(args, &target, on.name(), retries, cancel, 1, style);
    let outcome = match &place {
        None => {
            let session = Session::open(board, target.config())?;
            batch.run_on(session, &program, deadline, output)
        }
        Some(place) => {
            let error = |source| place.error(source);
            let file = BufWriter::new(place.create_now()?);
            let mut recorder = Recorder::new(board, file).map_err(error)?;
            // Whatever comes of it, also of the opening: the file is for what goes wrong.
            let outcome = Session::open(&mut recorder, target.config())
                .map_err(CliError::from)
                .and_then(|session| batch.run_on(session, &program, deadline, output));
            match (outcome, recorder.finish()) {
                (Ok(_), Err(source)) => Err(error(source)),
                (Err(first), Err(source)) => {
                    progress::error(error(source));
                    Err(first)
                }
                (outcome, Ok(_)) => outcome,
            }
        }
    };
    batch.bar.finish_and_clear();
    outcome
}

/// The same on several engines: pictures go to whichever has room.
pub fn run_several(
    args: &args::Classify,
    on: &[Carrier],
    style: Style,
    output: &mut Output,
) -> Result<Outcome, CliError> {
    let cancel = signals::interrupt()?;
    let (mut pool, target) = pool::open(on, &args.target, &args.simulation, style)?;
    let target = Arc::new(target);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.min(on.len());
    let (backend, retries) = (pool::name(&args.on.device), args.retries.on_several());
    let mut batch = Batch::new(args, &target, backend, retries, cancel, threads, style);
    batch.engines = pool::names(&pool);
    let outcome = batch.run(&mut pool, output);
    batch.bar.finish_and_clear();
    outcome
}

/// A picture that is being read.
type Coming = Receiver<Read>;

/// Reads and scales pictures on so many threads, in order; finding them has one of its own, since
/// standard input may make it wait.
fn reader(sources: Sources, target: Arc<Target>, threads: usize) -> Receiver<Coming> {
    let (to, pictures) = sync_channel(AHEAD * threads);
    let (work, jobs) = sync_channel::<(_, SyncSender<Read>)>(threads);
    let jobs = Arc::new(Mutex::new(jobs));
    for _ in 0..threads {
        let (jobs, target) = (Arc::clone(&jobs), Arc::clone(&target));
        std::thread::spawn(move || {
            loop {
                let job = match jobs.lock() {
                    Ok(jobs) => jobs.recv(),
                    Err(_) => return,
                };
                let Ok((path, done)) = job else { return };
                // Whoever waited for it may have gone.
                let _ = done.send(read(path, &target));
            }
        });
    }
    std::thread::spawn(move || {
        for path in sources {
            let (done, coming) = sync_channel(1);
            if to.send(coming).is_err() || work.send((path, done)).is_err() {
                return;
            }
        }
    });
    pictures
}

fn bar(style: Style, total: Option<u64>) -> ProgressBar {
    let (bar, template) = match (style, total) {
        (Style::Bars, Some(total)) => (
            ProgressBar::new(total),
            "[{bar:30}] {pos}/{len} pictures, {per_sec}, {eta} left",
        ),
        (Style::Bars, None) => (
            ProgressBar::new_spinner(),
            "{spinner} {pos} pictures, {per_sec}",
        ),
        _ => return ProgressBar::hidden(),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}

impl<'a> Batch<'a> {
    /// The pictures of `args`, read on so many threads; no engines' names.
    fn new(
        args: &'a args::Classify,
        target: &'a Arc<Target>,
        backend: String,
        retries: u32,
        cancel: Cancel,
        threads: usize,
        style: Style,
    ) -> Batch<'a> {
        let sources = Sources::of(&args.pictures);
        let total = sources.total();
        Batch {
            args,
            target,
            backend,
            engines: Vec::new(),
            retries,
            cancel,
            pictures: reader(sources, Arc::clone(target), threads),
            next: None,
            bar: bar(style, total),
            lines: total
                .filter(|_| style == Style::Lines)
                .map(|total| Counter::new(style, "classifying", total as usize)),
            counted: Vec::new(),
            skipped: Skipped::new(&args.pictures),
            count: 0,
        }
    }

    fn run_on<D: Device>(
        &mut self,
        mut session: Session<D>,
        program: &Program,
        deadline: Duration,
        output: &mut Output,
    ) -> Result<Outcome, CliError> {
        session.deadline = deadline;
        // What is loaded once would count for the first picture.
        if program.setup().is_none() {
            let counter = regs::COUNTERS.first();
            let counted = counter.and_then(|cycles| session.counter(cycles).ok());
            self.counted = vec![counted.map(|count| count as u32)];
        }
        self.run(&mut Single { session, program }, output)
    }

    fn run(&mut self, on: &mut dyn Carry, output: &mut Output) -> Result<Outcome, CliError> {
        let mut done = 0;
        let counted = &mut self.counted;
        counted.resize(self.engines.len().max(1), None);
        let under_way = RefCell::new(VecDeque::new());
        let out = RefCell::new((&mut *output, Ok::<(), CliError>(())));
        let (failed, gone) = (Cell::new(false), Cell::new(0));
        let (args, target, backend) = (self.args, self.target, self.backend.as_str());
        let (cancel, bar, pictures) = (&self.cancel, &self.bar, &self.pictures);
        let (coming, engines) = (&mut self.next, &self.engines);
        let lines = &self.lines;
        let step = || {
            bar.inc(1);
            if let Some(lines) = lines {
                lines.tick();
            }
        };
        let (skipped, count) = (&mut self.skipped, &mut self.count);
        let mut stop = None;
        let fail = |path: Option<&Path>, why: &Failed| {
            failed.set(true);
            let (output, printed) = &mut *out.borrow_mut();
            if printed.is_ok() {
                *printed = bar.suspend(|| failure(args, path, why, output));
            }
        };
        let mut next = || {
            if cancel.is_cancelled() || out.borrow().1.is_err() {
                return Next::End;
            }
            // The next one in order, although others may have been read already.
            let read = match coming.take() {
                Some(next) => Ok(next),
                None => pictures.try_recv(),
            }
            .and_then(|next: Coming| {
                next.try_recv().inspect_err(|error| {
                    if *error == TryRecvError::Empty {
                        *coming = Some(next);
                    }
                })
            });
            match read {
                Ok(Ok((path, picture))) => {
                    *count += 1;
                    under_way.borrow_mut().push_back(path);
                    Next::Picture(picture)
                }
                Ok(Err(unread)) => {
                    let (path, error) = *unread;
                    *count += u64::from(!error.is_empty());
                    step();
                    let own = bar.suspend(|| match &path {
                        Some(path) => skipped.unreadable(path, error),
                        None => Err(Unreadable::Own(error)),
                    });
                    match own {
                        Ok(()) => Next::Pending,
                        Err(Unreadable::Own(error)) => {
                            fail(path.as_deref(), &Failed::of(&error, 0));
                            Next::Pending
                        }
                        // What is under way comes to its end.
                        Err(Unreadable::TooMany(error)) => {
                            stop = Some(error);
                            Next::End
                        }
                    }
                }
                Err(TryRecvError::Empty) => Next::Pending,
                Err(TryRecvError::Disconnected) => Next::End,
            }
        };
        // Outcomes come in the order of the pictures.
        let mut tell = |told: Told<'_>| {
            match told {
                Told::Answer { engine, answer, .. } => {
                    let now = answer.result.trailer.cycles;
                    let before = counted[engine].replace(now);
                    let cycles = before.map(|before| now.wrapping_sub(before));
                    let timed = Timed {
                        // An engine without a clock counts none.
                        cycles: cycles.filter(|cycles| *cycles > 0),
                        latency_ms: 1e3 * answer.timing.total.as_secs_f64(),
                    };
                    done += 1;
                    step();
                    let path = under_way.borrow_mut().pop_front();
                    let (output, printed) = &mut *out.borrow_mut();
                    if let (Some(path), true) = (path, printed.is_ok()) {
                        let logits = &answer.result.logits;
                        let measured = Measured {
                            timed: Some(timed),
                            ..Measured::default()
                        };
                        *printed = bar.suspend(|| {
                            report(args, target, backend, &path, logits, measured, output)
                        });
                    }
                }
                _ if cancel.is_cancelled() => {}
                Told::Out { engine, .. } | Told::Back { engine, .. } => {
                    counted[engine] = None;
                    let (output, printed) = &mut *out.borrow_mut();
                    if printed.is_ok() {
                        let json = args.json.on;
                        *printed = bar.suspend(|| pool::tell_engine(&told, engines, json, output));
                    }
                }
                Told::Again { engine, lost } => {
                    counted[engine] = None;
                    let under_way = under_way.borrow();
                    let path = under_way.get((lost.index - done - gone.get()) as usize);
                    let path = path.map_or("a picture".into(), |path| shown(path));
                    let text = format!("{path}: {}; trying it again", lost.error);
                    bar.suspend(|| progress::note(text));
                }
                Told::Failed { lost } => {
                    // Of one engine; one of several was told to be out.
                    if engines.is_empty() {
                        counted[0] = None;
                    }
                    gone.set(gone.get() + 1);
                    step();
                    let path = under_way.borrow_mut().pop_front();
                    let why = Failed {
                        kind: lost.error.kind(),
                        message: lost.error.to_string(),
                        attempt: lost.attempt,
                    };
                    fail(path.as_deref(), &why);
                }
            }
            match out.borrow().1.is_err() || cancel.is_cancelled() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        let result = on.each(self.retries, &mut next, &mut tell);
        let failed = failed.get();
        out.into_inner().1?;
        on.in_order(done)?;
        result?;
        if let Some(error) = stop {
            return Err(error);
        }
        self.skipped.report();
        if self.count == 0 && !self.args.pictures.allow_empty {
            return Err(CliError::NoInput);
        }
        Ok(match failed {
            true => Outcome::Bad,
            false => Outcome::Good,
        })
    }
}

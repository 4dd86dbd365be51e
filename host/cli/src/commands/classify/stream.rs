//! `firebrick classify` on a board, or with `--record`: pictures streamed through a device at constant memory, results
//! printed as they come.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::BufWriter;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::Duration;

use firebrick_driver::{Cancel, Device, Next, Program, Recorder, Session, Tried};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Read, failure, read, report};
use crate::device::{self, Carrier};
use crate::error::{CliError, Outcome};
use crate::output::Output;
use crate::outputs::{Kind, Place};
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
    program: Program,
    backend: String,
    deadline: Duration,
    retries: u32,
    cancel: Cancel,
    pictures: Receiver<Read>,
    bar: ProgressBar,
    /// In place of the bar where there is no terminal.
    lines: Option<Counter>,
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
            let inputs: Vec<_> = pictures.chain(args.target.model.as_deref()).collect();
            Some(Place::check(path, Kind::RECORDING, &inputs, args.force.on)?)
        }
        None => None,
    };
    let cancel = signals::interrupt()?;
    let target = Arc::new(target::on(Some(on), &args.target, style)?);
    let program = target.compile(false)?;
    let board = device::open(on, &device::behaviour(&args.simulation), style)?;
    let deadline = engine::deadline(args.simulation.deadline, on, &program, false);
    let sources = Sources::of(&args.pictures);
    let total = sources.total();
    let bar = bar(style, total);
    let lines = total
        .filter(|_| style == Style::Lines)
        .map(|total| Counter::new(style, "classifying", total as usize));
    let mut batch = Batch {
        args,
        target: &target,
        program,
        backend: on.name(),
        deadline,
        retries: args.retries.on(Some(on)),
        cancel,
        pictures: reader(sources, Arc::clone(&target)),
        bar,
        lines,
        skipped: Skipped::new(&args.pictures),
        count: 0,
    };
    let outcome = match &place {
        None => batch.run(&mut Session::open(board, target.config())?, output),
        Some(place) => {
            let error = |source| place.error(source);
            let file = BufWriter::new(place.create_now()?);
            let mut recorder = Recorder::new(board, file).map_err(error)?;
            // Whatever comes of it, also of the opening: the file is for what goes wrong.
            let outcome = Session::open(&mut recorder, target.config())
                .map_err(CliError::from)
                .and_then(|mut session| batch.run(&mut session, output));
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

/// Reads and scales pictures on a thread of its own: standard input may make it wait.
fn reader(sources: Sources, target: Arc<Target>) -> Receiver<Read> {
    let (to, pictures) = sync_channel(AHEAD);
    std::thread::spawn(move || {
        for path in sources {
            if to.send(read(path, &target)).is_err() {
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

impl Batch<'_> {
    fn run<D: Device>(
        &mut self,
        session: &mut Session<D>,
        output: &mut Output,
    ) -> Result<Outcome, CliError> {
        session.deadline = self.deadline;
        let mut done = 0;
        let under_way = RefCell::new(VecDeque::new());
        let out = RefCell::new((&mut *output, Ok::<(), CliError>(())));
        let (failed, gone) = (Cell::new(false), Cell::new(0));
        let (args, target, backend) = (self.args, self.target, self.backend.as_str());
        let (cancel, bar, pictures) = (&self.cancel, &self.bar, &self.pictures);
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
            match pictures.try_recv() {
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
        let mut tell = |tried: Tried<'_>| {
            match tried {
                Tried::Answer(answer, _) => {
                    done += 1;
                    step();
                    let path = under_way.borrow_mut().pop_front();
                    let (output, printed) = &mut *out.borrow_mut();
                    if let (Some(path), true) = (path, printed.is_ok()) {
                        let logits = &answer.result.logits;
                        *printed = bar
                            .suspend(|| report(args, target, backend, &path, logits, None, output));
                    }
                }
                Tried::Again(_) | Tried::Failed(_) if cancel.is_cancelled() => {}
                Tried::Again(lost) => {
                    let under_way = under_way.borrow();
                    let path = under_way.get((lost.index - done - gone.get()) as usize);
                    let path = path.map_or("a picture".into(), |path| shown(path));
                    let text = format!("{path}: {}; trying it again", lost.error);
                    bar.suspend(|| progress::note(text));
                }
                Tried::Failed(lost) => {
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
        let result = session.stream_each(&self.program, self.retries, &mut next, &mut tell);
        let failed = failed.get();
        out.into_inner().1?;
        signals::in_order(session, done, Ok(()))?;
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

//! `firebrick classify --device`: pictures streamed through a device at constant memory, results
//! printed as they come.

use std::collections::VecDeque;
use std::io::BufWriter;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use firebrick_driver::{
    Answer, Cancel, Device, DeviceError, Next, Program, Recorder, Session, SessionError, Uri,
};
use indicatif::{ProgressBar, ProgressStyle};
use ndarray::Array3;

use super::report;
use crate::error::{CliError, Outcome};
use crate::output::Output;
use crate::outputs::{Kind, Place};
use crate::progress::{self, Style};
use crate::skipped::{Skipped, Unreadable};
use crate::sources::Sources;
use crate::target::Target;
use crate::{args, device, signals};

/// Pictures that are read ahead.
const AHEAD: usize = 4;

/// A picture, or why there is none; which file, if it is one.
type Read = Result<(PathBuf, Array3<u8>), (Option<PathBuf>, CliError)>;

/// A batch under way.
struct Batch<'a> {
    args: &'a args::Classify,
    target: &'a Target,
    program: Program,
    backend: String,
    cancel: Cancel,
    pictures: Receiver<Read>,
    bar: ProgressBar,
    ended: bool,
    failed: bool,
    skipped: Skipped,
    /// Pictures that came, also those that could not be read.
    count: u64,
}

pub fn run(
    args: &args::Classify,
    uri: &Uri,
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
    let config = device::configuration(uri, args.target.preset.given.as_ref(), &cancel, style)?;
    let target = Arc::new(Target::load_for(&args.target, config)?);
    let program = target.compile(false)?;
    let board = device::open(uri, &cancel, style)?;
    let sources = Sources::new(&args.pictures.images).allow_empty(args.pictures.allow_empty);
    let bar = bar(style, sources.total());
    let mut batch = Batch {
        args,
        target: &target,
        program,
        backend: uri.to_string(),
        cancel,
        pictures: reader(sources, Arc::clone(&target)),
        bar,
        ended: false,
        failed: false,
        skipped: Skipped::new(&args.pictures.images),
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
            let read = match path {
                Ok(path) => match target.picture(&path) {
                    Ok(picture) => Ok((path, picture)),
                    Err(error) => Err((Some(path), error)),
                },
                Err(error) => Err((None, error)),
            };
            if to.send(read).is_err() {
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
        if let Some(deadline) = self.args.simulation.deadline {
            session.deadline = deadline;
        }
        let mut done = 0;
        while !self.ended {
            let under_way = std::cell::RefCell::new(VecDeque::new());
            let mut printed = Ok(());
            let (args, target, backend) = (self.args, self.target, self.backend.as_str());
            let (cancel, bar, pictures) = (&self.cancel, &self.bar, &self.pictures);
            let (ended, failed) = (&mut self.ended, &mut self.failed);
            let (skipped, count) = (&mut self.skipped, &mut self.count);
            let mut stop = None;
            let mut next = || {
                if cancel.is_cancelled() {
                    return Next::End;
                }
                match pictures.try_recv() {
                    Ok(Ok((path, picture))) => {
                        *count += 1;
                        under_way.borrow_mut().push_back(path);
                        Next::Picture(picture)
                    }
                    Ok(Err((path, error))) => {
                        *count += u64::from(!error.is_empty());
                        bar.inc(1);
                        let own = || match path {
                            Some(path) => skipped.unreadable(&path, error),
                            None => Err(Unreadable::Own(error)),
                        };
                        match bar.suspend(own) {
                            Ok(()) => Next::Pending,
                            Err(Unreadable::Own(error)) => {
                                bar.suspend(|| progress::error(error));
                                *failed = true;
                                Next::Pending
                            }
                            // What is under way comes to its end.
                            Err(Unreadable::TooMany(error)) => {
                                stop = Some(error);
                                *ended = true;
                                Next::End
                            }
                        }
                    }
                    Err(TryRecvError::Empty) => Next::Pending,
                    Err(TryRecvError::Disconnected) => {
                        *ended = true;
                        Next::End
                    }
                }
            };
            let mut answer = |answer: Answer| {
                done += 1;
                bar.inc(1);
                if let Some(path) = under_way.borrow_mut().pop_front() {
                    let logits = &answer.result.logits;
                    printed =
                        bar.suspend(|| report(args, target, backend, &path, logits, None, output));
                }
                match printed.is_err() || cancel.is_cancelled() {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            };
            let result = session.stream(&self.program, &mut next, &mut answer);
            printed?;
            signals::in_order(session, done, Ok(()))?;
            if let Some(error) = stop {
                return Err(error);
            }
            let Err(error) = result else { continue };
            let lost = under_way.into_inner();
            if lost.is_empty() || is_final(&error) {
                return Err(error.into());
            }
            for path in lost {
                let text = format!("{}: {error}", path.display());
                self.bar.suspend(|| progress::error(text));
            }
            self.failed = true;
        }
        self.skipped.report();
        if self.count == 0 && !self.args.pictures.allow_empty {
            return Err(CliError::NoInput);
        }
        Ok(match self.failed {
            true => Outcome::Bad,
            false => Outcome::Good,
        })
    }
}

/// Whether no other picture would fare better.
fn is_final(error: &SessionError) -> bool {
    matches!(
        error,
        SessionError::Device(DeviceError::LinkLost { .. } | DeviceError::Cancelled { .. })
    )
}

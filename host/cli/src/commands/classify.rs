//! `firebrick classify`: what pictures show.

mod stream;

use firebrick::{best, probabilities};
use ndarray::Array3;
use schemars::JsonSchema;
use serde::Serialize;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use crate::accounting;
use crate::device::Carrier;
use crate::engine::Figures;
use crate::error::{CliError, Outcome};
use crate::output::{Output, logits_sha256};
use crate::progress::{self, Counter, Style};
use crate::runner::{Failed, Runner};
use crate::skipped::{Skipped, Unreadable};
use crate::sources::Sources;
use crate::target::{self, Target, shown};
use crate::{args, pages, signals};

/// Pictures that an engine runs back to back, if nothing else is said.
const BATCH: u16 = 4;

/// One class of a picture.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Class<'a> {
    class: usize,
    label: &'a str,
    score: f64,
}

/// What is printed of one picture.
#[derive(JsonSchema, Serialize)]
pub struct Report<'a> {
    image: String,
    backend: &'a str,
    preset: &'a str,
    network: &'a str,
    height: usize,
    width: usize,
    top: Vec<Class<'a>>,
    logits_sha256: String,
    #[serde(flatten)]
    measured: Measured,
}

/// What is known of how long a picture took.
#[derive(Default, JsonSchema, Serialize)]
struct Measured {
    /// Of a simulated engine, and of the software engine.
    #[serde(flatten)]
    figures: Option<Figures>,
    #[serde(flatten)]
    timed: Option<Timed>,
}

/// Of a picture that was streamed through a device.
#[derive(JsonSchema, Serialize)]
struct Timed {
    /// Clock cycles by the engine's own count, from the result before to this one; none of the
    /// first after a reset, and of engines without a clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    cycles: Option<u32>,
    /// On the host, from the first byte offered until the last of the result, in milliseconds.
    latency_ms: f64,
}

/// What is printed of a picture without a result.
#[derive(JsonSchema, Serialize)]
pub struct Failure<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    /// The kind of error.
    error: &'a str,
    message: &'a str,
    /// How often it was tried; 0 if it was not read, or not taken by the device.
    attempt: u32,
}

pub fn run(args: &args::Classify, style: Style, output: &mut Output) -> Result<Outcome, CliError> {
    let images = args.pictures.images.iter().map(PathBuf::as_path);
    let model = args.target.network.model.as_deref();
    let inputs: Vec<&Path> = images.chain(model).collect();
    let record = [("--record", args.record.as_deref())];
    let page = pages::check(&args.html, &inputs, &record, args.force.on, output)?;
    let outcome = pictures(args, style, output)?;
    pages::write(page.as_ref(), output, |objects| {
        pages::classify(objects, pages::run_of(None, &[]))
    })?;
    Ok(outcome)
}

fn pictures(args: &args::Classify, style: Style, output: &mut Output) -> Result<Outcome, CliError> {
    if let Some(carriers) = args.on.several()? {
        if args.record.is_some() {
            args.on.one("--record")?;
        }
        return stream::run_several(args, &carriers, style, output);
    }
    let carrier = args
        .on
        .carrier(args.backend.engine(), &args.target.preset)?;
    // What crosses is recorded of a stream, whatever carries it out.
    if let Some(carrier) = carrier
        .as_ref()
        .filter(|carrier| carrier.is_board() || args.record.is_some())
    {
        return stream::run(args, carrier, style, output);
    }
    let target = target::with_classes(carrier.as_ref(), &args.target, style)?;
    let mut runner = Runner::new(carrier.as_ref(), &args.simulation, &target, style)?;
    let backend = carrier.as_ref().map_or("model".into(), Carrier::name);
    let mut outcome = Outcome::Good;
    let batch = match carrier {
        None => 1,
        Some(_) => usize::from(args.batch.unwrap_or(BATCH)),
    };
    let retries = args.retries.on(carrier.as_ref());
    let sources = Sources::of(&args.pictures);
    let total = sources.total().filter(|total| *total > 1);
    let counter = counter(total, carrier.as_ref(), style);
    let mut sources = sources.until(signals::is_interrupted).peekable();
    let mut skipped = Skipped::new(&args.pictures);
    let mut count = 0;
    while sources.peek().is_some() {
        let (mut names, mut pictures) = (Vec::new(), Vec::new());
        for path in sources.by_ref().take(batch) {
            count += usize::from(!path.as_ref().is_err_and(CliError::is_empty));
            if let Some(counter) = &counter {
                counter.tick();
            }
            let (path, error) = match read(path, &target) {
                Ok((path, picture)) => {
                    names.push(path);
                    pictures.push(picture);
                    continue;
                }
                Err(failed) => *failed,
            };
            let own = match &path {
                Some(path) => skipped.unreadable(path, error),
                None => Err(Unreadable::Own(error)),
            };
            match own {
                Ok(()) => {}
                Err(Unreadable::Own(error)) => {
                    failure(args, path.as_deref(), &Failed::of(&error, 0), output)?;
                    outcome = Outcome::Bad;
                }
                Err(Unreadable::TooMany(error)) => return Err(error),
            }
        }
        let Some(first) = names.first() else { continue };
        runner.open()?;
        let label = match names.len() {
            1 => shown(first),
            n => format!("{} and {} more", shown(first), n - 1),
        };
        let label = match total {
            Some(total) => format!("{count} of {total}: {label}"),
            None => label,
        };
        let results = runner.each(&pictures, &label, args.layers, retries)?;
        for (path, result) in names.iter().zip(results) {
            match result {
                Ok((logits, figures)) => {
                    let measured = Measured {
                        figures,
                        ..Measured::default()
                    };
                    report(args, &target, &backend, path, &logits, measured, output)?;
                }
                Err(failed) => {
                    failure(args, Some(path), &failed, output)?;
                    outcome = Outcome::Bad;
                }
            }
        }
    }
    runner.in_order()?;
    skipped.report();
    if count == 0 && !args.pictures.allow_empty {
        return Err(CliError::NoInput);
    }
    Ok(outcome)
}

/// Progress over all pictures, where the results are not seen to come. The progress of a simulated
/// engine's run has a line of its own, which says how many pictures there are.
fn counter(total: Option<u64>, carrier: Option<&Carrier>, style: Style) -> Option<Counter> {
    let seen = style == Style::Bars && std::io::stdout().is_terminal();
    let total = total.filter(|_| !carrier.is_some_and(Carrier::is_sim) && !seen)?;
    Some(Counter::new(style, "classifying", total as usize))
}

/// A path and its picture; or the path, if it is known, and why there is none.
type Read = Result<(PathBuf, Array3<u8>), Box<(Option<PathBuf>, CliError)>>;

fn read(path: Result<PathBuf, CliError>, target: &Target) -> Read {
    let path = path.map_err(|error| Box::new((None, error)))?;
    match target.picture(&path) {
        Ok(picture) => Ok((path, picture)),
        Err(error) => Err(Box::new((Some(path), error.into()))),
    }
}

/// Reports a picture without a result: to standard error, and as an object to standard output.
fn failure(
    args: &args::Classify,
    path: Option<&Path>,
    failed: &Failed,
    output: &mut Output,
) -> Result<(), CliError> {
    let message = &failed.message;
    match (path, failed.kind, failed.attempt) {
        // Those name the file themselves.
        (None, ..) | (_, "picture", _) => progress::error(message),
        (Some(path), _, 0 | 1) => progress::error(format_args!("{}: {message}", path.display())),
        (Some(path), _, n) => progress::error(format_args!(
            "{}: {message} (tried {n} times)",
            path.display()
        )),
    }
    let failure = Failure {
        image: path.map(shown),
        error: failed.kind,
        message,
        attempt: failed.attempt,
    };
    output.object(&failure, args.json.on)
}

fn report(
    args: &args::Classify,
    target: &Target,
    backend: &str,
    path: &Path,
    logits: &[i32],
    measured: Measured,
    output: &mut Output,
) -> Result<(), CliError> {
    let scores = probabilities(&target.network, logits, target.logit_scale());
    let top = best(logits, args.top.into())
        .into_iter()
        .map(|class| Class {
            class,
            label: target.network.labels.get(class).map_or("", String::as_str),
            score: scores[class],
        });
    let report = Report {
        image: shown(path),
        backend,
        preset: &target.config().name,
        network: &target.network.name,
        height: target.size.height,
        width: target.size.width,
        top: top.collect(),
        logits_sha256: logits_sha256(logits),
        measured,
    };
    output.object(&report, args.json.on)?;
    if args.json.on {
        return Ok(());
    }
    output.line(&report.image)?;
    for class in &report.top {
        output.line(format_args!(
            "  {:6.2} %  {} (class {})",
            100.0 * class.score,
            class.label,
            class.class
        ))?;
    }
    if let Some(figures) = &report.measured.figures {
        for line in figures.text().lines() {
            output.line(format_args!("  {line}"))?;
        }
        if let Some(layers) = &figures.run.layers {
            output.line(accounting::text(layers))?;
        }
    }
    output.flush()
}

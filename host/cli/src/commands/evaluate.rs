//! `firebrick evaluate`: what a packed model costs in accuracy.

mod reference;
mod report;
#[cfg(feature = "tract")]
mod tract;

use std::path::Path;

use crate::args::{self, Backend, EngineBackend};
use crate::error::{CliError, Outcome};
use crate::output::Output;
use crate::pictures;
use crate::progress::{self, Counter, Style};
use crate::runner::Runner;
use crate::target::{Target, shown};
use reference::Reference;
use report::{Found, Report};

/// Pictures between which the counter moves.
const BATCH: usize = 8;

/// Names what runs the packed model.
fn backend(args: &args::Evaluate, target: &Target) -> String {
    let preset = &target.config().name;
    match args.backend {
        Backend::Model => "integer model".into(),
        Backend::Sim => format!("{} engine, {preset}", EngineBackend::Sim.name()),
        Backend::Software => format!("{} engine, {preset}", EngineBackend::Software.name()),
    }
}

pub fn run(args: &args::Evaluate, style: Style, output: &mut Output) -> Result<Outcome, CliError> {
    let target = Target::load(&args.target)?;
    let listed = pictures::labelled(&args.labels, target.network.classes())?;
    let most = args.pictures.map_or(usize::MAX, |n| n as usize);
    let listed = pictures::spread(listed, most);
    // The counter shows progress.
    let mut runner = Runner::new(args.backend, &args.simulation, &target, Style::None)?;
    let reference = match &args.reference {
        Some(path) => Some(Reference::open(path, &target)?),
        None => None,
    };
    runner.open()?;
    let step = target.logit_scale();
    let mut found = Vec::new();
    let mut failed = 0;
    let counter = Counter::new(style, "evaluating", listed.len());
    for batch in listed.chunks(BATCH) {
        let mut inputs = Vec::new();
        let (mut classes, mut names) = (Vec::new(), Vec::new());
        for picture in batch {
            match target.picture(&picture.path) {
                Ok(input) => {
                    inputs.push(input);
                    classes.push(picture.class);
                    names.push(shown(&picture.path));
                }
                Err(error) => {
                    progress::error(error);
                    failed += 1;
                }
            }
        }
        let floats = match &reference {
            Some(reference) => Some(reference.scores(&inputs)?),
            None => None,
        };
        let sums = runner.each(&inputs, "pictures", false, args.retries.elsewhere())?;
        for (index, sums) in sums.into_iter().enumerate() {
            let logits = match sums {
                Ok((logits, _)) => logits,
                Err(why) => {
                    progress::error(format_args!("{}: {}", names[index], why.message));
                    failed += 1;
                    continue;
                }
            };
            let scores: Vec<f64> = logits.iter().map(|&l| f64::from(l) * step).collect();
            let float = floats.as_ref().and_then(|f| f.get(index));
            found.push(Found::of(classes[index], &scores, float.map(Vec::as_slice)));
        }
        batch.iter().for_each(|_| counter.tick());
    }
    drop(counter);
    let report = Report::new(
        &target,
        args.target
            .model
            .as_deref()
            .map_or("built in".into(), shown),
        backend(args, &target),
        reference.as_ref().map(Reference::name),
        failed,
        &found,
        args.worst,
    );
    if let Some(base) = &args.report {
        write(base, ".md", &report.markdown())?;
        let json = serde_json::to_string_pretty(&report).unwrap_or_default();
        write(base, ".json", &json)?;
    }
    if args.json.on {
        output.json(&report)?;
    } else {
        output.line(report.markdown())?;
    }
    Ok(if failed == 0 {
        Outcome::Good
    } else {
        Outcome::Bad
    })
}

fn write(base: &Path, ending: &str, text: &str) -> Result<(), CliError> {
    let mut path = base.as_os_str().to_owned();
    path.push(ending);
    let path = Path::new(&path);
    std::fs::write(path, text)
        .map_err(|e| CliError::file(path, e, "name files that can be written with --report"))
}

//! `firebrick evaluate`: what a packed model costs in accuracy.

mod preparation;
mod reference;
mod report;
#[cfg(feature = "tract")]
mod tract;

use std::path::{Path, PathBuf};

use crate::args;
use crate::device::Carrier;
use crate::error::{CliError, Outcome};
use crate::output::Output;
use crate::outputs::{Kind, Place};
use crate::pictures;
use crate::pool;
use crate::progress::{self, Counter, Style};
use crate::runner::Runner;
use crate::target::{self, Target, shown};
use reference::Reference;
use report::{Found, Report};

/// Pictures between which the counter moves.
const BATCH: usize = 8;
/// The same for each of several engines.
const SHARE: usize = 32;

/// Names what runs the packed model.
fn backend(carrier: Option<&Carrier>, target: &Target) -> String {
    match carrier {
        None => "integer model".into(),
        Some(carrier) => format!("{} engine, {}", carrier.name(), target.config().name),
    }
}

pub fn run(args: &args::Evaluate, style: Style, output: &mut Output) -> Result<Outcome, CliError> {
    let inputs = [&args.target.network.model, &args.reference];
    let inputs = inputs.into_iter().flatten().map(|path| path.as_path());
    let inputs: Vec<_> = inputs.chain([args.labels.as_path()]).collect();
    let checked = |base: &PathBuf, ending: &str| {
        let mut path = base.clone().into_os_string();
        path.push(ending);
        Place::check(Path::new(&path), Kind::REPORT, &inputs, args.force.on)
    };
    let places = match &args.report {
        Some(base) => Some((checked(base, ".md")?, checked(base, ".json")?)),
        None => None,
    };
    let several = args.on.several()?;
    let carrier = match &several {
        Some(_) => None,
        None => args
            .on
            .carrier(args.backend.engine(), &args.target.preset)?,
    };
    let (pool, target) = match &several {
        Some(carriers) => {
            let opened = pool::open(carriers, &args.target, &args.simulation, style)?;
            (Some(opened.0), opened.1)
        }
        None => (None, target::on(carrier.as_ref(), &args.target, style)?),
    };
    let listed = pictures::labelled(&args.labels, target.network.classes())?;
    let most = args.pictures.map_or(usize::MAX, |n| n as usize);
    let listed = pictures::spread(listed, most);
    // The counter shows progress.
    let (batch, retries) = match &several {
        // So many that the last ones of a batch leave no engine idle for long.
        Some(carriers) => (SHARE * carriers.len(), args.retries.on_several()),
        None => (BATCH, args.retries.on(carrier.as_ref())),
    };
    let mut runner = match pool {
        Some(pool) => Runner::several(pool),
        None => Runner::new(carrier.as_ref(), &args.simulation, &target, Style::None)?,
    };
    let reference = match &args.reference {
        Some(path) => Some(Reference::open(path, &target)?),
        None => None,
    };
    runner.open()?;
    let step = target.logit_scale();
    let mut found = Vec::new();
    let mut failed = 0;
    let counter = Counter::new(style, "evaluating", listed.len());
    for batch in listed.chunks(batch) {
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
        let sums = runner.each(&inputs, "pictures", false, retries)?;
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
    let preparation = match &reference {
        Some(reference) => preparation::better(reference, &listed)?,
        None => None,
    };
    if let Some(better) = &preparation {
        progress::warning(format_args!("{better}"));
    }
    let mut report = Report::new(
        &target,
        args.target
            .network
            .model
            .as_deref()
            .map_or("built in".into(), shown),
        match several {
            Some(_) => format!("{}, {}", pool::name(&args.on.device), target.config().name),
            None => backend(carrier.as_ref(), &target),
        },
        reference.as_ref().map(Reference::name),
        failed,
        &found,
        args.worst,
    );
    report.better_preparation = preparation;
    if let Some((markdown, json)) = &places {
        markdown.write(report.markdown().as_bytes())?;
        let text = serde_json::to_vec_pretty(&report).map_err(|e| json.error(e.into()))?;
        json.write(&text)?;
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

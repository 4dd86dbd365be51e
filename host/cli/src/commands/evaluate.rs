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
use crate::live;
use crate::output::Output;
use crate::outputs::{Kind, Place};
use crate::pages;
use crate::pictures;
use crate::pool;
use crate::progress::{self, Counter, Style};
use crate::runner::Runner;
use crate::target::{self, shown};
pub use reference::Reference;
use report::Found;
pub use report::Report;
pub use report::{pairs, spread};

/// Pictures between which the counter moves.
const BATCH: usize = 8;
/// The same for each of several engines.
const SHARE: usize = 32;

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
    let report = |ending: &str| {
        let base = args.report.clone().map(PathBuf::into_os_string);
        base.map(|mut base| {
            base.push(ending);
            PathBuf::from(base)
        })
    };
    let (markdown, json) = (report(".md"), report(".json"));
    let others = [
        ("--report", markdown.as_deref()),
        ("--report", json.as_deref()),
    ];
    let page = pages::check(&args.html, &inputs, &others, args.force.on, output)?;
    let live = live::start(&args.live, "Evaluating", output, |objects| {
        pages::evaluate(objects, pages::run_of(None, &[]))
    })?;
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
        None => (
            None,
            target::with_classes(carrier.as_ref(), &args.target, style)?,
        ),
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
    let (mut found, mut pairs) = (Vec::new(), Vec::new());
    let mut failed = 0;
    let made = |failed: usize, found: &[Found]| {
        Report::new(
            &target,
            args.target
                .network
                .model
                .as_deref()
                .map_or("built in".into(), shown),
            match several {
                Some(_) => pool::name(&args.on.device),
                None => carrier.as_ref().map_or("model".into(), Carrier::name),
            },
            reference.as_ref().map(Reference::name),
            failed,
            found,
            args.worst,
        )
    };
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
            if let Some(float) = float {
                pairs.push(report::pairs(&scores, float));
            }
            found.push(Found::of(classes[index], &scores, float.map(Vec::as_slice)));
        }
        batch.iter().for_each(|_| counter.tick());
        if output.wants_interim() {
            output.interim(&made(failed, &found))?;
        }
    }
    drop(counter);
    let preparation = match &reference {
        Some(reference) => preparation::better(reference, &listed)?,
        None => None,
    };
    if let Some(better) = &preparation {
        progress::warning(format_args!("{better}"));
    }
    let mut report = made(failed, &found);
    report.better_preparation = preparation;
    report.scores = report::spread(&pairs);
    if let Some((markdown, json)) = &places {
        markdown.write(report.markdown().as_bytes())?;
        let text = serde_json::to_vec_pretty(&report).map_err(|e| json.error(e.into()))?;
        json.write(&text)?;
    }
    output.object(&report, args.json.on)?;
    if !args.json.on {
        output.line(report.markdown())?;
    }
    pages::write(page.as_ref(), output, |objects| {
        pages::evaluate(objects, pages::run_of(Some(target.config()), &[]))
    })?;
    live::end(live);
    Ok(if failed == 0 {
        Outcome::Good
    } else {
        Outcome::Bad
    })
}

//! `firebrick evaluate`: what a packed model costs in accuracy.

mod reference;
mod report;
#[cfg(feature = "tract")]
mod tract;

use std::path::Path;

use firebrick_driver::Program;
use firebrick_model::Model;
use ndarray::Array3;

use crate::args::{self, Backend, EngineBackend};
use crate::engine::{Disturbance, Engine, Options};
use crate::error::{CliError, Outcome};
use crate::output::Output;
use crate::pictures;
use crate::progress::{self, Counter, Style};
use crate::target::{Target, shown};
use reference::Reference;
use report::{Found, Report};

/// Pictures between which the counter moves.
const BATCH: usize = 8;

/// What runs the packed model.
enum Runner {
    Model(Model),
    Engine {
        engine: Box<Engine>,
        program: Box<Program>,
        disturbance: Disturbance,
    },
}

impl Runner {
    fn new(args: &args::Evaluate, target: &Target) -> Result<Runner, CliError> {
        let backend = match args.backend {
            Backend::Model => return Ok(Runner::Model(Model::new(&target.network)?)),
            Backend::Sim => EngineBackend::Sim,
            Backend::Software => EngineBackend::Software,
        };
        let options = Options {
            backend,
            config: args.target.preset.config.clone(),
            seed: args.simulation.seed.unwrap_or(0),
            random_state: false,
            waveform: None,
            deadline: args.simulation.deadline,
            // The counter shows progress.
            style: Style::None,
        };
        Ok(Runner::Engine {
            program: Box::new(target.compile(false)?),
            engine: Box::new(Engine::new(options)?),
            disturbance: Disturbance {
                idle: args.simulation.idle.unwrap_or(0.0),
                back_pressure: args.simulation.back_pressure.unwrap_or(0.0),
            },
        })
    }

    fn name(&self, args: &args::Evaluate) -> String {
        match self {
            Runner::Model(_) => "integer model".into(),
            Runner::Engine { .. } => format!(
                "{:?} engine, {}",
                args.backend, args.target.preset.config.name
            )
            .to_lowercase(),
        }
    }

    fn logits(&mut self, pictures: &[Array3<u8>]) -> Result<Vec<Vec<i32>>, CliError> {
        match self {
            Runner::Model(model) => pictures
                .iter()
                .map(|picture| Ok(model.logits(&picture.view())?))
                .collect(),
            Runner::Engine {
                engine,
                program,
                disturbance,
            } => {
                let runs = engine.run_many(program, pictures, "pictures", *disturbance, false)?;
                Ok(runs.into_iter().map(|run| run.result.logits).collect())
            }
        }
    }
}

pub fn run(args: &args::Evaluate, style: Style, output: &mut Output) -> Result<Outcome, CliError> {
    let target = Target::load(&args.target)?;
    let listed = pictures::labelled(&args.labels, target.network.classes())?;
    let most = args.pictures.map_or(usize::MAX, |n| n as usize);
    let listed = pictures::spread(listed, most);
    let mut runner = Runner::new(args, &target)?;
    let reference = match &args.reference {
        Some(path) => Some(Reference::open(path, &target)?),
        None => None,
    };
    if let Runner::Engine { engine, .. } = &mut runner {
        engine.open()?;
    }
    let step = target.logit_scale();
    let mut found = Vec::new();
    let mut failed = 0;
    let counter = Counter::new(style, "evaluating", listed.len());
    for batch in listed.chunks(BATCH) {
        let mut inputs = Vec::new();
        let mut classes = Vec::new();
        for picture in batch {
            match target.picture(&picture.path) {
                Ok(input) => {
                    inputs.push(input);
                    classes.push(picture.class);
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
        for (index, logits) in runner.logits(&inputs)?.into_iter().enumerate() {
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
        runner.name(args),
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

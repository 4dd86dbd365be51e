//! `firebrick verify`: every feature map of the engine against the integer model.

mod compare;
mod conclude;
mod report;
mod save;
mod units;
#[cfg(feature = "sim")]
mod wave;

use std::hash::{BuildHasher, Hasher};
use std::ops::Range;
use std::path::{Path, PathBuf};

use firebrick_driver::{DeviceError, ImageResult, Program, SessionError};
use firebrick_model::{Activations, Model};
use firebrick_report::data::Map;
use firebrick_spec::HwConfig;

use crate::device::{self, Behaviour, Carrier};
use crate::engine::{Disturbance, Engine, Options};
use crate::error::{CliError, Outcome};
use crate::output::Output;
#[cfg(feature = "sim")]
use crate::outputs::{Kind, Place};
use crate::progress::{self, Style};
use crate::sources::Sources;
use crate::target::{self, Target, shown};
use crate::{args, live, pages, signals};
use compare::{Layer, compare};
pub use conclude::Sent;
use conclude::{Case, Divergence};
pub use report::Object;
use report::{Conclusion, Picture, Reporter, Summary};
use save::Saver;
#[cfg(feature = "sim")]
use wave::{Runs, Waves, Wrong};

/// Probability of an idle cycle and of back-pressure, if nothing else is said.
const DISTURBANCE: f64 = 0.1;

/// Cycles to record of a run whose sums are wrong and whose maps are not known.
const LAST_CYCLES: u64 = 20_000;

/// All that one picture needs.
struct Verifier<'a> {
    target: &'a Target,
    model: Model,
    /// Sends every feature map.
    checked: Program,
    /// As `classify` runs it.
    plain: Program,
    engine: Engine,
    disturbance: Disturbance,
    seed: u32,
    saver: Option<Saver<'a>>,
    /// What to do about a value that is wrong, where there is no simulated engine.
    advice: String,
    /// For the differences of the layer of the first divergence, if they are asked for.
    differences: Option<&'a mut Option<Map>>,
    /// Records the first run that goes wrong, if that is asked for.
    #[cfg(feature = "sim")]
    waves: Option<Waves<'a>>,
}

pub fn run(args: &args::Verify, style: Style, output: &mut Output) -> Result<Outcome, CliError> {
    let images = args.pictures.images.iter().map(PathBuf::as_path);
    let model = args.target.network.model.as_deref();
    let inputs: Vec<&Path> = images.chain(model).collect();
    let waveform = [("--waveform", args.waveform.as_deref())];
    let page = pages::check(&args.html, &inputs, &waveform, args.force.on, output)?;
    let live = live::start(&args.live, "Comparing", output, |objects| {
        pages::verify(objects, None, pages::run_of(None, &[]))
    })?;
    let mut differences = None;
    let result = verify(
        args,
        style,
        page.is_some().then_some(&mut differences),
        output,
    );
    let (outcome, config) = result?;
    pages::write(page.as_ref(), output, |objects| {
        pages::verify(objects, differences, pages::run_of(Some(&config), &[]))
    })?;
    live::end(live);
    Ok(outcome)
}

/// `differences` become those of the layer of the first divergence.
fn verify(
    args: &args::Verify,
    style: Style,
    differences: Option<&mut Option<Map>>,
    output: &mut Output,
) -> Result<(Outcome, HwConfig), CliError> {
    #[cfg(feature = "sim")]
    if let Some(path) = &args.waveform {
        let pictures = args.pictures.images.iter().map(std::path::PathBuf::as_path);
        let inputs: Vec<_> = pictures
            .chain(args.target.network.model.as_deref())
            .collect();
        let place = Place::check(path, Kind::WAVEFORM, &inputs, args.force.on)?;
        place.must_be_file()?;
    }
    let saver = args
        .save_maps
        .as_deref()
        .map(|dir| Saver::new(dir, args.force.on))
        .transpose()?;
    let preset = || Ok(args.target.preset.config());
    let carrier = device::choose(args.backend, args.on.one("verify")?.as_ref(), preset)?
        .waiting(args.on.wait);
    let target = target::on(Some(&carrier), &args.target, style)?;
    let seed = args.simulation.seed.unwrap_or_else(random_seed);
    let disturbance = disturbance(args, &carrier);
    let name = carrier.name();
    let advice = advice(&carrier, target.config());
    let options = Options {
        config: target.config().clone(),
        behaviour: Behaviour {
            seed,
            random_state: args.random_state,
            // The same model for the run that is recorded, since another one may begin otherwise.
            trace: args.waveform.is_some() || args.wave_at_divergence.is_some(),
            ..Behaviour::default()
        },
        carrier,
        waveform: args
            .waveform
            .clone()
            .map(|path| (path, args.cycles.clone())),
        deadline: args.simulation.deadline,
        style,
    };
    #[cfg(feature = "sim")]
    let waves = args
        .wave_at_divergence
        .as_deref()
        .map(|dir| Waves::new(dir, args.force.on, &options))
        .transpose()?;
    let mut verifier = Verifier {
        model: Model::new(&target.network)?,
        checked: target.compile(true)?,
        plain: target.compile(false)?,
        engine: Engine::new(options)?,
        disturbance,
        seed,
        saver,
        advice,
        differences,
        #[cfg(feature = "sim")]
        waves,
        target: &target,
    };
    let mut reporter = Reporter::new(args, name, &target, seed, disturbance, output);
    reporter.begin()?;
    reporter.so_far(&Summary::default())?;
    let result = pictures(args, &mut verifier, &mut reporter);
    #[cfg(feature = "sim")]
    verifier.engine.end_waveform()?;
    let summary = result?;
    reporter.summary(&summary)?;
    let outcome = match summary.good == summary.images {
        true => Outcome::Good,
        false => Outcome::Bad,
    };
    Ok((outcome, target.config().clone()))
}

fn pictures(
    args: &args::Verify,
    verifier: &mut Verifier<'_>,
    reporter: &mut Reporter<'_>,
) -> Result<Summary, CliError> {
    let mut summary = Summary::default();
    let mut empty = 0;
    let sources = Sources::of(&args.pictures);
    for path in sources.until(signals::is_interrupted) {
        summary.images += 1;
        let path = match path {
            Ok(path) => path,
            Err(error) => {
                empty += usize::from(error.is_empty());
                progress::error(error);
                summary.failed += 1;
                continue;
            }
        };
        let path = path.as_path();
        let input = match verifier.target.picture(path) {
            Ok(input) => input,
            Err(error) => {
                progress::error(error);
                summary.failed += 1;
                continue;
            }
        };
        #[cfg(feature = "sim")]
        if let Some(waves) = &mut verifier.waves {
            waves.give(path, !verifier.engine.is_open());
        }
        verifier.engine.open()?;
        let picture = verifier.picture(path, &input);
        match verifier.engine.in_order(summary.compared(), picture) {
            Ok(picture) => {
                summary.add(&picture);
                reporter.picture(&picture)?;
                reporter.so_far(&summary)?;
            }
            Err(error) if error.is_fatal() => return Err(error),
            Err(error) => {
                progress::error(format_args!("{}: {error}", path.display()));
                summary.failed += 1;
            }
        }
    }
    // Perhaps while it waited for the next one.
    let summary = verifier.engine.in_order(summary.compared(), Ok(summary))?;
    match summary.images == empty && !args.pictures.allow_empty {
        true => Err(CliError::NoInput),
        false => Ok(summary),
    }
}

impl Verifier<'_> {
    fn picture(&mut self, path: &Path, input: &ndarray::Array3<u8>) -> Result<Picture, CliError> {
        let image = shown(path);
        let want = self.model.run(&input.view())?;
        let checked = self
            .engine
            .run(&self.checked, input, &image, self.disturbance)
            .map_err(|error| self.explain(error, &want))?;
        let layers = compare(&self.target.network, &checked.result, &want);
        let (layers, divergence) = self.conclude(input, &checked.result, &want, layers);
        if let (Some(kept @ None), Some(first)) = (self.differences.as_deref_mut(), &divergence) {
            *kept = compare::differences(&self.target.network, &checked.result, &want, first);
        }
        if let Some(saver) = &mut self.saver {
            let network = &self.target.network;
            saver.picture(path, network, input, &checked.result, &want)?;
        }
        let plain = self
            .engine
            .run(&self.plain, input, &image, Disturbance::NONE)?;
        let plain_mismatches = compare::differing(&plain.result.logits, &want.logits);
        let next = match (&divergence, plain_mismatches) {
            (None, 0) => None,
            (Some(divergence), _) => {
                let cycles = divergence.cycles.map(|(from, to)| from..to);
                Some(self.next(cycles, divergence.cycle)?)
            }
            (None, _) => {
                let cycles = self.last_cycles();
                Some(self.next(cycles, None)?)
            }
        };
        Ok(Picture {
            image,
            layers,
            conclusion: Conclusion { divergence, next },
            plain_mismatches,
            figures: plain.figures,
            logits: plain.result.logits,
        })
    }
}

impl Verifier<'_> {
    /// Says of each layer why it is wrong, and which value was wrong first.
    fn conclude(
        &mut self,
        input: &ndarray::Array3<u8>,
        got: &ImageResult,
        want: &Activations,
        mut layers: Vec<Layer>,
    ) -> (Vec<Layer>, Option<Divergence>) {
        if layers.iter().all(|layer| layer.mismatches == 0) {
            return (layers, None);
        }
        let sent = self.sent();
        let case = Case {
            network: &self.target.network,
            program: &self.checked,
            picture: input,
            got,
            want,
            sent: sent.as_ref(),
        };
        let faults = case.faults(&layers);
        let divergence = case.divergence(&layers, &faults);
        for (layer, fault) in layers.iter_mut().zip(faults) {
            layer.fault = fault;
        }
        (layers, divergence)
    }

    #[cfg(feature = "sim")]
    fn sent(&mut self) -> Option<Sent> {
        self.engine.sent()
    }

    #[cfg(not(feature = "sim"))]
    fn sent(&mut self) -> Option<Sent> {
        None
    }

    /// The end of the last run, in a simulated engine.
    fn last_cycles(&mut self) -> Option<Range<u64>> {
        let end = *self.sent()?.beats.last()? + 1;
        Some(end.saturating_sub(LAST_CYCLES)..end)
    }

    /// Where these cycles are to be seen, or the command that records them. `at` is the one of interest, if it is not
    /// the last.
    fn next(&mut self, cycles: Option<Range<u64>>, at: Option<u64>) -> Result<String, CliError> {
        let Some(cycles) = cycles else {
            return Ok(self.advice.clone());
        };
        if let Some(recorded) = self.record(&cycles, at.unwrap_or(cycles.end - 1))? {
            return Ok(recorded);
        }
        let Range { start, end } = cycles;
        Ok(format!(
            "the same command with `--seed {} --waveform first.fst --cycles {start}..{end}` \
             records how it came to be",
            self.seed
        ))
    }

    /// Records these cycles, if that is asked for and has not happened yet.
    #[cfg(feature = "sim")]
    fn record(&mut self, cycles: &Range<u64>, at: u64) -> Result<Option<String>, CliError> {
        let Some(waves) = &mut self.waves else {
            return Ok(None);
        };
        let runs = Runs {
            target: self.target,
            checked: &self.checked,
            plain: &self.plain,
            disturbance: self.disturbance,
        };
        let cycles = cycles.clone();
        waves.record(&Wrong { at, cycles }, &runs)
    }

    #[cfg(not(feature = "sim"))]
    fn record(&mut self, _: &Range<u64>, _: u64) -> Result<Option<String>, CliError> {
        Ok(None)
    }

    /// Adds to the error of an engine that stood still what its feature maps say, and what to do.
    fn explain(&mut self, error: CliError, want: &Activations) -> CliError {
        let CliError::Session(SessionError::Device(DeviceError::Hang { device, stall })) = error
        else {
            return error;
        };
        let partial = self.checked.decode_partial(&stall.partial);
        let came = compare::came(&self.target.network, &partial, want);
        let next = match &stall.cycles {
            Some(cycles) => {
                let cycles = self.engine.cycles_of_waveform(cycles);
                match self.record(&cycles, cycles.start.midpoint(cycles.end)) {
                    Ok(Some(recorded)) => format!("next: {recorded}"),
                    Err(error) => return error,
                    Ok(None) => format!(
                        "next: the same command with `--seed {} --waveform hang.fst --cycles \
                         {}..{}` records how it came to a halt",
                        self.seed, cycles.start, cycles.end,
                    ),
                }
            }
            None => "next: run it again, and `firebrick doctor` if it stays so".to_owned(),
        };
        let error = SessionError::Device(DeviceError::Hang { device, stall });
        CliError::Hang {
            error: Box::new(error),
            came,
            next,
        }
    }
}

/// What to do about a value that is wrong, where nothing can be recorded.
fn advice(carrier: &Carrier, config: &HwConfig) -> String {
    let name = &config.name;
    match carrier {
        Carrier::Software(_) => format!(
            "the same command with `--backend sim --preset {name}` says whether the Verilog does \
             the same; if it is right, please report this"
        ),
        _ => format!(
            "the same command with `--device sim:{name}`: if the Verilog is right there, the \
             board's build is to blame, most likely its timing"
        ),
    }
}

fn disturbance(args: &args::Verify, carrier: &Carrier) -> Disturbance {
    if args.no_disturb || !carrier.is_sim() {
        return Disturbance::NONE;
    }
    Disturbance {
        idle: args.simulation.idle.unwrap_or(DISTURBANCE),
        back_pressure: args.simulation.back_pressure.unwrap_or(DISTURBANCE),
    }
}

/// Another one in every process.
fn random_seed() -> u32 {
    std::hash::RandomState::new().build_hasher().finish() as u32
}

//! What runs command streams: the simulated engine or the software engine, opened when the first
//! picture needs it and kept for all that follow.

mod figures;
#[cfg(feature = "sim")]
mod simulated;

use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use firebrick_driver::{DeviceError, ImageResult, Program, Session, SessionError};
use firebrick_spec::{HwConfig, regs};
use ndarray::Array3;

use crate::accounting;
use crate::device::{self, AnyDevice, Behaviour, Carrier};
use crate::error::CliError;
use crate::progress::Style;
use crate::signals;
pub use figures::Figures;
pub use firebrick::deadline;

/// Probabilities of random waits on the engine's ports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disturbance {
    pub idle: f64,
    pub back_pressure: f64,
}

impl Disturbance {
    pub const NONE: Disturbance = Disturbance {
        idle: 0.0,
        back_pressure: 0.0,
    };
}

/// Which engine, and how it behaves.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "sim"), allow(dead_code))]
pub struct Options {
    pub carrier: Carrier,
    /// What pictures are compiled for.
    pub config: HwConfig,
    pub behaviour: Behaviour,
    /// File, and cycles from the start of the first picture.
    pub waveform: Option<(PathBuf, Range<u64>)>,
    pub deadline: Option<Duration>,
    pub style: Style,
}

/// An engine, opened on first use.
pub struct Engine {
    options: Options,
    session: Option<Session<AnyDevice>>,
    /// Whether the waveform was begun.
    #[cfg_attr(not(feature = "sim"), allow(dead_code))]
    traced: bool,
    /// Cycle in which the first run began: those of the waveform count from there.
    origin: Option<u64>,
    /// Cycle in which the last run began.
    #[cfg(feature = "sim")]
    begun: u64,
    #[cfg(feature = "sim")]
    progress: std::sync::Arc<crate::progress::RunProgress>,
}

/// One picture's result, and what the simulator's counters say of it.
pub struct Run {
    pub result: ImageResult,
    pub figures: Option<Figures>,
}

impl Engine {
    pub fn new(options: Options) -> Result<Engine, CliError> {
        #[cfg(not(feature = "sim"))]
        if options.carrier.is_sim() {
            return Err(device::needs_simulator(firebrick::device::SIMULATION));
        }
        Ok(Engine {
            #[cfg(feature = "sim")]
            progress: std::sync::Arc::new(crate::progress::RunProgress::new(options.style)),
            options,
            session: None,
            traced: false,
            origin: None,
            #[cfg(feature = "sim")]
            begun: 0,
        })
    }

    /// Whether it is open.
    #[cfg(feature = "sim")]
    pub fn is_open(&self) -> bool {
        self.session.is_some()
    }

    /// Builds, resets and recognises the engine, unless it is open. An error here meets every
    /// picture.
    pub fn open(&mut self) -> Result<(), CliError> {
        self.session().map(|_| ())
    }

    fn session(&mut self) -> Result<&mut Session<AnyDevice>, CliError> {
        let session = match self.session.take() {
            Some(session) => session,
            None => Session::open(self.device()?, &self.options.config)?,
        };
        Ok(self.session.insert(session))
    }

    fn device(&self) -> Result<AnyDevice, CliError> {
        let options = &self.options;
        #[cfg_attr(not(feature = "sim"), allow(unused_mut))]
        let mut device = device::open(&options.carrier, &options.behaviour, options.style)?;
        #[cfg(feature = "sim")]
        if let Some(simulated) = device.simulated() {
            let progress = std::sync::Arc::clone(&self.progress);
            simulated.on_progress(Box::new(move |cycles| progress.at(cycles)));
        }
        Ok(device)
    }

    /// Runs one picture. The engine is not reset between pictures, unless one failed.
    pub fn run(
        &mut self,
        program: &Program,
        picture: &Array3<u8>,
        label: &str,
        disturbance: Disturbance,
    ) -> Result<Run, CliError> {
        let pictures = std::slice::from_ref(picture);
        let mut runs = self.run_many(program, pictures, label, disturbance, false)?;
        runs.pop().ok_or(CliError::Missing)
    }

    /// As [`signals::in_order`].
    pub fn in_order<T>(&mut self, done: u64, result: Result<T, CliError>) -> Result<T, CliError> {
        match &mut self.session {
            Some(session) => signals::in_order(session, done, result),
            None if signals::is_interrupted() => Err(CliError::Interrupted {
                at: format!("after {done} pictures"),
                left: "the device is closed".into(),
            }),
            None => result,
        }
    }

    /// Runs pictures back to back: the input of one overlaps the end of the one before it.
    pub fn run_many(
        &mut self,
        program: &Program,
        pictures: &[Array3<u8>],
        label: &str,
        disturbance: Disturbance,
        by_layer: bool,
    ) -> Result<Vec<Run>, CliError> {
        self.open()?;
        let result = self.try_run(program, pictures, label, disturbance, by_layer);
        #[cfg(feature = "sim")]
        self.progress.finish();
        if let Err(CliError::Session(SessionError::Device(DeviceError::Link { .. }))) = &result {
            // Part of the transfer may still be on its way: begin with a new engine.
            self.session = None;
        }
        result
    }

    #[cfg_attr(not(feature = "sim"), allow(unused_variables))]
    fn try_run(
        &mut self,
        program: &Program,
        pictures: &[Array3<u8>],
        label: &str,
        disturbance: Disturbance,
        by_layer: bool,
    ) -> Result<Vec<Run>, CliError> {
        #[cfg(feature = "sim")]
        self.prepare(program, pictures.len(), label, disturbance)?;
        let deadline = self.deadline(program);
        let session = self.session()?;
        session.deadline = deadline;
        // What is loaded once does not count for the pictures.
        session.set_up(program)?;
        let before = counters(session)?;
        let layers_before = if by_layer {
            statistics(session, program)?
        } else {
            Vec::new()
        };
        let begin = Instant::now();
        let views: Vec<_> = pictures.iter().map(|picture| picture.view()).collect();
        let results = session.run_many(program, &views)?;
        let seconds = begin.elapsed().as_secs_f64();
        if !session.device().is_clocked() {
            let run = |result| Run {
                result,
                figures: None,
            };
            return Ok(results.into_iter().map(run).collect());
        }
        let after = counters(session)?;
        let counted: Vec<u64> = after
            .iter()
            .zip(&before)
            .map(|(a, b)| a.wrapping_sub(*b))
            .collect();
        let layers = if by_layer {
            let counted: Vec<Vec<u64>> = statistics(session, program)?
                .iter()
                .zip(&layers_before)
                .map(|(after, before)| {
                    let pairs = after.iter().zip(before);
                    pairs.map(|(a, b)| u64::from(a.wrapping_sub(*b))).collect()
                })
                .collect();
            Some(accounting::layers(program, &counted, results.len() as u64))
        } else {
            None
        };
        let mut ends = vec![before.first().copied().unwrap_or(0) as u32];
        ends.extend(results.iter().map(|result| result.trailer.cycles));
        let figures = Figures::of_run(&counted, &ends, layers, program, seconds);
        let run = |(result, figures)| Run {
            result,
            figures: Some(figures),
        };
        Ok(results.into_iter().zip(figures).map(run).collect())
    }

    /// Cycles since power-up as the waveform's are counted.
    pub fn cycles_of_waveform(&self, cycles: &Range<u64>) -> Range<u64> {
        let origin = self.origin.unwrap_or(0);
        cycles.start.saturating_sub(origin)..cycles.end.saturating_sub(origin)
    }

    fn deadline(&self, program: &Program) -> Duration {
        let options = &self.options;
        let traced = options.behaviour.trace;
        deadline(options.deadline, &options.carrier, program, traced)
    }
}

/// The statistics of each layer of a program, in the order of [`regs::COUNTERS`]; what is not
/// kept by layer is 0.
fn statistics(
    session: &mut Session<AnyDevice>,
    program: &Program,
) -> Result<Vec<Vec<u32>>, SessionError> {
    let kept = regs::CAUSES.start..=regs::RAGGED_INDEX;
    let layers = program.layers().iter().map(|layer| layer.layer + 1).max();
    (0..layers.unwrap_or(0))
        .map(|layer| {
            (0..regs::COUNTERS.len())
                .map(|counter| match kept.contains(&counter) {
                    true => session.statistic(layer as u32, counter),
                    false => Ok(0),
                })
                .collect()
        })
        .collect()
}

/// All counters in the order of [`regs::COUNTERS`].
fn counters(session: &mut Session<AnyDevice>) -> Result<Vec<u64>, SessionError> {
    regs::COUNTERS.iter().map(|r| session.counter(r)).collect()
}

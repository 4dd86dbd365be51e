//! What runs command streams: the simulated engine or the software engine, opened when the first
//! picture needs it and kept for all that follow.

mod device;
mod figures;
#[cfg(feature = "sim")]
mod simulated;

use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use device::AnyDevice;
use firebrick_driver::{DeviceError, ExecutorDevice, ImageResult, Program, Session, SessionError};
use firebrick_spec::{HwConfig, regs};
use ndarray::Array3;

use crate::args::EngineBackend;
use crate::error::CliError;
use crate::progress::Style;
pub use figures::Figures;

/// Allowed for a picture whatever its size.
const DEADLINE_BASE: Duration = Duration::from_secs(60);
/// Simulated cycles in a second below which a run is given up. Some 500000 are usual.
const SLOWEST: u64 = 10_000;
/// With a waveform.
const SLOWEST_TRACED: u64 = 500;

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
    pub backend: EngineBackend,
    pub config: HwConfig,
    pub seed: u32,
    /// Random memories and registers at the start, in place of zeros.
    pub random_state: bool,
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
        if options.backend == EngineBackend::Sim {
            let what = "--backend sim";
            return Err(CliError::NoSimulator { what });
        }
        Ok(Engine {
            #[cfg(feature = "sim")]
            progress: std::sync::Arc::new(crate::progress::RunProgress::new(options.style)),
            options,
            session: None,
            traced: false,
        })
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
        match self.options.backend {
            EngineBackend::Software => {
                let device = ExecutorDevice::new(&self.options.config);
                Ok(AnyDevice::Software(Box::new(device)))
            }
            #[cfg(feature = "sim")]
            EngineBackend::Sim => Ok(AnyDevice::Sim(Box::new(self.simulator()?))),
            #[cfg(not(feature = "sim"))]
            EngineBackend::Sim => Err(CliError::NoSimulator {
                what: "--backend sim",
            }),
        }
    }

    /// Runs one picture. The engine is not reset between pictures, unless one failed.
    pub fn run(
        &mut self,
        program: &Program,
        picture: &Array3<u8>,
        label: &str,
        disturbance: Disturbance,
    ) -> Result<Run, CliError> {
        self.open()?;
        let result = self.try_run(program, picture, label, disturbance);
        #[cfg(feature = "sim")]
        self.progress.finish();
        if let Err(CliError::Session(SessionError::Device(
            DeviceError::Timeout { .. } | DeviceError::Link { .. },
        ))) = &result
        {
            // Part of the transfer may still be on its way: begin with a new engine.
            self.session = None;
        }
        result
    }

    #[cfg_attr(not(feature = "sim"), allow(unused_variables))]
    fn try_run(
        &mut self,
        program: &Program,
        picture: &Array3<u8>,
        label: &str,
        disturbance: Disturbance,
    ) -> Result<Run, CliError> {
        let before = counters(self.session()?)?;
        #[cfg(feature = "sim")]
        self.prepare(program, label, disturbance)?;
        let deadline = self.deadline(program);
        let session = self.session()?;
        session.deadline = deadline;
        let begin = Instant::now();
        let result = session.run(program, &picture.view())?;
        let seconds = begin.elapsed().as_secs_f64();
        let after = counters(session)?;
        let figures = session.device().is_clocked().then(|| {
            let counted = after.iter().zip(before).map(|(a, b)| a.wrapping_sub(b));
            Figures::new(&counted.collect::<Vec<_>>(), program, seconds)
        });
        Ok(Run { result, figures })
    }

    fn deadline(&self, program: &Program) -> Duration {
        let slowest = match self.options.waveform {
            Some(_) => SLOWEST_TRACED,
            None => SLOWEST,
        };
        let cycles = program.prediction().cycles + program.output_bytes() as u64;
        let usual = DEADLINE_BASE + Duration::from_secs(cycles / slowest);
        self.options.deadline.unwrap_or(usual)
    }
}

/// All counters in the order of [`regs::COUNTERS`].
fn counters(session: &mut Session<AnyDevice>) -> Result<Vec<u64>, SessionError> {
    regs::COUNTERS.iter().map(|r| session.counter(r)).collect()
}

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
pub struct Options {
    pub backend: EngineBackend,
    pub config: HwConfig,
    pub seed: u32,
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
        if self.session.is_none() {
            let device = match self.options.backend {
                EngineBackend::Software => {
                    AnyDevice::Software(Box::new(ExecutorDevice::new(&self.options.config)))
                }
                #[cfg(feature = "sim")]
                EngineBackend::Sim => AnyDevice::Sim(Box::new(self.simulator()?)),
                #[cfg(not(feature = "sim"))]
                EngineBackend::Sim => {
                    let what = "--backend sim";
                    return Err(CliError::NoSimulator { what });
                }
            };
            self.session = Some(Session::open(device, &self.options.config)?);
        }
        Ok(())
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
        #[cfg(feature = "sim")]
        self.prepare(program, label, disturbance)?;
        #[cfg(not(feature = "sim"))]
        let _ = (label, disturbance);
        let deadline = self.deadline(program);
        let Some(session) = &mut self.session else {
            unreachable!("the engine is open")
        };
        session.deadline = deadline;
        let run = run(session, program, picture);
        #[cfg(feature = "sim")]
        self.progress.finish();
        if let Err(SessionError::Device(DeviceError::Timeout { .. } | DeviceError::Link { .. })) =
            &run
        {
            // Part of the transfer may still be on its way: begin with a new engine.
            self.session = None;
        }
        Ok(run?)
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

fn run(
    session: &mut Session<AnyDevice>,
    program: &Program,
    picture: &Array3<u8>,
) -> Result<Run, SessionError> {
    let before = counters(session)?;
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

/// All counters in the order of [`regs::COUNTERS`].
fn counters(session: &mut Session<AnyDevice>) -> Result<Vec<u64>, SessionError> {
    regs::COUNTERS.iter().map(|r| session.counter(r)).collect()
}

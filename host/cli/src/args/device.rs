//! Arguments of what works with devices: `devices`, `doctor`, `bench`, `replay`.

use std::path::PathBuf;
use std::time::Duration;

use firebrick_driver::Uri;

use super::{
    EngineBackend, Force, Html, Json, Live, Preset, Simulation, Target, megahertz, seconds,
};
use crate::device::{self, Carrier};
use crate::error::CliError;

/// A device in place of a backend.
#[derive(Debug, clap::Args)]
pub struct On {
    /// Device that runs the network: xdma:/dev/xdma0, axidma: or sim:PRESET; #N after it names one
    /// engine of a board that has several, *N that many simulated ones; can be given several times
    #[arg(long, value_name = "URI", conflicts_with = "backend", value_parser = crate::device::uri)]
    pub device: Vec<Uri>,
    /// How long to wait if another program is using the device [default: not at all]
    #[arg(long, value_name = "SECONDS", requires = "device", value_parser = seconds)]
    pub wait: Option<Duration>,
}

/// What is done about a picture without a result.
#[derive(Debug, clap::Args)]
pub struct Retries {
    /// How often to retry a picture that was under way when the engine failed; it is run alone
    /// [default: 1 on a board, 3 with several engines, otherwise 0]
    #[arg(id = "retries", long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub given: Option<u32>,
}

impl On {
    /// What a command works on; none for the integer model.
    pub fn carrier(
        &self,
        backend: Option<EngineBackend>,
        preset: &Preset,
    ) -> Result<Option<Carrier>, CliError> {
        match (self.device.first(), backend) {
            (Some(uri), _) => Ok(Some(Carrier::at(&first(uri))?.waiting(self.wait))),
            (None, Some(backend)) => {
                device::choose(backend, None, || Ok(preset.config())).map(Some)
            }
            (None, None) => Ok(None),
        }
    }

    /// The engines, if there are several.
    pub fn several(&self) -> Result<Option<Vec<Carrier>>, CliError> {
        let all = firebrick::pool::carriers(&self.device)?;
        let waiting = all.into_iter().map(|carrier| carrier.waiting(self.wait));
        let all: Vec<Carrier> = waiting.collect();
        Ok((all.len() > 1).then_some(all))
    }

    /// The engine, for what works on one only.
    pub fn one(&self, what: &'static str) -> Result<Option<Uri>, CliError> {
        let engines: Vec<Uri> = self.device.iter().flat_map(Uri::engines).collect();
        match &engines[..] {
            [first, _, ..] => Err(CliError::SeveralEngines {
                what,
                count: engines.len(),
                first: first.to_string(),
            }),
            // By the name that was given.
            _ => Ok(self.device.first().map(first)),
        }
    }
}

/// A URI of one engine: `sim:PRESET*1` is `sim:PRESET`.
fn first(uri: &Uri) -> Uri {
    uri.engines().into_iter().next().unwrap_or(uri.clone())
}

impl Retries {
    /// What was given; once on a board, and not at all on what makes no such errors by itself.
    pub fn on(&self, carrier: Option<&Carrier>) -> u32 {
        let board = carrier.is_some_and(Carrier::is_board);
        self.given.unwrap_or(u32::from(board))
    }

    /// With several engines.
    pub fn on_several(&self) -> u32 {
        self.given.unwrap_or(firebrick::pool::RETRIES)
    }
}

#[derive(Debug, clap::Args)]
pub struct Devices {
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, clap::Args)]
pub struct Doctor {
    /// The device to check, with all its engines unless one is named [default: the first one found]
    #[arg(long, value_name = "URI", value_parser = crate::device::uri)]
    pub device: Option<Uri>,
    /// How long to wait if another program is using the device [default: not at all]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub wait: Option<Duration>,
    #[command(flatten)]
    pub preset: Preset,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, clap::Args)]
pub struct Bench {
    /// What to measure
    #[arg(long, value_enum, default_value = "sim")]
    pub backend: EngineBackend,
    #[command(flatten)]
    pub on: On,
    #[command(flatten)]
    pub target: Target,
    /// How many pictures to run
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub images: u32,
    /// Clock of the engine in MHz, to convert cycles to time
    #[arg(long, value_name = "MHZ", value_parser = megahertz)]
    pub clock: Option<f64>,
    #[command(flatten)]
    pub retries: Retries,
    #[command(flatten)]
    pub simulation: Simulation,
    #[command(flatten)]
    pub html: Html,
    #[command(flatten)]
    pub live: Live,
    #[command(flatten)]
    pub force: Force,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, clap::Args)]
pub struct Replay {
    /// The recording to run
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What to compare it with
    #[arg(long, value_enum, default_value = "sim")]
    pub backend: EngineBackend,
    #[command(flatten)]
    pub on: On,
    #[command(flatten)]
    pub preset: Preset,
    #[command(flatten)]
    pub simulation: Simulation,
    #[command(flatten)]
    pub json: Json,
}

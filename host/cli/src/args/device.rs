//! Arguments of what works with devices: `devices`, `doctor`, `bench`, `replay`.

use std::path::PathBuf;
use std::time::Duration;

use firebrick_driver::Uri;

use super::{EngineBackend, Json, Preset, Target, megahertz, seconds};

/// A device in place of a backend.
#[derive(Debug, clap::Args)]
pub struct On {
    /// Device that runs the network: xdma:/dev/xdma0, axidma: or sim:PRESET
    #[arg(long, value_name = "URI", conflicts_with = "backend", value_parser = crate::device::uri)]
    pub device: Option<Uri>,
}

/// What is done about a picture without a result.
#[derive(Debug, clap::Args)]
pub struct Retries {
    /// How often a picture that was under way when the engine failed is tried again, alone
    /// [default: 1 on a device, else 0]
    #[arg(id = "retries", long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub given: Option<u32>,
}

impl Retries {
    /// What was given, or the default of a device.
    pub fn on_device(&self) -> u32 {
        self.given.unwrap_or(1)
    }

    /// What was given, or the default of what makes no such errors by itself.
    pub fn elsewhere(&self) -> u32 {
        self.given.unwrap_or(0)
    }
}

#[derive(Debug, clap::Args)]
pub struct Devices {
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, clap::Args)]
pub struct Doctor {
    /// The device [default: the first that is found]
    #[arg(long, value_name = "URI", value_parser = crate::device::uri)]
    pub device: Option<Uri>,
    #[command(flatten)]
    pub preset: Preset,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, clap::Args)]
pub struct Bench {
    /// The device [default: the simulator, with the preset]
    #[arg(long, value_name = "URI", value_parser = crate::device::uri)]
    pub device: Option<Uri>,
    #[command(flatten)]
    pub target: Target,
    /// How many pictures
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub images: u32,
    /// Clock of the engine in MHz, to tell cycles as time
    #[arg(long, value_name = "MHZ", value_parser = megahertz)]
    pub clock: Option<f64>,
    /// Give one picture up after so many seconds
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = seconds)]
    pub deadline: Duration,
    #[command(flatten)]
    pub retries: Retries,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, clap::Args)]
pub struct Replay {
    /// The recording
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What it is compared with
    #[arg(long, value_enum, default_value = "sim")]
    pub backend: EngineBackend,
    #[command(flatten)]
    pub on: On,
    #[command(flatten)]
    pub preset: Preset,
    /// Give one transfer up after so many seconds
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = seconds)]
    pub deadline: Duration,
    #[command(flatten)]
    pub json: Json,
}

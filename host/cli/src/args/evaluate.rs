//! Arguments of `firebrick evaluate` and `firebrick maps`.

use std::path::PathBuf;

use super::device::{On, Retries};
use super::{Backend, Force, Html, Json, Live, Network, Simulation, Target};

#[derive(Debug, clap::Args)]
pub struct Evaluate {
    /// CSV file whose lines begin with a file name and a class index; the files are looked for
    /// beside it
    #[arg(value_name = "LABELS.csv")]
    pub labels: PathBuf,
    #[command(flatten)]
    pub target: Target,
    /// What runs the network
    #[arg(long, value_enum, default_value = "model")]
    pub backend: Backend,
    #[command(flatten)]
    pub on: On,
    /// Float model to compare with, in any format that `firebrick import` reads
    #[arg(long, value_name = "FLOAT")]
    pub reference: Option<PathBuf>,
    /// Run at most this many pictures, spread evenly over the list
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub pictures: Option<u32>,
    /// How many of the worst classes to list
    #[arg(long, value_name = "N", default_value = "10")]
    pub worst: usize,
    /// Also write the report to BASE.md and BASE.json
    #[arg(long, value_name = "BASE")]
    pub report: Option<PathBuf>,
    #[command(flatten)]
    pub force: Force,
    #[command(flatten)]
    pub retries: Retries,
    #[command(flatten)]
    pub simulation: Simulation,
    #[command(flatten)]
    pub html: Html,
    #[command(flatten)]
    pub live: Live,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, clap::Args)]
pub struct Maps {
    /// JPEG or PNG file of any size
    #[arg(value_name = "IMAGE")]
    pub image: PathBuf,
    /// Folder for the maps, one NumPy file each; it is created if it does not exist
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    #[command(flatten)]
    pub force: Force,
    #[command(flatten)]
    pub network: Network,
}

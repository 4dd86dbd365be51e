//! Arguments of `firebrick features`.

use std::path::PathBuf;

use super::{Backend, Force, Json, Pictures, Simulation, Target, device};

#[derive(Debug, clap::Args)]
pub struct Features {
    #[command(flatten)]
    pub pictures: Pictures,
    /// What runs the network
    #[arg(long, value_enum, default_value = "model")]
    pub backend: Backend,
    #[command(flatten)]
    pub on: device::On,
    /// NumPy file to write: a row for each picture
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    #[command(flatten)]
    pub force: Force,
    /// Layer whose map is taken, as `firebrick info` names it [default: that with which the network
    /// ends, if it ends with a map, otherwise the one before the last convolution]
    #[arg(long, value_name = "NAME")]
    pub layer: Option<String>,
    /// Write the whole maps (picture, row, column, channel) in place of the means over their pixels;
    /// always, if the network ends with a map
    #[arg(long)]
    pub map: bool,
    #[command(flatten)]
    pub target: Target,
    #[command(flatten)]
    pub simulation: Simulation,
    #[command(flatten)]
    pub json: Json,
}

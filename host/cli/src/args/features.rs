//! Arguments of `firebrick features`.

use std::path::PathBuf;

use super::{Force, Json, Network, Pictures};

#[derive(Debug, clap::Args)]
pub struct Features {
    #[command(flatten)]
    pub pictures: Pictures,
    /// NumPy file to write: a row for each picture
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    #[command(flatten)]
    pub force: Force,
    /// Layer whose map is taken, as `firebrick info` names it [default: the one before the last
    /// convolution]
    #[arg(long, value_name = "NAME")]
    pub layer: Option<String>,
    /// Write the whole maps (picture, row, column, channel) in place of the means over their pixels
    #[arg(long)]
    pub map: bool,
    #[command(flatten)]
    pub network: Network,
    #[command(flatten)]
    pub json: Json,
}

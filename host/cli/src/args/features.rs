//! Arguments of `firebrick features`.

use std::path::PathBuf;

use super::{Force, Json, Pictures, Size};

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
    /// Packed model to run [default: the built-in SqueezeNet v1.1]
    #[arg(long, value_name = "PACK")]
    pub model: Option<PathBuf>,
    /// Size of the network's input: 224, 227 or HEIGHTxWIDTH [default: the model's own]
    #[arg(long, value_name = "SIZE")]
    pub size: Option<Size>,
    #[command(flatten)]
    pub json: Json,
}

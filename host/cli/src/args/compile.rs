//! The command line of `firebrick compile`.

use std::path::PathBuf;

use super::{Force, Json, Target};

#[derive(Debug, clap::Args)]
pub struct Compile {
    /// JPEG or PNG file of any size
    pub image: PathBuf,
    #[command(flatten)]
    pub target: Target,
    /// Where the transfer goes: all that the engine takes for this picture
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Where the result packet goes that the engine must give
    ///
    /// The cycle count in its trailer (bytes 12 to 15 of the last beat) is 0: do not compare it.
    #[arg(long, value_name = "FILE")]
    pub expect: Option<PathBuf>,
    /// Where the transfer goes that has to come before, if the weights stay in the engine
    #[arg(long, value_name = "FILE")]
    pub setup: Option<PathBuf>,
    /// The transfer that also sends every feature map
    #[arg(long)]
    pub check: bool,
    /// Write text for $readmemh: a beat a line, tlast as one digit and the data
    #[arg(long)]
    pub hex: bool,
    #[command(flatten)]
    pub force: Force,
    #[command(flatten)]
    pub json: Json,
}

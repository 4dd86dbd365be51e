//! The command line of `firebrick compile`.

use std::path::PathBuf;

use super::{Force, Json, Target};

#[derive(Debug, clap::Args)]
pub struct Compile {
    /// JPEG or PNG file of any size
    pub image: PathBuf,
    #[command(flatten)]
    pub target: Target,
    /// File for the transfer: everything that is sent to the engine for this picture
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// File for the result packet that the engine must send
    ///
    /// The cycle count in its trailer (bytes 12 to 15 of the last beat) is 0: do not compare it.
    #[arg(long, value_name = "FILE")]
    pub expect: Option<PathBuf>,
    /// File for the transfer that has to be sent first if the weights stay in the engine
    #[arg(long, value_name = "FILE")]
    pub setup: Option<PathBuf>,
    /// Write the transfer that also sends every feature map
    #[arg(long)]
    pub check: bool,
    /// Write text for $readmemh: one beat per line, tlast as one digit followed by the data
    #[arg(long)]
    pub hex: bool,
    #[command(flatten)]
    pub force: Force,
    #[command(flatten)]
    pub json: Json,
}

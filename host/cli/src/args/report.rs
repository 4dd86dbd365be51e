//! The command line of `firebrick report`.

use std::path::PathBuf;

use super::{Boards, Force, Json, Target, boards};

#[derive(Debug, clap::Args)]
pub struct Report {
    /// JPEG or PNG file of any size; adds its classes, feature maps and activations
    pub image: Option<PathBuf>,
    /// Float model that the packed one was made from, in any format that `firebrick import` reads;
    /// adds ranges, noise and scores on the photograph
    #[arg(long, value_name = "FLOAT", requires = "image")]
    pub reference: Option<PathBuf>,
    #[command(flatten)]
    pub target: Target,
    /// Board whose resources are shown; without --preset, the board's own preset is used
    #[arg(long, value_name = "NAME", long_help = boards("Board whose resources are shown; without --preset, the board's own preset is used"))]
    pub board: Option<String>,
    #[command(flatten)]
    pub boards: Boards,
    /// How many pictures the second timeline shows back to back
    #[arg(long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u16).range(2..=16))]
    pub images: u16,
    /// HTML file to write
    #[arg(short, long, value_name = "FILE", required_unless_present = "on")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub force: Force,
    #[command(flatten)]
    pub json: Json,
}

//! Arguments of `firebrick train`.

use std::path::PathBuf;

use clap::ValueEnum;
use firebrick_train::{Optimiser, Schedule};

use super::{Force, Json};

#[derive(Debug, clap::Args)]
pub struct Train {
    /// Folder with a folder of pictures for each class, named as the class; or a CSV file whose
    /// lines are file,class[,name], with the files looked for beside it
    #[arg(value_name = "DATA")]
    pub data: PathBuf,
    /// Packed model to write
    #[arg(short, long, value_name = "PACK")]
    pub output: PathBuf,
    #[command(flatten)]
    pub force: Force,
    /// Packed model whose last layer is replaced [default: the built-in SqueezeNet v1.1]
    #[arg(long, value_name = "PACK")]
    pub model: Option<PathBuf>,
    /// Name of the trained network [default: that of the file]
    #[arg(long)]
    pub name: Option<String>,
    /// Write the reports to BASE.curves.svg, BASE.curves.csv, BASE.confusion.csv, BASE.classes.csv and
    /// BASE.validation.csv, and the float weights to BASE.float.safetensors [default: PACK without
    /// its extension]
    #[arg(long, value_name = "BASE")]
    pub report: Option<PathBuf>,
    /// Also write the features of all views, for other programs to learn from
    #[arg(long, value_name = "FILE")]
    pub save_features: Option<PathBuf>,
    /// Per cent of each class's pictures that are kept for validation
    #[arg(long, value_name = "PERCENT", default_value = "30", value_parser = clap::value_parser!(u8).range(1..=90))]
    pub validation: u8,
    /// Views of each picture that are learnt from: the picture, its mirror image, then random parts
    /// of it, mirrored or not
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub views: u16,
    /// Most epochs
    #[arg(long, value_name = "N", default_value = "60", value_parser = clap::value_parser!(u16).range(1..=10000))]
    pub epochs: u16,
    /// Epochs without a better one after which training ends
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u16).range(1..))]
    pub patience: u16,
    /// Views of one step
    #[arg(long, value_name = "N", default_value = "32", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub batch: u16,
    /// How weights follow their gradients
    #[arg(long, value_enum, default_value = "sgd")]
    pub optimiser: Rule,
    /// Learning rate of the first step [default: 0.04 for sgd, 0.001 for adam]
    #[arg(long, value_parser = rate)]
    pub rate: Option<f32>,
    /// How the learning rate changes
    #[arg(long, value_enum, default_value = "linear")]
    pub schedule: Falling,
    /// Share of the last step that is taken again, for sgd [default: 0.9]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub momentum: Option<f32>,
    /// Share of the features that are left out in each step
    #[arg(long, value_name = "SHARE", default_value = "0.5", value_parser = share)]
    pub dropout: f32,
    /// Weight decay: what is added to the gradient of a weight, as a share of the weight
    #[arg(long, value_name = "SHARE", default_value = "0.0002", value_parser = share)]
    pub decay: f32,
    /// Seed of the split, the views, the order and the dropout
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u32,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Rule {
    /// Stochastic gradient descent with momentum
    Sgd,
    /// Adam
    Adam,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Falling {
    /// Falls linearly to 0
    Linear,
    /// Stays
    Constant,
}

impl Train {
    /// How the last layer is learnt.
    pub fn options(&self) -> firebrick_train::Options {
        let (optimiser, usual) = match self.optimiser {
            Rule::Sgd => {
                let momentum = self.momentum.unwrap_or(0.9);
                (Optimiser::Sgd { momentum }, 0.04)
            }
            Rule::Adam => (Optimiser::Adam, 0.001),
        };
        firebrick_train::Options {
            epochs: self.epochs.into(),
            patience: self.patience.into(),
            batch: self.batch.into(),
            optimiser,
            rate: self.rate.unwrap_or(usual),
            schedule: match self.schedule {
                Falling::Linear => Schedule::Linear,
                Falling::Constant => Schedule::Constant,
            },
            dropout: self.dropout,
            decay: self.decay,
            seed: self.seed.into(),
        }
    }
}

fn rate(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(rate) if rate > 0.0 && rate <= 1000.0 => Ok(rate),
        _ => Err("give a number above 0, at most 1000".into()),
    }
}

fn share(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(share) if (0.0..1.0).contains(&share) => Ok(share),
        _ => Err("give a number from 0 to below 1".into()),
    }
}

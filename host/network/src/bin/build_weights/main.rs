//! Developer's tool behind `scripts/build-weights` and `scripts/build-v1.0`: measures the calibration, quantises, writes
//! the packed model, and compares float and integer network on labelled pictures.

mod evaluate;
mod integer;
mod pictures;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use firebrick_network::calibration::{self, Calibration};
use firebrick_network::float::FloatNetwork;
use firebrick_network::quantise::{Clip, Options, quantise};
use firebrick_network::{Network, SqueezeNet, layers, pickle, squeezenet};

/// Result of a subcommand; every error says what happened, where, and what to do.
type Outcome<T> = Result<T, Box<dyn Error>>;

#[derive(Parser)]
#[command(about = "Quantises SqueezeNet into a packed model")]
struct Arguments {
    #[command(flatten)]
    weights: Weights,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Args)]
struct Weights {
    /// Float weights: a pickled dict of layer name to [kernel, bias].
    #[arg(long, required_unless_present = "tensors", conflicts_with = "tensors")]
    pickle: Option<PathBuf>,
    /// Float weights: a safetensors file of NAME.weight (output, input, row, column) and NAME.bias.
    #[arg(long)]
    tensors: Option<PathBuf>,
    /// The layers that they are for.
    #[arg(long, value_enum, default_value_t = Version::V1_1)]
    version: Version,
    /// Padding of the last convolution.
    #[arg(long, default_value_t = 0)]
    last_pad: usize,
    /// Pools leave out a last, partial window.
    #[arg(long)]
    floor: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Version {
    #[value(name = "1.0")]
    V1_0,
    #[value(name = "1.1")]
    V1_1,
}

impl Weights {
    fn network(&self) -> Outcome<FloatNetwork> {
        let path = self.pickle.as_ref().or(self.tensors.as_ref());
        let path = path.ok_or("no float weights are given")?;
        let fail = |e: &dyn Error| format!("{}: {e}", path.display());
        let bytes = fs::read(path).map_err(|e| fail(&e))?;
        let layers = if self.pickle.is_some() {
            pickle::read(&bytes).map_err(|e| fail(&e))?
        } else {
            layers::read(&bytes).map_err(|e| fail(&e))?
        };
        let table = match self.version {
            Version::V1_0 => SqueezeNet::v1_0(),
            Version::V1_1 => SqueezeNet::v1_1(),
        };
        let table = SqueezeNet {
            last_pad: self.last_pad,
            ceil: !self.floor,
            ..table
        };
        Ok(table.float(&layers, squeezenet::MEAN_BGR)?)
    }
}

#[derive(Subcommand)]
enum Command {
    /// Measures the ranges of the activations over a folder of pictures.
    Calibrate {
        /// Folder of JPEG and PNG files.
        #[arg(long)]
        images: PathBuf,
        /// Side to which the pictures are scaled.
        #[arg(long, default_value_t = 227)]
        size: usize,
        /// File to write.
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Quantises and writes the packed model.
    Pack {
        #[command(flatten)]
        choices: Choices,
        /// File to write.
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Compares float and integer network on labelled pictures.
    Evaluate {
        #[command(flatten)]
        choices: Choices,
        /// Folder of pictures with a `labels.csv` (file,class,...).
        #[arg(long)]
        images: PathBuf,
        /// Side to which the pictures are scaled; may be given several times.
        #[arg(long, default_values_t = [224, 227])]
        size: Vec<usize>,
    },
}

#[derive(clap::Args)]
struct Choices {
    /// Measured ranges.
    #[arg(long)]
    calibration: PathBuf,
    /// Class names, one a line.
    #[arg(long)]
    labels: PathBuf,
    /// How the clip of an activation is chosen.
    #[arg(long, value_enum, default_value_t = ClipChoice::P99_999)]
    clip: ClipChoice,
    /// Leaves the biases as rounding gives them.
    #[arg(long)]
    no_bias_correction: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum ClipChoice {
    Max,
    P99_9,
    P99_99,
    P99_999,
    Mse,
}

impl Choices {
    fn quantised(&self, network: &FloatNetwork) -> Outcome<Network> {
        let calibration = Calibration::load(&self.calibration)?;
        let labels = text(&self.labels)?.lines().map(str::to_owned).collect();
        let clip = match self.clip {
            ClipChoice::Max => Clip::Max,
            ClipChoice::P99_9 => Clip::P99_9,
            ClipChoice::P99_99 => Clip::P99_99,
            ClipChoice::P99_999 => Clip::P99_999,
            ClipChoice::Mse => Clip::Mse,
        };
        let options = Options {
            clip,
            correct_bias: !self.no_bias_correction,
        };
        Ok(quantise(network, &calibration, labels, options)?)
    }
}

fn text(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()).into())
}

fn run(arguments: Arguments) -> Outcome<()> {
    let network = arguments.weights.network()?;
    match arguments.command {
        Command::Calibrate {
            images,
            size,
            output,
        } => {
            let files = pictures::files(&images)?;
            let inputs = pictures::load(&files, &network.input, size)?;
            let measured = calibration::measure(&network, &inputs)?;
            fs::write(&output, measured.to_toml()?)
                .map_err(|e| format!("{}: {e}", output.display()))?;
            println!(
                "{}: ranges over {} pictures",
                output.display(),
                inputs.len()
            );
        }
        Command::Pack { choices, output } => {
            choices.quantised(&network)?.save(&output)?;
            println!(
                "{}: {} bytes",
                output.display(),
                fs::metadata(&output)?.len()
            );
        }
        Command::Evaluate {
            choices,
            images,
            size,
        } => {
            let quantised = choices.quantised(&network)?;
            let (files, classes) = pictures::labelled(&images)?;
            for size in size {
                let inputs = pictures::load(&files, &network.input, size)?;
                println!(
                    "{size}: {}",
                    evaluate::compare(&network, &quantised, &inputs, &classes)?
                );
            }
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

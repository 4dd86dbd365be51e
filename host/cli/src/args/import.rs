//! Arguments of `firebrick import`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::ValueEnum;
use firebrick_network::quantise::Clip;
use firebrick_network::{PixelOrder, Preprocess, ResizePolicy, import};

use super::{Force, Html, Json, Size};

#[derive(Debug, clap::Args)]
pub struct Import {
    /// Float model: ONNX, PyTorch, Keras, TensorFlow Lite, Core ML, Caffe, MXNet, .safetensors,
    /// .npz or .pkl
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// Packed model to write
    #[arg(short, long, value_name = "PACK")]
    pub output: PathBuf,
    #[command(flatten)]
    pub force: Force,
    #[command(flatten)]
    pub source: Source,
    #[command(flatten)]
    pub calibration: Calibration,
    #[command(flatten)]
    pub quantiser: Quantiser,
    /// Class names, one per line [default: ImageNet's for 1000 classes, otherwise numbers]
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Version of the packed format; older programs can read 1, which does not hold what was
    /// subtracted from the pixels
    #[arg(long, value_name = "N", default_value = "2", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub pack_version: u8,
    #[command(flatten)]
    pub html: Html,
    #[command(flatten)]
    pub json: Json,
}

/// Where the ranges of the activations come from.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Calibration {
    /// Folder of photographs (JPEG, PNG) like those the network is meant for
    #[arg(long, value_name = "DIR")]
    pub calibrate: Option<PathBuf>,
    /// Ranges measured earlier, as --save-calibration writes them
    #[arg(long, value_name = "FILE")]
    pub calibration: Option<PathBuf>,
}

/// What a file of float weights does not say.
#[derive(Debug, clap::Args)]
pub struct Source {
    /// Name of the network [default: squeezenet-v1.0 or -v1.1 if it is one of them, otherwise the
    /// file's]
    #[arg(long)]
    pub name: Option<String>,
    /// How pictures are prepared [default: torchvision if the layers have its names, otherwise
    /// caffe]
    #[arg(long, value_enum)]
    pub preprocess: Option<Preset>,
    /// Order of the colours, if it is not the preset's
    #[arg(long, value_enum)]
    pub order: Option<Order>,
    /// Values to subtract from the pixels (0 to 255), in that order of colours
    #[arg(long, value_name = "A,B,C", value_parser = three)]
    pub mean: Option<[f32; 3]>,
    /// Values to divide by afterwards
    #[arg(long, value_name = "A,B,C", value_parser = three)]
    pub std: Option<[f32; 3]>,
    /// squash: scale both axes to the input; crop=N: scale the shorter side to N and cut out the
    /// middle
    #[arg(long, value_name = "HOW")]
    pub resize: Option<Resize>,
    /// Size of the network's input: one side, or HEIGHTxWIDTH [default: the model's own]
    #[arg(long, value_name = "SIZE")]
    pub size: Option<Size>,
    /// Layers that are followed by pools (1 is conv1, then the modules); for files of tensors
    #[arg(long, value_name = "N,N,...", value_delimiter = ',')]
    pub pools: Option<Vec<usize>>,
    /// Pools leave out a last, partial window; for files of tensors
    #[arg(long)]
    pub floor: bool,
    /// End the network with the map of this node, in place of scores of classes: a feature extractor
    /// for `firebrick features`
    #[arg(long, value_name = "NAME")]
    pub up_to: Option<String>,
    /// Padding of the last convolution; for files of tensors
    #[arg(long, value_name = "N")]
    pub last_pad: Option<usize>,
    /// Padding of the first convolution; for files of tensors, which do not say it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=8))]
    pub first_pad: Option<u8>,
    /// Stride of the first convolution; for files of tensors [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub first_stride: Option<u8>,
}

#[derive(Debug, clap::Args)]
pub struct Quantiser {
    /// Measure at most this many photographs, spread evenly over the folder
    #[arg(long, value_name = "N", default_value = "500", value_parser = clap::value_parser!(u16).range(1..))]
    pub pictures: u16,
    /// Measure the photographs only as they are, without mirrored copies
    #[arg(long)]
    pub no_mirror: bool,
    /// Also write the measured ranges to a file
    #[arg(long, value_name = "FILE")]
    pub save_calibration: Option<PathBuf>,
    /// How the largest value of an activation is chosen
    #[arg(long, value_enum, default_value = "mse")]
    pub clip: ClipChoice,
    /// Do not correct the biases for the errors of rounding
    #[arg(long)]
    pub no_bias_correction: bool,
    /// Use one scale for all channels of a map
    #[arg(long)]
    pub no_equalise: bool,
    /// How the weights are rounded [default: adaptive with --calibrate]
    #[arg(long, value_enum)]
    pub rounding: Option<Rounding>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Rounding {
    /// Each weight to the nearest step
    Nearest,
    /// So that errors cancel out on the photographs
    Adaptive,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ClipChoice {
    /// The largest value seen
    #[value(alias = "min-max")]
    Max,
    /// 99.9 % of the values lie below
    #[value(name = "p99.9")]
    P99_9,
    /// 99.99 %
    #[value(name = "p99.99")]
    P99_99,
    /// 99.999 %
    #[value(name = "p99.999")]
    P99_999,
    /// The smallest mean squared error; the largest value in the map that is summed
    Mse,
}

impl ClipChoice {
    pub fn clip(self) -> Clip {
        match self {
            ClipChoice::Max => Clip::Max,
            ClipChoice::P99_9 => Clip::P99_9,
            ClipChoice::P99_99 => Clip::P99_99,
            ClipChoice::P99_999 => Clip::P99_999,
            ClipChoice::Mse => Clip::Mse,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Preset {
    /// Blue first, mean 104, 117, 123, both axes scaled
    Caffe,
    /// Red first, mean 123.675, 116.28, 103.53, deviation 58.395, 57.12, 57.375, shorter side
    /// scaled to 256 and the middle cut
    Torchvision,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Order {
    Rgb,
    Bgr,
}

/// How a picture is scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resize(pub ResizePolicy);

impl FromStr for Resize {
    type Err = String;

    fn from_str(text: &str) -> Result<Resize, String> {
        let short = match text {
            "squash" => return Ok(Resize(ResizePolicy::Squash)),
            "crop" => Some(256),
            _ => text.strip_prefix("crop=").and_then(|n| n.parse().ok()),
        };
        match short.filter(|n| (1..=4096).contains(n)) {
            Some(short) => Ok(Resize(ResizePolicy::CropCenter { short })),
            None => Err("give squash, crop or crop=N with N from 1 to 4096".into()),
        }
    }
}

fn three(text: &str) -> Result<[f32; 3], String> {
    let values: Result<Vec<f32>, _> = text.split(',').map(|v| v.trim().parse()).collect();
    values
        .ok()
        .and_then(|v| <[f32; 3]>::try_from(v).ok())
        .filter(|v| v.iter().all(|v| v.is_finite()))
        .ok_or_else(|| "give three numbers, as in 104,117,123".into())
}

impl Source {
    /// The same for the importer.
    pub fn options(&self) -> import::Options {
        import::Options {
            name: self.name.clone(),
            preset: self.preprocess.map(|preset| match preset {
                Preset::Caffe => Preprocess::CAFFE,
                Preset::Torchvision => Preprocess::TORCHVISION,
            }),
            order: self.order.map(|order| match order {
                Order::Rgb => PixelOrder::Rgb,
                Order::Bgr => PixelOrder::Bgr,
            }),
            mean: self.mean,
            std: self.std,
            resize: self.resize.map(|r| r.0),
            size: self.size.map(|s| [s.height, s.width]),
            pools: self.pools.clone(),
            ceil: self.floor.then_some(false),
            last_pad: self.last_pad,
            first_pad: self.first_pad.map(usize::from),
            first_stride: self.first_stride.map(usize::from),
            up_to: self.up_to.clone(),
        }
    }
}

//! What quantising did to each layer.

use firebrick::target::Size;
use firebrick_model::Model;
use firebrick_network::calibration::Calibration;
use firebrick_network::float::{FloatNetwork, FloatOp};
use firebrick_network::import::Imported;
use firebrick_network::quantise::Quantised;
use firebrick_network::{Network, NodeId};
use ndarray::Array3;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::bytes_of;
use crate::args;
use crate::commands::evaluate::{pairs, spread};
use crate::commands::histogram;
use crate::error::CliError;
use crate::output::{Output, Wide, percent};
use crate::progress::note;
use crate::target::shown;

/// Of one convolution.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Layer {
    name: String,
    /// Largest real value that was measured, and the one that is kept.
    largest: f64,
    clip: f64,
    /// Real value of one step, of the map.
    scale: f64,
    /// Least and largest of its channels.
    channel_scale: [f64; 2],
    /// Signal over what quantising the whole network up to here added, in dB. Measured on the
    /// photographs.
    sqnr_db: Option<f64>,
    /// Share of the outputs at 255.
    saturated: Option<f64>,
    /// Share of the outputs at 0.
    zeros: Option<f64>,
    /// Share of the weights that are 0.
    zero_weights: f64,
    /// Largest weight without its sign.
    largest_weight: u8,
    /// How many weights have each value, in 32 steps from -128 to 127.
    weights: Vec<u64>,
    /// The same of the outputs, from 0 to 255; empty without photographs.
    activations: Vec<u64>,
}

/// The figures of all layers, and of the scores.
pub struct Compared {
    pub layers: Vec<Layer>,
    /// Scores of the float model with those of the integers.
    pub scores: Vec<(f64, f64)>,
}

/// Sums over photographs.
#[derive(Clone, Default)]
struct Sums {
    signal: f64,
    noise: f64,
    saturated: u64,
    zeros: u64,
    count: u64,
    histogram: Vec<u64>,
}

impl Sums {
    fn of(float: &Array3<f32>, integer: ndarray::ArrayView3<u8>, steps: &[f64]) -> Sums {
        let mut sums = Sums {
            histogram: histogram(integer.iter().copied()),
            ..Sums::default()
        };
        for ((at, &real), &value) in float.indexed_iter().zip(integer) {
            let made = f64::from(value) * steps.get(at.2).copied().unwrap_or(0.0);
            sums.signal += f64::from(real).powi(2);
            sums.noise += (f64::from(real) - made).powi(2);
            sums.saturated += u64::from(value == u8::MAX);
            sums.zeros += u64::from(value == 0);
            sums.count += 1;
        }
        sums
    }

    fn add(self, other: &Sums) -> Sums {
        let longer = self.histogram.len().max(other.histogram.len());
        let at = |counts: &[u64], index| counts.get(index).copied().unwrap_or(0);
        Sums {
            zeros: self.zeros + other.zeros,
            histogram: (0..longer)
                .map(|index| at(&self.histogram, index) + at(&other.histogram, index))
                .collect(),
            signal: self.signal + other.signal,
            noise: self.noise + other.noise,
            saturated: self.saturated + other.saturated,
            count: self.count + other.count,
        }
    }
}

/// The figures of every convolution; without photographs those that need none.
pub fn layers(
    float: &FloatNetwork,
    quantised: &Quantised,
    calibration: &Calibration,
    pictures: &[Array3<u8>],
) -> Result<Compared, CliError> {
    let model = Model::new(&quantised.network)?;
    let input = quantised.network.input;
    let size = Size {
        height: input.height,
        width: input.width,
    };
    let step = firebrick::target::logit_scale(&quantised.network, size);
    let convs: Vec<usize> = (0..float.nodes.len())
        .filter(|&i| matches!(float.nodes[i].op, FloatOp::Conv(_)))
        .collect();
    let measured = pictures
        .par_iter()
        .map(|picture| {
            let real = float.forward(picture.view())?;
            let made = model.run(&picture.view())?;
            let sums = convs.iter().map(|&i| match made.map(NodeId(i)) {
                Some(map) => Sums::of(&real[i], map, &quantised.steps[i]),
                None => Sums::default(),
            });
            let scores = real.last().map_or_else(Vec::new, |scores| {
                let float: Vec<f64> = scores.iter().map(|&score| f64::from(score)).collect();
                let sums = made.logits.iter();
                let integer: Vec<f64> = sums.map(|&sum| f64::from(sum) * step).collect();
                pairs(&integer, &float)
            });
            Ok((sums.collect::<Vec<_>>(), scores))
        })
        .collect::<Result<Vec<_>, CliError>>()?;
    let layers = convs.iter().enumerate().map(|(at, &i)| {
        let name = float.nodes[i].name.clone();
        let range = calibration.range_of(&name);
        let sums = measured
            .iter()
            .fold(Sums::default(), |all, (picture, _)| all.add(&picture[at]));
        let steps = quantised.steps[i].iter().copied();
        let conv = quantised.network.nodes[i].op.conv();
        let scale = conv.map_or(0.0, |conv| f64::from(conv.output_scale));
        let weights = conv.map_or_else(Vec::new, |conv| conv.weights.iter().copied().collect());
        let zero_weights = weights.iter().filter(|w| **w == 0).count();
        let of_all = |n: u64| (sums.count > 0).then(|| n as f64 / sums.count as f64);
        Layer {
            largest: range.map_or(0.0, |r| r.max),
            clip: 255.0 * scale,
            scale,
            channel_scale: [
                steps.clone().fold(f64::INFINITY, f64::min),
                steps.fold(0.0, f64::max),
            ],
            sqnr_db: (sums.count > 0 && sums.noise > 0.0)
                .then(|| 10.0 * (sums.signal / sums.noise).log10()),
            saturated: of_all(sums.saturated),
            zeros: of_all(sums.zeros),
            zero_weights: zero_weights as f64 / weights.len().max(1) as f64,
            largest_weight: weights
                .iter()
                .map(|w: &i8| w.unsigned_abs())
                .max()
                .unwrap_or(0),
            // From -128 on.
            weights: histogram(weights.iter().map(|w| w.cast_unsigned() ^ 0x80)),
            activations: sums.histogram,
            name,
        }
    });
    let layers = layers.collect();
    let scores: Vec<Vec<(f64, f64)>> = measured.into_iter().map(|(_, scores)| scores).collect();
    Ok(Compared {
        layers,
        scores: spread(&scores),
    })
}

/// The whole report, as an object.
#[derive(JsonSchema, Serialize)]
pub struct Report<'a> {
    model: String,
    pack: String,
    bytes: usize,
    network: &'a str,
    height: usize,
    width: usize,
    classes: usize,
    mean: [f32; 3],
    std: [f32; 3],
    order: &'static str,
    /// Presets that can run it.
    presets: &'a [String],
    /// Pictures for calibration that could not be read.
    skipped: usize,
    notes: &'a [String],
    layers: &'a [Layer],
    /// Scores of the float model with those of the integers, on the photographs: of classes from
    /// the best to the last.
    scores: &'a [(f64, f64)],
}

/// What was made.
pub struct Made<'a> {
    /// The packed network.
    pub network: &'a Network,
    /// The figures of its layers and scores.
    pub compared: &'a Compared,
    /// Presets that can run it.
    pub presets: &'a [String],
    /// Pictures for calibration that could not be read.
    pub skipped: usize,
}

/// Prints everything.
pub fn print(
    args: &args::Import,
    imported: &Imported,
    made: &Made,
    output: &mut Output,
) -> Result<(), CliError> {
    let (network, layers) = (made.network, made.compared.layers.as_slice());
    for text in &imported.notes {
        note(format_args!("note: {text}"));
    }
    let normalise = imported.network.normalise;
    let report = Report {
        model: shown(&args.model),
        pack: shown(&args.output),
        bytes: bytes_of(network),
        network: &network.name,
        height: network.input.height,
        width: network.input.width,
        classes: network.classes(),
        mean: normalise.mean,
        std: normalise.std,
        order: match network.input.order {
            firebrick_network::PixelOrder::Rgb => "rgb",
            firebrick_network::PixelOrder::Bgr => "bgr",
            firebrick_network::PixelOrder::Grey => "grey",
        },
        presets: made.presets,
        skipped: made.skipped,
        notes: &imported.notes,
        layers,
        scores: &made.compared.scores,
    };
    output.object(&report, args.json.on)?;
    if args.json.on {
        return Ok(());
    }
    let mut table = Wide::new(&[
        "layer",
        "largest#",
        "clip#",
        "step#",
        "channels' steps#",
        "SQNR#",
        "at 255#",
    ]);
    for layer in layers {
        let [least, most] = layer.channel_scale;
        table.add_row(vec![
            layer.name.clone(),
            format!("{:.3}", layer.largest),
            format!("{:.3}", layer.clip),
            format!("{:.4}", layer.scale),
            format!("{least:.4} to {most:.4}"),
            layer
                .sqnr_db
                .map_or(String::new(), |db| format!("{db:.1} dB")),
            layer.saturated.map_or(String::new(), percent),
        ]);
    }
    output.line(table.text())?;
    output.line(format_args!(
        "{}: {} at {}x{}, {} classes, {}, mean {:?}, deviation {:?}, {} bytes",
        report.pack,
        report.network,
        report.height,
        report.width,
        report.classes,
        match report.order {
            "rgb" => "red first",
            "bgr" => "blue first",
            _ => "grey",
        },
        report.mean,
        report.std,
        report.bytes
    ))
}

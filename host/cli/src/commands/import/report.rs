//! What quantising did to each layer.

use firebrick::quantisation::Figures;
use firebrick::target::Size;
use firebrick_model::Model;
use firebrick_network::Network;
use firebrick_network::calibration::Calibration;
use firebrick_network::float::FloatNetwork;
use firebrick_network::import::Imported;
use firebrick_network::quantise::Quantised;
use ndarray::Array3;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::bytes_of;
use crate::args;
use crate::commands::evaluate::{pairs, spread};
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
    let network = &quantised.network;
    let measured = pictures
        .par_iter()
        .map(|picture| {
            let real = float.forward(picture.view())?;
            let made = model.run(&picture.view())?;
            let mut figures = Figures::new(network);
            figures.add(&made, Some(&real));
            let scores = real.last().map_or_else(Vec::new, |scores| {
                let float: Vec<f64> = scores.iter().map(|&score| f64::from(score)).collect();
                let sums = made.logits.iter();
                let integer: Vec<f64> = sums.map(|&sum| f64::from(sum) * step).collect();
                pairs(&integer, &float)
            });
            Ok((figures, scores))
        })
        .collect::<Result<Vec<_>, CliError>>()?;
    let figures = measured
        .iter()
        .fold(Figures::new(network), |all, (figures, _)| {
            all.merge(figures)
        });
    let steps = quantised.steps.iter().zip(&network.nodes);
    let steps = steps.filter(|(_, node)| node.op.conv().is_some());
    let found = figures.layers(network, Some(&quantised.steps));
    let layers = found.into_iter().zip(steps).map(|(layer, (steps, _))| {
        let range = calibration.range_of(&layer.name);
        let steps = steps.iter().copied();
        Layer {
            largest: range.map_or(0.0, |r| r.max),
            clip: layer.clip,
            scale: layer.output_scale,
            channel_scale: [
                steps.clone().fold(f64::INFINITY, f64::min),
                steps.fold(0.0, f64::max),
            ],
            sqnr_db: layer.sqnr_db,
            saturated: layer.clipped,
            zeros: layer.zeros,
            zero_weights: layer.zero_weights,
            largest_weight: layer.largest_weight,
            weights: layer.weights,
            activations: layer.activations,
            name: layer.name,
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

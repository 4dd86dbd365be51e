//! What quantising did to each layer.

use firebrick_model::Model;
use firebrick_network::calibration::Calibration;
use firebrick_network::float::{FloatNetwork, FloatOp};
use firebrick_network::import::Imported;
use firebrick_network::quantise::Quantised;
use firebrick_network::{Network, NodeId, Op};
use ndarray::Array3;
use rayon::prelude::*;
use serde::Serialize;

use super::bytes_of;
use crate::args;
use crate::error::CliError;
use crate::output::{Output, Wide, percent};
use crate::progress::note;
use crate::target::shown;

/// Of one convolution.
#[derive(Debug, Serialize)]
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
}

/// Sums over photographs.
#[derive(Clone, Copy, Default)]
struct Sums {
    signal: f64,
    noise: f64,
    saturated: u64,
    count: u64,
}

impl Sums {
    fn of(float: &Array3<f32>, integer: ndarray::ArrayView3<u8>, steps: &[f64]) -> Sums {
        let mut sums = Sums::default();
        for ((at, &real), &value) in float.indexed_iter().zip(integer) {
            let made = f64::from(value) * steps.get(at.2).copied().unwrap_or(0.0);
            sums.signal += f64::from(real).powi(2);
            sums.noise += (f64::from(real) - made).powi(2);
            sums.saturated += u64::from(value == u8::MAX);
            sums.count += 1;
        }
        sums
    }

    fn add(self, other: Sums) -> Sums {
        Sums {
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
) -> Result<Vec<Layer>, CliError> {
    let model = Model::new(&quantised.network)?;
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
            Ok(sums.collect::<Vec<_>>())
        })
        .collect::<Result<Vec<_>, CliError>>()?;
    let layers = convs.iter().enumerate().map(|(at, &i)| {
        let name = float.nodes[i].name.clone();
        let range = calibration.range_of(&name);
        let sums = measured
            .iter()
            .fold(Sums::default(), |all, picture| all.add(picture[at]));
        let steps = quantised.steps[i].iter().copied();
        let scale = match &quantised.network.nodes[i].op {
            Op::Conv(conv) => f64::from(conv.output_scale),
            _ => 0.0,
        };
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
            saturated: (sums.count > 0).then(|| sums.saturated as f64 / sums.count as f64),
            name,
        }
    });
    Ok(layers.collect())
}

/// The whole report, as an object.
#[derive(Serialize)]
struct Report<'a> {
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
}

/// What was made.
pub struct Made<'a> {
    /// The packed network.
    pub network: &'a Network,
    /// The figures of its layers.
    pub layers: &'a [Layer],
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
    let (network, layers) = (made.network, made.layers);
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
    };
    if args.json.on {
        return output.json(&report);
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

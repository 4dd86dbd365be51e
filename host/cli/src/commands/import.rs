//! `firebrick import`: from a float model to a packed one.

mod fits;
mod padding;
mod preparation;
mod report;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use firebrick_model::biases;
use firebrick_network::calibration::{self, Calibration};
use firebrick_network::float::{FloatNetwork, FloatOp};
use firebrick_network::import::{self, ImportError, Imported, preflight};
use firebrick_network::moments::{self, Moments};
use firebrick_network::quantise::{self, quantise};
use firebrick_network::{Network, Scores, builtin, sums, tail};
use ndarray::{Array3, s};

use crate::args::{self, Rounding};
use crate::error::CliError;
use crate::output::Output;
use crate::outputs::{Kind, Place};
use crate::pages;
use crate::pictures;
use crate::progress::{Counter, Style, note, warning};
use crate::sources::Sources;
use fits::Fits;
pub use report::Report;

/// Photographs, mirrored ones included, over which biases are corrected.
const CORRECTED: usize = 100;
/// Share of the pictures in a folder, in per cent, that must be readable.
const READABLE: usize = 50;
/// Unreadable pictures that are named.
const WARNINGS: usize = 5;
/// Photographs that are compared for the report.
const COMPARED: usize = 16;

pub fn run(args: &args::Import, style: Style, output: &mut Output) -> Result<(), CliError> {
    let outputs = Outputs::check(args)?;
    let inputs = [&args.labels, &args.calibration.calibration];
    let inputs = inputs.into_iter().flatten().map(PathBuf::as_path);
    let inputs: Vec<&Path> = inputs.chain([args.model.as_path()]).collect();
    let others = [
        ("-o", Some(args.output.as_path())),
        (
            "--save-calibration",
            args.quantiser.save_calibration.as_deref(),
        ),
    ];
    let page = pages::check(&args.html, &inputs, &others, args.force.on, output)?;
    let mut imported = open(args)?;
    let fits = Fits::of(&imported.network);
    let unusual = fits.judge(&imported.network)?;
    let labels = labels(args.labels.as_deref(), &imported)?;
    let measured = match &args.calibration.calibrate {
        Some(folder) => Measured::over(folder, args, &mut imported, style, &outputs)?,
        None => Measured::read(args, &mut imported)?,
    };
    let network = &imported.network;
    let skipped = measured.skipped;
    imported.notes.extend(unusual);
    imported.notes.extend(measured.notes);
    let options = quantise::Options {
        clip: args.quantiser.clip.clip(),
        correct_bias: !args.quantiser.no_bias_correction,
        equalise: !args.quantiser.no_equalise,
    };
    let mut quantised = quantise(
        network,
        &measured.calibration,
        &measured.moments,
        labels,
        options,
    )?;
    // Rounding to the nearest gives what kept ranges alone would give.
    if !measured.moments.is_empty() && options.correct_bias {
        let pictures = pictures::spread(measured.pictures.clone(), CORRECTED);
        let ticks = biases::ticks(network, pictures.len());
        let counter = Counter::new(style, "correcting biases", ticks);
        biases::correct(network, &mut quantised, &pictures, &|| counter.tick())?;
    }
    if imported.sigmoid {
        let raised = measured.calibration.raised;
        quantised.network.scores = Scores::Sigmoid { raised };
    }
    if imported.map {
        let raised = measured.calibration.raised;
        quantised.network.scores = Scores::Map { raised };
    }
    if args.pack_version == 1 {
        quantised.network.normalise = None;
        quantised.network.scores = Scores::Softmax;
    }
    let compared = pictures::spread(measured.pictures, COMPARED);
    let compared = report::layers(network, &quantised, &measured.calibration, &compared)?;
    outputs.pack.write(&quantised.network.to_bytes()?)?;
    let made = report::Made {
        network: &quantised.network,
        compared: &compared,
        presets: &fits.presets,
        skipped,
    };
    report::print(args, &imported, &made, output)?;
    pages::write(page.as_ref(), output, |objects| {
        pages::import(objects, pages::run_of(None, &[]))
    })
}

/// Reads the float model. A file of tensors says nothing of the input's size: it is that at which
/// ranges were measured before, if they were.
fn open(args: &args::Import) -> Result<Imported, CliError> {
    let mut options = args.source.options();
    let imported = import::open(&args.model, &options)?;
    let measured = match &args.calibration.calibration {
        Some(path) if options.size.is_none() && imported.format.is_tensors() => {
            Calibration::load(path)?.size
        }
        _ => return Ok(imported),
    };
    if measured.contains(&0) {
        return Ok(imported);
    }
    options.size = Some(imported.network.input.inner(measured));
    Ok(import::open(&args.model, &options)?)
}

/// What is written, looked at before the long work begins.
struct Outputs {
    pack: Place,
    calibration: Option<Place>,
}

impl Outputs {
    fn check(args: &args::Import) -> Result<Outputs, CliError> {
        let more = [&args.labels, &args.calibration.calibration];
        let more = more.into_iter().flatten().map(|path| path.as_path());
        let mut inputs: Vec<&Path> = more.chain([args.model.as_path()]).collect();
        let force = args.force.on;
        let pack = Place::check(&args.output, Kind::PACK, &inputs, force)?;
        let calibration = match &args.quantiser.save_calibration {
            Some(path) => {
                // Nor over the pack of before, if that goes wrong later.
                inputs.push(&args.output);
                let place = Place::check(path, Kind::CALIBRATION, &inputs, force)?;
                place.must_not_be(&pack)?;
                Some(place)
            }
            None => None,
        };
        Ok(Outputs { pack, calibration })
    }
}

/// Number of classes: the channels of the last convolution.
fn classes(network: &FloatNetwork) -> usize {
    let shapes = network.shapes(network.input.height, network.input.width);
    shapes
        .ok()
        .and_then(|s| s.last().map(|s| s.channels))
        .unwrap_or(0)
}

/// Names of the classes: those that were given, the file's own, ImageNet's, or numbers.
fn labels(path: Option<&Path>, imported: &Imported) -> Result<Vec<String>, CliError> {
    let classes = classes(&imported.network);
    let Some(path) = path else {
        if imported.labels.len() == classes {
            return Ok(imported.labels.clone());
        }
        if imported.map {
            return Ok((0..classes).map(|n| format!("channel {n}")).collect());
        }
        let imagenet = builtin().labels;
        return Ok(if imagenet.len() == classes {
            imagenet
        } else {
            (0..classes).map(|class| format!("class {class}")).collect()
        });
    };
    let hint = "give a text file of one name a line, as many as there are classes";
    let text = fs::read_to_string(path).map_err(|e| CliError::file(path, e, hint))?;
    let labels: Vec<String> = text.lines().map(str::to_owned).collect();
    if labels.len() != classes {
        let reason = format!("has {} lines, the model {classes} classes", labels.len());
        return Err(CliError::file(path, reason, hint));
    }
    Ok(labels)
}

/// Pictures that can be read.
#[derive(Default)]
struct Readable {
    files: Vec<PathBuf>,
    pictures: Vec<Array3<u8>>,
    /// How many cannot.
    skipped: usize,
}

/// What is known of the activations.
struct Measured {
    calibration: Calibration,
    moments: Vec<Option<Moments>>,
    pictures: Vec<Array3<u8>>,
    /// Pictures of the folder that could not be read.
    skipped: usize,
    notes: Vec<String>,
}

impl Measured {
    /// Measures over a folder of photographs.
    fn over(
        folder: &Path,
        args: &args::Import,
        imported: &mut Imported,
        style: Style,
        outputs: &Outputs,
    ) -> Result<Measured, CliError> {
        let files = Sources::in_folder(folder).collect::<Result<Vec<_>, _>>()?;
        let files = pictures::spread(files, args.quantiser.pictures.into());
        let Readable {
            files,
            mut pictures,
            skipped,
        } = readable(folder, files, &imported.network)?;
        if !args.quantiser.no_mirror {
            // As likely as the photographs themselves, and as good as more of them.
            let mirrored: Vec<_> = pictures.iter().map(mirrored).collect();
            pictures.extend(mirrored);
        }
        let mut notes = padding::rounding(&imported.network, &pictures)?;
        let raised = match tail::is_open(&imported.network) {
            true => tail::measure(&imported.network, &pictures)?,
            false => 0.0,
        };
        let sums = sums::measure(&imported.network, &pictures)?;
        raise(imported, raised);
        raise_sums(imported, &sums)?;
        let network = &imported.network;
        let adaptive = args.quantiser.rounding != Some(Rounding::Nearest);
        let passes = if adaptive { 3 } else { 2 };
        let counter = Counter::new(style, "calibrating", passes * pictures.len());
        let mut calibration = calibration::measure(network, &pictures, &|| counter.tick())?;
        (calibration.raised, calibration.sums) = (raised, sums);
        let moments = if adaptive {
            moments::measure(network, &pictures, &|| counter.tick())?
        } else {
            Vec::new()
        };
        drop(counter);
        if let Some(place) = &outputs.calibration {
            let text = calibration.to_toml().map_err(io::Error::other);
            place.write(text.map_err(|e| place.error(e))?.as_bytes())?;
        }
        notes.extend(preflight::ranges(network, &calibration));
        notes.extend(preparation::check(network, imported.own, &files)?);
        notes.extend(padding::check(args, imported, &files)?);
        Ok(Measured {
            calibration,
            moments,
            pictures,
            skipped,
            notes,
        })
    }

    /// Reads ranges that were measured before. They do not hold what adaptive rounding needs.
    fn read(args: &args::Import, imported: &mut Imported) -> Result<Measured, CliError> {
        let path = args
            .calibration
            .calibration
            .as_deref()
            .unwrap_or(Path::new(""));
        if args.quantiser.rounding == Some(Rounding::Adaptive) {
            let reason = "holds ranges only, adaptive rounding needs photographs";
            return Err(CliError::file(
                path,
                reason,
                "give a folder with --calibrate",
            ));
        }
        if args.quantiser.save_calibration.is_some() {
            note("note: --save-calibration has no effect with --calibration");
        }
        let calibration = Calibration::load(path)?;
        of_this_network(path, &calibration, &imported.network)?;
        let open = tail::is_open(&imported.network);
        if open && calibration.raised <= 0.0 {
            let reason = "does not say how far the classes of a last convolution without ReLU go \
                          below 0";
            let hint = "measure it again with --calibrate and --save-calibration";
            return Err(CliError::file(path, reason, hint));
        }
        raise(imported, calibration.raised);
        raise_sums(imported, &calibration.sums)?;
        Ok(Measured {
            calibration,
            moments: Vec::new(),
            pictures: Vec::new(),
            skipped: 0,
            notes: Vec::new(),
        })
    }
}

/// Refuses ranges that were measured on another network: by its name, or by its convolutions.
fn of_this_network(
    path: &Path,
    calibration: &Calibration,
    network: &FloatNetwork,
) -> Result<(), CliError> {
    let hint = "measure this model with --calibrate and --save-calibration, or give --name if it is \
                the same network under another name";
    if calibration.network != network.name {
        let reason = format!(
            "holds the ranges of {:?}, and the model is {:?}",
            calibration.network, network.name
        );
        return Err(CliError::file(path, reason, hint));
    }
    let measured: BTreeSet<&str> = calibration
        .range
        .iter()
        .flat_map(|range| range.convs.iter().map(String::as_str))
        .collect();
    let convs = network.nodes.iter();
    let own: BTreeSet<&str> = convs
        .filter(|node| matches!(node.op, FloatOp::Conv(_)))
        .map(|node| node.name.as_str())
        .collect();
    match measured.symmetric_difference(&own).next() {
        None => Ok(()),
        Some(name) => {
            let (with, without) = match own.contains(name) {
                true => ("the model", "the file"),
                false => ("the file", "the model"),
            };
            let reason = format!(
                "holds the ranges of another network: the convolution {name:?} is in {with} and \
                 not in {without}"
            );
            Err(CliError::file(path, reason, hint))
        }
    }
}

/// Raises the classes of a last convolution without ReLU above 0.
fn raise(imported: &mut Imported, by: f32) {
    if tail::is_open(&imported.network) {
        tail::raise(&mut imported.network, by);
        imported.notes.push(format!(
            "The last layer has no ReLU, and the engine's maps hold nothing below 0: all classes are \
             raised by {by:.3}, a tenth more than the photographs need. That changes neither their \
             order nor what Softmax makes of them; each score is larger by it."
        ));
    }
}

/// Raises the sums of bypasses without ReLU above 0.
fn raise_sums(imported: &mut Imported, by: &sums::Raises) -> Result<(), CliError> {
    if !sums::is_open(&imported.network) {
        return Ok(());
    }
    sums::raise(&mut imported.network, by).map_err(|reason| {
        let hint = "put a ReLU behind the sums of bypasses, or measure with --calibrate";
        ImportError {
            place: "the network".into(),
            reason,
            hint: hint.into(),
        }
    })?;
    let most = by.values().flatten().copied().fold(0.0, f32::max);
    imported.notes.push(format!(
        "{} sums of bypasses have no ReLU, and the engine's maps hold nothing below 0: each channel is \
         raised, by {most:.3} at most and a tenth more than the photographs need, and what reads it \
         takes that off again.",
        by.len()
    ));
    Ok(())
}

/// The pictures of a folder that can be read; a warning for each that cannot. An error if those are
/// too many for a folder of photographs.
fn readable(
    folder: &Path,
    files: Vec<PathBuf>,
    network: &FloatNetwork,
) -> Result<Readable, CliError> {
    let all = files.len();
    let loaded = pictures::load(&files, &network.input);
    let mut found = Readable::default();
    for (file, picture) in files.into_iter().zip(loaded) {
        match picture {
            Ok(picture) => {
                found.files.push(file);
                found.pictures.push(picture);
            }
            Err(error) => {
                found.skipped += 1;
                if found.skipped <= WARNINGS {
                    warning(format_args!("{error}; it is left out"));
                }
            }
        }
    }
    if found.skipped > 0 {
        let read = all - found.skipped;
        warning(format_args!(
            "{} of {all} pictures in {} cannot be read and are left out",
            found.skipped,
            folder.display()
        ));
        if read == 0 || read * 100 < all * READABLE {
            return Err(CliError::FewPictures {
                folder: folder.to_owned(),
                read,
                all,
                share: READABLE,
            });
        }
    }
    Ok(found)
}

/// Left and right exchanged.
fn mirrored(picture: &Array3<u8>) -> Array3<u8> {
    picture
        .slice(s![.., ..;-1, ..])
        .as_standard_layout()
        .into_owned()
}

/// The model that was made, for the report.
pub(super) fn bytes_of(network: &Network) -> usize {
    network.to_bytes().map_or(0, |b| b.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrored_twice_is_the_picture() {
        let picture = Array3::from_shape_fn((2, 3, 3), |(y, x, c)| (y * 9 + x * 3 + c) as u8);
        let other = mirrored(&picture);
        assert_eq!(other[(1, 0, 2)], picture[(1, 2, 2)]);
        assert!(other.is_standard_layout());
        assert_eq!(mirrored(&other), picture);
    }
}

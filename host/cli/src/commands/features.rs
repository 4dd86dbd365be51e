//! `firebrick features`: a layer's maps of many pictures, or their means, as one array.

use std::path::{Path, PathBuf};

use firebrick_driver::Weights;
use firebrick_model::Model;
use firebrick_network::{Network, NodeId, Op};
use firebrick_spec::HwConfig;
use firebrick_train::Trunk;
use ndarray::Array3;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::maps::save;
use crate::args;
use crate::error::{CliError, Outcome};
use crate::output::Output;
use crate::outputs::{Kind, Place};
use crate::progress::{self, Counter, Style};
use crate::signals;
use crate::skipped::{Skipped, Unreadable};
use crate::sources::Sources;
use crate::target::{Target, shown};
use firebrick::near::{near, question};

/// Pictures that are worked on at once.
const BATCH: usize = 32;
/// Most bytes of the array, which is kept in memory until it is whole.
const LARGEST: usize = 4 << 30;

#[derive(JsonSchema, Serialize)]
pub struct Report {
    network: String,
    layer: String,
    file: String,
    dtype: &'static str,
    shape: Vec<u64>,
    images: Vec<String>,
    failed: usize,
}

pub fn run(args: &args::Features, style: Style, output: &mut Output) -> Result<Outcome, CliError> {
    let images = args.pictures.images.iter().map(PathBuf::as_path);
    let inputs: Vec<&Path> = images.chain(args.network.model.as_deref()).collect();
    let place = Place::check(&args.output, Kind::MAP, &inputs, args.force.on)?;
    let target = Target::of(
        args.network.model.as_deref(),
        args.network.size,
        HwConfig::default(),
        Weights::Auto,
    )?;
    let layer = layer(args, &target.network)?;
    let name = target.network.nodes[layer.0].name.clone();
    let part = target.network.up_to(layer).map_err(|e| CliError::Layer {
        layer: name.clone(),
        reason: e.to_string(),
    })?;
    let model = Model::new(&part)?;
    let shapes = part.shapes(target.size.height, target.size.width);
    let shape = shapes
        .map_err(|source| firebrick_model::ModelError::Shape {
            height: target.size.height,
            width: target.size.width,
            source,
        })?
        .get(layer.0)
        .copied();
    let shape = shape.unwrap_or_else(|| unreachable!("the layer was found"));
    let mut found = Found::default();
    let mut skipped = Skipped::new(&args.pictures);
    let sources = Sources::of(&args.pictures);
    let total = sources.total().filter(|total| *total > 1);
    let counter = total.map(|total| Counter::new(style, "computing features", total as usize));
    let mut sources = sources.until(signals::is_interrupted).peekable();
    let mut count = 0;
    while sources.peek().is_some() {
        let paths: Vec<Result<PathBuf, CliError>> = sources.by_ref().take(BATCH).collect();
        let one = |path: Result<PathBuf, CliError>| {
            let path = path.map_err(|error| (None, Box::new(error)))?;
            let values = target
                .picture(&path)
                .map_err(CliError::from)
                .and_then(|picture| values(&model, layer, &picture, args.map));
            if let Some(counter) = &counter {
                counter.tick();
            }
            match values {
                Ok(values) => Ok((path, values)),
                Err(error) => Err((Some(path), Box::new(error))),
            }
        };
        let results: Vec<_> = paths.into_par_iter().map(one).collect();
        for result in results {
            match result {
                Ok((path, values)) => {
                    count += 1;
                    found.add(&path, values)?;
                }
                Err((path, error)) => {
                    let error = *error;
                    count += usize::from(!error.is_empty());
                    let own = match &path {
                        Some(path) => skipped.unreadable(path, error),
                        None => Err(Unreadable::Own(error)),
                    };
                    match own {
                        Ok(()) => {}
                        Err(Unreadable::Own(error)) => {
                            progress::error(error);
                            found.failed += 1;
                        }
                        Err(Unreadable::TooMany(error)) => return Err(error),
                    }
                }
            }
        }
    }
    drop(counter);
    skipped.report();
    if count == 0 && !args.pictures.allow_empty {
        return Err(CliError::NoInput);
    }
    let rows = found.images.len() as u64;
    let (dtype, shape) = match args.map {
        true => (
            "uint8",
            [shape.height, shape.width, shape.channels]
                .map(|n| n as u64)
                .to_vec(),
        ),
        false => ("float32", vec![shape.channels as u64]),
    };
    let shape = [&[rows], &shape[..]].concat();
    match args.map {
        true => save(&place, &found.maps, &shape)?,
        false => save(&place, &found.means, &shape)?,
    }
    let outcome = match found.failed {
        0 => Outcome::Good,
        _ => Outcome::Bad,
    };
    let report = Report {
        network: target.network.name.clone(),
        layer: name,
        file: shown(&args.output),
        dtype,
        shape,
        images: found.images,
        failed: found.failed,
    };
    report.print(args, output)?;
    Ok(outcome)
}

/// The layer that is named, or the one that the last convolution reads.
fn layer(args: &args::Features, network: &Network) -> Result<NodeId, CliError> {
    let Some(name) = &args.layer else {
        return Ok(Trunk::of(network)?.map());
    };
    let has_map = |op: &Op| !matches!(op, Op::Global);
    let nodes = network.nodes.iter();
    match nodes
        .clone()
        .position(|node| node.name == *name && has_map(&node.op))
    {
        Some(place) => Ok(NodeId(place)),
        None => {
            let names = nodes.filter(|n| has_map(&n.op)).map(|n| n.name.as_str());
            Err(CliError::Layer {
                layer: name.clone(),
                reason: format!(
                    "{:?} has no such layer; `firebrick info` lists them{}",
                    network.name,
                    question(near(name, names))
                ),
            })
        }
    }
}

/// What is kept of one picture.
enum Values {
    Map(Vec<u8>),
    Means(Vec<f32>),
}

fn values(
    model: &Model,
    layer: NodeId,
    picture: &Array3<u8>,
    whole: bool,
) -> Result<Values, CliError> {
    let maps = model.run(&picture.view())?;
    let map = maps
        .map(layer)
        .unwrap_or_else(|| unreachable!("the layer was found"));
    Ok(match whole {
        true => Values::Map(map.iter().copied().collect()),
        false => {
            let (height, width, _) = map.dim();
            let pixels = (height * width) as f32;
            Values::Means(maps.logits.iter().map(|&sum| sum as f32 / pixels).collect())
        }
    })
}

/// All pictures so far.
#[derive(Default)]
struct Found {
    images: Vec<String>,
    maps: Vec<u8>,
    means: Vec<f32>,
    failed: usize,
}

impl Found {
    fn add(&mut self, path: &Path, values: Values) -> Result<(), CliError> {
        self.images.push(shown(path));
        match values {
            Values::Map(values) => self.maps.extend(values),
            Values::Means(values) => self.means.extend(values),
        }
        match self.maps.len() + 4 * self.means.len() > LARGEST {
            true => Err(CliError::ManyFeatures {
                pictures: self.images.len(),
                largest: LARGEST >> 30,
            }),
            false => Ok(()),
        }
    }
}

impl Report {
    fn print(&self, args: &args::Features, output: &mut Output) -> Result<(), CliError> {
        if args.json.on {
            return output.json(self);
        }
        let sides: Vec<String> = self.shape.iter().map(u64::to_string).collect();
        output.line(format_args!(
            "{}: {} of {} in {}, {}",
            self.file,
            sides.join(" x "),
            self.layer,
            self.network,
            self.dtype
        ))
    }
}

//! `firebrick features`: a layer's maps of many pictures, or their means, as one array.

use std::path::{Path, PathBuf};

use std::sync::Arc;

use firebrick_driver::Program;
use firebrick_model::Model;
use firebrick_network::{Network, NodeId, Op, Scores, Shape};
use firebrick_train::Trunk;
use ndarray::{Array3, ArrayView3};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::maps::save;
use crate::args;
use crate::device::{self, Carrier};
use crate::engine::{Disturbance, Engine, Options};
use crate::error::{CliError, Outcome};
use crate::output::Output;
use crate::outputs::{Kind, Place};
use crate::progress::{self, Counter, Style};
use crate::signals;
use crate::skipped::{Skipped, Unreadable};
use crate::sources::Sources;
use crate::target::{self, Target, shown};
use firebrick::near::{near, question};

/// Pictures that are worked on at once.
const BATCH: usize = 32;
/// Pictures that an engine runs back to back.
const TOGETHER: usize = 4;
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
    backend: String,
    /// Real value of one step of a map, and what was added to all of its values: of a network that
    /// ends with a map.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raised: Option<f32>,
}

pub fn run(args: &args::Features, style: Style, output: &mut Output) -> Result<Outcome, CliError> {
    let images = args.pictures.images.iter().map(PathBuf::as_path);
    let model = args.target.network.model.as_deref();
    let inputs: Vec<&Path> = images.chain(model).collect();
    let place = Place::check(&args.output, Kind::MAP, &inputs, args.force.on)?;
    let carrier = args
        .on
        .carrier(args.backend.engine(), &args.target.preset)?;
    let target = target::on(carrier.as_ref(), &args.target, style)?;
    let (whole, raised) = match target.network.scores {
        Scores::Map { raised } => (true, Some(raised)),
        Scores::Softmax | Scores::Sigmoid { .. } => (args.map, None),
    };
    let layer = layer(args, &target.network)?;
    let name = target.network.nodes[layer.0].name.clone();
    let shape = shape_of(&target, layer)?;
    let mut maker = Maker::new(args, carrier.as_ref(), &target, layer, style)?;
    let backend = carrier.as_ref().map_or("model".into(), Carrier::name);
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
            let picture = target.picture(&path).map_err(CliError::from);
            if let Some(counter) = &counter {
                counter.tick();
            }
            match picture {
                Ok(picture) => Ok((path, picture)),
                Err(error) => Err((Some(path), Box::new(error))),
            }
        };
        let results: Vec<Result<(PathBuf, Array3<u8>), _>> =
            paths.into_par_iter().map(one).collect();
        let pictures = results.iter().filter_map(|result| result.as_ref().ok());
        let pictures: Vec<&Array3<u8>> = pictures.map(|(_, picture)| picture).collect();
        let mut values = maker.values(&pictures, whole)?.into_iter();
        for result in results {
            match result {
                Ok((path, _)) => {
                    count += 1;
                    found.add(&path, values.next().ok_or(CliError::Missing)?)?;
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
    let (dtype, shape) = match whole {
        true => (
            "uint8",
            [shape.height, shape.width, shape.channels]
                .map(|n| n as u64)
                .to_vec(),
        ),
        false => ("float32", vec![shape.channels as u64]),
    };
    let shape = [&[rows], &shape[..]].concat();
    match whole {
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
        backend,
        step: raised.map(|_| target.network.scale_of(layer)),
        raised,
    };
    report.print(args, output)?;
    Ok(outcome)
}

/// The layer that is named, or the one that the last convolution reads.
fn layer(args: &args::Features, network: &Network) -> Result<NodeId, CliError> {
    let Some(name) = &args.layer else {
        if let Scores::Map { .. } = network.scores {
            let last = network.nodes.last().and_then(|node| node.inputs.first());
            return Ok(last.copied().unwrap_or(NodeId::INPUT));
        }
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

impl Values {
    fn of(map: &ArrayView3<'_, u8>, sums: &[i32], whole: bool) -> Values {
        match whole {
            true => Values::Map(map.iter().copied().collect()),
            false => {
                let (height, width, _) = map.dim();
                let pixels = (height * width) as f32;
                Values::Means(sums.iter().map(|&sum| sum as f32 / pixels).collect())
            }
        }
    }
}

/// Shape of a layer's map.
fn shape_of(target: &Target, layer: NodeId) -> Result<Shape, CliError> {
    let (height, width) = (target.size.height, target.size.width);
    let shapes = target.network.shapes(height, width);
    let shapes = shapes.map_err(|source| firebrick_model::ModelError::Shape {
        height,
        width,
        source,
    })?;
    let shape = shapes.get(layer.0).copied();
    Ok(shape.unwrap_or_else(|| unreachable!("the layer was found")))
}

/// What computes the maps.
enum Maker {
    Model(Box<Model>, NodeId),
    Engine {
        engine: Box<Engine>,
        program: Box<Program>,
        disturbance: Disturbance,
        done: u64,
    },
}

impl Maker {
    fn new(
        args: &args::Features,
        carrier: Option<&Carrier>,
        target: &Target,
        layer: NodeId,
        style: Style,
    ) -> Result<Maker, CliError> {
        let fail = |e: firebrick_network::validate::InvalidNetwork| CliError::Layer {
            layer: target.network.nodes[layer.0].name.clone(),
            reason: e.to_string(),
        };
        let Some(carrier) = carrier else {
            let part = target.network.up_to(layer).map_err(fail)?;
            return Ok(Maker::Model(Box::new(Model::new(&part)?), layer));
        };
        let mut ended = target.clone();
        ended.network = Arc::new(target.network.output(layer).map_err(fail)?);
        let behaviour = device::behaviour(&args.simulation);
        Ok(Maker::Engine {
            program: Box::new(ended.compile_map()?),
            engine: Box::new(Engine::new(Options {
                carrier: carrier.clone(),
                config: target.config().clone(),
                behaviour,
                waveform: None,
                deadline: args.simulation.deadline,
                style,
            })?),
            disturbance: Disturbance {
                idle: behaviour.idle,
                back_pressure: behaviour.back_pressure,
            },
            done: 0,
        })
    }

    fn values(&mut self, pictures: &[&Array3<u8>], whole: bool) -> Result<Vec<Values>, CliError> {
        match self {
            Maker::Model(model, layer) => pictures
                .par_iter()
                .map(|picture| {
                    let maps = model.run(&picture.view())?;
                    let map = maps
                        .map(*layer)
                        .unwrap_or_else(|| unreachable!("the layer was found"));
                    Ok(Values::of(&map, &maps.logits, whole))
                })
                .collect(),
            Maker::Engine {
                engine,
                program,
                disturbance,
                done,
            } => {
                let mut values = Vec::with_capacity(pictures.len());
                for pictures in pictures.chunks(TOGETHER) {
                    let pictures: Vec<Array3<u8>> = pictures.iter().copied().cloned().collect();
                    let label = format!("pictures {} and on", *done + 1);
                    let runs = engine.run_many(program, &pictures, &label, *disturbance, false);
                    for run in engine.in_order(*done, runs)? {
                        let (_, map) = run.result.maps.first().ok_or(CliError::Missing)?;
                        values.push(Values::of(&map.view(), &run.result.logits, whole));
                        *done += 1;
                    }
                }
                Ok(values)
            }
        }
    }
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

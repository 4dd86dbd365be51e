//! From a file of float weights to the float network, whatever wrote the file.
//!
//! ONNX, Keras's models, PyTorch's state dicts, safetensors with torchvision's or Firebrick's names, NumPy's `.npz`
//! and a pickled dict of arrays are told apart by their contents, as are kinds that are not read. All end in the same
//! [`FloatNetwork`]: a graph that is a SqueezeNet is rebuilt from the table, so that the same
//! weights give the same network whichever way they came.

mod caffe;
mod coreml;
#[cfg(test)]
mod damaged;
mod deep;
mod error;
pub mod first;
pub(crate) mod half;
mod keras;
mod kind;
mod mxnet;
mod names;
mod npz;
mod onnx;
pub mod preflight;
mod preparation;
mod recognise;
mod tensors;
#[cfg(test)]
mod tests;
mod tflite;
mod torch;
mod wire;

use std::collections::BTreeMap;
use std::path::Path;

pub use error::ImportError;
pub use onnx::export::write as to_onnx;

use crate::file::{self, FileError};
use crate::float::{FloatNetwork, FloatOp};
use crate::graph::{NodeId, Normalise, PixelOrder, ResizePolicy};
use crate::preprocess::Preprocess;
use crate::squeezenet::SqueezeNet;
use crate::{layers, pickle, tail};
use preparation::Evidence;
use tensors::Layers;

/// Largest file of float weights, in bytes. SqueezeNet takes 5 MB.
pub const MAX_FILE_BYTES: u64 = 48 << 20;

/// What Keras adds to variances unless told otherwise.
const KERAS_EPSILON: f32 = 1e-3;

/// Weights of one layer as tensor files hold them.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Kernel as `[row][column][input channel][output channel]`.
    pub kernel: ndarray::Array4<f32>,
    /// Bias, one value per output channel.
    pub bias: Vec<f32>,
}

/// Settings for what the file does not say, or to override what it says.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Name of the network.
    pub name: Option<String>,
    /// Preparation of pictures; by default torchvision's or Caffe's, depending on the names of layers.
    pub preset: Option<Preprocess>,
    /// Order of the channels, if not the preset's.
    pub order: Option<PixelOrder>,
    /// Mean in units of a u8 pixel, if not the preset's.
    pub mean: Option<[f32; 3]>,
    /// Deviation in units of a u8 pixel, if not the preset's.
    pub std: Option<[f32; 3]>,
    /// Scaling, if not the preset's.
    pub resize: Option<ResizePolicy>,
    /// Height and width of the input, in pixels.
    pub size: Option<[usize; 2]>,
    /// Layers (1 for conv1, then modules) that a pool follows. For files that hold only tensors.
    pub pools: Option<Vec<usize>>,
    /// Whether pools count a last, partial window. For files that hold only tensors.
    pub ceil: Option<bool>,
    /// Padding of the last convolution. For files that hold only tensors.
    pub last_pad: Option<usize>,
    /// Padding of the first convolution. For files of tensors.
    pub first_pad: Option<usize>,
    /// Stride of the first convolution. For files of tensors.
    pub first_stride: Option<usize>,
    /// Node whose map becomes the network's output, in place of scores of classes.
    pub up_to: Option<String>,
}

/// Kinds of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An ONNX model.
    Onnx,
    /// Tensors in a safetensors file.
    Safetensors,
    /// A ZIP archive of NumPy arrays.
    Npz,
    /// A pickled dict of NumPy arrays.
    Pickle,
    /// A state dict of PyTorch.
    Torch,
    /// HDF5, as Keras writes it: a model, or weights alone.
    Hdf5,
    /// Keras's archive.
    Keras,
    /// TensorFlow Lite.
    Tflite,
    /// Core ML, a neural network.
    CoreMl,
    /// Caffe, weights with their graph.
    Caffe,
    /// MXNet's arrays.
    Mxnet,
    /// Deep Compression's codes.
    Deep,
}

impl Format {
    /// Whether a file holds tensors alone, and not what is computed with them.
    #[must_use]
    pub fn is_tensors(self) -> bool {
        match self {
            Format::Onnx | Format::Keras | Format::Tflite | Format::CoreMl | Format::Caffe => false,
            Format::Safetensors
            | Format::Npz
            | Format::Pickle
            | Format::Torch
            | Format::Hdf5
            | Format::Mxnet
            | Format::Deep => true,
        }
    }
}

/// A model that has been read.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Kind of the file.
    pub format: Format,
    /// The network.
    pub network: FloatNetwork,
    /// Normalisation that the graph itself contains; part of the network's normalisation.
    pub own: Option<Normalise>,
    /// Names of the classes, if the file holds them.
    pub labels: Vec<String>,
    /// Whether a Sigmoid makes a probability of each score.
    pub sigmoid: bool,
    /// Whether it ends with a map in place of scores.
    pub map: bool,
    /// Its table, if it is a SqueezeNet of any dimensions.
    pub table: Option<SqueezeNet>,
    /// Notes for the user, a sentence each.
    pub notes: Vec<String>,
}

/// Reads a float model from a file.
///
/// # Errors
///
/// If the file cannot be read, is of another kind, is damaged, or holds a network that the engine
/// cannot run. The message names what would work.
pub fn open(path: impl AsRef<Path>, options: &Options) -> Result<Imported, ImportError> {
    let path = path.as_ref();
    let place = path.display().to_string();
    let fail = |reason: String, hint: &str| ImportError::new(&place, reason, hint);
    let bytes = file::read(path, MAX_FILE_BYTES).map_err(|error| match error {
        FileError::Io(e) => fail(e.to_string(), "give the path of a model"),
        FileError::NotAFile => fail(
            "is not a regular file".into(),
            "give the path of a .onnx, .pth, .keras, .h5, .tflite, .safetensors, .npz or .pkl file",
        ),
        FileError::TooLarge => fail(
            format!("is larger than {} MiB", MAX_FILE_BYTES >> 20),
            "a SqueezeNet takes about 5 MB; check the path",
        ),
    })?;
    let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or("model");
    read(bytes, stem, options).map_err(|mut error| {
        error.place = format!("{place}: {}", error.place);
        error
    })
}

/// Reads a float model from memory; `name` becomes its name unless it is one of the published
/// networks.
///
/// # Errors
///
/// As [`open`].
pub fn read(bytes: Vec<u8>, name: &str, options: &Options) -> Result<Imported, ImportError> {
    if bytes.is_empty() {
        return Err(ImportError::new("the file", "is empty", "fetch it again"));
    }
    let format = kind::reader(&bytes)?;
    read_as(format, bytes, name, options)
}

/// Reads a float model of a known kind from memory, whatever its contents look like.
///
/// # Errors
///
/// As [`open`].
pub fn read_as(
    format: Format,
    mut bytes: Vec<u8>,
    name: &str,
    options: &Options,
) -> Result<Imported, ImportError> {
    let plain = |layers| Layers {
        layers,
        ..Layers::default()
    };
    let found = match format {
        Format::Onnx => {
            let lowered = onnx::read(bytes, options.size, [224; 2])?;
            return from_graph(format, lowered, name, options);
        }
        Format::Tflite | Format::CoreMl | Format::Caffe => {
            let lowered = match format {
                Format::Tflite => tflite::read(&bytes, options.size),
                Format::CoreMl => coreml::read(&bytes, options.size),
                _ => caffe::read(&bytes, options.size),
            }?;
            return from_graph(format, lowered, name, options);
        }
        Format::Hdf5 | Format::Keras => {
            let held = match format {
                Format::Hdf5 => keras::read_h5(std::mem::take(&mut bytes), options.size),
                _ => keras::read_archive(&bytes, options.size),
            };
            match held? {
                keras::Held::Model(lowered) => {
                    return from_graph(Format::Keras, *lowered, name, options);
                }
                keras::Held::Tensors(tensors) => tensors::layers(tensors, Some(KERAS_EPSILON)),
            }
        }
        Format::Deep => deep::read(&bytes).map(plain),
        Format::Mxnet => tensors::layers(mxnet::read(&bytes)?, None),
        Format::Torch => tensors::layers(torch::read(&bytes)?, None),
        Format::Safetensors => layers::read(&bytes).map(plain),
        Format::Npz => npz::read(&bytes).map(plain),
        Format::Pickle => pickle::read(&bytes)
            .map_err(|e| {
                ImportError::new(
                    format!("byte {}", e.offset),
                    e.reason,
                    "only a pickled dict of layer name to [kernel, bias], both float32, is read",
                )
            })
            .map(plain),
    }?;
    let mut options = options.clone();
    if format == Format::Deep {
        let table = deep::table(&bytes);
        options.last_pad = options.last_pad.or(table.map(|table| table.last_pad));
    }
    from_layers(format, found, name, &options)
}

/// The network of a file of tensors.
fn from_layers(
    format: Format,
    found: Layers,
    name: &str,
    options: &Options,
) -> Result<Imported, ImportError> {
    let grey = |layers: &BTreeMap<String, Layer>, first: &str| {
        layers.get(first).is_some_and(|l| l.kernel.dim().2 == 1)
    };
    let grey = grey(&found.layers, "conv1") || grey(&found.layers, "features.0");
    let (mut table, layers, torchvision) = names::table(found.layers, options)?;
    if torchvision && options.size.is_none() {
        table.side = 224;
    }
    let size = options.size.unwrap_or([table.side; 2]);
    let evidence = Evidence {
        torchvision,
        grey,
        units: format == Format::Hdf5,
        order: None,
        own: None,
    };
    let (preprocess, mut notes) = preparation::choose(options, evidence, size)?;
    notes.extend(found.notes);
    table.name = network_name(&table, name, options);
    let mut network = build(&table, &layers, &preprocess, size)?;
    if found.dense {
        tail::open(&mut network);
    }
    first::fit(&mut network, [options.first_pad.unwrap_or(0); 4])?;
    let imported = Imported {
        format,
        network,
        own: None,
        labels: Vec::new(),
        sigmoid: false,
        map: false,
        table: Some(table),
        notes,
    };
    finished(imported, options)
}

fn build(
    table: &SqueezeNet,
    layers: &BTreeMap<String, Layer>,
    preprocess: &Preprocess,
    [height, width]: [usize; 2],
) -> Result<FloatNetwork, ImportError> {
    let input = preprocess.input(height, width);
    table
        .float(layers, input, preprocess.normalise)
        .map_err(|e| {
            ImportError::new(
                format!("layer {:?}", e.layer),
                e.reason,
                "are these this network's weights?",
            )
        })
}

fn network_name(table: &SqueezeNet, name: &str, options: &Options) -> String {
    let published = [SqueezeNet::v1_0(), SqueezeNet::v1_1()]
        .into_iter()
        .find(|known| known.has_layers_of(table));
    match (&options.name, published) {
        (Some(name), _) => name.clone(),
        (None, Some(known)) => known.name,
        (None, None) => name.to_owned(),
    }
}

/// The network of a file that says what it computes.
fn from_graph(
    format: Format,
    lowered: onnx::Lowered,
    name: &str,
    options: &Options,
) -> Result<Imported, ImportError> {
    let evidence = Evidence {
        torchvision: lowered.torchvision,
        grey: lowered.channels == 1,
        units: matches!(format, Format::Keras | Format::Tflite),
        order: lowered.order,
        own: lowered.normalise,
    };
    let (preprocess, mut notes) = preparation::choose(options, evidence, lowered.size)?;
    notes.extend(lowered.notes);
    let [height, width] = lowered.size;
    let mut network = FloatNetwork {
        name: options.name.clone().unwrap_or_else(|| name.to_owned()),
        input: preprocess.input(height, width),
        normalise: preprocess.normalise,
        nodes: lowered.nodes,
    };
    let mut table = None;
    // What ends with a map keeps its names.
    let recognised = recognise::table(&network).filter(|_| !lowered.map);
    if let Some((mut found, layers)) = recognised {
        found.side = height;
        found.name = network_name(&found, name, options);
        let open = tail::is_open(&network);
        network = build(&found, &layers, &preprocess, lowered.size)?;
        if open {
            tail::open(&mut network);
        }
        table = Some(found);
    }
    first::fit(&mut network, lowered.pads)?;
    let imported = Imported {
        format,
        network,
        own: lowered.normalise,
        labels: lowered.labels,
        sigmoid: lowered.sigmoid,
        map: lowered.map,
        table,
        notes,
    };
    finished(imported, options)
}

/// Cuts the network behind the node that is asked for, and looks at what is left.
fn finished(mut imported: Imported, options: &Options) -> Result<Imported, ImportError> {
    if let Some(name) = &options.up_to {
        let nodes = &imported.network.nodes;
        let place = nodes.iter().position(|node| node.name == *name);
        let cut = place.and_then(|place| imported.network.output(NodeId(place)));
        imported.network = cut.ok_or_else(|| {
            let maps = nodes.iter().filter(|n| !matches!(n.op, FloatOp::Global));
            let names: Vec<&str> = maps.map(|n| n.name.as_str()).collect();
            ImportError::new(
                format!("node {name:?}"),
                "is no map of the network",
                format!("its maps are {}", names.join(", ")),
            )
        })?;
        (imported.map, imported.table) = (true, None);
        (imported.sigmoid, imported.labels) = (false, Vec::new());
    }
    let mut notes = preflight::graph(&imported.network);
    imported.notes.append(&mut notes);
    Ok(imported)
}

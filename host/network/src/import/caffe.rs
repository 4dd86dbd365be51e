//! Reads Caffe's `.caffemodel`: it holds the whole graph that was trained, so that no `.prototxt` is
//! needed. What only training needs (data, loss, accuracy) is left out.

#[cfg(test)]
pub mod tests;

use std::collections::HashMap;

use ndarray::Array4;

use super::ImportError;
use super::onnx::sketch::{decimal, number, numbers};
use super::onnx::{Attribute, Lowered, Sketch};
use super::wire::{Message, Result as Read};
use crate::graph::PixelOrder;
use crate::validate::MAX_NODES;

/// Input of networks whose file says none: a training graph has its data elsewhere.
const DEFAULT: [usize; 2] = [227; 2];
/// Layers that only training has, and their numbers in old files.
const TRAINING: [&str; 14] = [
    "Data",
    "ImageData",
    "HDF5Data",
    "MemoryData",
    "WindowData",
    "DummyData",
    "AnnotatedData",
    "Python",
    "Accuracy",
    "SoftmaxWithLoss",
    "SigmoidCrossEntropyLoss",
    "EuclideanLoss",
    "MultinomialLogisticLoss",
    "Silence",
];

fn damaged(reason: String) -> ImportError {
    ImportError::new(
        "the Caffe model",
        format!("truncated or damaged: {reason}"),
        "fetch it again",
    )
}

fn fail(place: impl Into<String>, reason: impl Into<String>) -> ImportError {
    ImportError::new(
        place,
        reason,
        "the engine runs Convolution with ReLU, Pooling (3x3 stride 2 and the mean at the end), Concat, \
         Eltwise sums, and BatchNorm with Scale",
    )
}

/// Reads a model.
pub fn read(bytes: &[u8], size: Option<[usize; 2]>) -> Result<Lowered, ImportError> {
    let net = Message(bytes);
    let layers = net.messages(100).map_err(damaged)?;
    if layers.is_empty() {
        return Err(ImportError::new(
            "the Caffe model",
            "has layers of before 2015 (V1LayerParameter), which are not read",
            "upgrade it with Caffe's upgrade_net_proto_binary",
        ));
    }
    if layers.len() > MAX_NODES {
        let reason = format!("has {} layers, at most {MAX_NODES} are read", layers.len());
        return Err(fail("the network", reason));
    }
    let mut drawing = Drawing {
        sketch: Sketch::default(),
        values: HashMap::new(),
        last: String::new(),
        pixel: None,
    };
    let sides = sides(&net).map_err(damaged)?;
    drawing.sketch.picture("data", 3, sides);
    drawing.values.insert("data", "data".to_owned());
    for name in net.texts(3).map_err(damaged)? {
        drawing.values.insert(name, "data".to_owned());
    }
    for layer in &layers {
        drawing.layer(layer)?;
    }
    let Drawing {
        sketch,
        last,
        pixel,
        ..
    } = drawing;
    let mut lowered = sketch.lower(&last, size, DEFAULT)?;
    // OpenCV, which Caffe reads pictures with, has blue first.
    lowered.order = Some(PixelOrder::Bgr);
    if let Some(crop) = pixel.filter(|_| size.is_none() && sides == [None; 2]) {
        lowered.notes.push(format!(
            "The file has no input size of its own; its training cut {crop}x{crop} pixels (--size \
             says otherwise)."
        ));
    }
    Ok(lowered)
}

/// Height and width of an input that the net itself names.
fn sides(net: &Message) -> Read<[Option<usize>; 2]> {
    let mut sizes = net.sizes(4)?;
    if let Some(shape) = net.message(8)? {
        sizes = shape.sizes(1)?;
    }
    Ok(match sizes[..] {
        [_, _, height, width] => [Some(height), Some(width)],
        _ => [None; 2],
    })
}

/// The graph that is being drawn.
struct Drawing<'a> {
    sketch: Sketch,
    /// What each blob is called now: layers may write over what they read.
    values: HashMap<&'a str, String>,
    last: String,
    /// Side that training cut out of its pictures.
    pixel: Option<usize>,
}

impl<'a> Drawing<'a> {
    fn layer(&mut self, layer: &Message<'a>) -> Result<(), ImportError> {
        let name = layer.text(1).map_err(damaged)?;
        let kind = layer.text(2).map_err(damaged)?;
        let place = format!("layer {name:?} ({kind})");
        let (bottoms, tops) = (
            layer.texts(3).map_err(damaged)?,
            layer.texts(4).map_err(damaged)?,
        );
        if kind == "Input" || TRAINING.contains(&kind) {
            if let Some(transform) = layer.message(100).map_err(damaged)? {
                let crop = transform.size(3, 0).map_err(damaged)?;
                self.pixel = self.pixel.or(Some(crop).filter(|&c| c > 0));
            }
            for top in tops.iter().filter(|_| bottoms.is_empty()).take(1) {
                self.values.insert(top, "data".to_owned());
            }
            return Ok(());
        }
        let inputs = bottoms
            .iter()
            .map(|bottom| {
                let value = self.values.get(bottom).cloned();
                value.ok_or_else(|| fail(&place, format!("reads {bottom:?}, which nothing yields")))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let (Some(first), [top]) = (inputs.first().cloned(), &tops[..]) else {
            return Err(fail(place, "has no input, or not one output"));
        };
        let blobs = layer.messages(7).map_err(damaged)?;
        let blob = |index: usize| -> Result<(Vec<usize>, Vec<f32>), ImportError> {
            let blob = blobs
                .get(index)
                .ok_or_else(|| fail(&place, "lacks weights"))?;
            values(blob).map_err(|reason| fail(&place, reason))
        };
        let part = |tag: u64| Ok(layer.message(tag).map_err(damaged)?.unwrap_or_default());
        let all: Vec<&str> = inputs.iter().map(String::as_str).collect();
        match kind {
            "Convolution" => {
                let part: Message = part(106)?;
                let (shape, weights) = blob(0)?;
                let shape = <[usize; 4]>::try_from(shape)
                    .map_err(|s| fail(&place, format!("has weights of shape {s:?}")))?;
                let kernel = Array4::from_shape_vec(shape, weights)
                    .map_err(|e| fail(&place, e.to_string()))?;
                let bias = match blobs.len() {
                    0 | 1 => None,
                    _ => Some(blob(1)?.1),
                };
                let mut window = window(&part, [3, 9, 10], [6, 13, 14]).map_err(damaged)?;
                window.push(numbers("kernel_shape", &[shape[2], shape[3]]));
                let dilation = part
                    .sizes(18)
                    .map_err(damaged)?
                    .first()
                    .copied()
                    .unwrap_or(1);
                window.push(numbers("dilations", &[dilation; 2]));
                window.push(number("group", part.size(5, 1).map_err(damaged)?));
                let kernel = kernel.permuted_axes([2, 3, 1, 0]);
                self.sketch
                    .conv(name, &first, &kernel, bias.as_deref(), window);
            }
            "InnerProduct" => {
                let (shape, weights) = blob(0)?;
                let sides: Vec<usize> = shape.into_iter().filter(|&n| n != 1).collect();
                let (weight, bias) = (format!("{name}.w"), format!("{name}.b"));
                self.sketch.constant(&weight, &sides, &weights);
                let mut all = vec![first.as_str(), &weight];
                if blobs.len() > 1 {
                    let values = blob(1)?.1;
                    self.sketch.constant(&bias, &[values.len()], &values);
                    all.push(&bias);
                }
                self.sketch
                    .node("Gemm", name, &all, vec![number("transB", 1)]);
            }
            "ReLU" => {
                if part(123)?.float(1, 0.0).map_err(damaged)? != 0.0 {
                    return Err(fail(place, "has a slope below 0"));
                }
                self.sketch.node("Relu", name, &[&first], Vec::new());
            }
            "Pooling" => self.pool(&place, name, &first, &part(121)?)?,
            "Concat" => {
                let axis = part(104)?.number(2, 1).map_err(damaged)?;
                self.sketch
                    .node("Concat", name, &all, vec![number("axis", axis as usize)]);
            }
            "Eltwise" => {
                if part(110)?.number(1, 1).map_err(damaged)? != 1 {
                    return Err(fail(place, "does not add its inputs"));
                }
                self.sketch.node("Add", name, &all, Vec::new());
            }
            "BatchNorm" => {
                let factor = blob(2)?.1.first().copied().unwrap_or(1.0);
                let factor = if factor == 0.0 { 0.0 } else { 1.0 / factor };
                let scaled = |values: Vec<f32>| -> Vec<f32> {
                    values.into_iter().map(|v| v * factor).collect()
                };
                let (mean, variance) = (scaled(blob(0)?.1), scaled(blob(1)?.1));
                let epsilon = part(139)?.float(3, 1e-5).map_err(damaged)?;
                let ones = vec![1.0; mean.len()];
                let zeros = vec![0.0; ones.len()];
                self.normalise(name, &first, [&ones, &zeros, &mean, &variance], epsilon);
            }
            "Scale" => {
                let scale = blob(0)?.1;
                let shift = match blobs.len() {
                    1 => vec![0.0; scale.len()],
                    _ => blob(1)?.1,
                };
                // A scale of its own is one behind a normalisation that changes nothing.
                let zeros = vec![0.0; scale.len()];
                let ones = vec![1.0; scale.len()];
                self.normalise(name, &first, [&scale, &shift, &zeros, &ones], 0.0);
            }
            "Softmax" => self
                .sketch
                .node("Softmax", name, &[&first], vec![number("axis", 1)]),
            "Sigmoid" => self.sketch.node("Sigmoid", name, &[&first], Vec::new()),
            "Flatten" | "Reshape" => self.sketch.node("Flatten", name, &[&first], Vec::new()),
            "Dropout" | "Split" => {
                self.values.insert(top, first);
                return Ok(());
            }
            _ => return Err(fail(place, "cannot be run")),
        }
        self.values.insert(top, name.to_owned());
        self.last = name.to_owned();
        Ok(())
    }

    fn normalise(&mut self, name: &str, input: &str, parts: [&[f32]; 4], epsilon: f32) {
        let mut inputs = vec![input.to_owned()];
        for (index, values) in parts.into_iter().enumerate() {
            let constant = format!("{name}.{index}");
            self.sketch.constant(&constant, &[values.len()], values);
            inputs.push(constant);
        }
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let epsilon = vec![decimal("epsilon", epsilon)];
        self.sketch
            .node("BatchNormalization", name, &inputs, epsilon);
    }

    fn pool(
        &mut self,
        place: &str,
        name: &str,
        input: &str,
        part: &Message,
    ) -> Result<(), ImportError> {
        let mean = match part.number(1, 0).map_err(damaged)? {
            0 => false,
            1 => true,
            _ => return Err(fail(place, "pools at random")),
        };
        if part.number(12, 0).map_err(damaged)? != 0 {
            if !mean {
                return Err(fail(place, "takes the largest value of a whole map"));
            }
            self.sketch
                .node("GlobalAveragePool", name, &[input], Vec::new());
            return Ok(());
        }
        let side = part.size(2, 0).map_err(damaged)?;
        let rows = part.size(5, side).map_err(damaged)?;
        let columns = part.size(6, side).map_err(damaged)?;
        let mut window = window(part, [4, 9, 10], [3, 7, 8]).map_err(damaged)?;
        window.push(numbers("kernel_shape", &[rows, columns]));
        // Caffe rounds up unless told otherwise.
        let ceil = part.number(13, 0).map_err(damaged)? == 0;
        window.push(number("ceil_mode", ceil.into()));
        let op = if mean { "AveragePool" } else { "MaxPool" };
        self.sketch.node(op, name, &[input], window);
        Ok(())
    }
}

/// Padding and stride, each for both axes or for rows and columns: tags of all three.
fn window(part: &Message, pads: [u64; 3], strides: [u64; 3]) -> Read<Vec<Attribute>> {
    let pair = |tags: [u64; 3], default: usize| -> Read<[usize; 2]> {
        let both = match part.sizes(tags[0])?[..] {
            [] => [default; 2],
            [n] => [n; 2],
            [a, b, ..] => [a, b],
        };
        Ok([part.size(tags[1], both[0])?, part.size(tags[2], both[1])?])
    };
    let [rows, columns] = pair(pads, 0)?;
    Ok(vec![
        numbers("pads", &[rows, columns, rows, columns]),
        numbers("strides", &pair(strides, 1)?),
    ])
}

/// Shape and values of a blob.
fn values(blob: &Message) -> Read<(Vec<usize>, Vec<f32>)> {
    let shape = match blob.message(7)? {
        Some(shape) => shape.sizes(1)?,
        None => [1, 2, 3, 4]
            .iter()
            .map(|&tag| blob.size(tag, 1))
            .collect::<Read<Vec<_>>>()?,
    };
    let values = blob.floats(5)?;
    let count = shape
        .iter()
        .try_fold(1usize, |n, &side| n.checked_mul(side));
    if count != Some(values.len()) {
        return Err(format!(
            "has {} values for the shape {shape:?}",
            values.len()
        ));
    }
    match values.iter().all(|v| v.is_finite()) {
        true => Ok((shape, values)),
        false => Err("holds values that are not finite".into()),
    }
}

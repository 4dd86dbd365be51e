//! Reads Core ML's `.mlmodel`: a neural network's layers are translated into operators of ONNX, with
//! what is done to the picture and the names of the classes.

#[cfg(test)]
pub mod tests;

use ndarray::Array4;

use super::onnx::sketch::{decimal, number, numbers, word};
use super::onnx::{Attribute, Lowered, Sketch};
use super::wire::{Message, Result as Read};
use super::{ImportError, half};
use crate::graph::PixelOrder;
use crate::validate::MAX_NODES;

const CONVERT: &str = "export the model to ONNX from the framework that trained it";

fn damaged(reason: String) -> ImportError {
    ImportError::new(
        "the Core ML model",
        format!("truncated or damaged: {reason}"),
        "fetch it again",
    )
}

fn fail(place: impl Into<String>, reason: impl Into<String>) -> ImportError {
    ImportError::new(place, reason, CONVERT)
}

/// The kinds of neural network, by their tags: classifier, regressor, plain.
const NETWORKS: [u64; 3] = [403, 303, 500];

/// Reads a model.
pub fn read(bytes: &[u8], size: Option<[usize; 2]>) -> Result<Lowered, ImportError> {
    let model = Message(bytes);
    let mut network = None;
    for tag in NETWORKS {
        network = network.or(model.message(tag).map_err(damaged)?);
    }
    let Some(network) = network else {
        let kinds = model.fields().filter_map(Result::ok).map(|(tag, _)| tag);
        let kind = kinds.filter(|tag| *tag >= 200).max().unwrap_or(0);
        return Err(fail(
            "the Core ML model",
            match kind {
                502 => "is an ML program, the newer form, which is not read".to_owned(),
                kind => format!("is no neural network (kind {kind})"),
            },
        ));
    };
    let layers = network.messages(1).map_err(damaged)?;
    if layers.len() > MAX_NODES {
        let reason = format!("has {} layers, at most {MAX_NODES} are read", layers.len());
        return Err(fail("the network", reason));
    }
    let mut sketch = Sketch::default();
    let order = picture(&model, &network, &mut sketch)?;
    let mut last = String::new();
    for layer in &layers {
        last = add(&mut sketch, layer)?;
    }
    let mut lowered = sketch.lower(&last, size, [224; 2])?;
    lowered.order = order;
    let labels = network.message(100).map_err(damaged)?.unwrap_or_default();
    lowered.labels = labels
        .texts(1)
        .map_err(damaged)?
        .into_iter()
        .map(str::to_owned)
        .collect();
    Ok(lowered)
}

/// The input, and what is done to it first.
fn picture(
    model: &Message,
    network: &Message,
    sketch: &mut Sketch,
) -> Result<Option<PixelOrder>, ImportError> {
    let description = model.message(2).map_err(damaged)?.unwrap_or_default();
    let inputs = description.messages(1).map_err(damaged)?;
    let [input] = inputs[..] else {
        return Err(fail(
            "the model",
            format!("has {} inputs, must have one", inputs.len()),
        ));
    };
    let name = input.text(1).map_err(damaged)?;
    let kind = input.message(3).map_err(damaged)?.unwrap_or_default();
    let (order, channels, sides) = match kind.message(4).map_err(damaged)? {
        Some(image) => {
            let side = |tag| image.size(tag, 0).map_err(damaged);
            let sides = [side(2)?, side(1)?].map(|n| Some(n).filter(|&n| n > 0));
            match image.number(3, 0).map_err(damaged)? {
                10 => (Some(PixelOrder::Grey), 1, sides),
                30 => (Some(PixelOrder::Bgr), 3, sides),
                _ => (Some(PixelOrder::Rgb), 3, sides),
            }
        }
        None => {
            let array = kind.message(5).map_err(damaged)?.unwrap_or_default();
            match array.sizes(1).map_err(damaged)?[..] {
                [channels, height, width] => (None, channels, [Some(height), Some(width)]),
                ref other => {
                    return Err(fail(
                        format!("input {name:?}"),
                        format!(
                            "is neither a picture nor of channels, height and width: {other:?}"
                        ),
                    ));
                }
            }
        }
    };
    sketch.picture(name, channels, sides);
    for step in network.messages(2).map_err(damaged)? {
        let Some(scaler) = step.message(10).map_err(damaged)? else {
            return Err(fail(
                "the network",
                "takes off a mean picture, not one mean a colour",
            ));
        };
        let figure = |tag, default| scaler.float(tag, default).map_err(damaged);
        let scale = match figure(10, 1.0)? {
            0.0 => 1.0,
            scale => scale,
        };
        let [blue, green, red, grey] = [
            figure(20, 0.0)?,
            figure(21, 0.0)?,
            figure(22, 0.0)?,
            figure(30, 0.0)?,
        ];
        let offsets = match (channels, order) {
            (1, _) => vec![grey],
            (_, Some(PixelOrder::Bgr)) => vec![blue, green, red],
            _ => vec![red, green, blue],
        };
        let raw = format!("{name}.raw");
        sketch.rename_picture(&raw);
        let scaled = format!("{name}.scaled");
        sketch.constant("preprocess.scale", &[1, 1, 1, 1], &[scale]);
        sketch.constant("preprocess.bias", &[1, offsets.len(), 1, 1], &offsets);
        sketch.node("Mul", &scaled, &[&raw, "preprocess.scale"], Vec::new());
        sketch.node("Add", name, &[&scaled, "preprocess.bias"], Vec::new());
    }
    Ok(order)
}

/// Floats of a list of weights, in whichever of its forms.
fn weights(place: &str, message: Option<Message>) -> Result<Vec<f32>, ImportError> {
    let message = message.unwrap_or_default();
    if message.get(40).map_err(damaged)?.is_some() {
        return Err(fail(
            place,
            "has weights that are quantised, which is not read",
        ));
    }
    let halves = message.bytes(2).map_err(damaged)?.unwrap_or_default();
    let values = match halves.is_empty() {
        true => message.floats(1).map_err(damaged)?,
        false => {
            let parts = halves.as_chunks().0.iter();
            parts
                .map(|b| half::float16(u16::from_le_bytes(*b)))
                .collect()
        }
    };
    match values.iter().all(|v| v.is_finite()) {
        true => Ok(values),
        false => Err(fail(place, "holds values that are not finite")),
    }
}

/// Adds a layer; gives the name of its output.
fn add(sketch: &mut Sketch, layer: &Message) -> Result<String, ImportError> {
    let label = layer.text(1).map_err(damaged)?;
    let place = format!("layer {label:?}");
    let inputs = layer.texts(2).map_err(damaged)?;
    let outputs = layer.texts(3).map_err(damaged)?;
    let (Some(&first), [output]) = (inputs.first(), &outputs[..]) else {
        return Err(fail(place, "has no input, or not one output"));
    };
    let kinds: Vec<u64> = layer.fields().filter_map(Result::ok).map(|f| f.0).collect();
    let Some(kind) = kinds.into_iter().find(|tag| *tag >= 100) else {
        return Err(fail(place, "is of no kind"));
    };
    let part = layer.message(kind).map_err(damaged)?.unwrap_or_default();
    match kind {
        100 => conv(sketch, &place, output, first, &part)?,
        120 => pool(sketch, &place, output, first, &part)?,
        130 => {
            let kinds: Vec<u64> = part.fields().filter_map(Result::ok).map(|f| f.0).collect();
            let op = match kinds[..] {
                [10] => "Relu",
                [40] => "Sigmoid",
                _ => {
                    return Err(ImportError::new(
                        place,
                        format!("is an activation other than ReLU (kind {kinds:?})"),
                        "the engine's only activation function is ReLU; train it with that",
                    ));
                }
            };
            sketch.node(op, output, &[first], Vec::new());
        }
        140 => {
            let sizes = [
                part.size(2, 0).map_err(damaged)?,
                part.size(1, 0).map_err(damaged)?,
            ];
            let values = weights(&place, part.message(20).map_err(damaged)?)?;
            if sizes[0].checked_mul(sizes[1]) != Some(values.len()) {
                let reason = format!("has {} weights for {sizes:?}", values.len());
                return Err(fail(place, reason));
            }
            let (weight, bias) = (format!("{output}.w"), format!("{output}.b"));
            sketch.constant(&weight, &sizes, &values);
            let mut all = vec![first, &weight];
            if part.number(10, 0).map_err(damaged)? != 0 {
                let values = weights(&place, part.message(21).map_err(damaged)?)?;
                sketch.constant(&bias, &[values.len()], &values);
                all.push(&bias);
            }
            sketch.node("Gemm", output, &all, vec![number("transB", 1)]);
        }
        160 => {
            if part.number(5, 0).map_err(damaged)? != 0 {
                return Err(fail(place, "normalises each picture on its own"));
            }
            let mut all = vec![first.to_owned()];
            for tag in [15, 16, 17, 18] {
                let values = weights(&place, part.message(tag).map_err(damaged)?)?;
                let name = format!("{output}.{tag}");
                sketch.constant(&name, &[values.len()], &values);
                all.push(name);
            }
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            let epsilon = part.float(10, 1e-5).map_err(damaged)?;
            let epsilon = vec![decimal("epsilon", epsilon)];
            sketch.node("BatchNormalization", output, &all, epsilon);
        }
        175 => sketch.node("Softmax", output, &[first], vec![number("axis", 1)]),
        230 => sketch.node("Add", output, &inputs, Vec::new()),
        320 => {
            if part.number(100, 0).map_err(damaged)? != 0 {
                return Err(fail(place, "joins sequences, not channels"));
            }
            sketch.node("Concat", output, &inputs, vec![number("axis", 1)]);
        }
        300 | 301 => sketch.node("Flatten", output, &[first], Vec::new()),
        600 => sketch.node("Identity", output, &[first], Vec::new()),
        other => {
            let reason = format!("is of the kind {other}, which cannot be run");
            return Err(fail(place, reason));
        }
    }
    Ok((*output).to_owned())
}

/// Rows and columns.
fn pair(part: &Message, tag: u64, default: [usize; 2]) -> Read<[usize; 2]> {
    match part.sizes(tag)?[..] {
        [] => Ok(default),
        [a, b] => Ok([a, b]),
        ref other => Err(format!(
            "field {tag} has {} numbers, must have two",
            other.len()
        )),
    }
}

/// Padding: valid, with amounts at the borders, or same.
fn padding(part: &Message, valid: u64, same: u64) -> Read<Attribute> {
    if let Some(same) = part.message(same)? {
        return Ok(word(
            "auto_pad",
            match same.number(1, 0)? {
                0 => "SAME_UPPER",
                _ => "SAME_LOWER",
            },
        ));
    }
    let valid = part.message(valid)?.unwrap_or_default();
    let amounts = valid.message(1)?.unwrap_or_default().messages(10)?;
    let mut pads = [0; 4];
    for (axis, amount) in amounts.iter().enumerate().take(2) {
        pads[axis] = amount.size(1, 0)?;
        pads[axis + 2] = amount.size(2, 0)?;
    }
    Ok(numbers("pads", &pads))
}

fn conv(
    sketch: &mut Sketch,
    place: &str,
    output: &str,
    input: &str,
    part: &Message,
) -> Result<(), ImportError> {
    if part.number(60, 0).map_err(damaged)? != 0 {
        return Err(fail(place, "is a deconvolution, which cannot be run"));
    }
    let size = |tag| part.size(tag, 0).map_err(damaged);
    let (outputs, channels) = (size(1)?, size(2)?);
    let groups = part.size(10, 1).map_err(damaged)?.max(1);
    let [rows, columns] = pair(part, 20, [3; 2]).map_err(damaged)?;
    let values = weights(place, part.message(90).map_err(damaged)?)?;
    let count = values.len();
    let kernel =
        Array4::from_shape_vec((outputs, channels, rows, columns), values).map_err(|_| {
            fail(
                place,
                format!("has {count} weights for {outputs} x {channels} x {rows} x {columns}"),
            )
        })?;
    let bias = match part.number(70, 0).map_err(damaged)? != 0 {
        true => Some(weights(place, part.message(91).map_err(damaged)?)?),
        false => None,
    };
    let window = vec![
        numbers("kernel_shape", &[rows, columns]),
        numbers("strides", &pair(part, 30, [1; 2]).map_err(damaged)?),
        numbers("dilations", &pair(part, 40, [1; 2]).map_err(damaged)?),
        number("group", groups),
        padding(part, 50, 51).map_err(damaged)?,
    ];
    let kernel = kernel.permuted_axes([2, 3, 1, 0]);
    sketch.conv(output, input, &kernel, bias.as_deref(), window);
    Ok(())
}

fn pool(
    sketch: &mut Sketch,
    place: &str,
    output: &str,
    input: &str,
    part: &Message,
) -> Result<(), ImportError> {
    let op = match part.number(1, 0).map_err(damaged)? {
        0 => "MaxPool",
        1 => "AveragePool",
        _ => return Err(fail(place, "pools by the sum of squares")),
    };
    if part.number(60, 0).map_err(damaged)? != 0 {
        if op == "MaxPool" {
            return Err(fail(place, "takes the largest value of a whole map"));
        }
        sketch.node("GlobalAveragePool", output, &[input], Vec::new());
        return Ok(());
    }
    let mut window = vec![
        numbers("kernel_shape", &pair(part, 10, [3; 2]).map_err(damaged)?),
        numbers("strides", &pair(part, 20, [1; 2]).map_err(damaged)?),
    ];
    match part.message(32).map_err(damaged)? {
        // A last, partial window counts.
        Some(last) => {
            let pads = last.sizes(10).map_err(damaged)?;
            let (rows, columns) = (
                pads.first().copied().unwrap_or(0),
                pads.get(1).copied().unwrap_or(0),
            );
            window.push(numbers("pads", &[rows, columns, rows, columns]));
            window.push(number("ceil_mode", 1));
        }
        None => window.push(padding(part, 30, 31).map_err(damaged)?),
    }
    sketch.node(op, output, &[input], window);
    Ok(())
}

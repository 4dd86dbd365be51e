//! From a layer of Keras to operators of ONNX.

use ndarray::Array4;
use serde_json::Value;

use super::fail;
use super::model::{Layer, Walk};
use crate::import::ImportError;
use crate::import::onnx::sketch::{decimal, number, numbers, word};
use crate::import::onnx::{Attribute, Sketch};
use crate::import::tensors::Tensor;

/// Layers that do nothing when a network is used.
const IDLE: [&str; 12] = [
    "Dropout",
    "SpatialDropout2D",
    "GaussianNoise",
    "GaussianDropout",
    "ActivityRegularization",
    "RandomFlip",
    "RandomRotation",
    "RandomZoom",
    "RandomTranslation",
    "RandomContrast",
    "RandomBrightness",
    "RandomCrop",
];

/// The picture, from the layer that says its shape.
pub fn picture(sketch: &mut Sketch, name: &str, config: &Value) -> Result<(), ImportError> {
    let shape = ["batch_shape", "batch_input_shape"]
        .iter()
        .find_map(|key| config[*key].as_array());
    let side = |v: &Value| v.as_u64().and_then(|n| usize::try_from(n).ok());
    let sides = shape.map(|s| s.iter().map(side).collect::<Vec<_>>());
    match sides.as_deref() {
        Some(&[_, height, width, Some(channels)]) if !sketch.has_picture() => {
            sketch.picture(name, channels, [height, width]);
            Ok(())
        }
        Some(_) if sketch.has_picture() => {
            Err(fail(name, "is a second input; one picture is read"))
        }
        _ => Err(fail(
            format!("input {name:?}"),
            format!(
                "has the shape {}",
                shape.map_or("?".into(), |s| Value::from(s.clone()).to_string())
            ),
        )),
    }
}

/// Adds a layer; gives the name of its output.
pub fn add(walk: &mut Walk, layer: &Layer) -> Result<String, ImportError> {
    let name = layer.output.as_str();
    if layer.class == "InputLayer" {
        walk.weights.of_model(layer.path, layer.class, layer.name);
        picture(&mut walk.sketch, name, layer.config)?;
        return Ok(layer.output.clone());
    }
    let arrays = walk.weights.of_layer(layer.path, layer.class, layer.name)?;
    let first = layer.inputs.first().map_or("", String::as_str);
    let format = layer.config["data_format"].as_str();
    if format == Some("channels_first") || layer.config["dim_ordering"] == "th" {
        return Err(refuse(layer, "has channels first", "channels last"));
    }
    let sketch = &mut walk.sketch;
    match layer.class {
        class if IDLE.contains(&class) => return Ok(first.to_owned()),
        "Conv2D" | "Convolution2D" => {
            let mut arrays = arrays.into_iter();
            let kernel = kernel(layer, arrays.next())?;
            let bias = arrays.next().map(|b| b.values);
            let window = conv_window(layer, [kernel.dim().0, kernel.dim().1])?;
            sketch.conv(name, first, &kernel, bias.as_deref(), window);
            return activation(sketch, layer, name, &layer.config["activation"]);
        }
        "Dense" => {
            let mut arrays = arrays.into_iter();
            let Some(weight) = arrays.next().filter(|w| w.shape.len() == 2) else {
                return Err(refuse(layer, "has no weights", "saved weights"));
            };
            let (weights, biases) = (format!("{name}.w"), format!("{name}.b"));
            sketch.constant(&weights, &weight.shape, &weight.values);
            let mut inputs = vec![first, &weights];
            if let Some(bias) = arrays.next() {
                sketch.constant(&biases, &bias.shape, &bias.values);
                inputs.push(&biases);
            }
            sketch.node("Gemm", name, &inputs, Vec::new());
            return activation(sketch, layer, name, &layer.config["activation"]);
        }
        "BatchNormalization" => norm(sketch, layer, first, arrays)?,
        "Activation" => return activation(sketch, layer, first, &layer.config["activation"]),
        "ReLU" => {
            let zero = |key: &str| layer.config[key].as_f64().unwrap_or(0.0) == 0.0;
            if !layer.config["max_value"].is_null() || !zero("negative_slope") || !zero("threshold")
            {
                return Err(refuse(
                    layer,
                    "has an upper bound, a slope or a threshold",
                    "plain ReLU, from 0 to no bound",
                ));
            }
            sketch.node("Relu", name, &[first], Vec::new());
        }
        "Softmax" => sketch.node("Softmax", name, &[first], vec![number("axis", 1)]),
        "MaxPooling2D" | "MaxPool2D" => {
            let window = pool_window(layer)?;
            sketch.node("MaxPool", name, &[first], window);
        }
        "AveragePooling2D" | "AvgPool2D" => {
            let window = pool_window(layer)?;
            sketch.node("AveragePool", name, &[first], window);
        }
        "GlobalAveragePooling2D" | "GlobalAvgPool2D" => {
            // Batch and classes are left.
            let axes = vec![numbers("axes", &[2, 3]), number("keepdims", 0)];
            sketch.node("ReduceMean", name, &[first], axes);
        }
        "Concatenate" | "Merge" => {
            let joins = layer.class == "Concatenate" || layer.config["mode"] == "concat";
            let axis = ["axis", "concat_axis"]
                .iter()
                .find_map(|k| layer.config[*k].as_i64());
            if !joins || !matches!(axis, None | Some(-1 | 3)) {
                return Err(refuse(layer, "joins otherwise", "joined channels (axis 3)"));
            }
            let inputs: Vec<&str> = layer.inputs.iter().map(String::as_str).collect();
            sketch.node("Concat", name, &inputs, vec![number("axis", 1)]);
        }
        "Add" => {
            let inputs: Vec<&str> = layer.inputs.iter().map(String::as_str).collect();
            sketch.node("Add", name, &inputs, Vec::new());
        }
        "Flatten" | "Reshape" => sketch.node("Flatten", name, &[first], Vec::new()),
        "ZeroPadding2D" => {
            let [top, bottom, left, right] = padding(&layer.config["padding"])
                .ok_or_else(|| refuse(layer, "has no padding", "numbers of rows and columns"))?;
            let pads = [0, 0, top, left, 0, 0, bottom, right];
            sketch.node("Pad", name, &[first], vec![numbers("pads", &pads)]);
        }
        "Rescaling" => {
            let figure = |key: &str, default: f64| match &layer.config[key] {
                Value::Null => Some(vec![default as f32]),
                Value::Array(list) => list.iter().map(|v| v.as_f64().map(|v| v as f32)).collect(),
                value => value.as_f64().map(|v| vec![v as f32]),
            };
            let (Some(scale), Some(offset)) = (figure("scale", 1.0), figure("offset", 0.0)) else {
                return Err(refuse(layer, "has no scale or offset", "numbers"));
            };
            affine(sketch, name, first, &scale, &offset);
        }
        "Normalization" => {
            let [mean, variance] = match (&arrays[..], mean_of(layer)) {
                (_, Some(own)) => own,
                ([mean, variance, ..], None) => [mean.values.clone(), variance.values.clone()],
                _ => {
                    return Err(refuse(
                        layer,
                        "has no mean and variance",
                        "both in the file",
                    ));
                }
            };
            let scale: Vec<f32> = variance.iter().map(|v| 1.0 / v.sqrt().max(1e-7)).collect();
            let offset: Vec<f32> = mean.iter().zip(&scale).map(|(m, s)| -m * s).collect();
            affine(sketch, name, first, &scale, &offset);
        }
        other => {
            return Err(fail(
                format!("layer {:?}", layer.name),
                format!("is of the class {other:?}, which cannot be run"),
            ));
        }
    }
    Ok(layer.output.clone())
}

fn refuse(layer: &Layer, reason: &str, wanted: &str) -> ImportError {
    ImportError::new(
        format!("layer {:?} ({})", layer.name, layer.class),
        reason,
        format!("what is read are {wanted}"),
    )
}

/// What a layer applies to its own output.
fn activation(
    sketch: &mut Sketch,
    layer: &Layer,
    input: &str,
    activation: &Value,
) -> Result<String, ImportError> {
    // A function may be an object with its name.
    let kind = activation
        .as_str()
        .or(activation["class_name"].as_str())
        .or(activation["config"].as_str());
    let name = match layer.class {
        "Activation" => layer.output.clone(),
        _ => format!("{}/activation", layer.output),
    };
    match kind.map(str::to_lowercase).as_deref() {
        None | Some("linear") => return Ok(input.to_owned()),
        Some("relu") => sketch.node("Relu", &name, &[input], Vec::new()),
        Some("softmax") => sketch.node("Softmax", &name, &[input], vec![number("axis", 1)]),
        Some("sigmoid") => sketch.node("Sigmoid", &name, &[input], Vec::new()),
        Some(other) => {
            return Err(ImportError::new(
                format!("layer {:?} ({})", layer.name, layer.class),
                format!("has the activation {other:?}"),
                "the engine's only activation function is ReLU; train it with that",
            ));
        }
    }
    Ok(name)
}

/// Weights as row, column, input, output.
fn kernel(layer: &Layer, tensor: Option<Tensor>) -> Result<Array4<f32>, ImportError> {
    let kernel = tensor.and_then(|t| {
        let sides = <[usize; 4]>::try_from(t.shape).ok()?;
        Array4::from_shape_vec(sides, t.values).ok()
    });
    kernel.ok_or_else(|| {
        refuse(
            layer,
            "has no weights in the file",
            "saved weights of four axes",
        )
    })
}

/// One number for both axes, or one for each.
fn pair(value: &Value) -> Option<[usize; 2]> {
    let size = |v: &Value| {
        v.as_u64()
            .and_then(|n| usize::try_from(n).ok())
            .filter(|n| *n <= 4096)
    };
    match value {
        Value::Array(list) => match &list[..] {
            [a, b] => Some([size(a)?, size(b)?]),
            _ => None,
        },
        value => size(value).map(|n| [n; 2]),
    }
}

/// Padding, in version 1 `border_mode`.
fn auto_pad(layer: &Layer) -> Result<Attribute, ImportError> {
    let mode = ["padding", "border_mode"]
        .iter()
        .find_map(|k| layer.config[*k].as_str());
    match mode {
        None | Some("valid") => Ok(word("auto_pad", "VALID")),
        Some("same") => Ok(word("auto_pad", "SAME_UPPER")),
        Some(other) => {
            let reason = format!("has the padding {other:?}");
            Err(refuse(layer, &reason, "\"valid\" and \"same\""))
        }
    }
}

fn conv_window(layer: &Layer, kernel: [usize; 2]) -> Result<Vec<Attribute>, ImportError> {
    let config = layer.config;
    let stride = ["strides", "subsample"]
        .iter()
        .find_map(|k| pair(&config[*k]))
        .unwrap_or([1; 2]);
    let dilation = pair(&config["dilation_rate"]).unwrap_or([1; 2]);
    Ok(vec![
        numbers("kernel_shape", &kernel),
        numbers("strides", &stride),
        numbers("dilations", &dilation),
        number("group", config["groups"].as_u64().unwrap_or(1) as usize),
        auto_pad(layer)?,
    ])
}

fn pool_window(layer: &Layer) -> Result<Vec<Attribute>, ImportError> {
    let size = pair(&layer.config["pool_size"]).unwrap_or([2; 2]);
    let stride = pair(&layer.config["strides"]).unwrap_or(size);
    Ok(vec![
        numbers("kernel_shape", &size),
        numbers("strides", &stride),
        auto_pad(layer)?,
    ])
}

/// Top, bottom, left, right.
fn padding(value: &Value) -> Option<[usize; 4]> {
    match value {
        Value::Array(list) => match &list[..] {
            [rows, columns] => {
                let ([top, bottom], [left, right]) = (pair(rows)?, pair(columns)?);
                Some([top, bottom, left, right])
            }
            _ => None,
        },
        value => pair(value).map(|[n, _]| [n; 4]),
    }
}

fn norm(
    sketch: &mut Sketch,
    layer: &Layer,
    input: &str,
    arrays: Vec<Tensor>,
) -> Result<(), ImportError> {
    let axis = match &layer.config["axis"] {
        Value::Array(list) => list.first().and_then(Value::as_i64),
        value => value.as_i64(),
    };
    if !matches!(axis, None | Some(-1 | 3)) {
        return Err(refuse(
            layer,
            "does not normalise channels",
            "axis 3, the channels",
        ));
    }
    let mut arrays = arrays.into_iter();
    let scale = layer.config["scale"]
        .as_bool()
        .unwrap_or(true)
        .then(|| arrays.next())
        .flatten();
    let shift = layer.config["center"]
        .as_bool()
        .unwrap_or(true)
        .then(|| arrays.next())
        .flatten();
    let (Some(mean), Some(variance)) = (arrays.next(), arrays.next()) else {
        return Err(refuse(layer, "has no mean or variance in the file", "both"));
    };
    let count = mean.values.len();
    let parts = [
        scale.map_or(vec![1.0; count], |t| t.values),
        shift.map_or(vec![0.0; count], |t| t.values),
        mean.values,
        variance.values,
    ];
    let names: Vec<String> = (0..4)
        .map(|part| format!("{}.{part}", layer.output))
        .collect();
    for (name, values) in names.iter().zip(&parts) {
        sketch.constant(name, &[values.len()], values);
    }
    let mut inputs = vec![input];
    inputs.extend(names.iter().map(String::as_str));
    let epsilon = layer.config["epsilon"].as_f64().unwrap_or(1e-3);
    let epsilon = vec![decimal("epsilon", epsilon as f32)];
    sketch.node("BatchNormalization", &layer.output, &inputs, epsilon);
    Ok(())
}

/// `input * scale + offset`, of one value or one a channel.
fn affine(sketch: &mut Sketch, name: &str, input: &str, scale: &[f32], offset: &[f32]) {
    let (factor, term, scaled) = (
        format!("{name}.scale"),
        format!("{name}.offset"),
        format!("{name}/scaled"),
    );
    sketch.constant(&factor, &[1, scale.len(), 1, 1], scale);
    sketch.constant(&term, &[1, offset.len(), 1, 1], offset);
    sketch.node("Mul", &scaled, &[input, &factor], Vec::new());
    sketch.node("Add", name, &[&scaled, &term], Vec::new());
}

/// Mean and variance that a Normalization has in its configuration.
fn mean_of(layer: &Layer) -> Option<[Vec<f32>; 2]> {
    let flat = |key: &str| -> Option<Vec<f32>> {
        let mut open = vec![&layer.config[key]];
        let mut found = Vec::new();
        while let Some(value) = open.pop() {
            match value {
                Value::Array(list) => open.extend(list.iter().rev()),
                value => found.push(value.as_f64()? as f32),
            }
        }
        Some(found)
    };
    Some([flat("mean")?, flat("variance")?])
}

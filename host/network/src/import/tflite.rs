//! Reads TensorFlow Lite models: the operators are translated into those of ONNX. Weights of 8 bits
//! are taken with their own scales, as the floats that they stand for; the ranges of the activations
//! are measured anew.

mod flat;
#[cfg(test)]
pub mod tests;

use std::borrow::Cow;
use std::collections::HashSet;

use ndarray::Array4;

use super::onnx::sketch::{number, numbers, word};
use super::onnx::{Attribute, Lowered, Sketch};
use super::tensors::MAX_VALUES;
use super::{ImportError, half};
use crate::validate::MAX_NODES;
use flat::Table;

const AGAIN: &str = "fetch or convert it again";
const FLOAT: &str = "convert the float model again, or export it to ONNX with python -m \
                     tf2onnx.convert";

fn damaged(reason: String) -> ImportError {
    ImportError::new(
        "the TensorFlow Lite model",
        format!("truncated or damaged: {reason}"),
        AGAIN,
    )
}

fn fail(place: impl Into<String>, reason: impl Into<String>) -> ImportError {
    ImportError::new(place, reason, FLOAT)
}

/// A tensor of the graph.
struct Tensor<'a> {
    /// A name of its own.
    name: String,
    shape: Vec<usize>,
    element: u8,
    data: Cow<'a, [u8]>,
    scale: Vec<f32>,
    zero: Vec<i64>,
    axis: usize,
}

impl Tensor<'_> {
    fn is_constant(&self) -> bool {
        !self.data.is_empty()
    }

    fn count(&self) -> Option<usize> {
        let count = self
            .shape
            .iter()
            .try_fold(1usize, |n, &side| n.checked_mul(side));
        count.filter(|&count| count <= MAX_VALUES)
    }

    /// Values of a constant, as floats.
    fn floats(&self) -> Result<Vec<f32>, ImportError> {
        let fail = |reason: &str| fail(format!("tensor {:?}", self.name), reason);
        let count = self.count().ok_or_else(|| fail("is too large"))?;
        let data = &*self.data;
        let raw: Vec<f32> = match self.element {
            0 => data
                .as_chunks()
                .0
                .iter()
                .map(|b| f32::from_le_bytes(*b))
                .collect(),
            1 => {
                let halves = data.as_chunks().0.iter();
                halves
                    .map(|b| half::float16(u16::from_le_bytes(*b)))
                    .collect()
            }
            2 => data
                .as_chunks()
                .0
                .iter()
                .map(|b| i32::from_le_bytes(*b) as f32)
                .collect(),
            3 => data.iter().map(|&b| f32::from(b)).collect(),
            9 => data.iter().map(|&b| f32::from(b.cast_signed())).collect(),
            other => {
                return Err(fail(&format!(
                    "has elements of type {other}, which is not read"
                )));
            }
        };
        if raw.len() != count {
            return Err(fail(&format!(
                "of shape {:?} has {} values",
                self.shape,
                raw.len()
            )));
        }
        let values = match (self.element, self.scale.len()) {
            (0 | 1, _) => raw,
            (_, 0) => return Err(fail("is of integers and has no scale")),
            (_, scales) => {
                // How many values follow each other with the same index along the axis.
                let inner: usize = self.shape.iter().skip(self.axis + 1).product();
                let side = self.shape.get(self.axis).copied().unwrap_or(1);
                if scales != 1 && scales != side {
                    return Err(fail(&format!("has {scales} scales for {side} channels")));
                }
                let value = |(i, v): (usize, f32)| {
                    let channel = i / inner.max(1) % side.max(1);
                    let at = if scales == 1 { 0 } else { channel };
                    let zero = self.zero.get(if self.zero.len() == 1 { 0 } else { at });
                    (v - zero.copied().unwrap_or(0) as f32) * self.scale[at]
                };
                raw.into_iter().enumerate().map(value).collect()
            }
        };
        match values.iter().all(|v| v.is_finite()) {
            true => Ok(values),
            false => Err(fail("holds values that are not finite")),
        }
    }

    /// Values of a constant of whole numbers.
    fn ints(&self) -> Vec<i32> {
        match self.element {
            2 => self
                .data
                .as_chunks()
                .0
                .iter()
                .map(|b| i32::from_le_bytes(*b))
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// Reads a model.
pub fn read(bytes: &[u8], size: Option<[usize; 2]>) -> Result<Lowered, ImportError> {
    let root = Table::root(bytes).map_err(damaged)?;
    let graphs = root.tables(2).map_err(damaged)?;
    let [graph] = graphs[..] else {
        let reason = format!("has {} graphs, must have one", graphs.len());
        return Err(fail("the model", reason));
    };
    let buffers = root.tables(4).map_err(damaged)?;
    let tensors = tensors(&graph, &buffers).map_err(damaged)?;
    let codes = codes(&root).map_err(damaged)?;
    let operators = graph.tables(3).map_err(damaged)?;
    if operators.len() > MAX_NODES {
        let reason = format!(
            "has {} operators, at most {MAX_NODES} are read",
            operators.len()
        );
        return Err(fail("the model", reason));
    }
    let ends = |field: usize| graph.ints(field).map_err(damaged);
    let (inputs, outputs) = (ends(1)?, ends(2)?);
    let mut drawing = Drawing {
        names: tensors.iter().map(|t| t.name.clone()).collect(),
        tensors,
        sketch: Sketch::default(),
        quantised: false,
        relu: None,
    };
    let ([input], [output]) = (&inputs[..], &outputs[..]) else {
        let reason = format!("has {} inputs and {} outputs", inputs.len(), outputs.len());
        return Err(fail("the model", reason));
    };
    drawing.picture(*input)?;
    for operator in &operators {
        drawing.operator(operator, &codes)?;
    }
    let output = drawing.place(*output)?;
    let name = drawing.names[output].clone();
    let mut lowered = drawing.sketch.lower(&name, size, [224; 2])?;
    if drawing.quantised {
        lowered.notes.push(
            "The model is quantised already: its weights are taken with their own scales, as the \
             floats that they stand for; activations are measured on the photographs."
                .to_owned(),
        );
    }
    Ok(lowered)
}

fn tensors<'a>(graph: &Table<'a>, buffers: &[Table<'a>]) -> flat::Result<Vec<Tensor<'a>>> {
    let mut names = HashSet::new();
    let mut all = Vec::new();
    for (index, table) in graph.tables(0)?.iter().enumerate() {
        let mut name = table.text(3)?.to_owned();
        if name.is_empty() || !names.insert(name.clone()) {
            name = format!("{name}#{index}");
            names.insert(name.clone());
        }
        let shape = table
            .ints(0)?
            .into_iter()
            .map(|n| usize::try_from(n).unwrap_or(1));
        let buffer = table.int(2, 0)?;
        let data = match usize::try_from(buffer).ok().and_then(|b| buffers.get(b)) {
            Some(buffer) => buffer.bytes(0)?,
            None => {
                return Err(format!(
                    "tensor {name:?} names the buffer {buffer}, which is not there"
                ));
            }
        };
        let quantised = table.table(4)?;
        let (mut scale, mut zero, mut axis) = (Vec::new(), Vec::new(), 0);
        if let Some(quantised) = quantised {
            scale = quantised.floats(2)?;
            zero = quantised.longs(3)?;
            axis = usize::try_from(quantised.int(6, 0)?).unwrap_or(0);
        }
        all.push(Tensor {
            name,
            shape: shape.collect(),
            element: table.byte(1, 0)?,
            data: data.into(),
            scale,
            zero,
            axis,
        });
    }
    Ok(all)
}

/// Codes of the operators; negative for those of others.
fn codes(root: &Table) -> flat::Result<Vec<i32>> {
    let code = |table: &Table| {
        let old = i32::from(table.byte(0, 0)?.cast_signed());
        Ok(table.int(3, 0)?.max(old))
    };
    root.tables(1)?.iter().map(code).collect()
}

/// The graph that is being drawn.
struct Drawing<'a> {
    tensors: Vec<Tensor<'a>>,
    /// What each tensor is called in the graph.
    names: Vec<String>,
    sketch: Sketch,
    quantised: bool,
    /// A ReLU that follows the operator that is drawn, and what it reads.
    relu: Option<(String, String)>,
}

/// An operator's name for messages, by its code.
fn title(code: i32) -> String {
    let known = [
        (4, "DEPTHWISE_CONV_2D"),
        (11, "L2_NORMALIZATION"),
        (13, "LOCAL_RESPONSE_NORMALIZATION"),
        (20, "RELU_N1_TO_1"),
        (21, "RELU6"),
        (23, "RESIZE_BILINEAR"),
        (28, "TANH"),
        (32, "CUSTOM"),
        (54, "PRELU"),
        (67, "TRANSPOSE_CONV"),
        (98, "LEAKY_RELU"),
        (117, "HARD_SWISH"),
    ];
    match known.iter().find(|(c, _)| *c == code) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("number {code}"),
    }
}

impl Drawing<'_> {
    fn place(&self, tensor: i32) -> Result<usize, ImportError> {
        let place = usize::try_from(tensor)
            .ok()
            .filter(|&t| t < self.tensors.len());
        place.ok_or_else(|| damaged(format!("tensor {tensor} is not there")))
    }

    fn picture(&mut self, input: i32) -> Result<(), ImportError> {
        let input = self.place(input)?;
        let tensor = &self.tensors[input];
        let &[_, height, width, channels] = &tensor.shape[..] else {
            return Err(fail(
                "the input",
                format!("has the shape {:?}", tensor.shape),
            ));
        };
        let side = |n: usize| Some(n).filter(|&n| n > 1);
        self.sketch
            .picture(&tensor.name, channels, [side(height), side(width)]);
        let integer = !matches!(tensor.element, 0 | 1);
        let name = tensor.name.clone();
        if let (true, &[scale], zero) = (integer, &tensor.scale[..], tensor.zero.first()) {
            // The integers that it takes stand for these floats.
            let zero = zero.copied().unwrap_or(0) as f32;
            let offset = if tensor.element == 9 { -128.0 } else { 0.0 };
            let real = format!("{name}/real");
            let (factor, term) = (format!("{name}.scale"), format!("{name}.zero"));
            self.sketch.constant(&term, &[1, 1, 1, 1], &[offset - zero]);
            self.sketch.constant(&factor, &[1, 1, 1, 1], &[scale]);
            let moved = format!("{name}/moved");
            self.sketch.node("Add", &moved, &[&name, &term], Vec::new());
            self.sketch
                .node("Mul", &real, &[&moved, &factor], Vec::new());
            self.names[input] = real;
        }
        self.quantised |= integer;
        Ok(())
    }

    fn operator(&mut self, operator: &Table, codes: &[i32]) -> Result<(), ImportError> {
        let index = operator.int(0, 0).map_err(damaged)?;
        let code = usize::try_from(index)
            .ok()
            .and_then(|i| codes.get(i))
            .copied();
        let code = code.ok_or_else(|| damaged(format!("operator code {index} is not there")))?;
        let inputs = operator.ints(1).map_err(damaged)?;
        let outputs = operator.ints(2).map_err(damaged)?;
        let (Some(&first), [output]) = (inputs.first(), &outputs[..]) else {
            return Err(damaged("an operator has no input or not one output".into()));
        };
        let (first, output) = (self.place(first)?, self.place(*output)?);
        let name = self.names[output].clone();
        let options = operator.table(4).map_err(damaged)?;
        let constant = |this: &Self, index: usize| -> Result<Option<usize>, ImportError> {
            match inputs.get(index) {
                Some(&tensor) if tensor >= 0 => this.place(tensor).map(Some),
                _ => Ok(None),
            }
        };
        let second = constant(self, 1)?;
        let third = constant(self, 2)?;
        let option = |number: usize, default: i32| match &options {
            Some(options) => options.int(number, default).map_err(damaged),
            None => Ok(default),
        };
        let mode = |number: usize| match &options {
            Some(options) => options.byte(number, 0).map_err(damaged),
            None => Ok(0),
        };
        let input = self.names[first].clone();
        match code {
            3 => {
                let weights =
                    second.ok_or_else(|| damaged("a convolution has no weights".into()))?;
                let kernel = self.kernel(weights)?;
                let bias = third.map(|b| self.tensors[b].floats()).transpose()?;
                let sides = [kernel.dim().0, kernel.dim().1];
                let mut window =
                    self.window(&name, sides, [option(2, 1)?, option(1, 1)?], mode(0)?)?;
                let dilations = [option(5, 1)?, option(4, 1)?].map(|n| n.max(0) as usize);
                window.push(numbers("dilations", &dilations));
                let raw = self.before(&name, mode(3)?)?;
                self.sketch
                    .conv(&raw, &input, &kernel, bias.as_deref(), window);
            }
            17 | 1 => {
                let sides = [option(4, 1)?, option(3, 1)?].map(|n| n.max(0) as usize);
                let window = self.window(&name, sides, [option(2, 1)?, option(1, 1)?], mode(0)?)?;
                let raw = self.before(&name, mode(5)?)?;
                let op = if code == 17 { "MaxPool" } else { "AveragePool" };
                self.sketch.node(op, &raw, &[&input], window);
            }
            2 => {
                let axis = option(0, 0)?;
                if !matches!(axis, 3 | -1) {
                    return Err(fail(
                        &name,
                        format!("joins along axis {axis}, not the channels"),
                    ));
                }
                let parts = inputs
                    .iter()
                    .map(|&t| self.place(t))
                    .collect::<Result<Vec<_>, _>>()?;
                let parts: Vec<String> = parts.iter().map(|&t| self.names[t].clone()).collect();
                let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                let raw = self.before(&name, mode(1)?)?;
                self.sketch
                    .node("Concat", &raw, &parts, vec![number("axis", 1)]);
            }
            9 => {
                let weights = second.ok_or_else(|| damaged("a layer has no weights".into()))?;
                let tensor = &self.tensors[weights];
                let (shape, values) = (tensor.shape.clone(), tensor.floats()?);
                self.quantised |= tensor.element > 1;
                let label = format!("{name}.w");
                self.sketch.constant(&label, &shape, &values);
                let mut all = vec![input.as_str(), &label];
                let bias = format!("{name}.b");
                if let Some(third) = third {
                    let values = self.tensors[third].floats()?;
                    self.sketch.constant(&bias, &[values.len()], &values);
                    all.push(&bias);
                }
                let raw = self.before(&name, mode(0)?)?;
                self.sketch
                    .node("Gemm", &raw, &all, vec![number("transB", 1)]);
            }
            0 | 18 | 41 | 42 => {
                let second = second.ok_or_else(|| damaged("an operator has one input".into()))?;
                let op = match code {
                    0 => "Add",
                    18 => "Mul",
                    41 => "Sub",
                    _ => "Div",
                };
                let pair = [self.operand(first)?, self.operand(second)?];
                let raw = self.before(&name, mode(0)?)?;
                self.sketch
                    .node(op, &raw, &[&pair[0], &pair[1]], Vec::new());
            }
            19 => self.sketch.node("Relu", &name, &[&input], Vec::new()),
            25 => self
                .sketch
                .node("Softmax", &name, &[&input], vec![number("axis", 1)]),
            14 => self.sketch.node("Sigmoid", &name, &[&input], Vec::new()),
            40 => {
                let axes = second.map(|t| self.tensors[t].ints()).unwrap_or_default();
                if axes != [1, 2] && axes != [-3, -2] {
                    return Err(fail(&name, format!("averages over the axes {axes:?}")));
                }
                let keep = usize::from(mode(0)? != 0);
                let mean = vec![numbers("axes", &[2, 3]), number("keepdims", keep)];
                self.sketch.node("ReduceMean", &name, &[&input], mean);
            }
            22 | 43 => self.sketch.node("Flatten", &name, &[&input], Vec::new()),
            34 => {
                let pads = second.map(|t| self.tensors[t].ints()).unwrap_or_default();
                let pads: Vec<usize> = pads.into_iter().map(|n| n.max(0) as usize).collect();
                let &[0, 0, top, bottom, left, right, 0, 0] = &pads[..] else {
                    return Err(fail(&name, format!("pads by {pads:?}")));
                };
                let pads = [0, 0, top, left, 0, 0, bottom, right];
                self.sketch
                    .node("Pad", &name, &[&input], vec![numbers("pads", &pads)]);
            }
            // Between floats and integers.
            6 | 114 if self.tensors[first].is_constant() => {
                let tensor = &self.tensors[first];
                let (shape, values) = (tensor.shape.clone(), tensor.floats()?);
                self.quantised |= tensor.element > 1;
                self.decoded(output, shape, values);
            }
            6 | 114 => {
                self.quantised = true;
                self.names[output] = input;
            }
            other => {
                return Err(fail(
                    format!("node {name:?}"),
                    format!("the operator {} cannot be run", title(other)),
                ));
            }
        }
        if let Some((name, raw)) = self.relu.take() {
            self.sketch.node("Relu", &name, &[&raw], Vec::new());
        }
        Ok(())
    }

    /// Name of an operator's own output where an activation follows it, which is drawn afterwards.
    fn before(&mut self, name: &str, activation: u8) -> Result<String, ImportError> {
        match activation {
            0 => Ok(name.to_owned()),
            1 => {
                let raw = format!("{name}/raw");
                self.relu = Some((name.to_owned(), raw.clone()));
                Ok(raw)
            }
            3 => Err(fail(
                format!("node {name:?}"),
                "has RELU6 behind it; the engine's only activation function is ReLU, to no bound",
            )),
            other => Err(fail(
                format!("node {name:?}"),
                format!("has the activation number {other} behind it, which cannot be run"),
            )),
        }
    }

    fn window(
        &self,
        name: &str,
        sides: [usize; 2],
        strides: [i32; 2],
        padding: u8,
    ) -> Result<Vec<Attribute>, ImportError> {
        let pad = match padding {
            0 => "SAME_UPPER",
            1 => "VALID",
            other => {
                return Err(fail(
                    format!("node {name:?}"),
                    format!("has the padding {other}"),
                ));
            }
        };
        let strides = strides.map(|n| n.max(0) as usize);
        Ok(vec![
            numbers("kernel_shape", &sides),
            numbers("strides", &strides),
            word("auto_pad", pad),
        ])
    }

    /// Weights, which lie as output, row, column, input.
    fn kernel(&mut self, place: usize) -> Result<Array4<f32>, ImportError> {
        let tensor = &self.tensors[place];
        self.quantised |= tensor.element > 1;
        let sides = <[usize; 4]>::try_from(tensor.shape.clone()).ok();
        let kernel = match sides {
            Some(sides) => Array4::from_shape_vec(sides, tensor.floats()?).ok(),
            None => None,
        };
        let kernel = kernel.ok_or_else(|| fail(&tensor.name, "are no weights of four axes"))?;
        Ok(kernel.permuted_axes([1, 2, 3, 0]))
    }

    /// A value, or a constant of one value or one a channel.
    fn operand(&mut self, place: usize) -> Result<String, ImportError> {
        let tensor = &self.tensors[place];
        if !tensor.is_constant() {
            return Ok(self.names[place].clone());
        }
        let values = tensor.floats()?;
        let name = tensor.name.clone();
        self.sketch
            .constant(&name, &[1, values.len(), 1, 1], &values);
        Ok(name)
    }

    /// A constant that the graph makes floats of.
    fn decoded(&mut self, place: usize, shape: Vec<usize>, values: Vec<f32>) {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let tensor = &mut self.tensors[place];
        tensor.shape = shape;
        tensor.element = 0;
        // Files of halves hold each weight once.
        tensor.data = bytes.into();
    }
}

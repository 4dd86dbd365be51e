//! From the nodes of an ONNX graph to the float network: walks the graph once, in its order, and
//! keeps what every name stands for.

use std::collections::{HashMap, HashSet};

use super::attributes::{Attributes, place};
use super::constants;
use super::proto::{Graph, Node, Tensor, ValueInfo};
use super::tensor;
use super::values::{Draft, Drafts, Value};
use crate::float::{FloatNode, FloatOp};
use crate::graph::{NodeId, Normalise, PixelOrder, Shape};
use crate::import::ImportError;
use crate::validate::{INPUT_NAME, MAX_INPUT_SIDE, MAX_NODES};

/// What makes nothing of nothing.
const OF_NOTHING: [&str; 7] = [
    "Relu",
    "Clip",
    "BatchNormalization",
    "MaxPool",
    "Dropout",
    "Identity",
    "Cast",
];

/// What a graph says, before it is known how pictures are prepared.
pub struct Lowered {
    /// The nodes, without those that nothing reads.
    pub nodes: Vec<FloatNode>,
    /// Height and width of the input.
    pub size: [usize; 2],
    /// What the graph itself does to its input first, if anything.
    pub normalise: Option<Normalise>,
    /// Padding of the convolution that reads the picture: top, left, bottom, right.
    pub pads: [usize; 4],
    /// Channels of the picture: 3, or 1 for grey.
    pub channels: usize,
    /// Order of the colours, if the file says it.
    pub order: Option<PixelOrder>,
    /// Names of the classes, if the file holds them.
    pub labels: Vec<String>,
    /// Whether its weights bear torchvision's names.
    pub torchvision: bool,
    /// Whether a Sigmoid makes a probability of each score.
    pub sigmoid: bool,
    /// Whether the graph ends with a map, whose sum was put behind it.
    pub map: bool,
    /// What is worth knowing of single nodes.
    pub notes: Vec<String>,
}

/// The walk's state.
pub struct Lowering<'a> {
    pub opset: i64,
    pub values: HashMap<&'a str, Value<'a>>,
    pub drafts: Drafts,
    pub size: [usize; 2],
    /// Channels of the picture: 3, or 1 for grey.
    pub channels: usize,
    /// Padding around the picture so far.
    pub pads: [usize; 4],
    /// `(pixel - mean) / std` is `pixel * scale + shift`.
    pub affine: Option<([f64; 3], [f64; 3])>,
    pub torchvision: bool,
    pub sigmoid: bool,
    pub notes: Vec<String>,
}

/// Reads a graph. `size` replaces the size of the input that the file gives; `default` is taken
/// where it gives none.
pub fn lower(
    graph: &Graph,
    opset: i64,
    size: Option<[usize; 2]>,
    default: [usize; 2],
) -> Result<Lowered, ImportError> {
    let whole = |reason: String, hint: &str| ImportError::new("the graph", reason, hint);
    if graph.nodes.len() > MAX_NODES {
        return Err(whole(
            format!(
                "has {} nodes, at most {MAX_NODES} are read",
                graph.nodes.len()
            ),
            "give a SqueezeNet",
        ));
    }
    if !graph.sparse_initializers.is_empty() {
        return Err(whole(
            "has sparse initialisers".into(),
            "export it with dense weights",
        ));
    }
    let constants: HashMap<&str, &Tensor> = graph
        .initializers
        .iter()
        .map(|t| (t.name.as_str(), t))
        .collect();
    // Old files list their weights among the inputs.
    let inputs: Vec<&ValueInfo> = graph
        .inputs
        .iter()
        .filter(|input| !constants.contains_key(input.name.as_str()))
        .collect();
    let [input] = inputs[..] else {
        let names: Vec<&str> = inputs.iter().map(|i| i.name.as_str()).take(8).collect();
        return Err(whole(
            format!("has {} inputs, {names:?}", inputs.len()),
            "export it with one input, the picture",
        ));
    };
    let (size, channels) = input_size(input, size, default)?;
    let plain: Vec<Option<Tensor>> = graph.nodes.iter().map(constants::tensor).collect();
    let mut lowering = Lowering {
        opset,
        size,
        channels,
        pads: [0; 4],
        values: constants
            .into_iter()
            .map(|(name, tensor)| (name, Value::Constant(tensor)))
            .chain([(input.name.as_str(), Value::Picture)])
            .collect(),
        drafts: Drafts::default(),
        affine: None,
        torchvision: false,
        sigmoid: false,
        notes: Vec::new(),
    };
    for (index, node) in graph.nodes.iter().enumerate() {
        lowering.check_inputs(node, &graph.nodes[index..])?;
        let value = lowering.node(node, plain[index].as_ref())?;
        let Some(output) = node.outputs.first() else {
            return Err(whole(
                format!("{} has no output", place(node)),
                "export it again",
            ));
        };
        if lowering.values.insert(output.as_str(), value).is_some() {
            return Err(whole(
                format!("{} yields {output:?}, which is there already", place(node)),
                "every name may be given once; export it again",
            ));
        }
    }
    let [output] = &graph.outputs[..] else {
        return Err(whole(
            format!("has {} outputs", graph.outputs.len()),
            "export it with one output, the scores of the classes",
        ));
    };
    let mut map = false;
    match lowering.values.get(output.name.as_str()) {
        Some(Value::Scores { .. }) => {}
        Some(&(Value::Map { id, stage } | Value::Last { id, stage })) => {
            if stage != lowering.drafts.0[id].stage {
                return Err(whole(
                    format!("its output {:?} also has a Relu behind it", output.name),
                    "the engine keeps one value of a convolution, with its Relu: let the graph end \
                     with that",
                ));
            }
            lowering.end_with(id)?;
            map = true;
        }
        Some(_) => {
            return Err(whole(
                format!("its output {:?} is not one score a class", output.name),
                "the network has to end with GlobalAveragePool (or an AveragePool of the whole map), \
                 and Flatten, Reshape or Softmax behind it at most",
            ));
        }
        None => {
            return Err(whole(
                format!("no node yields its output {:?}", output.name),
                "export it again; the file is damaged",
            ));
        }
    }
    Ok(Lowered {
        map,
        ..lowering.finish()?
    })
}

/// Height and width of the picture, and its channels, from an input of n x channels x height x
/// width.
fn input_size(
    input: &ValueInfo,
    wanted: Option<[usize; 2]>,
    default: [usize; 2],
) -> Result<([usize; 2], usize), ImportError> {
    let fail = |reason: String, hint: &str| {
        ImportError::new(format!("input {:?}", input.name), reason, hint)
    };
    let tensor = input.kind.as_ref().and_then(|kind| kind.tensor.as_ref());
    if let Some(tensor) = tensor.filter(|t| !tensor::is_float(t.element)) {
        return Err(fail(
            format!("is {}, not float", tensor::type_name(tensor.element)),
            "export the float model; Firebrick feeds raw pixels itself",
        ));
    }
    let Some(shape) = tensor.and_then(|t| t.shape.as_ref()) else {
        return Ok((wanted.unwrap_or(default), 3));
    };
    let dims: Vec<Option<i64>> = shape
        .dims
        .iter()
        .map(|d| d.value.filter(|&v| v > 0))
        .collect();
    let [_, channels, height, width] = dims[..] else {
        return Err(fail(
            format!("has {} axes", dims.len()),
            "it must be batch x 3 x height x width",
        ));
    };
    let grey = channels == Some(1) && width != Some(3);
    if channels.is_some_and(|c| c != 3) && !grey {
        let last = if width == Some(3) {
            "the channels seem to come last: export it with channels first (for tf2onnx, \
             --inputs-as-nchw)"
        } else {
            "the engine takes pictures of 3 channels, or grey ones: batch x 3 x height x width"
        };
        let dims: Vec<String> = dims
            .iter()
            .map(|d| d.map_or("?".to_owned(), |n| n.to_string()))
            .collect();
        return Err(fail(format!("has the shape {}", dims.join(" x ")), last));
    }
    let side = |own: Option<i64>, axis: usize| {
        own.and_then(|n| usize::try_from(n).ok())
            .unwrap_or(default[axis])
    };
    let size = wanted.unwrap_or([side(height, 0), side(width, 1)]);
    if size.iter().any(|side| !(1..=MAX_INPUT_SIDE).contains(side)) {
        return Err(fail(
            format!("is {}x{} pixels", size[0], size[1]),
            &format!("a side may have 1 to {MAX_INPUT_SIDE} pixels"),
        ));
    }
    Ok((size, if grey { 1 } else { 3 }))
}

impl<'a> Lowering<'a> {
    /// Every input must be there; the message says why one is not.
    fn check_inputs(&self, node: &Node, rest: &[Node]) -> Result<(), ImportError> {
        for input in node.inputs.iter().filter(|name| !name.is_empty()) {
            if self.values.contains_key(input.as_str()) {
                continue;
            }
            let later = rest.iter().any(|n| n.outputs.contains(input));
            return Err(ImportError::new(
                place(node),
                if later {
                    format!("reads {input:?}, which only a later node yields")
                } else {
                    format!("reads {input:?}, which nothing yields")
                },
                if later {
                    "the graph has a cycle, or its nodes are out of order; export it again"
                } else {
                    "every optional output but the first is left out; export it for inference"
                },
            ));
        }
        Ok(())
    }

    /// `plain` is what a Constant of plain numbers stands for.
    fn node(
        &mut self,
        node: &'a Node,
        plain: Option<&'a Tensor>,
    ) -> Result<Value<'a>, ImportError> {
        let mut attributes = Attributes::of(node);
        if !matches!(node.domain.as_str(), "" | "ai.onnx") {
            return Err(self.unknown(node));
        }
        if let Some(name) = node.inputs.first()
            && matches!(self.values.get(name.as_str()), Some(Value::Nothing))
            && OF_NOTHING.contains(&node.op.as_str())
        {
            return Ok(Value::Nothing);
        }
        let value = match node.op.as_str() {
            "Conv" => self.conv(node, &mut attributes)?,
            "BatchNormalization" => self.batch_norm(node, &mut attributes)?,
            "Relu" => self.relu(node)?,
            "Clip" => self.clip(node, &mut attributes)?,
            "Transpose" => self.transpose(node, &mut attributes)?,
            "Cast" if self.is_float_cast(node) => {
                for name in ["to", "saturate", "round_mode"] {
                    attributes.ignore(name);
                }
                self.input(node, 0)?
            }
            "MaxPool" => self.max_pool(node, &mut attributes)?,
            "Concat" => self.concat(node, &mut attributes)?,
            "Add" if self.is_score(node) => self.dense_bias(node)?,
            "Add" | "Sub" | "Mul" | "Div" => self.arithmetic(node)?,
            "GlobalAveragePool" => self.global_pool(node, 0)?,
            "AveragePool" => self.average_pool(node, &mut attributes)?,
            "ReduceMean" => self.reduce_mean(node, &mut attributes)?,
            "Dropout" | "Identity" => self.pass(node, &mut attributes)?,
            "Flatten" | "Reshape" | "Squeeze" => self.reshape(node, &mut attributes)?,
            "Softmax" | "LogSoftmax" => self.softmax(node, &mut attributes)?,
            "Sigmoid" => self.sigmoid(node)?,
            "Gemm" | "MatMul" => self.dense(node, &mut attributes)?,
            "Pad" => self.pad(node, &mut attributes)?,

            "Constant" if plain.is_some() => {
                constants::PLAIN
                    .iter()
                    .for_each(|name| attributes.ignore(name));
                plain.map_or(Value::Sizes, Value::Constant)
            }
            "Constant" => {
                let Some(tensor) = attributes.tensor("value") else {
                    return Err(ImportError::new(
                        place(node),
                        "has no tensor as its value",
                        "constants are read as tensors; export it again",
                    ));
                };
                Value::Constant(tensor)
            }
            // What exporters compute the sizes of a Reshape with.
            "Shape" | "Gather" | "Unsqueeze" | "Cast" | "Slice"
                if !node.inputs.iter().skip(1).any(|i| self.is_data(i)) =>
            {
                match node.op.as_str() {
                    "Shape" => Value::Sizes,
                    _ => self.sizes(node)?,
                }
            }
            _ => return Err(self.unknown(node)),
        };
        if !matches!(value, Value::Sizes) {
            attributes.finish()?;
        }
        Ok(value)
    }

    fn is_data(&self, name: &str) -> bool {
        matches!(
            self.values.get(name),
            Some(Value::Picture | Value::Map { .. } | Value::Last { .. } | Value::Scores { .. })
        )
    }

    /// Whether a Cast turns floats into floats of another width: the network is computed in float32
    /// in any case.
    fn is_float_cast(&self, node: &Node) -> bool {
        let to = node.attributes.iter().find(|a| a.name == "to");
        let first = node.inputs.first().map_or("", String::as_str);
        let constant = match self.values.get(first) {
            Some(Value::Constant(tensor)) => tensor::is_float(tensor.data_type),
            _ => false,
        };
        to.is_some_and(|a| i32::try_from(a.int).is_ok_and(tensor::is_float))
            && (constant || self.is_data(first))
    }

    /// Arithmetic on sizes.
    fn sizes(&self, node: &Node) -> Result<Value<'a>, ImportError> {
        match node
            .inputs
            .first()
            .and_then(|i| self.values.get(i.as_str()))
        {
            Some(Value::Sizes | Value::Constant(_)) => Ok(Value::Sizes),
            _ => Err(self.unknown(node)),
        }
    }

    pub fn unknown(&self, node: &Node) -> ImportError {
        let hint = match node.op.as_str() {
            "QLinearConv" | "QuantizeLinear" | "DequantizeLinear" | "ConvInteger" => {
                "this model is quantised already; give the float model, Firebrick quantises it"
            }
            "Sigmoid" => "one Sigmoid over the scores of the classes may stand at the end",
            "LeakyRelu" | "PRelu" | "HardSwish" | "Elu" | "Tanh" => {
                "the engine's only activation function is Relu; train it with that"
            }
            "Gemm" | "MatMul" => {
                "the engine has no fully connected layer but one right behind the mean over all \
                 pixels, which is the same as a 1x1 Conv before it"
            }
            "Transpose" => {
                "a map may have its channels turned last (0, 2, 3, 1) before the mean over all \
                 pixels, and back; for anything else export the model with channels first (for \
                 tf2onnx, --inputs-as-nchw)"
            }
            "Pad" => {
                "padding of zeros around the picture is read; else give it to the Conv or MaxPool \
                      behind it"
            }
            _ => {
                "the engine runs Conv (1x1, 3x3, 7x7) with Relu, MaxPool 3x3/2 and 2x2/2, Concat, Add of two \
                 maps and GlobalAveragePool; BatchNormalization, Dropout, Identity, Flatten, \
                 Reshape and Softmax are dissolved"
            }
        };
        let domain = match node.domain.as_str() {
            "" | "ai.onnx" => String::new(),
            other => format!(" of the domain {other:?}"),
        };
        ImportError::new(
            place(node),
            format!("the operator {:?}{domain} cannot be run", node.op),
            hint,
        )
    }

    /// An input's value; `Picture` and maps are checked to be as they are now.
    pub fn input(&self, node: &Node, index: usize) -> Result<Value<'a>, ImportError> {
        let name = node.inputs.get(index).filter(|n| !n.is_empty());
        let value = name.and_then(|name| self.values.get(name.as_str()).copied());
        match value {
            None => Err(ImportError::new(
                place(node),
                format!("has no input {index}"),
                "export it again; the file is damaged",
            )),
            Some(Value::Map { id, stage } | Value::Last { id, stage })
                if stage != self.drafts.0[id].stage =>
            {
                Err(ImportError::new(
                    place(node),
                    format!(
                        "reads {:?} as it is before the Relu or BatchNormalization behind it, \
                         which another node reads as well",
                        name.map_or("", String::as_str)
                    ),
                    "the engine keeps one value of a convolution, with its Relu",
                ))
            }
            Some(value) => Ok(value),
        }
    }

    /// A constant input.
    pub fn constant(&self, node: &Node, index: usize) -> Result<&'a Tensor, ImportError> {
        match self.input(node, index)? {
            Value::Constant(tensor) => Ok(tensor),
            _ => Err(ImportError::new(
                place(node),
                format!("input {index} is computed by the graph"),
                "it has to be in the file: an initialiser or a Constant",
            )),
        }
    }

    /// A constant input of one value a channel, in whatever shape.
    pub fn per_channel(
        &self,
        node: &Node,
        index: usize,
        channels: usize,
    ) -> Result<Vec<f32>, ImportError> {
        let tensor = self.constant(node, index)?;
        let (shape, values) = tensor::floats(tensor)?;
        // A lone axis would count columns, unless the operator says that it counts channels.
        let broadcasts = shape.iter().filter(|&&d| d != 1).count() == 1
            && (shape.len() >= 3 && shape[shape.len() - 3] == channels)
            || node.op == "BatchNormalization" && shape == [channels]
            || node.op == "Conv" && shape == [channels];
        match values[..] {
            [value] => Ok(vec![value; channels]),
            _ if broadcasts => Ok(values),
            _ => Err(ImportError::new(
                place(node),
                format!("input {index} has the shape {shape:?}"),
                format!("it must have one value for each of {channels} channels"),
            )),
        }
    }

    /// The feature map of an input, and its shape.
    pub fn map(&self, node: &Node, index: usize) -> Result<(usize, Shape), ImportError> {
        let hint = match self.input(node, index)? {
            Value::Map { id, .. } => return Ok((id, self.drafts.0[id].shape)),
            Value::Picture => "it reads the picture; a Conv has to come first",
            Value::Scores { .. } => {
                "it reads the scores behind the mean; there may be only \
                                     Flatten, Reshape and Softmax"
            }
            Value::Last { .. } => {
                "it reads a map that was turned to have its channels last: export the model with \
                 channels first (for tf2onnx, --inputs-as-nchw)"
            }
            Value::Constant(_) | Value::Sizes => "it reads a constant",
            Value::Nothing => {
                "it reads a convolution without outputs, which may only be a part of a Concat"
            }
        };
        Err(ImportError::new(
            place(node),
            format!("input {index} is not a feature map"),
            hint,
        ))
    }

    /// The same, after a ReLU: what the engine's unsigned activations can hold. Sums of bypasses can be
    /// raised so that they need none.
    pub fn rectified(&mut self, node: &Node, index: usize) -> Result<(usize, Shape), ImportError> {
        let (id, shape) = match self.input(node, index)? {
            // The mean over all pixels, which alone may read one, knows its axes.
            Value::Last { id, .. } if node.op == "ReduceMean" => (id, self.drafts.0[id].shape),
            _ => self.map(node, index)?,
        };
        if self.drafts.0[id].rectified || self.drafts.open_sums(id) {
            return Ok((id, shape));
        }
        Err(ImportError::new(
            place(node),
            format!(
                "reads {:?}, which has no Relu behind it",
                self.drafts.0[id].node.name
            ),
            "activations are unsigned in the engine, so every Conv needs a Relu; train it with one",
        ))
    }

    /// Takes away what nothing reads, and checks the rest.
    fn finish(self) -> Result<Lowered, ImportError> {
        let Some(last) = self
            .drafts
            .0
            .iter()
            .rposition(|d| matches!(d.node.op, FloatOp::Global))
        else {
            return Err(ImportError::new(
                "the graph",
                "has no nodes",
                "export it again",
            ));
        };
        let mut used = HashSet::from([last]);
        for index in (0..=last).rev().filter(|i| *i < self.drafts.0.len()) {
            if used.contains(&index) {
                let inputs = self.drafts.0[index].node.inputs.iter();
                used.extend(inputs.map(|id| id.0));
            }
        }
        let mut places = HashMap::from([(NodeId::INPUT, NodeId::INPUT)]);
        let mut nodes: Vec<FloatNode> = Vec::new();
        let mut names = HashSet::from([INPUT_NAME.to_owned(), String::new()]);
        for (index, draft) in self.drafts.0.into_iter().enumerate() {
            let Draft {
                mut node,
                rectified,
                ..
            } = draft;
            if !used.contains(&index) {
                continue;
            }
            if matches!(node.op, FloatOp::Conv(_)) && !rectified {
                return Err(ImportError::new(
                    format!("node {:?}", node.name),
                    "has no Relu behind it",
                    "activations are unsigned in the engine, so every Conv needs a Relu",
                ));
            }
            // Exporters may name several nodes alike, or not at all.
            let own = node.name.clone();
            for number in 2.. {
                if names.insert(node.name.clone()) {
                    break;
                }
                node.name = format!("{own}_{number}");
            }
            for id in &mut node.inputs {
                *id = places.get(id).copied().unwrap_or(NodeId::INPUT);
            }
            places.insert(NodeId(index), NodeId(nodes.len()));
            nodes.push(node);
        }
        let normalise = self.affine.map(|(scale, shift)| Normalise {
            mean: std::array::from_fn(|i| (-shift[i] / scale[i]) as f32),
            std: scale.map(|s| (1.0 / s) as f32),
        });
        if normalise.is_some_and(|n| !n.is_valid()) {
            return Err(ImportError::new(
                "the graph",
                "scales its input by a number that is not positive",
                "leave the normalisation out of the graph and give it with --mean and --std",
            ));
        }
        Ok(Lowered {
            nodes,
            size: self.size,
            normalise,
            pads: self.pads,
            channels: self.channels,
            order: None,
            labels: Vec::new(),
            torchvision: self.torchvision,
            sigmoid: self.sigmoid,
            map: false,
            notes: self.notes,
        })
    }
}

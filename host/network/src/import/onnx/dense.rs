//! What stands at the end: a convolution without ReLU whose map is summed, and a fully connected
//! layer behind the mean over all pixels, which is the same as a 1x1 convolution before it.

use ndarray::Array4;

use super::attributes::{Attributes, place};
use super::lower::Lowering;
use super::proto::Node;
use super::tensor;
use super::values::Value;
use crate::float::{FloatConv, FloatOp};
use crate::graph::{NodeId, Shape};
use crate::import::ImportError;
use crate::validate::MAX_CHANNELS;

impl<'a> Lowering<'a> {
    /// Lets a convolution that is about to be summed do without ReLU, if it has none.
    pub fn open(&mut self, id: usize) {
        if let Some(draft) = self.drafts.0.get_mut(id)
            && let FloatOp::Conv(conv) = &mut draft.node.op
            && !draft.rectified
            && draft.raw_readers == 0
        {
            conv.relu = false;
            // There is no ReLU to come.
            (draft.rectified, draft.open) = (true, true);
        }
    }

    /// Puts a sum behind the map that the graph ends with; the engine sends the map with it.
    pub fn end_with(&mut self, id: usize) -> Result<(), ImportError> {
        self.open(id);
        let draft = &self.drafts.0[id];
        let place = format!("node {:?}", draft.node.name);
        if !draft.rectified {
            return Err(ImportError::new(
                place,
                "has no Relu behind it, and is no convolution of its own",
                "the map that a graph ends with may be that of a Conv without Relu; put a Relu behind \
                 others",
            ));
        }
        let own = match draft.node.op {
            FloatOp::Conv(_) => draft.node.inputs.first() != Some(&NodeId::INPUT),
            ref op => matches!(op, FloatOp::Add),
        };
        let shape = draft.shape;
        let mut end = id;
        if !own {
            let same = FloatConv {
                stride: 1,
                pad: 0,
                weights: crate::cut::diagonal(shape.channels),
                bias: vec![0.0; shape.channels],
                relu: true,
            };
            let inputs = vec![NodeId(id)];
            end = self
                .drafts
                .push("output".into(), FloatOp::Conv(same), inputs, shape);
            self.drafts.0[end].rectified = true;
        }
        let sum = Shape {
            height: 1,
            width: 1,
            ..shape
        };
        let inputs = vec![NodeId(end)];
        self.drafts
            .push("output/sum".into(), FloatOp::Global, inputs, sum);
        Ok(())
    }

    /// Whether a node's first or second input are the scores.
    pub fn is_score(&self, node: &Node) -> bool {
        let score =
            |name: &String| matches!(self.values.get(name.as_str()), Some(Value::Scores { .. }));
        node.inputs.iter().take(2).any(score)
    }

    /// A fully connected layer over the means: Gemm, or MatMul.
    pub fn dense(
        &mut self,
        node: &'a Node,
        attributes: &mut Attributes,
    ) -> Result<Value<'a>, ImportError> {
        let scores = self.input(node, 0)?;
        if !matches!(scores, Value::Scores { done: false, .. }) {
            return Err(self.unknown(node));
        }
        attributes.expect("transA", 0, "weights as the second factor")?;
        let turned = attributes.int("transB", 0) != 0;
        for name in ["alpha", "beta"] {
            let factor = attributes.float(name, 1.0);
            if factor != 1.0 {
                return Err(attributes.refuse(
                    format!("has {name} {factor}"),
                    "weights and biases that are taken as they are (1)",
                ));
            }
        }
        let (shape, values) = tensor::floats(self.constant(node, 1)?)?;
        let &[a, b] = shape.as_slice() else {
            return Err(attributes.refuse(
                format!("has weights of shape {shape:?}"),
                "weights of inputs and outputs",
            ));
        };
        let (inputs, outputs) = if turned { (b, a) } else { (a, b) };
        let bias = match node.inputs.get(2).filter(|name| !name.is_empty()) {
            Some(_) => self.dense_values(node, 2, outputs)?,
            None => vec![0.0; outputs],
        };
        let global = self.drafts.0.pop();
        let source = global.and_then(|draft| draft.node.inputs.first().copied());
        let map = source.and_then(|id| self.drafts.0.get(id.0));
        let Some((source, map)) = source.zip(map) else {
            return Err(self.unknown(node));
        };
        if matches!(&map.node.op, FloatOp::Conv(conv) if !conv.relu) {
            return Err(ImportError::new(
                place(node),
                format!("follows the mean of {:?}, which has no Relu", map.node.name),
                "activations are unsigned in the engine; put a Relu behind that Conv",
            ));
        }
        if map.shape.channels != inputs || !(1..=MAX_CHANNELS).contains(&outputs) {
            return Err(attributes.refuse(
                format!(
                    "has weights for {inputs} inputs and {outputs} outputs behind the mean of {} \
                     channels",
                    map.shape.channels
                ),
                "as many inputs as there are",
            ));
        }
        let (height, width) = (map.shape.height, map.shape.width);
        let weights = Array4::from_shape_fn((outputs, 1, 1, inputs), |(o, _, _, i)| {
            values[if turned {
                o * inputs + i
            } else {
                i * outputs + o
            }]
        });
        let conv = FloatConv {
            stride: 1,
            pad: 0,
            weights,
            bias,
            relu: false,
        };
        let output = Shape {
            height,
            width,
            channels: outputs,
        };
        let label = super::ops::name(node);
        let id = self
            .drafts
            .push(label.clone(), FloatOp::Conv(conv), vec![source], output);
        self.drafts.0[id].rectified = true;
        let mean = Shape {
            height: 1,
            width: 1,
            channels: outputs,
        };
        self.drafts.push(
            format!("{label}/mean"),
            FloatOp::Global,
            vec![NodeId(id)],
            mean,
        );
        Ok(Value::Scores {
            rank: Some(2),
            axis: 1,
            done: false,
        })
    }

    /// An addition behind MatMul.
    pub fn dense_bias(&mut self, node: &'a Node) -> Result<Value<'a>, ImportError> {
        let (scores, index) = match (self.input(node, 0)?, self.input(node, 1)?) {
            (scores @ Value::Scores { done: false, .. }, Value::Constant(_)) => (scores, 1),
            (Value::Constant(_), scores @ Value::Scores { done: false, .. }) => (scores, 0),
            _ => return Err(self.unknown(node)),
        };
        let Some(source) = self.drafts.0.last().map(|d| d.node.inputs.clone()) else {
            return Err(self.unknown(node));
        };
        let outputs = self.drafts.0.last().map_or(0, |d| d.shape.channels);
        let more = self.dense_values(node, index, outputs)?;
        let conv = source
            .first()
            .and_then(|id| self.drafts.0.get_mut(id.0))
            .map(|draft| &mut draft.node.op);
        match conv {
            Some(FloatOp::Conv(conv)) if !conv.relu => {
                let biases = conv.bias.iter_mut().zip(more);
                biases.for_each(|(bias, more)| *bias += more);
                Ok(scores)
            }
            _ => Err(self.unknown(node)),
        }
    }

    /// A constant of one value an output.
    fn dense_values(
        &self,
        node: &Node,
        index: usize,
        outputs: usize,
    ) -> Result<Vec<f32>, ImportError> {
        let (shape, values) = tensor::floats(self.constant(node, index)?)?;
        if values.len() == outputs && shape.iter().filter(|&&side| side != 1).count() <= 1 {
            return Ok(values);
        }
        Err(ImportError::new(
            place(node),
            format!("input {index} has the shape {shape:?}"),
            format!("it must have one value for each of {outputs} outputs"),
        ))
    }

    /// A Sigmoid over the scores keeps their order.
    pub fn sigmoid(&mut self, node: &'a Node) -> Result<Value<'a>, ImportError> {
        let Value::Scores {
            rank,
            axis,
            done: false,
        } = self.input(node, 0)?
        else {
            return Err(self.unknown(node));
        };
        self.sigmoid = true;
        self.notes.push(
            "The network ends with a Sigmoid: each class has a probability of its own, which the \
             packed model keeps (format version 5)."
                .to_owned(),
        );
        Ok(Value::Scores {
            rank,
            axis,
            done: true,
        })
    }

    /// Zeros around the picture.
    pub fn pad(
        &mut self,
        node: &'a Node,
        attributes: &mut Attributes,
    ) -> Result<Value<'a>, ImportError> {
        if !matches!(self.input(node, 0)?, Value::Picture) || !self.drafts.0.is_empty() {
            return Err(self.unknown(node));
        }
        let mode = attributes.string("mode").unwrap_or("constant").to_owned();
        let filled = attributes.float("value", 0.0);
        let given = match attributes.ints("pads") {
            Some(pads) => pads.to_vec(),
            None => tensor::ints(self.constant(node, 1)?)?,
        };
        let filled = match node.inputs.get(2).filter(|name| !name.is_empty()) {
            Some(_) => tensor::floats(self.constant(node, 2)?)?.1,
            None => vec![filled],
        };
        let pads = match given[..] {
            [0, 0, top, left, 0, 0, bottom, right] => [top, left, bottom, right]
                .map(|pad| usize::try_from(pad).ok().filter(|&pad| pad <= 16)),
            _ => [None; 4],
        };
        match pads {
            [Some(top), Some(left), Some(bottom), Some(right)]
                if mode == "constant" && filled.iter().all(|&v| v == 0.0) =>
            {
                let pads = [top, left, bottom, right];
                self.pads = std::array::from_fn(|side| self.pads[side] + pads[side]);
                Ok(Value::Picture)
            }
            _ => Err(attributes.refuse(
                format!("pads the picture by {given:?} with {filled:?} in mode {mode:?}"),
                "up to 16 zeros around rows and columns",
            )),
        }
    }
}

//! A graph of ONNX's operators that another format is translated into: what there is to say about
//! operators is then said in one place.

use ndarray::Array4;

use super::export::{int, ints, tensor};
use super::lower::{self, Lowered};
use super::proto::{Attribute, Dim, FLOAT, Graph, Node, TensorShape, TensorType, Type, ValueInfo};
use crate::import::ImportError;

/// Version of the operators that are sketched.
const OPSET: i64 = 13;

/// A graph that is being drawn. Values have names, as in ONNX; a node's output has the node's.
#[derive(Default)]
pub struct Sketch {
    graph: Graph,
}

impl Sketch {
    /// The picture: channels, height, width, where they are known.
    pub fn picture(&mut self, name: &str, channels: usize, sides: [Option<usize>; 2]) {
        let dim = |n: Option<usize>| Dim {
            value: n.map(|n| n as i64),
            name: None,
        };
        let dims = vec![dim(None), dim(Some(channels)), dim(sides[0]), dim(sides[1])];
        self.graph.inputs.push(ValueInfo {
            name: name.to_owned(),
            kind: Some(Type {
                tensor: Some(TensorType {
                    element: FLOAT,
                    shape: Some(TensorShape { dims }),
                }),
            }),
        });
    }

    /// Gives the picture another name, for what stands between it and the graph.
    pub fn rename_picture(&mut self, name: &str) {
        for input in &mut self.graph.inputs {
            input.name = name.to_owned();
        }
    }

    /// Whether there is a picture.
    pub fn has_picture(&self) -> bool {
        !self.graph.inputs.is_empty()
    }

    /// An operator; its output bears its name.
    pub fn node(&mut self, op: &str, name: &str, inputs: &[&str], attributes: Vec<Attribute>) {
        self.graph.nodes.push(Node {
            name: name.to_owned(),
            op: op.to_owned(),
            inputs: inputs.iter().map(|&i| i.to_owned()).collect(),
            outputs: vec![name.to_owned()],
            attributes,
            domain: String::new(),
        });
    }

    /// A constant.
    pub fn constant(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let constant = tensor(name.to_owned(), shape, values);
        self.graph.initializers.push(constant);
    }

    /// A convolution. `kernel` is row, column, input, output.
    pub fn conv(
        &mut self,
        name: &str,
        input: &str,
        kernel: &Array4<f32>,
        bias: Option<&[f32]>,
        window: Vec<Attribute>,
    ) {
        let (weight, biases) = (format!("{name}.w"), format!("{name}.b"));
        let turned = kernel.view().permuted_axes([3, 2, 0, 1]);
        let values: Vec<f32> = turned.iter().copied().collect();
        self.constant(&weight, turned.shape(), &values);
        let mut inputs = vec![input, &weight];
        if let Some(bias) = bias {
            self.constant(&biases, &[bias.len()], bias);
            inputs.push(&biases);
        }
        self.node("Conv", name, &inputs, window);
    }

    /// The network, with `output` for the scores.
    pub fn lower(
        mut self,
        output: &str,
        size: Option<[usize; 2]>,
        default: [usize; 2],
    ) -> Result<Lowered, ImportError> {
        self.graph.outputs = vec![ValueInfo {
            name: output.to_owned(),
            kind: None,
        }];
        lower::lower(&self.graph, OPSET, size, default)
    }
}

/// A whole number.
pub fn number(name: &str, value: usize) -> Attribute {
    int(name, value as i64)
}

/// Several.
pub fn numbers(name: &str, values: &[usize]) -> Attribute {
    ints(name, values)
}

/// A decimal number.
pub fn decimal(name: &str, value: f32) -> Attribute {
    Attribute {
        name: name.to_owned(),
        float: value,
        kind: 1,
        ..Attribute::default()
    }
}

/// A word.
pub fn word(name: &str, value: &str) -> Attribute {
    Attribute {
        name: name.to_owned(),
        string: value.to_owned().into_bytes().into(),
        kind: 3,
        ..Attribute::default()
    }
}

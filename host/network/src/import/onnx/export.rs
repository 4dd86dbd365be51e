//! Writes a float network as an ONNX model: what tests import, and other programs run.

use ndarray::ArrayView4;
use prost::Message;

use super::proto::{
    Attribute, Dim, FLOAT, Graph, Model, Node, Opset, Tensor, TensorShape, TensorType, Type,
    ValueInfo,
};
use crate::float::{FloatNetwork, FloatOp};
use crate::graph::NodeId;

/// Opset of the models that are written.
const OPSET: i64 = 13;

/// A model of input `data` (n x 3 x height x width, normalised pixels) and output `scores`.
#[must_use]
pub fn write(network: &FloatNetwork) -> Vec<u8> {
    model(network).encode_to_vec()
}

/// The same before it is encoded.
pub(super) fn model(network: &FloatNetwork) -> Model {
    let name = |id: &NodeId| match *id {
        NodeId::INPUT => "data".to_owned(),
        NodeId(i) => network.nodes[i].name.clone(),
    };
    let mut graph = Graph {
        name: network.name.clone(),
        inputs: vec![picture(network.input.height, network.input.width)],
        ..Graph::default()
    };
    for node in &network.nodes {
        let inputs: Vec<String> = node.inputs.iter().map(name).collect();
        let mut add = |op: &str, inputs: Vec<String>, output: &str, attributes| {
            graph.nodes.push(Node {
                name: output.to_owned(),
                op: op.to_owned(),
                inputs,
                outputs: vec![output.to_owned()],
                attributes,
                domain: String::new(),
            });
        };
        match &node.op {
            FloatOp::Conv(conv) => {
                let raw = format!("{}.conv", node.name);
                let (weight, bias) = (format!("{}.w", node.name), format!("{}.b", node.name));
                let (kernel, stride, pad) = (conv.weights.dim().1, conv.stride, conv.pad);
                let attributes = vec![
                    ints("kernel_shape", &[kernel; 2]),
                    ints("strides", &[stride; 2]),
                    ints("pads", &[pad; 4]),
                ];
                let inputs = [inputs, vec![weight.clone(), bias.clone()]].concat();
                if conv.relu {
                    add("Conv", inputs, &raw, attributes);
                    add("Relu", vec![raw], &node.name, Vec::new());
                } else {
                    add("Conv", inputs, &node.name, attributes);
                }
                let turned = conv.weights.view().permuted_axes([0, 3, 1, 2]);
                graph.initializers.push(weights(weight, turned));
                graph
                    .initializers
                    .push(tensor(bias, &[conv.bias.len()], &conv.bias));
            }
            FloatOp::MaxPool(pool) => {
                let attributes = vec![
                    ints("kernel_shape", &[pool.kernel(); 2]),
                    ints("strides", &[2; 2]),
                    int("ceil_mode", pool.ceil.into()),
                ];
                add("MaxPool", inputs, &node.name, attributes);
            }
            FloatOp::Concat => add("Concat", inputs, &node.name, vec![int("axis", 1)]),
            FloatOp::Add => add("Add", inputs, &node.name, Vec::new()),
            FloatOp::Global => {
                add("GlobalAveragePool", inputs, &node.name, Vec::new());
                add("Flatten", vec![node.name.clone()], "scores", Vec::new());
            }
        }
    }
    graph.outputs = vec![ValueInfo {
        name: "scores".into(),
        kind: None,
    }];
    Model {
        ir_version: 8,
        graph: Some(graph),
        opsets: vec![Opset {
            domain: String::new(),
            version: OPSET,
        }],
    }
}

fn picture(height: usize, width: usize) -> ValueInfo {
    let size = |n: usize| Dim {
        value: Some(n as i64),
        name: None,
    };
    let batch = Dim {
        value: None,
        name: Some("n".into()),
    };
    ValueInfo {
        name: "data".into(),
        kind: Some(Type {
            tensor: Some(TensorType {
                element: FLOAT,
                shape: Some(TensorShape {
                    dims: vec![batch, size(3), size(height), size(width)],
                }),
            }),
        }),
    }
}

pub(super) fn int(name: &str, value: i64) -> Attribute {
    Attribute {
        name: name.into(),
        int: value,
        kind: 2,
        ..Attribute::default()
    }
}

pub(super) fn ints(name: &str, values: &[usize]) -> Attribute {
    Attribute {
        name: name.into(),
        ints: values.iter().map(|&v| v as i64).collect(),
        kind: 7,
        ..Attribute::default()
    }
}

pub(super) fn tensor(name: String, shape: &[usize], values: &[f32]) -> Tensor {
    let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    Tensor {
        name,
        dims: shape.iter().map(|&d| d as i64).collect(),
        data_type: FLOAT,
        raw: raw.into(),
        ..Tensor::default()
    }
}

fn weights(name: String, values: ArrayView4<f32>) -> Tensor {
    let flat: Vec<f32> = values.iter().copied().collect();
    tensor(name, values.shape(), &flat)
}

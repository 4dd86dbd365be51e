//! Constants that a node holds as plain numbers in place of a tensor.

use super::proto::{FLOAT, INT64, Node, Tensor};

/// The attributes that may hold them.
pub const PLAIN: [&str; 4] = ["value_float", "value_floats", "value_int", "value_ints"];

/// The tensor that a Constant of plain numbers stands for; none for any other node.
pub fn tensor(node: &Node) -> Option<Tensor> {
    if node.op != "Constant" {
        return None;
    }
    let attribute = node
        .attributes
        .iter()
        .find(|a| PLAIN.contains(&a.name.as_str()))?;
    let one_axis = |length: usize| vec![length as i64];
    let empty = Tensor {
        name: node.outputs.first().cloned().unwrap_or_default(),
        ..Tensor::default()
    };
    Some(match attribute.name.as_str() {
        "value_float" => Tensor {
            data_type: FLOAT,
            floats: vec![attribute.float],
            ..empty
        },
        "value_floats" => Tensor {
            data_type: FLOAT,
            dims: one_axis(attribute.floats.len()),
            floats: attribute.floats.clone(),
            ..empty
        },
        "value_int" => Tensor {
            data_type: INT64,
            ints: vec![attribute.int],
            ..empty
        },
        _ => Tensor {
            data_type: INT64,
            dims: one_axis(attribute.ints.len()),
            ints: attribute.ints.clone(),
            ..empty
        },
    })
}

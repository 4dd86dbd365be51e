//! Operators that leave the order of the classes as it is: they are dropped.

use super::attributes::{Attributes, place};
use super::lower::Lowering;
use super::proto::Node;
use super::tensor;
use super::values::Value;
use crate::import::ImportError;

impl<'a> Lowering<'a> {
    /// Dropout and Identity.
    pub fn pass(
        &mut self,
        node: &'a Node,
        attributes: &mut Attributes,
    ) -> Result<Value<'a>, ImportError> {
        for name in ["ratio", "seed", "is_test"] {
            attributes.ignore(name);
        }
        // From opset 12 on, the third input of a Dropout says whether it is active.
        let training = node.inputs.get(2).is_some_and(|name| {
            let active = match self.values.get(name.as_str()) {
                Some(Value::Constant(t)) => tensor::is_true(t),
                _ => true,
            };
            !name.is_empty() && active
        });
        if training {
            return Err(ImportError::new(
                place(node),
                "is active: the model was exported for training",
                "export it for inference (model.eval())",
            ));
        }
        self.input(node, 0)
    }

    /// Channels turned last, as Keras has them, and back.
    pub fn transpose(
        &mut self,
        node: &'a Node,
        attributes: &mut Attributes,
    ) -> Result<Value<'a>, ImportError> {
        let perm = attributes.ints("perm");
        match (self.input(node, 0)?, perm) {
            (Value::Map { id, stage }, Some([0, 2, 3, 1])) => Ok(Value::Last { id, stage }),
            (Value::Last { id, stage }, Some([0, 3, 1, 2])) => Ok(Value::Map { id, stage }),
            (Value::Sizes | Value::Constant(_), _) => Ok(Value::Sizes),
            _ => Err(self.unknown(node)),
        }
    }

    /// Flatten, Reshape and Squeeze of the scores.
    pub fn reshape(
        &mut self,
        node: &'a Node,
        attributes: &mut Attributes,
    ) -> Result<Value<'a>, ImportError> {
        for name in ["allowzero", "axes", "shape"] {
            attributes.ignore(name);
        }
        let axis = attributes.int("axis", 1);
        match self.input(node, 0)? {
            Value::Scores {
                done, axis: own, ..
            } => {
                let rank = match node.op.as_str() {
                    "Flatten" if axis == 1 => Some(2),
                    "Reshape" => match node.inputs.get(1).map(|n| self.values.get(n.as_str())) {
                        Some(Some(Value::Constant(t))) => Some(tensor::ints(t)?.len()),
                        _ => None,
                    },
                    _ => None,
                };
                // Of one picture's scores only the order of the classes counts.
                let axis = if rank.is_some_and(|r| r <= 2) { 1 } else { own };
                Ok(Value::Scores { rank, axis, done })
            }
            Value::Sizes | Value::Constant(_) => Ok(Value::Sizes),
            Value::Picture | Value::Map { .. } | Value::Last { .. } | Value::Nothing => {
                Err(ImportError::new(
                    place(node),
                    "changes the shape of a feature map",
                    "shapes may change behind the mean over all pixels only; a fully connected layer \
                 on a map cannot be run",
                ))
            }
        }
    }

    /// Softmax over the classes keeps their order, and the program computes its own.
    pub fn softmax(
        &mut self,
        node: &'a Node,
        attributes: &mut Attributes,
    ) -> Result<Value<'a>, ImportError> {
        // Before opset 13 it takes all axes from 1 on together.
        let axis = attributes.int("axis", if self.opset < 13 { 1 } else { -1 });
        match self.input(node, 0)? {
            Value::Scores {
                done: false,
                rank,
                axis: classes,
            } => {
                let classes = classes as i64;
                let fits = match rank {
                    // As many as a shape says that the graph computes.
                    None => axis == classes || axis == -1,
                    Some(rank) => axis == classes || axis + rank as i64 == classes,
                };
                if fits {
                    return Ok(Value::Scores {
                        rank,
                        axis: classes as usize,
                        done: true,
                    });
                }
                let axes = rank.map_or(String::new(), |rank| format!(" of {rank}"));
                Err(attributes.refuse(
                    format!("runs along axis {axis}{axes}, which is not the classes'"),
                    format!("Softmax over the classes (axis {classes})"),
                ))
            }
            _ => Err(attributes.refuse(
                "does not come behind the mean over all pixels, or comes twice".into(),
                "one Softmax at the end",
            )),
        }
    }
}

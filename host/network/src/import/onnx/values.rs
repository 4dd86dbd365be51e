//! What the names in an ONNX graph stand for, and the float nodes made of them so far.

use super::proto::Tensor;
use crate::float::{FloatConv, FloatNode, FloatOp};
use crate::graph::{NodeId, Shape};

/// What a name stands for.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    /// The picture, perhaps normalised by the graph itself.
    Picture,
    /// A feature map; at `stage` of its node.
    Map { id: usize, stage: u32 },
    /// The same turned around, with its channels last.
    Last { id: usize, stage: u32 },
    /// What a convolution without outputs makes, of which pruning has left nothing.
    Nothing,
    /// One value a class, behind the mean over all pixels; with how many axes, and along which of
    /// them the classes lie.
    Scores {
        rank: Option<usize>,
        axis: usize,
        done: bool,
    },
    /// A constant tensor.
    Constant(&'a Tensor),
    /// Sizes that a graph computes for its own `Reshape`.
    Sizes,
}

/// A float node while the graph is read. A BatchNormalization or ReLU behind a convolution
/// changes the node itself, so that its output has stages.
pub struct Draft {
    pub node: FloatNode,
    pub shape: Shape,
    /// Whether no value can be negative.
    pub rectified: bool,
    /// Whether it is the sum of a bypass that may do without ReLU.
    pub sum: bool,
    /// Whether it was read without a ReLU that may no longer come.
    pub open: bool,
    /// How often the node was changed.
    pub stage: u32,
    /// Readers that took it as it was before its ReLU.
    pub raw_readers: usize,
}

/// The float nodes made so far.
#[derive(Default)]
pub struct Drafts(pub Vec<Draft>);

impl Drafts {
    /// Adds a node; it is rectified if all its inputs are, unless it is a convolution.
    pub fn push(&mut self, name: String, op: FloatOp, inputs: Vec<NodeId>, shape: Shape) -> usize {
        let keeps = !matches!(op, FloatOp::Conv(_));
        let mut rectified = keeps;
        let read = |id: &NodeId| self.0.get(id.0).is_some_and(|draft| draft.open);
        let open = keeps && inputs.iter().any(read);
        for id in &inputs {
            if let Some(draft) = self.0.get_mut(id.0)
                && !draft.rectified
            {
                draft.raw_readers += 1;
                rectified = false;
            }
        }
        self.0.push(Draft {
            node: FloatNode { name, op, inputs },
            shape,
            rectified,
            sum: false,
            open,
            stage: 0,
            raw_readers: 0,
        });
        self.0.len() - 1
    }

    /// The value of a node as it is now.
    pub fn value<'a>(&self, id: usize) -> Value<'a> {
        let stage = self.0.get(id).map_or(0, |d| d.stage);
        Value::Map { id, stage }
    }

    /// The convolution of a node, if nothing has seen its output yet.
    pub fn fresh_conv(&mut self, id: usize) -> Option<&mut FloatConv> {
        let draft = self.0.get_mut(id)?;
        match &mut draft.node.op {
            FloatOp::Conv(conv) if !draft.rectified && draft.raw_readers == 0 => {
                draft.stage += 1;
                Some(conv)
            }
            _ => None,
        }
    }

    /// Lets sums of bypasses do without ReLU, alone or pooled or concatenated: nothing else may.
    /// Whether that is all that the node is.
    pub fn open_sums(&mut self, id: usize) -> bool {
        let mut parts = vec![id];
        let mut at = 0;
        while let Some(&part) = parts.get(at) {
            at += 1;
            let draft = &self.0[part];
            match draft.node.op {
                _ if draft.rectified => {}
                FloatOp::Conv(_) if draft.sum => {}
                FloatOp::MaxPool(_) | FloatOp::Concat => {
                    parts.extend(draft.node.inputs.iter().map(|id| id.0));
                }
                _ => return false,
            }
        }
        for part in parts {
            let draft = &mut self.0[part];
            if !draft.rectified {
                (draft.rectified, draft.open) = (true, true);
                if let FloatOp::Conv(conv) = &mut draft.node.op {
                    conv.relu = false;
                }
            }
        }
        true
    }

    /// Puts a ReLU behind a node. One behind a concatenation or a pool belongs to the
    /// convolutions in it, where it gives the same. The error names a node for which it does not.
    pub fn rectify(&mut self, id: usize) -> Result<(), String> {
        // Its own readers, and then those of its parts: one, which is the way that led here.
        let mut open = vec![(id, 0)];
        while let Some((id, readers)) = open.pop() {
            let draft = &mut self.0[id];
            if draft.open {
                return Err(draft.node.name.clone());
            }
            if draft.rectified {
                continue;
            }
            if draft.raw_readers != readers || matches!(draft.node.op, FloatOp::Add) {
                return Err(draft.node.name.clone());
            }
            draft.rectified = true;
            draft.stage += 1;
            for input in draft.node.inputs.clone() {
                if input.0 < id && !matches!(self.0[id].node.op, FloatOp::Conv(_)) {
                    open.push((input.0, 1));
                }
            }
        }
        Ok(())
    }
}

//! Additions of maps that have no ReLU yet, as of a bypass with a convolution: what is added becomes
//! part of one convolution over both inputs, whose weights are those of both ways side by side.

use ndarray::{Array4, s};

use super::attributes::place;
use super::lower::Lowering;
use super::ops::name;
use super::proto::Node;
use super::values::Value;
use crate::float::{FloatConv, FloatOp};
use crate::graph::{NodeId, Shape};
use crate::import::ImportError;
use crate::validate::MAX_CHANNELS;

/// One side of an addition.
enum Side {
    /// A map as it is.
    Map(usize),
    /// Convolutions without ReLU that nothing else reads; several are the parts of a module.
    Convs(Vec<usize>),
}

/// What a map contributes to some outputs.
struct Share {
    source: NodeId,
    /// Output, row, column, input.
    weights: Array4<f32>,
    bias: Vec<f32>,
}

impl Share {
    /// With its kernel in the middle of a larger one.
    fn widened(self, kernel: usize) -> Share {
        let (outputs, own, _, inputs) = self.weights.dim();
        if own == kernel {
            return self;
        }
        let mut weights = Array4::zeros((outputs, kernel, kernel, inputs));
        let middle = kernel / 2..kernel / 2 + own;
        weights
            .slice_mut(s![.., middle.clone(), middle, ..])
            .assign(&self.weights);
        Share { weights, ..self }
    }
}

impl<'a> Lowering<'a> {
    /// The sum of two maps, at least one of which has no ReLU behind it.
    pub fn weighted_bypass(
        &mut self,
        node: &'a Node,
        [a, b]: [usize; 2],
        shape: Shape,
    ) -> Result<Value<'a>, ImportError> {
        let (left, right) = (self.side(node, a)?, self.side(node, b)?);
        let parts = match (&left, &right) {
            (Side::Convs(parts), _) if parts.len() > 1 => parts.clone(),
            (_, Side::Convs(parts)) if parts.len() > 1 => parts.clone(),
            _ => vec![a],
        };
        let mut start = 0;
        let mut made = Vec::new();
        for &part in &parts {
            let channels = self.drafts.0[part].shape.channels;
            let range = start..start + channels;
            start += channels;
            let shares = [
                self.share(node, &left, part, &range)?,
                self.share(node, &right, part, &range)?,
            ];
            let label = match parts.len() {
                1 => name(node),
                _ => format!("{}/{}", name(node), self.drafts.0[part].node.name),
            };
            let part = Shape { channels, ..shape };
            made.push(self.sum_of(node, label, shares, part)?);
        }
        let id = match made[..] {
            [only] => only,
            _ => {
                let inputs = made.iter().map(|&id| NodeId(id)).collect();
                self.drafts.push(name(node), FloatOp::Concat, inputs, shape)
            }
        };
        Ok(self.drafts.value(id))
    }

    fn side(&self, node: &Node, id: usize) -> Result<Side, ImportError> {
        let draft = &self.drafts.0[id];
        if draft.rectified {
            return Ok(Side::Map(id));
        }
        // One reader of a part is the concatenation itself.
        let free = |id: usize, readers: usize| {
            let draft = &self.drafts.0[id];
            let inner = draft.node.inputs.first() != Some(&NodeId::INPUT);
            let fits = match &draft.node.op {
                FloatOp::Conv(conv) => {
                    let kernel = conv.weights.dim().1;
                    matches!((kernel, conv.stride, conv.pad), (1, 1, 0) | (3, 1, 1))
                }
                _ => false,
            };
            fits && inner && !draft.rectified && draft.raw_readers == readers
        };
        let parts: Vec<usize> = match &draft.node.op {
            FloatOp::Conv(_) if free(id, 0) => vec![id],
            FloatOp::Concat if draft.raw_readers == 0 => {
                draft.node.inputs.iter().map(|id| id.0).collect()
            }
            _ => Vec::new(),
        };
        match parts.is_empty() || parts.len() > 1 && !parts.iter().all(|&id| free(id, 1)) {
            false => Ok(Side::Convs(parts)),
            true => Err(ImportError::new(
                place(node),
                format!("adds {:?}, which has no Relu behind it", draft.node.name),
                "a map without Relu can be added if it is that of a 1x1 Conv without padding, of a \
                 3x3 Conv padded by 1, or of a module of these, and if nothing else reads it",
            )),
        }
    }

    /// What one side gives to the outputs in `range`, which are those of `part` where the sides have
    /// several.
    fn share(
        &self,
        node: &Node,
        side: &Side,
        part: usize,
        range: &std::ops::Range<usize>,
    ) -> Result<Share, ImportError> {
        let (conv, range) = match side {
            Side::Map(id) => {
                let channels = self.drafts.0[*id].shape.channels;
                let mut weights = Array4::zeros((range.len(), 1, 1, channels));
                for (output, input) in range.clone().enumerate() {
                    weights[(output, 0, 0, input)] = 1.0;
                }
                return Ok(Share {
                    source: NodeId(*id),
                    weights,
                    bias: vec![0.0; range.len()],
                });
            }
            Side::Convs(convs) => match convs[..] {
                [only] => (only, range.clone()),
                _ if convs.contains(&part) => (part, 0..range.len()),
                _ => {
                    return Err(ImportError::new(
                        place(node),
                        "adds two modules, neither of which has a Relu behind it",
                        "put a Relu behind one of them",
                    ));
                }
            },
        };
        let draft = &self.drafts.0[conv];
        match (&draft.node.op, draft.node.inputs.first()) {
            (FloatOp::Conv(conv), Some(&source)) => Ok(Share {
                source,
                weights: conv.weights.slice(s![range.clone(), .., .., ..]).to_owned(),
                bias: conv.bias[range].to_vec(),
            }),
            _ => Err(self.unknown(node)),
        }
    }

    /// One convolution in place of two and their sum.
    fn sum_of(
        &mut self,
        node: &Node,
        label: String,
        shares: [Share; 2],
        shape: Shape,
    ) -> Result<usize, ImportError> {
        let kernels = shares.iter().map(|share| share.weights.dim().1);
        let kernel = kernels.max().unwrap_or(1);
        let [first, second] = shares.map(|share| share.widened(kernel));
        let bias = first.bias.iter().zip(&second.bias).map(|(a, b)| a + b);
        let bias = bias.collect();
        let (source, weights) = match first.source == second.source {
            true => (first.source, first.weights + second.weights),
            false => {
                let both = [first.weights.view(), second.weights.view()];
                let joined = ndarray::concatenate(ndarray::Axis(3), &both);
                let joined = joined
                    .map_err(|e| ImportError::new(place(node), e.to_string(), "export it again"))?;
                let inputs = vec![first.source, second.source];
                (self.both(node, inputs, shape)?, joined)
            }
        };
        let conv = FloatConv {
            stride: 1,
            pad: kernel / 2,
            weights,
            bias,
            relu: true,
        };
        let id = self
            .drafts
            .push(label, FloatOp::Conv(conv), vec![source], shape);
        self.drafts.0[id].sum = true;
        Ok(id)
    }

    /// The concatenation of two maps, for the convolution over both; the parts of a module share it.
    fn both(
        &mut self,
        node: &Node,
        inputs: Vec<NodeId>,
        shape: Shape,
    ) -> Result<NodeId, ImportError> {
        let same = |draft: &super::values::Draft| {
            matches!(draft.node.op, FloatOp::Concat) && draft.node.inputs == inputs
        };
        if let Some(found) = self.drafts.0.iter().position(same) {
            return Ok(NodeId(found));
        }
        let channels = inputs.iter().map(|id| self.drafts.0[id.0].shape.channels);
        let channels = channels.sum();
        if channels > MAX_CHANNELS {
            return Err(ImportError::new(
                place(node),
                format!("adds what {channels} channels together give"),
                format!("at most {MAX_CHANNELS} channels may be read at a time"),
            ));
        }
        let label = format!("{}/both", name(node));
        let shape = Shape { channels, ..shape };
        let id = self.drafts.push(label, FloatOp::Concat, inputs, shape);
        Ok(NodeId(id))
    }
}

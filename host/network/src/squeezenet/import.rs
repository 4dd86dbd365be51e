//! From layers of float weights to the float network.

use std::collections::BTreeMap;

use super::{Fire, Row, SqueezeNet};
use crate::float::{FloatConv, FloatNetwork, FloatNode, FloatOp};
use crate::graph::{NodeId, Pool};
use crate::pickle::Layer;

/// Why layers do not make the network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("layer {layer:?}: {reason}; are these this network's weights?")]
pub struct ImportError {
    /// Name of the layer.
    pub layer: String,
    /// What does not fit.
    pub reason: String,
}

impl SqueezeNet {
    /// The float network with weights by layer; `mean` is taken off the raw pixels, blue first.
    pub fn float(
        &self,
        layers: &BTreeMap<String, Layer>,
        mean: [f32; 3],
    ) -> Result<FloatNetwork, ImportError> {
        let mut builder = Builder {
            layers,
            nodes: Vec::new(),
            last: NodeId::INPUT,
            channels: 3,
        };
        for row in self.rows() {
            match row {
                Row::Conv {
                    name,
                    kernel,
                    stride,
                    pad,
                    outputs,
                } => builder.conv(name, (kernel, stride, pad), outputs)?,
                Row::Pool { name, ceil } => {
                    let pool = FloatOp::MaxPool(Pool { ceil });
                    builder.node(name, pool, vec![builder.last]);
                }
                Row::Fire { name, fire } => builder.fire(&name, fire)?,
            }
        }
        builder.node("logits".into(), FloatOp::GlobalMean, vec![builder.last]);
        let used = builder
            .nodes
            .iter()
            .filter(|n| matches!(n.op, FloatOp::Conv(_)))
            .count();
        if used != layers.len() {
            return Err(ImportError {
                layer: "all".into(),
                reason: format!(
                    "the network has {used} convolutions, the file {}",
                    layers.len()
                ),
            });
        }
        Ok(FloatNetwork {
            name: self.name.clone(),
            input: self.input(),
            mean,
            nodes: builder.nodes,
        })
    }
}

struct Builder<'a> {
    layers: &'a BTreeMap<String, Layer>,
    nodes: Vec<FloatNode>,
    last: NodeId,
    channels: usize,
}

impl Builder<'_> {
    fn node(&mut self, name: String, op: FloatOp, inputs: Vec<NodeId>) {
        self.last = NodeId(self.nodes.len());
        self.nodes.push(FloatNode { name, op, inputs });
    }

    fn conv(
        &mut self,
        name: String,
        (kernel, stride, pad): (usize, usize, usize),
        outputs: usize,
    ) -> Result<(), ImportError> {
        let fail = |reason: String| ImportError {
            layer: name.clone(),
            reason,
        };
        let layer = self
            .layers
            .get(&name)
            .ok_or_else(|| fail("is missing".into()))?;
        let expected = (kernel, kernel, self.channels, outputs);
        if layer.kernel.dim() != expected {
            return Err(fail(format!(
                "its kernel has the shape {:?}, must be {expected:?}",
                layer.kernel.dim()
            )));
        }
        let weights = layer.kernel.view().permuted_axes([3, 0, 1, 2]);
        let weights = weights.as_standard_layout().into_owned();
        let conv = FloatConv {
            stride,
            pad,
            weights,
            bias: layer.bias.clone(),
        };
        self.node(name, FloatOp::Conv(conv), vec![self.last]);
        self.channels = outputs;
        Ok(())
    }

    fn fire(&mut self, name: &str, fire: Fire) -> Result<(), ImportError> {
        self.conv(format!("{name}/squeeze1x1"), (1, 1, 0), fire.squeeze)?;
        let squeezed = self.last;
        self.conv(format!("{name}/expand1x1"), (1, 1, 0), fire.expand1)?;
        let left = self.last;
        (self.last, self.channels) = (squeezed, fire.squeeze);
        self.conv(format!("{name}/expand3x3"), (3, 1, 1), fire.expand3)?;
        let concat = format!("{name}/concat");
        self.node(concat, FloatOp::Concat, vec![left, self.last]);
        self.channels = fire.outputs();
        Ok(())
    }
}

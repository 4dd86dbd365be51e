//! From layers of float weights to the float network.

use std::collections::BTreeMap;

use super::{Fire, Row, SqueezeNet};
use crate::float::{FloatConv, FloatNetwork, FloatNode, FloatOp};
use crate::graph::{Input, NodeId, Normalise, Pool};
use crate::import::Layer;

/// Why layers do not form the network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("layer {layer:?}: {reason}; are these this network's weights?")]
pub struct TableError {
    /// Name of the layer.
    pub layer: String,
    /// What does not fit.
    pub reason: String,
}

impl SqueezeNet {
    /// The float network with weights by layer, for an input and its normalisation.
    ///
    /// # Errors
    ///
    /// If a layer is missing, superfluous, or of another shape.
    pub fn float(
        &self,
        layers: &BTreeMap<String, Layer>,
        input: Input,
        normalise: Normalise,
    ) -> Result<FloatNetwork, TableError> {
        let mut builder = Builder {
            layers,
            nodes: Vec::new(),
            last: NodeId::INPUT,
            // Three, or one of grey pictures.
            channels: layers.get("conv1").map_or(3, |l| match l.kernel.dim().2 {
                1 => 1,
                _ => 3,
            }),
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
                    let pool = FloatOp::MaxPool(Pool::three(ceil));
                    builder.node(name, pool, vec![builder.last]);
                }
                Row::Fire { name, fire, bypass } => {
                    let input = builder.last;
                    builder.fire(&name, fire)?;
                    if bypass {
                        let parts = vec![input, builder.last];
                        builder.node(format!("{name}/bypass"), FloatOp::Add, parts);
                    }
                }
            }
        }
        builder.node("logits".into(), FloatOp::Global, vec![builder.last]);
        let used = builder
            .nodes
            .iter()
            .filter(|n| matches!(n.op, FloatOp::Conv(_)))
            .count();
        if used != layers.len() {
            return Err(TableError {
                layer: "all".into(),
                reason: format!(
                    "the network has {used} convolutions, the file {}",
                    layers.len()
                ),
            });
        }
        Ok(FloatNetwork {
            name: self.name.clone(),
            input,
            normalise,
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
    ) -> Result<(), TableError> {
        let fail = |reason: String| TableError {
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
            relu: true,
        };
        self.node(name, FloatOp::Conv(conv), vec![self.last]);
        self.channels = outputs;
        Ok(())
    }

    fn fire(&mut self, name: &str, fire: Fire) -> Result<(), TableError> {
        self.conv(format!("{name}/squeeze1x1"), (1, 1, 0), fire.squeeze)?;
        let squeezed = self.last;
        let mut parts = Vec::new();
        for (part, shape, outputs) in [
            ("expand1x1", (1, 1, 0), fire.expand1),
            ("expand3x3", (3, 1, 1), fire.expand3),
        ] {
            // Of pruned networks one of the two may have nothing left.
            if outputs > 0 {
                (self.last, self.channels) = (squeezed, fire.squeeze);
                self.conv(format!("{name}/{part}"), shape, outputs)?;
                parts.push(self.last);
            }
        }
        if parts.len() != 1 {
            self.node(format!("{name}/concat"), FloatOp::Concat, parts);
        }
        self.channels = fire.outputs();
        Ok(())
    }
}

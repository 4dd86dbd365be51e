//! The table of SqueezeNet v1.1 (Iandola et al. 2016, and its v1.1 revision).

use std::collections::BTreeMap;

use crate::float::{FloatConv, FloatNetwork, FloatNode, FloatOp};
use crate::graph::{Input, NodeId, PixelOrder, Pool, ResizePolicy};
use crate::pickle::Layer;

/// Number of ImageNet classes.
pub const CLASSES: usize = 1000;

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// A convolution with ReLU.
    Conv {
        /// Name of the layer.
        name: &'static str,
        /// Square kernel.
        kernel: usize,
        /// Stride.
        stride: usize,
        /// Output channels.
        outputs: usize,
    },
    /// Max-pool 3x3/2 in ceil mode.
    Pool(&'static str),
    /// Squeeze 1x1, then expand 1x1 and 3x3 (padded by 1) side by side.
    Fire {
        /// Name of the module.
        name: &'static str,
        /// Channels between.
        squeeze: usize,
        /// Output channels of each expand convolution.
        expand: usize,
    },
}

/// SqueezeNet v1.1 from the picture to the last feature map; the global mean follows.
pub const V1_1: [Row; 13] = [
    Row::Conv {
        name: "conv1",
        kernel: 3,
        stride: 2,
        outputs: 64,
    },
    Row::Pool("pool1"),
    Row::Fire {
        name: "fire2",
        squeeze: 16,
        expand: 64,
    },
    Row::Fire {
        name: "fire3",
        squeeze: 16,
        expand: 64,
    },
    Row::Pool("pool3"),
    Row::Fire {
        name: "fire4",
        squeeze: 32,
        expand: 128,
    },
    Row::Fire {
        name: "fire5",
        squeeze: 32,
        expand: 128,
    },
    Row::Pool("pool5"),
    Row::Fire {
        name: "fire6",
        squeeze: 48,
        expand: 192,
    },
    Row::Fire {
        name: "fire7",
        squeeze: 48,
        expand: 192,
    },
    Row::Fire {
        name: "fire8",
        squeeze: 64,
        expand: 256,
    },
    Row::Fire {
        name: "fire9",
        squeeze: 64,
        expand: 256,
    },
    Row::Conv {
        name: "conv10",
        kernel: 1,
        stride: 1,
        outputs: CLASSES,
    },
];

/// Why layers do not make the network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("layer {layer:?}: {reason}; are these SqueezeNet v1.1 weights?")]
pub struct ImportError {
    /// Name of the layer.
    pub layer: String,
    /// What does not fit.
    pub reason: String,
}

/// SqueezeNet v1.1 with pretrained weights: blue first, mean (104, 117, 123).
pub fn v1_1(layers: &BTreeMap<String, Layer>) -> Result<FloatNetwork, ImportError> {
    let mut builder = Builder {
        layers,
        nodes: Vec::new(),
        last: NodeId::INPUT,
        channels: 3,
    };
    for row in V1_1 {
        match row {
            Row::Conv {
                name,
                kernel,
                stride,
                outputs,
            } => {
                builder.conv(name.into(), kernel, stride, 0, outputs)?;
            }
            Row::Pool(name) => {
                let pool = FloatOp::MaxPool(Pool { ceil: true });
                builder.node(name.into(), pool, vec![builder.last]);
            }
            Row::Fire {
                name,
                squeeze,
                expand,
            } => builder.fire(name, squeeze, expand)?,
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
        name: "squeezenet-v1.1".into(),
        input: Input {
            height: 224,
            width: 224,
            order: PixelOrder::Bgr,
            resize: ResizePolicy::Squash,
        },
        mean: [104.0, 117.0, 123.0],
        nodes: builder.nodes,
    })
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
        kernel: usize,
        stride: usize,
        pad: usize,
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

    fn fire(&mut self, name: &str, squeeze: usize, expand: usize) -> Result<(), ImportError> {
        self.conv(format!("{name}/squeeze1x1"), 1, 1, 0, squeeze)?;
        let squeezed = self.last;
        self.conv(format!("{name}/expand1x1"), 1, 1, 0, expand)?;
        let left = self.last;
        (self.last, self.channels) = (squeezed, squeeze);
        self.conv(format!("{name}/expand3x3"), 3, 1, 1, expand)?;
        self.node(
            format!("{name}/concat"),
            FloatOp::Concat,
            vec![left, self.last],
        );
        self.channels = 2 * expand;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array4;

    fn layers() -> BTreeMap<String, Layer> {
        let mut layers = BTreeMap::new();
        let mut add = |name: String, kernel: usize, inputs: usize, outputs: usize| {
            let kernel = Array4::zeros((kernel, kernel, inputs, outputs));
            layers.insert(
                name,
                Layer {
                    kernel,
                    bias: vec![0.0; outputs],
                },
            );
        };
        let mut channels = 3;
        for row in V1_1 {
            match row {
                Row::Conv {
                    name,
                    kernel,
                    outputs,
                    ..
                } => {
                    add(name.into(), kernel, channels, outputs);
                    channels = outputs;
                }
                Row::Pool(_) => {}
                Row::Fire {
                    name,
                    squeeze,
                    expand,
                } => {
                    add(format!("{name}/squeeze1x1"), 1, channels, squeeze);
                    add(format!("{name}/expand1x1"), 1, squeeze, expand);
                    add(format!("{name}/expand3x3"), 3, squeeze, expand);
                    channels = 2 * expand;
                }
            }
        }
        layers
    }

    #[test]
    fn the_table_gives_26_convolutions_and_the_known_number_of_weights() {
        let network = v1_1(&layers()).unwrap();
        let weights: usize = network
            .nodes
            .iter()
            .map(|node| match &node.op {
                FloatOp::Conv(c) => c.weights.len() + c.bias.len(),
                _ => 0,
            })
            .sum();
        assert_eq!(weights, 1_235_496); // torchvision's count for squeezenet1_1
        assert_eq!(network.nodes.len(), 26 + 3 + 8 + 1);
    }

    #[test]
    fn missing_wrong_and_surplus_layers_are_named() {
        let mut missing = layers();
        let layer = missing.remove("fire5/expand3x3").unwrap();
        assert!(
            v1_1(&missing)
                .unwrap_err()
                .to_string()
                .contains("fire5/expand3x3")
        );
        let mut wrong = layers();
        wrong.insert("conv1".into(), layer.clone());
        assert!(
            v1_1(&wrong)
                .unwrap_err()
                .to_string()
                .contains("must be (3, 3, 3, 64)")
        );
        let mut surplus = layers();
        surplus.insert("conv11".into(), layer);
        assert!(
            v1_1(&surplus)
                .unwrap_err()
                .to_string()
                .contains("26 convolutions, the file 27")
        );
    }
}

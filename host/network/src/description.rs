//! The network's description as it stands in a packed model: JSON, with the tensors beside it.

use serde::{Deserialize, Serialize};

use crate::graph::{Border, Conv, Input, Network, NodeId, PixelOrder, ResizePolicy, Scores};
use crate::op::Op;
use crate::validate::INPUT_NAME;

/// Newest version of the packed-model format that this program reads and writes. A network is
/// written in the oldest version that can hold it:
/// 1: convolutions, max-pools, concatenations;
/// 2: additions, and what was folded into the first convolution;
/// 3: weights without their zeros;
/// 4: a border around the picture, grey pictures;
/// 5: scores that are independent probabilities;
/// 6: max-pools of 2x2, and networks that end with a map.
pub const FORMAT_VERSION: u32 = 6;

/// First version in which weights may be without their zeros.
pub(crate) const SPARSE_VERSION: u32 = 3;

/// Version in which a network is written if its weights are with their zeros.
pub(crate) fn version_of(network: &Network) -> u32 {
    let input = &network.input;
    let pairs = |n: &crate::graph::Node| matches!(&n.op, Op::MaxPool(pool) if pool.pairs);
    if network.nodes.iter().any(pairs) || matches!(network.scores, Scores::Map { .. }) {
        return 6;
    }
    if network.scores != Scores::Softmax {
        return 5;
    }
    if !input.border.is_none() || input.order == PixelOrder::Grey {
        return 4;
    }
    let adds = network.nodes.iter().any(|n| matches!(n.op, Op::Add));
    if adds || network.normalise.is_some() {
        2
    } else {
        1
    }
}

/// Everything in the metadata. `network` stands behind the version so that a later version may
/// change it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Header {
    pub format_version: u32,
    pub content_sha256: String,
    pub network: Description,
}

/// The one field that every version has.
#[derive(Deserialize)]
pub(crate) struct VersionOnly {
    pub format_version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Description {
    pub name: String,
    pub input: InputDescription,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalise: Option<NormaliseDescription>,
    pub nodes: Vec<NodeDescription>,
    pub labels: Vec<String>,
    /// Of independent classes: what was added to all scores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sigmoid: Option<f32>,
    /// Of a network that ends with a map: what was added to all of its values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<f32>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InputDescription {
    pub height: usize,
    pub width: usize,
    pub order: OrderDescription,
    pub resize: ResizeDescription,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub border: Option<BorderDescription>,
}

/// Rows above, columns to the left, rows below, columns to the right, and their pixel.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BorderDescription {
    pub sides: [usize; 4],
    pub pixel: [u8; 3],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NormaliseDescription {
    pub mean: [f32; 3],
    pub std: [f32; 3],
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OrderDescription {
    Rgb,
    Bgr,
    Grey,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum ResizeDescription {
    Squash,
    CropCenter { short: usize },
}

#[derive(Serialize, Deserialize)]
pub(crate) struct NodeDescription {
    pub name: String,
    #[serde(flatten)]
    pub op: Op<ConvDescription>,
    pub inputs: Vec<String>,
}

/// A convolution's shape; its numbers are tensors of the file.
#[derive(Serialize, Deserialize)]
pub(crate) struct ConvDescription {
    pub kernel: usize,
    pub stride: usize,
    pub pad: usize,
    pub in_channels: usize,
    pub out_channels: usize,
}

impl ConvDescription {
    fn of(conv: &Conv) -> ConvDescription {
        ConvDescription {
            kernel: conv.kernel,
            stride: conv.stride,
            pad: conv.pad,
            in_channels: conv.in_channels(),
            out_channels: conv.out_channels(),
        }
    }
}

impl Description {
    /// Describes a network whose inputs refer to existing nodes.
    pub(crate) fn of(network: &Network) -> Description {
        let name_of = |id: &NodeId| match *id {
            NodeId::INPUT => INPUT_NAME.to_owned(),
            NodeId(i) => network
                .nodes
                .get(i)
                .map_or_else(|| format!("#{i}"), |n| n.name.clone()),
        };
        Description {
            name: network.name.clone(),
            input: InputDescription {
                height: network.input.height,
                width: network.input.width,
                order: match network.input.order {
                    PixelOrder::Rgb => OrderDescription::Rgb,
                    PixelOrder::Bgr => OrderDescription::Bgr,
                    PixelOrder::Grey => OrderDescription::Grey,
                },
                resize: match network.input.resize {
                    ResizePolicy::Squash => ResizeDescription::Squash,
                    ResizePolicy::CropCenter { short } => ResizeDescription::CropCenter { short },
                },
                border: Some(network.input.border)
                    .filter(|border| !border.is_none())
                    .map(|b| BorderDescription {
                        sides: [b.top, b.left, b.bottom, b.right],
                        pixel: b.pixel,
                    }),
            },
            normalise: network.normalise.map(|n| NormaliseDescription {
                mean: n.mean,
                std: n.std,
            }),
            nodes: network
                .nodes
                .iter()
                .map(|node| NodeDescription {
                    name: node.name.clone(),
                    op: node.op.map(ConvDescription::of),
                    inputs: node.inputs.iter().map(name_of).collect(),
                })
                .collect(),
            labels: network.labels.clone(),
            sigmoid: match network.scores {
                Scores::Sigmoid { raised } => Some(raised),
                Scores::Softmax | Scores::Map { .. } => None,
            },
            map: match network.scores {
                Scores::Map { raised } => Some(raised),
                Scores::Softmax | Scores::Sigmoid { .. } => None,
            },
        }
    }
}

impl InputDescription {
    pub(crate) fn to_input(&self) -> Input {
        Input {
            height: self.height,
            width: self.width,
            order: match self.order {
                OrderDescription::Rgb => PixelOrder::Rgb,
                OrderDescription::Bgr => PixelOrder::Bgr,
                OrderDescription::Grey => PixelOrder::Grey,
            },
            resize: match self.resize {
                ResizeDescription::Squash => ResizePolicy::Squash,
                ResizeDescription::CropCenter { short } => ResizePolicy::CropCenter { short },
            },
            border: self.border.as_ref().map_or(Border::NONE, |b| {
                let [top, left, bottom, right] = b.sides;
                Border {
                    top,
                    left,
                    bottom,
                    right,
                    pixel: b.pixel,
                }
            }),
        }
    }
}

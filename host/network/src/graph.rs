//! Quantised network graph: a list of nodes in topological order, each fed by earlier ones.

use firebrick_spec::arith::{self, Requant};
use ndarray::Array4;

use crate::op::{self, Convolution};
pub use crate::op::{NodeId, Pool, Shape, ShapeError, Windows};

/// Order of the three colour channels in the input tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelOrder {
    /// Red first.
    Rgb,
    /// Blue first (Caffe).
    Bgr,
    /// All three the brightness, as Pillow's `convert("L")` has it; the network reads the first.
    Grey,
}

/// How a picture of any size becomes the network's input size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResizePolicy {
    /// Scale both axes independently to the input size, bilinear.
    Squash,
    /// Scale the shorter side to `short`, bilinear, then cut the middle.
    CropCenter {
        /// Length of the shorter side after scaling.
        short: usize,
    },
}

/// Normalisation of the raw pixels of a float network: `(pixel - mean) / std` for each channel, in
/// the input's channel order. Quantising folds it into the first convolution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalise {
    /// Value that is subtracted, in units of a u8 pixel (0 to 255).
    pub mean: [f32; 3],
    /// Divisor, in units of a u8 pixel; positive.
    pub std: [f32; 3],
}

impl Normalise {
    /// Raw pixels.
    pub const NONE: Normalise = Normalise {
        mean: [0.0; 3],
        std: [1.0; 3],
    };

    /// This normalisation followed by `next`: `((pixel - mean) / std - mean') / std'`.
    #[must_use]
    pub fn then(&self, next: &Normalise) -> Normalise {
        Normalise {
            mean: std::array::from_fn(|c| self.mean[c] + next.mean[c] * self.std[c]),
            std: std::array::from_fn(|c| self.std[c] * next.std[c]),
        }
    }

    /// The first part of a normalisation of which `last` is the second.
    #[must_use]
    pub fn before(&self, last: &Normalise) -> Normalise {
        let std: [f32; 3] = std::array::from_fn(|c| self.std[c] / last.std[c]);
        Normalise {
            mean: std::array::from_fn(|c| self.mean[c] - last.mean[c] * std[c]),
            std,
        }
    }

    /// Whether the values suit pixels from 0 to 1 rather than from 0 to 255.
    #[must_use]
    pub fn takes_units(&self) -> bool {
        let units = |(&mean, &std): (&f32, &f32)| {
            (0.0..=1.0).contains(&mean) && (std < 1.0 || mean > 0.0 && std == 1.0)
        };
        self.mean.iter().zip(&self.std).all(units)
    }

    /// Whether all values are finite and every deviation is positive.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.mean.iter().all(|m| m.is_finite())
            && self.std.iter().all(|s| s.is_normal() && *s > 0.0)
    }
}

/// The input that the network expects: raw u8 pixels with three channels. The mean that a float
/// network subtracts and the deviation that it divides by are folded into the first convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input {
    /// Default height, in pixels.
    pub height: usize,
    /// Default width, in pixels.
    pub width: usize,
    /// Channel order.
    pub order: PixelOrder,
    /// How a picture is scaled to the input size.
    pub resize: ResizePolicy,
    /// What is put around the picture; part of height and width.
    pub border: Border,
}

impl Input {
    /// Height and width of the picture within an input of `height` x `width`.
    #[must_use]
    pub fn inner(&self, [height, width]: [usize; 2]) -> [usize; 2] {
        let Border {
            top,
            left,
            bottom,
            right,
            ..
        } = self.border;
        [
            height.saturating_sub(top + bottom),
            width.saturating_sub(left + right),
        ]
    }
}

/// Pixels that the host puts around a picture, since the window unit does not pad: those of a first
/// convolution's padding, and those that only weights of 0 see, where its kernel was put into a
/// larger one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Border {
    /// Rows above.
    pub top: usize,
    /// Columns to the left.
    pub left: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the right.
    pub right: usize,
    /// The pixel, in the input's order of channels: the nearest to what normalises to 0.
    pub pixel: [u8; 3],
}

impl Border {
    /// Widest border.
    pub const MAX: usize = 16;

    /// No border.
    pub const NONE: Border = Border {
        top: 0,
        left: 0,
        bottom: 0,
        right: 0,
        pixel: [0; 3],
    };

    /// The same border with the pixel of another normalisation; black if there is none.
    #[must_use]
    pub fn of(self, normalise: &Normalise) -> Border {
        match self.is_none() {
            true => Border::NONE,
            false => Border {
                pixel: normalise.mean.map(|m| m.round().clamp(0.0, 255.0) as u8),
                ..self
            },
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        [self.top, self.left, self.bottom, self.right] == [0; 4]
    }
}

/// A convolution with ReLU and requantisation to u8.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv {
    /// Square kernel: 1, 3 or 7.
    pub kernel: usize,
    /// Stride along both axes, in pixels.
    pub stride: usize,
    /// Zero padding on every side, in pixels.
    pub pad: usize,
    /// Weights as `[output channel][kernel row][kernel column][input channel]`, within ±127.
    pub weights: Array4<i8>,
    /// Requantisation, one entry per output channel.
    pub requant: Vec<Requant>,
    /// Real value of one step of the output (for reports; no arithmetic uses it).
    pub output_scale: f32,
}

impl Conv {
    /// Number of output channels.
    #[must_use]
    pub fn out_channels(&self) -> usize {
        self.weights.dim().0
    }

    /// Number of input channels.
    #[must_use]
    pub fn in_channels(&self) -> usize {
        self.weights.dim().3
    }

    /// Number of output rows or columns, along an axis of `n` pixels, whose windows contain part of
    /// the map. The windows of all others contain only padding.
    #[must_use]
    pub fn inner_len(&self, n: usize) -> usize {
        let outputs = arith::conv_len(n, self.kernel, self.stride, self.pad).unwrap_or(0);
        let meets = |o: &usize| {
            let start = o * self.stride;
            start + self.kernel > self.pad && start < n + self.pad
        };
        (0..outputs).filter(meets).count()
    }

    /// Useful multiply-accumulates over a map of `height` x `width` pixels: every kernel tap of
    /// every output, except for outputs whose windows contain only padding, and for padded
    /// channels.
    #[must_use]
    pub fn macs(&self, height: usize, width: usize) -> u64 {
        let outputs = self.inner_len(height) * self.inner_len(width) * self.out_channels();
        (outputs * self.kernel * self.kernel * self.in_channels()) as u64
    }

    /// Value of an output channel where its window contains only padding.
    #[must_use]
    pub fn border_value(&self, channel: usize) -> u8 {
        self.requant.get(channel).map_or(0, |r| r.apply(0))
    }
}

impl Convolution for Conv {
    fn windows(&self) -> Windows {
        Windows {
            kernel: self.kernel,
            stride: self.stride,
            pad: self.pad,
        }
    }

    fn in_channels(&self) -> usize {
        self.in_channels()
    }

    fn out_channels(&self) -> usize {
        self.out_channels()
    }
}

/// What a node of a quantised network computes.
pub type Op = op::Op<Conv>;

/// One node of a quantised network.
pub type Node = op::Node<Conv>;

/// What the scores of the classes say together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Scores {
    /// One class is right: their Softmax is the share of each.
    #[default]
    Softmax,
    /// Each class is right or not on its own (multi-label): its Sigmoid is its probability.
    Sigmoid {
        /// What was added to all scores, since maps hold nothing below 0; it is taken off first.
        raised: f32,
    },
    /// There are no classes: the map that the last node sums is what the network is for.
    Map {
        /// What was added to all values of the map, since it holds nothing below 0.
        raised: f32,
    },
}

/// A quantised network.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// For example `squeezenet-v1.1`.
    pub name: String,
    /// Input picture.
    pub input: Input,
    /// What was folded into the first convolution, if that is known. No arithmetic uses it.
    pub normalise: Option<Normalise>,
    /// Nodes in topological order; the last is [`Op::Global`].
    pub nodes: Vec<Node>,
    /// A label for each class.
    pub labels: Vec<String>,
    /// What the scores say together. No arithmetic of the engine uses it.
    pub scores: Scores,
}

impl Network {
    /// Number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.labels.len()
    }

    /// Shape of every node's output for an input of `height` x `width` pixels.
    ///
    /// # Errors
    /// The first node whose inputs do not fit it.
    pub fn shapes(&self, height: usize, width: usize) -> Result<Vec<Shape>, ShapeError> {
        op::shapes(&self.nodes, height, width)
    }

    /// Useful multiply-accumulates of one inference: those of [`Conv::macs`] over all layers.
    ///
    /// # Errors
    ///
    /// If a node does not fit its inputs.
    pub fn macs(&self, height: usize, width: usize) -> Result<u64, ShapeError> {
        let shapes = self.shapes(height, width)?;
        Ok(self
            .nodes
            .iter()
            .filter_map(|node| {
                let conv = node.op.conv()?;
                match *node.inputs.first()? {
                    NodeId::INPUT => Some(conv.macs(height, width)),
                    id => shapes.get(id.0).map(|s| conv.macs(s.height, s.width)),
                }
            })
            .sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;
    use rand::SeedableRng;

    /// Counts the outputs whose windows meet the map, tap by tap.
    fn counted(conv: &Conv, n: usize) -> usize {
        let outputs = arith::conv_len(n, conv.kernel, conv.stride, conv.pad).unwrap_or(0);
        (0..outputs)
            .filter(|o| {
                (0..conv.kernel).any(|k| (conv.pad..conv.pad + n).contains(&(o * conv.stride + k)))
            })
            .count()
    }

    #[test]
    fn normalisations_follow_each_other() {
        let first = Normalise {
            mean: [1.0, 2.0, 3.0],
            std: [2.0, 4.0, 8.0],
        };
        let second = Normalise {
            mean: [0.5, 0.25, -1.0],
            std: [0.5, 2.0, 4.0],
        };
        let both = first.then(&second);
        assert_eq!((both.mean, both.std), ([2.0, 3.0, -5.0], [1.0, 8.0, 32.0]));
        assert_eq!(both.before(&second), first);
        assert_eq!(both.before(&both), Normalise::NONE);
    }

    #[test]
    fn padding_alone_is_no_work() {
        let rng = &mut rand::rngs::SmallRng::seed_from_u64(1);
        for (kernel, stride, pad) in [(1, 1, 1), (3, 1, 1), (1, 1, 3), (3, 2, 4), (7, 2, 8)] {
            let conv = random::conv(rng, 2, 3, (kernel, stride, pad));
            for n in 1..20 {
                assert_eq!(
                    conv.inner_len(n),
                    counted(&conv, n),
                    "{kernel} {stride} {pad}"
                );
            }
        }
        let conv = random::conv(rng, 2, 3, (1, 1, 1));
        assert_eq!(conv.macs(13, 14), 13 * 14 * 2 * 3);
        assert_eq!(conv.border_value(2), conv.requant[2].apply(0));
    }
}

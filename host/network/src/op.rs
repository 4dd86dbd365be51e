//! The kinds of layer, once for all forms of a network: float, integer, packed in a file, or
//! prepared for a kernel. They differ in what a convolution carries and in nothing else.

use std::fmt;
use std::ops::Range;

use firebrick_spec::arith::{self, POOL_KERNEL, POOL_STRIDE};
use serde::{Deserialize, Serialize};

/// Index of a node in [`Network::nodes`](crate::graph::Network::nodes). The input picture is
/// [`NodeId::INPUT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub usize);

impl NodeId {
    /// The input picture.
    pub const INPUT: NodeId = NodeId(usize::MAX);
}

/// Height, width and channels of a feature map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels.
    pub channels: usize,
}

impl Shape {
    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Whether the map has no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The windows that a convolution reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Square kernel, in pixels.
    pub kernel: usize,
    /// Stride along both axes, in pixels.
    pub stride: usize,
    /// Zero padding on every side, in pixels.
    pub pad: usize,
}

impl Windows {
    /// Height and width of the convolution's output; none if the kernel does not fit.
    #[must_use]
    pub fn outputs(&self, height: usize, width: usize) -> Option<(usize, usize)> {
        let length = |length| arith::conv_len(length, self.kernel, self.stride, self.pad);
        Some((length(height)?, length(width)?))
    }
}

/// Max-pool with stride 2, of 3x3 or 2x2 pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Whether a last, partial window counts; of 2x2 pixels none does.
    pub ceil: bool,
    /// Whether the windows are 2x2.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pairs: bool,
}

impl Pool {
    /// Windows of 2x2.
    pub const PAIRS: Pool = Pool {
        ceil: false,
        pairs: true,
    };

    /// Windows of 3x3.
    #[must_use]
    pub fn three(ceil: bool) -> Pool {
        Pool { ceil, pairs: false }
    }

    /// Edge of a window, in pixels.
    #[must_use]
    pub fn kernel(self) -> usize {
        if self.pairs { 2 } else { POOL_KERNEL }
    }

    /// Whether the engine has to count windows of 3x3 that the edge cuts: they end where those of
    /// 2x2 do.
    #[must_use]
    pub fn counts_cut(self) -> bool {
        self.ceil || self.pairs
    }

    /// Pixels along one axis that a window reads, of a map of `size`.
    #[must_use]
    pub fn window(self, output: usize, size: usize) -> Range<usize> {
        let start = output * POOL_STRIDE;
        start..(start + self.kernel()).min(size)
    }

    /// Height and width of the pool's output; none if no window fits.
    #[must_use]
    pub fn outputs(&self, height: usize, width: usize) -> Option<(usize, usize)> {
        let length = |length: usize| match self.pairs {
            true => Some(length / POOL_STRIDE).filter(|&windows| windows > 0),
            false => arith::pool_len(length, self.ceil),
        };
        Some((length(height)?, length(width)?))
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kernel = self.kernel();
        write!(f, "{kernel}x{kernel}/{POOL_STRIDE}")
    }
}

/// What every form of a convolution knows of its shape.
pub trait Convolution {
    /// The windows that it reads.
    fn windows(&self) -> Windows;
    /// Channels of its input.
    fn in_channels(&self) -> usize;
    /// Channels of its output.
    fn out_channels(&self) -> usize;
}

/// What a node computes; `C` is what a convolution carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Op<C> {
    /// Convolution and ReLU; in the integer network also requantisation.
    Conv(C),
    /// Max-pool.
    MaxPool(Pool),
    /// Channel concatenation of its inputs, in order.
    Concat,
    /// Element-wise sum of two maps of one shape and scale, in the integer network clamped to
    /// 255: a bypass.
    Add,
    /// One value for each channel, the last node of every network: in the integer network the
    /// exact i32 sum over all pixels (a logit), in the float network the mean.
    #[serde(rename = "global_sum")]
    Global,
}

/// How many inputs an operation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// One.
    One,
    /// Two.
    Two,
    /// One or more.
    Many,
}

impl Arity {
    /// Whether it may have this many.
    ///
    /// # Errors
    /// A sentence that says how many it takes and has.
    pub fn check(self, count: usize) -> Result<(), String> {
        match (self, count) {
            (_, 0) => Err("has no input".into()),
            (Arity::One, 1) | (Arity::Two, 2) | (Arity::Many, _) => Ok(()),
            (Arity::One, n) => Err(format!("takes one input, has {n}")),
            (Arity::Two, n) => Err(format!("takes two inputs, has {n}")),
        }
    }
}

impl<C> Op<C> {
    /// How many inputs it takes.
    #[must_use]
    pub fn arity(&self) -> Arity {
        match self {
            Op::Conv(_) | Op::MaxPool(_) | Op::Global => Arity::One,
            Op::Add => Arity::Two,
            Op::Concat => Arity::Many,
        }
    }

    /// The convolution, if it is one.
    #[must_use]
    pub fn conv(&self) -> Option<&C> {
        match self {
            Op::Conv(conv) => Some(conv),
            _ => None,
        }
    }

    /// Whether it hands on the values of its inputs, and so their scale: everything that is no
    /// convolution but the [global sum](Op::Global).
    #[must_use]
    pub fn keeps_scale(&self) -> bool {
        matches!(self, Op::MaxPool(_) | Op::Concat | Op::Add)
    }

    /// The same operation in another form of the network.
    ///
    /// # Errors
    /// Those of `form`, which gives a convolution its other form.
    pub fn try_map<D, E>(&self, form: impl FnOnce(&C) -> Result<D, E>) -> Result<Op<D>, E> {
        Ok(match self {
            Op::Conv(conv) => Op::Conv(form(conv)?),
            Op::MaxPool(pool) => Op::MaxPool(*pool),
            Op::Concat => Op::Concat,
            Op::Add => Op::Add,
            Op::Global => Op::Global,
        })
    }

    /// As [`try_map`](Self::try_map), for a `form` that always succeeds.
    #[must_use]
    pub fn map<D>(&self, form: impl FnOnce(&C) -> D) -> Op<D> {
        match self.try_map(|conv| Ok::<D, std::convert::Infallible>(form(conv))) {
            Ok(op) => op,
        }
    }
}

impl<C: Convolution> Op<C> {
    /// Channels of the output, from those of each input.
    ///
    /// # Errors
    /// A sentence that says why these inputs do not fit.
    pub fn channels(&self, sources: &[usize]) -> Result<usize, String> {
        self.arity().check(sources.len())?;
        let first = sources[0];
        match self {
            Op::Conv(conv) if conv.in_channels() != first => Err(format!(
                "weights take {} channels, the input has {first}",
                conv.in_channels()
            )),
            Op::Conv(conv) => Ok(conv.out_channels()),
            Op::Concat => sources
                .iter()
                .try_fold(0usize, |sum, &channels| sum.checked_add(channels))
                .ok_or_else(|| "has too many channels".into()),
            Op::Add if sources.iter().any(|&channels| channels != first) => {
                Err("inputs differ in shape".into())
            }
            Op::MaxPool(_) | Op::Add | Op::Global => Ok(first),
        }
    }

    /// Shape of the output, from that of each input.
    ///
    /// # Errors
    /// A sentence that says why these inputs do not fit.
    pub fn shape(&self, sources: &[Shape]) -> Result<Shape, String> {
        let channels: Vec<usize> = sources.iter().map(|s| s.channels).collect();
        let channels = self.channels(&channels)?;
        let first = sources[0];
        let (height, width) = (first.height, first.width);
        let misfit = |what: &str| format!("{what} does not fit into {height}x{width} pixels");
        let same_size = sources
            .iter()
            .all(|s| (s.height, s.width) == (height, width));
        let (height, width) = match self {
            Op::Conv(conv) => {
                let windows = conv.windows();
                let kernel = windows.kernel;
                windows
                    .outputs(height, width)
                    .ok_or_else(|| misfit(&format!("a {kernel}x{kernel} kernel")))?
            }
            Op::MaxPool(pool) => pool
                .outputs(height, width)
                .ok_or_else(|| misfit(&format!("a {pool} pool")))?,
            Op::Concat if !same_size => return Err("inputs differ in height or width".into()),
            Op::Add if !same_size => return Err("inputs differ in shape".into()),
            Op::Concat | Op::Add => (height, width),
            Op::Global => (1, 1),
        };
        Ok(Shape {
            height,
            width,
            channels,
        })
    }
}

/// One node of a network's graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Node<C> {
    /// Unique name, as in `fire2/squeeze1x1`.
    pub name: String,
    /// The operation.
    pub op: Op<C>,
    /// Where its inputs come from: earlier nodes, or the picture; as many as the operation's
    /// [arity](Op::arity).
    pub inputs: Vec<NodeId>,
}

impl<C> Node<C> {
    /// The same node in another form of the network.
    #[must_use]
    pub fn map<D>(&self, form: impl FnOnce(&C) -> D) -> Node<D> {
        Node {
            name: self.name.clone(),
            op: self.op.map(form),
            inputs: self.inputs.clone(),
        }
    }
}

/// Why a graph has no valid shapes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("node {node:?}: {reason}")]
pub struct ShapeError {
    /// Name of the node.
    pub node: String,
    /// What does not fit.
    pub reason: String,
}

/// Shape of every node's output for a picture of `height` x `width` pixels.
pub(crate) fn shapes<C: Convolution>(
    nodes: &[Node<C>],
    height: usize,
    width: usize,
) -> Result<Vec<Shape>, ShapeError> {
    let picture = Shape {
        height,
        width,
        channels: 3,
    };
    let mut shapes: Vec<Shape> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let fail = |reason: String| ShapeError {
            node: node.name.clone(),
            reason,
        };
        let source = |id: &NodeId| match *id {
            NodeId::INPUT => Ok(picture),
            NodeId(i) => shapes
                .get(i)
                .copied()
                .ok_or_else(|| fail(format!("input {i} is not an earlier node"))),
        };
        let sources = node
            .inputs
            .iter()
            .map(source)
            .collect::<Result<Vec<_>, _>>()?;
        let shape = node.op.shape(&sources).map_err(fail)?;
        shapes.push(shape);
    }
    Ok(shapes)
}

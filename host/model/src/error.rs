//! What can go wrong when a model is built or run.

use crate::Kernel;
use firebrick_network::graph::ShapeError;

/// Why a network cannot be modelled, or a picture cannot be run through it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The network has no nodes, or does not end in a global sum.
    #[error("not a network: {0}")]
    Network(String),
    /// A node of the network is malformed.
    #[error("node {node:?}: {reason}")]
    Node {
        /// Name of the node.
        node: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The picture is too small for a layer.
    #[error("a picture of {height}x{width} pixels does not pass through the network: {source}")]
    Shape {
        /// Rows of the picture.
        height: usize,
        /// Columns of the picture.
        width: usize,
        /// The layer that it does not fit.
        source: ShapeError,
    },
    /// The picture has the wrong number of channels.
    #[error("the picture has {found} channels, the network takes 3")]
    Channels {
        /// Channels of the picture.
        found: usize,
    },
    /// The picture has no pixels.
    #[error("the picture is empty ({height}x{width} pixels)")]
    Empty {
        /// Rows of the picture.
        height: usize,
        /// Columns of the picture.
        width: usize,
    },
    /// The picture is so large that sums or memory would overflow.
    #[error("a picture of {height}x{width} pixels is too large: {reason}")]
    TooLarge {
        /// Rows of the picture.
        height: usize,
        /// Columns of the picture.
        width: usize,
        /// Which limit it exceeds.
        reason: String,
    },
    /// The processor lacks the instructions of the kernel asked for.
    #[error("this processor has no {0}; pick one of Kernel::available()")]
    Kernel(Kernel),
}

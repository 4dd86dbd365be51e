//! Why a network cannot be compiled for a configuration.

use firebrick_network::graph::ShapeError;
use firebrick_spec::fields::FieldOverflow;
use firebrick_spec::resources::MemoryKind;

/// A network (or a picture size) that this configuration cannot run. Every message names the
/// node, the limit, and what would work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The graph has no valid shapes for this picture size.
    #[error("the network does not fit a picture of {height}x{width} pixels: {source}")]
    Shape {
        /// Picture height.
        height: usize,
        /// Picture width.
        width: usize,
        /// The node at fault.
        source: ShapeError,
    },
    /// The graph has a structure that the engine has no command for.
    #[error("node {node:?}: {what}; {hint}")]
    Structure {
        /// Name of the node.
        node: String,
        /// What the engine cannot do.
        what: String,
        /// What would work.
        hint: String,
    },
    /// The configuration is one that this scheduler does not know how to use.
    #[error("configuration {config:?}: {what}")]
    Config {
        /// Name of the configuration.
        config: String,
        /// What is not supported, and what is.
        what: String,
    },
    /// One of the engine's memories is too small.
    #[error(
        "node {node:?} needs {need} {unit} of the {memory}, configuration {config:?} has \
         {available}; {hint}"
    )]
    Memory {
        /// Name of the node.
        node: String,
        /// Name of the configuration.
        config: String,
        /// Which memory.
        memory: MemoryKind,
        /// What it is counted in.
        unit: &'static str,
        /// Number needed.
        need: usize,
        /// Number there is.
        available: usize,
        /// What would work.
        hint: String,
    },
    /// A layer's sums need more bits than the accumulators have.
    #[error(
        "node {node:?}: the sums of output channel {channel} need {need} bits, the accumulators of \
         configuration {config:?} have {available}; {hint}"
    )]
    Sums {
        /// Name of the node.
        node: String,
        /// Its output channel with the largest sums.
        channel: usize,
        /// Name of the configuration.
        config: String,
        /// Bits that hold every sum, signed.
        need: usize,
        /// Bits that there are.
        available: usize,
        /// What would work.
        hint: String,
    },
    /// A bias does not fit in 32 bits once it makes up for what the array takes from every activation.
    #[error(
        "node {node:?}, channel {channel}: the array multiplies x - 128, and the bias {bias} plus 128 \
         times the sum of the channel's weights{} does not fit in 32 bits; the importer refuses such \
         weights, so convert the network again",
        offset.map_or_else(String::new, |offset| format!(" ({offset})"))
    )]
    Bias {
        /// Name of the node.
        node: String,
        /// Output channel.
        channel: usize,
        /// Its bias in the network.
        bias: i32,
        /// 128 times the sum of its weights; `None` if sums of theirs can leave 32 bits by
        /// themselves.
        offset: Option<i32>,
    },
    /// A number is too large for the command encoding.
    #[error("node {node:?} needs a command that cannot be encoded: {source}")]
    Encoding {
        /// Name of the node.
        node: String,
        /// The field at fault.
        source: FieldOverflow,
    },
}

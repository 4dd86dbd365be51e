//! The network: its graph, the packed-model file, the importer's quantiser, and the way from a
//! picture file to the raw pixels that the engine takes.

#![warn(clippy::missing_errors_doc)]

pub mod calibration;
pub mod cut;
mod description;
mod file;
#[cfg(test)]
mod fixture;
pub mod float;
pub mod graph;
pub mod image;
pub mod import;
pub mod layers;
pub mod moments;
pub mod op;
pub mod pack;
pub mod pickle;
pub mod preprocess;
pub mod quantise;
pub mod random;
pub mod squeezenet;
pub mod sums;
pub mod tail;
pub mod validate;

pub use description::FORMAT_VERSION;
pub use graph::{
    Border, Conv, Input, Network, Node, NodeId, Normalise, Op, PixelOrder, ResizePolicy, Scores,
};
pub use image::{ImageError, Picture};
pub use op::{Arity, Convolution, Pool, Shape, Windows};
pub use pack::{PackError, PackErrorKind, builtin};
pub use preprocess::Preprocess;
pub use squeezenet::SqueezeNet;
pub use validate::InvalidNetwork;

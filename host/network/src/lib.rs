//! The network: its graph, the packed-model file, the importer's quantiser, and the way from a
//! picture file to the raw pixels that the engine takes.

pub mod graph;

pub use graph::{Conv, Input, Network, Node, NodeId, Op, PixelOrder, Pool, ResizePolicy, Shape};

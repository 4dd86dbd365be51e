//! Figures about a compiled network.

use firebrick_network::{NodeId, Shape};
use firebrick_spec::command::Command;
use std::ops::Range;

/// A record of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordInfo {
    /// The command.
    pub command: Command,
    /// Byte offset of the record in the transfer; its payload follows it.
    pub offset: usize,
}

/// A convolution or an addition as the engine runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerInfo {
    /// The node.
    pub node: NodeId,
    /// Its name.
    pub name: String,
    /// Number under which the engine keeps its statistics.
    pub layer: usize,
    /// Edge of its kernel, 1 for an addition.
    pub kernel: usize,
    /// What the engine computes: the output before a pool, without a border of constants.
    pub shape: Shape,
    /// Useful multiply-accumulates: none for an addition, whose weights are ones.
    pub macs: u64,
    /// Channel groups read, padding included; for the first convolution groups of taps.
    pub input_groups: usize,
    /// Channel groups written.
    pub output_groups: usize,
    /// Tiles, over all output groups.
    pub tiles: usize,
    /// Block records.
    pub records: usize,
    /// Cycles in which the array takes a vector for this layer.
    pub busy_cycles: u64,
    /// Bytes of weights sent, padding included.
    pub weight_bytes: usize,
}

/// A tile: consecutive pixels of one channel group, computed by records that follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileInfo {
    /// Index in [`Program::layers`](super::Program::layers).
    pub layer: usize,
    /// Channel group.
    pub group: usize,
    /// Pixels of [`LayerInfo::shape`] in raster order.
    pub pixels: Range<usize>,
    /// Its block records; the last one drains it.
    pub records: Range<usize>,
}

/// What the scheduler expects of the engine. `busy_cycles` is exact, `cycles` an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prediction {
    /// Cycles in which the array takes a vector.
    pub busy_cycles: u64,
    /// Estimate of all cycles, stalls included.
    pub cycles: u64,
    /// Useful multiply-accumulates.
    pub macs: u64,
    /// Multiply-accumulates that the array could do in a cycle.
    pub peak: u64,
    /// Words of the feature buffer in use.
    pub feature_words: usize,
}

impl Prediction {
    /// Useful multiply-accumulates over what the array could do in its busy cycles: the bound
    /// that padding leaves.
    #[must_use]
    pub fn bound(&self) -> f64 {
        self.macs as f64 / (self.busy_cycles * self.peak) as f64
    }

    /// Useful multiply-accumulates over what the array could do in all cycles.
    #[must_use]
    pub fn utilization(&self) -> f64 {
        self.macs as f64 / (self.cycles * self.peak) as f64
    }
}

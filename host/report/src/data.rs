//! What a report is made from. The same data stand in the page as JSON.

use std::collections::BTreeMap;

use firebrick::LayerQuantisation;
use schemars::JsonSchema;
use serde::Serialize;

/// All of a report.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Report {
    /// What was run: name and value, in order.
    pub run: Vec<(String, String)>,
    /// The figures in short.
    pub summary: Summary,
    /// The network's nodes, in topological order.
    pub nodes: Vec<Node>,
    /// What the engine computes, in order.
    pub layers: Vec<Layer>,
    /// One picture alone, and several that overlap.
    pub timelines: Vec<Timeline>,
    /// The feature buffer.
    pub memory: MemoryMap,
    /// Weights, and activations for the photograph.
    pub quantisation: Vec<LayerQuantisation>,
    /// Scores of the float model with those of the integers on the photograph, of classes from the
    /// best to the last; empty without a float model.
    pub scores: Vec<(f64, f64)>,
    /// Feature maps of the photograph; none without one.
    pub maps: Vec<Map>,
    /// Classes of the photograph, best first; none without one.
    pub classes: Vec<Class>,
    /// What the board's limits leave; none without a board.
    pub resources: Vec<Resource>,
}

/// The figures in short.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Summary {
    /// The network.
    pub network: String,
    /// The configuration.
    pub preset: String,
    /// Height of the input, in pixels.
    pub height: usize,
    /// Width of the input, in pixels.
    pub width: usize,
    /// Useful multiply-accumulates of a picture.
    pub macs: u64,
    /// Multiply-accumulates that the array can do in a cycle.
    pub mac_peak_per_cycle: u64,
    /// Bytes that the bus can carry in a cycle.
    pub bus_bytes: u64,
    /// Cycles of one picture alone.
    pub cycles: u64,
    /// Useful multiply-accumulates over what the array could do, one picture alone.
    pub utilization: f64,
    /// Cycles of each picture, back to back.
    pub cycles_per_image: f64,
    /// Bytes sent for a picture.
    pub dma_bytes_in: usize,
    /// Bytes received for a picture.
    pub dma_bytes_out: usize,
    /// Whether the weights stay in the engine.
    pub resident: bool,
    /// Share of all MAC-cycles by use, adding up to 1: `useful`, then the causes of idleness.
    pub account: Vec<(String, f64)>,
}

/// A node of the network.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// What it computes, as in `conv 3x3/2` or `concat`.
    pub kind: String,
    /// Height, width and channels of its output.
    pub shape: [usize; 3],
    /// Indices of the nodes that it reads; none for the picture.
    pub inputs: Vec<Option<usize>>,
}

/// A layer as the engine runs it.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Layer {
    /// Name of the node.
    pub name: String,
    /// Useful multiply-accumulates.
    pub macs: u64,
    /// All cycles that are booked for it.
    pub cycles: u64,
    /// Those in which the array takes a vector.
    pub busy_cycles: u64,
    /// `macs` over what the array could do in `cycles`.
    pub utilization: f64,
    /// Bytes that cross the bus for it: weights, parameters, rows of the picture.
    pub bus_bytes: u64,
    /// MAC-cycles by use: `useful`, and the causes of idleness.
    pub account: BTreeMap<String, u64>,
}

/// When each unit works, in bins of equal length.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Timeline {
    /// What it shows.
    pub title: String,
    /// All cycles.
    pub cycles: u64,
    /// Cycles of a bin; the last may be shorter.
    pub bin: u64,
    /// The array: cycles of each bin by what it does, `busy` and the causes of idleness.
    pub array: Vec<BTreeMap<String, u64>>,
    /// The layer that takes most of each bin, an index of [`Report::layers`].
    pub layer: Vec<Option<usize>>,
    /// Name, and busy cycles in each bin, of every other unit.
    pub units: Vec<(String, Vec<u64>)>,
    /// First and last cycle of each picture.
    pub pictures: Vec<(u64, u64)>,
}

/// The feature buffer over time.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct MemoryMap {
    /// Words of the buffer.
    pub words: u64,
    /// Bytes of a word.
    pub word_bytes: u64,
    /// Cycles of the whole picture.
    pub cycles: u64,
    /// What lies where.
    pub regions: Vec<Region>,
}

/// Words that a layer writes and later layers read.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Region {
    /// The layer that writes them.
    pub name: String,
    /// First word.
    pub from: u64,
    /// Word behind the last.
    pub to: u64,
    /// First cycle in which a pass whose results go there runs.
    pub written: u64,
    /// Last cycle in which a pass reads there before something else is written.
    pub read: u64,
}

/// A feature map.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Map {
    /// Name of the node.
    pub name: String,
    /// Height of the map.
    pub height: usize,
    /// Width of the map.
    pub width: usize,
    /// Channels.
    pub channels: usize,
    /// Every how many rows and columns one is shown.
    pub step: usize,
    /// Smallest, mean and largest value of the map.
    pub range: (u8, f64, u8),
    /// Rows of shown pixels, row, column, channel.
    #[serde(skip)]
    pub pixels: Vec<u8>,
}

/// A class.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Class {
    /// Its name.
    pub label: String,
    /// Its index.
    pub index: usize,
    /// Its share, by softmax.
    pub probability: f64,
    /// Its sum.
    pub sum: i32,
}

/// A resource of the board.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Resource {
    /// Its name.
    pub name: String,
    /// What the engine takes.
    pub used: u64,
    /// What the board has.
    pub available: u64,
    /// Share of it that can be used.
    pub limit: f64,
}

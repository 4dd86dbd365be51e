//! What the comparison comes to: which layers are wrong on their own, which value was wrong first,
//! which records computed it, and when.

use std::ops::Range;

use firebrick_driver::{ImageResult, Program, TileInfo};
use firebrick_model::{Activations, reference};
use firebrick_network::{Network, Node, NodeId, Op, Shape};
use firebrick_spec::command::Command;
use ndarray::{Array3, ArrayView3};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::compare::{Layer, Mismatch};
use super::units::{self, Unit};

/// Why a layer is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// It is not what the model computes from the engine's own inputs of the layer.
    Own,
    /// It is, and differs because its inputs do.
    Inherited,
}

impl Fault {
    pub fn name(self) -> &'static str {
        match self {
            Fault::Own => "own",
            Fault::Inherited => "inherited",
        }
    }
}

/// The value that was wrong first, in the order of the records.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Divergence {
    pub layer: String,
    #[serde(flatten)]
    pub value: Mismatch,
    /// Which values of the layer differ.
    pub rows: String,
    pub columns: String,
    pub channels: String,
    /// The record that drained the value's tile; none for what the engine does not compute.
    pub record: Option<usize>,
    /// The record in words.
    pub tile: Option<String>,
    /// Lane of the array that computed it; none of a class's sum, and of constants.
    pub lane: Option<usize>,
    /// Column of the lane.
    pub column: Option<usize>,
    /// The pass that completed it, in words.
    pub pass: Option<String>,
    /// Cycle in which the value left the simulated engine, counted as `--cycles` does.
    pub cycle: Option<u64>,
    /// First cycle in which it came to be, and that behind the last.
    pub cycles: Option<(u64, u64)>,
    /// Units of the engine in question: of those that all layers use which are wrong on their own,
    /// those that the fewest layers use which are right for what they were given.
    pub units: Vec<Unit>,
    /// Where in the layer values are wrong.
    pub wrong: Wrong,
}

/// Where in a layer values are wrong.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Wrong {
    /// Height of the layer's map.
    pub height: usize,
    /// Width of the layer's map.
    pub width: usize,
    /// Rows and columns of a cell.
    pub step: usize,
    /// Wrong values of each cell over all channels, by rows of cells.
    pub cells: Vec<Vec<u64>>,
    /// Wrong values of each channel.
    pub channels: Vec<u64>,
}

/// Most rows and columns of cells.
const CELLS: usize = 32;

impl Wrong {
    fn of(values: &[Mismatch], layer: &Layer) -> Wrong {
        let step = layer.height.max(layer.width).div_ceil(CELLS).max(1);
        let (rows, columns) = (layer.height.div_ceil(step), layer.width.div_ceil(step));
        let mut wrong = Wrong {
            height: layer.height,
            width: layer.width,
            step,
            cells: vec![vec![0; columns]; rows],
            channels: vec![0; layer.channels],
        };
        for value in values {
            wrong.cells[value.y / step][value.x / step] += 1;
            wrong.channels[value.c] += 1;
        }
        wrong
    }
}

/// When the beats of a result left a simulated engine, in cycles as `--cycles` counts them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// When the run began.
    pub begin: u64,
    /// Each beat of the packet.
    pub beats: Vec<u64>,
}

/// All that is known of one picture.
pub struct Case<'a> {
    pub network: &'a Network,
    pub program: &'a Program,
    pub picture: &'a Array3<u8>,
    pub got: &'a ImageResult,
    pub want: &'a Activations,
    pub sent: Option<&'a Sent>,
}

/// Cycles before and behind what is named, so that its cause is seen too.
const MARGIN: u64 = 256;

impl Case<'_> {
    fn map(&self, id: NodeId) -> Option<ArrayView3<'_, u8>> {
        if id == NodeId::INPUT {
            return Some(self.picture.view());
        }
        let found = self.got.maps.iter().find(|(node, _)| *node == id);
        found.map(|(_, map)| map.view())
    }

    /// Why each layer is wrong; none where nothing is.
    pub fn faults(&self, layers: &[Layer]) -> Vec<Option<Fault>> {
        let nodes = self.network.nodes.par_iter().zip(layers).enumerate();
        nodes
            .map(|(index, (node, layer))| {
                let exact = |id: &NodeId| layers.get(id.0).is_none_or(|l| l.mismatches == 0);
                let differs = layer.mismatches > 0;
                if node.inputs.iter().all(exact) {
                    return differs.then_some(Fault::Own);
                }
                match self.is_what_its_inputs_give(NodeId(index), node, layer) {
                    Some(false) => Some(Fault::Own),
                    _ => differs.then_some(Fault::Inherited),
                }
            })
            .collect()
    }

    /// Whether the engine's map is what the model makes of the engine's inputs; unknown if one of
    /// them did not come.
    fn is_what_its_inputs_give(&self, id: NodeId, node: &Node, layer: &Layer) -> Option<bool> {
        let inputs: Option<Vec<_>> = node.inputs.iter().map(|&id| self.map(id)).collect();
        let inputs = inputs?;
        let shape = Shape {
            height: layer.height,
            width: layer.width,
            channels: layer.channels,
        };
        let want = match &node.op {
            Op::Conv(conv) => reference::conv(conv, &inputs[0], shape),
            Op::MaxPool(pool) => reference::max_pool(&inputs[0], *pool, shape),
            Op::Concat => reference::concat(&inputs, shape),
            Op::Add => reference::add(&inputs[0], &inputs[1]),
            Op::Global => return Some(reference::global_sum(&inputs[0]) == self.got.logits),
        };
        Some(self.map(id)? == want)
    }

    /// The first wrong value of the first layer that is wrong on its own.
    pub fn divergence(&self, layers: &[Layer], faults: &[Option<Fault>]) -> Option<Divergence> {
        let index = faults.iter().position(|fault| *fault == Some(Fault::Own))?;
        let (id, layer) = (NodeId(index), &layers[index]);
        let values = self.mismatches(id, layer);
        let writer = |value: &Mismatch| self.program.writer(id, (value.y, value.x, value.c));
        let begins = |value: &&Mismatch| writer(value).map_or(0, |tile| tile.records.start);
        let value = *values.iter().min_by_key(begins)?;
        let tile = writer(&value);
        let axis = |of: fn(&Mismatch) -> usize, size| extent(values.iter().map(of), size);
        let window = tile.and_then(|tile| self.window(id, &value, tile));
        let place = self.program.place(id, (value.y, value.x, value.c));
        let pass = place.map(|place| {
            let (dy, dx) = place.tap;
            format!(
                "{n} of {n}, channel group {}, tap ({dy}, {dx})",
                place.group,
                n = place.passes
            )
        });
        Some(Divergence {
            layer: layer.layer.clone(),
            value,
            rows: axis(|v| v.y, layer.height),
            columns: axis(|v| v.x, layer.width),
            channels: axis(|v| v.c, layer.channels),
            record: tile.map(|tile| tile.records.end - 1),
            tile: tile.map(|tile| self.in_words(tile)),
            lane: place.map(|place| place.lane),
            column: place.map(|place| place.column),
            pass,
            cycle: window.as_ref().map(|(cycle, _)| *cycle),
            cycles: window.map(|(_, window)| (window.start, window.end)),
            units: units::suspects(
                self.network,
                self.program,
                faults,
                values.iter().all(|v| v.got.abs_diff(v.want) == 1),
            ),
            wrong: Wrong::of(&values, layer),
        })
    }

    /// All values of a map, or of the logits, that differ.
    fn mismatches(&self, id: NodeId, layer: &Layer) -> Vec<Mismatch> {
        let differs = |((y, x, c), got, want)| {
            let value = Mismatch { y, x, c, got, want };
            (got != want).then_some(value)
        };
        match (self.map(id), self.want.map(id)) {
            (Some(got), Some(want)) => got
                .indexed_iter()
                .zip(&want)
                .filter_map(|((at, &got), &want)| differs((at, got.into(), want.into())))
                .collect(),
            (None, None) => (0..layer.channels)
                .zip(self.got.logits.iter().zip(&self.want.logits))
                .filter_map(|(class, (&got, &want))| differs(((0, 0, class), got, want)))
                .collect(),
            _ => Vec::new(),
        }
    }

    fn in_words(&self, tile: &TileInfo) -> String {
        let layer = &self.program.layers()[tile.layer];
        let before = self.program.tiles().iter();
        let number = before
            .take_while(|other| *other != tile)
            .filter(|other| other.layer == tile.layer)
            .count();
        let (name, tiles) = (&layer.name, layer.tiles);
        format!("{name}, tile {} of {tiles}", number + 1)
    }

    /// When a value left the engine, and the cycles in which its tile was computed and drained:
    /// from the last beat of the tiles before it, less the time that its own passes take.
    fn window(&self, id: NodeId, value: &Mismatch, tile: &TileInfo) -> Option<(u64, Range<u64>)> {
        let sent = self.sent?;
        let beat = self.program.beat(id, (value.y, value.x, value.c))?;
        let cycle = *sent.beats.get(beat)?;
        let before = self.program.beats_before(tile.records.start);
        let last = before.checked_sub(1).and_then(|beat| sent.beats.get(beat));
        let config = self.program.config();
        let records = &self.program.records()[tile.records.clone()];
        let work: usize = records
            .iter()
            .map(|record| match record.command {
                Command::Block(block) => {
                    let vectors = (block.count as usize).div_ceil(config.lanes);
                    let taps = if block.kernel3 { 9 } else { 1 };
                    block.groups as usize * taps * vectors.max(config.tile)
                }
                _ => 0,
            })
            .sum();
        let from = match last {
            Some(last) => last.saturating_sub(work as u64 + MARGIN).max(sent.begin),
            None => sent.begin,
        };
        Some((cycle, from..cycle + MARGIN))
    }
}

/// Which of `size` indices occur, in words.
fn extent(indices: impl Iterator<Item = usize>, size: usize) -> String {
    let mut hit = vec![false; size];
    for index in indices {
        if let Some(hit) = hit.get_mut(index) {
            *hit = true;
        }
    }
    let all: Vec<usize> = (0..size).filter(|&index| hit[index]).collect();
    let steps: Vec<usize> = all.windows(2).map(|pair| pair[1] - pair[0]).collect();
    match (all.first(), all.last(), steps.first()) {
        (Some(only), _, None) if size > 1 => format!("{only} only"),
        (Some(first), Some(last), Some(step)) if all.len() < size => {
            let among = format!("{first} to {last}");
            match steps.iter().all(|other| other == step) {
                true if *step == 1 => among,
                true => format!("{among} in steps of {step}"),
                false => format!("{} of {among}", all.len()),
            }
        }
        (Some(_), ..) => "all".into(),
        _ => "none".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_told_in_words() {
        let told = |indices: &[usize], size| extent(indices.iter().copied(), size);
        assert_eq!(told(&[0, 1, 2], 3), "all");
        assert_eq!(told(&[0], 1), "all");
        assert_eq!(told(&[1, 2, 2], 3), "1 to 2");
        assert_eq!(told(&[8], 64), "8 only");
        assert_eq!(told(&[6, 2, 10], 16), "2 to 10 in steps of 4");
        assert_eq!(told(&[0, 1, 5], 16), "3 of 0 to 5");
        assert_eq!(told(&[], 3), "none");
    }
}

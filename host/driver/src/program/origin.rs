//! Where a value of a result comes from: the records that compute it, and the beat that brings it.

use super::{NodeKind, Program, Segment, TileInfo};
use firebrick_network::NodeId;
use firebrick_spec::BEAT_BYTES;
use firebrick_spec::arith::{POOL_KERNEL, POOL_STRIDE};
use firebrick_spec::command::{Block, Command, LOGIT_BYTES};

/// A value in terms of the convolution or addition that it comes from.
#[derive(Clone, Copy, Debug)]
struct Leaf {
    node: usize,
    channel: usize,
    /// The pixel that completes it, of what the engine computes.
    pixel: usize,
    /// Row and column behind the pool, if there is one.
    pooled: Option<(usize, usize)>,
}

/// Where in the array a value is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArrayPlace {
    /// Lane that takes its pixel, from 0; of a pooled value that of the last pixel of its window.
    pub lane: usize,
    /// Column of the lane's tile of processing elements: the channel in its group.
    pub column: usize,
    /// Passes that add up to it; the last one completes it.
    pub passes: usize,
    /// Channel group of the last pass in its record, from 0.
    pub group: usize,
    /// Kernel row and column of the last pass: (1, 1), or (0, 0) of a 1x1 kernel.
    pub tap: (i32, i32),
}

impl Program {
    /// Where a value is computed; as for [`writer`](Self::writer), but nothing is said of a
    /// class's sum, to which all pixels belong.
    #[must_use]
    pub fn place(&self, node: NodeId, at: (usize, usize, usize)) -> Option<ArrayPlace> {
        let leaf = self.leaf(node.0, at)?;
        if self.nodes[node.0].kind == NodeKind::Sum {
            return None;
        }
        let tile = self.writer(node, at)?;
        let blocks = self.records[tile.records.clone()].iter();
        let blocks: Vec<Block> = blocks
            .filter_map(|record| match record.command {
                Command::Block(block) => Some(block),
                _ => None,
            })
            .collect();
        let last = blocks.last()?;
        let (width, pitch) = (last.width as usize, last.pitch() as usize);
        let (y, x) = (leaf.pixel / width, leaf.pixel % width);
        let first = last.y0 as usize * pitch + last.x0 as usize;
        let position = (y * pitch + x).checked_sub(first)?;
        let tap = i32::from(last.kernel3);
        Some(ArrayPlace {
            lane: position % self.config.lanes,
            column: leaf.channel % self.config.tile,
            passes: blocks.iter().map(|block| block.passes() as usize).sum(),
            group: last.groups as usize - 1,
            tap: (tap, tap),
        })
    }

    /// The tiles in the order in which they are computed.
    #[must_use]
    pub fn tiles(&self) -> &[TileInfo] {
        &self.tiles
    }

    /// The tile that completes a value (row, column, channel) of a node's map, or a class's sum
    /// (0, 0, class) of the last node. There is none for what the engine does not compute: the
    /// constants around a padded 1x1 convolution, and places outside the map.
    #[must_use]
    pub fn writer(&self, node: NodeId, at: (usize, usize, usize)) -> Option<&TileInfo> {
        let leaf = self.leaf(node.0, at)?;
        let layer = self.layer_of(leaf.node)?;
        let group = leaf.channel / self.config.tile;
        let mut tiles = self
            .tiles
            .iter()
            .filter(|tile| tile.layer == layer && tile.group == group);
        match self.nodes[node.0].kind {
            NodeKind::Sum => tiles.next_back(),
            _ => tiles.find(|tile| tile.pixels.contains(&leaf.pixel)),
        }
    }

    /// The beat of the result packet, from 0, that brings a value; as for
    /// [`writer`](Self::writer). Maps are sent in check mode only.
    #[must_use]
    pub fn beat(&self, node: NodeId, at: (usize, usize, usize)) -> Option<usize> {
        let leaf = self.leaf(node.0, at)?;
        let sum = self.nodes[node.0].kind == NodeKind::Sum;
        let group = leaf.channel / self.config.tile;
        let mut start = 0;
        for segment in &self.segments {
            let within = match segment {
                Segment::Sums { first, beats } if sum => {
                    let per_beat = BEAT_BYTES / LOGIT_BYTES;
                    let beat = leaf.channel.checked_sub(*first).map(|n| n / per_beat);
                    beat.filter(|beat| beat < beats)
                }
                Segment::Tap {
                    node,
                    group: g,
                    start,
                    count,
                } if !sum && leaf.pooled.is_none() && (*node, *g) == (leaf.node, group) => {
                    let beat = leaf.pixel.checked_sub(*start);
                    beat.filter(|beat| beat < count)
                }
                Segment::Store { planes, rows, size } if !sum => {
                    let plane = planes.iter().position(|plane| {
                        (plane.node, plane.group, plane.pooled)
                            == (leaf.node, group, leaf.pooled.is_some())
                    });
                    let unpooled = (leaf.pixel / size.1, leaf.pixel % size.1);
                    let (y, x) = leaf.pooled.unwrap_or(unpooled);
                    plane
                        .filter(|_| rows.contains(&y))
                        .map(|plane| (plane * rows.len() + y - rows.start) * size.1 + x)
                }
                _ => None,
            };
            if let Some(within) = within {
                return Some(start + within);
            }
            start += segment.beats();
        }
        None
    }

    /// Beats of the result packet that the records before this one bring forth.
    #[must_use]
    pub fn beats_before(&self, record: usize) -> usize {
        let mut tiles = self.tiles.iter();
        let records = self.records.iter().take(record);
        records
            .map(|record| match record.command {
                Command::Store(store) => store.count as usize,
                Command::Block(block) if block.last => {
                    let pixels = tiles.next().map_or(0, |tile| tile.pixels.len());
                    let tap = if block.tap { pixels } else { 0 };
                    let sums = usize::from(block.sum_last) * (block.more_beats as usize + 1);
                    tap + sums
                }
                _ => 0,
            })
            .sum()
    }

    fn layer_of(&self, node: usize) -> Option<usize> {
        self.layers.iter().position(|layer| layer.node.0 == node)
    }

    fn leaf(&self, node: usize, (y, x, channel): (usize, usize, usize)) -> Option<Leaf> {
        let info = self.nodes.get(node)?;
        let shape = info.shape;
        if channel >= shape.channels {
            return None;
        }
        match info.kind {
            NodeKind::Sum => {
                let summed = self.nodes.get(*info.inputs.first()?)?;
                let (border, node) = (summed.border, *info.inputs.first()?);
                self.leaf(node, (border, border, channel))
            }
            _ if y >= shape.height || x >= shape.width => None,
            NodeKind::Computed => {
                let (y, x) = (y.checked_sub(info.border)?, x.checked_sub(info.border)?);
                let (rows, columns) = info.interior();
                (y < rows && x < columns).then_some(Leaf {
                    node,
                    channel,
                    pixel: y * columns + x,
                    pooled: None,
                })
            }
            NodeKind::Pool => {
                let input = *info.inputs.first()?;
                let from = self.nodes.get(input)?.shape;
                let last = |n: usize, size: usize| (n * POOL_STRIDE + POOL_KERNEL).min(size) - 1;
                let completes = (last(y, from.height), last(x, from.width), channel);
                let leaf = self.leaf(input, completes)?;
                Some(Leaf {
                    pooled: Some((y, x)),
                    ..leaf
                })
            }
            NodeKind::Concat => {
                let mut channel = channel;
                for &input in &info.inputs {
                    let channels = self.nodes.get(input)?.shape.channels;
                    if channel < channels {
                        return self.leaf(input, (y, x, channel));
                    }
                    channel -= channels;
                }
                None
            }
        }
    }
}

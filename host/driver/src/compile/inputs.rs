//! What the array takes for a group of outputs: channel groups in the order in which it reads
//! them, with the weights that go with them.

use super::CompileError;
use super::layout::Plane;
use super::pack::{self, InputGroup, Selection};
use super::plan::{Plan, Planner};
use super::structure::{Source, conv_of};

/// A plane that an addition reads for one group of its channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    pub map: usize,
    pub plane: usize,
    pub selection: Selection,
}

impl Planner<'_> {
    /// Channels of a plane, by row of the tile, counted from `first`.
    fn channels(&self, plane: &Plane, first: usize) -> InputGroup {
        let (tile, writer) = (self.config.tile, &self.structure.convs[plane.conv]);
        (plane.group * tile..(plane.group + 1) * tile)
            .map(|c| (c < writer.shape.channels).then_some(first + writer.offset + c))
            .collect()
    }

    /// The maps that a convolution reads, that which is written last at the end, each with its first
    /// channel.
    pub fn reads(&self, source: Source) -> Vec<(usize, usize)> {
        let mut first = 0;
        let mut maps: Vec<(usize, usize)> = (source.maps().iter())
            .map(|&map| {
                let channels = self.shapes[self.structure.maps[map].node].channels;
                first += channels;
                (map, first - channels)
            })
            .collect();
        maps.sort_by_key(|&(map, _)| self.structure.maps[map].last_write);
        maps
    }

    /// Channel groups that a convolution reads, in the order of their planes.
    pub fn inputs(&self, plan: &Plan, conv: usize) -> Vec<InputGroup> {
        let source = self.structure.convs[conv].source;
        match conv_of(self.network, self.structure.convs[conv].node) {
            Some(conv) if source == Source::Picture => pack::window_groups(conv, self.config.tile),
            _ => (self.reads(source).into_iter())
                .flat_map(|(map, first)| {
                    let planes = plan.maps[map].planes.iter();
                    planes.map(move |plane| self.channels(plane, first))
                })
                .collect(),
        }
    }

    /// The planes that an addition reads for one group of its channels, those of the map that is
    /// written last at the end. Empty for a convolution.
    pub fn terms(&self, plan: &Plan, member: Plane) -> Vec<Term> {
        let Source::Pair(mut maps) = self.structure.convs[member.conv].source else {
            return Vec::new();
        };
        maps.sort_by_key(|&map| self.structure.maps[map].last_write);
        let first = member.group * self.config.tile;
        let group = first..first + self.config.tile;
        let mut terms = Vec::new();
        for map in maps {
            for (plane, place) in plan.maps[map].planes.iter().enumerate() {
                let selection: Selection = self
                    .channels(place, 0)
                    .into_iter()
                    .map(|channel| channel.filter(|c| group.contains(c)).map(|c| c - first))
                    .collect();
                if selection.iter().any(Option::is_some) {
                    terms.push(Term {
                        map,
                        plane,
                        selection,
                    });
                }
            }
        }
        terms
    }

    /// Channel groups that the array takes for a group of outputs.
    pub fn passes(&self, plan: &Plan, member: Plane) -> usize {
        match self.structure.convs[member.conv].source {
            Source::Pair(_) => self.terms(plan, member).len(),
            _ => self.inputs(plan, member.conv).len() * self.kernel(member.conv).pow(2),
        }
    }

    /// The groups of a convolution's or an addition's outputs in the order in which they should
    /// drain: those of an addition as their inputs did.
    pub fn group_order(&self, plan: &Plan, conv: usize) -> Vec<usize> {
        let mut groups: Vec<usize> = (0..self.groups(conv)).collect();
        groups.sort_by_cached_key(|&group| {
            let terms = self.terms(plan, Plane { conv, group });
            terms.last().map(|term| term.plane)
        });
        groups
    }

    /// Parameters and weights of one group of outputs, as they are loaded.
    pub fn payloads(&self, plan: &Plan, member: Plane) -> Result<(Vec<u8>, Vec<u8>), CompileError> {
        let (tile, member_of) = (self.config.tile, &self.structure.convs[member.conv]);
        let (params, weights) = match conv_of(self.network, member_of.node) {
            Some(conv) => {
                let window = member_of.source == Source::Picture;
                let inputs = self.inputs(plan, member.conv);
                let weights = pack::weight_blocks(conv, member.group, &inputs, tile, window);
                (pack::params(conv, member.group, tile, &weights), weights)
            }
            None => {
                let weights: Vec<u8> = self
                    .terms(plan, member)
                    .iter()
                    .flat_map(|term| pack::selection_block(&term.selection))
                    .collect();
                (pack::identity_params(tile, &weights), weights)
            }
        };
        let params = params.map_err(|range| CompileError::Bias {
            node: self.network.nodes[member_of.node].name.clone(),
            channel: member.group * tile + range.channel,
            bias: range.bias,
            offset: range.offset,
        })?;
        Ok((params, weights))
    }
}

//! What is kept while a stream is written, by records and loads alike.

use super::CompileError;
use super::plan::{Plan, Planner};
use super::structure::conv_of;
use super::timeline::Timeline;
use super::users::{Deferred, MemoryUse, Users};
use crate::program::{LayerInfo, Stream};
use firebrick_spec::fields::FieldOverflow;
use firebrick_spec::regs::STATS_LAYERS;

/// Where a chunk's weights and parameters lie.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Loaded {
    pub weights: usize,
    pub param: usize,
}

/// Writes the stream.
pub(crate) struct Emitter<'a> {
    pub(super) planner: &'a Planner<'a>,
    pub(super) plan: &'a Plan,
    pub(super) stream: Stream,
    pub(super) timeline: Timeline,
    pub(super) users: Users,
    pub(super) deferred: Vec<Deferred>,
    pub(super) loaded: Vec<Loaded>,
    pub(super) next_chunk: usize,
    /// Strips sent.
    pub(super) strips: usize,
    pub(super) layers: Vec<LayerInfo>,
}

impl<'a> Emitter<'a> {
    pub fn new(planner: &'a Planner<'a>, plan: &'a Plan) -> Emitter<'a> {
        let config = planner.config;
        Emitter {
            planner,
            plan,
            stream: Stream::default(),
            timeline: Timeline::new(config),
            users: Users::new(config, plan.strips.area()),
            deferred: Vec::new(),
            loaded: vec![Loaded::default(); plan.chunks.len()],
            next_chunk: 0,
            strips: 0,
            layers: planner.layers(plan),
        }
    }

    pub(super) fn encoding(&self, conv: usize) -> impl Fn(FieldOverflow) -> CompileError + use<> {
        let node = self.planner.network.nodes[self.planner.structure.convs[conv].node]
            .name
            .clone();
        move |source| CompileError::Encoding {
            node: node.clone(),
            source,
        }
    }

    /// Notes that a record waits for the picture before, if nothing in this one used the memory.
    pub(super) fn defer(&mut self, user: i64, memory: MemoryUse, issued: i64, data: u8) {
        if user < 0 {
            self.deferred.push(Deferred {
                record: self.stream.records.len(),
                memory,
                issued,
                tiles: self.users.tiles,
                data,
            });
        }
    }
}

/// Number under which the statistics of a convolution or an addition are kept.
pub(super) fn layer(conv: usize) -> usize {
    conv.min(STATS_LAYERS - 1)
}

impl Planner<'_> {
    /// What is known about each convolution and addition before the stream is written.
    fn layers(&self, plan: &Plan) -> Vec<LayerInfo> {
        (0..self.structure.convs.len())
            .map(|index| {
                let conv = &self.structure.convs[index];
                let conv_layer = conv_of(self.network, conv.node);
                let kernel = conv_layer.map_or(1, |c| c.kernel);
                // An addition multiplies by 1 only, which is no useful work.
                let channels = conv_layer.map_or(0, |c| c.in_channels());
                LayerInfo {
                    node: firebrick_network::NodeId(conv.node),
                    name: self.network.nodes[conv.node].name.clone(),
                    layer: layer(index),
                    kernel,
                    shape: conv.shape,
                    macs: (conv.shape.len() * kernel * kernel * channels) as u64,
                    input_groups: self.inputs(plan, index).len(),
                    output_groups: conv.shape.channels.div_ceil(self.config.tile),
                    tiles: 0,
                    records: 0,
                    busy_cycles: 0,
                    weight_bytes: 0,
                }
            })
            .collect()
    }
}

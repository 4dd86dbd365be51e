//! From the plan to the stream: loads as early as the memories allow, blocks with exactly the
//! waits that their inputs, accumulators and weights need.

use super::CompileError;
use super::blocks;
use super::plan::{Plan, Planner};
use super::structure::conv_of;
use super::timeline::Timeline;
use super::users::{self, Deferred, Memory, Users};
use crate::program::{Compiled, LayerInfo, Prediction, Program, Segment, StoredPlane, Stream};
use firebrick_spec::command::{Command, End, Hello, Store};
use firebrick_spec::fields::FieldOverflow;

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
    pub(super) fn defer(&mut self, user: i64, memory: Memory, issued: i64, data: u8) {
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

    /// Writes everything; with `resident`, what is loaded once goes to a stream of its own.
    pub fn run(
        mut self,
        height: usize,
        width: usize,
        resident: bool,
    ) -> Result<Program, CompileError> {
        let plan = self.plan;
        let setup = resident.then(|| self.load_all()).transpose()?;
        self.begin()?;
        for (index, job) in plan.jobs.iter().enumerate() {
            while self.next_chunk <= job.chunk {
                self.load_chunk(self.next_chunk)?;
                self.next_chunk += 1;
            }
            while self.next_chunk < plan.chunks.len() && self.may_prefetch(self.next_chunk, job) {
                self.load_chunk(self.next_chunk)?;
                self.next_chunk += 1;
            }
            let strip = job.strip.filter(|&strip| strip >= self.strips);
            if let Some(strip) = strip {
                self.rows(job, strip, width)?;
            }
            self.job(job, strip.is_some())?;
            let chunk = &plan.chunks[job.chunk];
            if !resident && chunk.jobs.1 == index {
                let loaded = self.loaded[job.chunk];
                self.users.weights.release(loaded.weights, chunk.blocks);
                self.users.params.release(loaded.param, 1);
            }
            if job.store.is_some() {
                self.store(job)?;
            }
        }
        self.end()?;
        self.finish(height, width, setup)
    }

    pub(super) fn begin(&mut self) -> Result<(), CompileError> {
        let hello = Command::Hello(Hello::for_config(self.planner.config));
        let fail = self.encoding(0);
        self.stream.record(hello).map_err(fail)
    }

    pub(super) fn end(&mut self) -> Result<(), CompileError> {
        let fail = self.encoding(0);
        self.stream
            .record(Command::End(End { tag: 0 }))
            .map_err(fail)
    }

    fn finish(
        self,
        height: usize,
        width: usize,
        setup: Option<Stream>,
    ) -> Result<Program, CompileError> {
        let planner = self.planner;
        let fail = self.encoding(0);
        let macs = self.layers.iter().map(|layer| layer.macs).sum();
        let following = users::following(&self.deferred, &self.users, &self.stream);
        Program::assemble(
            planner.network,
            planner.shapes,
            Compiled {
                config: planner.config.clone(),
                input: (height, width),
                check: planner.options.check,
                setup,
                stream: self.stream,
                following,
                layers: self.layers,
                prediction: Prediction {
                    busy_cycles: self.timeline.busy,
                    cycles: self.timeline.end(),
                    macs,
                    peak: planner.config.macs_per_cycle() as u64,
                    feature_words: self.plan.feature_words,
                },
            },
        )
        .map_err(fail)
    }

    /// Sends rows of a map to the host, without the gaps between them.
    fn store(&mut self, job: &super::plan::Job) -> Result<(), CompileError> {
        let Some(stored) = &job.store else {
            return Ok(());
        };
        let fail = self.encoding(job.conv);
        let structure = self.planner.structure;
        let place = &self.plan.maps[stored.map];
        let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
        for plane in 0..place.planes.len() {
            for row in stored.rows.clone() {
                let start = row * place.grid.pitch;
                for piece in place.words(plane, start..start + place.grid.width) {
                    match ranges.last_mut() {
                        _ if piece.is_empty() => {}
                        Some(last) if last.end == piece.start => last.end = piece.end,
                        _ => ranges.push(piece),
                    }
                }
            }
        }
        for range in ranges {
            let store = Store {
                base: range.start as u32,
                count: range.len() as u32,
            };
            self.stream.record(Command::Store(store)).map_err(&fail)?;
            self.timeline.store(range.len());
        }
        self.stream.segments.push(Segment::Store {
            planes: place
                .planes
                .iter()
                .map(|plane| StoredPlane {
                    node: structure.convs[plane.conv].node,
                    group: plane.group,
                    pooled: structure.convs[plane.conv].pool.is_some(),
                })
                .collect(),
            rows: stored.rows.clone(),
            size: (place.grid.height, place.grid.width),
        });
        Ok(())
    }
}

impl Planner<'_> {
    /// What is known about each convolution and addition before the stream is written.
    fn layers(&self, plan: &Plan) -> Vec<LayerInfo> {
        (0..self.structure.convs.len())
            .map(|index| {
                let conv = &self.structure.convs[index];
                let layer = conv_of(self.network, conv.node);
                let kernel = layer.map_or(1, |c| c.kernel);
                // An addition multiplies by 1 only, which is no useful work.
                let channels = layer.map_or(0, |c| c.in_channels());
                LayerInfo {
                    node: firebrick_network::NodeId(conv.node),
                    name: self.network.nodes[conv.node].name.clone(),
                    layer: blocks::layer(index),
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

//! From the plan to the stream: loads as early as the memories allow, blocks with exactly the
//! waits that their inputs, accumulators and weights need.

use super::CompileError;
use super::pack::{self, InputGroup};
use super::plan::{Chunk, Job, Plan, Planner};
use super::ring::Ring;
use super::structure::{Sink, Source, conv_of};
use super::tiles::Tile;
use super::timeline::Timeline;
use crate::program::{LayerInfo, Prediction, Program, Segment, StoredPlane, Stream};
use firebrick_network::Pool;
use firebrick_spec::command::{
    Block, Command, End, Hello, Load, MAX_OUTSTANDING, Mode, PARAM_BYTES, Rows, Store, WAIT_NONE,
};
use firebrick_spec::fields::FieldOverflow;
use std::ops::Range;

/// Cycles of work that stay queued while the decoder is busy with something not yet needed.
const PREFETCH_MARGIN: u64 = 256;
/// Cycles of the decoder for a record with payload, beyond one for each beat of the payload.
const LOAD_CYCLES: usize = 5;
/// Cycles by which the estimate of a drain may be off.
const SPLIT_MARGIN: u64 = 100;
/// Cycles of the shortest pass: the next pass's weights take one cycle a row.
fn pass_cycles(count: usize, tile: usize) -> usize {
    count.max(tile)
}

/// Where a chunk's weights and parameters lie.
#[derive(Clone, Copy, Debug, Default)]
struct Loaded {
    weights: usize,
    param: usize,
}

/// Writes the stream.
pub(crate) struct Emitter<'a> {
    planner: &'a Planner<'a>,
    plan: &'a Plan,
    stream: Stream,
    timeline: Timeline,
    weights: Ring,
    params: Ring,
    loaded: Vec<Loaded>,
    /// Blocks issued, tiles handed to the drain unit.
    blocks: i64,
    tiles: i64,
    /// By feature word: the tile that wrote it last; -1 is the image before.
    writer: Vec<i64>,
    /// By accumulator: the tile that used it last.
    accumulators: Vec<Vec<i64>>,
    /// By region of the strip ring: the last block that read it.
    strip_reader: Vec<i64>,
    rows_sent: usize,
    layers: Vec<LayerInfo>,
}

/// A run of channel groups computed by one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    first: usize,
    groups: usize,
    outstanding: usize,
}

impl<'a> Emitter<'a> {
    pub fn new(planner: &'a Planner<'a>, plan: &'a Plan) -> Emitter<'a> {
        let config = planner.config;
        let drain_cycles = config.tile.div_ceil(config.requantisers) as u64;
        Emitter {
            planner,
            plan,
            stream: Stream::default(),
            timeline: Timeline::new(config.block_queue, drain_cycles),
            weights: Ring::new(config.weight_blocks),
            params: Ring::new(config.param_groups),
            loaded: vec![Loaded::default(); plan.chunks.len()],
            blocks: 0,
            tiles: 0,
            writer: vec![-1; config.feature_words],
            accumulators: vec![vec![-1; config.acc_depth]; firebrick_spec::config::ACC_BANKS],
            strip_reader: vec![-1; plan.strip_regions],
            rows_sent: 0,
            layers: planner.layers(plan),
        }
    }

    fn encoding(&self, conv: usize) -> impl Fn(FieldOverflow) -> CompileError + use<> {
        let node = self.planner.network.nodes[self.planner.structure.convs[conv].node]
            .name
            .clone();
        move |source| CompileError::Encoding {
            node: node.clone(),
            source,
        }
    }

    /// Writes everything.
    pub fn run(mut self, height: usize, width: usize) -> Result<Program, CompileError> {
        let (plan, config) = (self.plan, self.planner.config);
        let fail = self.encoding(0);
        self.stream
            .record(Command::Hello(Hello::for_config(config)))
            .map_err(&fail)?;
        let mut next_chunk = 0;
        let mut next_strip = 0;
        for (index, job) in plan.jobs.iter().enumerate() {
            while next_chunk <= job.chunk {
                self.load_chunk(next_chunk)?;
                next_chunk += 1;
            }
            while next_chunk < plan.chunks.len() && self.may_prefetch(next_chunk, job, width) {
                self.load_chunk(next_chunk)?;
                next_chunk += 1;
            }
            let new_strip = job.strip.is_some_and(|strip| strip >= next_strip);
            if let (true, Some(strip)) = (new_strip, job.strip) {
                self.rows(job, strip, width)?;
                next_strip = strip + 1;
            }
            self.job(job, new_strip)?;
            if plan.chunks[job.chunk].last_job == index {
                self.weights.release(
                    self.loaded[job.chunk].weights,
                    plan.chunks[job.chunk].blocks,
                );
                self.params.release(self.loaded[job.chunk].param, 1);
            }
            if let Some(map) = job.store {
                self.store(job, map)?;
            }
        }
        self.stream
            .record(Command::End(End { tag: 0 }))
            .map_err(&fail)?;
        Ok(self.finish(height, width))
    }

    fn finish(self, height: usize, width: usize) -> Program {
        let planner = self.planner;
        let macs = self.layers.iter().map(|layer| layer.macs).sum();
        Program::assemble(
            planner.config.clone(),
            planner.network,
            planner.shapes,
            (height, width),
            planner.options.check,
            self.stream,
            self.layers,
            Prediction {
                busy_cycles: self.timeline.busy,
                cycles: self.timeline.end(),
                macs,
                peak: planner.config.macs_per_cycle() as u64,
                feature_words: self.plan.feature_words,
            },
        )
    }

    fn chunk_beats(&self, chunk: &Chunk) -> usize {
        let config = self.planner.config;
        let bytes = chunk.blocks * config.tile * config.tile + config.tile * PARAM_BYTES;
        bytes.div_ceil(config.bus_bytes) + 3 * LOAD_CYCLES
    }

    /// Whether a chunk fits now and loading it delays nothing that is needed sooner.
    fn may_prefetch(&self, chunk: usize, job: &Job, width: usize) -> bool {
        let chunk = &self.plan.chunks[chunk];
        let (Some(block), Some(tile)) = (self.weights.peek(chunk.blocks), self.params.peek(1))
        else {
            return false;
        };
        // Strips take the window unit about a cycle a pixel of its rows.
        let strip = match job.strip {
            Some(_) => self.plan.strip_plane as u64 * 4 + 4 * width as u64,
            None => 0,
        };
        let pending = (self.blocks - 1 - block) as usize;
        let drained = self.timeline.drained((self.tiles - 1 - tile) as usize);
        let end = self
            .timeline
            .load_end(pending, self.chunk_beats(chunk))
            .max(drained);
        end + PREFETCH_MARGIN + strip <= self.timeline.work_until()
    }

    /// `wait` for a user that came `pending` items before the last.
    fn wait(pending: i64) -> u8 {
        pending.clamp(0, i64::from(WAIT_NONE) - 1) as u8
    }

    fn load_chunk(&mut self, index: usize) -> Result<(), CompileError> {
        let (planner, plan) = (self.planner, self.plan);
        let config = planner.config;
        let chunk = &plan.chunks[index];
        let fail = self.encoding(chunk.conv);
        let Some(conv) = conv_of(planner.network, planner.structure.convs[chunk.conv].node) else {
            return Ok(());
        };
        let hint = "use a configuration with a larger one";
        let Some(last_tile) = self.params.peek(1) else {
            let memory = ("parameter memory", "groups at a time");
            let (need, available) = (self.params.capacity() + 1, self.params.capacity());
            return Err(planner.too_small(chunk.conv, memory, need, available, hint));
        };
        let Some(last_block) = self.weights.peek(chunk.blocks) else {
            let memory = ("weight buffer", "blocks at a time");
            let need = self.plan.live_blocks(index);
            return Err(planner.too_small(chunk.conv, memory, need, self.weights.capacity(), hint));
        };
        let param = self.params.take(1);
        let pending = self.tiles - 1 - last_tile;
        let wait = Self::wait(pending);
        let payload = pack::params(conv, chunk.group, config.tile);
        let load = Load {
            wait,
            base: param as u32,
            count: 1,
        };
        self.stream
            .load(Command::LoadParams(load), &payload)
            .map_err(&fail)?;
        self.timeline
            .params(wait.into(), LOAD_CYCLES + payload.len() / config.bus_bytes);

        let base = self.weights.take(chunk.blocks);
        let wait = Self::wait(self.blocks - 1 - last_block);
        let window = planner.structure.convs[chunk.conv].source == Source::Picture;
        let inputs = planner.inputs(plan, chunk.conv);
        let bytes = pack::weight_blocks(conv, chunk.group, &inputs, config.tile, window);
        let block_bytes = config.tile * config.tile;
        let mut rest = &bytes[..];
        for (piece, count) in self.weights.pieces(base, chunk.blocks) {
            let (now, later) = rest.split_at(count * block_bytes);
            let load = Load {
                wait,
                base: piece as u32,
                count: count as u32,
            };
            self.stream
                .load(Command::LoadWeights(load), now)
                .map_err(&fail)?;
            self.timeline
                .weights(wait.into(), LOAD_CYCLES + now.len() / config.bus_bytes);
            rest = later;
        }
        let layer = &mut self.layers[chunk.conv];
        layer.weight_bytes += bytes.len();
        self.loaded[index] = Loaded {
            weights: base,
            param,
        };
        Ok(())
    }

    /// Feeds the rows of one strip to the window unit.
    fn rows(&mut self, job: &Job, strip: usize, width: usize) -> Result<(), CompileError> {
        let (planner, plan) = (self.planner, self.plan);
        let config = planner.config;
        let Some(conv) = conv_of(planner.network, planner.structure.convs[job.conv].node) else {
            return Ok(());
        };
        let fail = self.encoding(job.conv);
        let tile = plan.strips[strip];
        let out_width = planner.structure.convs[job.conv].shape.width;
        let last_row = (tile.start + tile.count) / out_width - 1;
        let end = last_row * conv.stride + conv.kernel;
        let region = strip % plan.strip_regions;
        let rows = end - self.rows_sent;
        let pending = self.blocks - 1 - self.strip_reader[region];
        let wait = Self::wait(pending);
        self.stream
            .record(Command::Rows(Rows {
                first: strip == 0,
                strip_end: true,
                wait,
                base: (plan.strip_base + region * plan.strip_plane * plan.strip_groups) as u32,
                plane: plan.strip_plane as u32,
                width: width as u32,
                rows: rows as u32,
                kernel: conv.kernel as u32,
                stride: conv.stride as u32,
                gap: 0,
            }))
            .map_err(&fail)?;
        let row_bytes = Rows::row_bytes(width, config.bus_bytes);
        for row in self.rows_sent..end {
            self.stream.hole(row, row_bytes);
        }
        self.rows_sent = end;
        // One cycle a pixel, and one for each word written.
        let cycles = rows * width + tile.count * plan.strip_groups;
        self.timeline.rows(wait.into(), cycles);
        Ok(())
    }

    /// The last writer of each channel group that a tile reads.
    fn needs(&self, job: &Job, groups: usize, halo: usize) -> Vec<i64> {
        let conv = &self.planner.structure.convs[job.conv];
        let Source::Map(map) = conv.source else {
            return vec![-1; groups];
        };
        let plane = conv.shape.height * conv.shape.width;
        let from = job.tile.start.saturating_sub(halo);
        let to = (job.tile.start + job.tile.count + halo).min(plane);
        let base = self.plan.maps[map].base;
        (0..groups)
            .map(|g| {
                let start = base + g * plane;
                self.writer[start + from..start + to]
                    .iter()
                    .copied()
                    .max()
                    .unwrap_or(-1)
            })
            .collect()
    }

    /// Splits the groups where a later one has to wait for a drain that an earlier one need not
    /// wait for.
    fn parts(&self, needs: &[i64], slot: i64, cycles: usize) -> Vec<Part> {
        let allowed =
            |tile: i64| (self.tiles - 1 - tile).clamp(0, i64::from(MAX_OUTSTANDING)) as usize;
        let mut parts = vec![Part {
            first: 0,
            groups: 0,
            outstanding: allowed(slot),
        }];
        let mut start = self.timeline.next_start();
        for (group, &need) in needs.iter().enumerate() {
            let need = allowed(need);
            let at = parts.len() - 1;
            let part = &mut parts[at];
            if need < part.outstanding {
                let ready = self.timeline.drained(need) + SPLIT_MARGIN;
                let begin = start.max(self.timeline.drained(part.outstanding));
                if part.groups > 0 && ready > begin {
                    start = begin + (part.groups * cycles) as u64;
                    parts.push(Part {
                        first: group,
                        groups: 1,
                        outstanding: need,
                    });
                    continue;
                }
                part.outstanding = need;
            }
            part.groups += 1;
        }
        parts
    }

    /// Computes one tile of one output group.
    fn job(&mut self, job: &Job, take_strip: bool) -> Result<(), CompileError> {
        let (planner, plan) = (self.planner, self.plan);
        let conv = &planner.structure.convs[job.conv];
        let Some(layer) = conv_of(planner.network, conv.node) else {
            return Ok(());
        };
        let fail = self.encoding(job.conv);
        let (width, tile) = (conv.shape.width, job.tile);
        let picture = conv.source == Source::Picture;
        let kernel3 = !picture && layer.kernel == 3;
        let taps = if kernel3 { 9 } else { 1 };
        let chunk = &plan.chunks[job.chunk];
        let groups = chunk.blocks / taps;
        let needs = self.needs(job, groups, if kernel3 { width + 1 } else { 0 });
        let acc = job.acc_base..job.acc_base + tile.count;
        let slot = self.accumulators[job.bank][acc.clone()]
            .iter()
            .copied()
            .max()
            .unwrap_or(-1);
        let cycles = taps * pass_cycles(tile.count, planner.config.tile);
        let parts = self.parts(&needs, slot, cycles);

        let (in_base, plane) = match conv.source {
            Source::Picture => {
                let region = job.strip.unwrap_or(0) % plan.strip_regions;
                let words = plan.strip_plane * plan.strip_groups;
                (plan.strip_base + region * words, plan.strip_plane)
            }
            Source::Map(map) => {
                let pixels = conv.shape.height * width;
                (plan.maps[map].base + tile.start, pixels)
            }
        };
        let (mode, output) = self.output(job);
        let sum = mode == Mode::Sum;
        let channels = conv.shape.channels - job.group * planner.config.tile;
        let beats = if sum && job.last_tile {
            channels.min(planner.config.tile).div_ceil(4)
        } else {
            0
        };
        let tap = planner.options.check && mode != Mode::Write;
        let loaded = self.loaded[job.chunk];
        for (index, part) in parts.iter().enumerate() {
            let offset = part.first * taps;
            let weight_base = (loaded.weights + offset) % self.weights.capacity();
            let last = index + 1 == parts.len();
            let block = Block {
                kernel3,
                first: index == 0,
                last,
                take_strip: take_strip && index == 0,
                tap: tap && last,
                partial: conv.pool.is_some_and(|pool| pool.ceil),
                sum_first: sum && job.first_tile,
                sum_last: sum && job.last_tile,
                outstanding: part.outstanding as u8,
                count: tile.count as u32,
                in_base: (in_base + part.first * plane) as u32,
                groups: part.groups as u32,
                plane: plane as u32,
                acc_bank: job.bank as u8,
                acc_base: job.acc_base as u32,
                width: width as u32,
                height: conv.shape.height as u32,
                mode,
                beats: beats as u32,
                y0: (tile.start / width) as u32,
                x0: (tile.start % width) as u32,
                line_base: job.line_base as u32,
                weight_base: weight_base as u32,
                param: loaded.param as u32,
                out_base: output.start as u32,
                layer: job.conv.min(firebrick_spec::regs::STATS_LAYERS - 1) as u32,
                ..Block::default()
            };
            self.stream.record(Command::Block(block)).map_err(&fail)?;
            self.timeline.block(
                part.groups * cycles,
                part.groups * taps * tile.count,
                part.outstanding,
                block.take_strip,
            );
            self.weights
                .used(weight_base, part.groups * taps, self.blocks);
            if picture {
                let region = job.strip.unwrap_or(0) % plan.strip_regions;
                self.strip_reader[region] = self.blocks;
            }
            self.blocks += 1;
        }
        let info = &mut self.layers[job.conv];
        info.records += parts.len();
        info.tiles += 1;
        info.busy_cycles += (groups * taps * tile.count) as u64;
        self.timeline.drain(tile.count);
        self.params.used(loaded.param, 1, self.tiles);
        self.accumulators[job.bank][acc].fill(self.tiles);
        self.writer[output].fill(self.tiles);
        self.tiles += 1;
        if tap {
            self.stream.segments.push(Segment::Tap {
                node: conv.node,
                group: job.group,
                start: tile.start,
                count: tile.count,
            });
        }
        if beats > 0 {
            let first = job.group * planner.config.tile;
            self.stream.segments.push(Segment::Sums { first, beats });
        }
        Ok(())
    }

    /// Drain mode of a job, and the feature words that it writes.
    fn output(&self, job: &Job) -> (Mode, Range<usize>) {
        let conv = &self.planner.structure.convs[job.conv];
        let Sink::Map(map) = conv.sink else {
            return (Mode::Sum, 0..0);
        };
        let place = &self.plan.maps[map];
        let plane = place.base + job.plane * conv.pooled.0 * conv.pooled.1;
        match conv.pool {
            None => {
                let start = plane + job.tile.start;
                (Mode::Write, start..start + job.tile.count)
            }
            Some(pool) => {
                let rows = pooled_rows(job.tile, conv.shape.height, conv.shape.width, pool);
                let words = plane + rows.start * conv.pooled.1..plane + rows.end * conv.pooled.1;
                // A tile without output has no destination; its address must be valid all the same.
                (
                    Mode::Pool,
                    if words.is_empty() {
                        plane..plane
                    } else {
                        words
                    },
                )
            }
        }
    }

    /// Sends a complete map to the host.
    fn store(&mut self, job: &Job, map: usize) -> Result<(), CompileError> {
        let fail = self.encoding(job.conv);
        let (plan, structure) = (self.plan, self.planner.structure);
        let (place, shape) = (&plan.maps[map], &structure.maps[map]);
        let count = place.planes.len() * shape.height * shape.width;
        let store = Store {
            base: place.base as u32,
            count: count as u32,
        };
        self.stream.record(Command::Store(store)).map_err(&fail)?;
        self.timeline.store(count);
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
            size: (shape.height, shape.width),
        });
        Ok(())
    }
}

/// Rows of the pooled map that a tile of whole rows completes.
fn pooled_rows(tile: Tile, height: usize, width: usize, pool: Pool) -> Range<usize> {
    let done = |rows: usize| {
        // Rows 0, 1, 2 complete the first, each two more a further one.
        let whole = rows.saturating_sub(1) / 2;
        whole + usize::from(pool.ceil && rows == height && height.is_multiple_of(2))
    };
    done(tile.start / width)..done((tile.start + tile.count) / width)
}

impl Plan {
    /// Weight blocks that are in use together when a chunk is loaded.
    fn live_blocks(&self, index: usize) -> usize {
        let first_job = self
            .jobs
            .iter()
            .position(|job| job.chunk == index)
            .unwrap_or(0);
        self.chunks[..=index]
            .iter()
            .filter(|chunk| chunk.last_job >= first_job)
            .map(|chunk| chunk.blocks)
            .sum()
    }
}

impl Planner<'_> {
    /// What is known about each convolution before the stream is written.
    fn layers(&self, plan: &Plan) -> Vec<LayerInfo> {
        (0..self.structure.convs.len())
            .map(|index| {
                let conv = &self.structure.convs[index];
                let layer = conv_of(self.network, conv.node);
                let kernel = layer.map_or(0, |c| c.kernel);
                let inputs: Vec<InputGroup> = self.inputs(plan, index);
                LayerInfo {
                    node: firebrick_network::NodeId(conv.node),
                    name: self.network.nodes[conv.node].name.clone(),
                    kernel,
                    shape: conv.shape,
                    macs: (conv.shape.len()
                        * kernel
                        * kernel
                        * layer.map_or(0, |c| c.in_channels())) as u64,
                    input_groups: inputs.len(),
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

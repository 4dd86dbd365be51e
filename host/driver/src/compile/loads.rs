//! Records with payloads: weights, parameters, rows of the picture.

use super::CompileError;
use super::emitter::{Emitter, Loaded};
use super::layout::Plane;
use super::margins;
use super::plan::{Chunk, TileJob};
use super::structure::conv_of;
use super::timeline::Strip;
use super::users::{MemoryUse, wait};
use crate::program::Stream;
use firebrick_network::Conv;
use firebrick_spec::BEAT_BYTES;
use firebrick_spec::command::{Command, Load, LoadSparse, PARAM_BYTES, Rows, WAIT_NONE};
use firebrick_spec::resources::MemoryKind;
use firebrick_spec::sparse;
use std::borrow::Cow;

/// Zeros are left out where at most this share of the bytes remains: then at most half of the
/// weights or little more is not zero, and the engine writes as fast as without.
const SPARSE_SHARE: (usize, usize) = (3, 4);

/// The record and the payload that bring weights.
fn weights(load: Load, bytes: &[u8], plain: bool) -> (Command, Cow<'_, [u8]>) {
    if !plain {
        let coded = sparse::encode(bytes);
        if coded.len() * SPARSE_SHARE.1 <= bytes.len() * SPARSE_SHARE.0 {
            let command = Command::LoadSparse(LoadSparse {
                wait: load.wait,
                base: load.base,
                count: load.count,
                beats: (coded.len() / BEAT_BYTES) as u32,
            });
            return (command, coded.into());
        }
    }
    (Command::LoadWeights(load), bytes.into())
}

const HINT: &str = "use a configuration with a larger one";

impl Emitter<'_> {
    fn chunk_beats(&self, chunk: &Chunk) -> usize {
        let config = self.planner.config;
        let bytes = chunk.blocks * config.tile * config.tile + config.tile * PARAM_BYTES;
        bytes.div_ceil(BEAT_BYTES) + 3 * margins::LOAD
    }

    /// Whether a chunk fits now and loading it delays nothing that is needed sooner.
    pub(super) fn may_prefetch(&self, chunk: usize, job: &TileJob) -> bool {
        let (plan, users) = (self.plan, &self.users);
        let chunk = &plan.chunks[chunk];
        let (Some(block), Some(tile)) = (users.weights.peek(chunk.blocks), users.params.peek(1))
        else {
            return false;
        };
        let strip = match job.strip {
            Some(strip) => {
                let window = self
                    .strip_of(strip, job)
                    .map_or(0, |strip| self.timeline.strip(&strip));
                // While the array waits for the window unit, every load delays it.
                let more = strip % plan.strips.tiles.len() + 1 < plan.strips.tiles.len();
                if more && window >= self.strip_compute(job) {
                    return false;
                }
                window
            }
            None => 0,
        };
        let pending = (users.blocks - 1 - block) as usize;
        let drained = self.timeline.drained((users.tiles - 1 - tile) as usize);
        let end = self
            .timeline
            .load_end(pending, self.chunk_beats(chunk))
            .max(drained);
        end + margins::PREFETCH + strip <= self.timeline.work_until()
    }

    /// Cycles of the array for a strip.
    fn strip_compute(&self, job: &TileJob) -> u64 {
        let stage = &self.plan.stages[0];
        let members: usize = stage.bundles.iter().map(|b| b.members.len()).sum();
        let members = members.div_ceil(stage.bundles.len());
        let vectors = job.tile.vectors(self.planner.config.lanes);
        (members * self.plan.strips.groups * vectors) as u64
    }

    fn conv(&self, conv: usize) -> Option<&Conv> {
        conv_of(
            self.planner.network,
            self.planner.structure.convs[conv].node,
        )
    }

    fn no_params(&self, conv: usize, need: usize) -> CompileError {
        let memory = (MemoryKind::Parameters, "groups at a time");
        let available = self.users.params.capacity();
        self.planner.too_small(conv, memory, need, available, HINT)
    }

    fn no_weights(&self, conv: usize, need: usize) -> CompileError {
        let memory = (MemoryKind::Weights, "blocks at a time");
        let available = self.users.weights.capacity();
        self.planner.too_small(conv, memory, need, available, HINT)
    }

    /// A stream that loads all weights and parameters to stay.
    pub(super) fn load_all(&mut self) -> Result<Stream, CompileError> {
        let chunks = &self.plan.chunks;
        let conv = chunks.first().map_or(0, |chunk| chunk.conv);
        let blocks = chunks.iter().map(|chunk| chunk.blocks).sum();
        if blocks > self.users.weights.capacity() {
            return Err(self.no_weights(conv, blocks));
        }
        if chunks.len() > self.users.params.capacity() {
            return Err(self.no_params(conv, chunks.len()));
        }
        self.begin()?;
        for chunk in 0..chunks.len() {
            self.load_chunk(chunk)?;
        }
        self.next_chunk = chunks.len();
        self.end()?;
        self.deferred.clear();
        self.timeline.restart();
        Ok(std::mem::take(&mut self.stream))
    }

    /// Loads weights and parameters of a chunk to the next free entries.
    pub(super) fn load_chunk(&mut self, index: usize) -> Result<(), CompileError> {
        let (planner, plan) = (self.planner, self.plan);
        let config = planner.config;
        let chunk = &plan.chunks[index];
        let fail = self.encoding(chunk.conv);
        let Some(last_tile) = self.users.params.peek(1) else {
            return Err(self.no_params(chunk.conv, self.users.params.capacity() + 1));
        };
        let Some(last_block) = self.users.weights.peek(chunk.blocks) else {
            return Err(self.no_weights(chunk.conv, self.live_blocks(index)));
        };
        let (conv, group) = (chunk.conv, chunk.group);
        let (payload, bytes) = planner.payloads(plan, Plane { conv, group })?;

        let param = self.users.params.take(1);
        let wait_tiles = wait(self.users.tiles - 1 - last_tile);
        self.defer(last_tile, MemoryUse::Params(param, 1), self.users.tiles, 0);
        let load = Load {
            wait: wait_tiles,
            base: param as u32,
            count: 1,
        };
        self.stream
            .load(Command::LoadParams(load), &payload)
            .map_err(&fail)?;
        let beats = payload.len() / BEAT_BYTES;
        self.timeline
            .params(wait_tiles.into(), margins::LOAD + beats);

        let base = self.users.weights.take(chunk.blocks);
        let wait_blocks = wait(self.users.blocks - 1 - last_block);
        let block_bytes = config.tile * config.tile;
        let mut rest = &bytes[..];
        let mut sent = 0;
        for (piece, count) in self.users.weights.pieces(base, chunk.blocks) {
            let (now, later) = rest.split_at(count * block_bytes);
            let memory = MemoryUse::Weights(base, chunk.blocks);
            self.defer(last_block, memory, self.users.blocks, 0);
            let (command, payload) = weights(
                Load {
                    wait: wait_blocks,
                    base: piece as u32,
                    count: count as u32,
                },
                now,
                planner.options.plain_weights,
            );
            self.stream.load(command, &payload).map_err(&fail)?;
            sent += payload.len();
            // Zeros that are left out take the engine as long as others.
            let beats = now.len() / BEAT_BYTES;
            self.timeline
                .weights(wait_blocks.into(), margins::LOAD + beats);
            rest = later;
        }
        self.layers[chunk.conv].weight_bytes += sent;
        self.loaded[index] = Loaded {
            weights: base,
            param,
        };
        Ok(())
    }

    /// Weight blocks that are in use together when a chunk is loaded.
    fn live_blocks(&self, index: usize) -> usize {
        let first = self.plan.chunks[index].jobs.0;
        self.plan.chunks[..=index]
            .iter()
            .filter(|chunk| chunk.jobs.1 >= first)
            .map(|chunk| chunk.blocks)
            .sum()
    }

    /// What the window unit does for a strip.
    fn strip_of(&self, strip: usize, job: &TileJob) -> Option<Strip> {
        let strips = &self.plan.strips;
        let conv = self.conv(job.conv)?;
        let grid = self.planner.grid(job.conv);
        let number = strip % strips.tiles.len();
        let end =
            |tile: usize| (strips.tiles[tile].rows(&grid).end - 1) * conv.stride + conv.kernel;
        let begin = number.checked_sub(1).map_or(0, end);
        Some(Strip {
            begin,
            end: end(number),
            width: (grid.width - 1) * conv.stride + conv.kernel,
            rows: strips.tiles[number].rows(&grid).len(),
            row_words: grid.width * strips.groups,
        })
    }

    /// Feeds the rows of one strip to the window unit.
    pub(super) fn rows(
        &mut self,
        job: &TileJob,
        strip: usize,
        width: usize,
    ) -> Result<(), CompileError> {
        let strips = &self.plan.strips;
        let fail = self.encoding(job.conv);
        let (Some(conv), Some(work)) = (self.conv(job.conv), self.strip_of(strip, job)) else {
            return Ok(());
        };
        let (kernel, stride) = (conv.kernel, conv.stride);
        let region = strips.region(strip);
        let words = region..region + strips.region_words();
        let reader = self.users.read_by(words.clone());
        let blocks = wait(self.users.blocks - 1 - reader);
        // Who has read a strip has waited for whatever was drained into it before.
        let writer = self.users.written(words.clone());
        let drains = match (reader, writer) {
            (0.., ..0) => WAIT_NONE,
            _ => wait(self.users.tiles - 1 - writer),
        };
        self.defer(reader, MemoryUse::Strip(words), self.users.blocks, 0);
        let gap = strips.pitch - self.planner.grid(job.conv).width;
        self.stream
            .record(Command::Rows(Rows {
                first: work.begin == 0,
                strip_end: true,
                wait: blocks,
                base: region as u32,
                plane: strips.plane as u32,
                width: width as u32,
                rows: (work.end - work.begin) as u32,
                kernel: kernel as u32,
                stride: stride as u32,
                gap: gap as u32,
                drains,
            }))
            .map_err(&fail)?;
        let row_bytes = Rows::row_bytes(width);
        for row in work.begin..work.end {
            self.stream.hole(row, row_bytes);
        }
        self.timeline.rows(blocks.into(), &Strip { width, ..work });
        self.strips = strip + 1;
        Ok(())
    }
}

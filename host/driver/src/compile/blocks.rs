//! Block records: one tile of one output group, in as many records as its inputs make useful.

use super::CompileError;
use super::emitter::{Emitter, layer};
use super::layout::Plane;
use super::margins;
use super::plan::TileJob;
use super::structure::{Sink, Source};
use super::users::{MemoryUse, outstanding};
use crate::program::{Segment, TileInfo};
use firebrick_network::Pool;
use firebrick_spec::command::{Block, Command, MAX_OUTSTANDING, Mode, block};
use std::ops::Range;

/// Feature addresses wrap at this number.
const ADDRESSES: usize = 1 << block::IN_BASE.width;

/// A run of channel groups computed by one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    first: usize,
    groups: usize,
    /// `outstanding` that the inputs allow, and with it the accumulators.
    data: u8,
    outstanding: u8,
}

/// A channel group that a tile reads.
#[derive(Clone, Debug)]
struct Input {
    /// Word of the tile's first position.
    base: usize,
    ring: u32,
    /// All words.
    words: [Range<usize>; 2],
    /// What they allow for `outstanding`.
    need: u8,
}

impl Input {
    /// Words from the first group to the second, 0 if there is none. Addresses wrap, so the
    /// second may lie before the first.
    fn distance(inputs: &[Input]) -> usize {
        match inputs {
            [first, second, ..] => (second.base + ADDRESSES - first.base) % ADDRESSES,
            _ => 0,
        }
    }

    /// Whether one record can name them all: the distance from each to the next is the same.
    fn in_line(inputs: &[Input]) -> bool {
        let step = Input::distance(inputs);
        inputs
            .windows(2)
            .all(|pair| Input::distance(pair) == step && pair[0].ring == pair[1].ring)
    }
}

/// Where a job's words go.
#[derive(Clone, Debug)]
struct Destination {
    mode: Mode,
    base: usize,
    gap: usize,
    ring: u32,
    words: [Range<usize>; 2],
}

impl Emitter<'_> {
    /// What a tile reads, channel group by channel group.
    fn inputs(&self, job: &TileJob) -> Vec<Input> {
        let (planner, plan) = (self.planner, self.plan);
        let positions = job
            .tile
            .with_halo(&planner.grid(job.conv), planner.kernel(job.conv));
        let plane = |map: usize, plane: usize| {
            let place = &plan.maps[map];
            let words = place.words(plane, positions.clone());
            let written = words.iter().filter(|words| !words.is_empty());
            let written = written.map(|words| self.users.written(words.clone())).max();
            Input {
                base: place.word(plane, job.tile.start),
                ring: place.ring,
                need: outstanding(self.users.tiles - 1 - written.unwrap_or(-1)),
                words,
            }
        };
        match planner.structure.convs[job.conv].source {
            Source::Picture => (0..plan.strips.groups)
                .map(|group| {
                    let region = plan.strips.region(job.strip.unwrap_or(0));
                    let base = region + group * plan.strips.plane;
                    Input {
                        base,
                        ring: 0,
                        words: [base..base + job.tile.count, 0..0],
                        // Strips are waited for otherwise.
                        need: MAX_OUTSTANDING,
                    }
                })
                .collect(),
            source @ (Source::Map(_) | Source::Join(_)) => (planner.reads(source).into_iter())
                .flat_map(|(map, _)| (0..plan.maps[map].planes.len()).map(move |at| (map, at)))
                .map(|(map, at)| plane(map, at))
                .collect(),
            Source::Pair(_) => {
                let (conv, group) = (job.conv, job.group);
                let terms = planner.terms(plan, Plane { conv, group });
                let terms = terms.iter().map(|term| plane(term.map, term.plane));
                terms.collect()
            }
        }
    }

    /// Splits the groups where a later one has to wait for a drain that an earlier one need not
    /// wait for, and where they lie at another distance.
    fn parts(&self, inputs: &[Input], slot: u8, cycles: usize) -> Vec<Part> {
        let mut parts = vec![Part {
            first: 0,
            groups: 0,
            data: MAX_OUTSTANDING,
            outstanding: slot,
        }];
        let mut start = self.timeline.next_start();
        for (group, input) in inputs.iter().enumerate() {
            let need = input.need;
            let at = parts.len() - 1;
            let part = &mut parts[at];
            let begin = start.max(self.timeline.drained(part.outstanding.into()));
            let late = need < part.outstanding
                && self.timeline.drained(need.into()) + margins::SPLIT > begin;
            let apart = !Input::in_line(&inputs[part.first..=group]);
            if part.groups > 0 && (late || apart) {
                start = begin + (part.groups * cycles) as u64;
                let outstanding = need.min(part.outstanding);
                parts.push(Part {
                    first: group,
                    groups: 1,
                    data: need,
                    outstanding,
                });
                continue;
            }
            part.outstanding = part.outstanding.min(need);
            part.data = part.data.min(need);
            part.groups += 1;
        }
        parts
    }

    /// Computes one tile of one output group.
    pub(super) fn job(&mut self, job: &TileJob, take_strip: bool) -> Result<(), CompileError> {
        let planner = self.planner;
        let config = planner.config;
        let conv = &planner.structure.convs[job.conv];
        let fail = self.encoding(job.conv);
        let (grid, tile) = (planner.grid(job.conv), job.tile);
        let kernel3 = planner.kernel(job.conv) == 3;
        let taps = if kernel3 { 9 } else { 1 };
        let inputs = self.inputs(job);
        let vectors = tile.vectors(config.lanes);
        let acc = job.acc_base..job.acc_base + vectors;
        let last_user = self.users.accumulator(job.bank, acc.clone());
        let slot = outstanding(self.users.tiles - 1 - last_user);
        // The next pass's weights enter row by row.
        let cycles = taps * vectors.max(config.tile);
        let parts = self.parts(&inputs, slot, cycles);
        let output = self.output(job);
        let sum = output.mode == Mode::Sum;
        let first_channel = job.group * config.tile;
        let channels = (conv.shape.channels - first_channel).min(config.tile);
        let beats = channels.div_ceil(4);
        let sent = planner.options.check || planner.options.map && sum;
        let tap = sent && output.mode != Mode::Write;
        let loaded = self.loaded[job.chunk];
        let first_record = self.stream.records.len();
        for (index, part) in parts.iter().enumerate() {
            let read = &inputs[part.first..part.first + part.groups];
            let weights = (loaded.weights + part.first * taps) % config.weight_blocks;
            let last = index + 1 == parts.len();
            let block = Block {
                kernel3,
                first: index == 0,
                last,
                take_strip: take_strip && index == 0,
                tap: tap && last,
                partial: conv.pool.is_some_and(Pool::counts_cut),
                pairs: conv.pool.is_some_and(|pool| pool.pairs),
                sum_first: sum && job.first_tile,
                sum_last: sum && job.last_tile,
                outstanding: part.outstanding,
                count: tile.count as u32,
                in_base: read[0].base as u32,
                groups: part.groups as u32,
                plane: Input::distance(read) as u32,
                acc_bank: job.bank as u8,
                acc_base: job.acc_base as u32,
                width: grid.width as u32,
                height: grid.height as u32,
                mode: output.mode,
                layer: layer(job.conv) as u32,
                in_gap: (grid.pitch - grid.width) as u32,
                y0: (tile.start / grid.pitch) as u32,
                x0: (tile.start % grid.pitch) as u32,
                line_base: job.line_base as u32,
                more_beats: beats.saturating_sub(1) as u32,
                weight_base: weights as u32,
                param: loaded.param as u32,
                data: part.data < slot || index > 0,
                out_base: output.base as u32,
                out_gap: output.gap as u32,
                in_ring: read[0].ring,
                out_ring: output.ring,
            };
            if index == 0 {
                let memory = MemoryUse::Accumulators(job.bank, acc.clone());
                self.defer(last_user, memory, self.users.tiles, part.data);
            }
            self.stream.record(Command::Block(block)).map_err(&fail)?;
            self.timeline.block(
                part.groups * cycles,
                part.groups * taps * vectors,
                part.outstanding.into(),
                block.take_strip,
            );
            self.users
                .weights
                .used(weights, part.groups * taps, self.users.blocks);
            for words in read.iter().flat_map(|input| &input.words) {
                self.users.read(words.clone());
            }
            self.users.blocks += 1;
        }
        let info = &mut self.layers[job.conv];
        info.records += parts.len();
        info.tiles += 1;
        info.busy_cycles += (inputs.len() * taps * vectors) as u64;
        self.timeline.drain(vectors);
        self.users.params.used(loaded.param, 1, self.users.tiles);
        self.users.accumulators[job.bank][acc].fill(self.users.tiles);
        for words in output.words {
            self.users.writer[words].fill(self.users.tiles);
        }
        self.users.tiles += 1;
        let pixels = grid.pixels(tile.start)..grid.pixels(tile.end());
        if tap {
            self.stream.segments.push(Segment::Tap {
                node: conv.node,
                group: job.group,
                start: pixels.start,
                count: pixels.len(),
            });
        }
        self.stream.tiles.push(TileInfo {
            layer: job.conv,
            group: job.group,
            pixels,
            records: first_record..self.stream.records.len(),
        });
        if sum && job.last_tile {
            self.stream.segments.push(Segment::Sums {
                first: first_channel,
                beats,
            });
        }
        Ok(())
    }

    /// Drain mode of a job, and the feature words that it writes.
    fn output(&self, job: &TileJob) -> Destination {
        let conv = &self.planner.structure.convs[job.conv];
        let Sink::Map(map) = conv.sink else {
            return Destination {
                mode: Mode::Sum,
                base: 0,
                gap: 0,
                ring: 0,
                words: [0..0, 0..0],
            };
        };
        let place = &self.plan.maps[map];
        let positions = self.planner.written(job.conv, &job.tile);
        Destination {
            mode: match conv.pool {
                None => Mode::Write,
                Some(_) => Mode::Pool,
            },
            // A tile without output has no destination; its address must be valid all the same.
            base: place.word(job.plane, positions.start),
            gap: place.grid.pitch - place.grid.width,
            ring: place.ring,
            words: place.words(job.plane, positions),
        }
    }
}

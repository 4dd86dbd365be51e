//! From the plan to the stream: loads as early as the memories allow, blocks with exactly the
//! waits that their inputs, accumulators and weights need.

use super::CompileError;
use super::emitter::Emitter;
use super::plan::TileJob;
use super::users;
use crate::program::{Compiled, Prediction, Program, Segment, StoredPlane, Stream};
use firebrick_spec::command::{Command, End, Hello, Store};

impl Emitter<'_> {
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
                map: planner.options.map,
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
    fn store(&mut self, job: &TileJob) -> Result<(), CompileError> {
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

//! Stages that are computed together, row by row: what each tile reads and makes, and how long
//! the rings between them have to be.

use super::CompileError;
use super::plan::{Plan, Planner, pooled_rows};
use super::structure::Sink;
use super::tiles::Tile;
use firebrick_spec::command::ring_words;
use firebrick_spec::resources::MemoryKind;
use std::ops::Range;

impl Planner<'_> {
    /// Positions of the output map that a tile writes, from the first pixel to the last.
    pub(super) fn written(&self, conv: usize, tile: &Tile) -> Range<usize> {
        let plan = &self.structure.convs[conv];
        let Sink::Map(map) = plan.sink else {
            return 0..0;
        };
        let (grid, pitch) = (self.grid(conv), self.pitches.maps[map]);
        match plan.pool {
            None => {
                let moved = |at: usize| at / grid.pitch * pitch + at % grid.pitch;
                moved(tile.start)..moved(tile.end() - 1) + 1
            }
            Some(pool) => {
                let rows = pooled_rows(tile, &grid, pool);
                let gap = pitch - plan.pooled.1;
                let start = rows.start * pitch;
                start..(rows.end * pitch).saturating_sub(gap).max(start)
            }
        }
    }

    /// Positions of the output map that are written when a tile and all before it are.
    pub(super) fn made(&self, plan: &Plan, stage: usize, tile: usize) -> usize {
        let conv = self.structure.stages[stage][0];
        let written = self.written(conv, &plan.stages[stage].tiles[tile]);
        match self.structure.convs[conv].pool {
            // A tile may complete no row.
            Some(_) if written.is_empty() => {
                let gap = plan_gap(self, conv);
                written.start.saturating_sub(gap)
            }
            _ => written.end,
        }
    }

    /// Positions of the input map that a tile reads; `None` if there is no such tile.
    pub(super) fn read(&self, plan: &Plan, stage: usize, tile: usize) -> Option<Range<usize>> {
        let convs = &self.structure.stages[stage];
        let tile = plan.stages[stage].tiles.get(tile)?;
        let kernel = convs.iter().map(|&conv| self.kernel(conv)).max()?;
        Some(tile.with_halo(&self.grid(convs[0]), kernel))
    }

    /// Whether the memories of weights and parameters hold what `fused` stages need at a time.
    pub(super) fn check_fused(&self, plan: &Plan, fused: usize) -> Result<(), CompileError> {
        let Some(stage) = plan.stages[..fused].last() else {
            return Ok(());
        };
        let chunks = stage
            .bundles
            .iter()
            .flat_map(|bundle| &bundle.chunks)
            .max()
            .map_or(0, |last| last + 1);
        let chunks = &plan.chunks[..chunks];
        let blocks: usize = chunks.iter().map(|chunk| chunk.blocks).sum();
        let summed = (0..fused).any(|stage| self.lead(stage).sink == Sink::Sum);
        let fits = blocks <= self.config.weight_blocks
            && chunks.len() <= self.config.param_groups
            && !summed;
        if fits {
            Ok(())
        } else {
            Err(self.no_rows(plan, fused))
        }
    }

    /// No order of rows is possible.
    pub(super) fn no_rows(&self, plan: &Plan, fused: usize) -> CompileError {
        let need = plan.stages[..fused].len();
        self.too_small(
            self.structure.stages[fused.saturating_sub(1)][0],
            (MemoryKind::Features, "stages at a time"),
            need,
            self.config.feature_words,
            "use a smaller picture or a configuration with a larger feature buffer",
        )
    }

    /// The ring of a map if the first `fused` stages are computed together: 0 if it is whole.
    /// It holds what a tile of a reader needs and a writer adds, and `slack` further tiles: with
    /// a reader that comes stages after the first, such as a bypass, one more for each of them.
    pub(super) fn ring(&self, plan: &Plan, map: usize, fused: usize, slack: usize) -> u32 {
        let shape = &self.structure.maps[map];
        if shape.first_stage >= fused || shape.last_read >= fused || shape.last_write >= fused {
            return 0;
        }
        let (mut read, mut written) = (0, 0);
        for stage in 0..fused {
            let lead = self.lead(stage);
            for tile in 0..plan.stages[stage].tiles.len() {
                if lead.source.maps().contains(&map) {
                    let need = self.read(plan, stage, tile).map_or(0, |range| range.len());
                    read = read.max(need);
                }
                if lead.sink == Sink::Map(map) {
                    let before = tile
                        .checked_sub(1)
                        .map_or(0, |tile| self.made(plan, stage, tile));
                    written = written.max(self.made(plan, stage, tile) - before);
                }
            }
        }
        let late = shape.last_read.saturating_sub(shape.first_read);
        let need = read + (1 + slack + late) * written;
        let whole = plan.maps[map].plane_words();
        (1..16)
            .find(|&ring| ring_words(ring) as usize >= need)
            .filter(|&ring| (ring_words(ring) as usize) < whole)
            .unwrap_or(0)
    }
}

/// Gap of the rows that a convolution writes.
fn plan_gap(planner: &Planner, conv: usize) -> usize {
    let plan = &planner.structure.convs[conv];
    match plan.sink {
        Sink::Map(map) => planner.pitches.maps[map] - plan.pooled.1,
        Sink::Sum => 0,
    }
}

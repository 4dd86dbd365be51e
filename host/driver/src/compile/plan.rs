//! What a plan is: a list of jobs, every tile of every output group in the order in which the array
//! computes them, and every map's place in the feature buffer. `planner` makes it.

use super::layout::{MapPlace, Plane, Strips};
use super::pitch::Pitches;
use super::structure::{ConvPlan, Source, Structure, conv_of};
use super::tiles::{Grid, Tile};
use super::{CompileError, CompileOptions};
use firebrick_network::{Network, Pool, Shape};
use firebrick_spec::HwConfig;
use firebrick_spec::resources::MemoryKind;
use std::ops::Range;

/// Weights and parameters of one output group of one convolution; loaded together. Additions of
/// the same stage share them, where channels lie alike.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub conv: usize,
    pub group: usize,
    /// Weight blocks.
    pub blocks: usize,
    /// First and last job that use it.
    pub jobs: (usize, usize),
}

/// Rows of a map to be sent to the host, in check mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreRows {
    pub map: usize,
    pub rows: Range<usize>,
}

/// One tile of one output group.
#[derive(Clone, Debug)]
pub(crate) struct TileJob {
    pub conv: usize,
    pub group: usize,
    pub chunk: usize,
    pub tile: Tile,
    pub bank: usize,
    pub acc_base: usize,
    pub line_base: usize,
    /// Plane of the output map.
    pub plane: usize,
    /// Strip of the window unit that it reads, counted through all sweeps over the picture.
    pub strip: Option<usize>,
    pub first_tile: bool,
    pub last_tile: bool,
    /// In check mode: what is complete after this job.
    pub store: Option<StoreRows>,
}

/// Output groups of a stage that alternate from tile to tile.
#[derive(Clone, Debug)]
pub(crate) struct Bundle {
    pub members: Vec<Plane>,
    /// Chunk of each member.
    pub chunks: Vec<usize>,
    /// Plane of the output map of the first member, if it has one; the others follow.
    pub first_plane: usize,
    /// Words of the pooling line memory before that of the first member, and of each.
    pub lines: (usize, usize),
}

/// How a stage is computed.
#[derive(Clone, Debug)]
pub(crate) struct StagePlan {
    pub tiles: Vec<Tile>,
    /// Accumulator vectors of a tile.
    pub slot: usize,
    pub bundles: Vec<Bundle>,
}

/// Everything but the stream itself.
#[derive(Debug)]
pub(crate) struct Plan {
    pub jobs: Vec<TileJob>,
    pub chunks: Vec<Chunk>,
    pub stages: Vec<StagePlan>,
    pub maps: Vec<MapPlace>,
    pub strips: Strips,
    /// Feature words used.
    pub feature_words: usize,
}

impl Plan {
    /// Whether all weights and parameters fit their memories together.
    pub fn is_resident(&self, config: &HwConfig) -> bool {
        let blocks: usize = self.chunks.iter().map(|chunk| chunk.blocks).sum();
        blocks <= config.weight_blocks && self.chunks.len() <= config.param_groups
    }
}

/// Borrowed inputs of planning.
pub(crate) struct Planner<'a> {
    pub network: &'a Network,
    pub shapes: &'a [Shape],
    pub config: &'a HwConfig,
    pub structure: &'a Structure,
    pub options: &'a CompileOptions,
    pub pitches: Pitches,
}

impl Planner<'_> {
    /// Groups of output channels.
    pub fn groups(&self, conv: usize) -> usize {
        self.structure.convs[conv]
            .shape
            .channels
            .div_ceil(self.config.tile)
    }

    /// Positions of the map that a convolution computes.
    pub fn grid(&self, conv: usize) -> Grid {
        let plan = &self.structure.convs[conv];
        Grid {
            height: plan.shape.height,
            width: plan.shape.width,
            pitch: self.pitches.at(plan.source),
        }
    }

    /// Edge of the kernel as the array sees it: the window unit makes the picture's 1.
    pub fn kernel(&self, conv: usize) -> usize {
        let plan = &self.structure.convs[conv];
        match conv_of(self.network, plan.node) {
            Some(conv) if plan.source != Source::Picture => conv.kernel,
            _ => 1,
        }
    }

    /// An error of a memory that is too small for a convolution.
    pub fn too_small(
        &self,
        conv: usize,
        memory: (MemoryKind, &'static str),
        need: usize,
        available: usize,
        hint: &str,
    ) -> CompileError {
        CompileError::Memory {
            node: self.network.nodes[self.structure.convs[conv].node]
                .name
                .clone(),
            config: self.config.name.clone(),
            memory: memory.0,
            unit: memory.1,
            need,
            available,
            hint: hint.to_owned(),
        }
    }

    /// The first convolution of a stage.
    pub fn lead(&self, stage: usize) -> &ConvPlan {
        &self.structure.convs[self.structure.stages[stage][0]]
    }
}

/// Rows of the pooled map that a tile of whole rows completes.
pub(crate) fn pooled_rows(tile: &Tile, grid: &Grid, pool: Pool) -> Range<usize> {
    let done = |rows: usize| {
        // Rows 0, 1, 2 complete the first, each two more a further one; pairs of rows with the row
        // behind them as well, where there is one.
        let whole = rows.saturating_sub(1) / 2;
        let cut = pool.counts_cut() && rows == grid.height && grid.height.is_multiple_of(2);
        whole + usize::from(cut)
    };
    let rows = tile.rows(grid);
    done(rows.start)..done(rows.end)
}

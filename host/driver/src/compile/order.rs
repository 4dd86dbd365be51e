//! The order in which the tiles of all stages are computed.

use super::margins::FUSED_DRAINED;
use super::plan::{Plan, Planner, StagePlan};
use super::structure::Sink;
use firebrick_spec::command::ring_words;
use firebrick_spec::latency::DRAIN_PACE;

/// One tile of all members of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    pub stage: usize,
    pub bundle: usize,
    pub tile: usize,
}

/// Stage by stage, the first of them being number `first`: each map is complete before the next
/// is begun.
pub(crate) fn breadth_first(stages: &[StagePlan], first: usize) -> Vec<Unit> {
    let mut units = Vec::new();
    for (stage, plan) in (first..).zip(stages) {
        for bundle in 0..plan.bundles.len() {
            for tile in 0..plan.tiles.len() {
                units.push(Unit {
                    stage,
                    bundle,
                    tile,
                });
            }
        }
    }
    units
}

/// A stage of those that are computed together.
#[derive(Debug, Default)]
struct Progress {
    /// Next tile.
    next: usize,
    /// When each tile issued has drained, counted in cycles of the array.
    drained: Vec<usize>,
}

/// Finds an order for the first stages, in which each tile comes as soon as its inputs are there.
struct Search<'a> {
    planner: &'a Planner<'a>,
    plan: &'a Plan,
    stages: Vec<Progress>,
    now: usize,
}

/// The first `fused` stages row by row: maps between them are rings of rows. `None` if the
/// rings are too short for any order.
pub(crate) fn depth_first(planner: &Planner, plan: &Plan, fused: usize) -> Option<Vec<Unit>> {
    let mut search = Search {
        planner,
        plan,
        stages: (0..fused).map(|_| Progress::default()).collect(),
        now: 0,
    };
    let total = plan.stages[..fused].iter().map(|s| s.tiles.len()).sum();
    let mut units = Vec::with_capacity(total);
    while units.len() < total {
        units.push(search.step()?);
    }
    Some(units)
}

impl Search<'_> {
    /// Issues the deepest tile whose inputs have drained, or the one whose inputs will first.
    fn step(&mut self) -> Option<Unit> {
        let mut best = None;
        for stage in (0..self.stages.len()).rev() {
            let Some(ready) = self.ready(stage).filter(|_| self.has_room(stage)) else {
                continue;
            };
            if best.is_none_or(|(_, at)| ready < at && at > self.now) {
                best = Some((stage, ready));
            }
        }
        let (stage, ready) = best?;
        let plan = &self.plan.stages[stage];
        let tile = self.stages[stage].next;
        let vectors = plan.tiles[tile].vectors(self.planner.config.lanes);
        let blocks: usize = plan
            .bundles
            .iter()
            .flat_map(|bundle| &bundle.chunks)
            .map(|&chunk| self.plan.chunks[chunk].blocks)
            .sum();
        self.now = self.now.max(ready) + blocks * vectors;
        let progress = &mut self.stages[stage];
        progress
            .drained
            .push(self.now + DRAIN_PACE * vectors + FUSED_DRAINED);
        progress.next += 1;
        Some(Unit {
            stage,
            bundle: 0,
            tile,
        })
    }

    /// When the inputs of a stage's next tile have drained; `None` if they are not yet issued,
    /// or if there is no further tile.
    fn ready(&self, stage: usize) -> Option<usize> {
        let need = self
            .planner
            .read(self.plan, stage, self.stages[stage].next)?;
        let mut when = 0;
        let maps = self.lead(stage).source.maps();
        for writer in 0..self.stages.len() {
            if !maps
                .iter()
                .any(|&map| self.lead(writer).sink == Sink::Map(map))
            {
                continue;
            }
            let tiles = 0..self.stages[writer].next;
            let tile = tiles
                .into_iter()
                .find(|&tile| self.planner.made(self.plan, writer, tile) >= need.end)?;
            when = when.max(self.stages[writer].drained[tile]);
        }
        Some(when)
    }

    /// Whether what the next tile of a stage overwrites has been read.
    fn has_room(&self, stage: usize) -> bool {
        let Sink::Map(map) = self.lead(stage).sink else {
            return true;
        };
        let ring = self.plan.maps[map].ring;
        if ring == 0 {
            return true;
        }
        let end = self.planner.made(self.plan, stage, self.stages[stage].next);
        (0..self.stages.len())
            .filter(|&reader| self.lead(reader).source.maps().contains(&map))
            .filter_map(|reader| {
                self.planner
                    .read(self.plan, reader, self.stages[reader].next)
            })
            .all(|need| end <= need.start + ring_words(ring) as usize)
    }

    fn lead(&self, stage: usize) -> &super::structure::ConvPlan {
        self.planner.lead(stage)
    }
}

//! The order in which the tiles of all stages are computed.

use super::plan::StagePlan;

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

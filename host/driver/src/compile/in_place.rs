//! Additions whose sums take the place of one of the maps: of two maps that fill most of the
//! feature buffer there is no room for a third.

use super::plan::{Plan, Planner};
use super::structure::{Sink, Source};

impl Planner<'_> {
    /// For each map the one in whose place it lies: mostly its own. The first `fused` stages are
    /// computed together.
    pub(super) fn homes(&self, plan: &Plan, fused: usize) -> Vec<usize> {
        let mut homes: Vec<usize> = (0..plan.maps.len()).collect();
        for stage in fused..self.structure.stages.len() {
            let lead = self.lead(stage);
            if let (Source::Pair(inputs), Sink::Map(output)) = (lead.source, lead.sink) {
                let mut inputs = inputs.into_iter();
                if let Some(map) = inputs.find(|&map| self.in_place(plan, stage, map, output)) {
                    homes[output] = homes[map];
                }
            }
        }
        homes
    }

    /// Whether the output of a stage of additions may take the place of one of its inputs. A drain
    /// may overwrite what its own tile and those before it have read; so each plane has to be
    /// read by the tiles that overwrite it, and by nobody later.
    fn in_place(&self, plan: &Plan, stage: usize, input: usize, output: usize) -> bool {
        let (from, to) = (&plan.maps[input], &plan.maps[output]);
        let unused = self.structure.maps[input].last_read == stage
            && self.structure.maps[output].first_stage == stage
            && self.structure.maps[output].last_write == stage;
        let alike = from.grid == to.grid
            && (from.ring, to.ring) == (0, 0)
            && from.planes.len() == to.planes.len();
        unused
            && alike
            && self.lead(stage).pool.is_none()
            && to.planes.iter().enumerate().all(|(at, &member)| {
                let terms = self.terms(plan, member);
                let mut here = terms.iter().filter(|term| term.map == input);
                here.all(|term| term.plane == at)
            })
    }
}

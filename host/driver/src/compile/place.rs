//! Where maps and window strips lie in the feature buffer.

use super::CompileError;
use super::memory::{self, Region};
use super::plan::{Plan, Planner};
use firebrick_spec::resources::MemoryKind;

/// Most regions of the ring of window strips: one computing, the others filling.
const STRIPS: usize = 12;

impl Planner<'_> {
    /// Gives every map and the strip ring their place, with as many strips as fit.
    /// The first `fused` stages live together.
    pub(super) fn place(&self, plan: &mut Plan, fused: usize) -> Result<(), CompileError> {
        let together = fused.saturating_sub(1);
        let homes = self.homes(plan, fused);
        let mut regions: Vec<Region> = self
            .structure
            .maps
            .iter()
            .zip(&plan.maps)
            .map(|(map, place)| {
                let (first, last) = match map.first_stage < fused {
                    true => (0, map.last_read.max(together)),
                    false => (map.first_stage, map.last_read),
                };
                let mut region = Region::new(place.total_words(), first, last);
                if place.ring > 0 {
                    region.align = place.plane_words();
                }
                region
            })
            .collect();
        let maps = regions.len();
        for (map, &home) in homes.iter().enumerate().filter(|&(map, &home)| map != home) {
            let guest = std::mem::replace(&mut regions[map], Region::new(0, 0, 0));
            regions[home].lives.extend(guest.lives);
        }
        regions.push(Region::new(0, 0, together));
        let late = self.late_stage(plan);
        for strips in (1..=STRIPS).rev() {
            // The next picture's strips come in while the last stages are computed.
            for early in [true, false] {
                regions[maps].words = strips * plan.strips.region_words();
                regions[maps].lives.truncate(1);
                if early {
                    regions[maps].lives.push(late);
                }
                let (bases, peak) = memory::place(&regions);
                if peak <= self.config.feature_words {
                    for (place, &home) in plan.maps.iter_mut().zip(&homes) {
                        place.base = bases[home];
                    }
                    plan.strips.base = bases[maps];
                    plan.strips.regions = strips;
                    plan.feature_words = peak;
                    return Ok(());
                }
            }
        }
        Err(self.no_place(&regions))
    }

    /// The stages from the one whose blocks are computed when the decoder comes to the end.
    fn late_stage(&self, plan: &Plan) -> (usize, usize) {
        let last = plan.stages.len() - 1;
        let mut jobs = 0;
        let mut first = last;
        while first > 0 {
            let stage = &plan.stages[first];
            let members: usize = stage.bundles.iter().map(|b| b.members.len()).sum();
            jobs += members * stage.tiles.len();
            if jobs >= self.config.block_queue {
                break;
            }
            first -= 1;
        }
        (first, last)
    }

    /// Names the stage with the largest need.
    fn no_place(&self, regions: &[Region]) -> CompileError {
        let need = |stage: usize| -> usize {
            regions
                .iter()
                .filter(|region| region.lives_in(stage))
                .map(|region| region.words)
                .sum()
        };
        let worst = (0..self.structure.stages.len())
            .max_by_key(|&s| need(s))
            .unwrap_or(0);
        let (_, peak) = memory::place(regions);
        self.too_small(
            self.structure.stages[worst][0],
            (MemoryKind::Features, "words (inputs and outputs together)"),
            need(worst).max(peak),
            self.config.feature_words,
            "use a smaller picture or a configuration with a larger feature buffer",
        )
    }
}

//! From the network's structure to a [`Plan`]: which tiles and groups a stage has, and the jobs in
//! the order in which the array computes them.

use super::CompileError;
use super::banks::Banks;
use super::layout::{MapPlace, Plane, Strips};
use super::order::{self, Unit};
use super::plan::{Bundle, Chunk, Plan, Planner, StagePlan, StoreRows, TileJob};
use super::structure::{Sink, Source};
use super::tiles::{Cut, Grid, Tile, cut};
use firebrick_spec::command::block;
use firebrick_spec::resources::MemoryKind;

/// Most accumulator slots in each bank: more tiles than that are never under way.
const SLOTS: usize = 4;

/// Passes of a tile that computes for twice as long as it drains.
const SINGLE_PASSES: usize = 4;

impl Planner<'_> {
    /// Output groups of a stage in the order in which they drain. Long and short tiles are
    /// mixed, so that the long ones hide the drains of the short ones.
    fn members(&self, plan: &Plan, stage: &[usize]) -> Vec<Plane> {
        let mut order = Vec::new();
        for &conv in stage {
            let groups = self.group_order(plan, conv);
            for (at, &group) in groups.iter().enumerate() {
                order.push((
                    (2 * at + 1) as f64 / groups.len() as f64,
                    Plane { conv, group },
                ));
            }
        }
        let kernel = |plane: &Plane| self.kernel(plane.conv);
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(kernel(&b.1).cmp(&kernel(&a.1))));
        order.into_iter().map(|(_, plane)| plane).collect()
    }

    /// Vectors that a tile may have. A tile that computes for twice as long as it drains needs
    /// no second accumulator slot: `single` such tiles alternate between the banks.
    fn limit(&self, single: bool) -> usize {
        let config = self.config;
        let wanted = self.options.limits.vectors.unwrap_or(match config.lanes {
            1 if single => config.acc_depth,
            1 => config.acc_depth / 2,
            2 => 192,
            4 => 128,
            _ => 96,
        });
        let most = config
            .acc_depth
            .min(block::COUNT.max() as usize / config.lanes);
        wanted.max(config.tile).min(most)
    }

    /// Tiles of a convolution, of at most `limit` vectors unless a row has more.
    fn tiles(&self, conv: usize, limit: usize) -> Result<Vec<Tile>, CompileError> {
        let plan = &self.structure.convs[conv];
        let (grid, lanes) = (self.grid(conv), self.config.lanes);
        let most = self.config.acc_depth;
        for limit in [limit, most] {
            let how = Cut {
                lanes,
                limit,
                whole_rows: plan.pool.is_some() || plan.source == Source::Picture,
            };
            // With two lanes, the next tile may use the same word of the pool's line memory too soon.
            let close = |tile: &Tile| {
                let rows = tile.rows(&grid).len();
                tile.count.next_multiple_of(2) < (rows - 1) * grid.pitch + 4
            };
            match cut(&grid, &how) {
                Some(tiles)
                    if plan.pool.is_some()
                        && lanes == 2
                        && tiles.split_last().is_some_and(|t| t.1.iter().any(close)) =>
                {
                    return Err(self.too_small(
                        conv,
                        (
                            MemoryKind::Accumulators,
                            "vectors in a bank (a narrow pooled map in one piece)",
                        ),
                        grid.positions().div_ceil(lanes),
                        limit,
                        "use a picture that is less high, or a configuration with other lanes",
                    ));
                }
                Some(tiles) => return Ok(tiles),
                None => {}
            }
        }
        Err(self.too_small(
            conv,
            (
                MemoryKind::Accumulators,
                "vectors in a bank (a row of pixels)",
            ),
            grid.width.div_ceil(lanes),
            most,
            "use a narrower picture or a configuration with deeper accumulators",
        ))
    }

    /// Makes the plan: stage by stage, or if the maps do not fit, the first stages together.
    pub(super) fn plan(&self) -> Result<Plan, CompileError> {
        let whole = self.plan_fused(0, 0);
        if !matches!(&whole, Err(CompileError::Memory { memory, .. }) if *memory == MemoryKind::Features)
        {
            return whole;
        }
        for fused in 2..self.structure.stages.len() {
            for slack in [1, 0] {
                if let Ok(plan) = self.plan_fused(fused, slack) {
                    return Ok(plan);
                }
            }
        }
        whole
    }

    /// Makes a plan that computes the first `fused` stages together, row by row. The maps
    /// between them have room for `slack` tiles more than they need.
    fn plan_fused(&self, fused: usize, slack: usize) -> Result<Plan, CompileError> {
        let mut plan = Plan {
            jobs: Vec::new(),
            chunks: Vec::new(),
            stages: Vec::new(),
            maps: self
                .structure
                .maps
                .iter()
                .zip(&self.pitches.maps)
                .map(|(map, &pitch)| {
                    MapPlace::new(Grid {
                        height: map.height,
                        width: map.width,
                        pitch,
                    })
                })
                .collect(),
            strips: Strips::default(),
            feature_words: 0,
        };
        let mut lines = 0;
        for (number, stage) in self.structure.stages.iter().enumerate() {
            let before = if number < fused { lines } else { 0 };
            let stage = self.plan_stage(&mut plan, stage, number < fused, before)?;
            if number < fused {
                let bundles = stage.bundles.iter();
                lines += bundles.map(|b| b.members.len() * b.lines.1).sum::<usize>();
            }
            plan.stages.push(stage);
        }
        self.check_fused(&plan, fused)?;
        // Tiles of different stages alternate: equal slots do not overlap.
        let slot = plan.stages[..fused].iter().map(|s| s.slot).max();
        for stage in &mut plan.stages[..fused] {
            stage.slot = slot.unwrap_or(stage.slot);
        }
        for map in 0..plan.maps.len() {
            plan.maps[map].ring = self.ring(&plan, map, fused, slack);
        }
        self.place(&mut plan, fused)?;
        let Some(mut units) = order::depth_first(self, &plan, fused) else {
            return Err(self.no_rows(&plan, fused));
        };
        units.extend(order::breadth_first(&plan.stages[fused..], fused));
        self.make_jobs(&mut plan, &units);
        Ok(plan)
    }

    /// Tiles and output groups of a stage.
    fn plan_stage(
        &self,
        plan: &mut Plan,
        stage: &[usize],
        fused: bool,
        lines_before: usize,
    ) -> Result<StagePlan, CompileError> {
        let config = self.config;
        let lead = &self.structure.convs[stage[0]];
        let picture = lead.source == Source::Picture;
        let inputs = self.inputs(plan, stage[0]).len();
        let single = !picture
            && !fused
            && inputs >= SINGLE_PASSES
            && stage.iter().any(|&conv| self.kernel(conv) > 1);
        let limit = match plan.stages.first() {
            // Tiles as long as those of the first stage keep the banks in step.
            Some(first) if fused => first.slot,
            _ => self.limit(single),
        };
        let (grid, tiles) = (self.grid(stage[0]), self.tiles(stage[0], limit)?);
        let line_words = match lead.pool {
            Some(_) => grid.pitch.div_ceil(config.line_columns()),
            None => 0,
        };
        let members = self.members(plan, stage);
        // A strip serves all groups, if the pool has room for their lines.
        let wanted = if picture || fused {
            members.len()
        } else {
            stage.len().min(members.len())
        };
        let room = (config.line_words - lines_before).checked_div(line_words);
        let size = match room {
            Some(room) if !fused => wanted.min(room),
            _ => wanted,
        };
        let need = lines_before + size.max(1) * line_words;
        if need > config.line_words {
            return Err(self.too_small(
                stage[0],
                (MemoryKind::PoolingLines, "words"),
                need,
                config.line_words,
                "use a narrower picture or a configuration with more line words",
            ));
        }
        let mut bundles = Vec::new();
        let begin = plan.chunks.len();
        for members in members.chunks(size) {
            let chunks = members.iter().map(|&m| self.chunk(plan, m, begin));
            let chunks = chunks.collect();
            let first_plane = match lead.sink {
                Sink::Map(map) => {
                    let planes = &mut plan.maps[map].planes;
                    planes.extend(members);
                    planes.len() - members.len()
                }
                Sink::Sum => 0,
            };
            bundles.push(Bundle {
                members: members.to_vec(),
                chunks,
                first_plane,
                lines: (lines_before, line_words),
            });
        }
        let slot = tiles
            .iter()
            .map(|tile| tile.vectors(config.lanes))
            .max()
            .unwrap_or(1);
        if picture {
            plan.strips = Strips::new(grid, tiles.clone(), inputs, config.lanes);
        }
        Ok(StagePlan {
            tiles,
            slot,
            bundles,
        })
    }

    /// The chunk of a member of the stage whose chunks begin with `begin`.
    fn chunk(&self, plan: &mut Plan, member: Plane, begin: usize) -> usize {
        let selections = |member: Plane| -> Vec<_> {
            let terms = self.terms(plan, member).into_iter();
            terms.map(|term| term.selection).collect()
        };
        if matches!(self.structure.convs[member.conv].source, Source::Pair(_)) {
            let wanted = selections(member);
            let same = plan.chunks[begin..].iter().position(|chunk| {
                let (conv, group) = (chunk.conv, chunk.group);
                selections(Plane { conv, group }) == wanted
            });
            if let Some(same) = same {
                return begin + same;
            }
        }
        plan.chunks.push(Chunk {
            conv: member.conv,
            group: member.group,
            blocks: self.passes(plan, member),
            jobs: (usize::MAX, 0),
        });
        plan.chunks.len() - 1
    }

    /// The jobs of units in their order.
    fn make_jobs(&self, plan: &mut Plan, units: &[Unit]) {
        let config = self.config;
        let mut banks = Banks::new(config);
        let mut sent = vec![0; plan.maps.len()];
        let mut done = vec![0; plan.stages.len()];
        for unit in units {
            done[unit.stage] = unit.tile + 1;
            let stage = &plan.stages[unit.stage];
            let (tile, bundle) = (stage.tiles[unit.tile], &stage.bundles[unit.bundle]);
            let slots = (config.acc_depth / stage.slot).clamp(1, SLOTS);
            let vectors = tile.vectors(config.lanes);
            for (at, member) in bundle.members.iter().enumerate() {
                let chunk = &mut plan.chunks[bundle.chunks[at]];
                let job = plan.jobs.len();
                chunk.jobs = (chunk.jobs.0.min(job), job);
                let (bank, slot) = banks.next(chunk.blocks, vectors, slots);
                let picture = self.structure.convs[member.conv].source == Source::Picture;
                plan.jobs.push(TileJob {
                    conv: member.conv,
                    group: member.group,
                    chunk: bundle.chunks[at],
                    tile,
                    bank,
                    acc_base: slot * stage.slot,
                    line_base: bundle.lines.0 + at * bundle.lines.1,
                    plane: bundle.first_plane + at,
                    strip: picture.then_some(unit.bundle * stage.tiles.len() + unit.tile),
                    first_tile: unit.tile == 0,
                    last_tile: unit.tile + 1 == stage.tiles.len(),
                    store: None,
                });
            }
            let store = self
                .options
                .check
                .then(|| self.stored(plan, unit, &done, &sent));
            if let (Some(Some(store)), Some(job)) = (store, plan.jobs.last_mut()) {
                sent[store.map] = store.rows.end;
                job.store = Some(store);
            }
        }
    }

    /// What is complete after a unit and has to be sent to the host: whole maps, and in rings
    /// rows. `done` are the tiles of each stage, `sent` the rows of each map.
    fn stored(
        &self,
        plan: &Plan,
        unit: &Unit,
        done: &[usize],
        sent: &[usize],
    ) -> Option<StoreRows> {
        let Sink::Map(map) = self.lead(unit.stage).sink else {
            return None;
        };
        if unit.bundle + 1 < plan.stages[unit.stage].bundles.len() {
            return None;
        }
        let (place, height) = (&plan.maps[map], self.structure.maps[map].height);
        let rows = (0..plan.stages.len())
            .filter(|&writer| self.lead(writer).sink == Sink::Map(map))
            .map(|writer| {
                let made = done[writer]
                    .checked_sub(1)
                    .map_or(0, |tile| self.made(plan, writer, tile));
                // The last row ends without its gap.
                (made + place.grid.pitch - place.grid.width) / place.grid.pitch
            })
            .min()?;
        let worth = rows == height || place.ring > 0;
        (worth && rows > sent[map]).then(|| StoreRows {
            map,
            rows: sent[map]..rows,
        })
    }
}

//! From the network's structure to a list of jobs: every tile of every output group in the order
//! in which the array computes them, and every map's place in the feature buffer.

use super::memory::{self, Region};
use super::pack::{self, InputGroup};
use super::structure::{Sink, Source, Structure, conv_of};
use super::tiles::{Tile, cut};
use super::{CompileError, CompileOptions};
use firebrick_network::{Network, Shape};
use firebrick_spec::HwConfig;

/// Regions of the ring of window strips: one computing, the others filling.
const STRIPS: usize = 4;
/// Accumulator slots in each bank, where the tiles of a stage are small enough.
const SLOTS: usize = 2;
/// A tile with fewer passes takes longer to drain than to compute.
const SHORT_PASSES: usize = 3;

/// Weights and parameters of one output group of one convolution; loaded together.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub conv: usize,
    pub group: usize,
    /// Weight blocks.
    pub blocks: usize,
    /// Last job that uses it.
    pub last_job: usize,
}

/// One tile of one output group.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub conv: usize,
    pub group: usize,
    pub chunk: usize,
    pub tile: Tile,
    pub bank: usize,
    pub acc_base: usize,
    pub line_base: usize,
    /// Plane of the output map.
    pub plane: usize,
    /// Strip of the window unit that it reads.
    pub strip: Option<usize>,
    pub first_tile: bool,
    pub last_tile: bool,
    /// In check mode: the map that is complete after this job.
    pub store: Option<usize>,
}

/// One group of channels of a map, in the order of its planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plane {
    pub conv: usize,
    pub group: usize,
}

/// A map in the feature buffer.
#[derive(Clone, Debug, Default)]
pub(crate) struct MapPlace {
    pub base: usize,
    pub planes: Vec<Plane>,
}

/// Everything but the stream itself.
#[derive(Debug)]
pub(crate) struct Plan {
    pub jobs: Vec<Job>,
    pub chunks: Vec<Chunk>,
    pub maps: Vec<MapPlace>,
    pub strips: Vec<Tile>,
    pub strip_base: usize,
    /// Words of one region of the strip ring, in one plane.
    pub strip_plane: usize,
    /// Regions of the strip ring.
    pub strip_regions: usize,
    /// Planes of a strip.
    pub strip_groups: usize,
    /// Feature words used.
    pub feature_words: usize,
}

/// Borrowed inputs of planning.
pub(crate) struct Planner<'a> {
    pub network: &'a Network,
    pub shapes: &'a [Shape],
    pub config: &'a HwConfig,
    pub structure: &'a Structure,
    pub options: &'a CompileOptions,
}

impl Planner<'_> {
    fn groups(&self, conv: usize) -> usize {
        self.structure.convs[conv]
            .shape
            .channels
            .div_ceil(self.config.tile)
    }

    /// Channel groups that a convolution reads, in the order of their planes.
    pub fn inputs(&self, plan: &Plan, conv: usize) -> Vec<InputGroup> {
        let tile = self.config.tile;
        match self.structure.convs[conv].source {
            Source::Picture => conv_of(self.network, self.structure.convs[conv].node)
                .map(|conv| pack::window_groups(conv, tile))
                .unwrap_or_default(),
            Source::Map(map) => plan.maps[map]
                .planes
                .iter()
                .map(|plane| {
                    let writer = &self.structure.convs[plane.conv];
                    (plane.group * tile..(plane.group + 1) * tile)
                        .map(|c| (c < writer.shape.channels).then_some(writer.offset + c))
                        .collect()
                })
                .collect(),
        }
    }

    /// An error of a memory that is too small for a convolution.
    pub fn too_small(
        &self,
        conv: usize,
        memory: (&'static str, &'static str),
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

    /// Output groups of a stage: bundles whose members alternate from tile to tile. Long and
    /// short tiles are mixed, so that the long ones hide the drains of the short ones.
    fn bundles(&self, stage: &[usize]) -> Vec<Vec<Plane>> {
        let mut order = Vec::new();
        for &conv in stage {
            let groups = self.groups(conv);
            for group in 0..groups {
                order.push((
                    (2 * group + 1) as f64 / groups as f64,
                    Plane { conv, group },
                ));
            }
        }
        let kernel = |plane: &Plane| {
            conv_of(self.network, self.structure.convs[plane.conv].node).map_or(0, |c| c.kernel)
        };
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(kernel(&b.1).cmp(&kernel(&a.1))));
        let order: Vec<Plane> = order.into_iter().map(|(_, plane)| plane).collect();
        if self.structure.convs[stage[0]].source == Source::Picture {
            vec![order] // strip by strip
        } else {
            order.chunks(stage.len()).map(<[Plane]>::to_vec).collect()
        }
    }

    /// Tiles of a convolution and the length of an accumulator slot.
    fn tiles(&self, conv: usize) -> Result<(Vec<Tile>, usize), CompileError> {
        let plan = &self.structure.convs[conv];
        let rows = plan.pool.is_some() || plan.source == Source::Picture;
        let Shape { height, width, .. } = plan.shape;
        for slots in (1..=SLOTS).rev() {
            let slot = self.config.acc_depth / slots;
            if let Some(tiles) = cut(height, width, slot, rows) {
                return Ok((tiles, slot));
            }
        }
        Err(self.too_small(
            conv,
            ("accumulator memory", "vectors in a bank (a row of pixels)"),
            width,
            self.config.acc_depth,
            "use a narrower picture or a configuration with deeper accumulators",
        ))
    }

    /// Makes the plan.
    pub fn plan(&self) -> Result<Plan, CompileError> {
        let mut plan = Plan {
            jobs: Vec::new(),
            chunks: Vec::new(),
            maps: vec![MapPlace::default(); self.structure.maps.len()],
            strips: Vec::new(),
            strip_base: 0,
            strip_plane: 0,
            strip_regions: 0,
            strip_groups: 0,
            feature_words: 0,
        };
        let mut banks = Banks::default();
        for (number, stage) in self.structure.stages.iter().enumerate() {
            self.plan_stage(&mut plan, &mut banks, number, stage)?;
        }
        self.place(&mut plan)?;
        Ok(plan)
    }

    fn plan_stage(
        &self,
        plan: &mut Plan,
        banks: &mut Banks,
        number: usize,
        stage: &[usize],
    ) -> Result<(), CompileError> {
        let (tiles, slot) = self.tiles(stage[0])?;
        let lead = &self.structure.convs[stage[0]];
        let picture = lead.source == Source::Picture;
        if picture {
            plan.strip_plane = tiles.iter().map(|tile| tile.count).max().unwrap_or(0);
            plan.strips.clone_from(&tiles);
        }
        for bundle in self.bundles(stage) {
            let first_chunk = plan.chunks.len();
            let mut planes = Vec::new();
            for member in &bundle {
                if let Sink::Map(map) = lead.sink {
                    planes.push(plan.maps[map].planes.len());
                    plan.maps[map].planes.push(*member);
                }
            }
            for member in &bundle {
                let taps = match conv_of(self.network, self.structure.convs[member.conv].node) {
                    Some(conv) if !picture => conv.kernel * conv.kernel,
                    _ => 1,
                };
                let blocks = self.inputs(plan, member.conv).len() * taps;
                plan.chunks.push(Chunk {
                    conv: member.conv,
                    group: member.group,
                    blocks,
                    last_job: 0,
                });
            }
            let line_words = if lead.pool.is_some() {
                lead.shape.width.div_ceil(self.config.line_columns())
            } else {
                0
            };
            if bundle.len() * line_words > self.config.line_words {
                return Err(self.too_small(
                    stage[0],
                    ("pooling line memory", "words"),
                    bundle.len() * line_words,
                    self.config.line_words,
                    "use a narrower picture or a configuration with more line words",
                ));
            }
            for (index, tile) in tiles.iter().enumerate() {
                for (at, member) in bundle.iter().enumerate() {
                    let chunk = first_chunk + at;
                    let (bank, slot_number) =
                        banks.next(plan.chunks[chunk].blocks, self.config.acc_depth / slot);
                    plan.chunks[chunk].last_job = plan.jobs.len();
                    plan.jobs.push(Job {
                        conv: member.conv,
                        group: member.group,
                        chunk,
                        tile: *tile,
                        bank,
                        acc_base: slot_number * slot,
                        line_base: at * line_words,
                        plane: planes.get(at).copied().unwrap_or(0),
                        strip: picture.then_some(index),
                        first_tile: index == 0,
                        last_tile: index + 1 == tiles.len(),
                        store: None,
                    });
                }
            }
        }
        if let (true, Sink::Map(map)) = (self.options.check, lead.sink)
            && self.structure.maps[map].last_write == number
            && let Some(job) = plan.jobs.last_mut()
        {
            job.store = Some(map);
        }
        Ok(())
    }

    /// Gives every map and the strip ring their place, with as many strips as fit.
    fn place(&self, plan: &mut Plan) -> Result<(), CompileError> {
        let mut regions: Vec<Region> = self
            .structure
            .maps
            .iter()
            .zip(&plan.maps)
            .map(|(map, place)| Region {
                words: place.planes.len() * map.height * map.width,
                first: map.first_stage,
                last: map.last_read,
            })
            .collect();
        let first = self.structure.stages[0][0];
        plan.strip_groups = self.inputs(plan, first).len();
        let strip = plan.strip_plane * plan.strip_groups;
        regions.push(Region {
            words: 0,
            first: 0,
            last: 0,
        });
        let maps = plan.maps.len();
        for count in (1..=STRIPS).rev() {
            regions[maps].words = count * strip;
            let (bases, peak) = memory::place(&regions);
            if peak <= self.config.feature_words {
                for (place, base) in plan.maps.iter_mut().zip(&bases) {
                    place.base = *base;
                }
                plan.strip_base = bases[maps];
                plan.strip_regions = count;
                plan.feature_words = peak;
                return Ok(());
            }
        }
        Err(self.no_place(&regions))
    }

    /// Names the stage with the largest need.
    fn no_place(&self, regions: &[Region]) -> CompileError {
        let need = |stage: usize| -> usize {
            regions
                .iter()
                .filter(|r| (r.first..=r.last).contains(&stage))
                .map(|r| r.words)
                .sum()
        };
        let worst = (0..self.structure.stages.len())
            .max_by_key(|&s| need(s))
            .unwrap_or(0);
        let (_, peak) = memory::place(regions);
        self.too_small(
            self.structure.stages[worst][0],
            ("feature buffer", "words (inputs and outputs together)"),
            need(worst).max(peak),
            self.config.feature_words,
            "use a smaller picture or a configuration with a larger feature buffer",
        )
    }
}

/// Hands out accumulator banks and slots. Tiles alternate between the banks, so that one bank
/// drains while the other computes; but a tile too short to hide a drain stays in the bank of
/// the long one before it, and both drain during the next long one.
#[derive(Debug, Default)]
struct Banks {
    bank: usize,
    run: usize,
    long: bool,
    slots: [usize; 2],
}

impl Banks {
    fn next(&mut self, passes: usize, slots: usize) -> (usize, usize) {
        let short = passes < SHORT_PASSES;
        if short && self.long && self.run < slots {
            self.run += 1;
        } else {
            self.bank = 1 - self.bank;
            self.run = 1;
        }
        self.long = !short;
        let slot = self.slots[self.bank] % slots;
        self.slots[self.bank] = (slot + 1) % slots;
        (self.bank, slot)
    }
}

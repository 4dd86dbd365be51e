//! The array: passes of a block over its tile.

use super::memory::Writer;
use super::place::{TilePosition, ring_word};
use super::{EngineFault, ExecError, Executor, HazardKind};
use firebrick_spec::arith::ACTIVATION_OFFSET;
use firebrick_spec::command::Block;

impl Executor {
    /// Runs one block record.
    pub(super) fn block(&mut self, record: u32, block: &Block) -> Result<(), ExecError> {
        self.order.start_block(block.outstanding);
        if block.take_strip {
            let complete = self.order.taken < self.order.strips;
            let taken = self.order.taken as usize;
            self.require(complete, record, HazardKind::StripMissing, taken)?;
            self.order.taken += 1;
        }
        self.claim_accumulators(record, block)?;
        let radius = i64::from(block.kernel3);
        let mut pass = 0;
        for group in 0..i64::from(block.groups) {
            for dy in -radius..=radius {
                for dx in -radius..=radius {
                    let weights = (block.weight_base as usize + pass) % self.config.weight_blocks;
                    self.pass(
                        record,
                        block,
                        (group, dy, dx),
                        weights,
                        block.first && pass == 0,
                    )?;
                    pass += 1;
                }
            }
        }
        self.count_vectors(block);
        if block.last {
            self.drain(record, block)?;
        }
        Ok(())
    }

    /// Checks that the block may use its accumulators, and makes them its tile's.
    fn claim_accumulators(&mut self, record: u32, block: &Block) -> Result<(), ExecError> {
        let bank = usize::from(block.acc_bank);
        // A sum goes on exactly where it began: an engine may have a vector of another place still
        // on its way to the accumulators.
        let place = Some((block.acc_bank, block.acc_base, block.count));
        let same = block.first || self.order.sum_place == place;
        self.require(
            same,
            record,
            HazardKind::AccumulatorStale,
            block.acc_base as usize,
        )?;
        self.order.sum_place = place;
        for at in self.accumulators(block) {
            let owner = self.memories.acc_use[bank][at];
            let (known, kind) = if block.first {
                (self.order.drained(owner.tile), HazardKind::AccumulatorInUse)
            } else {
                (owner.sum == self.order.sums, HazardKind::AccumulatorStale)
            };
            self.require(known, record, kind, at)?;
            self.memories.acc_use[bank][at].sum = self.order.sums;
        }
        Ok(())
    }

    /// Accumulator vectors of a block's tile.
    pub(super) fn accumulators(&self, block: &Block) -> std::ops::Range<usize> {
        block.acc_base as usize..(block.acc_base + block.vectors(self.config.lanes)) as usize
    }

    /// Counts the cycles in which the array takes a vector of this block, and their positions
    /// without a pixel.
    fn count_vectors(&mut self, block: &Block) {
        let vectors = u64::from(block.vectors(self.config.lanes));
        let pixels = TilePosition::of(block).filter(|place| place.pixel).count() as u64;
        let passes = u64::from(block.passes());
        self.registers.count(
            block.layer,
            passes * vectors,
            passes * (vectors * self.config.lanes as u64 - pixels),
        );
    }

    /// One pass: one weight block over all positions of the tile. Sums at positions in a gap are
    /// dropped when the tile drains, so nothing is added to them.
    fn pass(
        &mut self,
        record: u32,
        block: &Block,
        (group, dy, dx): (i64, i64, i64),
        entry: usize,
        clear: bool,
    ) -> Result<(), ExecError> {
        let tile = self.config.tile;
        let loaded = self.memories.weight_use[entry].loaded;
        self.require(loaded, record, HazardKind::WeightsNeverLoaded, entry)?;
        self.memories.weight_use[entry].user = self.order.blocks - 1;
        let weights: Vec<i32> = self.memories.weights[entry * tile * tile..][..tile * tile]
            .iter()
            .map(|&byte| i32::from(byte as i8))
            .collect();
        // What every pixel lacks, masked or not: the array multiplies x - 128.
        let mut lacking = vec![0; tile];
        for row in weights.chunks_exact(tile) {
            for (sum, &weight) in lacking.iter_mut().zip(row) {
                *sum += ACTIVATION_OFFSET * weight;
            }
        }
        let (width, height) = (i64::from(block.width), i64::from(block.height));
        let plane = i64::from(block.in_base) + group * i64::from(block.plane);
        let base = plane + dy * i64::from(block.pitch()) + dx;
        let bank = usize::from(block.acc_bank);
        for (v, place) in TilePosition::of(block).enumerate() {
            let at = (block.acc_base as usize * self.config.lanes + v) * tile;
            if clear {
                self.memories.acc[bank][at..at + tile].fill(0);
            }
            if !place.pixel {
                continue;
            }
            let acc = &mut self.memories.acc[bank][at..at + tile];
            for (sum, &lacking) in acc.iter_mut().zip(&lacking) {
                *sum = sum.wrapping_sub(lacking);
            }
            let (y, x) = (i64::from(place.y) + dy, i64::from(place.x) + dx);
            if (0..height).contains(&y) && (0..width).contains(&x) {
                let address = ring_word(plane, base + v as i64, block.in_ring);
                if address >= self.config.feature_words {
                    return Err(EngineFault::range(record).into());
                }
                self.readable(record, address)?;
                self.memories.feature_use[address].reader = self.order.blocks - 1;
                let acc = &mut self.memories.acc[bank][at..at + tile];
                let word = &self.memories.features[address * tile..][..tile];
                accumulate(acc, word, &weights);
            }
        }
        Ok(())
    }

    /// Checks that a feature word holds what the stream means it to hold.
    fn readable(&self, record: u32, address: usize) -> Result<(), ExecError> {
        let (known, kind) = match self.memories.feature_use[address].writer {
            Writer::Nobody => (false, HazardKind::FeatureNeverWritten),
            Writer::Tile(tile) => (self.order.drained(tile), HazardKind::FeatureNotDrained),
            Writer::Strip(strip) => (strip < self.order.taken, HazardKind::StripNotTaken),
        };
        self.require(known, record, kind, address)
    }

    /// Checks a word that a store record sends. Whatever could overwrite it waits for the store.
    pub(super) fn stored(&self, record: u32, address: usize) -> Result<(), ExecError> {
        self.readable(record, address)
    }
}

/// `acc += W^T x`, row k of `weights` being input channel k.
fn accumulate(acc: &mut [i32], x: &[u8], weights: &[i32]) {
    for (&x, row) in x.iter().zip(weights.chunks_exact(acc.len())) {
        if x != 0 {
            for (sum, &weight) in acc.iter_mut().zip(row) {
                *sum = sum.wrapping_add(i32::from(x) * weight);
            }
        }
    }
}

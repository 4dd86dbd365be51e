//! The array: passes of a block over its tile.

use super::memory::Writer;
use super::{EngineFault, ExecError, Executor, HazardKind};
use firebrick_spec::command::{Block, block};

/// Feature addresses have as many bits as their fields.
const ADDRESS_SPACE: i64 = 1 << block::IN_BASE.width;

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
        self.registers.busy += pass as u64 * u64::from(block.count);
        if block.last {
            self.drain(record, block)?;
        }
        Ok(())
    }

    /// Checks that the block may use its accumulators, and makes them its tile's.
    fn claim_accumulators(&mut self, record: u32, block: &Block) -> Result<(), ExecError> {
        let bank = usize::from(block.acc_bank);
        for at in block.acc_base as usize..(block.acc_base + block.count) as usize {
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

    /// One pass: one weight block over all pixels of the tile.
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
        let (width, height) = (i64::from(block.width), i64::from(block.height));
        let (mut y, mut x) = (i64::from(block.y0), i64::from(block.x0));
        let base = i64::from(block.in_base) + group * i64::from(block.plane) + dy * width + dx;
        for v in 0..block.count as usize {
            let at = (block.acc_base as usize + v) * tile;
            if clear {
                self.memories.acc[usize::from(block.acc_bank)][at..at + tile].fill(0);
            }
            if (0..height).contains(&(y + dy)) && (0..width).contains(&(x + dx)) {
                let address = (base + v as i64).rem_euclid(ADDRESS_SPACE) as usize;
                if address >= self.config.feature_words {
                    return Err(EngineFault::range(record).into());
                }
                self.readable(record, address)?;
                self.memories.feature_use[address].reader = self.order.blocks - 1;
                let acc = &mut self.memories.acc[usize::from(block.acc_bank)][at..at + tile];
                let word = &self.memories.features[address * tile..][..tile];
                accumulate(acc, word, &weights);
            }
            x += 1;
            if x == width {
                (x, y) = (0, y + 1);
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

    /// Checks a word that a store record sends, and notes that it is read. A store precedes the
    /// next block, so it is done when that block is.
    pub(super) fn stored(&mut self, record: u32, address: usize) -> Result<(), ExecError> {
        self.readable(record, address)?;
        self.memories.feature_use[address].reader = self.order.blocks;
        Ok(())
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

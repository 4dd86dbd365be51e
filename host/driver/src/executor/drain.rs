//! The drain unit: requantisation, then writing, pooling or summing.

use super::memory::Writer;
use super::{EngineFault, ExecError, Executor, HazardKind};
use firebrick_spec::arith::Requant;
use firebrick_spec::command::{Block, Mode, PARAM_BYTES};

/// Where the next output word of a tile goes.
struct Output {
    record: u32,
    next: usize,
}

impl Executor {
    /// Drains the tile that a block has finished.
    pub(super) fn drain(&mut self, record: u32, block: &Block) -> Result<(), ExecError> {
        self.order.finish_tile();
        for owner in &mut self.memories.acc_use[usize::from(block.acc_bank)]
            [block.acc_base as usize..(block.acc_base + block.count) as usize]
        {
            owner.tile = self.order.tiles - 1;
        }
        let tile = self.config.tile;
        let params = self.params(record, block)?;
        let mut output = Output {
            record,
            next: block.out_base as usize,
        };
        if block.mode == Mode::Sum && block.sum_first {
            self.sums.fill(0);
        }
        let (mut y, mut x) = (block.y0, block.x0);
        let mut run = vec![0; tile];
        let mut word = vec![0; tile];
        for v in 0..block.count as usize {
            let at = (block.acc_base as usize + v) * tile;
            let acc = &self.memories.acc[usize::from(block.acc_bank)][at..at + tile];
            for ((y, &acc), requant) in word.iter_mut().zip(acc).zip(&params) {
                *y = requant.apply(acc);
            }
            if block.tap {
                self.out.extend_from_slice(&word);
            }
            match block.mode {
                Mode::Write => self.put(&mut output, &word)?,
                Mode::Pool => self.pool(block, &mut output, (y, x), &mut run, &word)?,
                Mode::Sum => {
                    for (sum, &value) in self.sums.iter_mut().zip(&word) {
                        *sum = sum.wrapping_add(i32::from(value));
                    }
                }
            }
            x += 1;
            if x == block.width {
                (x, y) = (0, y + 1);
            }
        }
        if block.mode == Mode::Sum && block.sum_last {
            let values = block.beats as usize * self.config.bus_bytes / 4;
            for index in 0..values {
                let sum = self.sums.get(index).copied().unwrap_or(0);
                self.out.extend(sum.to_le_bytes());
            }
        }
        Ok(())
    }

    fn params(&mut self, record: u32, block: &Block) -> Result<Vec<Requant>, ExecError> {
        let entry = block.param as usize;
        let loaded = self.memories.param_use[entry].loaded;
        self.require(loaded, record, HazardKind::ParamsNeverLoaded, entry)?;
        self.memories.param_use[entry].user = self.order.tiles - 1;
        let group = self.memories.param_bytes();
        let mut valid = true;
        let params = self.memories.params[entry * group..][..group]
            .chunks_exact(PARAM_BYTES)
            .map(|bytes| {
                let requant = Requant {
                    bias: i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
                    mult: u16::from_le_bytes([bytes[4], bytes[5]]),
                    shift: bytes[6],
                };
                valid &= requant.is_valid();
                // Outside its range requantisation is undefined; stay away from panics.
                Requant {
                    shift: requant.shift.clamp(1, 63),
                    ..requant
                }
            })
            .collect();
        self.require(valid, record, HazardKind::ParamsInvalid, entry)?;
        Ok(params)
    }

    /// Writes one word to the feature buffer.
    fn put(&mut self, output: &mut Output, word: &[u8]) -> Result<(), ExecError> {
        let address = output.next;
        output.next += 1;
        if address >= self.config.feature_words {
            return Err(EngineFault::range(output.record).into());
        }
        let known = match self.memories.feature_use[address].writer {
            Writer::Strip(strip) => strip < self.order.taken,
            _ => true,
        };
        self.require(known, output.record, HazardKind::StripNotTaken, address)?;
        self.memories.feature_use[address].writer = Writer::Tile(self.order.tiles - 1);
        self.memories.word_mut(address).copy_from_slice(word);
        Ok(())
    }

    /// Takes one word at row `y`, column `x` into the max-pool. `run` is the maximum along the row.
    fn pool(
        &mut self,
        block: &Block,
        output: &mut Output,
        (y, x): (u32, u32),
        run: &mut [u8],
        word: &[u8],
    ) -> Result<(), ExecError> {
        let max = |a: &mut [u8], b: &[u8]| {
            a.iter_mut().zip(b).for_each(|(a, &b)| *a = (*a).max(b));
        };
        let mut across = run.to_vec();
        max(&mut across, word);
        if x.is_multiple_of(2) {
            run.copy_from_slice(word);
        } else {
            run.copy_from_slice(&across);
        }
        let column = match x {
            _ if x.is_multiple_of(2) && x >= 2 => x / 2 - 1,
            _ if !x.is_multiple_of(2) && block.partial && x + 1 == block.width => x / 2,
            _ => return Ok(()),
        };
        let line = (block.line_base + column) as usize;
        self.require(
            line < self.config.line_words,
            output.record,
            HazardKind::LineRange,
            line,
        )?;
        let tile = self.config.tile;
        let line = line % self.config.line_words * tile;
        let line = &mut self.memories.lines[line..line + tile];
        let mut down = line.to_vec();
        max(&mut down, &across);
        if y.is_multiple_of(2) {
            line.copy_from_slice(&across);
        } else {
            line.copy_from_slice(&down);
        }
        let even = y.is_multiple_of(2) && y >= 2;
        let cut = !y.is_multiple_of(2) && block.partial && y + 1 == block.height;
        if even || cut {
            self.put(output, &down)
        } else {
            Ok(())
        }
    }
}

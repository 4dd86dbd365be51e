//! The drain unit: requantisation, then writing, pooling or summing.

use super::memory::Writer;
use super::place::{TilePosition, ring_word};
use super::{EngineFault, ExecError, Executor, HazardKind};
use firebrick_spec::BEAT_BYTES;
use firebrick_spec::arith::Requant;
use firebrick_spec::command::{Block, Mode, PARAM_BYTES};

/// Where the next output word of a tile goes.
struct OutputCursor {
    record: u32,
    /// Word that the ring is found by.
    base: i64,
    next: i64,
    gap: i64,
    ring: u32,
    /// Whether the row under way has put out anything.
    row: bool,
}

impl OutputCursor {
    fn new(record: u32, block: &Block) -> OutputCursor {
        OutputCursor {
            record,
            base: i64::from(block.out_base),
            next: i64::from(block.out_base),
            gap: i64::from(block.out_gap),
            ring: block.out_ring,
            row: false,
        }
    }

    /// The word for the next pixel.
    fn advance(&mut self) -> usize {
        let address = ring_word(self.base, self.next, self.ring);
        self.next += 1;
        self.row = true;
        address
    }

    /// A row of the tile has ended.
    fn end_row(&mut self) {
        if std::mem::take(&mut self.row) {
            self.next += self.gap;
        }
    }
}

impl Executor {
    /// Drains the tile that a block has finished.
    pub(super) fn drain(&mut self, record: u32, block: &Block) -> Result<(), ExecError> {
        self.order.finish_tile();
        let vectors = self.accumulators(block);
        for owner in &mut self.memories.acc_use[usize::from(block.acc_bank)][vectors] {
            owner.tile = self.order.tiles - 1;
        }
        self.drainable(record, block)?;
        let (tile, bits) = (self.config.tile, self.config.sum_bits);
        let params = self.params(record, block)?;
        let mut output = OutputCursor::new(record, block);
        if block.mode == Mode::Sum && block.sum_first {
            self.sums.fill(0);
        }
        let mut run = vec![0; tile];
        let mut word = vec![0; tile];
        for (v, place) in TilePosition::of(block).enumerate() {
            if !place.pixel {
                continue;
            }
            let at = (block.acc_base as usize * self.config.lanes + v) * tile;
            let acc = &self.memories.acc[usize::from(block.acc_bank)][at..at + tile];
            for ((y, &acc), requant) in word.iter_mut().zip(acc).zip(&params) {
                *y = requant.apply_within(acc, bits);
            }
            if block.tap {
                self.send(&word);
            }
            match block.mode {
                Mode::Write => self.put(&mut output, &word)?,
                Mode::Pool => {
                    self.pool(block, &mut output, (place.y, place.x), &mut run, &word)?;
                }
                Mode::Sum => {
                    for (sum, &value) in self.sums.iter_mut().zip(&word) {
                        *sum = sum.wrapping_add(i32::from(value));
                    }
                }
            }
            if place.x + 1 == block.width {
                output.end_row();
            }
        }
        if block.mode == Mode::Sum && block.sum_last {
            let values = block.beats() as usize * BEAT_BYTES / 4;
            for index in 0..values {
                let sum = self.sums.get(index).copied().unwrap_or(0);
                self.out.extend(sum.to_le_bytes());
            }
        }
        Ok(())
    }

    /// Checks what the drain of several pixels at a time asks of a tile.
    fn drainable(&self, record: u32, block: &Block) -> Result<(), ExecError> {
        let at_once = self.config.drain_pixels() as u32;
        let pitch = block.pitch();
        match block.mode {
            Mode::Pool => {
                let cut = block.partial && block.width.is_multiple_of(2);
                let aligned = self.config.lanes == 1
                    || pitch.is_multiple_of(at_once)
                        && pitch >= 4 * at_once
                        && (!cut || block.in_gap >= 1);
                // The next tile uses the same words of the line memory.
                let rows = block.count.div_ceil(pitch);
                let last_row = block.count.next_multiple_of(2) - (rows - 1) * pitch;
                let spaced =
                    self.config.lanes != 2 || last_row >= 4 || block.y0 + rows >= block.height;
                let whole = block.x0 == 0 && spaced;
                self.require(
                    aligned && whole,
                    record,
                    HazardKind::PoolPitch,
                    pitch as usize,
                )?;
                let words = pitch.div_ceil(self.config.line_columns() as u32);
                let end = (block.line_base + words) as usize;
                let fits = end <= self.config.line_words;
                self.require(fits, record, HazardKind::LineRange, end)
            }
            // Pixels drained together have to lie in different banks.
            Mode::Write => {
                let apart = at_once == 1 || block.out_gap <= block.in_gap + at_once;
                let out_gap = block.out_gap as usize;
                self.require(apart, record, HazardKind::OutputGap, out_gap)
            }
            Mode::Sum => Ok(()),
        }
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
    fn put(&mut self, output: &mut OutputCursor, word: &[u8]) -> Result<(), ExecError> {
        let address = output.advance();
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
    /// With `pairs`, a window leaves out the even column and the even row in which it ends.
    fn pool(
        &mut self,
        block: &Block,
        output: &mut OutputCursor,
        (y, x): (u32, u32),
        run: &mut [u8],
        word: &[u8],
    ) -> Result<(), ExecError> {
        let max = |a: &mut [u8], b: &[u8]| {
            a.iter_mut().zip(b).for_each(|(a, &b)| *a = (*a).max(b));
        };
        let (x_even, y_even) = (x.is_multiple_of(2), y.is_multiple_of(2));
        let mut across = run.to_vec();
        if !(block.pairs && x_even) {
            max(&mut across, word);
        }
        run.copy_from_slice(if x_even { word } else { &across });
        let column = match x {
            _ if x_even && x >= 2 => x / 2 - 1,
            _ if !x_even && block.partial && x + 1 == block.width => x / 2,
            _ => return Ok(()),
        };
        let tile = self.config.tile;
        let columns = self.config.line_pixels();
        let line = block.line_base as usize * columns + column as usize;
        // Beyond its end the memory's contents are undefined; stay away from panics.
        let line = line % (self.config.line_words * columns) * tile;
        let line = &mut self.memories.lines[line..line + tile];
        let mut down = line.to_vec();
        if !(block.pairs && y_even) {
            max(&mut down, &across);
        }
        line.copy_from_slice(if y_even { &across } else { &down });
        let cut = !y_even && block.partial && y + 1 == block.height;
        if (y_even && y >= 2) || cut {
            self.put(output, &down)
        } else {
            Ok(())
        }
    }
}

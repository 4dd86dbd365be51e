//! Where a drained tile's words go: which banks of the feature buffer a vector writes.

use firebrick_spec::HwConfig;
use firebrick_spec::command::{Block, Mode};

/// The output of a block's tile, in closed form.
#[derive(Clone, Copy, Debug)]
pub(super) struct TilePlacement {
    block: Block,
    lanes: u32,
    pixels: u32,
    /// Columns of the output map, in mode pool.
    pooled_width: u32,
}

impl TilePlacement {
    pub fn new(block: &Block, config: &HwConfig) -> TilePlacement {
        let whole = block.width.saturating_sub(3) / 2 + 1;
        let cut = u32::from(block.partial && block.width.is_multiple_of(2));
        TilePlacement {
            block: *block,
            lanes: config.lanes as u32,
            pixels: config.drain_pixels() as u32,
            pooled_width: whole + cut,
        }
    }

    /// Banks written by a step's pixels, a bit for each.
    pub fn banks(&self, vector: u32, step: u32) -> u8 {
        let mut banks = 0;
        for pixel in 0..self.pixels {
            let position = vector * self.lanes + step * self.pixels + pixel;
            if let Some(address) = self.address(position) {
                banks |= 1 << (address % self.lanes);
            }
        }
        banks
    }

    /// Word that is complete with a position, without the ring: it does not change the bank.
    fn address(&self, position: u32) -> Option<u32> {
        let block = &self.block;
        let from_row = block.x0 + position;
        let (row, x) = (from_row / block.pitch(), from_row % block.pitch());
        match block.mode {
            Mode::Write => (position < block.count && x < block.width).then(|| {
                (block.out_base + row * (block.width + block.out_gap) + x).wrapping_sub(block.x0)
            }),
            Mode::Pool => {
                // A window that ends in the gap needs the pixel before it.
                let pixel = position.checked_sub(u32::from(self.pixels > 1))?;
                if pixel >= block.count {
                    return None;
                }
                let column = self.column(x)?;
                let y = block.y0 + row;
                let rows = self.rows(y + 1) - self.rows(y);
                (rows > 0).then(|| {
                    let before = self.rows(y) - self.rows(block.y0);
                    block.out_base + before * (self.pooled_width + block.out_gap) + column
                })
            }
            Mode::Sum => None,
        }
    }

    /// The pooled column that ends with column `x`.
    fn column(&self, x: u32) -> Option<u32> {
        let block = &self.block;
        if x.is_multiple_of(2) {
            // With several pixels a cycle, a cut window ends in the gap.
            let gap = self.pixels > 1 && block.partial && x == block.width;
            return (x >= 2 && (x < block.width || gap)).then(|| x / 2 - 1);
        }
        let cut = self.pixels == 1 && block.partial && x + 1 == block.width;
        cut.then_some(x / 2)
    }

    /// Pooled rows that end before row `y`.
    fn rows(&self, y: u32) -> u32 {
        let block = &self.block;
        let whole = y.saturating_sub(1) / 2;
        let cut = block.partial && block.height.is_multiple_of(2) && y >= block.height;
        whole + u32::from(cut)
    }
}

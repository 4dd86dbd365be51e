//! Which accumulators a tile takes.

use super::margins::HIDDEN_HANDOVER;
use firebrick_spec::HwConfig;

/// Hands out accumulator banks and slots. Tiles alternate between the banks, so that one bank
/// drains while the other computes; but a tile too short to hide a drain stays in the bank of
/// the long one before it, and both drain during the next long one.
#[derive(Debug)]
pub(crate) struct Banks {
    /// Cycles in which a vector drains.
    drain_cycles: usize,
    tile: usize,
    bank: usize,
    run: usize,
    long: bool,
    slots: [usize; 2],
}

impl Banks {
    pub fn new(config: &HwConfig) -> Banks {
        Banks {
            drain_cycles: config.tile.div_ceil(config.requantisers),
            tile: config.tile,
            bank: 0,
            run: 0,
            long: false,
            slots: [0; 2],
        }
    }

    /// Bank and slot of a tile of `vectors`, of which each bank has room for `slots`.
    pub fn next(&mut self, passes: usize, vectors: usize, slots: usize) -> (usize, usize) {
        let compute = passes * vectors.max(self.tile);
        let short = compute <= self.drain_cycles * vectors + HIDDEN_HANDOVER;
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

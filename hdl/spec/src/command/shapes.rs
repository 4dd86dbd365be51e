//! What follows from a record's fields taken together.

use super::{Block, Hello};
use crate::config::HwConfig;

impl Hello {
    /// The hello record of a configuration.
    #[must_use]
    pub fn for_config(config: &HwConfig) -> Hello {
        Hello {
            magic: crate::MAGIC,
            abi: crate::ABI_VERSION,
            hash_lo: config.hash() as u32,
            hash_hi: (config.hash() >> 32) as u32,
        }
    }

    /// The configuration hash, both halves.
    #[must_use]
    pub fn hash(&self) -> u64 {
        u64::from(self.hash_lo) | u64::from(self.hash_hi) << 32
    }
}

impl Block {
    /// Number of passes that the array makes for the block.
    #[must_use]
    pub fn passes(&self) -> u32 {
        self.groups * if self.kernel3 { 9 } else { 1 }
    }

    /// Beats of four i32 sums that a block with `sum_last` sends, 1 to 4.
    #[must_use]
    pub fn beats(&self) -> u32 {
        self.more_beats + 1
    }

    /// Positions from the start of one row to the next: width plus gap.
    #[must_use]
    pub fn pitch(&self) -> u32 {
        self.width + self.in_gap
    }

    /// Number of accumulator vectors of the tile.
    #[must_use]
    pub fn vectors(&self, lanes: usize) -> u32 {
        self.count.div_ceil(lanes as u32)
    }
}

/// Wraps an address in a ring: `address` is where the word would lie without a ring, `base` the
/// base of its plane, and `ring` as in [`super::block::IN_RING`].
#[must_use]
pub fn ring_address(base: u32, address: u32, ring: u32) -> u32 {
    if ring == 0 {
        return address;
    }
    let mask = ring_words(ring) - 1;
    (base & !mask) | (address & mask)
}

/// Number of words of a ring, with `ring` from 1 as in [`super::block::IN_RING`].
#[must_use]
pub const fn ring_words(ring: u32) -> u32 {
    16 << ring
}

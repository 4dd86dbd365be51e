//! Where the positions of a tile lie in its map, and words in rings.

use firebrick_spec::command::{Block, block, ring_address};

/// Feature addresses have as many bits as their fields.
const ADDRESS_MASK: i64 = (1 << block::IN_BASE.width) - 1;

/// One position of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TilePosition {
    /// Row of the map.
    pub y: u32,
    /// Column, beyond the width in a gap.
    pub x: u32,
    /// Whether it is a pixel and not in a gap.
    pub pixel: bool,
}

impl TilePosition {
    /// The positions of a block's tile, in order.
    pub fn of(block: &Block) -> impl Iterator<Item = TilePosition> + use<> {
        let (mut y, mut x) = (block.y0, block.x0);
        let (width, pitch) = (block.width, block.pitch());
        (0..block.count).map(move |_| {
            let pixel = x < width;
            let place = TilePosition { y, x, pixel };
            x += 1;
            if x == pitch {
                (x, y) = (0, y + 1);
            }
            place
        })
    }
}

/// The feature word at `address` of a plane that begins at `base`; both wrap like the engine's
/// address registers, and within the plane's ring if it is one.
pub(super) fn ring_word(base: i64, address: i64, ring: u32) -> usize {
    let wrapped = |value: i64| (value & ADDRESS_MASK) as u32;
    ring_address(wrapped(base), wrapped(address), ring) as usize
}

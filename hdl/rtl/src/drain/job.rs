//! What the drain unit is told about one tile.

#![allow(
    missing_docs,
    reason = "the derived struct accessors bring no documentation"
)]

use rust_hdl::prelude::*;

/// One job of the drain unit: a finished tile or the end of an image.
///
/// The fields are those of the same name in the block record (`firebrick_spec::command::block`);
/// the first lies in the low bits. For `end_image` only `tag` means something, for a tile all
/// others do.
#[derive(Copy, Clone, PartialEq, Debug, Default, LogicStruct)]
pub struct DrainJob {
    /// End of an image in place of a tile: sends the result trailer.
    pub end_image: Bit,
    /// Accumulator bank.
    pub acc_bank: Bit,
    /// Accumulator vector of the first positions.
    pub acc_base: Bits<11>,
    /// Positions, from 1.
    pub count: Bits<13>,
    /// Requantisation parameter group.
    pub param: Bits<10>,
    /// 0 write, 1 pool, 2 sum.
    pub mode: Bits<2>,
    /// Also sends every requantised word to the host.
    pub tap: Bit,
    /// Pool windows cut by the right or lower edge count.
    pub partial: Bit,
    /// Pool windows are 2x2.
    pub pairs: Bit,
    /// The sums start from 0.
    pub sum_first: Bit,
    /// The sums are sent after this tile.
    pub sum_last: Bit,
    /// Beats of four sums to send, less 1.
    pub more_beats: Bits<2>,
    /// Feature word of the first output pixel.
    pub out_base: Bits<20>,
    /// Words left out after each row of the output.
    pub out_gap: Bits<4>,
    /// Ring of the output, 0 for none.
    pub out_ring: Bits<4>,
    /// First word of the pooling line memory.
    pub line_base: Bits<10>,
    /// Width of the map in pixels.
    pub width: Bits<10>,
    /// Height of the map in pixels.
    pub height: Bits<10>,
    /// Positions without a pixel after each row of the tile.
    pub in_gap: Bits<4>,
    /// Column of the tile's first position.
    pub x0: Bits<10>,
    /// Row of the tile's first position.
    pub y0: Bits<10>,
    /// Tag of the end record.
    pub tag: Bits<32>,
}

/// Bits of a packed [`DrainJob`].
pub const DRAIN_JOB_BITS: usize = DrainJob::BITS;

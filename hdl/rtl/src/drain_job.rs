//! What the drain unit is told about one tile.

#![allow(
    missing_docs,
    reason = "the derived struct accessors bring no documentation"
)]

use rust_hdl::prelude::*;

/// One job of the drain unit: a finished tile or the end of an image.
///
/// The fields are those of the same name in the block record (`firebrick_spec::command::block`);
/// the first lies in the low bits. For `end_image`, the 32 bits of `out_base` and `line_base`
/// together are the tag of the end record, `out_base` its low 20 bits, and the fields of the
/// tile mean nothing.
#[derive(Copy, Clone, PartialEq, Debug, Default, LogicStruct)]
pub struct DrainJob {
    /// End of an image in place of a tile: sends the result trailer.
    pub end_image: Bit,
    /// Accumulator bank.
    pub acc_bank: Bit,
    /// Accumulator of the first pixel vector.
    pub acc_base: Bits<11>,
    /// Pixel vectors, from 1.
    pub count: Bits<13>,
    /// Requantisation parameter group.
    pub param: Bits<12>,
    /// 0 write, 1 pool, 2 sum.
    pub mode: Bits<2>,
    /// Also sends every requantised vector to the host.
    pub tap: Bit,
    /// Pool windows cut by the right or lower edge count.
    pub partial: Bit,
    /// The sums start from 0.
    pub sum_first: Bit,
    /// The sums are sent after this tile.
    pub sum_last: Bit,
    /// Beats of four sums to send, 1 to 4.
    pub beats: Bits<3>,
    /// Feature word of the first output vector.
    pub out_base: Bits<20>,
    /// First word of the pooling line memory.
    pub line_base: Bits<12>,
    /// Width of the map in pixels.
    pub width: Bits<10>,
    /// Height of the map in pixels.
    pub height: Bits<10>,
    /// Row of the tile's first pixel.
    pub y0: Bits<10>,
}

/// Bits of a packed [`DrainJob`].
pub const DRAIN_JOB_BITS: usize = DrainJob::BITS;

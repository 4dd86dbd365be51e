//! What the drain unit knows about the entries that pass it together.

#![allow(
    missing_docs,
    reason = "the derived struct accessors bring no documentation"
)]

use firebrick_spec::latency::VECTOR_LATENCY;
use rust_hdl::prelude::*;

/// Cycles that a finished [`DrainStep`] waits for its words: a step is known five cycles after
/// its vector was granted.
pub const STEP_DELAY: usize = VECTOR_LATENCY - 5;

/// One step: `drain_pixels` entries (consecutive positions of a tile) that pass the back of the
/// drain unit in the same cycle.
#[derive(Copy, Clone, PartialEq, Debug, Default, LogicStruct)]
pub struct DrainStep {
    /// First step of its job.
    pub opens: Bit,
    /// Last step of its job.
    pub last: Bit,
    /// Second step of its vector.
    pub second: Bit,
    /// End of an image.
    pub end_image: Bit,
    /// Mode write.
    pub plain: Bit,
    /// Mode sum.
    pub adds: Bit,
    /// The sums start from 0.
    pub sum_first: Bit,
    /// The sums are sent after the tile.
    pub sends_sums: Bit,
    /// Beats of them, less 1.
    pub more_beats: Bits<2>,
    /// The words are sent.
    pub tap: Bit,
    /// The first entry lies in an even column.
    pub x_even: Bit,
    /// It lies in an even row.
    pub y_even: Bit,
    /// Pool windows are 2x2.
    pub pairs: Bit,
    /// The word of the line memory changes.
    pub line_write: Bit,
    /// Word of the line memory.
    pub line: Bits<10>,
    /// For a tile its `out_base`, from bit 20 `out_gap`, from bit 24 `out_ring`; for an end its
    /// tag.
    pub word: Bits<32>,
}

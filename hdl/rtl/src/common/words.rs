//! The three meanings of a word of [`BEAT_BITS`] bits.

use firebrick_spec::BEAT_BITS;
use rust_hdl::prelude::Bits;

/// A beat of an AXI4-Stream; its byte 0 comes first and lies in bits 7:0.
pub type Beat = Bits<BEAT_BITS>;

/// Activations of up to 16 channels of one position, u8 each, the lowest channel in bits 7:0: a word
/// of the feature memory.
pub type Word = Bits<BEAT_BITS>;

/// Weights of one input channel for up to 16 output channels, i8 each, the lowest channel in bits
/// 7:0: a row of the array's tile.
pub type WeightRow = Bits<BEAT_BITS>;

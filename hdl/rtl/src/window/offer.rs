//! A word of the window unit on its way to the feature buffer.

use crate::common::slice::RegisterSlice;
use crate::common::words::Word;
use firebrick_spec::{BEAT_BITS, HwConfig};
use rust_hdl::prelude::*;

/// Bits of an address.
const ADDRESS_BITS: usize = 20;
/// An address, and above it whether it lies beyond the feature buffer.
const PLACE_BITS: usize = ADDRESS_BITS + 1;
/// A word, and above it its place. Indices and the slice's bits are literals below, since Rust-HDL emits no
/// others and a module's name tells its bits.
const OFFER_BITS: usize = BEAT_BITS + PLACE_BITS;

const _: () = assert!(
    BEAT_BITS == 128 && OFFER_BITS == 149,
    "the indices of `out_address`, `out_beyond`"
);

/// A register slice for a word and its address, which is compared with the size of the feature
/// buffer before it enters, so that the buffer need not.
#[derive(LogicBlock)]
pub struct WindowOffer {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops what it holds.
    pub reset: Signal<In, Bit>,
    /// Word offered.
    pub in_valid: Signal<In, Bit>,
    /// Word taken.
    pub in_ready: Signal<Out, Bit>,
    /// Word.
    pub in_word: Signal<In, Word>,
    /// Its address.
    pub in_address: Signal<In, Bits<ADDRESS_BITS>>,
    /// Word offered.
    pub out_valid: Signal<Out, Bit>,
    /// Word taken.
    pub out_ready: Signal<In, Bit>,
    /// Word.
    pub out_word: Signal<Out, Word>,
    /// Its address.
    pub out_address: Signal<Out, Bits<ADDRESS_BITS>>,
    /// The address lies beyond the feature buffer.
    pub out_beyond: Signal<Out, Bit>,
    slice: RegisterSlice<149>,
    wide_address: Signal<Local, Bits<PLACE_BITS>>,
    place: Signal<Local, Bits<PLACE_BITS>>,
    feature_words: Constant<Bits<PLACE_BITS>>,
    above: Constant<Bits<8>>,
}

impl WindowOffer {
    /// For the feature buffer of `config`, of at most 2^20 words.
    #[must_use]
    pub fn new(config: &HwConfig) -> Self {
        block! {
            clock, reset, in_valid, in_ready, in_word, in_address, out_valid, out_ready, out_word,
            out_address, out_beyond, slice, wide_address, place;
            above: Constant::new((BEAT_BITS as u64).into()),
            feature_words: Constant::new((config.feature_words as u64).into()),
        }
    }
}

impl Logic for WindowOffer {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, slice);
        self.slice.reset.next = self.reset.val();
        self.wide_address.next = bit_cast::<PLACE_BITS, ADDRESS_BITS>(self.in_address.val());
        self.place.next = self.wide_address.val();
        if self.wide_address.val() >= self.feature_words.val() {
            self.place.next = self.wide_address.val() | 0x10_0000;
        }
        self.slice.in_valid.next = self.in_valid.val();
        self.slice.in_data.next = bit_cast::<OFFER_BITS, BEAT_BITS>(self.in_word.val())
            | (bit_cast::<OFFER_BITS, PLACE_BITS>(self.place.val()) << self.above.val());
        self.in_ready.next = self.slice.in_ready.val();
        self.out_valid.next = self.slice.out_valid.val();
        self.slice.out_ready.next = self.out_ready.val();
        self.out_word.next = self.slice.out_data.val().get_bits::<BEAT_BITS>(0);
        self.out_address.next = self.slice.out_data.val().get_bits::<ADDRESS_BITS>(128);
        self.out_beyond.next = self.slice.out_data.val().get_bit(148);
    }
}

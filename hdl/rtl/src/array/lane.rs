//! One lane of the engine: a tile and its accumulators.

use crate::common::words::{WeightRow, Word};
use firebrick_spec::HwConfig;
use rust_hdl::prelude::*;

use crate::array::accumulators::Accumulators;
use crate::array::tile::{Tile8, Tile16};
use crate::array::tile_packed::{TilePacked8, TilePacked16, TileTree8, TileTree16};

/// A systolic tile with the accumulators of its output channels, for one of the consecutive
/// pixels that the lanes take together.
///
/// Activations, weights and swaps enter as at the tile: see [`Tile16`]. `tag_*` come
/// [`tile_latency`](firebrick_spec::latency::tile_latency) less
/// [`TAG_LEAD`](crate::array::accumulators::TAG_LEAD) cycles after the vector that they describe, and
/// the drain reads as described at [`Accumulators`]. Words are 128 bits wide for every tile: an
/// 8 x 8 tile uses the low half, and the upper half of its drained words is zero.
#[derive(LogicBlock)]
pub struct Lane {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Activations, u8, input channel 0 in the low byte.
    pub x_in: Signal<In, Word>,
    /// The loaded weights become active with this vector.
    pub swap_in: Signal<In, Bit>,
    /// Row 0 of a weight block is at `w_in`; the other rows follow without a gap.
    pub load_in: Signal<In, Bit>,
    /// A row of weights, i8, output channel 0 in the low byte.
    pub w_in: Signal<In, WeightRow>,
    /// The array's sums are those of a pixel.
    pub tag_valid: Signal<In, Bit>,
    /// They start the accumulator.
    pub tag_first: Signal<In, Bit>,
    /// Their bank.
    pub tag_bank: Signal<In, Bit>,
    /// Their address.
    pub tag_address: Signal<In, Bits<11>>,
    /// The drain wants a word.
    pub drain_read: Signal<In, Bit>,
    /// From this bank.
    pub drain_bank: Signal<In, Bit>,
    /// At this address.
    pub drain_address: Signal<In, Bits<11>>,
    /// It gets it.
    pub drain_grant: Signal<Out, Bit>,
    /// Words of bank 0, 32 bits for each output channel, channel 0 lowest.
    pub drain_words_0: Signal<Out, Bits<512>>,
    /// The same of bank 1.
    pub drain_words_1: Signal<Out, Bits<512>>,
    // One of the six has a tile.
    plain16: Vec<Tile16>,
    plain8: Vec<Tile8>,
    packed16: Vec<TilePacked16>,
    packed8: Vec<TilePacked8>,
    tree16: Vec<TileTree16>,
    tree8: Vec<TileTree8>,
    accumulators: Accumulators,
    psums: Signal<Local, Bits<304>>,
    _plain16: usize,
    _plain8: usize,
    _packed16: usize,
    _packed8: usize,
    _tree16: usize,
    _tree8: usize,
}

/// `tile` if it is this lane's.
fn only<T>(is: bool, tile: impl FnOnce() -> T) -> Vec<T> {
    is.then(tile).into_iter().collect()
}

impl Lane {
    /// A lane of this configuration; panics if its tile is neither 8 nor 16 or if `acc_depth` is
    /// not 2 to 512.
    #[must_use]
    pub fn new(config: &HwConfig) -> Self {
        assert!(
            config.tile == 8 || config.tile == 16,
            "a tile of {} is neither 8 nor 16",
            config.tile
        );
        let family = config.family;
        let chains = config.chain_rows() < config.tile;
        let kind =
            |tile, packed, tree| (config.tile, config.packed, chains) == (tile, packed, tree);
        let (plain16, plain8) = (kind(16, false, false), kind(8, false, false));
        let (packed16, packed8) = (kind(16, true, false), kind(8, true, false));
        let (tree16, tree8) = (kind(16, true, true), kind(8, true, true));
        block! {
            clock, x_in, swap_in, load_in, w_in, tag_valid, tag_first, tag_bank, tag_address,
            drain_read, drain_bank, drain_address, drain_grant, drain_words_0, drain_words_1, psums;
            plain16: only(plain16, Tile16::default),
            plain8: only(plain8, Tile8::default),
            packed16: only(packed16, || TilePacked16::new(family)),
            packed8: only(packed8, || TilePacked8::new(family)),
            tree16: only(tree16, || TileTree16::new(family)),
            tree8: only(tree8, || TileTree8::new(family)),
            accumulators: Accumulators::new(config.tile, config.acc_depth, config.sum_bits),
            _plain16: plain16.into(),
            _plain8: plain8.into(),
            _packed16: packed16.into(),
            _packed8: packed8.into(),
            _tree16: tree16.into(),
            _tree8: tree8.into(),
        }
    }
}

impl Logic for Lane {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..self._plain16 {
            self.plain16[i].clock.next = self.clock.val();
            self.plain16[i].x_in.next = self.x_in.val();
            self.plain16[i].swap_in.next = self.swap_in.val();
            self.plain16[i].load_in.next = self.load_in.val();
            self.plain16[i].w_in.next = self.w_in.val();
            self.psums.next = self.plain16[i].psums.val();
        }
        for i in 0..self._plain8 {
            self.plain8[i].clock.next = self.clock.val();
            self.plain8[i].x_in.next = self.x_in.val().get_bits::<64>(0);
            self.plain8[i].swap_in.next = self.swap_in.val();
            self.plain8[i].load_in.next = self.load_in.val();
            self.plain8[i].w_in.next = self.w_in.val().get_bits::<64>(0);
            self.psums.next = self.plain8[i].psums.val();
        }
        for i in 0..self._packed16 {
            self.packed16[i].clock.next = self.clock.val();
            self.packed16[i].x_in.next = self.x_in.val();
            self.packed16[i].swap_in.next = self.swap_in.val();
            self.packed16[i].load_in.next = self.load_in.val();
            self.packed16[i].w_in.next = self.w_in.val();
            self.psums.next = self.packed16[i].psums.val();
        }
        for i in 0..self._packed8 {
            self.packed8[i].clock.next = self.clock.val();
            self.packed8[i].x_in.next = self.x_in.val().get_bits::<64>(0);
            self.packed8[i].swap_in.next = self.swap_in.val();
            self.packed8[i].load_in.next = self.load_in.val();
            self.packed8[i].w_in.next = self.w_in.val().get_bits::<64>(0);
            self.psums.next = self.packed8[i].psums.val();
        }
        for i in 0..self._tree16 {
            self.tree16[i].clock.next = self.clock.val();
            self.tree16[i].x_in.next = self.x_in.val();
            self.tree16[i].swap_in.next = self.swap_in.val();
            self.tree16[i].load_in.next = self.load_in.val();
            self.tree16[i].w_in.next = self.w_in.val();
            self.psums.next = self.tree16[i].psums.val();
        }
        for i in 0..self._tree8 {
            self.tree8[i].clock.next = self.clock.val();
            self.tree8[i].x_in.next = self.x_in.val().get_bits::<64>(0);
            self.tree8[i].swap_in.next = self.swap_in.val();
            self.tree8[i].load_in.next = self.load_in.val();
            self.tree8[i].w_in.next = self.w_in.val().get_bits::<64>(0);
            self.psums.next = self.tree8[i].psums.val();
        }
        self.accumulators.clock.next = self.clock.val();
        self.accumulators.psums.next = self.psums.val();
        self.accumulators.tag_valid.next = self.tag_valid.val();
        self.accumulators.tag_first.next = self.tag_first.val();
        self.accumulators.tag_bank.next = self.tag_bank.val();
        self.accumulators.tag_address.next = self.tag_address.val();
        self.accumulators.drain_read.next = self.drain_read.val();
        self.accumulators.drain_bank.next = self.drain_bank.val();
        self.accumulators.drain_address.next = self.drain_address.val();
        self.drain_grant.next = self.accumulators.drain_grant.val();
        self.drain_words_0.next = self.accumulators.drain_words_0.val();
        self.drain_words_1.next = self.accumulators.drain_words_1.val();
    }
}

//! The systolic tile with two multiply-accumulates per DSP slice.
#![allow(
    clippy::reversed_empty_ranges,
    reason = "one macro for tiles of one chain, which add nothing, and of several"
)]

use firebrick_spec::config::Family;
use rust_hdl::prelude::*;

use crate::array::chain::{Chains4x4, Chains4x8, Chains8x4, Chains16x8};
use crate::array::pe_pair::{JoinWeights, TakeApart};
use crate::array::tile::top_bits;
use crate::common::mem::Pack;

macro_rules! tile_packed {
    (
        $name:ident, $chains:ident, $rows:tt, $bands:tt, $nodes:tt, $total:tt, $late:tt, $field:tt, $half:tt,
        $last_pair:tt, $skew:tt, $x_bits:tt, $row_bits:tt, $w_bits:tt, $doc:literal
    ) => {
        #[doc = $doc]
        ///
        /// Ports are those of the tile of the same size in [`crate::array::tile`], the latency is
        /// [`firebrick_spec::latency::tile_latency`], and a vector with `swap_in` comes
        /// [`firebrick_spec::latency::load_lead`] cycles after its `load_in` or later.
        ///
        /// All chains take their parts of a vector together, each row by row; their sums are added
        /// two by two, column by column.
        #[derive(LogicBlock)]
        pub struct $name {
            /// Clock.
            pub clock: Signal<In, Clock>,
            /// Activations, u8.
            pub x_in: Signal<In, Bits<$x_bits>>,
            /// The loaded weights become active with this vector.
            pub swap_in: Signal<In, Bit>,
            /// Row 0 of a weight block is at `w_in`.
            pub load_in: Signal<In, Bit>,
            /// A row of weights.
            pub w_in: Signal<In, Bits<$x_bits>>,
            /// Sums, 19 bits for each output channel, signed, channel 0 lowest.
            pub psums: Signal<Out, Bits<304>>,
            x_signed: Signal<Local, Bits<$x_bits>>,
            tops: Constant<Bits<$x_bits>>,
            #[cfg_attr(any(), verilog(shreg_extract = "yes"))]
            w_skew: Vec<DFF<Bits<$x_bits>>>,
            joiner: Vec<JoinWeights>,
            joined: Vec<DFF<Bits<27>>>,
            weights: Pack<27, $w_bits>,
            load: Vec<Signal<Local, Bit>>,
            load_skew: Vec<DFF<Bit>>,
            chains: Vec<$chains>,
            apart: Vec<TakeApart>,
            low: Vec<Signal<Local, Bits<19>>>,
            high: Vec<Signal<Local, Bits<19>>>,
            low_sum: Vec<DFF<Bits<19>>>,
            high_sum: Vec<DFF<Bits<19>>>,
            low_left: Vec<Signal<Local, Bits<19>>>,
            high_left: Vec<Signal<Local, Bits<19>>>,
            offset: Constant<Bits<19>>,
            #[cfg_attr(any(), verilog(shreg_extract = "yes"))]
            deskew_low: Vec<DFF<Bits<19>>>,
            #[cfg_attr(any(), verilog(shreg_extract = "yes"))]
            deskew_high: Vec<DFF<Bits<19>>>,
            pack: Pack<19, 304>,
        }

        impl $name {
            /// Of slices of a family, whose fields must have the tile's width.
            #[must_use]
            pub fn new(family: Family) -> Self {
                assert!(
                    family.field_bits() == $field,
                    "slices of family {} have fields of {} bits",
                    family.name(),
                    family.field_bits()
                );
                block! {
                    clock, x_in, swap_in, load_in, w_in, psums, x_signed;
                    tops: Constant::new(top_bits()),
                    w_skew: (0..$skew).map(|_| DFF::default()).collect(),
                    joiner: (0..$half).map(|_| JoinWeights::new(family)).collect(),
                    joined: (0..$last_pair).map(|_| DFF::default()).collect(),
                    weights: Pack::new($half),
                    load: (0..$bands).map(|_| Signal::default()).collect(),
                    load_skew: (0..$late).map(|_| DFF::default()).collect(),
                    chains: (0..$bands).map(|_| $chains::new(family)).collect(),
                    low: (0..$half * $total).map(|_| Signal::default()).collect(),
                    high: (0..$half * $total).map(|_| Signal::default()).collect(),
                    low_sum: (0..$half * $nodes).map(|_| DFF::default()).collect(),
                    high_sum: (0..$half * $nodes).map(|_| DFF::default()).collect(),
                    apart: (0..$half * $bands).map(|_| TakeApart::new(family)).collect(),
                    low_left: (0..$half).map(|_| Signal::default()).collect(),
                    high_left: (0..$half).map(|_| Signal::default()).collect(),
                    offset: Constant::new((($bands as u64) << ($field - 1)).into()),
                    deskew_low: (0..$last_pair * $last_pair).map(|_| DFF::default()).collect(),
                    deskew_high: (0..$last_pair * $last_pair).map(|_| DFF::default()).collect(),
                    pack: Pack::new(2 * $half),
                }
            }
        }

        impl Logic for $name {
            #[hdl_gen]
            fn update(&mut self) {
                self.x_signed.next = self.x_in.val() ^ self.tops.val();
                // Column p of pairs takes its weights p cycles late; but in the first column, a
                // register holds them joined, on the bus down the column.
                for i in 0..$skew {
                    self.w_skew[i].clock.next = self.clock.val();
                }
                self.w_skew[0].d.next = self.w_in.val();
                for i in 1..$skew {
                    self.w_skew[i].d.next = self.w_skew[i - 1].q.val();
                }
                self.joiner[0].weights.next = self.w_in.val().get_bits::<16>(0);
                self.joiner[1].weights.next = self.w_in.val().get_bits::<16>(16);
                for p in 2..$half {
                    self.joiner[p].weights.next = self.w_skew[p - 2].q.val().get_bits::<16>(p * 16);
                }
                self.weights.words[0].next = self.joiner[0].joined.val();
                for p in 1..$half {
                    self.joined[p - 1].clock.next = self.clock.val();
                    self.joined[p - 1].d.next = self.joiner[p].joined.val();
                    self.weights.words[p].next = self.joined[p - 1].q.val();
                }
                // The rows of weights of the chains follow each other.
                self.load[0].next = self.load_in.val();
                for i in 0..$late {
                    self.load_skew[i].clock.next = self.clock.val();
                }
                for b in 1..$bands {
                    self.load_skew[(b - 1) * $rows].d.next = self.load[b - 1].val();
                    for i in 1..$rows {
                        self.load_skew[(b - 1) * $rows + i].d.next =
                            self.load_skew[(b - 1) * $rows + i - 1].q.val();
                    }
                    self.load[b].next = self.load_skew[(b - 1) * $rows + $rows - 1].q.val();
                }
                for b in 0..$bands {
                    self.chains[b].clock.next = self.clock.val();
                    self.chains[b].x_in.next =
                        self.x_signed.val().get_bits::<$row_bits>(b * $row_bits);
                    self.chains[b].swap_in.next = self.swap_in.val();
                    self.chains[b].load_in.next = self.load[b].val();
                    self.chains[b].w_in.next = self.weights.joined.val();
                }
                // Both fields of each column: the chains' own, then sums of two of those before.
                for p in 0..$half {
                    for b in 0..$bands {
                        self.apart[p * $bands + b].sum.next =
                            self.chains[b].sums.val().get_bits::<48>(p * 48);
                        self.low[p * $total + b].next = self.apart[p * $bands + b].low.val();
                        self.high[p * $total + b].next = self.apart[p * $bands + b].high.val();
                    }
                    for k in 0..$nodes {
                        self.low_sum[p * $nodes + k].clock.next = self.clock.val();
                        self.low_sum[p * $nodes + k].d.next = self.low[p * $total + 2 * k].val()
                            + self.low[p * $total + 2 * k + 1].val();
                        self.low[p * $total + $bands + k].next =
                            self.low_sum[p * $nodes + k].q.val();
                        self.high_sum[p * $nodes + k].clock.next = self.clock.val();
                        self.high_sum[p * $nodes + k].d.next = self.high[p * $total + 2 * k].val()
                            + self.high[p * $total + 2 * k + 1].val();
                        self.high[p * $total + $bands + k].next =
                            self.high_sum[p * $nodes + k].q.val();
                    }
                    // Without what kept the fields above 0.
                    self.low_left[p].next =
                        self.low[p * $total + $total - 1].val() - self.offset.val();
                    self.high_left[p].next =
                        self.high[p * $total + $total - 1].val() - self.offset.val();
                }
                // Column p leaves p cycles late: delay it by the rest.
                for i in 0..($last_pair * $last_pair) {
                    self.deskew_low[i].clock.next = self.clock.val();
                    self.deskew_high[i].clock.next = self.clock.val();
                }
                for p in 0..$last_pair {
                    self.deskew_low[p * $last_pair].d.next = self.low_left[p].val();
                    self.deskew_high[p * $last_pair].d.next = self.high_left[p].val();
                    for i in 1..$last_pair {
                        self.deskew_low[p * $last_pair + i].d.next =
                            self.deskew_low[p * $last_pair + i - 1].q.val();
                        self.deskew_high[p * $last_pair + i].d.next =
                            self.deskew_high[p * $last_pair + i - 1].q.val();
                    }
                    self.pack.words[2 * p].next =
                        self.deskew_low[p * $last_pair + $last_pair - 1 - p].q.val();
                    self.pack.words[2 * p + 1].next = self.deskew_high
                        [p * $last_pair + $last_pair - 1 - p]
                        .q
                        .val();
                }
                self.pack.words[2 * $last_pair].next = self.low_left[$last_pair].val();
                self.pack.words[2 * $last_pair + 1].next = self.high_left[$last_pair].val();
                self.psums.next = self.pack.joined.val();
            }
        }
    };
}

tile_packed!(
    TilePacked16,
    Chains16x8,
    16,
    1,
    0,
    1,
    0,
    19,
    8,
    7,
    6,
    128,
    128,
    216,
    "A 16 x 16 tile with two multiply-accumulates per DSP slice: chains of 16 slices."
);
tile_packed!(
    TilePacked8,
    Chains8x4,
    8,
    1,
    0,
    1,
    0,
    19,
    4,
    3,
    2,
    64,
    64,
    108,
    "An 8 x 8 tile with two multiply-accumulates per DSP slice: chains of 8 slices."
);
tile_packed!(
    TileTree16,
    Chains4x8,
    4,
    4,
    3,
    7,
    12,
    17,
    8,
    7,
    6,
    128,
    32,
    216,
    "A 16 x 16 tile with two multiply-accumulates per DSP slice: chains of 4 slices, added."
);
tile_packed!(
    TileTree8,
    Chains4x4,
    4,
    2,
    1,
    3,
    4,
    17,
    4,
    3,
    2,
    64,
    32,
    108,
    "An 8 x 8 tile with two multiply-accumulates per DSP slice: chains of 4 slices, added."
);

//! The systolic tile with two multiply-accumulates per DSP slice.

use rust_hdl::prelude::*;

use crate::array::pe_pair::{JoinWeights, PePair};
use crate::common::mem::Pack;

macro_rules! tile_packed {
    ($name:ident, $n:tt, $last:tt, $half:tt, $last_pair:tt, $x_bits:tt, $doc:literal) => {
        #[doc = $doc]
        ///
        /// Ports and timing are those of the tile of the same size in [`crate::array::tile`], so either
        /// can stand for the other.
        #[derive(LogicBlock)]
        pub struct $name {
            /// Clock.
            pub clock: Signal<In, Clock>,
            /// Activations.
            pub x_in: Signal<In, Bits<$x_bits>>,
            /// The loaded weights become active with this vector.
            pub swap_in: Signal<In, Bit>,
            /// Row 0 of a weight block is at `w_in`.
            pub load_in: Signal<In, Bit>,
            /// A row of weights.
            pub w_in: Signal<In, Bits<$x_bits>>,
            /// Sums, 24 bits for each output channel, signed, channel 0 lowest.
            pub psums: Signal<Out, Bits<384>>,
            pair: Vec<PePair>,
            joiner: Vec<JoinWeights>,
            x_skew: Vec<DFF<Bits<$x_bits>>>,
            w_skew: Vec<DFF<Bits<$x_bits>>>,
            swap_skew: Vec<DFF<Bit>>,
            load_skew: Vec<DFF<Bit>>,
            #[cfg_attr(any(), verilog(shreg_extract = "yes"))]
            deskew: Vec<DFF<Bits<48>>>,
            pack: Pack<48, 384>,
            zero: Constant<Bits<48>>,
        }

        impl Default for $name {
            fn default() -> Self {
                block! {
                    clock, x_in, swap_in, load_in, w_in, psums;
                    pair: (0..$n * $half).map(|_| PePair::default()).collect(),
                    joiner: (0..$half).map(|_| JoinWeights::default()).collect(),
                    x_skew: (0..$last).map(|_| DFF::default()).collect(),
                    w_skew: (0..$last_pair).map(|_| DFF::default()).collect(),
                    swap_skew: (0..$last).map(|_| DFF::default()).collect(),
                    load_skew: (0..$last).map(|_| DFF::default()).collect(),
                    deskew: (0..$half * $last).map(|_| DFF::default()).collect(),
                    pack: Pack::new($half),
                    zero: Constant::new(0.into()),
                }
            }
        }

        impl Logic for $name {
            #[hdl_gen]
            fn update(&mut self) {
                // Skewed edges: row r is r cycles late, pair p takes its weights p cycles late.
                for i in 0..$last {
                    self.x_skew[i].clock.next = self.clock.val();
                    self.swap_skew[i].clock.next = self.clock.val();
                    self.load_skew[i].clock.next = self.clock.val();
                }
                self.x_skew[0].d.next = self.x_in.val();
                self.swap_skew[0].d.next = self.swap_in.val();
                self.load_skew[0].d.next = self.load_in.val();
                for i in 1..$last {
                    self.x_skew[i].d.next = self.x_skew[i - 1].q.val();
                    self.swap_skew[i].d.next = self.swap_skew[i - 1].q.val();
                    self.load_skew[i].d.next = self.load_skew[i - 1].q.val();
                }
                for i in 0..$last_pair {
                    self.w_skew[i].clock.next = self.clock.val();
                }
                self.w_skew[0].d.next = self.w_in.val();
                for i in 1..$last_pair {
                    self.w_skew[i].d.next = self.w_skew[i - 1].q.val();
                }
                for i in 0..($n * $half) {
                    self.pair[i].clock.next = self.clock.val();
                }
                for i in 0..($half * $last) {
                    self.deskew[i].clock.next = self.clock.val();
                }
                // Left edge.
                self.pair[0].x_in.next = self.x_in.val().get_bits::<8>(0);
                self.pair[0].swap_in.next = self.swap_in.val();
                self.pair[0].load_in.next = self.load_in.val();
                for r in 1..$n {
                    self.pair[r * $half].x_in.next =
                        self.x_skew[r - 1].q.val().get_bits::<8>(r * 8);
                    self.pair[r * $half].swap_in.next = self.swap_skew[r - 1].q.val();
                    self.pair[r * $half].load_in.next = self.load_skew[r - 1].q.val();
                }
                for r in 0..$n {
                    for p in 1..$half {
                        self.pair[r * $half + p].x_in.next =
                            self.pair[r * $half + p - 1].x_out.val();
                        self.pair[r * $half + p].swap_in.next =
                            self.pair[r * $half + p - 1].swap_out.val();
                        self.pair[r * $half + p].load_in.next =
                            self.pair[r * $half + p - 1].load_out.val();
                    }
                }
                // Weight buses down the columns, joined once for all rows.
                self.joiner[0].weights.next = self.w_in.val().get_bits::<16>(0);
                for p in 1..$half {
                    self.joiner[p].weights.next = self.w_skew[p - 1].q.val().get_bits::<16>(p * 16);
                }
                for r in 0..$n {
                    for p in 0..$half {
                        self.pair[r * $half + p].w_in.next = self.joiner[p].joined.val();
                    }
                }
                // Sums down the columns.
                for p in 0..$half {
                    self.pair[p].psum_in.next = self.zero.val();
                    for r in 1..$n {
                        self.pair[r * $half + p].psum_in.next =
                            self.pair[(r - 1) * $half + p].psum_out.val();
                    }
                }
                // Pair p leaves p cycles late: delay it by the rest of a plain tile's skew.
                for p in 0..$half {
                    self.deskew[p * $last].d.next = self.pair[$last * $half + p].psum_out.val();
                    for i in 1..$last {
                        self.deskew[p * $last + i].d.next = self.deskew[p * $last + i - 1].q.val();
                    }
                    self.pack.words[p].next = self.deskew[p * $last + $last - 1 - p].q.val();
                }
                self.psums.next = self.pack.joined.val();
            }
        }
    };
}

tile_packed!(
    TilePacked16,
    16,
    15,
    8,
    7,
    128,
    "A 16 x 16 tile with two multiply-accumulates per DSP slice."
);
tile_packed!(
    TilePacked8,
    8,
    7,
    4,
    3,
    64,
    "An 8 x 8 tile with two multiply-accumulates per DSP slice."
);

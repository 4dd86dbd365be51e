//! Chains of packed pairs side by side: the rows of a tile that are summed from slice to slice.

use firebrick_spec::config::Family;
use rust_hdl::prelude::*;

use crate::array::pe_pair::PePair;
use crate::common::mem::Pack;

macro_rules! chains {
    ($name:ident, $rows:tt, $last:tt, $half:tt, $x_bits:tt, $w_bits:tt, $sum_bits:tt, $doc:literal) => {
        #[doc = $doc]
        ///
        /// Row r takes its activation r cycles after the vector, and its row of weights at `w_in` r
        /// cycles after `load_in`; column p does all that p cycles later. Column p's sum comes
        /// rows + 2 + p cycles after its vector. No back-pressure.
        #[derive(LogicBlock)]
        pub struct $name {
            /// Clock.
            pub clock: Signal<In, Clock>,
            /// Activations, i8, the first row's in the low byte.
            pub x_in: Signal<In, Bits<$x_bits>>,
            /// The loaded weights become active with this vector.
            pub swap_in: Signal<In, Bit>,
            /// The first row's weights are at `w_in`.
            pub load_in: Signal<In, Bit>,
            /// Joined weights, 27 bits for each column of pairs, column p's p cycles late.
            pub w_in: Signal<In, Bits<$w_bits>>,
            /// Sums, 48 bits for each column of pairs.
            pub sums: Signal<Out, Bits<$sum_bits>>,
            #[cfg_attr(any(), verilog(shreg_extract = "yes"))]
            x_skew: Vec<DFF<Bits<$x_bits>>>,
            swap_skew: Vec<DFF<Bit>>,
            load_skew: Vec<DFF<Bit>>,
            first: Vec<PePair>,
            pair: Vec<PePair>,
            pack: Pack<48, $sum_bits>,
        }

        impl $name {
            /// Of slices of a family.
            #[must_use]
            pub fn new(family: Family) -> Self {
                block! {
                    clock, x_in, swap_in, load_in, w_in, sums;
                    x_skew: (0..$last).map(|_| DFF::default()).collect(),
                    swap_skew: (0..$last).map(|_| DFF::default()).collect(),
                    load_skew: (0..$last).map(|_| DFF::default()).collect(),
                    first: (0..$half).map(|_| PePair::new(family, true)).collect(),
                    pair: (0..$last * $half).map(|_| PePair::new(family, false)).collect(),
                    pack: Pack::new($half),
                }
            }
        }

        impl Logic for $name {
            #[hdl_gen]
            fn update(&mut self) {
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
                // The first row, from left to right.
                self.first[0].x_in.next = self.x_in.val().get_bits::<8>(0);
                self.first[0].swap_in.next = self.swap_in.val();
                self.first[0].load_in.next = self.load_in.val();
                for p in 1..$half {
                    self.first[p].x_in.next = self.first[p - 1].x_out.val();
                    self.first[p].swap_in.next = self.first[p - 1].swap_out.val();
                    self.first[p].load_in.next = self.first[p - 1].load_out.val();
                }
                for p in 0..$half {
                    self.first[p].clock.next = self.clock.val();
                    self.first[p].w_in.next = self.w_in.val().get_bits::<27>(p * 27);
                    self.first[p].sum_in.next = 0.into();
                    self.pair[p].sum_in.next = self.first[p].sum_out.val();
                }
                // The rows below it.
                for r in 0..$last {
                    self.pair[r * $half].x_in.next =
                        self.x_skew[r].q.val().get_bits::<8>((r + 1) * 8);
                    self.pair[r * $half].swap_in.next = self.swap_skew[r].q.val();
                    self.pair[r * $half].load_in.next = self.load_skew[r].q.val();
                    for p in 1..$half {
                        self.pair[r * $half + p].x_in.next =
                            self.pair[r * $half + p - 1].x_out.val();
                        self.pair[r * $half + p].swap_in.next =
                            self.pair[r * $half + p - 1].swap_out.val();
                        self.pair[r * $half + p].load_in.next =
                            self.pair[r * $half + p - 1].load_out.val();
                    }
                    for p in 0..$half {
                        self.pair[r * $half + p].clock.next = self.clock.val();
                        self.pair[r * $half + p].w_in.next = self.w_in.val().get_bits::<27>(p * 27);
                    }
                }
                for r in 1..$last {
                    for p in 0..$half {
                        self.pair[r * $half + p].sum_in.next =
                            self.pair[(r - 1) * $half + p].sum_out.val();
                    }
                }
                for p in 0..$half {
                    self.pack.words[p].next = self.pair[($last - 1) * $half + p].sum.val();
                }
                self.sums.next = self.pack.joined.val();
            }
        }
    };
}

chains!(
    Chains16x8,
    16,
    15,
    8,
    128,
    216,
    384,
    "Eight columns of pairs, 16 rows high."
);
chains!(
    Chains4x8,
    4,
    3,
    8,
    32,
    216,
    384,
    "Eight columns of pairs, 4 rows high."
);
chains!(
    Chains8x4,
    8,
    7,
    4,
    64,
    108,
    192,
    "Four columns of pairs, 8 rows high."
);
chains!(
    Chains4x4,
    4,
    3,
    4,
    32,
    108,
    192,
    "Four columns of pairs, 4 rows high."
);

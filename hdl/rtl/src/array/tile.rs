//! The systolic tile: a square of processing elements with skewed edges.

use rust_hdl::prelude::*;

use crate::array::pe::Pe;
use crate::common::mem::Pack;

/// The top bit of each byte: inverted, a u8 activation becomes the i8 that is smaller by 128
/// ([`firebrick_spec::arith::ACTIVATION_OFFSET`]).
pub(super) fn top_bits<const N: usize>() -> Bits<N> {
    let mut tops = Bits::default();
    for byte in 0..N / 8 {
        tops.set_bits::<8>(8 * byte, 0x80.into());
    }
    tops
}

macro_rules! tile {
    ($name:ident, $n:tt, $last:tt, $cells:tt, $x_bits:tt, $doc:literal) => {
        #[doc = $doc]
        ///
        /// Takes one vector of u8 activations (input channel 0 in the low byte) a cycle, multiplies
        /// each minus 128, and gives the signed sums of all output channels `tile_latency` cycles
        /// later. Weights enter one row a cycle, output channel 0 in the low byte: `load_in` marks
        /// row 0, the others follow without a gap. They become active for the vector that comes
        /// with `swap_in`, which may follow `load_in` by one cycle or more; the next `load_in` may
        /// come with `swap_in` or later. No back-pressure.
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
            /// Sums, 19 bits for each output channel, signed, channel 0 lowest.
            pub psums: Signal<Out, Bits<304>>,
            pe: Vec<Pe>,
            x_signed: Signal<Local, Bits<$x_bits>>,
            tops: Constant<Bits<$x_bits>>,
            x_skew: Vec<DFF<Bits<$x_bits>>>,
            w_skew: Vec<DFF<Bits<$x_bits>>>,
            swap_skew: Vec<DFF<Bit>>,
            load_skew: Vec<DFF<Bit>>,
            #[cfg_attr(any(), verilog(shreg_extract = "yes"))]
            deskew: Vec<DFF<Bits<19>>>,
            pack: Pack<19, 304>,
            zero: Constant<Bits<19>>,
        }

        impl Default for $name {
            fn default() -> Self {
                block! {
                    clock, x_in, swap_in, load_in, w_in, psums, x_signed;
                    tops: Constant::new(top_bits()),
                    pe: (0..$cells).map(|_| Pe::default()).collect(),
                    x_skew: (0..$last).map(|_| DFF::default()).collect(),
                    w_skew: (0..$last).map(|_| DFF::default()).collect(),
                    swap_skew: (0..$last).map(|_| DFF::default()).collect(),
                    load_skew: (0..$last).map(|_| DFF::default()).collect(),
                    deskew: (0..$cells).map(|_| DFF::default()).collect(),
                    pack: Pack::new($n),
                    zero: Constant::new(0.into()),
                }
            }
        }

        impl Logic for $name {
            #[hdl_gen]
            fn update(&mut self) {
                // Skewed edges: row r is r cycles late, column c takes its weights c cycles late.
                for i in 0..$last {
                    self.x_skew[i].clock.next = self.clock.val();
                    self.w_skew[i].clock.next = self.clock.val();
                    self.swap_skew[i].clock.next = self.clock.val();
                    self.load_skew[i].clock.next = self.clock.val();
                }
                self.x_signed.next = self.x_in.val() ^ self.tops.val();
                self.x_skew[0].d.next = self.x_signed.val();
                self.w_skew[0].d.next = self.w_in.val();
                self.swap_skew[0].d.next = self.swap_in.val();
                self.load_skew[0].d.next = self.load_in.val();
                for i in 1..$last {
                    self.x_skew[i].d.next = self.x_skew[i - 1].q.val();
                    self.w_skew[i].d.next = self.w_skew[i - 1].q.val();
                    self.swap_skew[i].d.next = self.swap_skew[i - 1].q.val();
                    self.load_skew[i].d.next = self.load_skew[i - 1].q.val();
                }
                for i in 0..$cells {
                    self.pe[i].clock.next = self.clock.val();
                    self.deskew[i].clock.next = self.clock.val();
                }
                // Left edge.
                self.pe[0].x_in.next = self.x_signed.val().get_bits::<8>(0);
                self.pe[0].swap_in.next = self.swap_in.val();
                self.pe[0].load_in.next = self.load_in.val();
                for r in 1..$n {
                    self.pe[r * $n].x_in.next = self.x_skew[r - 1].q.val().get_bits::<8>(r * 8);
                    self.pe[r * $n].swap_in.next = self.swap_skew[r - 1].q.val();
                    self.pe[r * $n].load_in.next = self.load_skew[r - 1].q.val();
                }
                for r in 0..$n {
                    for c in 1..$n {
                        self.pe[r * $n + c].x_in.next = self.pe[r * $n + c - 1].x_out.val();
                        self.pe[r * $n + c].swap_in.next = self.pe[r * $n + c - 1].swap_out.val();
                        self.pe[r * $n + c].load_in.next = self.pe[r * $n + c - 1].load_out.val();
                    }
                }
                // Weight buses down the columns.
                for r in 0..$n {
                    self.pe[r * $n].w_in.next = self.w_in.val().get_bits::<8>(0);
                    for c in 1..$n {
                        self.pe[r * $n + c].w_in.next =
                            self.w_skew[c - 1].q.val().get_bits::<8>(c * 8);
                    }
                }
                // Sums down the columns.
                for c in 0..$n {
                    self.pe[c].psum_in.next = self.zero.val();
                    for r in 1..$n {
                        self.pe[r * $n + c].psum_in.next = self.pe[(r - 1) * $n + c].psum_out.val();
                    }
                }
                // Column c leaves c cycles late: delay it by the rest.
                for c in 0..$n {
                    self.deskew[c * $n].d.next = self.pe[$last * $n + c].psum_out.val();
                    for i in 1..$n {
                        self.deskew[c * $n + i].d.next = self.deskew[c * $n + i - 1].q.val();
                    }
                }
                for c in 0..$last {
                    self.pack.words[c].next = self.deskew[c * $n + $last - 1 - c].q.val();
                }
                self.pack.words[$last].next = self.pe[$last * $n + $last].psum_out.val();
                self.psums.next = self.pack.joined.val();
            }
        }
    };
}

tile!(
    Tile16,
    16,
    15,
    256,
    128,
    "A 16 x 16 tile: 256 multiply-accumulates a cycle."
);
tile!(
    Tile8,
    8,
    7,
    64,
    64,
    "An 8 x 8 tile: 64 multiply-accumulates a cycle."
);

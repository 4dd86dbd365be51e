//! Processing element: one weight, one multiply-accumulate per cycle.

pub use firebrick_spec::latency::PE_LATENCY;
use rust_hdl::prelude::*;

const _: () = assert!(
    PE_LATENCY == 3,
    "operand, product and sum have a register each"
);

/// A weight-stationary processing element.
///
/// `psum_out = psum_in + x * w`, with `x` and `w` i8; `psum_in` must arrive two cycles after
/// `x_in`. The weight is double-buffered: `load_in` writes `w_in` into the shadow register,
/// `swap_in` makes the shadow the active weight for the `x_in` of the same cycle. `x`, `swap`
/// and `load` leave to the right one cycle later. No back-pressure: every cycle counts.
#[derive(LogicBlock, Default)]
pub struct Pe {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Activation, i8.
    pub x_in: Signal<In, Bits<8>>,
    /// Makes the shadow weight active.
    pub swap_in: Signal<In, Bit>,
    /// Writes the shadow weight.
    pub load_in: Signal<In, Bit>,
    /// Weight, i8.
    pub w_in: Signal<In, Bits<8>>,
    /// Partial sum from above, signed.
    pub psum_in: Signal<In, Bits<19>>,
    /// Activation for the neighbour on the right.
    pub x_out: Signal<Out, Bits<8>>,
    /// Swap for the neighbour on the right.
    pub swap_out: Signal<Out, Bit>,
    /// Load for the neighbour on the right.
    pub load_out: Signal<Out, Bit>,
    /// Partial sum for the neighbour below, signed.
    pub psum_out: Signal<Out, Bits<19>>,
    x: DFF<Bits<8>>,
    swap: DFF<Bit>,
    load: DFF<Bit>,
    shadow: DFF<Bits<8>>,
    active: DFF<Bits<8>>,
    #[cfg_attr(any(), verilog(use_dsp = "yes"))]
    product: DFF<Signed<32>>,
    psum: DFF<Bits<19>>,
    x_narrow: Signal<Local, Signed<8>>,
    x_wide: Signal<Local, Signed<16>>,
    w_narrow: Signal<Local, Signed<8>>,
    w_wide: Signal<Local, Signed<16>>,
    product_bits: Signal<Local, Bits<32>>,
}

impl Logic for Pe {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, x, swap, load, shadow, active, product, psum);
        self.x.d.next = self.x_in.val();
        self.swap.d.next = self.swap_in.val();
        self.load.d.next = self.load_in.val();
        if self.load_in.val() {
            self.shadow.d.next = self.w_in.val();
        }
        if self.swap_in.val() {
            self.active.d.next = self.shadow.q.val();
        }
        self.x_narrow.next = signed_cast(self.x.q.val());
        self.x_wide.next = signed_bit_cast::<16, 8>(self.x_narrow.val());
        self.w_narrow.next = signed_cast(self.active.q.val());
        self.w_wide.next = signed_bit_cast::<16, 8>(self.w_narrow.val());
        self.product.d.next = self.x_wide.val() * self.w_wide.val();
        self.product_bits.next = unsigned_cast(self.product.q.val());
        self.psum.d.next = self.psum_in.val() + self.product_bits.val().get_bits::<19>(0);
        self.x_out.next = self.x.q.val();
        self.swap_out.next = self.swap.q.val();
        self.load_out.next = self.load.q.val();
        self.psum_out.next = self.psum.q.val();
    }
}

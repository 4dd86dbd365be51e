//! Unsigned 32 x 15 bit multiplier in two DSP slices.

pub use firebrick_spec::latency::MUL_LATENCY;
use rust_hdl::prelude::*;

const _: () = assert!(
    MUL_LATENCY == 2,
    "two registers from the factors to `product`"
);

/// `product = a * b`, exact, [`MUL_LATENCY`] cycles later; a new pair of factors every cycle.
///
/// All ports are unsigned; no back-pressure. Rust-HDL multiplies 16 x 16 bits only, so this
/// leaf brings its own Verilog: two products of at most 17 x 15 bits, and an adder that starts
/// at bit 17, where the second DSP slice takes the first one's sum.
#[derive(LogicBlock, Default)]
pub struct MulU32U15 {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// First factor.
    pub a: Signal<In, Bits<32>>,
    /// Second factor.
    pub b: Signal<In, Bits<15>>,
    /// Product of the factors.
    pub product: Signal<Out, Bits<47>>,
    #[cfg_attr(any(), verilog(use_dsp = "yes"))]
    low: Signal<Local, Bits<32>>,
    #[cfg_attr(any(), verilog(use_dsp = "yes"))]
    high: Signal<Local, Bits<30>>,
}

impl Logic for MulU32U15 {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            // A local signal shows a new value at once: read before writing.
            self.product.next = (self.low.val().to_u64() + (self.high.val().to_u64() << 17)).into();
            let (a, b) = (self.a.val().to_u64(), self.b.val().to_u64());
            self.low.next = ((a & 0x1_ffff) * b).into();
            self.high.next = ((a >> 17) * b).into();
        }
    }

    fn connect(&mut self) {
        self.product.connect();
        self.low.connect();
        self.high.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(
            "\
always @(posedge clock) begin
    low <= {15'd0, a[16:0]} * {17'd0, b};
    high <= {15'd0, a[31:17]} * {15'd0, b};
    product <= {high + {15'd0, low[31:17]}, low[16:0]};
end
"
            .into(),
        )
    }
}

//! Two neighbouring processing elements that share one multiplier of a DSP slice.

use rust_hdl::prelude::*;

/// Joins the weights of two neighbouring columns into one factor, exactly:
/// `joined = (w1 << 16) + w0`, both i8, as 25 signed bits. No register.
///
/// `w0` is the low byte of `weights`.
#[derive(LogicBlock, Default)]
pub struct JoinWeights {
    /// Two weights, i8.
    pub weights: Signal<In, Bits<16>>,
    /// Both in one, signed.
    pub joined: Signal<Out, Bits<25>>,
}

impl Logic for JoinWeights {
    fn update(&mut self) {
        let weights = self.weights.val().to_u64();
        let joined = (i64::from((weights >> 8) as i8) << 16) + i64::from(weights as i8);
        self.joined.next = (joined as u64 & 0x1ff_ffff).into();
    }

    fn connect(&mut self) {
        self.joined.connect();
    }

    fn hdl(&self) -> Verilog {
        // A negative w0 takes one from the bits above its own sixteen.
        Verilog::Custom(
            "assign joined = {{weights[15], weights[15:8]} - {8'd0, weights[7]}, \
             {8{weights[7]}}, weights[7:0]};\n"
                .into(),
        )
    }
}

/// Two processing elements (see [`crate::array::pe::Pe`]) side by side, with the activation of both in
/// the same cycle and one multiplication for both products.
///
/// `psum_out = psum_in + x * w` for two columns, the first in the low 24 bits, with `x` u8 and
/// the weights as [`JoinWeights`] joins them; `psum_in` must arrive two cycles after `x_in`,
/// `psum_out` comes [`crate::array::pe::PE_LATENCY`] cycles after it. `load_in` writes `w_in` into the
/// shadow register, `swap_in` makes the shadow the active weights for the `x_in` of the same
/// cycle. `x`, `swap` and `load` leave to the right one cycle later. No back-pressure.
///
/// `x * w0` fits in 16 signed bits and so is the product's low half; what it carries into the
/// upper half is -1 if it is negative and 0 otherwise, and is taken back in the upper column's
/// adder. Its own Verilog, since Rust-HDL multiplies 16 x 16 bits only.
#[derive(LogicBlock, Default)]
pub struct PePair {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Activation, u8.
    pub x_in: Signal<In, Bits<8>>,
    /// Makes the shadow weights active.
    pub swap_in: Signal<In, Bit>,
    /// Writes the shadow weights.
    pub load_in: Signal<In, Bit>,
    /// Two weights, joined.
    pub w_in: Signal<In, Bits<25>>,
    /// Partial sums from above, signed.
    pub psum_in: Signal<In, Bits<48>>,
    /// Activation for the neighbour on the right.
    pub x_out: Signal<Out, Bits<8>>,
    /// Swap for the neighbour on the right.
    pub swap_out: Signal<Out, Bit>,
    /// Load for the neighbour on the right.
    pub load_out: Signal<Out, Bit>,
    /// Partial sums for the neighbour below, signed.
    pub psum_out: Signal<Out, Bits<48>>,
    shadow: Signal<Local, Bits<25>>,
    active: Signal<Local, Bits<25>>,
    #[cfg_attr(any(), verilog(use_dsp = "yes"))]
    product: Signal<Local, Bits<32>>,
    upper: Signal<Local, Bits<25>>,
}

/// The low `bits` of `value`, with the sign in their highest.
fn sign_extend(value: u64, bits: u32) -> i64 {
    ((value << (64 - bits)) as i64) >> (64 - bits)
}

impl Logic for PePair {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            // A local signal shows a new value at once: read before writing.
            let product = self.product.val().to_u64();
            let above = self.psum_in.val().to_u64();
            let low = (above as i64).wrapping_add(sign_extend(product, 16));
            let upper = sign_extend(product >> 16, 16) + i64::from(product & 0x8000 != 0);
            let high = ((above >> 24) as i64).wrapping_add(upper);
            let sums = (high as u64 & 0xff_ffff) << 24 | (low as u64 & 0xff_ffff);
            self.psum_out.next = sums.into();
            let x = self.x_out.val().to_u64() as i64;
            let product = x * sign_extend(self.active.val().to_u64(), 25);
            self.product.next = (product as u64 & 0xffff_ffff).into();
            if self.swap_in.val() {
                self.active.next = self.shadow.val();
            }
            if self.load_in.val() {
                self.shadow.next = self.w_in.val();
            }
            self.x_out.next = self.x_in.val();
            self.swap_out.next = self.swap_in.val();
            self.load_out.next = self.load_in.val();
        }
    }

    fn connect(&mut self) {
        self.x_out.connect();
        self.swap_out.connect();
        self.load_out.connect();
        self.psum_out.connect();
        self.shadow.connect();
        self.active.connect();
        self.product.connect();
        self.upper.connect();
    }

    fn hdl(&self) -> Verilog {
        // The lowest bit of `upper` carries the correction in, so that it costs no adder.
        Verilog::Custom(
            "\
assign upper = {psum_in[47:24], 1'b1} + {{8{product[31]}}, product[31:15]};
always @(posedge clock) begin
    x_out <= x_in;
    swap_out <= swap_in;
    load_out <= load_in;
    if (load_in) shadow <= w_in;
    if (swap_in) active <= shadow;
    product <= $signed({1'b0, x_out}) * $signed(active);
    psum_out <= {upper[24:1], psum_in[23:0] + {{8{product[15]}}, product[15:0]}};
end
"
            .into(),
        )
    }
}

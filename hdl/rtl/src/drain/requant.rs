//! Requantiser: one accumulator to one activation per cycle.

pub use firebrick_spec::latency::REQUANT_LATENCY;
use rust_hdl::prelude::*;

use crate::drain::mul::{MUL_LATENCY, MulU32U15};

const _: () = assert!(
    REQUANT_LATENCY == MUL_LATENCY + 4,
    "beside the product: sum, coarse shift, fine shift, rounding"
);

/// `y = clamp(((acc + bias) * mult + 2^(shift-1)) >> shift, 0, 255)`, which is
/// `firebrick_spec::arith::Requant::apply`, [`REQUANT_LATENCY`] cycles later.
///
/// `acc` and `bias` are signed 32 bit, `mult` is 1 to 32767, `shift` 1 to 48; the result is exact
/// for all of them. All inputs belong to the same cycle and may change every cycle. No
/// back-pressure.
///
/// A negative sum gives 0 for every multiplier and shift, so it is cut to 0 at once and the rest
/// is unsigned. Rounding comes last: `(p + 2^(s-1)) >> s` equals `((p >> (s-1)) + 1) >> 1`, which
/// needs a 10-bit adder in place of a 48-bit one and no decoded rounding constant.
#[derive(LogicBlock, Default)]
pub struct Requantiser {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Accumulator, signed.
    pub acc: Signal<In, Bits<32>>,
    /// Bias, signed.
    pub bias: Signal<In, Bits<32>>,
    /// Multiplier, from 1.
    pub mult: Signal<In, Bits<15>>,
    /// Right shift, 1 to 48.
    pub shift: Signal<In, Bits<6>>,
    /// Activation, u8.
    pub y: Signal<Out, Bits<8>>,
    sum_bits: Signal<Local, Bits<33>>,
    acc_negative: Signal<Local, Bit>,
    bias_negative: Signal<Local, Bit>,
    carry: Signal<Local, Bit>,
    positive: Signal<Local, Bit>,
    sum: DFF<Bits<32>>,
    factor: DFF<Bits<15>>,
    mul: MulU32U15,
    distance_1: DFF<Bits<6>>,
    distance_2: DFF<Bits<6>>,
    distance_3: DFF<Bits<6>>,
    coarse_distance: Signal<Local, Bits<6>>,
    coarse: DFF<Bits<47>>,
    fine_distance: DFF<Bits<3>>,
    shifted: Signal<Local, Bits<47>>,
    fine: DFF<Bits<9>>,
    over: DFF<Bit>,
    rounded: Signal<Local, Bits<10>>,
    result: DFF<Bits<8>>,
}

impl Logic for Requantiser {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            sum,
            factor,
            distance_1,
            distance_2,
            distance_3,
            coarse,
            fine_distance,
            fine,
            over,
            result
        );
        self.mul.clock.next = self.clock.val();

        // Sum. Taken without sign extension: where the sum is not negative, its value is the low
        // 32 bits, and the carry tells two operands of different sign apart.
        self.sum_bits.next =
            bit_cast::<33, 32>(self.acc.val()) + bit_cast::<33, 32>(self.bias.val());
        self.acc_negative.next = self.acc.val().get_bit(31);
        self.bias_negative.next = self.bias.val().get_bit(31);
        self.carry.next = self.sum_bits.val().get_bit(32);
        self.positive.next = (!self.acc_negative.val() & !self.bias_negative.val())
            | ((self.acc_negative.val() ^ self.bias_negative.val()) & self.carry.val());
        self.sum.d.next = 0.into();
        if self.positive.val() {
            self.sum.d.next = self.sum_bits.val().get_bits::<32>(0);
        }
        self.factor.d.next = self.mult.val();
        self.distance_1.d.next = self.shift.val() - 1;

        // Product.
        self.mul.a.next = self.sum.q.val();
        self.mul.b.next = self.factor.q.val();
        self.distance_2.d.next = self.distance_1.q.val();
        self.distance_3.d.next = self.distance_2.q.val();

        // Shift by shift - 1 in steps of eight, then the rest.
        self.coarse_distance.next = self.distance_3.q.val() & 0x38;
        self.coarse.d.next = self.mul.product.val() >> self.coarse_distance.val();
        self.fine_distance.d.next = self.distance_3.q.val().get_bits::<3>(0);
        self.shifted.next = self.coarse.q.val() >> self.fine_distance.q.val();
        self.fine.d.next = self.shifted.val().get_bits::<9>(0);
        self.over.d.next = self.shifted.val().get_bits::<38>(9).any();

        // Rounding and saturation.
        self.rounded.next = bit_cast::<10, 9>(self.fine.q.val()) + 1;
        self.result.d.next = self.rounded.val().get_bits::<8>(1);
        if self.over.q.val() | self.rounded.val().get_bit(9) {
            self.result.d.next = 255.into();
        }
        self.y.next = self.result.q.val();
    }
}

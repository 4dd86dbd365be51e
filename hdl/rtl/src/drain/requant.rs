//! Requantiser: one accumulator to one activation per cycle.

use std::fmt::Write as _;

use firebrick_spec::HwConfig;
use firebrick_spec::arith::wrap;
use firebrick_spec::latency::MUL_LATENCY;
pub use firebrick_spec::latency::REQUANT_LATENCY;
use firebrick_spec::resources::ONE_SLICE_SUM_BITS;
use rust_hdl::prelude::*;

const _: () = assert!(
    REQUANT_LATENCY == 1 + MUL_LATENCY + 3,
    "beside the product: sum, coarse shift, fine shift, rounding"
);

/// Cycles from a sum to the `coarse` part of its shift.
pub const COARSE_DELAY: usize = 1 + MUL_LATENCY;
/// Cycles from a sum to the `fine` part of its shift.
pub const FINE_DELAY: usize = COARSE_DELAY + 1;

/// Bits of a multiplier.
const MULT_BITS: usize = 15;
/// Bits of the signed factor that goes into the multiplier of every kind of DSP slice.
const SLICE_BITS: usize = 25;
/// Bits that pass the first shifter, the second, the third.
const WINDOW: usize = 24;
const MIDDLE: usize = 12;
const LAST: usize = 9;

/// The registers, as numbers: the product's are one for what Verilog has in parts.
#[derive(Default)]
struct State {
    waiting: u64,
    sum: u64,
    mult: u64,
    scaled: u64,
    product: u64,
    window: u64,
    over: bool,
    bits: u64,
    above: bool,
}

/// `y = clamp(((acc + bias) * mult + 2^(shift-1)) >> shift, 0, 255)`, which is
/// `firebrick_spec::arith::Requant::apply_within`, [`REQUANT_LATENCY`] cycles later.
///
/// A requantiser serves two channels or positions in turn. With `now`, the words of both banks are
/// there: `acc` is that of `now_0` or `now_1` which `bank` says; of `later_0` and `later_1` the same
/// is kept and is `acc` in the next cycle, without `now`. `bias` and `mult` (1 to 32767) come with
/// `acc`, `factor` is `mult` one cycle later. Of the shift, 1 to 48, bits 5 and 4 are `coarse`,
/// [`COARSE_DELAY`] cycles after `acc`, and bits 3 to 0 `fine`, [`FINE_DELAY`] cycles after:
/// requantisers of the same channel share what delays them. No back-pressure.
///
/// Sums have the bits given at construction; of words and biases those above do not count, and what
/// `acc + bias` carries into them is cut off.
///
/// A negative sum gives 0 for every multiplier and shift: its product is cleared, and the rest is
/// unsigned. In one slice, which takes sums of up to 27 bits, the low 25 bits, as a signed number, are
/// multiplied, and what that leaves out, 0, 1 or 2 times the multiplier, is added behind; in two
/// slices each multiplies a part of the sum, of which the low one has 17 bits. Rounding
/// comes last: `(p + 2^(s-1)) >> s` is `((2p >> s) + 1) >> 1`. The shift goes in steps of 16, of 4
/// and of 1; 24 bits pass the first, 12 the second, 9 the third, and of those above them all that
/// matters is whether one is set.
///
/// Its own Verilog, so that a bit of the sum, with its choice of the word, is one look-up table, and
/// so that the slice has all its registers.
#[derive(LogicBlock)]
pub struct Requantiser {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Word of bank 0, for now.
    pub now_0: Signal<In, Bits<32>>,
    /// Word of bank 1, for now.
    pub now_1: Signal<In, Bits<32>>,
    /// Word of bank 0, for the next cycle.
    pub later_0: Signal<In, Bits<32>>,
    /// Word of bank 1, for the next cycle.
    pub later_1: Signal<In, Bits<32>>,
    /// Bank of the words.
    pub bank: Signal<In, Bit>,
    /// The words are there; else the one that waits is taken.
    pub now: Signal<In, Bit>,
    /// Bias, signed.
    pub bias: Signal<In, Bits<32>>,
    /// Multiplier, from 1.
    pub mult: Signal<In, Bits<15>>,
    /// The same, a cycle later.
    pub factor: Signal<In, Bits<15>>,
    /// Right shift in steps of 16, later.
    pub coarse: Signal<In, Bits<2>>,
    /// The rest of it, later still.
    pub fine: Signal<In, Bits<4>>,
    /// Activation, u8.
    pub y: Signal<Out, Bits<8>>,
    _state: State,
    _bits: usize,
    _slices: usize,
}

impl Requantiser {
    /// For the sums of `config`.
    #[must_use]
    pub fn of(config: &HwConfig) -> Self {
        Self::new(config.sum_bits, config.requantiser_dsp())
    }

    /// For sums of `bits` bits and a product in so many slices.
    ///
    /// # Panics
    /// If `bits` is not within 16 to 32, or `slices` not 1 or 2, 1 with more than 27 bits, or
    /// 2 with fewer than 20.
    #[must_use]
    pub fn new(bits: usize, slices: usize) -> Self {
        assert!(
            (slices == 2 && bits >= 20) || (slices == 1 && bits <= ONE_SLICE_SUM_BITS),
            "no product of {bits} bits in {slices} slices"
        );
        assert!(
            (16..=32).contains(&bits),
            "a sum has 16 to 32 bits, not {bits}"
        );
        block! {
            clock, now_0, now_1, later_0, later_1, bank, now, bias, mult, factor, coarse, fine, y;
            _state: State::default(),
            _bits: bits,
            _slices: slices,
        }
    }

    /// Whether a sum is more than one slice's multiplier takes, but no more than two bits more.
    fn in_parts(&self) -> bool {
        self._slices == 1 && self._bits > SLICE_BITS
    }

    /// The multiplication: declarations, and statements for the two registers behind the sum.
    fn multiply(&self) -> (String, String) {
        let bits = self._bits;
        // Bits of a sum that is not negative, and of its product.
        let size = bits - 1;
        let all = size + MULT_BITS;
        if self._slices == 1 && size < SLICE_BITS {
            return (
                format!("(* use_dsp = \"yes\" *)\nreg [{}:0] scaled;\n", all - 1),
                format!(
                    "    scaled <= sum[{size}] ? {all}'d0 : {{15'd0, sum[{}:0]}} * {{{size}'d0, factor_0}};\n    \
                     product <= scaled;\n",
                    size - 1
                ),
            );
        }
        if self.in_parts() {
            // The low bits are less by 2^25 if their highest is set, and without those above.
            let once = SLICE_BITS - 1;
            let rest = all - SLICE_BITS;
            let parts = if size > SLICE_BITS {
                format!(
                    "sum[{SLICE_BITS}] & sum[{once}] ? {{factor, 1'd0}} : \
                     sum[{SLICE_BITS}] | sum[{once}] ? {{1'd0, factor}} : 16'd0"
                )
            } else {
                format!("sum[{once}] ? {{1'd0, factor}} : 16'd0")
            };
            let cut = if rest < 16 {
                format!("[{}:0]", rest - 1)
            } else {
                String::new()
            };
            return (
                format!(
                    "wire signed [{once}:0] low = sum[{once}:0];\n\
                     wire signed [15:0] multiplier = {{1'b0, factor_0}};\n\
                     (* use_dsp = \"yes\" *)\nreg signed [{top}:0] scaled;\n\
                     reg [15:0] missing;\n",
                    top = all - 1,
                ),
                format!(
                    "    if (sum[{size}]) begin\n        scaled <= 0;\n        missing <= 16'd0;\n    \
                     end else begin\n        scaled <= low * multiplier;\n        missing <= {parts};\n    \
                     end\n    product <= scaled + $signed({{missing{cut}, {SLICE_BITS}'d0}});\n"
                ),
            );
        }
        let high = size - 17;
        (
            format!(
                "(* use_dsp = \"yes\" *)\nreg [31:0] low;\n\
                 (* use_dsp = \"yes\" *)\nreg [{}:0] high;\n",
                high + 14
            ),
            format!(
                "    if (sum[{size}]) begin\n        low <= 32'd0;\n        high <= {width}'d0;\n    end \
                 else begin\n        low <= {{15'd0, sum[16:0]}} * {{17'd0, factor_0}};\n        \
                 high <= {{15'd0, sum[{top}:17]}} * {{{high}'d0, factor_0}};\n    end\n    \
                 product <= {{high + {{{pad}'d0, low[31:17]}}, low[16:0]}};\n",
                width = high + 15,
                top = size - 1,
                pad = high,
            ),
        )
    }
}

impl Logic for Requantiser {
    fn update(&mut self) {
        if !self.clock.pos_edge() {
            return;
        }
        let word = |low: &Signal<In, Bits<32>>, high: &Signal<In, Bits<32>>| {
            if self.bank.val() {
                high.val().to_u64()
            } else {
                low.val().to_u64()
            }
        };
        let waiting = word(&self.later_0, &self.later_1);
        let acc = if self.now.val() {
            word(&self.now_0, &self.now_1)
        } else {
            self._state.waiting
        };
        let old = &self._state;
        // 48 bits of the product's double, shifted by up to 48.
        let shifted = (2 * old.product) >> (16 * self.coarse.val().to_u64());
        let last = old.window >> self.fine.val().to_u64();
        let negative = old.sum >> (self._bits - 1) != 0;
        let (low, missing) = if self.in_parts() {
            let missing = (old.sum >> SLICE_BITS) + (old.sum >> (SLICE_BITS - 1) & 1);
            (wrap(old.sum as i64, SLICE_BITS), missing)
        } else {
            (old.sum as i64, 0)
        };
        let scaled = low * old.mult as i64;
        let scaled = scaled + ((missing * self.factor.val().to_u64()) << SLICE_BITS) as i64;
        let rounded = (old.bits >> 1) + (old.bits & 1);
        self.y.next = if old.above { 255 } else { rounded.min(255) }.into();
        self._state = State {
            waiting,
            sum: (self.bias.val().to_u64() + acc) & ((1 << self._bits) - 1),
            mult: self.mult.val().to_u64(),
            scaled: if negative {
                0
            } else {
                scaled as u64 & ((1 << (self._bits - 1 + MULT_BITS)) - 1)
            },
            product: old.scaled,
            window: shifted & ((1 << WINDOW) - 1),
            over: shifted >> WINDOW != 0,
            bits: last & ((1 << LAST) - 1),
            above: old.over || last >> LAST != 0,
        };
    }

    fn connect(&mut self) {
        self.y.connect();
    }

    fn hdl(&self) -> Verilog {
        let top = self._bits - 1;
        // The product with a zero below it.
        let size = top + MULT_BITS + 1;
        let cut = |from: usize, bits: usize| match (from + bits).saturating_sub(size) {
            0 => format!("double[{}:{from}]", from + bits - 1),
            pad if pad < bits => format!("{{{pad}'d0, double[{}:{from}]}}", size - 1),
            _ => format!("{bits}'d0"),
        };
        let any = |name: &str, from: usize, end: usize| match end.saturating_sub(from) {
            0 => "1'b0".to_owned(),
            1 => format!("{name}[{from}]"),
            _ => format!("|{name}[{}:{from}]", end - 1),
        };
        let choice = |n: usize| {
            if n == 3 {
                "default".to_owned()
            } else {
                format!("2'd{n}")
            }
        };
        let (mut coarse, mut middle, mut last) = (String::new(), String::new(), String::new());
        for n in 0..4 {
            let _ = writeln!(
                coarse,
                "        {}: begin window <= {}; over <= {}; end",
                choice(n),
                cut(16 * n, WINDOW),
                any("double", 16 * n + WINDOW, size)
            );
            let _ = writeln!(
                middle,
                "        {}: begin middle = window[{}:{}]; over_middle = {}; end",
                choice(n),
                4 * n + MIDDLE - 1,
                4 * n,
                any("window", 4 * n + MIDDLE, WINDOW)
            );
            let _ = writeln!(
                last,
                "        {}: begin last = middle[{}:{n}]; over_last = {}; end",
                choice(n),
                n + LAST - 1,
                any("middle", n + LAST, MIDDLE)
            );
        }
        let (declarations, multiply) = self.multiply();
        Verilog::Custom(format!(
            "\
reg [{top}:0] waiting;
reg [{top}:0] sum;
reg [14:0] factor_0;
// In two parts, so that Yosys takes the bias, which is one, for the operand that the carry chain
// has without a look-up table.
wire [7:0] acc_low = now ? (bank ? now_1[7:0] : now_0[7:0]) : waiting[7:0];
wire [{high}:0] acc_high = now ? (bank ? now_1[{top}:8] : now_0[{top}:8]) : waiting[{top}:8];
{declarations}reg [{product}:0] product;
wire [{double}:0] double = {{product, 1'b0}};
reg [23:0] window;
reg over;
reg [11:0] middle;
reg over_middle;
reg [8:0] last;
reg over_last;
reg [8:0] bits;
reg above;
wire [8:0] rounded = {{1'b0, bits[8:1]}} + {{8'd0, bits[0]}};
always @(posedge clock) begin
    waiting <= bank ? later_1[{top}:0] : later_0[{top}:0];
    sum <= bias[{top}:0] + {{acc_high, acc_low}};
    factor_0 <= mult;
{multiply}    case (coarse)
{coarse}    endcase
    bits <= last;
    above <= over | over_middle | over_last;
    y <= (above | rounded[8]) ? 8'd255 : rounded[7:0];
end
always @(*) begin
    case (fine[3:2])
{middle}    endcase
end
always @(*) begin
    case (fine[1:0])
{last}    endcase
end
",
            high = top - 8,
            product = size - 2,
            double = size - 1,
        ))
    }
}

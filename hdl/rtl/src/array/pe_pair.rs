//! Two neighbouring processing elements that share one multiplier of a DSP slice, and add inside it.

use firebrick_spec::config::Family;
use rust_hdl::prelude::*;

/// Joins the weights of two neighbouring columns into one factor, exactly:
/// `joined = (w1 << field) + w0`, both i8 within ±127, sign-extended to 27 bits. No register.
///
/// `w0` is the low byte of `weights`; `field` is [`Family::field_bits`].
#[derive(LogicBlock)]
pub struct JoinWeights {
    /// Two weights, i8.
    pub weights: Signal<In, Bits<16>>,
    /// Both in one, signed.
    pub joined: Signal<Out, Bits<27>>,
    _field: usize,
}

impl JoinWeights {
    /// For the fields of a family.
    #[must_use]
    pub fn new(family: Family) -> Self {
        block! {
            weights, joined;
            _field: family.field_bits(),
        }
    }
}

impl Logic for JoinWeights {
    fn update(&mut self) {
        let weights = self.weights.val().to_u64();
        let joined = (i64::from((weights >> 8) as i8) << self._field) + i64::from(weights as i8);
        self.joined.next = (joined as u64 & 0x7ff_ffff).into();
    }

    fn connect(&mut self) {
        self.joined.connect();
    }

    fn hdl(&self) -> Verilog {
        // A negative w0 takes one from the bits above its own.
        let (between, above) = (self._field - 8, 27 - self._field - 8);
        let upper = "weights[15:8] - {7'd0, weights[7]}";
        let mut text = String::new();
        let joined = match above {
            0 => format!("{{{upper}, {{{between}{{weights[7]}}}}, weights[7:0]}}"),
            _ => {
                text = format!("wire [7:0] upper = {upper};\n");
                format!(
                    "{{{{{above}{{upper[7]}}}}, upper, {{{between}{{weights[7]}}}}, weights[7:0]}}"
                )
            }
        };
        Verilog::Custom(format!("{text}assign joined = {joined};\n"))
    }
}

/// The two fields of a chain's sum, zero-extended. No register.
///
/// `sum` holds `low` in its lowest [`Family::field_bits`] bits and `high` in the next ones.
#[derive(LogicBlock)]
pub struct TakeApart {
    /// Sum at the end of a chain.
    pub sum: Signal<In, Bits<48>>,
    /// Field of the first column.
    pub low: Signal<Out, Bits<19>>,
    /// Field of the second column.
    pub high: Signal<Out, Bits<19>>,
    _field: usize,
}

impl TakeApart {
    /// For the fields of a family.
    #[must_use]
    pub fn new(family: Family) -> Self {
        block! {
            sum, low, high;
            _field: family.field_bits(),
        }
    }
}

impl Logic for TakeApart {
    fn update(&mut self) {
        let (sum, field) = (self.sum.val().to_u64(), self._field);
        let mask = (1 << field) - 1;
        self.low.next = (sum & mask).into();
        self.high.next = (sum >> field & mask).into();
    }

    fn connect(&mut self) {
        self.low.connect();
        self.high.connect();
    }

    fn hdl(&self) -> Verilog {
        let field = self._field;
        let extended = |high: usize, low: usize| match 19 - field {
            0 => format!("sum[{high}:{low}]"),
            above => format!("{{{above}'d0, sum[{high}:{low}]}}"),
        };
        Verilog::Custom(format!(
            "assign low = {};\nassign high = {};\n",
            extended(field - 1, 0),
            extended(2 * field - 1, field)
        ))
    }
}

/// Two processing elements (see [`crate::array::pe::Pe`]) side by side: one multiplication for both
/// products, and one adder for both sums, in one DSP slice.
///
/// `sum = sum_in + x * w`, with `x` i8 and `w` as [`JoinWeights`] joins two weights; `sum_in` must
/// arrive two cycles after `x_in`, `sum` comes [`crate::array::pe::PE_LATENCY`] cycles after it. The
/// first pair of a chain has no `sum_in`: it begins with [`PePair::offset`], which keeps both fields
/// of the sum above 0, so that they are taken apart without a correction. `load_in` writes `w_in`
/// into the shadow register, `swap_in` makes the shadow the active weights for the `x_in` of the
/// same cycle. `x`, `swap` and `load` leave to the right one cycle later. No back-pressure.
///
/// Shadow and active weight, activation, product and sum are the registers A1, A2, B, M and P of a
/// slice. Its own Verilog, since Rust-HDL multiplies 16 x 16 bits only, and for the slices.
#[derive(LogicBlock)]
pub struct PePair {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Activation, i8.
    pub x_in: Signal<In, Bits<8>>,
    /// Makes the shadow weights active.
    pub swap_in: Signal<In, Bit>,
    /// Writes the shadow weights.
    pub load_in: Signal<In, Bit>,
    /// Two weights, joined.
    pub w_in: Signal<In, Bits<27>>,
    /// Sum of the pair above, over the wires from slice to slice.
    pub sum_in: Signal<In, Bits<48>>,
    /// Activation for the neighbour on the right.
    pub x_out: Signal<Out, Bits<8>>,
    /// Swap for the neighbour on the right.
    pub swap_out: Signal<Out, Bit>,
    /// Load for the neighbour on the right.
    pub load_out: Signal<Out, Bit>,
    /// Sum for the pair below, over the wires from slice to slice.
    pub sum_out: Signal<Out, Bits<48>>,
    /// The same sum for what is not a pair.
    pub sum: Signal<Out, Bits<48>>,
    shadow: Signal<Local, Bits<27>>,
    active: Signal<Local, Bits<27>>,
    #[cfg_attr(any(), verilog(use_dsp = "yes"))]
    product: Signal<Local, Bits<35>>,
    total: Signal<Local, Bits<38>>,
    _family: Family,
    _first: bool,
}

/// The low `bits` of a value, as a signed number.
fn sign_extend(value: u64, bits: u32) -> i64 {
    ((value << (64 - bits)) as i64) >> (64 - bits)
}

/// What a DSP48E1 and a DSP48E2 differ in.
struct Slice {
    name: &'static str,
    /// Bits that are multiplied, of the 30 at `A`.
    factor: usize,
    /// Ports wider in one: `D`, `OPMODE`.
    d_bits: usize,
    opmode_bits: usize,
    /// Parameters that only one has.
    parameters: &'static str,
}

const DSP48E1: Slice = Slice {
    name: "DSP48E1",
    factor: 25,
    d_bits: 25,
    opmode_bits: 7,
    parameters: ".USE_DPORT(\"FALSE\")",
};

const DSP48E2: Slice = Slice {
    name: "DSP48E2",
    factor: 27,
    d_bits: 27,
    opmode_bits: 9,
    parameters: ".AMULTSEL(\"A\"), .BMULTSEL(\"B\"), .PREADDINSEL(\"A\")",
};

impl Slice {
    /// The instance: A1, A2, B, M and P are registers, everything else is off. The first of a chain
    /// adds `offset` at `C`, the others the sum at `PCIN`.
    ///
    /// The registers of the pre-adder, which is not used, are left in: without `ADREG`, Yosys (0.23
    /// to 0.70) takes the pre-adder's place as free, moves a register in front of `A` there, and
    /// makes `AREG` 1 and `CEA2` 1 of what it finds.
    fn instance(&self, offset: Option<u64>) -> String {
        let Slice {
            name,
            factor,
            d_bits,
            opmode_bits,
            parameters,
        } = self;
        let (top, sign) = (factor - 1, 30 - factor);
        // X and Y take the product, Z takes C or PCIN.
        let (opmode, c, pcin) = match offset {
            Some(offset) => (0b011_0101, format!("48'd{offset}"), "48'd0"),
            None => (0b001_0101, "48'd0".to_owned(), "sum_in"),
        };
        format!(
            "\
wire [47:0] p;
wire [47:0] pcout;
{name} #(
    .AREG(2), .ACASCREG(2), .BREG(1), .BCASCREG(1), .CREG(0), .DREG(1), .ADREG(1), .MREG(1),
    .PREG(1), .INMODEREG(0), .OPMODEREG(0), .ALUMODEREG(0), .CARRYINREG(0), .CARRYINSELREG(0),
    .USE_MULT(\"MULTIPLY\"), {parameters}
) dsp (
    .CLK(clock),
    .A({{{{{sign}{{w_in[{top}]}}}}, w_in[{top}:0]}}), .B({{{{10{{x_in[7]}}}}, x_in}}), .C({c}), .D({d_bits}'d0),
    .PCIN({pcin}), .ACIN(30'd0), .BCIN(18'd0), .CARRYCASCIN(1'b0), .MULTSIGNIN(1'b0),
    .INMODE(5'd0), .OPMODE({opmode_bits}'d{opmode}), .ALUMODE(4'd0), .CARRYIN(1'b0), .CARRYINSEL(3'd0),
    .CEA1(load_in), .CEA2(swap_in), .CEB1(1'b0), .CEB2(1'b1), .CEM(1'b1), .CEP(1'b1),
    .CEC(1'b0), .CED(1'b0), .CEAD(1'b0), .CEINMODE(1'b0), .CECTRL(1'b0), .CEALUMODE(1'b0),
    .CECARRYIN(1'b0),
    .RSTA(1'b0), .RSTB(1'b0), .RSTC(1'b0), .RSTD(1'b0), .RSTM(1'b0), .RSTP(1'b0),
    .RSTINMODE(1'b0), .RSTCTRL(1'b0), .RSTALUMODE(1'b0), .RSTALLCARRYIN(1'b0),
    .P(p), .PCOUT(pcout)
);
assign sum_out = pcout;
assign sum = p;
"
        )
    }
}

impl PePair {
    /// A pair made of a slice of the family, the `first` of its chain or a further one.
    #[must_use]
    pub fn new(family: Family, first: bool) -> Self {
        block! {
            clock, x_in, swap_in, load_in, w_in, sum_in, x_out, swap_out, load_out, sum_out, sum,
            shadow, active, product, total;
            _family: family,
            _first: first,
        }
    }

    /// What a chain begins with: half of what a field counts to, in both fields.
    #[must_use]
    pub const fn offset(family: Family) -> u64 {
        let field = family.field_bits();
        (1 << (field - 1)) | (1 << (2 * field - 1))
    }

    /// Bits of a sum: the slices', or two fields.
    fn bits(&self) -> u32 {
        if self._family == Family::Generic {
            38
        } else {
            48
        }
    }

    /// The registers of a slice as any tool infers them.
    fn inferred(&self) -> String {
        let above = if self._first {
            format!("38'd{}", PePair::offset(self._family))
        } else {
            "sum_in[37:0]".to_owned()
        };
        format!(
            "\
always @(posedge clock) begin
    if (load_in) shadow <= w_in;
    if (swap_in) active <= shadow;
    product <= $signed(x_out) * $signed(active);
    total <= {above} + {{{{3{{product[34]}}}}, product}};
end
assign sum_out = {{10'd0, total}};
assign sum = {{10'd0, total}};
"
        )
    }
}

impl Logic for PePair {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let above = if self._first {
                PePair::offset(self._family) as i64
            } else {
                self.sum_in.val().to_u64() as i64
            };
            let product = sign_extend(self.product.val().to_u64(), 35);
            let total = above.wrapping_add(product) as u64 & ((1 << self.bits()) - 1);
            self.sum_out.next = total.into();
            self.sum.next = total.into();
            let x = sign_extend(self.x_out.val().to_u64(), 8);
            let product = x * sign_extend(self.active.val().to_u64(), 27);
            self.product.next = (product as u64 & 0x7_ffff_ffff).into();
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
        self.sum_out.connect();
        self.sum.connect();
        self.shadow.connect();
        self.active.connect();
        self.product.connect();
        self.total.connect();
    }

    fn hdl(&self) -> Verilog {
        let first = self._first.then(|| PePair::offset(self._family));
        let inside = match self._family {
            Family::Generic => self.inferred(),
            Family::Xc7 => DSP48E1.instance(first),
            Family::Xcup => DSP48E2.instance(first),
        };
        let (kind, place) = (self._family.name(), if self._first { "_first" } else { "" });
        Verilog::Blackbox(BlackBox {
            name: format!("pe_pair_{kind}{place}"),
            code: format!(
                "\
always @(posedge clock) begin
    x_out <= x_in;
    swap_out <= swap_in;
    load_out <= load_in;
end
{inside}"
            ),
        })
    }
}

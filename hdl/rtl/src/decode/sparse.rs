//! Sparse weights: puts the zeros back that a `load_sparse` record leaves out.

use crate::common::words::{Beat, WeightRow};
use firebrick_spec::BEAT_BITS;
pub use firebrick_spec::latency::SPARSE_LATENCY;
use firebrick_spec::latency::{SPARSE_COUNT_LATENCY, SPARSE_ROWS as ROWS};
use rust_hdl::prelude::*;

use crate::common::mem::{LutRam, Pack};

const _: () = assert!(
    SPARSE_LATENCY == 3,
    "three registers from a row's issue to its write"
);
const _: () = assert!(
    SPARSE_COUNT_LATENCY == 3,
    "two states between a mask and its first values"
);

/// Counts the ones of four bits, without adders: counts of more are sums of these.
#[derive(LogicBlock, Default)]
pub struct Ones {
    /// Bits.
    pub bits: Signal<In, Bits<4>>,
    /// How many are set.
    pub ones: Signal<Out, Bits<8>>,
    odd: Signal<Local, Bit>,
    all: Signal<Local, Bit>,
    two: Signal<Local, Bit>,
}

impl Logic for Ones {
    #[hdl_gen]
    fn update(&mut self) {
        self.odd.next = self.bits.val().get_bit(0)
            ^ self.bits.val().get_bit(1)
            ^ self.bits.val().get_bit(2)
            ^ self.bits.val().get_bit(3);
        self.all.next = self.bits.val() == 0xf;
        // At least two: one in each half, or a whole half.
        self.two.next = ((self.bits.val().get_bit(0) | self.bits.val().get_bit(1))
            & (self.bits.val().get_bit(2) | self.bits.val().get_bit(3)))
            | (self.bits.val().get_bit(0) & self.bits.val().get_bit(1))
            | (self.bits.val().get_bit(2) & self.bits.val().get_bit(3));
        self.ones.next = 0.into();
        if self.odd.val() {
            self.ones.next = self.ones.val() | 1;
        }
        if self.two.val() & (!self.all.val()) {
            self.ones.next = self.ones.val() | 2;
        }
        if self.all.val() {
            self.ones.next = self.ones.val() | 4;
        }
    }
}

/// What the input does.
#[derive(LogicState, Clone, Copy, Debug, PartialEq)]
pub enum SparseState {
    /// Nothing is left to take.
    Idle,
    /// Waits for a mask.
    Mask,
    /// Counts its rows.
    Count,
    /// Sums the counts: how many beats of values come.
    Sum,
    /// Takes them.
    Values,
    /// The group is complete and waits for the rows of the one before.
    Full,
}

/// Takes groups of a mask and values, and writes rows of 16 weights.
///
/// `start` takes `rows` (from 1) and `address`. A group is a beat of mask, bit i for weight i of
/// eight rows, and beats of values: the non-zero weights in order. The values of a payload are one
/// string of bytes, so that a group brings `ceil((ones - bytes left over) / 16)` beats. While one
/// group's rows are written, one a cycle, the next is taken: with up to four beats of values
/// nothing waits. Bits of the last mask beyond `rows` count, their values are dropped.
///
/// `busy` falls when the last row is issued; it is written `SPARSE_LATENCY` cycles later.
#[derive(LogicBlock)]
pub struct Sparse {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops everything.
    pub reset: Signal<In, Bit>,
    /// Begins.
    pub start: Signal<In, Bit>,
    /// Rows to write.
    pub rows: Signal<In, Bits<24>>,
    /// Where the first goes.
    pub address: Signal<In, Bits<24>>,
    /// Beat offered.
    pub in_valid: Signal<In, Bit>,
    /// Beat taken.
    pub in_ready: Signal<Out, Bit>,
    /// Beat.
    pub in_data: Signal<In, Beat>,
    /// Rows are left to issue.
    pub busy: Signal<Out, Bit>,
    /// Writes a row.
    pub write_valid: Signal<Out, Bit>,
    /// Here.
    pub write_address: Signal<Out, Bits<24>>,
    /// Weights.
    pub write_data: Signal<Out, WeightRow>,
    state: DFF<SparseState>,
    // In one of the states that take beats.
    open: DFF<Bit>,
    // In the state `Sum`.
    sums: DFF<Bit>,
    // Two copies, for the two beats over which a row's values may spread.
    low_values: LutRam<128, 5>,
    high_values: LutRam<128, 5>,
    tail: DFF<Bits<5>>,
    // The group that is taken.
    next_mask: DFF<Bits<128>>,
    // Its values in each row, and in each half of it, the second with `used`.
    halves: Vec<DFF<Bits<8>>>,
    next_ones: Vec<DFF<Bits<8>>>,
    // Inverted, so that they count up: what counts down inverts each bit in a LUT.
    groups: DFF<Bits<21>>,
    beats: DFF<Bits<4>>,
    // 15 less the bytes left over of the last beat.
    used: DFF<Bits<4>>,
    // The group whose rows are issued.
    active: DFF<Bit>,
    mask: DFF<Bits<128>>,
    ones: Vec<DFF<Bits<8>>>,
    row: DFF<Bits<3>>,
    rows_left: DFF<Bits<24>>,
    row_address: DFF<Bits<24>>,
    // Beat and byte of the row's first value.
    position: DFF<Bits<9>>,
    // The row's values, and the way of each to its place.
    valid_1: DFF<Bit>,
    low_1: DFF<Bits<128>>,
    high_1: DFF<Bits<128>>,
    offset_1: DFF<Bits<4>>,
    mask_1: DFF<Bits<16>>,
    quad_1: Vec<DFF<Bits<8>>>,
    address_1: DFF<Bits<24>>,
    valid_2: DFF<Bit>,
    values_2: DFF<Bits<128>>,
    mask_2: DFF<Bits<16>>,
    // Bits, not bytes: what to shift by.
    before_2: Vec<DFF<Bits<8>>>,
    address_2: DFF<Bits<24>>,
    valid_3: DFF<Bit>,
    row_3: DFF<WeightRow>,
    address_3: DFF<Bits<24>>,
    counts: Vec<Signal<Local, Bits<8>>>,
    eighths: Vec<Signal<Local, Bits<8>>>,
    quarters: Vec<Signal<Local, Bits<8>>>,
    need: Signal<Local, Bits<8>>,
    rounded: Signal<Local, Bits<24>>,
    accepts: Signal<Local, Bit>,
    take: Signal<Local, Bit>,
    last_of_group: Signal<Local, Bit>,
    joined: Signal<Local, Bits<256>>,
    coarse: Signal<Local, Bits<152>>,
    fine: Signal<Local, Bits<128>>,
    next_quads: Vec<Ones>,
    row_quads: Vec<Ones>,
    earlier: Vec<Ones>,
    befores: Vec<Signal<Local, Bits<8>>>,
    quads: Vec<Signal<Local, Bits<8>>>,
    of_2: Vec<Signal<Local, Bits<16>>>,
    of_4: Vec<Signal<Local, Bits<32>>>,
    of_8: Vec<Signal<Local, Bits<64>>>,
    of_16: Vec<Signal<Local, Bits<128>>>,
    chosen: Vec<Signal<Local, Bits<8>>>,
    bytes: Pack<8, 128>,
}

impl Default for Sparse {
    fn default() -> Self {
        fn each<T: Default>(count: usize) -> Vec<T> {
            (0..count).map(|_| T::default()).collect()
        }
        block! {
            clock, reset, start, rows, address, in_valid, in_ready, in_data, busy, write_valid,
            write_address, write_data, state, open, sums, low_values, high_values, tail, next_mask,
            groups, beats, used, active, mask, row, rows_left, row_address, position, valid_1,
            low_1, high_1, offset_1, mask_1, address_1, valid_2, values_2, mask_2, address_2,
            valid_3, row_3, address_3, need, rounded, accepts, take, last_of_group, joined,
            coarse, fine;
            next_ones: each(ROWS),
            ones: each(ROWS),
            quad_1: each(4),
            before_2: each(16),
            counts: each(ROWS),
            eighths: each(2 * ROWS),
            halves: each(2),
            quarters: each(ROWS / 2),
            next_quads: each(4 * ROWS),
            row_quads: each(3),
            earlier: each(12),
            befores: each(12),
            quads: each(4),
            of_2: each(1),
            of_4: each(2),
            of_8: each(4),
            of_16: each(8),
            chosen: each(16),
            bytes: Pack::new(16),
        }
    }
}

#[allow(clippy::collapsible_match, reason = "hardware has no match guards")]
impl Logic for Sparse {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            open,
            sums,
            tail,
            next_mask,
            groups,
            beats,
            used,
            active,
            mask,
            row,
            rows_left,
            row_address,
            position,
            valid_1,
            low_1,
            high_1,
            offset_1,
            mask_1,
            address_1,
            valid_2,
            values_2,
            mask_2,
            address_2,
            valid_3,
            row_3,
            address_3
        );
        self.low_values.clock.next = self.clock.val();
        self.high_values.clock.next = self.clock.val();
        for i in 0..8 {
            self.next_ones[i].clock.next = self.clock.val();
            self.next_ones[i].d.next = self.next_ones[i].q.val();
        }
        for i in 0..8 {
            self.ones[i].clock.next = self.clock.val();
            self.ones[i].d.next = self.ones[i].q.val();
        }
        for i in 0..2 {
            self.halves[i].clock.next = self.clock.val();
        }
        for i in 0..4 {
            self.quad_1[i].clock.next = self.clock.val();
        }
        for i in 0..16 {
            self.before_2[i].clock.next = self.clock.val();
        }

        // A group's masks and values come in.
        for i in 0..32 {
            self.next_quads[i].bits.next = self.in_data.val().get_bits::<4>(4 * i);
        }
        for i in 0..16 {
            self.eighths[i].next =
                (self.next_quads[2 * i].ones.val() + self.next_quads[2 * i + 1].ones.val()) & 0xf;
        }
        for i in 0..8 {
            self.counts[i].next =
                (self.eighths[2 * i].val() + self.eighths[2 * i + 1].val()) & 0x1f;
        }
        for i in 0..4 {
            self.quarters[i].next =
                (self.next_ones[2 * i].q.val() + self.next_ones[2 * i + 1].q.val()) & 0x3f;
        }
        self.halves[0].d.next = self.quarters[0].val() + self.quarters[1].val();
        self.halves[1].d.next =
            self.quarters[2].val() + self.quarters[3].val() + bit_cast::<8, 4>(self.used.q.val());
        self.need.next = self.halves[0].q.val() + self.halves[1].q.val();
        self.in_ready.next = self.open.q.val();
        self.accepts.next = self.in_valid.val() & (self.state.q.val() == SparseState::Values);
        self.low_values.write_enable.next = self.accepts.val();
        self.low_values.write_address.next = self.tail.q.val();
        self.low_values.write_data.next = self.in_data.val();
        self.high_values.write_enable.next = self.accepts.val();
        self.high_values.write_address.next = self.tail.q.val();
        self.high_values.write_data.next = self.in_data.val();
        self.last_of_group.next = self.row.q.val() == 7;
        self.take.next = (self.state.q.val() == SparseState::Full)
            & ((!self.active.q.val()) | self.last_of_group.val());
        match self.state.q.val() {
            SparseState::Mask => {
                self.next_mask.d.next = self.in_data.val();
                for i in 0..8 {
                    self.next_ones[i].d.next = self.counts[i].val();
                }
                if self.in_valid.val() {
                    self.state.d.next = SparseState::Count;
                    self.open.d.next = false;
                }
            }
            SparseState::Count => {
                self.state.d.next = SparseState::Sum;
            }
            SparseState::Sum => {
                self.beats.d.next = self.need.val().get_bits::<4>(4);
                self.used.d.next = self.need.val().get_bits::<4>(0);
                self.groups.d.next = self.groups.q.val() + 1;
                self.state.d.next = SparseState::Full;
                if self.need.val().get_bits::<4>(4).any() {
                    self.state.d.next = SparseState::Values;
                }
            }
            SparseState::Values => {
                if self.in_valid.val() {
                    self.tail.d.next = self.tail.q.val() + 1;
                    self.beats.d.next = self.beats.q.val() - 1;
                    if self.beats.q.val() == 1 {
                        self.state.d.next = SparseState::Full;
                        self.open.d.next = false;
                    }
                }
            }
            SparseState::Full => {
                if self.take.val() {
                    self.state.d.next = SparseState::Mask;
                    self.open.d.next = true;
                    if self.groups.q.val() == 0x1f_ffff {
                        self.state.d.next = SparseState::Idle;
                        self.open.d.next = false;
                    }
                }
            }
            _ => {}
        }

        self.sums.d.next = self.state.q.val() == SparseState::Count;
        if self.sums.q.val() {
            self.open.d.next = self.need.val().get_bits::<4>(4).any();
        }

        // Its rows are issued.
        self.low_values.read_address.next = self.position.q.val().get_bits::<5>(4);
        self.high_values.read_address.next = self.position.q.val().get_bits::<5>(4) + 1;
        self.valid_1.d.next = self.active.q.val();
        self.low_1.d.next = self.low_values.read_data.val();
        self.high_1.d.next = self.high_values.read_data.val();
        self.offset_1.d.next = self.position.q.val().get_bits::<4>(0);
        self.mask_1.d.next = self.mask.q.val().get_bits::<16>(0);
        self.address_1.d.next = self.row_address.q.val();
        if self.active.q.val() {
            self.mask.d.next = self.mask.q.val() >> 16;
            for i in 0..7 {
                self.ones[i].d.next = self.ones[i + 1].q.val();
            }
            self.position.d.next = self.position.q.val() + bit_cast::<9, 8>(self.ones[0].q.val());
            self.row.d.next = self.row.q.val() + 1;
            self.row_address.d.next = self.row_address.q.val() + 1;
            self.rows_left.d.next = self.rows_left.q.val() + 1;
            if self.last_of_group.val() | (self.rows_left.q.val() == 0xff_fffe) {
                self.active.d.next = false;
            }
        }
        if self.take.val() {
            self.active.d.next = true;
            self.row.d.next = 0.into();
            self.mask.d.next = self.next_mask.q.val();
            for i in 0..8 {
                self.ones[i].d.next = self.next_ones[i].q.val();
            }
        }
        self.busy.next = (self.state.q.val() != SparseState::Idle) | self.active.q.val();

        // Values before each four weights of the row.
        self.quads[0].next = 0.into();
        for i in 0..3 {
            self.row_quads[i].bits.next = self.mask.q.val().get_bits::<4>(4 * i);
            self.quads[i + 1].next = (self.quads[i].val() + self.row_quads[i].ones.val()) & 0xf;
        }
        for i in 0..4 {
            self.quad_1[i].d.next = self.quads[i].val();
        }

        // A row's values, from where they begin: by four bytes, then by one, so that a bit of each
        // takes a LUT.
        self.joined.next = bit_cast::<256, 128>(self.low_1.q.val())
            | (bit_cast::<256, 128>(self.high_1.q.val()) << 128);
        self.coarse.next = self.joined.val().get_bits::<152>(0);
        if self.offset_1.q.val().get_bits::<2>(2) == 1 {
            self.coarse.next = self.joined.val().get_bits::<152>(32);
        } else if self.offset_1.q.val().get_bits::<2>(2) == 2 {
            self.coarse.next = self.joined.val().get_bits::<152>(64);
        } else if self.offset_1.q.val().get_bits::<2>(2) == 3 {
            self.coarse.next = self.joined.val().get_bits::<152>(96);
        }
        self.fine.next = self.coarse.val().get_bits::<BEAT_BITS>(0);
        if self.offset_1.q.val().get_bits::<2>(0) == 1 {
            self.fine.next = self.coarse.val().get_bits::<BEAT_BITS>(8);
        } else if self.offset_1.q.val().get_bits::<2>(0) == 2 {
            self.fine.next = self.coarse.val().get_bits::<BEAT_BITS>(16);
        } else if self.offset_1.q.val().get_bits::<2>(0) == 3 {
            self.fine.next = self.coarse.val().get_bits::<BEAT_BITS>(24);
        }
        self.valid_2.d.next = self.valid_1.q.val();
        self.values_2.d.next = self.fine.val();
        self.mask_2.d.next = self.mask_1.q.val();
        self.address_2.d.next = self.address_1.q.val();
        for i in 0..4 {
            self.earlier[3 * i].bits.next = self.mask_1.q.val().get_bits::<4>(4 * i) & 0x1;
            self.earlier[3 * i + 1].bits.next = self.mask_1.q.val().get_bits::<4>(4 * i) & 0x3;
            self.earlier[3 * i + 2].bits.next = self.mask_1.q.val().get_bits::<4>(4 * i) & 0x7;
            self.before_2[4 * i].d.next = self.quad_1[i].q.val() << 3;
            for k in 0..3 {
                self.befores[3 * i + k].next =
                    (self.quad_1[i].q.val() + self.earlier[3 * i + k].ones.val()) & 0xf;
                self.before_2[4 * i + k + 1].d.next = self.befores[3 * i + k].val() << 3;
            }
        }

        // Each to its place. At most as many values come before a weight as there are weights
        // before it.
        self.chosen[0].next = self.values_2.q.val().get_bits::<8>(0);
        for i in 1..2 {
            self.of_2[i - 1].next =
                self.values_2.q.val().get_bits::<16>(0) >> (self.before_2[i].q.val() & 0x8);
            self.chosen[i].next = self.of_2[i - 1].val().get_bits::<8>(0);
        }
        for i in 2..4 {
            self.of_4[i - 2].next =
                self.values_2.q.val().get_bits::<32>(0) >> (self.before_2[i].q.val() & 0x18);
            self.chosen[i].next = self.of_4[i - 2].val().get_bits::<8>(0);
        }
        for i in 4..8 {
            self.of_8[i - 4].next =
                self.values_2.q.val().get_bits::<64>(0) >> (self.before_2[i].q.val() & 0x38);
            self.chosen[i].next = self.of_8[i - 4].val().get_bits::<8>(0);
        }
        for i in 8..16 {
            self.of_16[i - 8].next =
                self.values_2.q.val().get_bits::<BEAT_BITS>(0) >> (self.before_2[i].q.val() & 0x78);
            self.chosen[i].next = self.of_16[i - 8].val().get_bits::<8>(0);
        }
        for i in 0..16 {
            self.bytes.words[i].next = 0.into();
            if self.valid_2.q.val() & self.mask_2.q.val().get_bit(i) {
                self.bytes.words[i].next = self.chosen[i].val();
            }
        }
        self.valid_3.d.next = self.valid_2.q.val();
        self.row_3.d.next = self.bytes.joined.val();
        self.address_3.d.next = self.address_2.q.val();
        self.write_valid.next = self.valid_3.q.val();
        self.write_data.next = self.row_3.q.val();
        self.write_address.next = self.address_3.q.val();

        self.rounded.next = self.rows.val() + 7;
        if self.start.val() {
            self.state.d.next = SparseState::Mask;
            self.open.d.next = true;
            self.tail.d.next = 0.into();
            self.position.d.next = 0.into();
            self.used.d.next = 15.into();
            self.row_address.d.next = self.address.val();
            self.rows_left.d.next = !self.rows.val();
            self.groups.d.next = !self.rounded.val().get_bits::<21>(3);
        }
        if self.reset.val() {
            self.state.d.next = SparseState::Idle;
            self.open.d.next = false;
            self.sums.d.next = false;
            self.active.d.next = false;
            self.valid_1.d.next = false;
            self.valid_2.d.next = false;
            self.valid_3.d.next = false;
        }
    }
}

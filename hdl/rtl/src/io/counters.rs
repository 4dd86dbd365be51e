//! Event counters.

use firebrick_spec::latency::COUNTER_LATENCY;
use firebrick_spec::regs;
use rust_hdl::prelude::*;

use crate::common::mem::LutRam;

/// Number of counters; their order is that of `firebrick_spec::regs::COUNTERS`.
pub const COUNTERS: usize = regs::COUNTERS.len();

/// Counters that one sweep passes: as many as a memory of look-up tables has words.
const SLOTS: usize = 16;

const _: () = assert!(COUNTERS <= SLOTS && COUNTER_LATENCY == SLOTS - 1 + 3);

/// Counter that adds `ragged`, not a single event.
const RAGGED: usize = regs::RAGGED_INDEX;

/// 64-bit counters in small memories, with one adder for all.
///
/// What has happened since a counter was last visited is counted apart, in a few bits; a sweep
/// visits one counter a cycle and adds that to its word: bits 23:0, then 47:24, then 63:48, a cycle
/// each. `read` asks for counter `index`; both must stay until `done`, 3 to [`COUNTER_LATENCY`] cycles
/// later. `value` is then all that happened up to five cycles before, and stays until the next
/// `read`.
///
/// `cycles` counts the cycles with `cycle` beside them, and shows them at once.
#[derive(LogicBlock)]
pub struct Counters {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Sets all counters to 0.
    pub clear: Signal<In, Bit>,
    /// Forgets what is asked for; `value` becomes 0.
    pub reset: Signal<In, Bit>,
    /// What happens in this cycle: one to each counter but RAGGED.
    pub adds: Vec<Signal<In, Bit>>,
    /// To add to RAGGED, up to 8.
    pub ragged: Signal<In, Bits<4>>,
    /// Asks for a counter.
    pub read: Signal<In, Bit>,
    /// Which.
    pub index: Signal<In, Bits<4>>,
    /// Here it is.
    pub done: Signal<Out, Bit>,
    /// The counter.
    pub value: Signal<Out, Bits<64>>,
    /// Sets `cycles` to 0.
    pub clear_cycles: Signal<In, Bit>,
    /// Adds one to `cycles`.
    pub cycle: Signal<In, Bit>,
    /// Cycles, modulo 2^32.
    pub cycles: Signal<Out, Bits<32>>,
    pending: Vec<DFF<Bits<5>>>,
    pending_ragged: DFF<Bits<8>>,
    slot: DFF<Bits<4>>,
    // Visits left in which the word counts as 0: all that the memories hold is from before.
    stale: DFF<Bits<5>>,
    // The three parts of a visit.
    slot_1: DFF<Bits<4>>,
    taken_1: DFF<Bits<8>>,
    blank_1: DFF<Bit>,
    slot_2: DFF<Bits<4>>,
    carry_2: DFF<Bit>,
    blank_2: DFF<Bit>,
    slot_3: DFF<Bits<4>>,
    carry_3: DFF<Bit>,
    blank_3: DFF<Bit>,
    low: LutRam<24, 4>,
    middle: LutRam<24, 4>,
    high: LutRam<16, 4>,
    // What was asked for is in this part.
    found_2: DFF<Bit>,
    found_3: DFF<Bit>,
    found_4: DFF<Bit>,
    low_read: DFF<Bits<24>>,
    middle_read: DFF<Bits<24>>,
    high_read: DFF<Bits<16>>,
    // Bits 15:0 of `cycles`, that they are all ones, and bits 31:16.
    cycles_low: DFF<Bits<16>>,
    cycles_full: DFF<Bit>,
    cycles_high: DFF<Bits<16>>,
    chosen: Signal<Local, Bits<5>>,
    found_1: Signal<Local, Bit>,
    low_old: Signal<Local, Bits<24>>,
    low_sum: Signal<Local, Bits<25>>,
    middle_old: Signal<Local, Bits<24>>,
    middle_sum: Signal<Local, Bits<25>>,
    high_old: Signal<Local, Bits<16>>,
    high_sum: Signal<Local, Bits<16>>,
    ragged_slot: Constant<Bits<4>>,
    _counters: usize,
}

impl Default for Counters {
    fn default() -> Self {
        block! {
            clock, clear, reset, ragged, read, index, done, value, clear_cycles, cycle, cycles, pending_ragged, slot,
            stale, slot_1, taken_1, blank_1, slot_2, carry_2, blank_2, slot_3, carry_3, blank_3,
            low, middle, high, found_2, found_3, found_4, low_read, middle_read, high_read,
            cycles_low, cycles_full, cycles_high, chosen, found_1, low_old, low_sum, middle_old,
            middle_sum, high_old, high_sum;
            adds: (0..COUNTERS).map(|_| Signal::default()).collect(),
            pending: (0..COUNTERS).map(|_| DFF::default()).collect(),
            _counters: COUNTERS,
            ragged_slot: Constant::new((RAGGED as u64).into()),
        }
    }
}

impl Logic for Counters {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            pending_ragged,
            slot,
            stale,
            slot_1,
            taken_1,
            blank_1,
            slot_2,
            carry_2,
            blank_2,
            slot_3,
            carry_3,
            blank_3,
            found_2,
            found_3,
            found_4,
            low_read,
            middle_read,
            high_read,
            cycles_low,
            cycles_full,
            cycles_high
        );
        self.low.clock.next = self.clock.val();
        self.middle.clock.next = self.clock.val();
        self.high.clock.next = self.clock.val();

        // What has happened since the last visit; that of the counter at hand goes to its word.
        self.slot.d.next = self.slot.q.val() + 1;
        self.slot_1.d.next = self.slot.q.val();
        self.blank_1.d.next = self.stale.q.val().any();
        if self.stale.q.val().any() {
            self.stale.d.next = self.stale.q.val() - 1;
        }
        self.chosen.next = 0.into();
        for i in 0..self._counters {
            self.pending[i].clock.next = self.clock.val();
            self.pending[i].d.next = self.pending[i].q.val();
            if self.slot.q.val().index() == i {
                self.chosen.next = self.chosen.val() | self.pending[i].q.val();
                self.pending[i].d.next = 0.into();
                if self.adds[i].val() {
                    self.pending[i].d.next = 1.into();
                }
            } else if self.adds[i].val() {
                self.pending[i].d.next = self.pending[i].q.val() + 1;
            }
            if self.clear.val() {
                self.pending[i].d.next = 0.into();
            }
        }
        self.taken_1.d.next = bit_cast::<8, 5>(self.chosen.val());
        self.pending_ragged.d.next =
            self.pending_ragged.q.val() + bit_cast::<8, 4>(self.ragged.val());
        if self.slot.q.val() == self.ragged_slot.val() {
            self.taken_1.d.next = self.pending_ragged.q.val();
            self.pending_ragged.d.next = bit_cast::<8, 4>(self.ragged.val());
        }

        // Bits 23:0.
        self.low.read_address.next = self.slot_1.q.val();
        self.low_old.next = self.low.read_data.val();
        if self.blank_1.q.val() {
            self.low_old.next = 0.into();
        }
        self.low_sum.next =
            bit_cast::<25, 24>(self.low_old.val()) + bit_cast::<25, 8>(self.taken_1.q.val());
        self.low.write_enable.next = true;
        self.low.write_address.next = self.slot_1.q.val();
        self.low.write_data.next = self.low_sum.val().get_bits::<24>(0);
        self.slot_2.d.next = self.slot_1.q.val();
        self.blank_2.d.next = self.blank_1.q.val();
        self.carry_2.d.next = self.low_sum.val().get_bit(24);

        // Bits 47:24.
        self.middle.read_address.next = self.slot_2.q.val();
        self.middle_old.next = self.middle.read_data.val();
        if self.blank_2.q.val() {
            self.middle_old.next = 0.into();
        }
        self.middle_sum.next = bit_cast::<25, 24>(self.middle_old.val())
            + bit_cast::<25, 1>(bit_cast::<1, 1>(self.carry_2.q.val().into()));
        self.middle.write_enable.next = true;
        self.middle.write_address.next = self.slot_2.q.val();
        self.middle.write_data.next = self.middle_sum.val().get_bits::<24>(0);
        self.slot_3.d.next = self.slot_2.q.val();
        self.blank_3.d.next = self.blank_2.q.val();
        self.carry_3.d.next = self.middle_sum.val().get_bit(24);

        // Bits 63:48.
        self.high.read_address.next = self.slot_3.q.val();
        self.high_old.next = self.high.read_data.val();
        if self.blank_3.q.val() {
            self.high_old.next = 0.into();
        }
        self.high_sum.next =
            self.high_old.val() + bit_cast::<16, 1>(bit_cast::<1, 1>(self.carry_3.q.val().into()));
        self.high.write_enable.next = true;
        self.high.write_address.next = self.slot_3.q.val();
        self.high.write_data.next = self.high_sum.val();

        // What is asked for is taken from the sums as they pass.
        self.found_1.next = self.read.val()
            & (self.slot_1.q.val() == self.index.val())
            & (!self.found_2.q.val())
            & (!self.found_3.q.val())
            & (!self.found_4.q.val());
        self.found_2.d.next = self.found_1.val();
        self.found_3.d.next = self.found_2.q.val();
        self.found_4.d.next = self.found_3.q.val();
        if self.found_1.val() {
            self.low_read.d.next = self.low_sum.val().get_bits::<24>(0);
        }
        if self.found_2.q.val() {
            self.middle_read.d.next = self.middle_sum.val().get_bits::<24>(0);
        }
        if self.found_3.q.val() {
            self.high_read.d.next = self.high_sum.val();
        }
        self.done.next = self.found_4.q.val();
        self.value.next = bit_cast::<64, 24>(self.low_read.q.val())
            | (bit_cast::<64, 24>(self.middle_read.q.val()) << 24)
            | (bit_cast::<64, 16>(self.high_read.q.val()) << 48);

        // That the low half of the cycles is full is known a cycle before.
        self.cycles_full.d.next = self.cycles_low.q.val() == 0xffff;
        if self.cycle.val() {
            self.cycles_full.d.next = self.cycles_low.q.val() == 0xfffe;
            self.cycles_low.d.next = self.cycles_low.q.val() + 1;
            if self.cycles_full.q.val() {
                self.cycles_high.d.next = self.cycles_high.q.val() + 1;
            }
        }
        self.cycles.next = bit_cast::<32, 16>(self.cycles_low.q.val())
            | (bit_cast::<32, 16>(self.cycles_high.q.val()) << 16);

        if self.clear.val() {
            self.pending_ragged.d.next = 0.into();
            self.stale.d.next = 16.into();
        }
        if self.clear_cycles.val() {
            self.cycles_low.d.next = 0.into();
            self.cycles_full.d.next = false;
            self.cycles_high.d.next = 0.into();
        }
        if self.reset.val() {
            self.found_2.d.next = false;
            self.found_3.d.next = false;
            self.found_4.d.next = false;
            self.low_read.d.next = 0.into();
            self.middle_read.d.next = 0.into();
            self.high_read.d.next = 0.into();
        }
    }
}

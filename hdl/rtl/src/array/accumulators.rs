//! Accumulators: two banks of partial sums for each output channel.

pub use firebrick_spec::latency::{ACC_READ_LATENCY, ACC_REUSE};
use rust_hdl::prelude::*;

use crate::common::mem::{Pack, Ram};

// The word read and the register behind it.
const _: () = assert!(ACC_READ_LATENCY == 2, "a drain read has two registers");
// A word read in cycle 0 is added to in cycle 1 and written in cycle 2.
const _: () = assert!(ACC_REUSE == 3, "an accumulation has three stages");

/// Two banks and one adder for one output channel. Its parent makes the addresses, which all
/// channels share.
///
/// Cycle 0: `psum` and the read address of the bank in use. Cycle 1: the old sum is added unless
/// `first_1`. Cycle 2: the parent has `write_enable_*` high and the sum is written. `old_1` is
/// the word read by cycle 0's address, for the drain.
#[derive(LogicBlock)]
pub struct AccColumn {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Array output of cycle 0, signed.
    pub psum: Signal<In, Bits<24>>,
    /// Read address of bank 0, cycle 0.
    pub read_address_0: Signal<In, Bits<9>>,
    /// Read address of bank 1, cycle 0.
    pub read_address_1: Signal<In, Bits<9>>,
    /// Bank that accumulates, cycle 1.
    pub bank_1: Signal<In, Bit>,
    /// Starts the sum, cycle 1.
    pub first_1: Signal<In, Bit>,
    /// Write address, cycle 2.
    pub write_address: Signal<In, Bits<9>>,
    /// Writes bank 0, cycle 2.
    pub write_enable_0: Signal<In, Bit>,
    /// Writes bank 1, cycle 2.
    pub write_enable_1: Signal<In, Bit>,
    /// Bank that drains, cycle 1.
    pub drain_bank_1: Signal<In, Bit>,
    /// Drained sum, cycle 2.
    pub drain_data: Signal<Out, Bits<32>>,
    bank_a: Ram<32, 9>,
    bank_b: Ram<32, 9>,
    psum_1: DFF<Bits<24>>,
    sum_2: DFF<Bits<32>>,
    drain_2: DFF<Bits<32>>,
    psum_signed: Signal<Local, Signed<24>>,
    psum_wide: Signal<Local, Signed<32>>,
    psum_bits: Signal<Local, Bits<32>>,
    old: Signal<Local, Bits<32>>,
}

impl AccColumn {
    /// Two banks of `depth` words, at most 512.
    #[must_use]
    pub fn new(depth: usize) -> Self {
        block! {
            clock, psum, read_address_0, read_address_1, bank_1, first_1, write_address,
            write_enable_0, write_enable_1, drain_bank_1, drain_data, psum_1, sum_2, drain_2,
            psum_signed, psum_wide, psum_bits, old;
            bank_a: Ram::new(depth),
            bank_b: Ram::new(depth),
        }
    }
}

impl Logic for AccColumn {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, psum_1, sum_2, drain_2);
        self.bank_a.clock.next = self.clock.val();
        self.bank_b.clock.next = self.clock.val();
        self.bank_a.read_enable.next = true;
        self.bank_b.read_enable.next = true;
        self.bank_a.read_address.next = self.read_address_0.val();
        self.bank_b.read_address.next = self.read_address_1.val();
        self.psum_1.d.next = self.psum.val();
        self.psum_signed.next = signed_cast(self.psum_1.q.val());
        self.psum_wide.next = signed_bit_cast::<32, 24>(self.psum_signed.val());
        self.psum_bits.next = unsigned_cast(self.psum_wide.val());
        self.old.next = self.bank_a.read_data.val();
        if self.bank_1.val() {
            self.old.next = self.bank_b.read_data.val();
        }
        if self.first_1.val() {
            self.sum_2.d.next = self.psum_bits.val();
        } else {
            self.sum_2.d.next = self.psum_bits.val() + self.old.val();
        }
        self.bank_a.write_address.next = self.write_address.val();
        self.bank_b.write_address.next = self.write_address.val();
        self.bank_a.write_data.next = self.sum_2.q.val();
        self.bank_b.write_data.next = self.sum_2.q.val();
        self.bank_a.write_enable.next = self.write_enable_0.val();
        self.bank_b.write_enable.next = self.write_enable_1.val();
        if self.drain_bank_1.val() {
            self.drain_2.d.next = self.bank_b.read_data.val();
        } else {
            self.drain_2.d.next = self.bank_a.read_data.val();
        }
        self.drain_data.next = self.drain_2.q.val();
    }
}

/// Accumulators of one lane: a column for each output channel, the array on one side and the
/// drain on the other.
///
/// The array writes without back-pressure: `tag_*` describe the sums at `psums` in the same
/// cycle. The drain asks with `drain_read`; it is granted in the same cycle unless the array
/// accumulates in that bank, and gets its word [`ACC_READ_LATENCY`] cycles later.
#[derive(LogicBlock)]
pub struct Accumulators {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Array output, 24 bits for each output channel, signed, channel 0 lowest.
    pub psums: Signal<In, Bits<384>>,
    /// `psums` is a pixel vector.
    pub tag_valid: Signal<In, Bit>,
    /// It starts the sum.
    pub tag_first: Signal<In, Bit>,
    /// Its bank.
    pub tag_bank: Signal<In, Bit>,
    /// Its address.
    pub tag_address: Signal<In, Bits<11>>,
    /// The drain wants a word.
    pub drain_read: Signal<In, Bit>,
    /// From this bank.
    pub drain_bank: Signal<In, Bit>,
    /// At this address.
    pub drain_address: Signal<In, Bits<11>>,
    /// It gets it.
    pub drain_grant: Signal<Out, Bit>,
    /// The word, 32 bits for each output channel, channel 0 lowest; zero above the last column.
    pub drain_data: Signal<Out, Bits<512>>,
    column: Vec<AccColumn>,
    pack: Pack<32, 512>,
    valid_1: DFF<Bit>,
    first_1: DFF<Bit>,
    bank_1: DFF<Bit>,
    address_1: DFF<Bits<9>>,
    valid_2: DFF<Bit>,
    bank_2: DFF<Bit>,
    address_2: DFF<Bits<9>>,
    drain_bank_1: DFF<Bit>,
    reads_0: Signal<Local, Bit>,
    reads_1: Signal<Local, Bit>,
    address_a: Signal<Local, Bits<9>>,
    address_b: Signal<Local, Bits<9>>,
    write_a: Signal<Local, Bit>,
    write_b: Signal<Local, Bit>,
    _columns: usize,
}

impl Accumulators {
    /// Two banks of `depth` vectors, at most 512, of `columns` sums, at most 16.
    #[must_use]
    pub fn new(columns: usize, depth: usize) -> Self {
        block! {
            clock, psums, tag_valid, tag_first, tag_bank, tag_address, drain_read, drain_bank,
            drain_address, drain_grant, drain_data, valid_1, first_1, bank_1, address_1, valid_2,
            bank_2, address_2, drain_bank_1, reads_0, reads_1, address_a, address_b, write_a,
            write_b;
            column: (0..columns).map(|_| AccColumn::new(depth)).collect(),
            pack: Pack::new(columns),
            _columns: columns,
        }
    }
}

impl Logic for Accumulators {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            valid_1,
            first_1,
            bank_1,
            address_1,
            valid_2,
            bank_2,
            address_2,
            drain_bank_1
        );
        self.valid_1.d.next = self.tag_valid.val();
        self.first_1.d.next = self.tag_first.val();
        self.bank_1.d.next = self.tag_bank.val();
        self.address_1.d.next = self.tag_address.val().get_bits::<9>(0);
        self.valid_2.d.next = self.valid_1.q.val();
        self.bank_2.d.next = self.bank_1.q.val();
        self.address_2.d.next = self.address_1.q.val();
        self.drain_bank_1.d.next = self.drain_bank.val();

        // A sum that starts needs no read, so the drain may use that bank's port.
        self.reads_0.next = self.tag_valid.val() & (!self.tag_first.val()) & (!self.tag_bank.val());
        self.reads_1.next = self.tag_valid.val() & (!self.tag_first.val()) & self.tag_bank.val();
        self.address_a.next = self.drain_address.val().get_bits::<9>(0);
        if self.reads_0.val() {
            self.address_a.next = self.tag_address.val().get_bits::<9>(0);
        }
        self.address_b.next = self.drain_address.val().get_bits::<9>(0);
        if self.reads_1.val() {
            self.address_b.next = self.tag_address.val().get_bits::<9>(0);
        }
        self.drain_grant.next = self.drain_read.val()
            & ((self.drain_bank.val() & (!self.reads_1.val()))
                | ((!self.drain_bank.val()) & (!self.reads_0.val())));
        self.write_a.next = self.valid_2.q.val() & (!self.bank_2.q.val());
        self.write_b.next = self.valid_2.q.val() & self.bank_2.q.val();
        for i in 0..self._columns {
            self.column[i].clock.next = self.clock.val();
            self.column[i].psum.next = self.psums.val().get_bits::<24>(i * 24);
            self.column[i].read_address_0.next = self.address_a.val();
            self.column[i].read_address_1.next = self.address_b.val();
            self.column[i].bank_1.next = self.bank_1.q.val();
            self.column[i].first_1.next = self.first_1.q.val();
            self.column[i].write_address.next = self.address_2.q.val();
            self.column[i].write_enable_0.next = self.write_a.val();
            self.column[i].write_enable_1.next = self.write_b.val();
            self.column[i].drain_bank_1.next = self.drain_bank_1.q.val();
            self.pack.words[i].next = self.column[i].drain_data.val();
        }
        self.drain_data.next = self.pack.joined.val();
    }
}

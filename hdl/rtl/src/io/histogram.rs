//! Statistics: a memory of counters.

use rust_hdl::prelude::*;

use crate::common::mem::{Ram, RamStyle};

/// Adds `amount` to a counter, or makes it 0: `sum` is `kept` with `hit`, else `word`, plus `amount`;
/// with `clear` it is 0, and `amount` must be 0. No register.
///
/// Its own Verilog, so that a bit of the sum, with its choice, is one look-up table: tools then need
/// the amount as it is at the carry chain. Yosys takes for that the operand that is in fewer parts;
/// so the chosen word is put together of bits.
#[derive(LogicBlock, Default)]
pub struct HistogramAdder {
    /// Makes 0.
    pub clear: Signal<In, Bit>,
    /// Chooses `kept`.
    pub hit: Signal<In, Bit>,
    /// The sum before, which the memory does not show yet.
    pub kept: Signal<In, Bits<32>>,
    /// The memory's word.
    pub word: Signal<In, Bits<32>>,
    /// What is added.
    pub amount: Signal<In, Bits<4>>,
    /// The new counter.
    pub sum: Signal<Out, Bits<32>>,
}

impl Logic for HistogramAdder {
    fn update(&mut self) {
        let old = match (self.clear.val(), self.hit.val()) {
            (true, _) => 0.into(),
            (_, true) => self.kept.val(),
            _ => self.word.val(),
        };
        self.sum.next = old + bit_cast::<32, 4>(self.amount.val());
    }

    fn connect(&mut self) {
        self.sum.connect();
    }

    fn hdl(&self) -> Verilog {
        let (mut bits, mut names) = (String::new(), Vec::new());
        for i in (0..32).rev() {
            bits += &format!("wire old_{i} = clear ? 1'b0 : hit ? kept[{i}] : word[{i}];\n");
            names.push(format!("old_{i}"));
        }
        Verilog::Custom(format!(
            "{bits}assign sum = {{28'd0, amount}} + {{{}}};\n",
            names.join(", ")
        ))
    }
}

/// `2^A` counters of 32 bits. After a cycle with `reset` they are set to 0 one by one: `clearing`
/// is high until then, additions are lost, and every counter shows 0.
///
/// In each cycle with `enable`, `amount` is added to counter `index`. `read_data` is counter
/// `read_index`, two cycles later; additions show three cycles later.
#[derive(LogicBlock)]
pub struct Histogram<const A: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Begins to clear the counters.
    pub reset: Signal<In, Bit>,
    /// Counters are being cleared.
    pub clearing: Signal<Out, Bit>,
    /// Adds.
    pub enable: Signal<In, Bit>,
    /// To this counter.
    pub index: Signal<In, Bits<A>>,
    /// This number.
    pub amount: Signal<In, Bits<4>>,
    /// Which counter to show.
    pub read_index: Signal<In, Bits<A>>,
    /// The counter.
    pub read_data: Signal<Out, Bits<32>>,
    counts: Ram<32, A>,
    copy: Ram<32, A>,
    enable_1: DFF<Bit>,
    index_1: DFF<Bits<A>>,
    amount_1: DFF<Bits<4>>,
    enable_2: DFF<Bit>,
    index_2: DFF<Bits<A>>,
    sum_2: DFF<Bits<32>>,
    clears: DFF<Bit>,
    clears_1: DFF<Bit>,
    cell: DFF<Bits<A>>,
    writes: Signal<Local, Bit>,
    address: Signal<Local, Bits<A>>,
    adder: HistogramAdder,
}

impl<const A: usize> Default for Histogram<A> {
    fn default() -> Self {
        block! {
            clock, reset, clearing, enable, index, amount, read_index, read_data, enable_1,
            index_1, amount_1, enable_2, index_2, sum_2, clears, clears_1, cell, writes, address,
            adder;
            counts: Ram::default(),
            copy: Ram::default(),
        }
    }
}

impl<const A: usize> Histogram<A> {
    /// Puts the counters into UltraRAM.
    pub fn in_ultra_ram(&mut self) {
        self.counts.place(RamStyle::Ultra);
        self.copy.place(RamStyle::Ultra);
    }
}

impl<const A: usize> Logic for Histogram<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, enable_1, index_1, amount_1, enable_2, index_2, sum_2, clears, clears_1,
            cell
        );
        self.counts.clock.next = self.clock.val();
        self.copy.clock.next = self.clock.val();
        self.enable_1.d.next = self.enable.val();
        self.index_1.d.next = self.index.val();
        self.amount_1.d.next = self.amount.val();
        self.counts.read_enable.next = true;
        self.counts.read_address.next = self.index.val();
        // The memory does not show a word that was written while it was read.
        self.adder.clear.next = self.clears.q.val();
        self.adder.hit.next =
            self.enable_2.q.val() & (self.index_2.q.val() == self.index_1.q.val());
        self.adder.kept.next = self.sum_2.q.val();
        self.adder.word.next = self.counts.read_data.val();
        self.adder.amount.next = self.amount_1.q.val();
        if self.clears.q.val() {
            self.adder.amount.next = 0.into();
        }
        self.enable_2.d.next = self.enable_1.q.val();
        self.index_2.d.next = self.index_1.q.val();
        self.sum_2.d.next = self.adder.sum.val();
        self.writes.next = self.enable_1.q.val();
        self.address.next = self.index_1.q.val();
        self.clears_1.d.next = self.clears.q.val();
        self.clearing.next = self.clears.q.val();
        if self.clears.q.val() {
            self.writes.next = true;
            self.address.next = self.cell.q.val();
            self.cell.d.next = self.cell.q.val() + 1;
            if self.cell.q.val().all() {
                self.clears.d.next = false;
            }
        }
        self.counts.write_enable.next = self.writes.val();
        self.counts.write_address.next = self.address.val();
        self.counts.write_data.next = self.adder.sum.val();
        self.copy.write_enable.next = self.writes.val();
        self.copy.write_address.next = self.address.val();
        self.copy.write_data.next = self.adder.sum.val();
        self.copy.read_enable.next = true;
        self.copy.read_address.next = self.read_index.val();
        self.read_data.next = self.copy.read_data.val();
        // A word is read in the cycle in which it may be cleared.
        if self.clears.q.val() | self.clears_1.q.val() {
            self.read_data.next = 0.into();
        }
        if self.reset.val() {
            self.clears.d.next = true;
            self.cell.d.next = 0.into();
            self.enable_1.d.next = false;
            self.enable_2.d.next = false;
        }
    }
}

//! Statistics: a memory of counters.

use rust_hdl::prelude::*;

use crate::mem::Ram;

/// `2^A` counters of 32 bits, 0 at power-up, never cleared.
///
/// In each cycle with `enable`, `amount` is added to counter `index`. `read_data` is counter
/// `read_index`, two cycles later; additions show three cycles later.
#[derive(LogicBlock)]
pub struct Histogram<const A: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
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
    old: Signal<Local, Bits<32>>,
    sum: Signal<Local, Bits<32>>,
}

impl<const A: usize> Default for Histogram<A> {
    fn default() -> Self {
        Self {
            clock: Default::default(),
            enable: Default::default(),
            index: Default::default(),
            amount: Default::default(),
            read_index: Default::default(),
            read_data: Default::default(),
            counts: Ram::zeroed(1 << A),
            copy: Ram::zeroed(1 << A),
            enable_1: Default::default(),
            index_1: Default::default(),
            amount_1: Default::default(),
            enable_2: Default::default(),
            index_2: Default::default(),
            sum_2: Default::default(),
            old: Default::default(),
            sum: Default::default(),
        }
    }
}

impl<const A: usize> Logic for Histogram<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, enable_1, index_1, amount_1, enable_2, index_2, sum_2
        );
        self.counts.clock.next = self.clock.val();
        self.copy.clock.next = self.clock.val();
        self.enable_1.d.next = self.enable.val();
        self.index_1.d.next = self.index.val();
        self.amount_1.d.next = self.amount.val();
        self.counts.read_enable.next = true;
        self.counts.read_address.next = self.index.val();
        // The memory does not show a word that was written while it was read.
        self.old.next = self.counts.read_data.val();
        if self.enable_2.q.val() & (self.index_2.q.val() == self.index_1.q.val()) {
            self.old.next = self.sum_2.q.val();
        }
        self.sum.next = self.old.val() + bit_cast::<32, 4>(self.amount_1.q.val());
        self.enable_2.d.next = self.enable_1.q.val();
        self.index_2.d.next = self.index_1.q.val();
        self.sum_2.d.next = self.sum.val();
        self.counts.write_enable.next = self.enable_1.q.val();
        self.counts.write_address.next = self.index_1.q.val();
        self.counts.write_data.next = self.sum.val();
        self.copy.write_enable.next = self.enable_1.q.val();
        self.copy.write_address.next = self.index_1.q.val();
        self.copy.write_data.next = self.sum.val();
        self.copy.read_enable.next = true;
        self.copy.read_address.next = self.read_index.val();
        self.read_data.next = self.copy.read_data.val();
    }
}

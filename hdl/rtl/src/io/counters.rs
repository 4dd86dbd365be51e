//! Event counters.

use rust_hdl::prelude::*;

/// Number of counters; their order is that of `firebrick_spec::regs::COUNTERS`.
pub const COUNTERS: usize = 14;

/// 64-bit counters, each adding its `amount` in every cycle.
#[derive(LogicBlock)]
pub struct Counters {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Sets all counters to 0.
    pub clear: Signal<In, Bit>,
    /// Amounts.
    pub amount: [Signal<In, Bits<64>>; 14],
    /// Counts.
    pub value: [Signal<Out, Bits<64>>; 14],
    count: Vec<DFF<Bits<64>>>,
}

impl Default for Counters {
    fn default() -> Self {
        block! {
            clock, clear, amount, value;
            count: (0..COUNTERS).map(|_| DFF::default()).collect(),
        }
    }
}

impl Logic for Counters {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..14 {
            self.count[i].clock.next = self.clock.val();
            self.count[i].d.next = self.count[i].q.val() + self.amount[i].val();
            if self.clear.val() {
                self.count[i].d.next = 0.into();
            }
            self.value[i].next = self.count[i].q.val();
        }
    }
}

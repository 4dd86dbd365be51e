//! Event counters.

use rust_hdl::prelude::*;

/// Number of counters; their order is that of `firebrick_spec::regs::COUNTERS`.
pub const COUNTERS: usize = 10;

/// Ten 64-bit counters, each adding 1 in a cycle with its `event`.
#[derive(LogicBlock)]
pub struct Counters {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Sets all counters to 0.
    pub clear: Signal<In, Bit>,
    /// Events.
    pub event: [Signal<In, Bit>; 10],
    /// Counts.
    pub value: [Signal<Out, Bits<64>>; 10],
    count: Vec<DFF<Bits<64>>>,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            clock: Default::default(),
            clear: Default::default(),
            event: Default::default(),
            value: Default::default(),
            count: (0..COUNTERS).map(|_| DFF::default()).collect(),
        }
    }
}

impl Logic for Counters {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..10 {
            self.count[i].clock.next = self.clock.val();
            self.count[i].d.next = self.count[i].q.val();
            if self.event[i].val() {
                self.count[i].d.next = self.count[i].q.val() + 1;
            }
            if self.clear.val() {
                self.count[i].d.next = 0.into();
            }
            self.value[i].next = self.count[i].q.val();
        }
    }
}

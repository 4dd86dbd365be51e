//! The synchronous reset on its way to the units.

use rust_hdl::prelude::*;

pub use firebrick_spec::latency::RESET_LATENCY;

const _: () = assert!(RESET_LATENCY == 2, "the root and a leaf");

/// Brings a reset to many units at the same time, [`RESET_LATENCY`] cycles after it was asked for:
/// a root register, then a register for each unit, which placement can put beside it. Tools are
/// told not to join them again.
#[derive(LogicBlock)]
pub struct ResetTree {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Asks for a reset.
    pub request: Signal<In, Bit>,
    /// A reset is asked for, or on its way.
    pub under_way: Signal<Out, Bit>,
    /// The reset of each unit.
    pub reset: Vec<Signal<Out, Bit>>,
    root: DFF<Bit>,
    #[cfg_attr(any(), verilog(keep = "true", dont_touch = "true"))]
    leaves: Vec<DFF<Bit>>,
    _units: usize,
}

impl ResetTree {
    /// A tree of `units` leaves, from 1.
    #[must_use]
    pub fn new(units: usize) -> Self {
        assert!(units >= 1, "a reset for at least one unit");
        block! {
            clock, request, under_way, root;
            reset: (0..units).map(|_| Signal::default()).collect(),
            leaves: (0..units).map(|_| DFF::default()).collect(),
            _units: units,
        }
    }
}

impl Logic for ResetTree {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, root);
        self.root.d.next = self.request.val();
        for i in 0..self._units {
            self.leaves[i].clock.next = self.clock.val();
            self.leaves[i].d.next = self.root.q.val();
            self.reset[i].next = self.leaves[i].q.val();
        }
        self.under_way.next = self.request.val() | self.root.q.val() | self.leaves[0].q.val();
    }
}

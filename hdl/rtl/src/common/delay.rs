//! Delay line.

use rust_hdl::prelude::*;

/// `q` is the `d` of as many cycles before as the line has stages; all zero after a cycle with
/// `reset`. No back-pressure.
#[derive(LogicBlock)]
pub struct DelayLine<const W: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Clears the line.
    pub reset: Signal<In, Bit>,
    /// Value that enters.
    pub d: Signal<In, Bits<W>>,
    /// Value that leaves.
    pub q: Signal<Out, Bits<W>>,
    stage: Vec<DFF<Bits<W>>>,
    _depth: usize,
}

impl<const W: usize> DelayLine<W> {
    /// A line of `depth` stages, from 1.
    #[must_use]
    pub fn new(depth: usize) -> Self {
        assert!(depth >= 1, "a delay line needs at least one stage");
        block! {
            clock, reset, d, q;
            stage: (0..depth).map(|_| DFF::default()).collect(),
            _depth: depth,
        }
    }
}

impl<const W: usize> Logic for DelayLine<W> {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..self._depth {
            self.stage[i].clock.next = self.clock.val();
            self.q.next = self.stage[i].q.val();
        }
        self.stage[0].d.next = self.d.val();
        for i in 1..self._depth {
            self.stage[i].d.next = self.stage[i - 1].q.val();
        }
        if self.reset.val() {
            for i in 0..self._depth {
                self.stage[i].d.next = 0.into();
            }
        }
    }
}

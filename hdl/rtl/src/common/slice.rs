//! Register slice.

pub use firebrick_spec::latency::SLICE_WORDS;
use rust_hdl::prelude::*;

const _: () = assert!(SLICE_WORDS == 2, "the register and the spare one");

/// A stream's word of `W` bits passes through a register, and so does its back-pressure: no path
/// leads through from one side to the other. A word a cycle; a second register holds the word that
/// arrives in the cycle in which the other side stops ([`SLICE_WORDS`] in all).
#[derive(LogicBlock, Default)]
pub struct RegisterSlice<const W: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops what it holds.
    pub reset: Signal<In, Bit>,
    /// Word offered.
    pub in_valid: Signal<In, Bit>,
    /// Word taken.
    pub in_ready: Signal<Out, Bit>,
    /// Word.
    pub in_data: Signal<In, Bits<W>>,
    /// Word offered.
    pub out_valid: Signal<Out, Bit>,
    /// Word taken.
    pub out_ready: Signal<In, Bit>,
    /// Word.
    pub out_data: Signal<Out, Bits<W>>,
    word: DFF<Bits<W>>,
    valid: DFF<Bit>,
    spare: DFF<Bits<W>>,
    // The spare register is empty.
    empty: DFF<Bit>,
    accepts: Signal<Local, Bit>,
    moves: Signal<Local, Bit>,
}

impl<const W: usize> Logic for RegisterSlice<W> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, word, valid, spare, empty);
        self.in_ready.next = self.empty.q.val();
        self.out_valid.next = self.valid.q.val();
        self.out_data.next = self.word.q.val();
        self.accepts.next = self.in_valid.val() & self.empty.q.val();
        self.moves.next = self.out_ready.val() | !self.valid.q.val();
        if self.empty.q.val() {
            self.spare.d.next = self.in_data.val();
        }
        if self.moves.val() {
            self.word.d.next = self.in_data.val();
            self.valid.d.next = self.accepts.val();
            self.empty.d.next = true;
            if !self.empty.q.val() {
                self.word.d.next = self.spare.q.val();
                self.valid.d.next = true;
            }
        } else if self.accepts.val() {
            self.empty.d.next = false;
        }
        if self.reset.val() {
            self.valid.d.next = false;
            self.empty.d.next = true;
        }
    }
}

//! Sends the words of a vector one after the other.

use crate::common::words::Word;
use rust_hdl::prelude::*;

/// Shows the kept words of a tapped vector in their order, entry by entry.
///
/// With one lane `word` is the word at `vector`, in the same cycle. With more, `load` brings the
/// vector in two steps of consecutive cycles, the latter with `second`; from the cycle after the
/// first on, each cycle shows the next entry. `word_valid` says whether it is kept. The next
/// vector must not come before the last entry is shown: its first `load` may come with that. No
/// back-pressure.
#[derive(LogicBlock)]
pub struct DrainTap {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset.
    pub reset: Signal<In, Bit>,
    /// A step to send is there.
    pub load: Signal<In, Bit>,
    /// It is the second of its vector.
    pub second: Signal<In, Bit>,
    /// Its words.
    pub vector: Vec<Signal<In, Word>>,
    /// Those to send.
    pub keep: Vec<Signal<In, Bit>>,
    /// There is a word.
    pub word_valid: Signal<Out, Bit>,
    /// The word.
    pub word: Signal<Out, Word>,
    hold: Vec<Signal<Local, Word>>,
    // One each with several lanes, else none.
    kept: Vec<Signal<Local, Bits<8>>>,
    index: Vec<Signal<Local, Bits<3>>>,
    running: Vec<Signal<Local, Bit>>,
}

impl DrainTap {
    /// For vectors of `lanes` words.
    #[must_use]
    pub fn new(lanes: usize) -> Self {
        let pixels = (lanes / 2).max(1);
        let held = if lanes > 1 { lanes } else { 0 };
        let one = held.min(1);
        block! {
            clock, reset, load, second, word_valid, word;
            vector: (0..pixels).map(|_| Signal::default()).collect(),
            keep: (0..pixels).map(|_| Signal::default()).collect(),
            hold: (0..held).map(|_| Signal::default()).collect(),
            kept: (0..one).map(|_| Signal::default()).collect(),
            index: (0..one).map(|_| Signal::default()).collect(),
            running: (0..one).map(|_| Signal::default()).collect(),
        }
    }
}

impl Logic for DrainTap {
    fn update(&mut self) {
        let lanes = self.hold.len();
        if lanes == 0 {
            self.word_valid.next = self.load.val() & self.keep[0].val();
            self.word.next = self.vector[0].val();
            return;
        }
        if self.clock.pos_edge() {
            let pixels = lanes / 2;
            let opens = self.load.val() && !self.second.val();
            let index = self.index[0].val();
            let first = if opens { 0 } else { pixels };
            if self.load.val() {
                let mut kept = if opens { 0.into() } else { self.kept[0].val() };
                for i in 0..pixels {
                    self.hold[first + i].next = self.vector[i].val();
                    kept = kept.replace_bit(first + i, self.keep[i].val());
                }
                self.kept[0].next = kept;
            }
            if opens {
                self.index[0].next = 0.into();
                self.running[0].next = true;
            } else {
                self.index[0].next = index + 1;
                if index.index() == lanes - 1 {
                    self.running[0].next = false;
                }
            }
            if self.reset.val() {
                self.running[0].next = false;
            }
        }
        let index = self.index[0].val().index();
        self.word_valid.next = self.running[0].val() && self.kept[0].val().get_bit(index);
        self.word.next = self.hold[index % lanes].val();
    }

    fn connect(&mut self) {
        self.hold.iter_mut().for_each(Logic::connect);
        self.kept.iter_mut().for_each(Logic::connect);
        self.index.iter_mut().for_each(Logic::connect);
        self.running.iter_mut().for_each(Logic::connect);
        self.word_valid.connect();
        self.word.connect();
    }

    fn hdl(&self) -> Verilog {
        let lanes = self.hold.len();
        if lanes == 0 {
            return Verilog::Custom(
                "assign word_valid = load & keep$0;\nassign word = vector$0;\n".into(),
            );
        }
        let pixels = lanes / 2;
        let part = |first: usize| -> String {
            (0..pixels)
                .map(|i| format!("        hold${} <= vector${i};\n", first + i))
                .collect()
        };
        let keep = (0..pixels)
            .rev()
            .map(|i| format!("keep${i}"))
            .collect::<Vec<_>>()
            .join(", ");
        let words: String = (0..lanes)
            .map(|i| {
                let case = if i == lanes - 1 {
                    "default".into()
                } else {
                    format!("3'd{i}")
                };
                format!("        {case}: word = hold${i};\n")
            })
            .collect();
        Verilog::Custom(format!(
            "\
always @(posedge clock) begin
    if (load && !second) begin
{low}        kept$0 <= {{{zeros}'d0, {keep}}};
        index$0 <= 3'd0;
        running$0 <= 1'b1;
    end else begin
        index$0 <= index$0 + 3'd1;
        if (index$0 == 3'd{last}) running$0 <= 1'b0;
    end
    if (load && second) begin
{high}        kept$0[{top}:{pixels}] <= {{{keep}}};
    end
    if (reset) running$0 <= 1'b0;
end
assign word_valid = running$0 & kept$0[index$0];
always @(*) begin
    case (index$0)
{words}    endcase
end
",
            low = part(0),
            high = part(pixels),
            zeros = 8 - pixels,
            last = lanes - 1,
            top = lanes - 1,
        ))
    }
}

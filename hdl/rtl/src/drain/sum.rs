//! Global sum of each channel.

use crate::common::words::{Beat, Word};
use firebrick_spec::BEAT_BITS;
use rust_hdl::prelude::*;

/// Bits of a sum: exact for as many words as the largest map has, 1023 x 1023.
const BITS: usize = 28;

/// Sixteen sums of u8.
///
/// With `add`, the sixteen bytes of each word of `vector` (channel 0 in the low byte) are added,
/// with `restart` to 0. `beat` shows sums 0 to 3, zero above their 28 bits, the first in the low 32.
/// With `turn` sums 4 to 7 take their place, and so on; after four turns all are where they were.
/// Turns come after `clear`, which follows an `add` by two cycles at least. The sums are exact up to 2^20 words. No back-pressure.
/// Latency 2: the words of a cycle are added up first.
///
/// Its own Verilog: a bit of a sum, its start from 0 and its turn are one look-up table.
#[derive(LogicBlock)]
pub struct GlobalSum {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Adds `vector`.
    pub add: Signal<In, Bit>,
    /// Starts from 0.
    pub restart: Signal<In, Bit>,
    /// Words of sixteen activations, u8; what does not count is 0.
    pub vector: Vec<Signal<In, Word>>,
    /// What was added counts no more: turns come.
    pub clear: Signal<In, Bit>,
    /// Shows the next four sums.
    pub turn: Signal<In, Bit>,
    /// Four sums.
    pub beat: Signal<Out, Beat>,
    add_1: Signal<Local, Bit>,
    restart_1: Signal<Local, Bit>,
    part: [Signal<Local, Bits<10>>; 16],
    sum: [Signal<Local, Bits<28>>; 16],
}

impl GlobalSum {
    /// For `pixels` words a cycle, at most 4.
    #[must_use]
    pub fn new(pixels: usize) -> Self {
        block! {
            clock, add, restart, clear, turn, beat, add_1, restart_1, part, sum;
            vector: (0..pixels).map(|_| Signal::default()).collect(),
        }
    }
}

impl Logic for GlobalSum {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            // A local signal shows a new value at once: later stages first, from what was there.
            let old = self.sum.each_ref().map(|sum| sum.val());
            let moves = self.add_1.val() || self.turn.val();
            let sums = self.sum.iter_mut().zip(&self.part).enumerate();
            for (i, (sum, part)) in sums.filter(|_| moves) {
                let start = if self.restart_1.val() {
                    0.into()
                } else if self.turn.val() {
                    old[(i + 4) % 16]
                } else {
                    old[i]
                };
                sum.next = start + bit_cast::<BITS, 10>(part.val());
            }
            for (i, part) in self.part.iter_mut().enumerate() {
                let words = self.vector.iter();
                let all = words.fold(0.into(), |sum, vector| {
                    sum + bit_cast::<10, 8>(vector.val().get_bits::<8>(8 * i))
                });
                if self.clear.val() {
                    part.next = 0.into();
                } else if self.add.val() {
                    part.next = all;
                }
            }
            self.add_1.next = self.add.val();
            self.restart_1.next = self.add.val() & self.restart.val();
        }
        self.beat.next = self.sum[..4].iter().rev().fold(0.into(), |beat, sum| {
            (beat << 32) | bit_cast::<BEAT_BITS, BITS>(sum.val())
        });
    }

    fn connect(&mut self) {
        self.add_1.connect();
        self.restart_1.connect();
        self.part.iter_mut().for_each(Logic::connect);
        self.sum.iter_mut().for_each(Logic::connect);
        self.beat.connect();
    }

    fn hdl(&self) -> Verilog {
        let parts: String = (0..16)
            .map(|i| {
                let bytes: Vec<String> = (0..self.vector.len())
                    .map(|v| format!("{{2'd0, vector${v}[{}:{}]}}", 8 * i + 7, 8 * i))
                    .collect();
                format!("        part${i} <= {};\n", bytes.join(" + "))
            })
            .collect();
        let adders: String = (0..16)
            .map(|i| {
                format!(
                    "        sum${i} <= {{18'd0, part${i}}} + \
                     (restart_1 ? 28'd0 : turn ? sum${} : sum${i});\n",
                    (i + 4) % 16
                )
            })
            .collect();
        let clear: String = (0..16)
            .map(|i| format!("        part${i} <= 10'd0;\n"))
            .collect();
        Verilog::Custom(format!(
            "\
always @(posedge clock) begin
    add_1 <= add;
    restart_1 <= add & restart;
    if (clear) begin
{clear}    end else if (add) begin
{parts}    end
    if (add_1 | turn) begin
{adders}    end
end
assign beat = {{4'd0, sum$3, 4'd0, sum$2, 4'd0, sum$1, 4'd0, sum$0}};
"
        ))
    }
}

//! Global sum of each channel.

use rust_hdl::prelude::*;

/// Sixteen 32-bit sums of u8.
///
/// With `add`, the sixteen bytes of each word of `vector` (channel 0 in the low byte) are added,
/// with `restart` to 0. `beat` shows four sums from two cycles later on, chosen by `select`
/// without a register: channels `4 * select` to `4 * select + 3`, the first in the low bits. The
/// sums are exact up to 2^24 words. No back-pressure. Latency 2: the words of a cycle are added
/// up first.
#[derive(LogicBlock)]
pub struct GlobalSum {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Adds `vector`.
    pub add: Signal<In, Bit>,
    /// Starts from 0.
    pub restart: Signal<In, Bit>,
    /// Words of sixteen activations, u8; what does not count is 0.
    pub vector: Vec<Signal<In, Bits<128>>>,
    /// Which four sums to show.
    pub select: Signal<In, Bits<2>>,
    /// Four sums.
    pub beat: Signal<Out, Bits<128>>,
    add_1: Signal<Local, Bit>,
    restart_1: Signal<Local, Bit>,
    part: [Signal<Local, Bits<10>>; 16],
    sum: [Signal<Local, Bits<32>>; 16],
}

impl GlobalSum {
    /// For `pixels` words a cycle, at most 4.
    #[must_use]
    pub fn new(pixels: usize) -> Self {
        block! {
            clock, add, restart, select, beat, add_1, restart_1, part, sum;
            vector: (0..pixels).map(|_| Signal::default()).collect(),
        }
    }
}

impl Logic for GlobalSum {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            // A local signal shows a new value at once: later stages first.
            if self.add_1.val() {
                let restart = self.restart_1.val();
                for (sum, part) in self.sum.iter_mut().zip(&self.part) {
                    let start = if restart { 0.into() } else { sum.val() };
                    sum.next = start + bit_cast::<32, 10>(part.val());
                }
            }
            if self.add.val() {
                for (i, part) in self.part.iter_mut().enumerate() {
                    part.next = self.vector.iter().fold(0.into(), |sum, vector| {
                        sum + bit_cast::<10, 8>(vector.val().get_bits::<8>(8 * i))
                    });
                }
            }
            self.add_1.next = self.add.val();
            self.restart_1.next = self.restart.val();
        }
        let first = 4 * self.select.val().index();
        self.beat.next = self.sum[first..first + 4]
            .iter()
            .rev()
            .fold(0.into(), |beat, sum| {
                (beat << 32) | bit_cast::<128, 32>(sum.val())
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
                format!("        sum${i} <= (restart_1 ? 32'd0 : sum${i}) + {{22'd0, part${i}}};\n")
            })
            .collect();
        let beats: String = (0..4)
            .map(|s| {
                let [a, b, c, d] = [3, 2, 1, 0].map(|i| 4 * s + i);
                let case = if s == 3 {
                    "default".into()
                } else {
                    format!("2'd{s}")
                };
                format!("        {case}: beat = {{sum${a}, sum${b}, sum${c}, sum${d}}};\n")
            })
            .collect();
        Verilog::Custom(format!(
            "\
always @(posedge clock) begin
    add_1 <= add;
    restart_1 <= restart;
    if (add) begin
{parts}    end
    if (add_1) begin
{adders}    end
end
always @(*) begin
    case (select)
{beats}    endcase
end
"
        ))
    }
}

//! Global sum of each channel.

use rust_hdl::prelude::*;

/// Sixteen 32-bit sums of u8.
///
/// With `add`, the sixteen bytes of `vector` (channel 0 in the low byte) are added, with
/// `restart` to 0. `beat` shows four sums from the next cycle on, chosen by `select` without a
/// register: channels `4 * select` to `4 * select + 3`, the first in the low bits. The sums are
/// exact up to 2^24 vectors. No back-pressure. Latency 1.
#[derive(LogicBlock, Default)]
pub struct GlobalSum {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Adds `vector`.
    pub add: Signal<In, Bit>,
    /// Starts from 0.
    pub restart: Signal<In, Bit>,
    /// Sixteen activations, u8.
    pub vector: Signal<In, Bits<128>>,
    /// Which four sums to show.
    pub select: Signal<In, Bits<2>>,
    /// Four sums.
    pub beat: Signal<Out, Bits<128>>,
    sum: [Signal<Local, Bits<32>>; 16],
}

impl Logic for GlobalSum {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.add.val() {
            let (restart, vector) = (self.restart.val(), self.vector.val());
            for (i, sum) in self.sum.iter_mut().enumerate() {
                let start = if restart { 0.into() } else { sum.val() };
                sum.next = start + bit_cast::<32, 8>(vector.get_bits::<8>(8 * i));
            }
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
        self.sum.iter_mut().for_each(Logic::connect);
        self.beat.connect();
    }

    fn hdl(&self) -> Verilog {
        let adders: String = (0..16)
            .map(|i| {
                let byte = format!("vector[{}:{}]", 8 * i + 7, 8 * i);
                format!("        sum${i} <= (restart ? 32'd0 : sum${i}) + {{24'd0, {byte}}};\n")
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
    if (add) begin
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

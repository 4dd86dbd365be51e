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
    sums: Signal<Local, Bits<512>>,
}

impl Logic for GlobalSum {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.add.val() {
            let mut sums = self.sums.val();
            for i in 0..16 {
                let start = if self.restart.val() {
                    0.into()
                } else {
                    sums.get_bits::<32>(32 * i)
                };
                let byte = bit_cast::<32, 8>(self.vector.val().get_bits::<8>(8 * i));
                sums.set_bits::<32>(32 * i, start + byte);
            }
            self.sums.next = sums;
        }
        self.beat.next = self
            .sums
            .val()
            .get_bits::<128>(128 * self.select.val().index());
    }

    fn connect(&mut self) {
        self.sums.connect();
        self.beat.connect();
    }

    fn hdl(&self) -> Verilog {
        let adders: String = (0..16)
            .map(|i| {
                let (sum, byte) = (
                    format!("sums[{}:{}]", 32 * i + 31, 32 * i),
                    format!("vector[{}:{}]", 8 * i + 7, 8 * i),
                );
                format!("        {sum} <= (restart ? 32'd0 : {sum}) + {{24'd0, {byte}}};\n")
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
        2'd0: beat = sums[127:0];
        2'd1: beat = sums[255:128];
        2'd2: beat = sums[383:256];
        default: beat = sums[511:384];
    endcase
end
"
        ))
    }
}

//! Splits a vector of sixteen accumulators into two halves of eight.

use rust_hdl::prelude::*;

/// Takes sixteen accumulators with `load`; from the next cycle on `acc` are channels 0 to 7, from
/// the cycle after `advance` on channels 8 to 15. `load` wins. Channel 0 lies in the low bits of
/// `data`; the values are passed on as they are. No back-pressure. Latency 1.
///
/// Its own Verilog, for registers of 512 bits that cost nothing in simulation while they hold.
#[derive(LogicBlock, Default)]
pub struct DrainSpread {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Takes `data`.
    pub load: Signal<In, Bit>,
    /// Goes on to the second half.
    pub advance: Signal<In, Bit>,
    /// Sixteen accumulators.
    pub data: Signal<In, Bits<512>>,
    /// Eight accumulators.
    pub acc: [Signal<Out, Bits<32>>; 8],
    shown: Signal<Local, Bits<256>>,
    second: Signal<Local, Bits<256>>,
}

impl Logic for DrainSpread {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            if self.load.val() {
                self.shown.next = self.data.val().get_bits::<256>(0);
                self.second.next = self.data.val().get_bits::<256>(256);
            } else if self.advance.val() {
                self.shown.next = self.second.val();
            }
        }
        for (i, acc) in self.acc.iter_mut().enumerate() {
            acc.next = self.shown.val().get_bits::<32>(32 * i);
        }
    }

    fn connect(&mut self) {
        self.shown.connect();
        self.second.connect();
        self.acc.iter_mut().for_each(Logic::connect);
    }

    fn hdl(&self) -> Verilog {
        let lanes: String = (0..8)
            .map(|i| format!("    acc${i} = shown[{}:{}];\n", 32 * i + 31, 32 * i))
            .collect();
        Verilog::Custom(format!(
            "\
always @(posedge clock) begin
    if (load) begin
        shown <= data[255:0];
        second <= data[511:256];
    end else if (advance) begin
        shown <= second;
    end
end
always @(*) begin
{lanes}end
"
        ))
    }
}

//! Joins two halves of eight activations to a vector of sixteen.

use rust_hdl::prelude::*;

/// Notes the eight bytes of `y` as channels 0 to 7 with `low`, and completes `vector` with them
/// as channels 8 to 15 with `high`; channel 0 lies in the low byte. `vector` holds until the next
/// `high`. No back-pressure. Latency 1 from `high`.
#[derive(LogicBlock, Default)]
pub struct DrainGather {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The first half is at `y`.
    pub low: Signal<In, Bit>,
    /// The second half is at `y`.
    pub high: Signal<In, Bit>,
    /// Eight activations, u8.
    pub y: [Signal<In, Bits<8>>; 8],
    /// Sixteen activations.
    pub vector: Signal<Out, Bits<128>>,
    first_half: Signal<Local, Bits<64>>,
}

impl Logic for DrainGather {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let half = self
                .y
                .iter()
                .rev()
                .fold(0, |half, y| half << 8 | y.val().to_u64());
            // A local signal shows a new value at once: read before writing.
            if self.high.val() {
                self.vector.next = (bit_cast::<128, 64>(half.into()) << 64)
                    | bit_cast::<128, 64>(self.first_half.val());
            }
            if self.low.val() {
                self.first_half.next = half.into();
            }
        }
    }

    fn connect(&mut self) {
        self.first_half.connect();
        self.vector.connect();
    }

    fn hdl(&self) -> Verilog {
        let half = (0..8)
            .rev()
            .map(|i| format!("y${i}"))
            .collect::<Vec<_>>()
            .join(", ");
        Verilog::Custom(format!(
            "\
always @(posedge clock) begin
    if (low) first_half <= {{{half}}};
    if (high) vector <= {{{half}, first_half}};
end
"
        ))
    }
}

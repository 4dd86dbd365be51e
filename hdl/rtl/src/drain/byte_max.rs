//! Maximum of two vectors, channel by channel.

use crate::common::words::Word;
use rust_hdl::prelude::*;

/// With `enable`, `q` becomes the maximum of `a` and `b` in each of the sixteen bytes (u8), or
/// `a` itself with `first`, or else `b` itself with `bypass`; otherwise it holds. No back-pressure.
/// Latency 1.
#[derive(LogicBlock, Default)]
pub struct ByteMax {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Takes a new value.
    pub enable: Signal<In, Bit>,
    /// Passes `b`.
    pub bypass: Signal<In, Bit>,
    /// Passes `a`, whatever `bypass` says.
    pub first: Signal<In, Bit>,
    /// First vector.
    pub a: Signal<In, Word>,
    /// Second vector.
    pub b: Signal<In, Word>,
    /// Result.
    pub q: Signal<Out, Word>,
}

impl Logic for ByteMax {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.enable.val() {
            let (a, b) = (self.a.val(), self.b.val());
            let mut q = if self.first.val() { a } else { b };
            let compares = !self.bypass.val() && !self.first.val();
            for i in (0..128).step_by(8).filter(|_| compares) {
                q.set_bits::<8>(i, a.get_bits::<8>(i).max(b.get_bits::<8>(i)));
            }
            self.q.next = q;
        }
    }

    fn connect(&mut self) {
        self.q.connect();
    }

    fn hdl(&self) -> Verilog {
        let bytes: String = (0..16)
            .map(|i| format!("[{}:{}]", 8 * i + 7, 8 * i))
            .map(|s| {
                format!("        q{s} <= (first || (!bypass && a{s} > b{s})) ? a{s} : b{s};\n")
            })
            .collect();
        Verilog::Custom(format!(
            "\
always @(posedge clock) begin
    if (enable) begin
{bytes}    end
end
"
        ))
    }
}

//! Splits a vector of accumulators into the two parts that the requantisers take in turn.

use firebrick_spec::HwConfig;
use rust_hdl::prelude::*;

/// Takes the accumulators of all lanes with `load`; from the next cycle on `acc` is the first
/// part, from the cycle after `advance` on the second. `load` wins. With one lane the parts are
/// the lower and the upper half of the channels, else those of the lower and the upper half of
/// the lanes, lane after lane. Channel 0 lies in the low bits of `data`; the values are passed on
/// as they are. No back-pressure. Latency 1.
///
/// Its own Verilog, for wide registers that cost nothing in simulation while they hold.
#[derive(LogicBlock)]
pub struct DrainSpread {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Takes `data`.
    pub load: Signal<In, Bit>,
    /// Goes on to the second part.
    pub advance: Signal<In, Bit>,
    /// Sixteen accumulators of each lane.
    pub data: Vec<Signal<In, Bits<512>>>,
    /// One accumulator for each requantiser.
    pub acc: Vec<Signal<Out, Bits<32>>>,
    shown: Vec<Signal<Local, Bits<512>>>,
    second: Vec<Signal<Local, Bits<512>>>,
}

/// Requantisers for all lanes of `config`: each vector takes two cycles.
#[must_use]
pub fn requantisers(config: &HwConfig) -> usize {
    config.tile * config.lanes / 2
}

impl DrainSpread {
    /// For the lanes and the tile of `config`.
    #[must_use]
    pub fn new(config: &HwConfig) -> Self {
        let part = || {
            (0..config.drain_pixels())
                .map(|_| Signal::default())
                .collect()
        };
        block! {
            clock, load, advance;
            data: (0..config.lanes).map(|_| Signal::default()).collect(),
            acc: (0..requantisers(config))
                .map(|_| Signal::default())
                .collect(),
            shown: part(),
            second: part(),
        }
    }
}

impl Logic for DrainSpread {
    fn update(&mut self) {
        let parts = self.shown.len();
        if self.clock.pos_edge() {
            for i in 0..parts {
                if self.load.val() {
                    self.shown[i].next = self.data[i].val();
                    self.second[i].next = match self.data.get(i + parts) {
                        Some(lane) => lane.val(),
                        None => self.data[0].val() >> (32 * self.acc.len() as u64),
                    };
                } else if self.advance.val() {
                    self.shown[i].next = self.second[i].val();
                }
            }
        }
        for (i, acc) in self.acc.iter_mut().enumerate() {
            acc.next = self.shown[i / 16].val().get_bits::<32>(32 * (i % 16));
        }
    }

    fn connect(&mut self) {
        self.shown.iter_mut().for_each(Logic::connect);
        self.second.iter_mut().for_each(Logic::connect);
        self.acc.iter_mut().for_each(Logic::connect);
    }

    fn hdl(&self) -> Verilog {
        let parts = self.shown.len();
        let loads: String = (0..parts)
            .map(|i| {
                let second = if self.data.len() > 1 {
                    format!("data${}", i + parts)
                } else {
                    format!("data$0 >> {}", 32 * self.acc.len())
                };
                format!("        shown${i} <= data${i};\n        second${i} <= {second};\n")
            })
            .collect();
        let advances: String = (0..parts)
            .map(|i| format!("        shown${i} <= second${i};\n"))
            .collect();
        let outputs: String = (0..self.acc.len())
            .map(|i| {
                let low = 32 * (i % 16);
                format!("    acc${i} = shown${}[{}:{low}];\n", i / 16, low + 31)
            })
            .collect();
        Verilog::Custom(format!(
            "\
always @(posedge clock) begin
    if (load) begin
{loads}    end else if (advance) begin
{advances}    end
end
always @(*) begin
{outputs}end
"
        ))
    }
}

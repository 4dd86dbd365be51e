//! Which accumulators go to which requantiser: wires.

use firebrick_spec::HwConfig;
use rust_hdl::prelude::*;

/// Cuts the words of all lanes up into those that the requantisers take in a vector's first cycle
/// (`now`) and in its second (`later`), for one bank. With one lane these are the lower and the
/// upper half of the channels, else the channels of the lower and the upper half of the lanes, lane
/// after lane. Channel 0 lies in the low bits of `words`. No register.
///
/// Its own Verilog, since Rust-HDL would need an expression for each word.
#[derive(LogicBlock)]
pub struct DrainSpread {
    /// Sixteen accumulators of each lane.
    pub words: Vec<Signal<In, Bits<512>>>,
    /// For each requantiser its first one.
    pub now: Vec<Signal<Out, Bits<32>>>,
    /// For each requantiser its second one.
    pub later: Vec<Signal<Out, Bits<32>>>,
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
        let each = || {
            (0..requantisers(config))
                .map(|_| Signal::default())
                .collect()
        };
        Self {
            words: (0..config.lanes).map(|_| Signal::default()).collect(),
            now: each(),
            later: each(),
        }
    }

    /// Lane and channel of requantiser `i` in the second cycle.
    fn second(&self, i: usize) -> (usize, usize) {
        match self.words.len() {
            1 => (0, self.now.len() + i),
            lanes => (lanes / 2 + i / 16, i % 16),
        }
    }
}

impl Logic for DrainSpread {
    fn update(&mut self) {
        for i in 0..self.now.len() {
            let (lane, channel) = self.second(i);
            self.now[i].next = self.words[i / 16].val().get_bits::<32>(32 * (i % 16));
            self.later[i].next = self.words[lane].val().get_bits::<32>(32 * channel);
        }
    }

    fn connect(&mut self) {
        self.now.iter_mut().for_each(Logic::connect);
        self.later.iter_mut().for_each(Logic::connect);
    }

    fn hdl(&self) -> Verilog {
        let word = |lane: usize, channel: usize| {
            format!("words${lane}[{}:{}]", 32 * channel + 31, 32 * channel)
        };
        let outputs: String = (0..self.now.len())
            .map(|i| {
                let (lane, channel) = self.second(i);
                format!(
                    "assign now${i} = {};\nassign later${i} = {};\n",
                    word(i / 16, i % 16),
                    word(lane, channel)
                )
            })
            .collect();
        Verilog::Custom(outputs)
    }
}

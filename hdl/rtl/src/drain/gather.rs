//! Joins activations to words.

use crate::common::words::Word;
use firebrick_spec::BEAT_BITS;
use firebrick_spec::HwConfig;
use rust_hdl::prelude::*;

use crate::drain::spread::requantisers;

/// Makes words of the requantisers' bytes `y`, channel 0 in the low byte.
///
/// With one lane `low` notes them as the first half of the channels and `high` completes the word
/// with the second half. With more, `high` takes one word for each sixteen. A word without its
/// bit of `keep` becomes 0. `vector` holds until the next `high`. No back-pressure. Latency 1
/// from `high`.
#[derive(LogicBlock)]
pub struct DrainGather {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The first half is at `y`.
    pub low: Signal<In, Bit>,
    /// The second half, or all, is at `y`.
    pub high: Signal<In, Bit>,
    /// With `high`: words that are not 0.
    pub keep: Vec<Signal<In, Bit>>,
    /// Activations, u8.
    pub y: Vec<Signal<In, Bits<8>>>,
    /// Words of sixteen.
    pub vector: Vec<Signal<Out, Word>>,
    // With one lane only.
    first_half: Vec<Signal<Local, Bits<64>>>,
}

impl DrainGather {
    /// For the lanes and the tile of `config`.
    #[must_use]
    pub fn new(config: &HwConfig) -> Self {
        let pixels = config.drain_pixels();
        let halves = usize::from(config.lanes == 1);
        block! {
            clock, low, high;
            keep: (0..pixels).map(|_| Signal::default()).collect(),
            y: (0..requantisers(config))
                .map(|_| Signal::default())
                .collect(),
            vector: (0..pixels).map(|_| Signal::default()).collect(),
            first_half: (0..halves).map(|_| Signal::default()).collect(),
        }
    }
}

impl Logic for DrainGather {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let bytes = self.y.len().min(16);
            let word = |i: usize| {
                let all = self.y[16 * i..16 * i + bytes].iter().rev();
                all.fold(Word::default(), |word, y| {
                    (word << 8) | bit_cast::<BEAT_BITS, 8>(y.val())
                })
            };
            let words: Vec<Word> = (0..self.vector.len()).map(word).collect();
            for (i, vector) in self.vector.iter_mut().enumerate() {
                if self.high.val() {
                    let mut whole = words[i];
                    // A local signal shows a new value at once: read before writing.
                    if let Some(half) = self.first_half.first() {
                        whole =
                            (whole << (8 * bytes as u64)) | bit_cast::<BEAT_BITS, 64>(half.val());
                    }
                    vector.next = if self.keep[i].val() { whole } else { 0.into() };
                }
            }
            if let (true, Some(half)) = (self.low.val(), self.first_half.first_mut()) {
                half.next = words[0].get_bits::<64>(0);
            }
        }
    }

    fn connect(&mut self) {
        self.first_half.iter_mut().for_each(Logic::connect);
        self.vector.iter_mut().for_each(Logic::connect);
    }

    fn hdl(&self) -> Verilog {
        let bytes = self.y.len().min(16);
        let word = |i: usize| {
            let names: Vec<String> = (0..bytes)
                .rev()
                .map(|b| format!("y${}", 16 * i + b))
                .collect();
            names.join(", ")
        };
        let zeros = |bits: usize| match bits {
            0 => String::new(),
            _ => format!("{bits}'d0, "),
        };
        // A reset of the registers, which costs no logic at their inputs.
        let put = |i: usize, word: &str| {
            format!(
                "    if (high & ~keep${i}) vector${i} <= 128'd0;\n    \
                 else if (high) vector${i} <= {{{word}}};\n"
            )
        };
        let mut body = String::new();
        if self.first_half.is_empty() {
            for i in 0..self.vector.len() {
                body += &put(i, &word(i));
            }
        } else {
            let (bits, half) = (8 * bytes, word(0));
            body += &format!(
                "    if (low) first_half$0 <= {{{}{half}}};\n",
                zeros(64 - bits)
            );
            let all = format!(
                "{}{half}, first_half$0[{}:0]",
                zeros(128 - 2 * bits),
                bits - 1
            );
            body += &put(0, &all);
        }
        Verilog::Custom(format!("always @(posedge clock) begin\n{body}end\n"))
    }
}

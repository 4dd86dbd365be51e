//! What a configuration takes of a part: DSP slices by count, memories by their shape.

use crate::board::{Board, CLOSURE_PERCENT, Limits};
use crate::command::PARAM_BYTES;
use crate::config::{ACC_BANKS, Family, HwConfig};
use crate::regs::STATS_LAYERS;
use std::fmt;

/// Bits of a sum up to which a requantiser's product takes one DSP slice of AMD's: 25 in the multiplier
/// of a DSP48E1, two more by what they add to the product.
pub const ONE_SLICE_SUM_BITS: usize = 27;

/// Words and bits of half a block RAM (18 Kibit) that has one read and one write port.
const HALF_BRAM_SHAPES: [(usize, usize); 6] = [
    (512, 36),
    (1024, 18),
    (2048, 9),
    (4096, 4),
    (8192, 2),
    (16_384, 1),
];
const URAM_SHAPE: (usize, usize) = (4096, 72);
/// Memories with fewer bits become distributed RAM.
const SMALLEST_BRAM_BITS: usize = 4096;
/// Memories of at most this many words are distributed RAM, however wide they are. Tools decide
/// this differently, so the emitted Verilog states it.
pub const DISTRIBUTED_WORDS: usize = 64;

/// What a memory holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryKind {
    /// Feature maps, a word for each pixel and channel group.
    Features,
    /// Weights, a word for each pass of the array.
    Weights,
    /// Bias, multiplier and shift of each output channel.
    Parameters,
    /// Partial sums.
    Accumulators,
    /// The rows that a pool compares the next one with.
    PoolingLines,
    /// The rows of the picture that a window spans.
    WindowRows,
    /// Counters by layer.
    Statistics,
}

impl MemoryKind {
    /// The name in tables and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            MemoryKind::Features => "feature buffer",
            MemoryKind::Weights => "weight buffer",
            MemoryKind::Parameters => "parameter memory",
            MemoryKind::Accumulators => "accumulators",
            MemoryKind::PoolingLines => "pooling line memory",
            MemoryKind::WindowRows => "window rows",
            MemoryKind::Statistics => "statistics",
        }
    }
}

impl fmt::Display for MemoryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Memories of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// What it holds.
    pub kind: MemoryKind,
    /// How many.
    pub number: usize,
    /// Words of each.
    pub words: usize,
    /// Bits of a word.
    pub bits: usize,
    /// Bytes of a word as the command stream counts them: all lanes, banks or columns that a word spans
    /// together; 0 for a memory that no stream addresses.
    pub word_bytes: usize,
}

impl Memory {
    /// Words as the command stream counts them; 0 for a memory that no stream addresses.
    #[must_use]
    pub fn stream_words(&self) -> usize {
        let bytes = (self.number * self.words * self.bits).div_ceil(8);
        bytes.checked_div(self.word_bytes).unwrap_or(0)
    }

    /// Number of half block RAMs (18 Kibit) for all of these memories.
    #[must_use]
    pub fn half_brams(&self) -> usize {
        if self.distributed() || self.words * self.bits < SMALLEST_BRAM_BITS {
            return 0;
        }
        let blocks =
            |(words, bits): (usize, usize)| self.words.div_ceil(words) * self.bits.div_ceil(bits);
        self.number * HALF_BRAM_SHAPES.map(blocks).into_iter().min().unwrap_or(0)
    }

    /// Whether tools disagree on where it belongs, so that the Verilog says distributed RAM.
    #[must_use]
    fn distributed(&self) -> bool {
        self.words <= DISTRIBUTED_WORDS
    }

    /// Number of UltraRAMs for all of these memories: a column for every 72 bits of a word and a
    /// row for every 4096 words.
    #[must_use]
    pub fn urams(&self) -> usize {
        self.number * self.words.div_ceil(URAM_SHAPE.0) * self.bits.div_ceil(URAM_SHAPE.1)
    }

    /// Number of UltraRAMs for all of these memories if bytes of several rows share one, as Yosys
    /// packs them: an UltraRAM has nine bytes per word, each with an enable.
    #[must_use]
    pub fn shared_urams(&self) -> usize {
        let bytes = self.words.div_ceil(URAM_SHAPE.0) * self.bits.div_ceil(8);
        self.number * bytes.div_ceil(URAM_SHAPE.1 / 8)
    }
}

/// Resources that a configuration takes of a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// LUTs, those used as memory or shift register included; see [`crate::fabric`].
    pub lut: usize,
    /// Flip-flops; see [`crate::fabric`].
    pub ff: usize,
    /// DSP slices.
    pub dsp: usize,
    /// Block RAMs of 36 Kibit.
    pub bram: usize,
    /// UltraRAMs.
    pub uram: usize,
    /// UltraRAMs as Yosys fills them, see [`Memory::shared_urams`].
    pub uram_shared: usize,
}

/// One resource of a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// What it is called: `LUTs`, `flip-flops`, `DSP slices`, `block RAMs` or `UltraRAMs`.
    pub name: &'static str,
    /// How many are taken.
    pub need: usize,
    /// How many the board has.
    pub there: usize,
    /// How many percent of them may be taken.
    pub limit: usize,
}

impl Share {
    /// Whether more is taken than may be.
    #[must_use]
    pub fn over(&self) -> bool {
        100 * self.need > self.limit * self.there
    }

    /// How many percent are taken; infinite of what is not there.
    #[must_use]
    pub fn percent(&self) -> f64 {
        match self.need {
            0 => 0.0,
            need => 100.0 * need as f64 / self.there as f64,
        }
    }
}

impl Resources {
    /// Beside what a board has.
    #[must_use]
    pub fn on(&self, board: &Board, limits: &Limits) -> [Share; 5] {
        let share = |name, need, there, limit| Share {
            name,
            need,
            there,
            limit,
        };
        [
            share("LUTs", self.lut, board.lut, limits.lut),
            share("flip-flops", self.ff, board.ff, limits.ff),
            share("DSP slices", self.dsp, board.dsp, limits.dsp),
            share("block RAMs", self.bram, board.bram, limits.bram),
            share("UltraRAMs", self.uram, board.uram, limits.uram),
        ]
    }

    /// The resource that comes closest to its limit, or passes it by most.
    #[must_use]
    pub fn tightest(&self, board: &Board, limits: &Limits) -> Share {
        let part = |share: &Share| share.percent() / share.limit as f64;
        let [first, rest @ ..] = self.on(board, limits);
        rest.into_iter()
            .fold(first, |a, b| if part(&b) > part(&a) { b } else { a })
    }
}

impl HwConfig {
    /// All memories of more than a few words.
    #[must_use]
    pub fn memories(&self) -> Vec<Memory> {
        let memory = |kind, number, words, bits, word_bytes| Memory {
            kind,
            number,
            words,
            bits,
            word_bytes,
        };
        let tile = self.tile;
        // Parameters are read half a group at a time with one lane, else a group; two channels
        // a memory.
        let halves = if self.lanes == 1 { 2 } else { 1 };
        vec![
            memory(
                MemoryKind::Features,
                self.lanes,
                self.feature_words / self.lanes,
                8 * tile,
                tile,
            ),
            memory(
                MemoryKind::Weights,
                1,
                self.weight_blocks * tile * tile / 16,
                128,
                tile * tile,
            ),
            memory(
                MemoryKind::Parameters,
                tile / 2 / halves,
                self.param_groups * halves,
                16 * PARAM_BYTES,
                tile * PARAM_BYTES,
            ),
            memory(
                MemoryKind::Accumulators,
                self.lanes * ACC_BANKS * tile,
                self.acc_depth,
                self.sum_bits,
                tile * self.sum_bits / 8,
            ),
            memory(
                MemoryKind::PoolingLines,
                1,
                self.line_words,
                8 * tile * self.line_pixels(),
                tile,
            ),
            memory(
                MemoryKind::WindowRows,
                self.window_pixels(),
                self.window_width.div_ceil(self.window_pixels()),
                (self.window_kernel - 1) * 24,
                3,
            ),
            memory(MemoryKind::Statistics, 2, 16 * STATS_LAYERS, 32, 0),
        ]
    }

    /// DSP slices of a requantiser's product with 15 bits. Multipliers of other makers' parts take 18 bits
    /// or fewer: without a family the product has two parts with a register each.
    #[must_use]
    pub fn requantiser_dsp(&self) -> usize {
        if self.sum_bits <= ONE_SLICE_SUM_BITS && self.family != Family::Generic {
            1
        } else {
            2
        }
    }

    /// Number of DSP slices: those of the array and of the requantisers.
    #[must_use]
    pub fn dsp(&self) -> usize {
        let macs = self.macs_per_cycle();
        let array = if self.packed { macs / 2 } else { macs };
        array + self.lanes * self.requantisers * self.requantiser_dsp()
    }

    /// The memories that are UltraRAM on a board, if it has any and they fit: features and weights,
    /// and, where the block RAMs would not do, pooling lines and statistics.
    #[must_use]
    pub fn ultra_memories(&self, board: &Board) -> Vec<Memory> {
        let limit = board.uram * CLOSURE_PERCENT / 100;
        let memories = self.memories();
        let mut chosen: Vec<Memory> = Vec::new();
        for kind in [
            MemoryKind::Features,
            MemoryKind::Weights,
            MemoryKind::PoolingLines,
            MemoryKind::Statistics,
        ] {
            let bram = self.resources_with(&chosen).bram;
            let small = matches!(kind, MemoryKind::PoolingLines | MemoryKind::Statistics);
            if small && 100 * bram <= CLOSURE_PERCENT * board.bram {
                continue;
            }
            for memory in memories.iter().filter(|memory| memory.kind == kind) {
                let taken: usize = chosen.iter().map(Memory::urams).sum();
                if taken + memory.urams() <= limit {
                    chosen.push(*memory);
                }
            }
        }
        chosen
    }

    /// The resources that the configuration takes of a board, with [`HwConfig::ultra_memories`] in
    /// UltraRAM.
    #[must_use]
    pub fn resources(&self, board: &Board) -> Resources {
        self.resources_with(&self.ultra_memories(board))
    }

    /// The resources that the configuration takes with the given memories in UltraRAM.
    #[must_use]
    pub fn resources_with(&self, ultra: &[Memory]) -> Resources {
        let others = self.memories().into_iter().filter(|m| !ultra.contains(m));
        let halves: usize = others.map(|memory| memory.half_brams()).sum();
        let (lut, ff) = self.fabric(ultra);
        Resources {
            lut,
            ff,
            dsp: self.dsp(),
            bram: halves.div_ceil(2),
            uram: ultra.iter().map(Memory::urams).sum(),
            uram_shared: ultra.iter().map(Memory::shared_urams).sum(),
        }
    }

    /// Whether the configuration fits a board, within the share of its resources that tools can
    /// place.
    #[must_use]
    pub fn fits(&self, board: &Board) -> bool {
        self.over(board, &Limits::default()).is_empty()
    }

    /// What the configuration takes more of than it may.
    #[must_use]
    pub fn over(&self, board: &Board, limits: &Limits) -> Vec<Share> {
        let mut shares = self.resources(board).on(board, limits).to_vec();
        shares.retain(Share::over);
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_hold_the_words_of_the_configuration() {
        for c in HwConfig::presets() {
            let words = [
                (MemoryKind::Features, c.feature_words, c.tile),
                (MemoryKind::Weights, c.weight_blocks, c.tile * c.tile),
                (MemoryKind::Parameters, c.param_groups, c.tile * PARAM_BYTES),
                (
                    MemoryKind::Accumulators,
                    ACC_BANKS * c.acc_depth * c.lanes,
                    c.tile * c.sum_bits / 8,
                ),
                (
                    MemoryKind::PoolingLines,
                    c.line_words * c.line_pixels(),
                    c.tile,
                ),
                (
                    MemoryKind::WindowRows,
                    (c.window_kernel - 1) * c.window_width,
                    3,
                ),
                (MemoryKind::Statistics, 0, 0),
            ];
            let memories = c.memories().into_iter();
            let found = memories.map(|m| (m.kind, m.stream_words(), m.word_bytes));
            assert!(found.eq(words), "{}", c.name);
        }
    }

    #[test]
    fn shapes_of_block_rams() {
        let memory = |words, bits| Memory {
            kind: MemoryKind::Features,
            number: 1,
            words,
            bits,
            word_bytes: 0,
        };
        assert_eq!(memory(512, 72).half_brams(), 2);
        assert_eq!(memory(512, 32).half_brams(), 1);
        assert_eq!(memory(1024, 128).half_brams(), 8);
        assert_eq!(memory(65_536, 128).half_brams(), 480);
        assert_eq!(memory(64, 32).half_brams(), 0);
        assert_eq!(memory(64, 576).half_brams(), 0);
        assert_eq!(memory(65, 576).half_brams(), 16);
        // Yosys 0.23 and 0.70 took as many as are shared.
        for (words, columns, shared) in [
            (8192, 4, 4),
            (16_384, 8, 8),
            (65_536, 32, 29),
            (81_920, 40, 36),
            (131_072, 64, 57),
        ] {
            let memory = memory(words, 128);
            assert_eq!((memory.urams(), memory.shared_urams()), (columns, shared));
        }
    }

    #[test]
    fn packing_halves_the_array() {
        let plain = HwConfig::preset("fb1024").unwrap();
        let packed = HwConfig::preset("fb1024-packed").unwrap();
        let wide = HwConfig::preset("fb1024-wide").unwrap();
        assert_eq!(wide.dsp(), 1024 + 64);
        // Without a family, each requantiser's product takes two multipliers.
        assert_eq!((plain.dsp(), packed.dsp()), (1024 + 64, 512 + 64));
    }
}

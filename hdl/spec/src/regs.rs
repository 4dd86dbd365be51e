//! The register map of the AXI4-Lite port: 32-bit registers, byte addresses.

use crate::config::HwConfig;

/// Who may change a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read only; writes are ignored.
    ReadOnly,
    /// Read and write.
    ReadWrite,
    /// Writing 1 triggers; reads as 0.
    Trigger,
    /// Writing 1 to a bit clears it.
    WriteOneToClear,
}

/// One register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// Name.
    pub name: &'static str,
    /// Byte offset.
    pub offset: u32,
    /// Access.
    pub access: Access,
    /// Meaning, unit and reset value.
    pub doc: &'static str,
    /// Named bits, if it is divided.
    pub bits: &'static [BitRange],
}

impl Register {
    /// Mask of a named bit range, in place.
    ///
    /// # Panics
    /// If the register has no bits of that name: a mistake in the program.
    #[must_use]
    pub const fn bit(&self, name: &str) -> u32 {
        let mut i = 0;
        while i < self.bits.len() {
            let bits = &self.bits[i];
            if same(bits.name, name) {
                return (((1u64 << bits.width) - 1) as u32) << bits.lsb;
            }
            i += 1;
        }
        panic!("the register has no bits of that name");
    }
}

/// Whether two names are the same; comparison of strings is not const.
const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// Bits of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitRange {
    /// Name.
    pub name: &'static str,
    /// Least significant bit.
    pub lsb: u32,
    /// Number of bits.
    pub width: u32,
    /// Meaning.
    pub doc: &'static str,
}

const fn bit(name: &'static str, lsb: u32, width: u32, doc: &'static str) -> BitRange {
    BitRange {
        name,
        lsb,
        width,
        doc,
    }
}

const fn reg(
    name: &'static str,
    offset: u32,
    access: Access,
    doc: &'static str,
    bits: &'static [BitRange],
) -> Register {
    Register {
        name,
        offset,
        access,
        doc,
        bits,
    }
}

/// Bytes of the register space; addresses wrap beyond it.
pub const SPACE: u32 = 0x1000;

macro_rules! registers {
    ($($name:ident = $offset:literal, $access:ident, $doc:literal, [$($bit:expr),* $(,)?];)*) => {
        $(
            #[doc = $doc]
            pub const $name: Register =
                reg(stringify!($name), $offset, Access::$access, $doc, &[$($bit),*]);
        )*
        /// All registers in order of offset.
        pub const ALL: &[Register] = &[$($name),*];
    };
}

registers! {
    MAGIC = 0x000, ReadOnly, "0x4B524246, \"FBRK\". All ones here means that the link is lost.", [];
    ABI = 0x004, ReadOnly, "ABI version; hosts refuse any but their own, as the core refuses streams made for another.",
        [bit("minor", 0, 16, "Compatible additions."), bit("major", 16, 16, "Incompatible changes.")];
    HASH_LO = 0x008, ReadOnly, "Configuration hash, bits 31:0.", [];
    HASH_HI = 0x00c, ReadOnly, "Configuration hash, bits 63:32.", [];
    SHAPE = 0x010, ReadOnly, "Array and bus.",
        [bit("tile", 0, 8, "Edge of the tile."), bit("lanes", 8, 8, "Tiles side by side."),
         bit("bus_bytes", 16, 8, "Bytes of an AXI4-Stream beat."),
         bit("packed", 24, 1, "Two multiply-accumulates per DSP slice.")];
    FEATURE_WORDS = 0x014, ReadOnly, "Words of the feature buffer, over all lanes.", [];
    WEIGHT_BLOCKS = 0x018, ReadOnly, "Blocks of the weight buffer.", [];
    PARAM_GROUPS = 0x01c, ReadOnly, "Groups of requantisation parameters.", [];
    CTRL = 0x040, Trigger, "Control. Takes effect in the cycle after the write.",
        [bit("soft_reset", 0, 1, "Drops all commands and data in the engine, clears errors and \
            counters; memories keep their contents. The host must not have a transfer under way. \
            A beat that is offered on m_axis stays, and a packet under way is closed: see STATUS.aborting."),
         bit("clear_counters", 1, 1, "Clears all counters.")];
    STATUS = 0x044, ReadOnly, "State.",
        [bit("busy", 0, 1, "A stream has begun (first beat accepted) and its trailer is not yet sent."),
         bit("error", 1, 1, "An error is held in ERROR. All further input is accepted and dropped \
            until a soft reset, so that transfers end."),
         bit("aborting", 2, 1, "A beat that was offered before a soft reset, or the end of a packet \
            that it broke off, has not yet been taken from m_axis."),
         bit("owing", 3, 1, "An error is held, and results of transfers before the one at fault are still \
            being computed. When it falls, they are in the output queue."),
         bit("queued", 8, 8, "Records waiting for the sequencer."),
         bit("draining", 16, 8, "Tiles computed and not yet drained.")];
    ERROR = 0x048, ReadOnly, "First error since reset, 0 if none.",
        [bit("code", 0, 8, "Error code, see docs/commands.md."),
         bit("record", 8, 24, "Index of the offending record in its stream, from 0.")];
    IRQ_ENABLE = 0x050, ReadWrite, "Enables `irq` by cause; 0 after reset.",
        [bit("done", 0, 1, "A result trailer was sent."), bit("error", 1, 1, "An error occurred.")];
    IRQ_STATUS = 0x054, WriteOneToClear, "Causes pending; `irq` is high while an enabled one is.",
        [bit("done", 0, 1, "A result trailer was sent."), bit("error", 1, 1, "An error occurred.")];
    SCRATCH = 0x058, ReadWrite, "Any value, for link tests; 0 after reset.", [];
    RESULTS = 0x05c, ReadOnly, "Result trailers sent since reset: the next trailer's sequence number.", [];
    STATS_INDEX = 0x060, ReadWrite, "Which statistic STATS_DATA shows.",
        [bit("cause", 0, 4, "Number of the counter among the counters, from 0 for CYCLES."),
         bit("layer", 4, 6, "Layer, as in block records.")];
    STATS_DATA = 0x064, ReadOnly, "Statistics by layer: what the counters BUSY to RAGGED have counted for one \
        layer since `aresetn` was last low, modulo 2^32. Neither a soft reset nor `clear_counters` changes it: take \
        differences. A cycle without a vector counts for the layer of the block that waits, or if there is none, for that of the last block.", [];
    STATS_AT = 0x068, ReadOnly, "Value of STATS_INDEX that STATS_DATA belongs to, a few cycles after it is written: a host \
        that reads it until it is what it wrote need not know how long the memory of the statistics takes.", [];
    CYCLES_LO = 0x080, ReadOnly, "Cycles from the first beat of a stream in to its trailer out, summed over streams; streams that overlap count once. Reading any _LO register latches its _HI half.", [];
    CYCLES_HI = 0x084, ReadOnly, "Upper half.", [];
    BUSY_LO = 0x088, ReadOnly, "Cycles in which the array took a vector of `lanes` pixels.", [];
    BUSY_HI = 0x08c, ReadOnly, "Upper half.", [];
    FILL_LO = 0x090, ReadOnly, "Cycles without a vector: the pass's weights are still moving from the weight buffer into the array.", [];
    FILL_HI = 0x094, ReadOnly, "Upper half.", [];
    WEIGHTS_LO = 0x098, ReadOnly, "Cycles without a vector: no record queued, while the decoder waits for or copies weights or parameters.", [];
    WEIGHTS_HI = 0x09c, ReadOnly, "Upper half.", [];
    INPUT_LO = 0x0a0, ReadOnly, "Cycles without a vector: a strip of the picture is not complete.", [];
    INPUT_HI = 0x0a4, ReadOnly, "Upper half.", [];
    ACCUMULATOR_LO = 0x0a8, ReadOnly, "Cycles without a vector: the block's accumulators have not drained.", [];
    ACCUMULATOR_HI = 0x0ac, ReadOnly, "Upper half.", [];
    DEPENDENCY_LO = 0x0b0, ReadOnly, "Cycles without a vector: the block's inputs have not drained.", [];
    DEPENDENCY_HI = 0x0b4, ReadOnly, "Upper half.", [];
    OUTPUT_LO = 0x0b8, ReadOnly, "Cycles without a vector: a store runs, or a drain that the block waits for finds no room in the result stream.", [];
    OUTPUT_HI = 0x0bc, ReadOnly, "Upper half.", [];
    COMMAND_LO = 0x0c0, ReadOnly, "Cycles without a vector: no record queued, and the decoder waits for or checks a record.", [];
    COMMAND_HI = 0x0c4, ReadOnly, "Upper half.", [];
    START_LO = 0x0c8, ReadOnly, "Cycles without a vector: none of the stream's blocks has started.", [];
    START_HI = 0x0cc, ReadOnly, "Upper half.", [];
    FINISH_LO = 0x0d0, ReadOnly, "Cycles without a vector after the end record left the queue, until the trailer is sent.", [];
    FINISH_HI = 0x0d4, ReadOnly, "Upper half.", [];
    RAGGED_LO = 0x0d8, ReadOnly, "Positions of vectors that belong to no pixel, summed over the cycles of BUSY: beyond the tile's end or in a gap between rows.", [];
    RAGGED_HI = 0x0dc, ReadOnly, "Upper half.", [];
    BEATS_IN_LO = 0x0e0, ReadOnly, "Beats accepted on s_axis.", [];
    BEATS_IN_HI = 0x0e4, ReadOnly, "Upper half.", [];
    BEATS_OUT_LO = 0x0e8, ReadOnly, "Beats accepted on m_axis.", [];
    BEATS_OUT_HI = 0x0ec, ReadOnly, "Upper half.", [];
}

/// Counters in register order (name of the low half without `_LO`): 64 bits each.
/// `CYCLES` is the sum of those of [`CAUSES`].
pub const COUNTERS: &[Register] = &[
    CYCLES_LO,
    BUSY_LO,
    FILL_LO,
    WEIGHTS_LO,
    INPUT_LO,
    ACCUMULATOR_LO,
    DEPENDENCY_LO,
    OUTPUT_LO,
    COMMAND_LO,
    START_LO,
    FINISH_LO,
    RAGGED_LO,
    BEATS_IN_LO,
    BEATS_OUT_LO,
];

/// Indices into [`COUNTERS`] of what a cycle can be: exactly one in each cycle.
pub const CAUSES: std::ops::Range<usize> = 1..11;

/// Index of RAGGED in [`COUNTERS`].
pub const RAGGED_INDEX: usize = 11;

/// Layers that statistics are kept for.
pub const STATS_LAYERS: usize = 64;

/// Value of STATS_INDEX for a counter (an index into [`COUNTERS`]) of a layer.
#[must_use]
pub fn stats_index(layer: u32, counter: usize) -> u32 {
    layer << 4 | counter as u32
}

/// Values of the read-only registers that identify a core.
#[must_use]
pub fn identity(config: &HwConfig) -> Vec<(Register, u32)> {
    let shape = config.tile as u32
        | (config.lanes as u32) << 8
        | (config.bus_bytes as u32) << 16
        | u32::from(config.packed) << 24;
    vec![
        (MAGIC, crate::MAGIC),
        (ABI, crate::ABI_VERSION),
        (HASH_LO, config.hash() as u32),
        (HASH_HI, (config.hash() >> 32) as u32),
        (SHAPE, shape),
        (FEATURE_WORDS, config.feature_words as u32),
        (WEIGHT_BLOCKS, config.weight_blocks as u32),
        (PARAM_GROUPS, config.param_groups as u32),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_rise_and_bits_do_not_overlap() {
        for pair in ALL.windows(2) {
            assert!(
                pair[0].offset < pair[1].offset,
                "{} {}",
                pair[0].name,
                pair[1].name
            );
        }
        for register in ALL {
            assert!(register.offset % 4 == 0 && register.offset < SPACE);
            let mut next = 0;
            for bits in register.bits {
                assert!(
                    bits.lsb >= next && bits.lsb + bits.width <= 32,
                    "{}",
                    register.name
                );
                next = bits.lsb + bits.width;
            }
        }
    }
}

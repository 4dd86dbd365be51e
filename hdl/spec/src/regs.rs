//! The register map of the AXI4-Lite port: 32-bit registers, byte addresses.

use crate::config::HwConfig;

/// What reads and writes of a register do.
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

impl BitRange {
    /// Mask of the field within its register.
    #[must_use]
    pub const fn mask(&self) -> u32 {
        (u32::MAX >> (32 - self.width)) << self.lsb
    }

    /// Value of the field in a register's word.
    #[must_use]
    pub const fn get(&self, word: u32) -> u32 {
        (word & self.mask()) >> self.lsb
    }

    /// A word with `value` in this field and 0 elsewhere; bits of `value` that do not fit are
    /// dropped.
    #[must_use]
    pub const fn put(&self, value: u32) -> u32 {
        (value << self.lsb) & self.mask()
    }
}

const fn bit(name: &'static str, lsb: u32, width: u32, doc: &'static str) -> BitRange {
    BitRange {
        name,
        lsb,
        width,
        doc,
    }
}

impl Register {
    /// Index of the register among the 32-bit words of the space.
    #[must_use]
    pub const fn index(&self) -> u32 {
        self.offset / 4
    }

    /// Mask of all bits that have a name; of all bits if the register has no fields.
    #[must_use]
    pub fn mask(&self) -> u32 {
        let named = self.bits.iter().fold(0, |mask, bits| mask | bits.mask());
        if self.bits.is_empty() {
            u32::MAX
        } else {
            named
        }
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

/// Size of the register space in bytes; addresses repeat beyond it.
pub const SPACE: u32 = 0x1000;

/// Bytes from the registers of one engine of a board to those of the next. Twice what an AXI DMA
/// takes, so that on a Zynq each engine's DMA lies between its core and the next one.
pub const ENGINE_STRIDE: u32 = 0x2_0000;

/// Most engines behind one link: XDMA has four channels each way, a Zynq four ports to its memory.
pub const ENGINES_MAX: usize = 4;

/// Byte offset of an engine's registers from those of the board's engine 0.
#[must_use]
pub const fn window(engine: usize) -> u32 {
    engine as u32 * ENGINE_STRIDE
}

/// What a part of an engine is called that has this name in the first engine: there as it stands, in
/// the others with the engine's number behind it.
#[must_use]
pub fn of_engine(name: &str, separator: char, engine: usize) -> String {
    match engine {
        0 => name.to_owned(),
        engine => format!("{name}{separator}{engine}"),
    }
}

/// Bits of a register from the table.
macro_rules! bits {
    ($name:ident = [$bit:literal], $doc:literal) => {
        bit(stringify!($name), $bit, 1, $doc)
    };
    ($name:ident = [$high:literal : $low:literal], $doc:literal) => {
        bit(stringify!($name), $low, $high + 1 - $low, $doc)
    };
}

/// Makes a constant of each register, and a module of constants for the bits of each that is
/// divided. To move a register or a bit, change its offset or position in the table.
macro_rules! registers {
    ($(
        $name:ident = $offset:literal, $access:ident, $doc:literal
        $(, $module:ident {$($bits:ident $bits_name:ident = $position:tt, $bits_doc:literal;)*})?;
    )*) => {
        $(
            #[doc = $doc]
            pub const $name: Register = reg(
                stringify!($name),
                $offset,
                Access::$access,
                $doc,
                &[$($($module::$bits),*)?],
            );

            $(
                #[doc = concat!("Bits of [`", stringify!($name), "`](crate::regs::", stringify!($name), ").")]
                pub mod $module {
                    use super::{BitRange, bit};
                    $(
                        #[doc = $bits_doc]
                        pub const $bits: BitRange = bits!($bits_name = $position, $bits_doc);
                    )*
                }
            )?
        )*
        /// All registers in order of offset.
        pub const ALL: &[Register] = &[$($name),*];
    };
}

registers! {
    MAGIC = 0x000, ReadOnly, "0x4B524246, \"FBRK\". All ones here means that the link is lost.";
    ABI = 0x004, ReadOnly,
        "ABI version. A host refuses any other than its own, and the core refuses streams made for another.",
        abi {
        MINOR minor = [15:0], "Compatible additions.";
        MAJOR major = [31:16], "Incompatible changes.";
    };
    HASH_LO = 0x008, ReadOnly, "Configuration hash, bits 31:0.";
    HASH_HI = 0x00c, ReadOnly, "Configuration hash, bits 63:32.";
    SHAPE = 0x010, ReadOnly, "Array and bus.", shape {
        TILE tile = [7:0], "Edge of the tile.";
        LANES lanes = [15:8], "Number of lanes.";
        BUS_BYTES bus_bytes = [23:16], "Bytes of an AXI4-Stream beat.";
        PACKED packed = [24], "Two multiply-accumulates per DSP slice.";
    };
    FEATURE_WORDS = 0x014, ReadOnly, "Words of the feature buffer, over all lanes.";
    WEIGHT_BLOCKS = 0x018, ReadOnly, "Blocks of the weight buffer.";
    PARAM_GROUPS = 0x01c, ReadOnly, "Groups of requantisation parameters.";
    CTRL = 0x040, Trigger, "Control. Takes effect in the cycle after the write.", ctrl {
        SOFT_RESET soft_reset = [0],
            "Drops all commands and data in the engine, clears errors and counters; memories keep \
             their contents. The host must not have a transfer in progress. A beat that is \
             offered on m_axis stays, and a packet that has begun is closed: see STATUS.aborting.";
        CLEAR_COUNTERS clear_counters = [1], "Clears all counters.";
    };
    STATUS = 0x044, ReadOnly, "State.", status {
        BUSY busy = [0],
            "A stream has begun (first beat accepted) and its trailer is not yet sent.";
        ERROR error = [1],
            "An error is held in ERROR. All further input is accepted and dropped until a soft \
             reset, so that transfers end.";
        ABORTING aborting = [2],
            "A beat that was offered before a soft reset, or the end of a packet that the reset \
             interrupted, has not yet been taken from m_axis.";
        OWING owing = [3],
            "An error is held, and results of transfers before the one at fault are still being \
             computed. When it falls, they are in the output queue.";
        QUEUED queued = [15:8], "Records waiting for the sequencer.";
        DRAINING draining = [23:16], "Tiles computed and not yet drained.";
    };
    ERROR = 0x048, ReadOnly, "First error since reset, 0 if none.", error {
        CODE code = [7:0], "Error code, see docs/commands.md.";
        RECORD record = [31:8], "Index of the offending record in its stream, from 0.";
    };
    IRQ_ENABLE = 0x050, ReadWrite, "Enables `irq` by cause; 0 after reset.", irq_enable {
        DONE done = [0], "A result trailer was sent.";
        ERROR error = [1], "An error occurred.";
    };
    IRQ_STATUS = 0x054, WriteOneToClear, "Pending causes; `irq` is high while an enabled cause is pending.",
        irq_status {
        DONE done = [0], "A result trailer was sent.";
        ERROR error = [1], "An error occurred.";
    };
    SCRATCH = 0x058, ReadWrite, "Holds any value, for link tests; 0 after reset.";
    RESULTS = 0x05c, ReadOnly, "Result trailers sent since reset, which is the next trailer's sequence number.";
    STATS_INDEX = 0x060, ReadWrite, "Selects the statistic that STATS_DATA shows.", stats_index {
        CAUSE cause = [3:0], "Number of the counter, from 0 for CYCLES.";
        LAYER layer = [9:4], "Layer, as in block records.";
    };
    STATS_DATA = 0x064, ReadOnly, "Statistics by layer: what the counters BUSY to RAGGED have counted for one \
        layer since `aresetn` was last low, modulo 2^32. Neither a soft reset nor `clear_counters` changes it: take \
        differences. A cycle without a vector counts for the layer of the block that waits, or if there is none, for that of the last block.";
    STATS_AT = 0x068, ReadOnly, "Value of STATS_INDEX that STATS_DATA belongs to; it follows a write by a few cycles. A host that reads it \
        until it equals the value written need not know how long the memory of the statistics takes.";
    CYCLES_LO = 0x080, ReadOnly, "Cycles from the first beat of a stream in to its trailer out, summed over streams; overlapping streams are counted once. Reading any _LO register latches its _HI half.";
    CYCLES_HI = 0x084, ReadOnly, "Upper half.";
    BUSY_LO = 0x088, ReadOnly, "Cycles in which the array took a vector of `lanes` pixels.";
    BUSY_HI = 0x08c, ReadOnly, "Upper half.";
    FILL_LO = 0x090, ReadOnly, "Cycles without a vector: the pass's weights are still being loaded from the weight buffer into the array.";
    FILL_HI = 0x094, ReadOnly, "Upper half.";
    WEIGHTS_LO = 0x098, ReadOnly, "Cycles without a vector: no record queued, while the decoder waits for or copies weights or parameters.";
    WEIGHTS_HI = 0x09c, ReadOnly, "Upper half.";
    INPUT_LO = 0x0a0, ReadOnly, "Cycles without a vector: a strip of the picture is not complete.";
    INPUT_HI = 0x0a4, ReadOnly, "Upper half.";
    ACCUMULATOR_LO = 0x0a8, ReadOnly, "Cycles without a vector: the block's accumulators have not drained.";
    ACCUMULATOR_HI = 0x0ac, ReadOnly, "Upper half.";
    DEPENDENCY_LO = 0x0b0, ReadOnly, "Cycles without a vector: the block's inputs have not drained.";
    DEPENDENCY_HI = 0x0b4, ReadOnly, "Upper half.";
    OUTPUT_LO = 0x0b8, ReadOnly, "Cycles without a vector: a store runs, or a drain that the block waits for finds no room in the result stream.";
    OUTPUT_HI = 0x0bc, ReadOnly, "Upper half.";
    COMMAND_LO = 0x0c0, ReadOnly, "Cycles without a vector: no record queued, and the decoder waits for or checks a record.";
    COMMAND_HI = 0x0c4, ReadOnly, "Upper half.";
    START_LO = 0x0c8, ReadOnly, "Cycles without a vector: none of the stream's blocks has started.";
    START_HI = 0x0cc, ReadOnly, "Upper half.";
    FINISH_LO = 0x0d0, ReadOnly, "Cycles without a vector after the end record left the queue, until the trailer is sent.";
    FINISH_HI = 0x0d4, ReadOnly, "Upper half.";
    RAGGED_LO = 0x0d8, ReadOnly, "Positions of vectors that belong to no pixel, summed over the cycles of BUSY: beyond the tile's end or in a gap between rows.";
    RAGGED_HI = 0x0dc, ReadOnly, "Upper half.";
    BEATS_IN_LO = 0x0e0, ReadOnly, "Beats accepted on s_axis.";
    BEATS_IN_HI = 0x0e4, ReadOnly, "Upper half.";
    BEATS_OUT_LO = 0x0e8, ReadOnly, "Beats accepted on m_axis.";
    BEATS_OUT_HI = 0x0ec, ReadOnly, "Upper half.";
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

/// Bits of STATUS that are 0 when the core neither works nor holds an error.
pub const UNCLEAN: u32 = status::BUSY.mask() | status::ERROR.mask();

/// Indices into [`COUNTERS`] of the causes, of which exactly one counts each cycle.
pub const CAUSES: std::ops::Range<usize> = 1..11;

/// Index of `RAGGED` in [`COUNTERS`].
pub const RAGGED_INDEX: usize = 11;

/// Number of layers for which statistics are kept.
pub const STATS_LAYERS: usize = 64;

/// Value of STATS_INDEX for a counter (an index into [`COUNTERS`]) of a layer.
#[must_use]
pub fn stats_index(layer: u32, counter: usize) -> u32 {
    stats_index::LAYER.put(layer) | stats_index::CAUSE.put(counter as u32)
}

/// Values of the read-only registers that identify a core.
#[must_use]
pub fn identity(config: &HwConfig) -> Vec<(Register, u32)> {
    let shape = shape::TILE.put(config.tile as u32)
        | shape::LANES.put(config.lanes as u32)
        | shape::BUS_BYTES.put(crate::BEAT_BYTES as u32)
        | shape::PACKED.put(config.packed.into());
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
    fn windows_do_not_overlap() {
        for engine in 1..ENGINES_MAX {
            assert!(window(engine) >= window(engine - 1) + SPACE);
        }
        assert!(window(ENGINES_MAX - 1) + SPACE <= 1 << 20, "the BAR's MiB");
    }

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

//! The command stream: fixed records of eight 32-bit words, some followed by a payload.
//!
//! The host compiles a network into one such stream; the engine consumes it in order. A record
//! is two beats of the 128-bit AXI4-Stream, word 0 first, each word little-endian. Word 7 is the
//! CRC-32 (IEEE 802.3, as in zlib) of the 28 bytes before it.

use crate::config::HwConfig;
use crate::fields::{Field, FieldOverflow};

/// 32-bit words of a record.
pub const RECORD_WORDS: usize = 8;
/// Bytes of a record.
pub const RECORD_BYTES: usize = 4 * RECORD_WORDS;
/// Bytes of one channel's requantisation parameters.
pub const PARAM_BYTES: usize = 8;
/// `wait` value that waits for nothing.
pub const WAIT_NONE: u8 = 0xff;
/// Most blocks that may have finished computing without having drained.
pub const MAX_OUTSTANDING: u8 = 7;
/// Bytes of one logit in the result.
pub const LOGIT_BYTES: usize = 4;
macro_rules! opcodes {
    ($($(#[$doc:meta])* $name:ident = $value:literal, $text:literal;)*) => {
        /// Operation of a record: bits 7:0 of word 0.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Opcode { $($(#[$doc])* $name = $value,)* }

        impl Opcode {
            /// All opcodes.
            pub const ALL: &'static [Opcode] = &[$(Opcode::$name,)*];

            /// The opcode with this number.
            #[must_use]
            pub fn from_bits(bits: u8) -> Option<Opcode> {
                match bits { $($value => Some(Opcode::$name),)* _ => None }
            }

            /// Mnemonic of the disassembler.
            #[must_use]
            pub fn mnemonic(self) -> &'static str {
                match self { $(Opcode::$name => $text,)* }
            }
        }
    };
}

opcodes! {
    /// First record of every stream: says for which core it was compiled.
    Hello = 0x01, "hello";
    /// Writes blocks of weights into the weight buffer.
    LoadWeights = 0x20, "load_weights";
    /// Writes blocks of weights whose zeros are left out.
    LoadSparse = 0x22, "load_sparse";
    /// Writes requantisation parameters.
    LoadParams = 0x21, "load_params";
    /// Feeds picture rows to the window unit.
    Rows = 0x30, "rows";
    /// Computes one tile of pixels for one group of output channels.
    Block = 0x10, "block";
    /// Sends words of the feature buffer to the host.
    Store = 0x40, "store";
    /// Ends the image: sends the result trailer.
    End = 0x50, "end";
}

/// Fields that every record has.
pub mod common {
    use super::Field;
    /// See [`super::Opcode`].
    pub const OPCODE: Field = Field::new("opcode", 0, 0, 8, "Operation.");
    /// CRC-32.
    pub const CRC: Field = Field::new(
        "crc",
        7,
        0,
        32,
        "CRC-32 (IEEE 802.3) of words 0 to 6, little-endian.",
    );
    /// CRC-32 of the payload; only in records with one.
    pub const PAYLOAD_CRC: Field = Field::new(
        "payload_crc",
        5,
        0,
        32,
        "Records with a payload: its CRC-32, whole beats as sent.",
    );
}

/// Fields of [`Hello`].
pub mod hello {
    use super::Field;
    /// Magic number.
    pub const MAGIC: Field = Field::new("magic", 1, 0, 32, "0x4B524246, \"FBRK\".");
    /// ABI version.
    pub const ABI: Field = Field::new("abi", 2, 0, 32, "ABI version, equal to register ABI.");
    /// Low half of the configuration hash.
    pub const HASH_LO: Field = Field::new(
        "hash_lo",
        3,
        0,
        32,
        "Configuration hash, equal to register HASH_LO.",
    );
    /// High half of the configuration hash.
    pub const HASH_HI: Field = Field::new(
        "hash_hi",
        4,
        0,
        32,
        "Configuration hash, equal to register HASH_HI.",
    );
    /// All fields.
    pub const FIELDS: &[Field] = &[MAGIC, ABI, HASH_LO, HASH_HI];
}

/// Fields of the records that load a memory: [`Load`] and [`LoadSparse`].
pub mod load {
    use super::Field;
    /// Dependency.
    pub const WAIT: Field = Field::new(
        "wait",
        0,
        16,
        8,
        "Holds the payload back until at most this many earlier records are pending; 255 waits \
         for nothing. load_weights and load_sparse count blocks that have not yet read all their pixels (and \
         so may still need their weights), load_params blocks marked `last` that have not drained.",
    );
    /// Destination.
    pub const BASE: Field = Field::new(
        "base",
        1,
        0,
        20,
        "First entry: weight blocks (tile x tile bytes) or parameter groups (tile channels).",
    );
    /// Length.
    pub const COUNT: Field = Field::new(
        "count",
        2,
        0,
        20,
        "Number of entries in the payload, from 1.",
    );
    /// Length of a sparse payload.
    pub const BEATS: Field = Field::new(
        "beats",
        3,
        0,
        20,
        "load_sparse: beats of the payload, exactly as many as its masks ask for.",
    );
    /// All fields.
    pub const FIELDS: &[Field] = &[WAIT, BASE, COUNT];
    /// All fields of a sparse load.
    pub const SPARSE_FIELDS: &[Field] = &[WAIT, BASE, COUNT, BEATS];
}

/// Fields of [`Rows`].
pub mod rows {
    use super::Field;
    /// First rows of a picture.
    pub const FIRST: Field = Field::new(
        "first",
        0,
        8,
        1,
        "These rows are the first of a picture: row counter to 0.",
    );
    /// Completes a strip.
    pub const STRIP_END: Field = Field::new(
        "strip_end",
        0,
        9,
        1,
        "After these rows the strip is complete: one block with `take_strip` may start.",
    );
    /// Dependency.
    pub const WAIT: Field = Field::new(
        "wait",
        0,
        16,
        8,
        "Holds the payload back until at most this many earlier blocks have not yet read all \
         their pixels; 255 waits for nothing.",
    );
    /// Destination.
    pub const BASE: Field = Field::new(
        "base",
        1,
        0,
        20,
        "Feature word of channel group 0 of the first output pixel of these rows; each further \
         output pixel takes the next word.",
    );
    /// Group stride.
    pub const PLANE: Field = Field::new(
        "plane",
        2,
        0,
        20,
        "Feature words from one channel group to the next.",
    );
    /// Picture width.
    pub const WIDTH: Field = Field::new("width", 3, 0, 10, "Pixels of a row, from `kernel`.");
    /// Number of rows.
    pub const ROWS: Field = Field::new("rows", 3, 10, 10, "Rows in the payload, from 1.");
    /// Kernel.
    pub const KERNEL: Field = Field::new(
        "kernel",
        4,
        0,
        4,
        "Edge of the window, 3 or 7, at most `window_kernel`.",
    );
    /// Stride.
    pub const STRIDE: Field = Field::new("stride", 4, 4, 4, "Stride of the window, 1 or 2.");
    /// Gap of the output rows.
    pub const GAP: Field = Field::new(
        "gap",
        4,
        8,
        4,
        "Words left out after each row of output pixels.",
    );
    /// Dependency on drains.
    pub const DRAINS: Field = Field::new(
        "drains",
        4,
        12,
        8,
        "Holds the payload back until at most this many earlier blocks marked `last` have not \
         drained; 255 waits for nothing.",
    );
    /// All fields.
    pub const FIELDS: &[Field] = &[
        FIRST, STRIP_END, WAIT, BASE, PLANE, WIDTH, ROWS, KERNEL, STRIDE, GAP, DRAINS,
    ];
}

/// Fields of [`Block`].
pub mod block {
    use super::Field;
    /// 3x3 instead of 1x1.
    pub const KERNEL3: Field = Field::new(
        "kernel3",
        0,
        8,
        1,
        "0: 1x1, one pass per channel group. 1: 3x3 with a zero border of 1, stride 1: nine passes \
         per channel group, rows of taps from top to bottom, taps from left to right.",
    );
    /// Starts the sum.
    pub const FIRST: Field = Field::new(
        "first",
        0,
        9,
        1,
        "The first pass overwrites the accumulators.",
    );
    /// Finishes the sum.
    pub const LAST: Field = Field::new(
        "last",
        0,
        10,
        1,
        "After the last pass the tile drains as `mode` says.",
    );
    /// Window dependency.
    pub const TAKE_STRIP: Field = Field::new(
        "take_strip",
        0,
        11,
        1,
        "Waits until a further strip of the window unit is complete.",
    );
    /// Checking tap.
    pub const TAP: Field = Field::new(
        "tap",
        0,
        12,
        1,
        "Also sends every requantised word (before pooling or summing) to the host, in pixel order.",
    );
    /// Pool edge.
    pub const PARTIAL: Field = Field::new(
        "partial",
        0,
        13,
        1,
        "mode pool: windows cut by the right or lower edge count (ceil mode).",
    );
    /// Sum starts.
    pub const SUM_FIRST: Field = Field::new(
        "sum_first",
        0,
        14,
        1,
        "mode sum: the sums start from 0 with this tile.",
    );
    /// Sum ends.
    pub const SUM_LAST: Field = Field::new(
        "sum_last",
        0,
        15,
        1,
        "mode sum: the sums are sent after this tile.",
    );
    /// Dependency.
    pub const OUTSTANDING: Field = Field::new(
        "outstanding",
        0,
        16,
        3,
        "Starts once at most this many earlier tiles are still draining or waiting to.",
    );
    /// Tile length.
    pub const COUNT: Field = Field::new(
        "count",
        0,
        19,
        13,
        "Positions of the tile, from 1: pixels in raster order, gaps included. They take \
         `ceil(count / lanes)` accumulator vectors.",
    );
    /// Source.
    pub const IN_BASE: Field = Field::new(
        "in_base",
        1,
        0,
        20,
        "Feature word of the tile's first pixel in the first channel group.",
    );
    /// Channel groups.
    pub const GROUPS: Field = Field::new("groups", 1, 20, 12, "Input channel groups, from 1.");
    /// Group stride.
    pub const PLANE: Field = Field::new(
        "plane",
        2,
        0,
        20,
        "Feature words from one input channel group to the next, modulo 2^20.",
    );
    /// Accumulator address.
    pub const ACC_BASE: Field = Field::new(
        "acc_base",
        2,
        20,
        11,
        "Accumulator vector of the tile's first `lanes` positions.",
    );
    /// Accumulator bank.
    pub const ACC_BANK: Field = Field::new("acc_bank", 2, 31, 1, "Accumulator bank.");
    /// Map width.
    pub const WIDTH: Field = Field::new("width", 3, 0, 10, "Width of the map in pixels.");
    /// Map height.
    pub const HEIGHT: Field = Field::new("height", 3, 10, 10, "Height of the map in pixels.");
    /// Drain mode.
    pub const MODE: Field = Field::new(
        "mode",
        3,
        20,
        2,
        "What becomes of the requantised tile: 0 write to the feature buffer, 1 max-pool 3x3/2 \
         and write (the map must be at least 3 pixels wide), 2 sum each channel over the pixels.",
    );
    /// Layer.
    pub const LAYER: Field = Field::new(
        "layer",
        3,
        22,
        6,
        "Number under which the layer's statistics are kept; changes nothing else.",
    );
    /// Gap of the input rows.
    pub const IN_GAP: Field = Field::new(
        "in_gap",
        3,
        28,
        4,
        "Positions between the end of a row and the start of the next, in the input map and in the \
         tile. Their outputs are dropped.",
    );
    /// First row.
    pub const Y0: Field = Field::new("y0", 4, 0, 10, "Row of the tile's first pixel.");
    /// First column.
    pub const X0: Field = Field::new(
        "x0",
        4,
        10,
        10,
        "Column of the tile's first pixel; 0 in mode pool, where a tile is whole rows.",
    );
    /// Pool line.
    pub const LINE_BASE: Field = Field::new(
        "line_base",
        4,
        20,
        10,
        "mode pool: first word of the pooling line memory for this channel group; it takes \
         `ceil((width + in_gap) / max(2, lanes / 2))` words and keeps them from one tile of the \
         group to the next.",
    );
    /// Result beats.
    pub const MORE_BEATS: Field = Field::new(
        "more_beats",
        4,
        30,
        2,
        "mode sum with `sum_last`: beats of four i32 sums to send, less 1.",
    );
    /// Weights.
    pub const WEIGHT_BASE: Field = Field::new(
        "weight_base",
        5,
        0,
        20,
        "Weight block of the first pass; the passes' blocks follow each other and wrap at the end \
         of the weight buffer.",
    );
    /// Parameters.
    pub const PARAM: Field = Field::new("param", 5, 20, 10, "Requantisation parameter group.");
    /// Kind of dependency.
    pub const DATA: Field = Field::new(
        "data",
        5,
        30,
        1,
        "For the statistics: `outstanding` is what the block's inputs need, not its accumulators.",
    );
    /// Destination.
    pub const OUT_BASE: Field = Field::new(
        "out_base",
        6,
        0,
        20,
        "Feature word of the first output pixel (modes write and pool); the others follow.",
    );
    /// Gap of the output rows.
    pub const OUT_GAP: Field = Field::new(
        "out_gap",
        6,
        20,
        4,
        "Words left out between the end of an output row and the start of the next.",
    );
    /// Ring of the input.
    pub const IN_RING: Field = Field::new(
        "in_ring",
        6,
        24,
        4,
        "0: none. n: each plane of the input is a ring, the aligned 2^(n + 4) words in which its \
         base lies; addresses wrap within.",
    );
    /// Ring of the output.
    pub const OUT_RING: Field = Field::new(
        "out_ring",
        6,
        28,
        4,
        "The same for the output and `out_base`.",
    );
    /// All fields.
    pub const FIELDS: &[Field] = &[
        KERNEL3,
        FIRST,
        LAST,
        TAKE_STRIP,
        TAP,
        PARTIAL,
        SUM_FIRST,
        SUM_LAST,
        OUTSTANDING,
        COUNT,
        IN_BASE,
        GROUPS,
        PLANE,
        ACC_BASE,
        ACC_BANK,
        WIDTH,
        HEIGHT,
        MODE,
        LAYER,
        IN_GAP,
        Y0,
        X0,
        LINE_BASE,
        MORE_BEATS,
        WEIGHT_BASE,
        PARAM,
        DATA,
        OUT_BASE,
        OUT_GAP,
        IN_RING,
        OUT_RING,
    ];
}

/// Fields of [`Store`].
pub mod store {
    use super::Field;
    /// Source.
    pub const BASE: Field = Field::new("base", 1, 0, 20, "First feature word.");
    /// Length.
    pub const COUNT: Field = Field::new("count", 2, 0, 20, "Feature words to send, from 1.");
    /// All fields.
    pub const FIELDS: &[Field] = &[BASE, COUNT];
}

/// Fields of [`End`].
pub mod end {
    use super::Field;
    /// Tag.
    pub const TAG: Field = Field::new("tag", 1, 0, 32, "Returned in the result trailer.");
    /// All fields.
    pub const FIELDS: &[Field] = &[TAG];
}

/// Says for which core a stream was compiled. The core refuses any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hello {
    /// [`crate::MAGIC`].
    pub magic: u32,
    /// [`crate::ABI_VERSION`].
    pub abi: u32,
    /// [`HwConfig::hash`].
    pub hash: u64,
}

impl Hello {
    /// The greeting for a configuration.
    #[must_use]
    pub fn for_config(config: &HwConfig) -> Hello {
        Hello {
            magic: crate::MAGIC,
            abi: crate::ABI_VERSION,
            hash: config.hash(),
        }
    }
}

/// Writes `count` weight blocks or parameter groups from `base` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Load {
    /// See [`load::WAIT`].
    pub wait: u8,
    /// See [`load::BASE`].
    pub base: u32,
    /// See [`load::COUNT`].
    pub count: u32,
}

/// Writes `count` weight blocks from `base` on, whose zeros the payload leaves out; coded as
/// [`crate::sparse`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LoadSparse {
    /// See [`load::WAIT`].
    pub wait: u8,
    /// See [`load::BASE`].
    pub base: u32,
    /// See [`load::COUNT`].
    pub count: u32,
    /// See [`load::BEATS`].
    pub beats: u32,
}

/// Feeds picture rows to the window unit; see the fields in [`rows`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct Rows {
    pub first: bool,
    pub strip_end: bool,
    pub wait: u8,
    pub base: u32,
    pub plane: u32,
    pub width: u32,
    pub rows: u32,
    pub kernel: u32,
    pub stride: u32,
    pub gap: u32,
    pub drains: u8,
}

impl Rows {
    /// Bytes of one row in the payload: pixels of three bytes, padded to whole beats.
    #[must_use]
    pub fn row_bytes(width: usize, bus_bytes: usize) -> usize {
        (3 * width).next_multiple_of(bus_bytes)
    }
}

/// What becomes of a drained tile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Mode {
    /// Write to the feature buffer.
    #[default]
    Write = 0,
    /// Max-pool 3x3/2, then write.
    Pool = 1,
    /// Sum each channel over the pixels.
    Sum = 2,
}

/// Computes one tile for one group of output channels; see the fields in [`block`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct Block {
    pub kernel3: bool,
    pub first: bool,
    pub last: bool,
    pub take_strip: bool,
    pub tap: bool,
    pub partial: bool,
    pub sum_first: bool,
    pub sum_last: bool,
    pub outstanding: u8,
    pub count: u32,
    pub in_base: u32,
    pub groups: u32,
    pub plane: u32,
    pub acc_bank: u8,
    pub acc_base: u32,
    pub width: u32,
    pub height: u32,
    pub mode: Mode,
    pub layer: u32,
    pub in_gap: u32,
    pub y0: u32,
    pub x0: u32,
    pub line_base: u32,
    /// 1 to 4.
    pub beats: u32,
    pub weight_base: u32,
    pub param: u32,
    pub data: bool,
    pub out_base: u32,
    pub out_gap: u32,
    pub in_ring: u32,
    pub out_ring: u32,
}

impl Block {
    /// Passes of the array.
    #[must_use]
    pub fn passes(&self) -> u32 {
        self.groups * if self.kernel3 { 9 } else { 1 }
    }

    /// Positions from one row to the next.
    #[must_use]
    pub fn pitch(&self) -> u32 {
        self.width + self.in_gap
    }

    /// Accumulator vectors of the tile.
    #[must_use]
    pub fn vectors(&self, lanes: usize) -> u32 {
        self.count.div_ceil(lanes as u32)
    }
}

/// Address of a word that lies at `address` if there were no ring; `base` is the plane's base,
/// `ring` as in [`block::IN_RING`].
#[must_use]
pub fn ring_address(base: u32, address: u32, ring: u32) -> u32 {
    if ring == 0 {
        return address;
    }
    let mask = ring_words(ring) - 1;
    (base & !mask) | (address & mask)
}

/// Words of a ring, `ring` from 1.
#[must_use]
pub const fn ring_words(ring: u32) -> u32 {
    16 << ring
}

/// Sends feature words to the host, after everything before it has drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Store {
    /// First word.
    pub base: u32,
    /// Number of words.
    pub count: u32,
}

/// Ends an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct End {
    /// Returned in the trailer.
    pub tag: u32,
}

/// A decoded record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Command {
    Hello(Hello),
    LoadWeights(Load),
    LoadSparse(LoadSparse),
    LoadParams(Load),
    Rows(Rows),
    Block(Block),
    Store(Store),
    End(End),
}

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $value:literal, $text:literal;)*) => {
        /// Why the engine (or [`Command::decode`] and [`Command::check`]) refuses a stream;
        /// the number is what register ERROR shows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
        #[repr(u8)]
        pub enum ErrorCode { $($(#[$doc])* #[error($text)] $name = $value,)* }

        impl ErrorCode {
            /// All codes.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$name,)*];

            /// The code with this number.
            #[must_use]
            pub fn from_bits(bits: u8) -> Option<ErrorCode> {
                match bits { $($value => Some(ErrorCode::$name),)* _ => None }
            }
        }
    };
}

error_codes! {
    /// CRC.
    BadCrc = 1, "the record's CRC-32 does not match its contents";
    /// Opcode.
    BadOpcode = 2, "the opcode is unknown";
    /// Order.
    NoHello = 3, "the stream does not begin with a hello record";
    /// Magic number.
    BadMagic = 4, "the hello record's magic number is wrong";
    /// Version.
    BadAbi = 5, "the stream was compiled for another ABI version";
    /// Configuration.
    BadHash = 6, "the stream was compiled for another hardware configuration";
    /// Field range.
    BadField = 7, "a field is out of range (count, groups, rows, kernel, stride, mode, gap or beats)";
    /// Address range.
    BadAddress = 8, "an address or length exceeds a memory of this configuration";
    /// TLAST too early.
    EarlyEnd = 9, "the stream ended (TLAST) before the end record";
    /// TLAST missing.
    LateEnd = 10, "the end record is not the stream's last beat (TLAST missing)";
    /// Run-time address.
    FeatureRange = 11, "an access to the feature buffer left its range";
    /// Payload CRC.
    BadPayload = 12, "the record's payload does not match its CRC-32";
}

/// Anything wrong with a record, found without running it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}{}", field.map(|f| format!(" ({f})")).unwrap_or_default())]
pub struct CommandError {
    /// The code that the engine would report.
    pub code: ErrorCode,
    /// The field at fault, when it is one.
    pub field: Option<&'static str>,
}

impl CommandError {
    fn new(code: ErrorCode) -> CommandError {
        CommandError { code, field: None }
    }

    fn at(code: ErrorCode, field: Field) -> CommandError {
        CommandError {
            code,
            field: Some(field.name),
        }
    }
}

/// CRC-32 of words 0 to 6.
#[must_use]
pub fn record_crc(words: &[u32; RECORD_WORDS]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    for word in &words[..RECORD_WORDS - 1] {
        crc.update(&word.to_le_bytes());
    }
    crc.finalize()
}

/// CRC-32 of a payload.
#[must_use]
pub fn payload_crc(payload: &[u8]) -> u32 {
    crc32fast::hash(payload)
}

/// Gives a record in a stream the CRC of another payload, and renews its own.
pub fn seal(record: &mut [u8; RECORD_BYTES], payload: &[u8]) {
    let mut words = [0; RECORD_WORDS];
    for (word, bytes) in words.iter_mut().zip(record.chunks_exact(4)) {
        *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    words[common::PAYLOAD_CRC.word] = payload_crc(payload);
    words[RECORD_WORDS - 1] = record_crc(&words);
    for (bytes, word) in record.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
}

impl Command {
    /// The operation.
    #[must_use]
    pub fn opcode(&self) -> Opcode {
        match self {
            Command::Hello(_) => Opcode::Hello,
            Command::LoadWeights(_) => Opcode::LoadWeights,
            Command::LoadSparse(_) => Opcode::LoadSparse,
            Command::LoadParams(_) => Opcode::LoadParams,
            Command::Rows(_) => Opcode::Rows,
            Command::Block(_) => Opcode::Block,
            Command::Store(_) => Opcode::Store,
            Command::End(_) => Opcode::End,
        }
    }

    /// Fields of an opcode, without the common ones.
    #[must_use]
    pub fn fields(opcode: Opcode) -> &'static [Field] {
        match opcode {
            Opcode::Hello => hello::FIELDS,
            Opcode::LoadWeights | Opcode::LoadParams => load::FIELDS,
            Opcode::LoadSparse => load::SPARSE_FIELDS,
            Opcode::Rows => rows::FIELDS,
            Opcode::Block => block::FIELDS,
            Opcode::Store => store::FIELDS,
            Opcode::End => end::FIELDS,
        }
    }

    /// Field values in the order of [`Command::fields`].
    fn values(&self) -> Vec<u64> {
        match *self {
            Command::Hello(h) => {
                vec![
                    h.magic.into(),
                    h.abi.into(),
                    h.hash & 0xffff_ffff,
                    h.hash >> 32,
                ]
            }
            Command::LoadWeights(l) | Command::LoadParams(l) => {
                vec![l.wait.into(), l.base.into(), l.count.into()]
            }
            Command::LoadSparse(l) => {
                vec![l.wait.into(), l.base.into(), l.count.into(), l.beats.into()]
            }
            Command::Rows(r) => vec![
                r.first.into(),
                r.strip_end.into(),
                r.wait.into(),
                r.base.into(),
                r.plane.into(),
                r.width.into(),
                r.rows.into(),
                r.kernel.into(),
                r.stride.into(),
                r.gap.into(),
                r.drains.into(),
            ],
            Command::Block(b) => vec![
                b.kernel3.into(),
                b.first.into(),
                b.last.into(),
                b.take_strip.into(),
                b.tap.into(),
                b.partial.into(),
                b.sum_first.into(),
                b.sum_last.into(),
                b.outstanding.into(),
                b.count.into(),
                b.in_base.into(),
                b.groups.into(),
                b.plane.into(),
                b.acc_base.into(),
                b.acc_bank.into(),
                b.width.into(),
                b.height.into(),
                b.mode as u64,
                b.layer.into(),
                b.in_gap.into(),
                b.y0.into(),
                b.x0.into(),
                b.line_base.into(),
                u64::from(b.beats).saturating_sub(1),
                b.weight_base.into(),
                b.param.into(),
                b.data.into(),
                b.out_base.into(),
                b.out_gap.into(),
                b.in_ring.into(),
                b.out_ring.into(),
            ],
            Command::Store(s) => vec![s.base.into(), s.count.into()],
            Command::End(e) => vec![e.tag.into()],
        }
    }

    /// A record without payload, CRC included. Fails when a value does not fit its field.
    pub fn encode(&self) -> Result<[u32; RECORD_WORDS], FieldOverflow> {
        self.encode_with(&[])
    }

    /// The record for a payload, both CRCs included. Fails when a value does not fit its field.
    pub fn encode_with(&self, payload: &[u8]) -> Result<[u32; RECORD_WORDS], FieldOverflow> {
        let mut words = [0; RECORD_WORDS];
        common::OPCODE.set(&mut words, self.opcode() as u64)?;
        for (field, value) in Command::fields(self.opcode()).iter().zip(self.values()) {
            field.set(&mut words, value)?;
        }
        if self.has_payload() {
            common::PAYLOAD_CRC.set(&mut words, payload_crc(payload).into())?;
        }
        words[RECORD_WORDS - 1] = record_crc(&words);
        Ok(words)
    }

    /// Reads a record. Checks CRC, opcode and what has no meaning in any configuration
    /// (drain mode 3); [`Command::check`] does the rest.
    pub fn decode(words: &[u32; RECORD_WORDS]) -> Result<Command, CommandError> {
        if common::CRC.get(words) != record_crc(words) {
            return Err(CommandError::new(ErrorCode::BadCrc));
        }
        let opcode = Opcode::from_bits(common::OPCODE.get(words) as u8)
            .ok_or(CommandError::at(ErrorCode::BadOpcode, common::OPCODE))?;
        let get = |field: Field| field.get(words);
        let flag = |field: Field| field.get(words) != 0;
        Ok(match opcode {
            Opcode::Hello => Command::Hello(Hello {
                magic: get(hello::MAGIC),
                abi: get(hello::ABI),
                hash: u64::from(get(hello::HASH_LO)) | u64::from(get(hello::HASH_HI)) << 32,
            }),
            Opcode::LoadWeights | Opcode::LoadParams => {
                let load = Load {
                    wait: get(load::WAIT) as u8,
                    base: get(load::BASE),
                    count: get(load::COUNT),
                };
                if opcode == Opcode::LoadWeights {
                    Command::LoadWeights(load)
                } else {
                    Command::LoadParams(load)
                }
            }
            Opcode::LoadSparse => Command::LoadSparse(LoadSparse {
                wait: get(load::WAIT) as u8,
                base: get(load::BASE),
                count: get(load::COUNT),
                beats: get(load::BEATS),
            }),
            Opcode::Rows => Command::Rows(Rows {
                first: flag(rows::FIRST),
                strip_end: flag(rows::STRIP_END),
                wait: get(rows::WAIT) as u8,
                base: get(rows::BASE),
                plane: get(rows::PLANE),
                width: get(rows::WIDTH),
                rows: get(rows::ROWS),
                kernel: get(rows::KERNEL),
                stride: get(rows::STRIDE),
                gap: get(rows::GAP),
                drains: get(rows::DRAINS) as u8,
            }),
            Opcode::Block => Command::Block(Block {
                kernel3: flag(block::KERNEL3),
                first: flag(block::FIRST),
                last: flag(block::LAST),
                take_strip: flag(block::TAKE_STRIP),
                tap: flag(block::TAP),
                partial: flag(block::PARTIAL),
                sum_first: flag(block::SUM_FIRST),
                sum_last: flag(block::SUM_LAST),
                outstanding: get(block::OUTSTANDING) as u8,
                count: get(block::COUNT),
                in_base: get(block::IN_BASE),
                groups: get(block::GROUPS),
                plane: get(block::PLANE),
                acc_bank: get(block::ACC_BANK) as u8,
                acc_base: get(block::ACC_BASE),
                width: get(block::WIDTH),
                height: get(block::HEIGHT),
                mode: match get(block::MODE) {
                    0 => Mode::Write,
                    1 => Mode::Pool,
                    2 => Mode::Sum,
                    _ => return Err(CommandError::at(ErrorCode::BadField, block::MODE)),
                },
                layer: get(block::LAYER),
                in_gap: get(block::IN_GAP),
                y0: get(block::Y0),
                x0: get(block::X0),
                line_base: get(block::LINE_BASE),
                beats: get(block::MORE_BEATS) + 1,
                weight_base: get(block::WEIGHT_BASE),
                param: get(block::PARAM),
                data: flag(block::DATA),
                out_base: get(block::OUT_BASE),
                out_gap: get(block::OUT_GAP),
                in_ring: get(block::IN_RING),
                out_ring: get(block::OUT_RING),
            }),
            Opcode::Store => Command::Store(Store {
                base: get(store::BASE),
                count: get(store::COUNT),
            }),
            Opcode::End => Command::End(End { tag: get(end::TAG) }),
        })
    }

    /// Whether bytes follow the record.
    #[must_use]
    pub fn has_payload(&self) -> bool {
        matches!(
            self,
            Command::LoadWeights(_)
                | Command::LoadSparse(_)
                | Command::LoadParams(_)
                | Command::Rows(_)
        )
    }

    /// Bytes that follow the record.
    #[must_use]
    pub fn payload_bytes(&self, config: &HwConfig) -> usize {
        match self {
            Command::LoadWeights(l) => l.count as usize * config.tile * config.tile,
            Command::LoadSparse(l) => l.beats as usize * config.bus_bytes,
            Command::LoadParams(l) => l.count as usize * config.tile * PARAM_BYTES,
            Command::Rows(r) => {
                r.rows as usize * Rows::row_bytes(r.width as usize, config.bus_bytes)
            }
            _ => 0,
        }
    }

    /// The checks that the engine's decoder makes before it acts on a record.
    pub fn check(&self, config: &HwConfig) -> Result<(), CommandError> {
        let range = |field: Field, ok: bool| {
            if ok {
                Ok(())
            } else {
                Err(CommandError::at(ErrorCode::BadField, field))
            }
        };
        let within = |field: Field, end: u32, limit: usize| {
            if u64::from(end) <= limit as u64 {
                Ok(())
            } else {
                Err(CommandError::at(ErrorCode::BadAddress, field))
            }
        };
        match *self {
            Command::Hello(h) => {
                let code = if h.magic != crate::MAGIC {
                    ErrorCode::BadMagic
                } else if h.abi != crate::ABI_VERSION {
                    ErrorCode::BadAbi
                } else if h.hash != config.hash() {
                    ErrorCode::BadHash
                } else {
                    return Ok(());
                };
                Err(CommandError::new(code))
            }
            Command::LoadWeights(l) => {
                range(load::COUNT, l.count >= 1)?;
                within(load::BASE, l.base + l.count, config.weight_blocks)
            }
            Command::LoadSparse(l) => {
                range(load::COUNT, l.count >= 1)?;
                range(load::BEATS, l.beats >= 1)?;
                within(load::BASE, l.base + l.count, config.weight_blocks)
            }
            Command::LoadParams(l) => {
                range(load::COUNT, l.count >= 1)?;
                within(load::BASE, l.base + l.count, config.param_groups)
            }
            Command::Rows(r) => {
                range(rows::ROWS, r.rows >= 1)?;
                range(
                    rows::KERNEL,
                    (r.kernel == 3 || r.kernel == 7) && r.kernel as usize <= config.window_kernel,
                )?;
                range(rows::STRIDE, r.stride == 1 || r.stride == 2)?;
                range(rows::WIDTH, r.width >= r.kernel)?;
                within(rows::WIDTH, r.width, config.window_width)?;
                within(rows::BASE, r.base + 1, config.feature_words)
            }
            Command::Block(b) => {
                range(block::COUNT, b.count >= 1)?;
                range(block::GROUPS, b.groups >= 1)?;
                range(block::WIDTH, b.width >= 1)?;
                range(block::IN_GAP, b.pitch() as usize >= config.lanes)?;
                range(
                    block::OUT_GAP,
                    config.lanes == 1
                        || b.mode != Mode::Write
                        || b.out_gap as usize <= b.in_gap as usize + config.lanes / 2,
                )?;
                within(
                    block::COUNT,
                    b.acc_base + b.vectors(config.lanes),
                    config.acc_depth,
                )?;
                within(block::IN_BASE, b.in_base + 1, config.feature_words)?;
                within(block::WEIGHT_BASE, b.weight_base + 1, config.weight_blocks)?;
                within(block::PARAM, b.param + 1, config.param_groups)?;
                within(block::LINE_BASE, b.line_base + 1, config.line_words)?;
                within(block::OUT_BASE, b.out_base + 1, config.feature_words)
            }
            Command::Store(s) => {
                range(store::COUNT, s.count >= 1)?;
                within(store::BASE, s.base + s.count, config.feature_words)
            }
            Command::End(_) => Ok(()),
        }
    }
}

/// One line of disassembly, as in `block count=222 in_base=0x100 ...`; zero fields are left out.
impl std::fmt::Display for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.opcode().mnemonic())?;
        for (field, value) in Command::fields(self.opcode()).iter().zip(self.values()) {
            match (field.width, value) {
                (_, 0) => {}
                (1, _) => write!(f, " {}", field.name)?,
                (20 | 32, _) => write!(f, " {}={value:#x}", field.name)?,
                _ => write!(f, " {}={value}", field.name)?,
            }
        }
        Ok(())
    }
}

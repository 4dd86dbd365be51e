//! The command stream: fixed records of eight 32-bit words, some followed by a payload.
//!
//! The host compiles a network into one such stream; the engine consumes it in order. A record
//! is two beats of the 128-bit AXI4-Stream, word 0 first, each word little-endian. Word 7 is the
//! CRC-32 (IEEE 802.3, as in zlib) of the 28 bytes before it.

mod check;
mod codec;
mod codes;
mod error;
mod payload;
mod records;
mod shapes;
mod table;

pub use codec::{payload_crc, record_crc, seal};
pub use error::{CommandError, ErrorCode};
pub use payload::PARAM_BYTES;
pub use records::{
    Block, Command, End, Hello, Load, LoadSparse, Mode, Opcode, Rows, Store, block, common, end,
    hello, load, load_sparse, rows, store,
};
pub use shapes::{ring_address, ring_words};

/// Number of 32-bit words in a record.
pub const RECORD_WORDS: usize = 8;
/// Number of bytes in a record: two beats.
pub const RECORD_BYTES: usize = 4 * RECORD_WORDS;
/// Value of `wait` and `drains` that waits for nothing.
pub const WAIT_NONE: u8 = 0xff;
/// Most tiles that may have been computed without having drained.
pub const MAX_OUTSTANDING: u8 = 7;
/// Bytes of one logit in the result.
pub const LOGIT_BYTES: usize = 4;

//! Firebrick's specification: the one place where arithmetic, commands, registers and the
//! hardware configuration are defined. Nothing here does I/O or knows Rust-HDL.

#![warn(clippy::missing_errors_doc)]

pub mod arith;
pub mod board;
pub mod command;
pub mod config;
pub mod docs;
pub mod fabric;
pub mod fields;
pub mod latency;
pub mod regs;
pub mod resources;
pub mod result;
pub mod sparse;

pub use config::HwConfig;

/// Bits of an AXI4-Stream beat, of a feature word and of a row of weights: the one width of the
/// core's streams and buffers.
pub const BEAT_BITS: usize = 128;

/// Bytes of an AXI4-Stream beat.
pub const BEAT_BYTES: usize = BEAT_BITS / 8;

/// Version of the register map, the command encoding and the result packet.
/// The major half (upper 16 bits) changes when an older host cannot drive the core any more.
pub const ABI_VERSION: u32 = 0x0004_0001;

/// Text of an ABI version: major.minor.
#[must_use]
pub fn version(abi: u32) -> String {
    format!(
        "{}.{}",
        regs::abi::MAJOR.get(abi),
        regs::abi::MINOR.get(abi)
    )
}

/// `"FBRK"` in little-endian ASCII: first register, first command word, result trailer.
pub const MAGIC: u32 = 0x4B52_4246;

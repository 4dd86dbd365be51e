//! The engine in Rust-HDL, one block per file, and the emitter that turns it into Verilog.

pub mod emit;
pub mod pe;
pub mod tile;

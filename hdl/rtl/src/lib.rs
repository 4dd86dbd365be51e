//! The engine in Rust-HDL, one block per file, and the emitter that turns it into Verilog.

/// A block of type `Self`: the fields named first have their default value, the others the value
/// that is written after the semicolon. Rust-HDL's `Constant` has no default, so that
/// `..Self::default()` cannot say this.
macro_rules! block {
    ($($default:ident),* $(,)? $(; $($field:ident $(: $value:expr)?),* $(,)?)?) => {
        Self {
            $($default: Default::default(),)*
            $($($field $(: $value)?,)*)?
        }
    };
}

pub mod array;
pub mod common;
pub mod decode;
pub mod drain;
pub mod emit;
pub mod engine;
pub mod io;
pub mod sequence;
pub mod store;
pub mod top;
pub mod window;

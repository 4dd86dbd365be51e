//! What every room uses: memories and delays.

pub mod delay;
pub mod mem;
pub mod words;

//! What every room uses: memories and delays.

pub mod delay;
pub mod mem;
pub mod reset;
pub mod slice;
pub mod words;

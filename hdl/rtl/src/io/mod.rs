//! Registers, counters and the result stream.

pub mod counters;
pub mod histogram;
pub mod output;
pub mod registers;

//! The array: tiles of processing elements and their accumulators.

pub mod accumulators;
pub mod chain;
pub mod lane;
pub mod pe;
pub mod pe_pair;
pub mod tile;
pub mod tile_packed;

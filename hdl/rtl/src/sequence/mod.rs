//! The order of weights and passes.

pub mod loader;
pub mod passes;

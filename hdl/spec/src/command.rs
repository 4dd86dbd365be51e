//! The command stream.

/// Bytes of one channel's requantisation parameters.
pub const PARAM_BYTES: usize = 8;

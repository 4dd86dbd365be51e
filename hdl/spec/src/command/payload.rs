//! The bytes that follow some records.

use super::{Command, Rows};
use crate::BEAT_BYTES;
use crate::config::HwConfig;

/// Bytes of one channel's requantisation parameters.
pub const PARAM_BYTES: usize = 8;

impl Rows {
    /// Bytes of one picture row in the payload: `width` pixels of three bytes, padded to whole
    /// beats.
    #[must_use]
    pub fn row_bytes(width: usize) -> usize {
        (3 * width).next_multiple_of(BEAT_BYTES)
    }
}

impl Command {
    /// Whether bytes follow the record.
    #[must_use]
    pub fn has_payload(&self) -> bool {
        matches!(
            self,
            Command::LoadWeights(_)
                | Command::LoadSparse(_)
                | Command::LoadParams(_)
                | Command::Rows(_)
        )
    }

    /// Number of bytes that follow the record, in whole beats; 0 without a payload.
    #[must_use]
    pub fn payload_bytes(&self, config: &HwConfig) -> usize {
        match self {
            Command::LoadWeights(l) => l.count as usize * config.tile * config.tile,
            Command::LoadSparse(l) => l.beats as usize * BEAT_BYTES,
            Command::LoadParams(l) => l.count as usize * config.tile * PARAM_BYTES,
            Command::Rows(r) => r.rows as usize * Rows::row_bytes(r.width as usize),
            _ => 0,
        }
    }
}

//! A tag for each transfer, so that a result can be told from that of any other transfer, also
//! of another process.

use std::hash::{BuildHasher, RandomState};

/// Counts from a random number.
#[derive(Clone, Debug)]
pub(super) struct Tags(u32);

impl Tags {
    pub fn new() -> Tags {
        Tags(RandomState::new().hash_one(std::process::id()) as u32)
    }

    /// What [`next`](Self::next) will return.
    pub fn peek(&self) -> u32 {
        self.0.wrapping_add(1)
    }

    /// The next tag.
    pub fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(1);
        self.0
    }
}

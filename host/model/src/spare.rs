//! Memory of finished runs, kept for the next pictures of the same size: fresh memory costs
//! more time (page faults) than the network itself.

use crate::plan::BufferPlan;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Most bytes kept.
const BYTES_MAX: usize = 256 << 20;

/// A plan and its buffers, whose borders are zero: runs write pixels only.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunMemory {
    /// Height and width of the picture.
    pub size: (usize, usize),
    pub plan: BufferPlan,
    pub buffers: Vec<Vec<u8>>,
}

impl RunMemory {
    /// Zeroed buffers.
    pub(crate) fn new(size: (usize, usize), plan: BufferPlan) -> RunMemory {
        let buffers = plan
            .buffers
            .iter()
            .map(|layout| vec![0; layout.len()])
            .collect();
        RunMemory {
            size,
            plan,
            buffers,
        }
    }

    fn bytes(&self) -> usize {
        self.buffers.iter().map(Vec::len).sum()
    }
}

/// Memory that no run uses at the moment, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Spares(Mutex<Vec<RunMemory>>);

impl Spares {
    /// Memory for a size of picture, if there is any.
    pub(crate) fn take(&self, size: (usize, usize)) -> Option<RunMemory> {
        let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = spares.iter().rposition(|memory| memory.size == size)?;
        Some(spares.remove(index))
    }

    /// Keeps memory, and lets go of the oldest when there is too much.
    fn give(&self, memory: RunMemory) {
        let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spares.push(memory);
        let mut total: usize = spares.iter().map(RunMemory::bytes).sum();
        while total > BYTES_MAX {
            total -= spares.remove(0).bytes();
        }
    }
}

/// Memory that returns to where it came from, if that still exists.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    memory: RunMemory,
    home: Weak<Spares>,
}

impl Lease {
    pub(crate) fn new(memory: RunMemory, home: &Arc<Spares>) -> Lease {
        Lease {
            memory,
            home: Arc::downgrade(home),
        }
    }

    /// Memory that is freed after use.
    pub(crate) fn unowned(memory: RunMemory) -> Lease {
        Lease {
            memory,
            home: Weak::new(),
        }
    }
}

impl Deref for Lease {
    type Target = RunMemory;

    fn deref(&self) -> &RunMemory {
        &self.memory
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut RunMemory {
        &mut self.memory
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(home) = self.home.upgrade() {
            home.give(std::mem::take(&mut self.memory));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(width: usize, bytes: usize) -> RunMemory {
        RunMemory {
            size: (1, width),
            buffers: vec![vec![0; bytes]],
            ..RunMemory::default()
        }
    }

    #[test]
    fn keeps_by_size_and_within_the_limit() {
        let spares = Spares::default();
        spares.give(memory(1, 10));
        assert!(spares.take((1, 2)).is_none());
        assert!(spares.take((1, 1)).is_some());
        assert!(spares.take((1, 1)).is_none());
        for width in 1..=3 {
            spares.give(memory(width, BYTES_MAX / 2));
        }
        assert!(spares.take((1, 1)).is_none());
        assert!(spares.take((1, 3)).is_some());
        spares.give(memory(4, BYTES_MAX + 1));
        assert!(spares.take((1, 4)).is_none());
    }
}

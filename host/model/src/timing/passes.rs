//! The queue of records and the pass generator behind it.

use std::collections::VecDeque;

use super::loader::NEVER;

/// The record whose passes are offered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    /// Index of the record.
    pub record: usize,
    /// Passes left, with the one on offer; 1 for stores and ends.
    pub left: u32,
    /// No pass has been taken.
    pub first: bool,
    /// It has been offered for a cycle.
    pub settled: bool,
}

/// Mirrors the queue of records and `passes.rs` of the hardware.
#[derive(Clone, Debug)]
pub(super) struct Passes {
    /// Records that wait, with their passes.
    queue: VecDeque<(usize, u32)>,
    capacity: usize,
    held: Option<Held>,
}

impl Passes {
    pub fn new(capacity: usize) -> Passes {
        Passes {
            queue: VecDeque::with_capacity(capacity),
            capacity,
            held: None,
        }
    }

    pub fn full(&self) -> bool {
        self.queue.len() == self.capacity
    }

    /// The pass on offer.
    pub fn offer(&self) -> Option<&Held> {
        self.held.as_ref()
    }

    /// When something happens by itself: a record is taken, or has been offered for a cycle.
    pub fn next(&self, now: u64) -> u64 {
        let settles = self.held.is_some_and(|held| !held.settled);
        if settles || (self.held.is_none() && !self.queue.is_empty()) {
            now
        } else {
            NEVER
        }
    }

    /// One cycle.
    pub fn step(&mut self, pop: bool, push: Option<(usize, u32)>) {
        if let Some(held) = &mut self.held {
            held.settled = true;
        }
        if pop && let Some(held) = &mut self.held {
            held.first = false;
            held.left -= 1;
            if held.left == 0 {
                self.held = None;
            }
        }
        if self.held.is_none()
            && let Some((record, passes)) = self.queue.pop_front()
        {
            self.held = Some(Held {
                record,
                left: passes,
                first: true,
                settled: false,
            });
        }
        self.queue.extend(push);
    }
}

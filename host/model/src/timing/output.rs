//! The queue of result beats.

use std::collections::VecDeque;

use super::loader::NEVER;
use firebrick_spec::latency::{OUT_MARGIN, OUTPUT_LATENCY, OUTPUT_QUEUE, STORE_LATENCY};

/// Most beats in the queue when the drain starts a vector that sends.
const LOW_MARK: usize = OUTPUT_QUEUE - OUT_MARGIN;

/// A beat of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    Data,
    /// Tag of the end record.
    Trailer(u32),
}

/// Mirrors `output.rs` of the hardware, with a host that always takes.
#[derive(Clone, Debug)]
pub(super) struct OutputUnit {
    /// Beats on their way to the queue, with the cycle in which they enter it.
    coming: VecDeque<(u64, Beat)>,
    queue: VecDeque<Beat>,
    /// There was room a cycle ago.
    room: bool,
}

/// What happened in a cycle.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OutputStep {
    /// A beat leaves.
    pub sent: Option<Beat>,
    /// A trailer enters the queue.
    pub framed: Option<u32>,
}

impl OutputUnit {
    pub fn new() -> OutputUnit {
        OutputUnit {
            coming: VecDeque::new(),
            queue: VecDeque::new(),
            room: true,
        }
    }

    pub fn room(&self) -> bool {
        self.room
    }

    pub fn next(&self, now: u64) -> u64 {
        if !self.queue.is_empty() || !self.room {
            return now;
        }
        self.coming.front().map_or(NEVER, |(at, _)| *at)
    }

    /// A beat comes to the output stage at cycle `at`.
    pub fn sends(&mut self, at: u64, beat: Beat) {
        let at = at + OUTPUT_LATENCY as u64;
        // A later vector's beats may be noted before the sums of an earlier one are through.
        let place = self.coming.partition_point(|(other, _)| *other <= at);
        self.coming.insert(place, (at, beat));
    }

    /// A word is read for a store.
    pub fn stores(&mut self, now: u64) {
        self.sends(now + STORE_LATENCY as u64, Beat::Data);
    }

    /// One cycle.
    pub fn step(&mut self, now: u64) -> OutputStep {
        self.room = self.queue.len() <= LOW_MARK;
        let mut step = OutputStep {
            sent: self.queue.pop_front(),
            framed: None,
        };
        while self.coming.front().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, beat)) = self.coming.pop_front() {
                if let Beat::Trailer(tag) = beat {
                    step.framed = Some(tag);
                }
                self.queue.push_back(beat);
            }
        }
        step
    }
}

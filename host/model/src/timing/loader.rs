//! The loader: one weight block after the other into the array's shadow registers.

use firebrick_spec::{HwConfig, latency};
use std::collections::VecDeque;

/// Time that never comes.
pub(super) const NEVER: u64 = u64::MAX;

/// Fewest cycles from one swap to the next.
const PASS_INTERVAL: u64 = latency::PASS_INTERVAL as u64;

/// Mirrors `loader.rs` of the hardware and the queue of its jobs.
#[derive(Clone, Debug)]
pub(super) struct Loader {
    /// Passes of the blocks that wait.
    jobs: VecDeque<u32>,
    capacity: usize,
    /// Cycles of a block.
    rows: u64,
    /// Passes of the current job whose weights are not completely read.
    passes: u32,
    /// Cycles from the first row of a block to the first pass that may use it.
    lead: u64,
    /// Cycle in which the block at hand may first be used.
    led: u64,
    /// Cycle in which the last row is read, while a block is being read.
    reading: Option<u64>,
    /// The shadow registers hold, or are taking, a block that no pass has used.
    pending: bool,
    /// Cycle of the last swap.
    swapped: Option<u64>,
}

impl Loader {
    pub fn new(config: &HwConfig) -> Loader {
        Loader {
            jobs: VecDeque::with_capacity(config.block_queue),
            capacity: config.block_queue,
            rows: config.tile as u64,
            lead: latency::load_lead(config) as u64,
            led: 0,
            passes: 0,
            reading: None,
            pending: false,
            swapped: None,
        }
    }

    /// The first cycle in which a pass may use the block at hand.
    fn usable(&self) -> u64 {
        let swapped = self.swapped.map_or(0, |at| at + PASS_INTERVAL);
        swapped.max(self.led)
    }

    pub fn ready(&self, now: u64) -> bool {
        self.pending && now >= self.usable()
    }

    /// The cycle in which a block that is there becomes ready, if that is still to come.
    fn ripe(&self, now: u64) -> u64 {
        let at = self.usable();
        if self.pending && now < at { at } else { NEVER }
    }

    pub fn full(&self) -> bool {
        self.jobs.len() == self.capacity
    }

    /// The next cycle, from `now` on, in which something happens by itself.
    pub fn next(&self, now: u64) -> u64 {
        let ripe = self.ripe(now);
        let moves = match self.reading {
            Some(last) => last,
            None if self.passes > 0 && !self.pending => now,
            None if self.passes == 0 && !self.jobs.is_empty() => now,
            None => NEVER,
        };
        moves.min(ripe)
    }

    /// One cycle; `push` is a block's number of passes.
    pub fn step(&mut self, now: u64, swap: bool, push: Option<u32>) {
        let start = self.passes > 0 && self.reading.is_none() && !self.pending;
        let idle = self.passes == 0;
        let mut over = false;
        if self.reading == Some(now) {
            self.reading = None;
            self.passes -= 1;
            over = self.passes == 0;
        }
        if start {
            self.reading = Some(now + self.rows - 1);
            self.pending = true;
            self.led = now + self.lead;
        }
        if swap {
            self.pending = false;
            self.swapped = Some(now);
        }
        if (idle || over)
            && let Some(passes) = self.jobs.pop_front()
        {
            self.passes = passes;
        }
        self.jobs.extend(push);
    }
}

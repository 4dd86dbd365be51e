//! The drain unit: when tiles are read, and when what follows from it happens.

use std::collections::VecDeque;

use firebrick_spec::HwConfig;
use firebrick_spec::command::{Block, Mode};

use super::loader::NEVER;
use super::output::{Beat, Output};
use super::place::Place;
use super::sums::SumPorts;

/// Cycles from a vector's read until its job's place is free for another.
const OPEN_LATENCY: u64 = 11;
/// Cycles from a vector's read to its first feature write, and from a job's last to `drained`.
const WRITE_LATENCY: u64 = 14;
/// Cycles from a vector's read to its first tapped beat, or to a trailer.
const SEND_LATENCY: u64 = 12;
/// Cycles from the last vector's read to the first beat of the sums.
const SUM_LATENCY: u64 = 13;
/// Cycles from the last vector of a tile with sums to the next job.
const SUM_PAUSE: u64 = 5;
/// Jobs noted but not begun.
const PLACES: usize = 2;

/// A finished tile, or the end of an image.
#[derive(Clone, Copy, Debug)]
pub(super) enum Job {
    Tile(Block),
    End(u32),
}

/// The job at hand.
#[derive(Clone, Copy, Debug)]
struct Active {
    job: Job,
    /// Vectors of the job.
    vectors: u32,
    /// Vectors that are read.
    done: u32,
    /// Cycles from vector to vector.
    pace: u64,
    /// First cycle in which the next vector may be read.
    from: u64,
}

/// Vectors read one in so many cycles.
#[derive(Clone, Copy, Debug)]
struct Burst {
    from: u64,
    count: u32,
    /// Number of the first one in its tile.
    vector: u32,
    place: Place,
}

/// Mirrors the drain unit of the hardware and the queue of jobs before it.
#[derive(Clone, Debug)]
pub(super) struct Drain {
    config: HwConfig,
    steps: u32,
    /// Jobs and the first cycle in which each can be taken.
    jobs: VecDeque<(Job, u64)>,
    active: Option<Active>,
    /// First cycle in which a job can be taken, as far as the one before is concerned.
    free: u64,
    /// Jobs taken whose first vector is not read, or has not reached its place.
    noted: usize,
    /// When places become free.
    opens: VecDeque<u64>,
    /// Vectors whose writes may be to come.
    bursts: VecDeque<Burst>,
    drained: VecDeque<u64>,
    ended: VecDeque<u64>,
}

impl Drain {
    pub fn new(config: &HwConfig) -> Drain {
        Drain {
            config: config.clone(),
            steps: Place::steps(config.lanes, config.drain_pixels()).min(2),
            jobs: VecDeque::new(),
            active: None,
            free: 0,
            noted: 0,
            opens: VecDeque::new(),
            bursts: VecDeque::new(),
            drained: VecDeque::new(),
            ended: VecDeque::new(),
        }
    }

    /// A job that can be taken from cycle `at` on.
    pub fn push(&mut self, job: Job, at: u64) {
        self.jobs.push_back((job, at));
    }

    /// Whether there is nothing to read or to wait for.
    pub fn at_rest(&self) -> bool {
        self.active.is_none() && self.jobs.is_empty() && self.next() == NEVER
    }

    /// The next cycle in which a tile or an end is finished.
    pub fn next(&self) -> u64 {
        let first = |times: &VecDeque<u64>| times.front().copied().unwrap_or(NEVER);
        first(&self.drained).min(first(&self.ended))
    }

    /// Whether a tile is finished in this cycle.
    pub fn drained(&mut self, now: u64) -> bool {
        take(&mut self.drained, now)
    }

    /// Whether an end of image is finished in this cycle.
    pub fn ended(&mut self, now: u64) -> bool {
        take(&mut self.ended, now)
    }

    /// Banks of the feature buffer that are written in a cycle.
    pub fn writes(&mut self, now: u64) -> u8 {
        let mut banks = 0;
        for step in 0..self.steps {
            let Some(read) = now.checked_sub(WRITE_LATENCY + u64::from(step)) else {
                continue;
            };
            for burst in &self.bursts {
                if let Some(cycles) = read.checked_sub(burst.from)
                    && cycles % 2 == 0
                    && cycles / 2 < u64::from(burst.count)
                {
                    banks |= burst.place.banks(burst.vector + (cycles / 2) as u32, step);
                }
            }
        }
        banks
    }

    /// Runs the front through cycles `now` to `to`, or until something that it causes is due.
    /// Returns the last cycle, and whether the front waited for room in it. `room` must not
    /// change in these cycles.
    pub fn run(
        &mut self,
        now: u64,
        mut to: u64,
        room: bool,
        ports: &SumPorts,
        output: &mut Output,
    ) -> (u64, bool) {
        while self.bursts.front().is_some_and(|burst| {
            burst.from + 2 * u64::from(burst.count) + WRITE_LATENCY + u64::from(self.steps) < now
        }) {
            self.bursts.pop_front();
        }
        let mut at = now;
        while at <= to {
            let Some(active) = self.active else {
                match self.takes(at) {
                    Some(take) if take <= to => {
                        self.take_job(take);
                        at = take + 1;
                        continue;
                    }
                    _ => break,
                }
            };
            at = at.max(active.from);
            if at > to {
                break;
            }
            let sends = active.sends();
            if sends && !room {
                return (to, true);
            }
            let mut until = NEVER;
            if let Job::Tile(block) = active.job {
                let free = ports.free(at, block.acc_bank);
                if free.0 > at {
                    at = free.0;
                    continue;
                }
                until = free.1;
            }
            let due = self.read(at, until.min(to.saturating_add(1)), active, output);
            to = to.min(due);
        }
        (to, false)
    }

    /// The first cycle from `at` on in which a job can be taken.
    fn takes(&self, at: u64) -> Option<u64> {
        let (_, ready) = self.jobs.front()?;
        let at = at.max(*ready).max(self.free);
        let open = self.opens.iter().filter(|open| **open <= at).count();
        let used = self.noted - open;
        if used < PLACES {
            return Some(at);
        }
        self.opens.get(open + used - PLACES).copied()
    }

    fn take_job(&mut self, at: u64) {
        let Some((job, _)) = self.jobs.pop_front() else {
            return;
        };
        while take_until(&mut self.opens, at) {
            self.noted -= 1;
        }
        self.noted += 1;
        let (vectors, pace) = match job {
            Job::Tile(block) => (
                block.vectors(self.config.lanes),
                if block.tap {
                    2.max(self.config.lanes as u64)
                } else {
                    2
                },
            ),
            Job::End(_) => (1, 2),
        };
        self.active = Some(Active {
            job,
            vectors,
            done: 0,
            pace,
            from: at + 1,
        });
    }

    /// Reads vectors from cycle `at` on, before cycle `until`. Returns when the first of their
    /// effects on other units is due.
    fn read(&mut self, at: u64, until: u64, mut active: Active, output: &mut Output) -> u64 {
        let mut due = NEVER;
        if active.done == 0 {
            self.opens.push_back(at + OPEN_LATENCY);
        }
        // What sends is read one by one, since it may have to wait for room.
        let count = if active.sends() {
            1
        } else {
            let room = (until - at).div_ceil(active.pace);
            room.min(u64::from(active.vectors - active.done)) as u32
        };
        let last = at + u64::from(count - 1) * active.pace;
        match active.job {
            Job::Tile(block) => {
                if block.mode != Mode::Sum {
                    self.bursts.push_back(Burst {
                        from: at,
                        count,
                        vector: active.done,
                        place: Place::new(&block, &self.config),
                    });
                }
                if block.tap {
                    for beat in 0..self.tapped(&block, active.done) {
                        output.sends(at + SEND_LATENCY + beat, Beat::Data);
                    }
                    due = at + SEND_LATENCY;
                }
                active.done += count;
                if active.done == active.vectors {
                    let mut over = last + WRITE_LATENCY;
                    if active.sends_sums() {
                        for beat in 0..u64::from(block.beats) {
                            output.sends(last + SUM_LATENCY + beat, Beat::Data);
                        }
                        over = last + SUM_LATENCY - 1 + u64::from(block.beats);
                    }
                    self.drained.push_back(over);
                    due = due.min(over.min(last + SUM_LATENCY));
                }
            }
            Job::End(tag) => {
                active.done = 1;
                output.sends(at + SEND_LATENCY, Beat::Trailer(tag));
                self.ended.push_back(at + WRITE_LATENCY);
                due = at + SEND_LATENCY;
            }
        }
        active.from = last + active.pace;
        self.active = None;
        if active.done < active.vectors {
            self.active = Some(active);
        } else {
            self.free = last + if active.sends_sums() { SUM_PAUSE } else { 1 };
        }
        due
    }

    /// Beats of a tapped vector: its pixels.
    fn tapped(&self, block: &Block, vector: u32) -> u64 {
        let tile = super::tile::Tile::new(block, self.config.lanes);
        let vector = u64::from(vector);
        self.config.lanes as u64 - (tile.ragged(vector + 1) - tile.ragged(vector))
    }
}

impl Active {
    fn sends_sums(&self) -> bool {
        matches!(self.job, Job::Tile(block) if block.mode == Mode::Sum && block.sum_last)
    }

    fn sends(&self) -> bool {
        match self.job {
            Job::Tile(block) => block.tap || self.sends_sums(),
            Job::End(_) => true,
        }
    }
}

/// Whether the first of these times is `now`; takes it.
fn take(times: &mut VecDeque<u64>, now: u64) -> bool {
    times.front() == Some(&now) && times.pop_front().is_some()
}

/// Whether the first of these times is not after `now`; takes it.
fn take_until(times: &mut VecDeque<u64>, now: u64) -> bool {
    times.front().is_some_and(|time| *time <= now) && times.pop_front().is_some()
}

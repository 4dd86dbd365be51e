//! The drain unit: when tiles are read, and when what follows from it happens.

use std::collections::VecDeque;

use firebrick_spec::command::{Block, Mode};
use firebrick_spec::{HwConfig, latency};

use super::loader::NEVER;
use super::output::{Beat, OutputUnit};
use super::place::TilePlacement;
use super::sums::SumPorts;
use super::tile::Tile;

/// Cycles from a vector's read to its last feature write, and from a job's last to `drained`.
const WRITE_LATENCY: u64 = latency::DRAIN_LATENCY as u64;
/// Cycles from a vector's read to the beat of its first position, if tapped, or to a trailer.
const SEND_LATENCY: u64 = latency::TAP_LATENCY as u64;
/// Cycles from vector to vector.
const PACE: u64 = latency::DRAIN_PACE as u64;

/// A finished tile, or the end of an image.
#[derive(Clone, Copy, Debug)]
pub(super) enum DrainJob {
    Tile(Block),
    End(u32),
}

/// The job at hand.
#[derive(Clone, Copy, Debug)]
struct Active {
    job: DrainJob,
    /// Vectors of the job.
    vectors: u32,
    /// Vectors that are read.
    done: u32,
}

/// Vectors read one in so many cycles.
#[derive(Clone, Copy, Debug)]
struct Burst {
    from: u64,
    count: u32,
    /// Number of the first one in its tile.
    vector: u32,
    place: TilePlacement,
}

/// Mirrors the drain unit of the hardware and the queue of jobs before it.
#[derive(Clone, Debug)]
pub(super) struct Drain {
    config: HwConfig,
    lanes: u64,
    /// Steps in which a vector passes.
    steps: u32,
    /// Jobs and the first cycle in which each can be taken.
    jobs: VecDeque<(DrainJob, u64)>,
    active: Option<Active>,
    /// First cycle in which no job is at hand.
    free: u64,
    /// First cycle in which a vector may be read, as far as those before are concerned.
    cool: u64,
    /// Vectors whose writes may be to come.
    bursts: VecDeque<Burst>,
    drained: VecDeque<u64>,
    ended: VecDeque<u64>,
}

impl Drain {
    pub fn new(config: &HwConfig) -> Drain {
        Drain {
            config: config.clone(),
            lanes: config.lanes as u64,
            steps: (config.lanes / config.drain_pixels()) as u32,
            jobs: VecDeque::new(),
            active: None,
            free: 0,
            cool: 0,
            bursts: VecDeque::new(),
            drained: VecDeque::new(),
            ended: VecDeque::new(),
        }
    }

    /// A job that can be taken from cycle `at` on.
    pub fn push(&mut self, job: DrainJob, at: u64) {
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
            let Some(read) = (now + u64::from(self.steps - 1 - step)).checked_sub(WRITE_LATENCY)
            else {
                continue;
            };
            for burst in &self.bursts {
                if let Some(cycles) = read.checked_sub(burst.from)
                    && cycles.is_multiple_of(PACE)
                    && cycles / PACE < u64::from(burst.count)
                {
                    banks |= burst
                        .place
                        .banks(burst.vector + (cycles / PACE) as u32, step);
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
        output: &mut OutputUnit,
    ) -> (u64, bool) {
        while self
            .bursts
            .front()
            .is_some_and(|burst| burst.from + PACE * u64::from(burst.count) + WRITE_LATENCY < now)
        {
            self.bursts.pop_front();
        }
        let mut at = now;
        while at <= to {
            let Some(active) = self.active else {
                let Some((_, ready)) = self.jobs.front() else {
                    break;
                };
                let take = at.max(*ready).max(self.free);
                if take > to {
                    break;
                }
                self.take_job();
                at = take + latency::JOB_LATENCY as u64;
                continue;
            };
            at = at.max(self.cool);
            if at > to {
                break;
            }
            let sends = active.sends();
            if sends && !room {
                return (to, true);
            }
            let mut until = NEVER;
            if let DrainJob::Tile(block) = active.job {
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

    fn take_job(&mut self) {
        let Some((job, _)) = self.jobs.pop_front() else {
            return;
        };
        let vectors = match job {
            DrainJob::Tile(block) => {
                block.vectors(self.config.lanes) + u32::from(ends_behind(&block, &self.config))
            }
            DrainJob::End(_) => 1,
        };
        self.active = Some(Active {
            job,
            vectors,
            done: 0,
        });
    }

    /// Reads vectors from cycle `at` on, before cycle `until`. Returns when the first of their
    /// effects on other units is due.
    fn read(&mut self, at: u64, until: u64, mut active: Active, output: &mut OutputUnit) -> u64 {
        let mut due = NEVER;
        // What sends is read one by one, since it may have to wait for room.
        let count = if active.sends() {
            1
        } else {
            let fit = (until - at).div_ceil(PACE);
            fit.min(u64::from(active.vectors - active.done)) as u32
        };
        let last = at + u64::from(count - 1) * PACE;
        self.cool = last + PACE;
        match active.job {
            DrainJob::Tile(block) => {
                if block.mode != Mode::Sum {
                    self.bursts.push_back(Burst {
                        from: at,
                        count,
                        vector: active.done,
                        place: TilePlacement::new(&block, &self.config),
                    });
                }
                if block.tap {
                    due = self.tap(at, &block, active.done, output);
                    self.cool = last + latency::tap_pace(self.config.lanes) as u64;
                }
                active.done += count;
                if active.done == active.vectors {
                    let mut over = last + WRITE_LATENCY;
                    if block.tap {
                        over += latency::tap_delay(self.config.lanes) as u64;
                    }
                    if active.sends_sums() {
                        let from = last + latency::sums_beat_latency(self.config.lanes) as u64;
                        for beat in 0..u64::from(block.beats()) {
                            output.sends(from + beat, Beat::Data);
                        }
                        over = from + u64::from(block.more_beats);
                        due = due.min(from);
                        self.cool = last + latency::sums_pace(self.config.lanes) as u64;
                    }
                    self.drained.push_back(over);
                    due = due.min(over);
                }
            }
            DrainJob::End(tag) => {
                active.done = 1;
                output.sends(at + SEND_LATENCY, Beat::Trailer(tag));
                self.ended.push_back(at + WRITE_LATENCY);
                due = at + SEND_LATENCY;
            }
        }
        self.active = None;
        if active.done < active.vectors {
            self.active = Some(active);
        } else {
            self.free = last + 1;
        }
        due
    }

    /// Sends the pixels of a tapped vector. Returns when the first may be due.
    fn tap(&self, at: u64, block: &Block, vector: u32, output: &mut OutputUnit) -> u64 {
        let tile = Tile::new(block, self.config.lanes);
        for lane in 0..self.lanes {
            if tile.is_pixel(u64::from(vector) * self.lanes + lane) {
                output.sends(at + SEND_LATENCY + lane, Beat::Data);
            }
        }
        at + SEND_LATENCY
    }
}

/// Whether a pooled tile's last window ends in the position behind its last, full vector.
fn ends_behind(block: &Block, config: &HwConfig) -> bool {
    let full = block.count.is_multiple_of(config.lanes as u32);
    let cut = block.mode == Mode::Pool && block.partial && block.width.is_multiple_of(2);
    config.drain_pixels() > 1 && cut && full && block.count % block.pitch() == block.width
}

impl Active {
    fn sends_sums(&self) -> bool {
        matches!(self.job, DrainJob::Tile(block) if block.mode == Mode::Sum && block.sum_last)
    }

    fn sends(&self) -> bool {
        match self.job {
            DrainJob::Tile(block) => block.tap || self.sends_sums(),
            DrainJob::End(_) => true,
        }
    }
}

/// Whether the first of these times is `now`; takes it.
fn take(times: &mut VecDeque<u64>, now: u64) -> bool {
    times.front() == Some(&now) && times.pop_front().is_some()
}

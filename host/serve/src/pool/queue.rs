//! The pictures that wait: one line for each model, all together bounded.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use firebrick::ndarray::Array3;
use tokio::sync::oneshot;

use super::{Scores, ending};
use crate::error::{Kind, Refusal};
use crate::metrics::Metrics;

/// A picture that was accepted.
pub struct Job {
    pub model: usize,
    pub input: Array3<u8>,
    /// It is of no use afterwards.
    pub deadline: Instant,
    pub queued: Instant,
    /// Engines that failed while they had it.
    pub attempts: u32,
    pub answer: oneshot::Sender<Scores>,
}

impl Job {
    /// Whether nobody waits for it any more.
    fn is_over(&self, now: Instant) -> bool {
        self.answer.is_closed() || now >= self.deadline
    }

    /// Ends it with an error.
    pub fn refuse(self, kind: Kind, message: impl Into<String>) {
        let _ = self.answer.send(Err(Refusal::new(kind, message)));
    }
}

/// What an engine without work is told.
pub enum Call {
    /// Pictures of this model wait.
    Work(usize),
    /// Nothing came in the time.
    Idle,
    /// Nothing will come any more.
    End,
}

#[derive(Default)]
struct Lines {
    lines: Vec<VecDeque<Job>>,
    waiting: usize,
    /// Places of requests whose pictures are still being prepared.
    reserved: usize,
    /// Pictures that engines have taken and not answered.
    held: usize,
    closed: bool,
    abandoned: bool,
}

impl Lines {
    /// Whether nothing is left and nothing will come.
    fn is_over(&self) -> bool {
        let left = self.waiting + self.held + self.reserved;
        self.abandoned || (self.closed && left == 0)
    }
}

/// The queue.
pub struct Queue {
    lines: Mutex<Lines>,
    change: Condvar,
    capacity: usize,
    metrics: Arc<Metrics>,
}

impl Queue {
    pub fn new(models: usize, capacity: usize, metrics: Arc<Metrics>) -> Queue {
        Queue {
            lines: Mutex::new(Lines {
                lines: (0..models).map(|_| VecDeque::new()).collect(),
                ..Lines::default()
            }),
            change: Condvar::new(),
            capacity,
            metrics,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pictures that nobody waits for make room.
    fn sweep(&self, lines: &mut Lines) {
        let now = Instant::now();
        for line in &mut lines.lines {
            let before = line.len();
            let (over, left) = std::mem::take(line)
                .into_iter()
                .partition(|job| job.is_over(now));
            let over: VecDeque<Job> = over;
            *line = left;
            lines.waiting -= before - line.len();
            over.into_iter().for_each(late);
        }
        self.metrics.queue.set(lines.waiting as i64);
    }

    /// Ends the pictures that nobody waits for any more, also while no engine asks for work.
    pub fn expire(&self) {
        let mut lines = self.lock();
        self.sweep(&mut lines);
        let over = lines.is_over();
        drop(lines);
        if over {
            self.change.notify_all();
        }
    }

    /// Keeps places for so many pictures, all or none. They are filled by [`push`](Self::push) or
    /// given back by [`release`](Self::release).
    pub fn reserve(&self, count: usize) -> Result<(), Refusal> {
        let mut lines = self.lock();
        if lines.closed {
            return Err(ending());
        }
        if lines.waiting + lines.reserved + count > self.capacity {
            self.sweep(&mut lines);
        }
        let taken = lines.waiting + lines.reserved;
        if taken + count > self.capacity {
            return Err(Refusal::new(
                Kind::Full,
                format!(
                    "the queue is full: {taken} of {} places are taken; try again later",
                    self.capacity
                ),
            ));
        }
        lines.reserved += count;
        Ok(())
    }

    /// Gives places back.
    pub fn release(&self, count: usize) {
        let mut lines = self.lock();
        lines.reserved -= count.min(lines.reserved);
        let over = lines.is_over();
        drop(lines);
        if over {
            self.change.notify_all();
        }
    }

    /// Fills places that were kept.
    pub fn push(&self, jobs: Vec<Job>) {
        let mut lines = self.lock();
        lines.reserved -= jobs.len().min(lines.reserved);
        if lines.abandoned {
            drop(lines);
            return jobs.into_iter().for_each(abandoned);
        }
        lines.waiting += jobs.len();
        for job in jobs {
            let model = job.model;
            if let Some(line) = lines.lines.get_mut(model) {
                line.push_back(job);
            }
        }
        self.metrics.queue.set(lines.waiting as i64);
        drop(lines);
        self.change.notify_all();
    }

    /// Waits for pictures that an engine can run; the model whose first one waits longest.
    pub fn call(&self, takes: &dyn Fn(usize) -> bool, patience: Duration) -> Call {
        let until = Instant::now() + patience;
        let mut lines = self.lock();
        loop {
            if lines.is_over() {
                return Call::End;
            }
            let heads = lines.lines.iter().enumerate();
            let heads = heads.filter_map(|(model, line)| Some((line.front()?.queued, model)));
            if let Some((_, model)) = heads.filter(|(_, model)| takes(*model)).min() {
                return Call::Work(model);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Call::Idle;
            }
            let waited = self.change.wait_timeout(lines, left);
            lines = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The next picture of a model that somebody still waits for. Each one that is taken is
    /// answered by [`answered`](Self::answered) or comes back by [`put_back`](Self::put_back).
    pub fn pop(&self, model: usize) -> Option<Job> {
        let mut lines = self.lock();
        let now = Instant::now();
        let found = loop {
            let Some(job) = lines.lines.get_mut(model).and_then(VecDeque::pop_front) else {
                break None;
            };
            lines.waiting -= 1;
            match job.is_over(now) {
                true => late(job),
                false => {
                    lines.held += 1;
                    break Some(job);
                }
            }
        };
        self.metrics.queue.set(lines.waiting as i64);
        found
    }

    /// Whether pictures of another model wait.
    pub fn others_wait(&self, model: usize) -> bool {
        let lines = self.lock();
        let own = lines.lines.get(model).map_or(0, VecDeque::len);
        lines.waiting > own
    }

    /// So many pictures that were taken have their answers.
    pub fn answered(&self, count: usize) {
        let mut lines = self.lock();
        lines.held -= count.min(lines.held);
        let over = lines.is_over();
        drop(lines);
        if over {
            self.change.notify_all();
        }
    }

    /// Pictures of an engine that failed: they go first, whatever room there is.
    pub fn put_back(&self, jobs: Vec<Job>) {
        let mut lines = self.lock();
        lines.held -= jobs.len().min(lines.held);
        if lines.abandoned {
            drop(lines);
            return jobs.into_iter().for_each(abandoned);
        }
        lines.waiting += jobs.len();
        for job in jobs.into_iter().rev() {
            let model = job.model;
            if let Some(line) = lines.lines.get_mut(model) {
                line.push_front(job);
            }
        }
        self.metrics.queue.set(lines.waiting as i64);
        drop(lines);
        self.change.notify_all();
    }

    /// Waits so long, or until nothing is left to do.
    pub fn rest(&self, pause: Duration) -> bool {
        matches!(self.call(&|_| false, pause), Call::End)
    }

    pub fn close(&self) {
        self.lock().closed = true;
        self.change.notify_all();
    }

    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Answers all that wait with an error, and returns how many they were.
    pub fn abandon(&self) -> usize {
        let mut lines = self.lock();
        lines.closed = true;
        lines.abandoned = true;
        let left: Vec<Job> = lines.lines.iter_mut().flat_map(std::mem::take).collect();
        let count = left.len() + lines.held + lines.reserved;
        lines.waiting = 0;
        self.metrics.queue.set(0);
        drop(lines);
        left.into_iter().for_each(abandoned);
        self.change.notify_all();
        count
    }
}

fn late(job: Job) {
    job.refuse(
        Kind::Late,
        "the time was over before an engine was free; allow more, or add engines",
    );
}

fn abandoned(job: Job) {
    job.refuse(
        Kind::Unavailable,
        "the service ended before an engine was free; ask another one",
    );
}

//! Pictures that wait for an engine, and who may take which.

use crate::session::SessionError;
use ndarray::Array3;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often every engine has to be silent before there is no hope.
const HOPE: u32 = 3;

/// A picture of the batch.
pub(super) struct PictureJob {
    pub index: u64,
    pub picture: Array3<u8>,
    /// How often it was tried.
    pub attempt: u32,
    /// The engine that failed with it last.
    failed_on: Option<usize>,
}

impl PictureJob {
    pub fn new(index: u64, picture: Array3<u8>) -> PictureJob {
        PictureJob {
            index,
            picture,
            attempt: 0,
            failed_on: None,
        }
    }
}

/// What an engine does next.
pub(super) enum Work {
    /// This picture alone.
    Alone(PictureJob),
    /// A stream of those that wait.
    Stream,
    /// Nothing any more.
    End,
}

/// What a stream does next.
pub(super) enum NextStep {
    Picture(PictureJob),
    /// One was set aside for this engine, which it does alone: the stream ends.
    Aside(PictureJob),
    Pending,
    End,
}

struct State {
    ready: VecDeque<PictureJob>,
    again: VecDeque<PictureJob>,
    /// Taken by an engine, without an outcome.
    under_way: usize,
    /// No more pictures will come.
    closed: bool,
    /// All is given up.
    stopped: bool,
    /// Whether each engine takes pictures.
    works: Vec<bool>,
    /// How often each engine did not answer, or took no picture, since its last result.
    silent: Vec<u32>,
    fatal: Option<Arc<SessionError>>,
    /// Given up: place and tries.
    left: Vec<(u64, u32)>,
}

impl State {
    /// A picture that is tried again, by another engine than the one that failed with it, if there
    /// is one.
    fn take_again(&mut self, engine: usize) -> Option<PictureJob> {
        let others = (0..self.works.len()).any(|other| other != engine && self.works[other]);
        let mine = |job: &PictureJob| !others || job.failed_on != Some(engine);
        let place = self.again.iter().position(mine)?;
        let job = self.again.remove(place);
        self.under_way += usize::from(job.is_some());
        job
    }

    fn is_done(&self) -> bool {
        let waiting = self.ready.len() + self.again.len() + self.under_way;
        self.stopped || self.closed && waiting == 0
    }
}

/// The queue of a pool.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

/// Stops a queue if it goes while its thread panics.
pub(super) struct StopIfPanicking<'a>(&'a Queue);

impl Drop for StopIfPanicking<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

impl Queue {
    pub fn new(engines: usize) -> Queue {
        Queue {
            state: Mutex::new(State {
                ready: VecDeque::new(),
                again: VecDeque::new(),
                under_way: 0,
                closed: false,
                stopped: false,
                works: vec![true; engines],
                silent: vec![0; engines],
                fatal: None,
                left: Vec::new(),
            }),
            changed: Condvar::new(),
        }
    }

    /// A thread that panicked leaves the state as it was between two statements that do not.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops the queue if the thread that holds this panics.
    pub fn stop_if_panicking(&self) -> StopIfPanicking<'_> {
        StopIfPanicking(self)
    }

    /// Pictures that wait and were not tried.
    pub fn ready(&self) -> usize {
        self.state().ready.len()
    }

    pub fn push(&self, job: PictureJob) {
        self.state().ready.push_back(job);
        self.changed.notify_one();
    }

    /// No more pictures will come.
    pub fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// All is given up.
    pub fn stop(&self) {
        self.state().stopped = true;
        self.changed.notify_all();
    }

    pub fn is_stopped(&self) -> bool {
        self.state().stopped
    }

    /// All is given up for an error.
    pub fn fail(&self, error: Arc<SessionError>) {
        let mut state = self.state();
        state.fatal.get_or_insert(error);
        state.stopped = true;
        drop(state);
        self.changed.notify_all();
    }

    /// Why all was given up, if it was for an error.
    pub fn take_fatal(&self) -> Option<Arc<SessionError>> {
        self.state().fatal.take()
    }

    /// Pictures that were taken and have no outcome: place and tries.
    pub fn left(&self) -> Vec<(u64, u32)> {
        let mut state = self.state();
        let mut left = std::mem::take(&mut state.left);
        let waiting = state.ready.iter().chain(&state.again);
        left.extend(waiting.map(|job| (job.index, job.attempt)));
        left
    }

    /// Waits for work.
    pub fn next_work(&self, engine: usize) -> Work {
        let mut state = self.state();
        loop {
            if state.is_done() {
                return Work::End;
            }
            if let Some(job) = state.take_again(engine) {
                return Work::Alone(job);
            }
            if !state.ready.is_empty() {
                return Work::Stream;
            }
            state = self.wait(state, Duration::from_secs(1));
        }
    }

    /// What an engine that streams takes next. Never waits.
    pub fn step(&self, engine: usize) -> NextStep {
        let mut state = self.state();
        if state.stopped {
            return NextStep::End;
        }
        if let Some(job) = state.take_again(engine) {
            return NextStep::Aside(job);
        }
        match state.ready.pop_front() {
            Some(job) => {
                state.under_way += 1;
                NextStep::Picture(job)
            }
            None if state.closed => NextStep::End,
            None => NextStep::Pending,
        }
    }

    /// An engine gave a result.
    pub fn answered(&self, engine: usize) {
        self.state().silent[engine] = 0;
        self.settled();
    }

    /// A picture that an engine took has its outcome.
    pub fn settled(&self) {
        let mut state = self.state();
        state.under_way = state.under_way.saturating_sub(1);
        let done = state.is_done();
        drop(state);
        if done {
            self.changed.notify_all();
        }
    }

    /// A picture that an engine took is to be tried again.
    pub fn put_back(&self, engine: usize, mut job: PictureJob) {
        let mut state = self.state();
        state.under_way = state.under_way.saturating_sub(1);
        job.failed_on = Some(engine);
        // The oldest first: the others' results wait for it.
        let place = state.again.iter().position(|other| other.index > job.index);
        let place = place.unwrap_or(state.again.len());
        state.again.insert(place, job);
        drop(state);
        self.changed.notify_all();
    }

    /// A picture that an engine took was given up.
    pub fn abandon(&self, job: &PictureJob) {
        let mut state = self.state();
        state.under_way = state.under_way.saturating_sub(1);
        state.left.push((job.index, job.attempt));
    }

    /// An engine takes no pictures. Says whether another one does.
    pub fn out(&self, engine: usize) -> bool {
        let mut state = self.state();
        state.works[engine] = false;
        let others = state.works.iter().any(|works| *works);
        drop(state);
        self.changed.notify_all();
        others
    }

    /// An engine takes pictures again. It has one more chance to give a result.
    pub fn back(&self, engine: usize) {
        let mut state = self.state();
        state.works[engine] = true;
        state.silent[engine] = state.silent[engine].min(HOPE - 1);
        drop(state);
        self.changed.notify_all();
    }

    /// An engine did not answer, or took no picture. Says whether none is left to hope for.
    pub fn silent(&self, engine: usize) -> bool {
        let mut state = self.state();
        state.silent[engine] += 1;
        state.silent.iter().all(|silent| *silent >= HOPE)
    }

    /// Waits so long, or until everything is done, which it says.
    pub fn pause(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut state = self.state();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if state.is_done() || left.is_zero() {
                return state.is_done();
            }
            state = self.wait(state, left);
        }
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout(state, time);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(index: u64) -> PictureJob {
        PictureJob::new(index, Array3::zeros((1, 1, 3)))
    }

    fn taken(queue: &Queue, engine: usize) -> PictureJob {
        match queue.step(engine) {
            NextStep::Picture(job) => job,
            _ => panic!("no picture"),
        }
    }

    #[test]
    fn another_engine_does_what_one_failed_with() {
        let queue = Queue::new(2);
        queue.push(job(0));
        let lost = taken(&queue, 0);
        assert!(queue.out(0));
        queue.put_back(0, lost);
        queue.back(0);
        // Not the one that failed while the other works.
        assert!(matches!(queue.step(0), NextStep::Pending));
        assert!(matches!(queue.step(1), NextStep::Aside(job) if job.index == 0));
    }

    #[test]
    fn the_same_engine_does_it_when_there_is_no_other() {
        let queue = Queue::new(2);
        queue.push(job(0));
        let lost = taken(&queue, 0);
        queue.put_back(0, lost);
        queue.out(1);
        assert!(matches!(queue.next_work(0), Work::Alone(job) if job.index == 0));
        queue.settled();
        queue.close();
        assert!(matches!(queue.next_work(0), Work::End));
    }

    #[test]
    fn the_oldest_is_tried_first_and_nothing_ends_before_all_have_outcomes() {
        let queue = Queue::new(3);
        (0..2).for_each(|index| queue.push(job(index)));
        queue.close();
        let (first, second) = (taken(&queue, 0), taken(&queue, 0));
        assert!(!queue.pause(Duration::from_millis(1)));
        queue.put_back(0, second);
        queue.put_back(0, first);
        assert!(matches!(queue.step(1), NextStep::Aside(job) if job.index == 0));
        assert!(matches!(queue.step(2), NextStep::Aside(job) if job.index == 1));
        queue.settled();
        queue.settled();
        assert!(queue.pause(Duration::from_secs(60)));
    }

    #[test]
    fn hope_ends_when_no_engine_answers() {
        let queue = Queue::new(2);
        for engine in [0, 1] {
            queue.out(engine);
        }
        for _ in 0..HOPE {
            assert!(!queue.silent(0));
        }
        assert!(!queue.silent(1));
        queue.back(0);
        assert!(!queue.silent(1));
        assert!(!queue.silent(1));
        assert!(queue.silent(0));
        queue.answered(1);
        assert!(!queue.silent(0));
    }
}

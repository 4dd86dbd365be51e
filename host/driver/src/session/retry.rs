//! Batches that go on after an error: every picture has an outcome of its own.

use super::{Answer, Next, Session, SessionError};
use crate::device::Device;
use crate::program::Program;
use ndarray::Array3;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use tracing::info;

/// What became of one picture of a batch, or of one try of it.
#[derive(Debug)]
pub enum Tried<'a> {
    /// It has a result, at this try (counted from 1).
    Answer(Answer, u32),
    /// It was under way when the session failed, and will be tried again, alone.
    Again(Lost<'a>),
    /// It has no result, and will not be tried again.
    Failed(Lost<'a>),
}

/// A picture without a result.
#[derive(Clone, Copy, Debug)]
pub struct Lost<'a> {
    /// Its place in the batch, from 0.
    pub index: u64,
    /// How often it was tried; 0 if the device did not take it any more.
    pub attempt: u32,
    /// Why the last try has no result.
    pub error: &'a SessionError,
}

struct Attempt {
    index: u64,
    picture: Array3<u8>,
    attempt: u32,
}

impl<D: Device> Session<D> {
    /// As [`stream`](Self::stream), but an error does not end the batch: each of the pictures
    /// that were under way is tried again up to `retries` times. They are run alone, so that a
    /// picture at fault takes no other with it a second time. `tell` gets each outcome in the
    /// order of the pictures, and ends the batch when it breaks. Keeps the pictures under way.
    ///
    /// # Errors
    /// What no other picture would escape: the link is lost, the run was cancelled, or the engine
    /// could not be made ready. `tell` has got a `Failed` for each picture that was taken by then.
    pub fn stream_each(
        &mut self,
        program: &Program,
        retries: u32,
        next: &mut dyn FnMut() -> Next,
        tell: &mut dyn FnMut(Tried<'_>) -> ControlFlow<()>,
    ) -> Result<u64, SessionError> {
        let (mut fed, mut taken, mut ended) = (0, 0, false);
        let mut again = VecDeque::<Attempt>::new();
        loop {
            let mut alone = again.pop_front();
            let single = alone.is_some();
            if !single && ended {
                return Ok(taken);
            }
            let under_way = RefCell::new(VecDeque::<Attempt>::new());
            let mut broken = false;
            let result = self.stream(
                program,
                &mut || {
                    let job = match (single, alone.take()) {
                        (_, Some(job)) => job,
                        (true, None) => return Next::End,
                        (false, None) => match next() {
                            Next::Picture(picture) => {
                                fed += 1;
                                Attempt {
                                    index: fed - 1,
                                    picture,
                                    attempt: 0,
                                }
                            }
                            Next::Pending => return Next::Pending,
                            Next::End => {
                                ended = true;
                                return Next::End;
                            }
                        },
                    };
                    let picture = job.picture.clone();
                    under_way.borrow_mut().push_back(Attempt {
                        attempt: job.attempt + 1,
                        ..job
                    });
                    Next::Picture(picture)
                },
                &mut |answer| {
                    let Some(job) = under_way.borrow_mut().pop_front() else {
                        return ControlFlow::Break(());
                    };
                    taken += 1;
                    let answer = Answer {
                        index: job.index,
                        ..answer
                    };
                    let flow = tell(Tried::Answer(answer, job.attempt));
                    broken = flow.is_break();
                    flow
                },
            );
            let error = match result {
                Ok(_) if broken => return Ok(taken),
                Ok(_) => continue,
                Err(error) => error,
            };
            let lost = under_way.into_inner();
            // Where none was taken, it is not for a picture's sake.
            let fatal = error.is_final() || lost.is_empty();
            let mut later = Vec::new();
            let rest = fatal.then(|| std::mem::take(&mut again));
            for job in lost
                .into_iter()
                .chain(alone)
                .chain(rest.into_iter().flatten())
            {
                let lost = Lost {
                    index: job.index,
                    attempt: job.attempt,
                    error: &error,
                };
                let flow = if !fatal && error.may_pass() && job.attempt <= retries {
                    info!(
                        picture = job.index,
                        attempt = job.attempt,
                        kind = error.kind(),
                        "is tried again, alone"
                    );
                    later.push(job);
                    tell(Tried::Again(lost))
                } else {
                    tell(Tried::Failed(lost))
                };
                broken |= flow.is_break();
            }
            if fatal {
                return Err(error);
            }
            if broken {
                return Ok(taken);
            }
            for job in later.into_iter().rev() {
                again.push_front(job);
            }
        }
    }
}

//! One engine of a pool, on its own thread.

use super::Member;
use super::queue::{NextStep, PictureJob, Queue, Work};
use crate::device::{Device, DeviceError};
use crate::session::{Answer, Next, SessionError};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};
use tracing::info;

/// Before an engine is tried again that failed twice in a row, and at most.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What an engine's thread says.
pub(super) enum Report {
    Answer {
        engine: usize,
        answer: Box<Answer>,
        attempt: u32,
    },
    Again {
        engine: usize,
        index: u64,
        attempt: u32,
        error: Arc<SessionError>,
    },
    Failed {
        index: u64,
        attempt: u32,
        error: Arc<SessionError>,
    },
    Out {
        engine: usize,
        error: Arc<SessionError>,
    },
    Back {
        engine: usize,
        after: Duration,
    },
}

/// Runs pictures until all have their outcome.
pub(super) fn work<D: Device>(
    engine: usize,
    member: &mut Member<D>,
    queue: &Queue,
    retries: u32,
    reports: &Sender<Report>,
) {
    let _stop = queue.stop_if_panicking();
    let mut worker = Worker {
        engine,
        queue,
        retries,
        reports,
        failures: 0,
    };
    // It may not have answered when the last run ended.
    if member.session.is_none()
        && let Err(error) = member.ensure()
        && !worker.failed(member, error, Vec::new())
    {
        return;
    }
    let mut aside = None;
    loop {
        let work = match aside.take() {
            Some(job) => Work::Alone(job),
            None => queue.next_work(engine),
        };
        let alone = match work {
            Work::Alone(job) => Some(job),
            Work::Stream => None,
            Work::End => return,
        };
        let under_way = RefCell::new(VecDeque::new());
        let result = worker.stream(member, alone, &under_way, &mut aside);
        let lost: Vec<PictureJob> = under_way.into_inner().into();
        if queue.is_stopped() {
            lost.iter().chain(&aside).for_each(|job| queue.abandon(job));
            // Cancelled engines were reset by their sessions.
            return;
        }
        if let Err(error) = result {
            // What was set aside goes to whoever works.
            if let Some(job) = aside.take() {
                queue.put_back(engine, job);
            }
            if !worker.failed(member, error, lost) {
                return;
            }
        }
    }
}

struct Worker<'a> {
    engine: usize,
    queue: &'a Queue,
    retries: u32,
    reports: &'a Sender<Report>,
    /// Since the last result.
    failures: u32,
}

impl Worker<'_> {
    /// If nobody listens any more, the batch was given up.
    fn report(&self, report: Report) {
        let _ = self.reports.send(report);
    }

    /// Streams one picture, or those that wait until there are none or one is set aside.
    fn stream<D: Device>(
        &mut self,
        member: &mut Member<D>,
        alone: Option<PictureJob>,
        under_way: &RefCell<VecDeque<PictureJob>>,
        aside: &mut Option<PictureJob>,
    ) -> Result<(), SessionError> {
        let (queue, engine, single) = (self.queue, self.engine, alone.is_some());
        let program = Arc::clone(&member.program);
        let mut alone = alone;
        let session = match member.ensure() {
            Ok(session) => session,
            Err(error) => {
                under_way.borrow_mut().extend(alone);
                return Err(error);
            }
        };
        let mut next = || {
            let job = match (single, alone.take()) {
                (true, job) => job,
                (false, _) => match queue.step(engine) {
                    NextStep::Picture(job) => Some(job),
                    NextStep::Aside(job) => {
                        *aside = Some(job);
                        None
                    }
                    NextStep::Pending => return Next::Pending,
                    NextStep::End => None,
                },
            };
            let Some(mut job) = job else {
                return Next::End;
            };
            job.attempt += 1;
            let picture = job.picture.clone();
            under_way.borrow_mut().push_back(job);
            Next::Picture(picture)
        };
        let (reports, failures) = (self.reports, &mut self.failures);
        let mut answer = |answer: Answer| {
            let Some(job) = under_way.borrow_mut().pop_front() else {
                return ControlFlow::Break(());
            };
            *failures = 0;
            let _ = reports.send(Report::Answer {
                engine,
                answer: Box::new(Answer {
                    index: job.index,
                    ..answer
                }),
                attempt: job.attempt,
            });
            queue.answered(engine);
            match queue.is_stopped() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        let result = session.stream(&program, &mut next, &mut answer);
        // The device failed before it took the picture.
        under_way.borrow_mut().extend(alone);
        result.map(|_| ())
    }

    /// What was under way goes back to the queue, or has no result; then the engine is made ready.
    /// Says whether to go on.
    fn failed<D: Device>(
        &mut self,
        member: &mut Member<D>,
        error: SessionError,
        lost: Vec<PictureJob>,
    ) -> bool {
        if let SessionError::Device(DeviceError::Cancelled { .. }) = error {
            lost.iter().for_each(|job| self.queue.abandon(job));
            self.queue.fail(Arc::new(error));
            return false;
        }
        let (engine, error) = (self.engine, Arc::new(error));
        // A picture that cannot be sent says nothing of the engine.
        let of_picture = matches!(*error, SessionError::Image(_));
        let others = of_picture || self.queue.out(engine);
        if !of_picture {
            self.failures += 1;
            self.report(Report::Out {
                engine,
                error: Arc::clone(&error),
            });
        }
        // Where none was taken, it is not for a picture's sake, and may be so for ever.
        let idle = !of_picture && lost.iter().all(|job| job.attempt == 0);
        let hopeless = idle && self.queue.silent(engine);
        for mut job in lost {
            let (index, attempt, error) = (job.index, job.attempt, Arc::clone(&error));
            // No picture loses a link.
            let innocent = error.is_final() && others;
            let again = innocent || !of_picture && attempt <= self.retries;
            if again {
                self.report(Report::Again {
                    engine,
                    index,
                    attempt,
                    error,
                });
                job.attempt -= u32::from(innocent && attempt > 0);
                self.queue.put_back(engine, job);
            } else {
                self.report(Report::Failed {
                    index,
                    attempt,
                    error,
                });
                self.queue.settled();
            }
        }
        if hopeless {
            self.queue.fail(error);
            return false;
        }
        of_picture || self.revive(member, &error)
    }

    /// Resets the engine, and opens it again if that is not enough, until it answers. Says whether
    /// to go on.
    fn revive<D: Device>(&mut self, member: &mut Member<D>, error: &SessionError) -> bool {
        let begin = Instant::now();
        // After an error of the link part of a transfer may still be on its way.
        if let SessionError::Device(DeviceError::Link { .. }) = error {
            member.close();
        }
        let mut silent = 0;
        loop {
            let tries = (self.failures + silent).saturating_sub(1);
            let pause = match tries {
                0 => Duration::ZERO,
                n => (PAUSE * 2u32.saturating_pow(n.min(16) - 1)).min(LONGEST_PAUSE),
            };
            if self.queue.pause(pause) {
                return false;
            }
            let program = Arc::clone(&member.program);
            let ready = member.ensure().and_then(|session| session.set_up(&program));
            let error = match ready {
                Ok(()) => break,
                Err(error) => error,
            };
            info!(kind = error.kind(), "does not answer: {error}");
            if let SessionError::Device(DeviceError::Cancelled { .. }) = error {
                self.queue.fail(Arc::new(error));
                return false;
            }
            member.close();
            silent += 1;
            if self.queue.silent(self.engine) {
                self.queue.fail(Arc::new(error));
                return false;
            }
        }
        let after = begin.elapsed();
        info!(?after, "answers again");
        self.queue.back(self.engine);
        self.report(Report::Back {
            engine: self.engine,
            after,
        });
        true
    }
}

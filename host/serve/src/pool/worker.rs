//! The thread of an engine.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use super::queue::{Call, Job};
use super::{Condition, Counted, Fault, Runner, Shared, Source};
use crate::error::Kind;

/// The state of an engine's thread.
struct Worker<'a> {
    shared: &'a Shared,
    place: usize,
    name: String,
    /// Faults in a row, without a picture in between.
    faults: u32,
    /// What its counters said last.
    counted: Counted,
}

/// Opens an engine, works, and opens it again after faults, until the queue ends.
pub fn work(shared: &Shared, place: usize, source: &dyn Source) {
    let mut worker = Worker {
        shared,
        place,
        name: source.name().to_owned(),
        faults: 0,
        counted: Counted::default(),
    };
    let mut after_fault = false;
    loop {
        let opened = guarded(|| source.open(after_fault));
        let fault = match opened.and_then(|runner| worker.serve(runner)) {
            Ok(()) => break,
            Err(fault) => fault,
        };
        after_fault = true;
        worker.down(&fault);
        if shared.queue.rest(worker.pause()) {
            break;
        }
        shared.metrics.reopened(&worker.name);
    }
    if let Some(engine) = shared.engines.get(place) {
        engine.set(Condition::Down);
    }
    shared.metrics.up(&worker.name, false);
}

/// A panic within an engine's code is a fault of that engine, not the end of the service.
fn guarded<T>(act: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|_| {
        Err(Fault {
            kind: "panic".into(),
            message: "the program broke down on an engine; please report it".into(),
        })
    })
}

impl Worker<'_> {
    fn down(&mut self, fault: &Fault) {
        if let Some(engine) = self.shared.engines.get(self.place) {
            engine.set(Condition::Down);
        }
        self.faults = self.faults.saturating_add(1);
        self.shared.metrics.up(&self.name, false);
        self.shared.metrics.fault(&self.name, &fault.kind);
        error!(
            engine = self.name,
            kind = fault.kind,
            pause = ?self.pause(),
            "engine taken out: {}", fault.message
        );
    }

    fn pause(&self) -> Duration {
        let options = &self.shared.options;
        let doubled = 2_u32.saturating_pow(self.faults.saturating_sub(1).min(16));
        options
            .pause
            .saturating_mul(doubled)
            .min(options.longest_pause)
    }

    /// Runs what the queue has until it ends.
    fn serve(&mut self, mut runner: Box<dyn Runner>) -> Result<(), Fault> {
        let shared = self.shared;
        let models: Vec<bool> = (0..shared.models)
            .map(|model| runner.takes(model))
            .collect();
        if let Some(engine) = shared.engines.get(self.place) {
            *engine.takes.lock().unwrap_or_else(PoisonError::into_inner) = models.clone();
            engine.set(Condition::Up);
        }
        shared.metrics.up(&self.name, true);
        info!(engine = self.name, "engine answers");
        // What it counted before is not ours.
        self.counted = guarded(|| runner.counted())?.unwrap_or_default();
        let takes = |model: usize| models.get(model) == Some(&true);
        loop {
            match shared.queue.call(&takes, shared.options.heartbeat) {
                Call::Work(model) => self.batch(&mut *runner, model)?,
                Call::Idle => guarded(|| runner.check())?,
                Call::End => return Ok(()),
            }
        }
    }

    /// Runs pictures of one model back to back, each taken from the queue when the engine has room
    /// for it.
    fn batch(&mut self, runner: &mut dyn Runner, model: usize) -> Result<(), Fault> {
        let shared = self.shared;
        let begin = Instant::now();
        let held = std::cell::RefCell::new(VecDeque::<(Job, Instant)>::new());
        let mut taken = 0;
        let mut ended = false;
        let mut next = || {
            let enough = taken >= shared.options.batch && shared.queue.others_wait(model);
            let job = match ended || enough {
                true => None,
                false => shared.queue.pop(model),
            };
            let Some(job) = job else {
                ended = true;
                return None;
            };
            taken += 1;
            shared.metrics.waited(job.queued.elapsed());
            let input = job.input.clone();
            held.borrow_mut().push_back((job, Instant::now()));
            Some(input)
        };
        let mut done = 0;
        let mut take = |scores: Vec<i32>| {
            let Some((job, since)) = held.borrow_mut().pop_front() else {
                warn!(engine = self.name, "a result that nobody asked for");
                return;
            };
            done += 1;
            shared.metrics.picture(&self.name, model, since.elapsed());
            // Nobody waits any more: then it was for nothing.
            let _ = job.answer.send(Ok(scores));
            shared.queue.answered(1);
        };
        let outcome = guarded(|| runner.run(model, &mut next, &mut take));
        shared.metrics.worked(&self.name, begin.elapsed());
        if done > 0 {
            self.faults = 0;
        }
        let left: Vec<Job> = held.into_inner().into_iter().map(|(job, _)| job).collect();
        let outcome = match outcome {
            Ok(()) if !left.is_empty() => Err(Fault {
                kind: "missing".into(),
                message: format!("{}: {} pictures have no result", self.name, left.len()),
            }),
            outcome => outcome,
        };
        match outcome {
            Ok(()) => self.count(runner),
            Err(fault) => {
                self.give_back(left, &fault);
                Err(fault)
            }
        }
    }

    /// The pictures of a fault go to others, unless they have been tried often enough.
    fn give_back(&self, jobs: Vec<Job>, fault: &Fault) {
        let mut again = Vec::new();
        for mut job in jobs {
            job.attempts += 1;
            if job.attempts < self.shared.options.attempts {
                again.push(job);
                continue;
            }
            let message = format!(
                "{} engines failed on this picture, the last with: {}",
                job.attempts, fault.message
            );
            job.refuse(Kind::Failed, message);
            self.shared.queue.answered(1);
        }
        if !again.is_empty() {
            info!(
                engine = self.name,
                pictures = again.len(),
                "pictures go to other engines"
            );
            self.shared.queue.put_back(again);
        }
    }

    /// Reads the counters.
    fn count(&mut self, runner: &mut dyn Runner) -> Result<(), Fault> {
        let Some(now) = guarded(|| runner.counted())? else {
            return Ok(());
        };
        // A reset has set them to 0.
        let since = match now.cycles >= self.counted.cycles && now.busy >= self.counted.busy {
            true => Counted {
                cycles: now.cycles - self.counted.cycles,
                busy: now.busy - self.counted.busy,
            },
            false => now,
        };
        self.counted = now;
        self.shared.metrics.cycles(&self.name, since);
        Ok(())
    }
}

//! Several engines behind one bounded queue. Each engine has a thread that takes pictures from the
//! queue and runs them back to back as long as there are any. An engine that fails is taken out,
//! what it had goes to the others, and it is opened again after a while.
//!
//! The pool knows engines only by [`Source`] and [`Runner`].

mod board;
mod queue;
mod worker;

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use firebrick::ndarray::Array3;
use tokio::sync::oneshot;

pub use board::Engines;

use crate::error::{Kind, Refusal};
use crate::metrics::Metrics;
use queue::{Job, Queue};

/// Why an engine gives no results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A word for programs.
    pub kind: String,
    /// What happened, where, and what to do.
    pub message: String,
}

/// What an engine has counted since it was opened or reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Clock cycles with a picture in the engine.
    pub cycles: u64,
    /// Those of them in which the array worked.
    pub busy: u64,
}

/// Where an engine comes from: opened at the start, and again after each fault.
pub trait Source: Send + Sync {
    /// Its name in logs and metrics.
    fn name(&self) -> &str;

    /// Opens it. After a fault it has to prove itself: that it answers, and with the right bits.
    ///
    /// # Errors
    /// Why it cannot be used now.
    fn open(&self, after_fault: bool) -> Result<Box<dyn Runner>, Fault>;
}

/// An open engine.
pub trait Runner: Send {
    /// Whether it runs a model, by the model's number.
    fn takes(&self, model: usize) -> bool;

    /// Runs the inputs of one model that `next` gives, back to back, until there is none, and hands
    /// on the scores of each in order.
    ///
    /// # Errors
    /// A fault of the engine. The scores that were handed on before it stand; the other inputs may
    /// be tried elsewhere.
    fn run(
        &mut self,
        model: usize,
        next: &mut dyn FnMut() -> Option<Array3<u8>>,
        take: &mut dyn FnMut(Vec<i32>),
    ) -> Result<(), Fault>;

    /// What it has counted; nothing if it has no counters.
    ///
    /// # Errors
    /// If it does not answer.
    fn counted(&mut self) -> Result<Option<Counted>, Fault>;

    /// Asks it whether it is still there.
    ///
    /// # Errors
    /// If it does not answer.
    fn check(&mut self) -> Result<(), Fault>;
}

/// How a pool behaves.
#[derive(Clone, Debug)]
pub struct PoolOptions {
    /// Pictures that wait at most.
    pub queue: usize,
    /// Pictures of one model in a row while another model waits.
    pub batch: usize,
    /// Engines that a picture is tried on before it is given up.
    pub attempts: u32,
    /// Pause before a failed engine is opened again; each further fault doubles it.
    pub pause: Duration,
    /// Longest such pause.
    pub longest_pause: Duration,
    /// An idle engine is asked so often whether it is still there.
    pub heartbeat: Duration,
}

impl Default for PoolOptions {
    fn default() -> PoolOptions {
        PoolOptions {
            queue: 256,
            batch: 32,
            attempts: 3,
            pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(30),
            heartbeat: Duration::from_secs(5),
        }
    }
}

/// What an engine is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It is being opened; a simulated one may be built first.
    Opening,
    /// It answers.
    Up,
    /// It failed, and is tried again.
    Down,
}

/// What the pool knows of an engine.
struct Engine {
    condition: AtomicU8,
    /// The models that it runs, by their numbers.
    takes: Mutex<Vec<bool>>,
}

impl Engine {
    fn condition(&self) -> Condition {
        match self.condition.load(Ordering::Acquire) {
            0 => Condition::Opening,
            1 => Condition::Up,
            _ => Condition::Down,
        }
    }

    fn set(&self, condition: Condition) {
        self.condition.store(condition as u8, Ordering::Release);
    }

    fn takes(&self, model: usize) -> bool {
        let takes = self.takes.lock().unwrap_or_else(PoisonError::into_inner);
        self.condition() == Condition::Up && takes.get(model) == Some(&true)
    }
}

/// What all threads of a pool share.
struct Shared {
    queue: Queue,
    engines: Vec<Engine>,
    options: PoolOptions,
    metrics: Arc<Metrics>,
    models: usize,
}

/// The scores of one picture.
pub type Scores = Result<Vec<i32>, Refusal>;

/// The pool.
pub struct Pool {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Pool {
    /// Begins to open the engines, each on a thread of its own, for so many models.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub fn start(
        sources: Vec<Arc<dyn Source>>,
        models: usize,
        options: PoolOptions,
        metrics: Arc<Metrics>,
    ) -> std::io::Result<Pool> {
        let engine = |_: &Arc<dyn Source>| Engine {
            condition: AtomicU8::new(Condition::Opening as u8),
            takes: Mutex::default(),
        };
        metrics.queue_capacity.set(options.queue as i64);
        let shared = Arc::new(Shared {
            queue: Queue::new(models, options.queue, Arc::clone(&metrics)),
            engines: sources.iter().map(engine).collect(),
            options,
            metrics,
            models,
        });
        let mut threads = Vec::new();
        for (place, source) in sources.into_iter().enumerate() {
            let shared = Arc::clone(&shared);
            let thread = std::thread::Builder::new().name(format!("engine {place}"));
            threads.push(thread.spawn(move || worker::work(&shared, place, &*source))?);
        }
        Ok(Pool {
            shared,
            threads: Mutex::new(threads),
        })
    }

    /// Whether an engine answers.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let mut engines = self.shared.engines.iter();
        !self.shared.queue.is_closed() && engines.any(|e| e.condition() == Condition::Up)
    }

    /// Whether an engine that answers runs a model.
    #[must_use]
    pub fn takes(&self, model: usize) -> bool {
        let mut engines = self.shared.engines.iter();
        !self.shared.queue.is_closed() && engines.any(|engine| engine.takes(model))
    }

    /// What each engine is doing.
    #[must_use]
    pub fn conditions(&self) -> Vec<Condition> {
        let engines = self.shared.engines.iter();
        engines.map(Engine::condition).collect()
    }

    /// Keeps places in the queue for the pictures of one request, all or none, before their
    /// preparation is paid for.
    ///
    /// # Errors
    /// Why there are none.
    pub fn reserve(&self, model: usize, count: usize) -> Result<Places, Refusal> {
        if count > self.shared.options.queue {
            return Err(Refusal::invalid(format!(
                "{count} pictures in one request are more than the queue holds, {}; send fewer",
                self.shared.options.queue
            )));
        }
        if self.shared.queue.is_closed() {
            return Err(ending());
        }
        if !self.takes(model) {
            return Err(Refusal::new(
                Kind::Unavailable,
                "no engine that answers runs this model now; try again later",
            ));
        }
        self.shared.queue.reserve(count)?;
        Ok(Places {
            shared: Arc::clone(&self.shared),
            model,
            count,
        })
    }

    /// Takes no more pictures. What is in the queue is still run.
    pub fn close(&self) {
        self.shared.queue.close();
    }

    /// After [`close`](Self::close): waits until all is run and the engines are closed, until
    /// `until` at most; what is left then is answered with an error. Returns whether all was run.
    pub fn drain(&self, until: Instant) -> bool {
        self.close();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        while Instant::now() < until && threads.iter().any(|thread| !thread.is_finished()) {
            // Engines that are out look at the queue only when they are told to.
            self.shared.queue.expire();
            std::thread::sleep(Duration::from_millis(5));
        }
        let abandoned = self.shared.queue.abandon();
        threads.iter().all(JoinHandle::is_finished) && abandoned == 0
    }
}

/// Threads do not outlive their pool.
impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.queue.abandon();
    }
}

/// Places in the queue for the pictures of one request; given back when they are dropped.
pub struct Places {
    shared: Arc<Shared>,
    model: usize,
    count: usize,
}

impl Drop for Places {
    fn drop(&mut self) {
        self.shared.queue.release(self.count);
    }
}

impl Places {
    /// Fills them with inputs, no more than there are places. Each gets its scores, or why there
    /// are none, by itself; whoever drops a receiver gives its picture up.
    #[must_use]
    pub fn fill(
        mut self,
        inputs: Vec<Array3<u8>>,
        deadline: Instant,
    ) -> Vec<oneshot::Receiver<Scores>> {
        let now = Instant::now();
        let (mut jobs, mut receivers) = (Vec::new(), Vec::new());
        for input in inputs.into_iter().take(self.count) {
            let (sender, receiver) = oneshot::channel();
            receivers.push(receiver);
            jobs.push(Job {
                model: self.model,
                input,
                deadline,
                queued: now,
                attempts: 0,
                answer: sender,
            });
        }
        self.count -= jobs.len();
        self.shared.queue.push(jobs);
        receivers
    }
}

fn ending() -> Refusal {
    Refusal::new(Kind::Unavailable, "the service is ending; ask another one")
}

//! Several engines, one queue: each takes the next picture when it has room, results come back in
//! the order asked for, and an engine that fails is taken out until it answers again.
//!
//! Each engine has a thread of its own ([`worker`]); pictures and what became of them pass through
//! [`queue`]. Whoever runs the pool feeds it and is told everything on his own thread.

mod queue;
mod worker;

use crate::device::{Cancel, Device, DeviceError};
use crate::program::Program;
use crate::session::{Answer, Lost, Next, Session, SessionError};
use queue::{PictureJob, Queue};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;
use tracing::info_span;
use worker::{Report, work};

/// Pictures that wait for each engine, so that none finds the queue empty between two looks.
const AHEAD: usize = 4;
/// Pictures that may be through while the one before them is not: so many results are kept.
const WINDOW: u64 = 1 << 14;
/// Between two looks at a source of pictures that has none now.
const LOOK: Duration = Duration::from_millis(1);

/// Opens an engine again, on the engine's own thread.
pub type Reopen<D> = dyn Fn() -> Result<D, DeviceError> + Send;

/// An engine of a pool.
pub struct Member<D: Device> {
    name: String,
    /// None while it does not answer.
    session: Option<Session<D>>,
    program: Arc<Program>,
    reopen: Box<Reopen<D>>,
    /// Time allowed for one picture, and for a reset.
    deadlines: (Duration, Duration),
}

impl<D: Device> Member<D> {
    /// An engine that was opened, what is compiled for it, and how it is opened again. The session
    /// keeps its deadlines. Engines of a pool may have different configurations: they give the same
    /// bits.
    pub fn new(
        session: Session<D>,
        program: Arc<Program>,
        reopen: impl Fn() -> Result<D, DeviceError> + Send + 'static,
    ) -> Member<D> {
        Member {
            name: session.device_name(),
            deadlines: (session.deadline, session.reset_deadline),
            session: Some(session),
            program,
            reopen: Box::new(reopen),
        }
    }

    /// Its device's name, for messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is compiled for it.
    #[must_use]
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// Takes another program, for the pictures that follow.
    pub fn set_program(&mut self, program: Arc<Program>) {
        self.program = program;
    }

    /// Its session; none if it did not answer when it was last used.
    pub fn session(&mut self) -> Option<&mut Session<D>> {
        self.session.as_mut()
    }

    /// Time allowed for one picture.
    pub fn set_deadline(&mut self, deadline: Duration) {
        self.deadlines.0 = deadline;
        if let Some(session) = &mut self.session {
            session.deadline = deadline;
        }
    }

    /// Its session, opened again if it did not answer when it was last used.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn ensure(&mut self) -> Result<&mut Session<D>, SessionError> {
        let session = match self.session.take() {
            Some(session) => session,
            None => {
                let mut session = Session::open((self.reopen)()?, self.program.config())?;
                (session.deadline, session.reset_deadline) = self.deadlines;
                session
            }
        };
        Ok(self.session.insert(session))
    }

    /// Closes it: it is opened anew when it is next used.
    pub fn close(&mut self) {
        self.session = None;
    }
}

impl<D: Device> fmt::Debug for Member<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What a pool tells. Outcomes (`Answer`, `Failed`) come in the order of the pictures, everything
/// else when it happens. Engines are numbered from 0, as the pool's members.
#[derive(Debug)]
pub enum Told<'a> {
    /// A picture has a result.
    Answer {
        /// The engine that gave it.
        engine: usize,
        /// The result, and the picture's place in the batch.
        answer: Answer,
        /// At which try, from 1.
        attempt: u32,
    },
    /// A picture was under way on an engine that failed, and is tried again, alone, on another
    /// engine if there is one.
    Again {
        /// The engine that failed.
        engine: usize,
        /// The picture.
        lost: Lost<'a>,
    },
    /// A picture has no result, and will not be tried again.
    Failed {
        /// The picture.
        lost: Lost<'a>,
    },
    /// An engine failed and takes no pictures.
    Out {
        /// Which.
        engine: usize,
        /// Why.
        error: &'a SessionError,
    },
    /// It was reset and takes pictures again.
    Back {
        /// Which.
        engine: usize,
        /// How long it was out.
        after: Duration,
    },
}

/// What became of a picture, until it is its turn to be told.
enum Outcome {
    Answer(usize, Box<Answer>, u32),
    Failed(Arc<SessionError>, u32),
}

/// Engines that share one queue.
#[derive(Debug)]
pub struct Pool<D: Device> {
    members: Vec<Member<D>>,
    cancel: Cancel,
}

impl<D: Device> Pool<D> {
    /// A pool of engines, which are numbered as given. `cancel` gives up what is under way; the
    /// devices have to look at the same flag.
    #[must_use]
    pub fn new(members: Vec<Member<D>>, cancel: Cancel) -> Pool<D> {
        Pool { members, cancel }
    }

    /// Its engines.
    #[must_use]
    pub fn members(&self) -> &[Member<D>] {
        &self.members
    }

    /// Its engines, to be changed between runs.
    pub fn members_mut(&mut self) -> &mut [Member<D>] {
        &mut self.members
    }

    /// Resets all engines; those that do not answer are closed.
    ///
    /// # Errors
    /// The first that could not be reset. The others are.
    pub fn reset(&mut self) -> Result<(), SessionError> {
        let mut first = Ok(());
        for member in &mut self.members {
            let reset = match &mut member.session {
                Some(session) => session.reset(),
                None => member.ensure().map(|_| ()),
            };
            if reset.is_err() {
                member.session = None;
                first = first.and(reset);
            }
        }
        first
    }
}

impl<D: Device + Send> Pool<D> {
    /// Runs the pictures that `next` gives on all engines at once. `tell` gets what became of each,
    /// in order, and what happens to the engines; when it breaks, what is under way is given up.
    /// Returns how many results were told.
    ///
    /// A picture that was under way on an engine that fails is tried again up to `retries` times;
    /// a lost link is not the picture's fault and does not count while another engine works. The
    /// engine is reset, or opened again, at growing intervals until it answers.
    ///
    /// # Errors
    /// The run was cancelled, or none of the engines answers any more. `tell` has got an outcome for
    /// each picture that was taken by then.
    pub fn run(
        &mut self,
        retries: u32,
        next: &mut dyn FnMut() -> Next,
        tell: &mut dyn FnMut(Told<'_>) -> ControlFlow<()>,
    ) -> Result<u64, SessionError> {
        let _span = info_span!("pool", engines = self.members.len()).entered();
        let engines = self.members.len();
        let queue = Queue::new(engines);
        let (reports, told) = channel();
        let mut flow = Flow {
            queue: &queue,
            tell,
            waiting: BTreeMap::new(),
            fed: 0,
            due: 0,
            answers: 0,
            broken: false,
        };
        std::thread::scope(|scope| {
            for (engine, member) in self.members.iter_mut().enumerate() {
                let (queue, reports) = (&queue, reports.clone());
                scope.spawn(move || {
                    let _span = info_span!("engine", engine, device = member.name).entered();
                    work(engine, member, queue, retries, &reports);
                });
            }
            drop(reports);
            // A panic of the caller's ends the threads, too.
            let _stop = queue.stop_if_panicking();
            flow.run(AHEAD * engines, &self.cancel, next, &told);
        });
        let fatal = queue.take_fatal().or_else(|| {
            let device = "the pool".into();
            let cancelled = self.cancel.is_cancelled() && flow.due < flow.fed;
            let error = SessionError::Device(DeviceError::Cancelled { device });
            cancelled.then(|| Arc::new(error))
        });
        let Some(error) = fatal else {
            return Ok(flow.answers);
        };
        flow.give_up(&error);
        // Nobody else has it any more.
        Err(Arc::try_unwrap(error).unwrap_or_else(|error| {
            SessionError::Device(DeviceError::Link {
                device: "the pool".into(),
                what: error.to_string(),
            })
        }))
    }
}

/// Pictures in, outcomes out, on the caller's thread.
struct Flow<'a> {
    queue: &'a Queue,
    tell: &'a mut dyn FnMut(Told<'_>) -> ControlFlow<()>,
    /// Outcomes of pictures whose turn has not come.
    waiting: BTreeMap<u64, Outcome>,
    /// Pictures taken from the caller.
    fed: u64,
    /// The picture whose outcome is told next.
    due: u64,
    answers: u64,
    broken: bool,
}

impl Flow<'_> {
    /// Until all threads have ended.
    fn run(
        &mut self,
        ahead: usize,
        cancel: &Cancel,
        next: &mut dyn FnMut() -> Next,
        reports: &Receiver<Report>,
    ) {
        let mut ended = false;
        loop {
            if cancel.is_cancelled() || self.broken {
                self.queue.stop();
                ended = true;
            }
            let mut pending = false;
            while !ended && !pending && self.queue.ready() < ahead && self.fed - self.due < WINDOW {
                match next() {
                    Next::Picture(picture) => {
                        self.queue.push(PictureJob::new(self.fed, picture));
                        self.fed += 1;
                    }
                    Next::Pending => pending = true,
                    Next::End => ended = true,
                }
                if ended {
                    self.queue.close();
                }
                // Results do not wait for a slow source.
                while let Ok(report) = reports.try_recv() {
                    self.take(report);
                }
            }
            match reports.recv_timeout(LOOK) {
                Ok(report) => self.take(report),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            while let Ok(report) = reports.try_recv() {
                self.take(report);
            }
        }
    }

    fn take(&mut self, report: Report) {
        match report {
            Report::Answer {
                engine,
                answer,
                attempt,
            } => {
                let index = answer.index;
                let outcome = Outcome::Answer(engine, answer, attempt);
                self.waiting.insert(index, outcome);
                self.tell_due();
            }
            Report::Failed {
                index,
                attempt,
                error,
            } => {
                self.waiting.insert(index, Outcome::Failed(error, attempt));
                self.tell_due();
            }
            Report::Again {
                engine,
                index,
                attempt,
                error,
            } => {
                let lost = Lost {
                    index,
                    attempt,
                    error: &error,
                };
                self.tell(Told::Again { engine, lost });
            }
            Report::Out { engine, error } => self.tell(Told::Out {
                engine,
                error: &error,
            }),
            Report::Back { engine, after } => self.tell(Told::Back { engine, after }),
        }
    }

    /// Tells all outcomes up to the first picture that has none.
    fn tell_due(&mut self) {
        while let Some(outcome) = self.waiting.remove(&self.due) {
            let index = self.due;
            self.due += 1;
            match outcome {
                Outcome::Answer(engine, answer, attempt) => {
                    self.answers += u64::from(!self.broken);
                    let answer = *answer;
                    self.tell(Told::Answer {
                        engine,
                        answer,
                        attempt,
                    });
                }
                Outcome::Failed(error, attempt) => {
                    let lost = Lost {
                        index,
                        attempt,
                        error: &error,
                    };
                    self.tell(Told::Failed { lost });
                }
            }
        }
    }

    /// Nothing is told after a break.
    fn tell(&mut self, told: Told<'_>) {
        if !self.broken {
            self.broken = (self.tell)(told).is_break();
        }
    }

    /// Tells an outcome of each picture that was taken: those that have none fail for `error`.
    fn give_up(&mut self, error: &SessionError) {
        let attempts: BTreeMap<u64, u32> = self.queue.left().into_iter().collect();
        while self.due < self.fed {
            self.tell_due();
            if self.due < self.fed {
                let lost = Lost {
                    index: self.due,
                    attempt: attempts.get(&self.due).copied().unwrap_or(0),
                    error,
                };
                self.due += 1;
                self.tell(Told::Failed { lost });
            }
        }
    }
}

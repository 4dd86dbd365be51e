//! Two threads that move bytes while a third packs and unpacks: a writer and a reader. They are
//! not waited for without limit: a system call that does not return keeps its thread, and the
//! board is told so.

use super::super::map::Buffer;
use super::super::node::{Interrupt, wait_for};
use super::super::{DeviceError, Synchronised};
use super::link::{Fault, Inlet, Outlet, Watch, Ways};
use rustix::event::{EventfdFlags, PollFlags, eventfd};
use std::fs::File;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What a worker has done.
pub(super) enum Event {
    /// A transfer is through.
    Sent {
        buffer: Buffer,
        begin: Instant,
        end: Instant,
    },
    /// A packet came.
    Received { bytes: Vec<u8>, end: Instant },
    /// The probe's trailer came.
    Synchronised(Synchronised),
    /// It did not work.
    Failed(DeviceError),
}

/// What woke the caller.
pub(super) enum Wake {
    Event(Event),
    Interrupt,
    /// The interrupt's node is of no use any more.
    NoInterrupt,
    Nothing,
}

enum Back {
    Receive(usize),
    Resync(u32),
}

type Writer = (Box<dyn Outlet>, Vec<Buffer>);
type Reader = (Box<dyn Inlet>, Buffer);

/// The running threads.
pub(super) struct Pump {
    send: Option<Sender<(Buffer, usize)>>,
    receive: Option<Sender<Back>>,
    events: Receiver<Event>,
    bell: Arc<File>,
    pub sending: Watch,
    pub receiving: Watch,
    writer: JoinHandle<Writer>,
    reader: JoinHandle<Reader>,
}

/// Sends events and rings.
#[derive(Clone)]
struct Reports {
    events: Sender<Event>,
    bell: Arc<File>,
}

impl Reports {
    fn report(&self, event: Event) {
        // Nobody may listen any more: then nobody wants to know.
        let _ = self.events.send(event);
        let _ = rustix::io::write(&*self.bell, bytemuck::bytes_of(&1u64));
    }
}

fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, std::io::Error> {
    std::thread::Builder::new().name(name.into()).spawn(work)
}

impl Pump {
    /// Starts the threads. The buffers for transfers stay with the caller.
    pub fn start(ways: Ways, result: Buffer) -> Result<Pump, std::io::Error> {
        let bell = Arc::new(File::from(eventfd(
            0,
            EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC,
        )?));
        let (report, events) = channel();
        let reports = Reports {
            events: report,
            bell: bell.clone(),
        };
        let sending = Watch::default();
        let receiving = sending.sibling();
        let (send, jobs) = channel();
        let writer = spawn("firebrick-write", {
            let (watch, reports) = (sending.clone(), reports.clone());
            move || write(ways.out, &jobs, &watch, &reports)
        })?;
        let (receive, jobs) = channel();
        let reader = spawn("firebrick-read", {
            let watch = receiving.clone();
            move || read(ways.back, result, &jobs, &watch, &reports)
        })?;
        Ok(Pump {
            send: Some(send),
            receive: Some(receive),
            events,
            bell,
            sending,
            receiving,
            writer,
            reader,
        })
    }

    /// Hands a transfer to the writer.
    pub fn send(&self, buffer: Buffer, length: usize) {
        if let Some(send) = &self.send {
            let _ = send.send((buffer, length));
        }
    }

    /// Asks the reader for a packet.
    pub fn receive(&self, want: usize) {
        self.ask(Back::Receive(want));
    }

    /// Asks the reader for a probe's trailer.
    pub fn resync(&self, tag: u32) {
        self.ask(Back::Resync(tag));
    }

    fn ask(&self, back: Back) {
        if let Some(receive) = &self.receive {
            let _ = receive.send(back);
        }
    }

    /// Waits for something to happen, for at most `limit`.
    pub fn next(&self, limit: Duration, interrupt: Option<&Interrupt>) -> Wake {
        match self.events.try_recv() {
            Ok(event) => return Wake::Event(event),
            Err(TryRecvError::Disconnected | TryRecvError::Empty) => {}
        }
        let mut files = vec![(&*self.bell, PollFlags::IN)];
        files.extend(interrupt.map(|interrupt| (interrupt.file(), PollFlags::IN)));
        let Ok(ready) = wait_for(&files, limit) else {
            std::thread::sleep(limit);
            return Wake::Nothing;
        };
        let mut count = [0; 8];
        let _ = rustix::io::read(&*self.bell, &mut count);
        if let (Some(true), Some(interrupt)) = (ready.get(1), interrupt) {
            return match interrupt.take() {
                true => Wake::Interrupt,
                false => Wake::NoInterrupt,
            };
        }
        match self.events.try_recv() {
            Ok(event) => Wake::Event(event),
            Err(_) => Wake::Nothing,
        }
    }

    /// Whether the writer has nothing to do and ends.
    fn writer_ended(&self) -> bool {
        self.writer.is_finished()
    }

    /// No more work: the threads end when they are through with what they have.
    pub fn close(&mut self) {
        self.send = None;
        self.receive = None;
    }

    /// Gives the writer `grace` to end its transfer, then stops both.
    pub fn stop(&mut self, grace: Duration) {
        self.close();
        let begin = Instant::now();
        while !self.writer_ended() && begin.elapsed() < grace {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.sending.stop();
    }

    /// The ways and buffers, when the threads end within `limit`; otherwise the pump again.
    pub fn end(self, limit: Duration) -> Result<(Ways, Vec<Buffer>, Buffer), Box<Pump>> {
        let begin = Instant::now();
        while !(self.writer.is_finished() && self.reader.is_finished()) {
            if begin.elapsed() > limit {
                return Err(Box::new(self));
            }
            std::thread::sleep(Duration::from_micros(20));
        }
        let (out, mut transfers) = joined(self.writer);
        let (back, result) = joined(self.reader);
        // Buffers in reports that nobody has read.
        transfers.extend(self.events.try_iter().filter_map(|event| match event {
            Event::Sent { buffer, .. } => Some(buffer),
            _ => None,
        }));
        Ok((Ways { out, back }, transfers, result))
    }
}

/// What a thread that has ended returned.
fn joined<T>(thread: JoinHandle<T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn write(
    mut out: Box<dyn Outlet>,
    jobs: &Receiver<(Buffer, usize)>,
    watch: &Watch,
    reports: &Reports,
) -> Writer {
    let mut kept = Vec::new();
    for (mut buffer, length) in jobs {
        watch.moved(0);
        let begin = Instant::now();
        let sent = match watch.check() {
            Ok(()) => out.send(&mut buffer, length, watch),
            Err(fault) => Err(fault),
        };
        match sent {
            Ok(()) => reports.report(Event::Sent {
                buffer,
                begin,
                end: Instant::now(),
            }),
            Err(fault) => {
                kept.push(buffer);
                if let Fault::Failed(error) = fault {
                    reports.report(Event::Failed(error));
                }
            }
        }
    }
    (out, kept)
}

fn read(
    mut back: Box<dyn Inlet>,
    mut room: Buffer,
    jobs: &Receiver<Back>,
    watch: &Watch,
    reports: &Reports,
) -> Reader {
    for job in jobs {
        watch.moved(0);
        let read = match (watch.check(), job) {
            (Err(fault), _) => Err(fault),
            (Ok(()), Back::Receive(want)) => {
                let received = back.receive(&mut room, want, watch);
                received.map(|()| Event::Received {
                    bytes: room[..want].to_vec(),
                    end: Instant::now(),
                })
            }
            (Ok(()), Back::Resync(tag)) => {
                let dropped = back.resync(
                    &mut room,
                    &|trailer| trailer.tag == tag && trailer.crc == 0,
                    watch,
                );
                dropped.map(Event::Synchronised)
            }
        };
        match read {
            Ok(event) => reports.report(event),
            Err(Fault::Failed(error)) => reports.report(Event::Failed(error)),
            Err(Fault::Stopped) => {}
        }
    }
    (back, room)
}

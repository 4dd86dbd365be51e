//! What a board consists of: registers, a way in and a way out.

use super::super::map::Buffer;
use super::super::node::Interrupt;
use super::super::{DeviceError, Synchronised};
use firebrick_spec::result::Trailer;
use rustix::io::Errno;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::time::Duration;

/// Why a worker ended.
#[derive(Debug)]
pub enum Fault {
    /// It was told to.
    Stopped,
    /// This happened.
    Failed(DeviceError),
}

/// Between a worker and who waits for it.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    stop: Arc<AtomicBool>,
    moved: Arc<AtomicUsize>,
    errno: Arc<AtomicI32>,
}

impl Watch {
    /// Another watch that stops at the same time.
    pub fn sibling(&self) -> Watch {
        Watch {
            stop: self.stop.clone(),
            ..Watch::default()
        }
    }

    /// Tells the workers to stop.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// For the worker, at least every few milliseconds.
    pub fn check(&self) -> Result<(), Fault> {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(Fault::Stopped),
            false => Ok(()),
        }
    }

    /// Bytes of the present transfer that are through.
    pub fn moved(&self, bytes: usize) {
        self.moved.store(bytes, Ordering::Relaxed);
    }

    /// What was last passed to [`moved`](Self::moved).
    pub fn progress(&self) -> usize {
        self.moved.load(Ordering::Relaxed)
    }

    /// An error number that was met by trying again.
    pub fn note(&self, errno: Errno) {
        self.errno.store(errno.raw_os_error(), Ordering::Relaxed);
    }

    /// The last of them.
    pub fn noted(&self) -> Option<Errno> {
        match self.errno.load(Ordering::Relaxed) {
            0 => None,
            errno => Some(Errno::from_raw_os_error(errno)),
        }
    }
}

/// The way to the engine.
pub trait Outlet: Send {
    /// Sends the first `length` bytes, TLAST on the last beat.
    fn send(&mut self, buffer: &mut Buffer, length: usize, watch: &Watch) -> Result<(), Fault>;
}

/// The way back.
pub trait Inlet: Send {
    /// Receives a packet of `want` bytes to the start of `room`.
    fn receive(&mut self, room: &mut Buffer, want: usize, watch: &Watch) -> Result<(), Fault>;

    /// Drops what comes until a trailer that is `ours`.
    fn resync(
        &mut self,
        room: &mut Buffer,
        ours: &dyn Fn(&Trailer) -> bool,
        watch: &Watch,
    ) -> Result<Synchronised, Fault>;
}

/// Memory for a run.
#[derive(Debug)]
pub struct Buffers {
    /// One or two for transfers.
    pub transfers: Vec<Buffer>,
    /// For the result under way.
    pub result: Buffer,
}

/// Both ways.
pub struct Ways {
    /// To the engine.
    pub out: Box<dyn Outlet>,
    /// Back.
    pub back: Box<dyn Inlet>,
}

/// The parts of a board.
pub trait Link {
    /// Name for messages.
    fn name(&self) -> String;

    /// Reads a register of the core.
    fn read(&mut self, offset: u32) -> Result<u32, DeviceError>;

    /// Writes a register of the core.
    fn write(&mut self, offset: u32, value: u32) -> Result<(), DeviceError>;

    /// The ways to and from the engine; called once.
    fn ways(&mut self) -> Result<Ways, DeviceError>;

    /// Memory for transfers and results of these lengths. None of the buffers that it gave
    /// before exists any more.
    fn buffers(&mut self, transfer: usize, result: usize) -> Result<Buffers, DeviceError>;

    /// Stops DMA that is under way; nothing for a board whose driver does that.
    fn reset_dma(&mut self, deadline: Duration) -> Result<(), DeviceError>;

    /// What becomes readable when the core's interrupt is raised, if there is something.
    fn interrupt(&self) -> Option<&Interrupt>;

    /// The interrupt will not come again: go on without it.
    fn drop_interrupt(&mut self);
}

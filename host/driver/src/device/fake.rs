//! A board in memory, for tests: the software engine behind scripted streams and registers. All
//! of [`Board`] above it is that of a real one.

use super::board::{Board, Buffers, Link, Ways};
use super::node::Interrupt;
use super::stream::{RawStream, Stream};
use super::xdma::anonymous;
use super::{Cancel, DeviceError};
use crate::executor::Executor;
use crate::framing::{Framed, Framer};
use firebrick_spec::{HwConfig, regs};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What one read or write call does instead of what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// As it should.
    Pass,
    /// Fails with this number.
    Errno(i32),
    /// Moves at most so many bytes.
    Short(usize),
    /// Moves nothing and says so: the end of a pipe.
    Ended,
    /// Takes its time, then passes.
    Delay(Duration),
    /// Sits in the system call for so long, whatever anybody wants, then moves nothing.
    Hang(Duration),
}

/// What becomes of a result packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// Nothing.
    None,
    /// It is lost.
    Lost,
    /// Its last beat is lost.
    BeatShort,
    /// A beat comes before it that is not its.
    BeatMore,
    /// This bit of it is flipped.
    Flipped(usize),
    /// It comes twice.
    Twice,
    /// It comes after the next one.
    Swapped,
    /// It comes so much later.
    Late(Duration),
}

/// What goes wrong, in order of happening; what is not scripted goes right.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// For each call that writes to the engine.
    pub writes: VecDeque<Act>,
    /// For each call that reads from it.
    pub reads: VecDeque<Act>,
    /// For each packet.
    pub packets: VecDeque<Damage>,
    /// Registers that read this, whatever is written.
    pub registers: Vec<(u32, u32)>,
    /// All registers read ones once so many more bytes were written.
    pub lost_after: Option<usize>,
    /// The input stops moving after so many more bytes, until a reset.
    pub stall_after: Option<usize>,
    /// A soft reset does not end a stall.
    pub dead: bool,
    /// Interrupts do not arrive.
    pub no_interrupts: bool,
}

#[derive(Debug)]
struct Core {
    executor: Executor,
    framer: Framer,
    input: Vec<u8>,
    output: VecDeque<u8>,
    /// A packet that waits for the one after it.
    held: Option<Vec<u8>>,
    not_before: Instant,
    stalled: bool,
    lost: bool,
    script: Script,
    irq: Option<File>,
    resets: u32,
}

impl Core {
    /// Bytes to the engine.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        if self.stalled {
            return Err(Errno::AGAIN);
        }
        let mut count = bytes.len();
        if let Some(left) = &mut self.script.stall_after {
            count = count.min(*left);
            *left -= count;
            if *left == 0 {
                self.script.stall_after = None;
                self.stalled = true;
            }
        }
        if let Some(left) = &mut self.script.lost_after {
            *left = left.saturating_sub(count);
            self.lost |= *left == 0;
        }
        let mut rest = &bytes[..count];
        while !rest.is_empty() {
            if self.executor.fault().is_some() {
                // Taken and dropped until a reset.
                break;
            }
            let (end, over) = match self.framer.push(rest) {
                Framed::More => (rest.len(), false),
                Framed::End(end) | Framed::Lost(end) => (end, true),
            };
            self.input.extend_from_slice(&rest[..end]);
            rest = &rest[end..];
            if over {
                let transfer = std::mem::take(&mut self.input);
                match self.executor.run(&transfer) {
                    Ok(packet) => self.answer(packet),
                    Err(_) => self.interrupt(),
                }
            }
        }
        Ok(count)
    }

    /// A packet from the engine.
    fn answer(&mut self, packet: Vec<u8>) {
        let mut send = |packet: &[u8]| self.output.extend(packet);
        match self.script.packets.pop_front().unwrap_or(Damage::None) {
            Damage::None => send(&packet),
            Damage::Lost => {}
            Damage::BeatShort => send(&packet[..packet.len().saturating_sub(16)]),
            Damage::BeatMore => {
                send(&[0x5a; 16]);
                send(&packet);
            }
            Damage::Flipped(bit) => {
                let mut packet = packet;
                let byte = bit / 8 % packet.len();
                packet[byte] ^= 1 << (bit % 8);
                send(&packet);
            }
            Damage::Twice => {
                send(&packet);
                send(&packet);
            }
            Damage::Swapped => {
                self.held = Some(packet);
                return;
            }
            Damage::Late(by) => {
                send(&packet);
                self.not_before = Instant::now() + by;
            }
        }
        if let Some(held) = self.held.take() {
            self.output.extend(held);
        }
    }

    fn read(&mut self, room: &mut [u8]) -> Result<usize, Errno> {
        if self.output.is_empty() || Instant::now() < self.not_before {
            return Err(Errno::AGAIN);
        }
        let count = room.len().min(self.output.len());
        for (to, from) in room.iter_mut().zip(self.output.drain(..count)) {
            *to = from;
        }
        Ok(count)
    }

    fn interrupt(&mut self) {
        let enabled = self.executor.read_reg(regs::IRQ_ENABLE.offset);
        let enabled = enabled & regs::irq_enable::ERROR.mask() != 0;
        if let (Some(irq), true, false) = (&mut self.irq, enabled, self.script.no_interrupts) {
            let _ = irq.write_all(&[1, 0, 0, 0]);
        }
    }

    fn read_reg(&mut self, offset: u32) -> u32 {
        if self.lost {
            return u32::MAX;
        }
        let scripted = self.script.registers.iter().find(|(at, _)| *at == offset);
        if let Some((_, value)) = scripted {
            return *value;
        }
        let value = self.executor.read_reg(offset);
        let busy = offset == regs::STATUS.offset && (!self.input.is_empty() || self.stalled);
        value | regs::status::BUSY.put(busy.into())
    }

    fn write_reg(&mut self, offset: u32, value: u32) {
        if self.lost {
            return;
        }
        if offset == regs::CTRL.offset && value & regs::ctrl::SOFT_RESET.mask() != 0 {
            // What has left the engine stays where it is.
            self.input.clear();
            self.framer = Framer::new(self.executor.config());
            self.held = None;
            self.stalled &= self.script.dead;
            self.resets += 1;
        }
        self.executor.write_reg(offset, value);
    }
}

/// The board and its script. Clones are of the same board.
#[derive(Clone, Debug)]
pub struct Fake {
    core: Arc<Mutex<Core>>,
    irq: Arc<Mutex<Option<File>>>,
}

impl Fake {
    /// A board after power-up on which nothing goes wrong.
    pub fn new(config: &HwConfig) -> std::io::Result<Fake> {
        let (reader, writer) = std::io::pipe()?;
        let core = Core {
            executor: Executor::new(config),
            framer: Framer::new(config),
            input: Vec::new(),
            output: VecDeque::new(),
            held: None,
            not_before: Instant::now(),
            stalled: false,
            lost: false,
            script: Script::default(),
            irq: Some(File::from(OwnedFd::from(writer))),
            resets: 0,
        };
        Ok(Fake {
            core: Arc::new(Mutex::new(core)),
            irq: Arc::new(Mutex::new(Some(File::from(OwnedFd::from(reader))))),
        })
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the script.
    pub fn script(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.core().script);
    }

    /// The link comes and goes.
    pub fn set_lost(&self, lost: bool) {
        self.core().lost = lost;
    }

    /// Bytes that reach the engine from somewhere else, for example from an earlier process.
    pub fn inject(&self, bytes: &[u8]) {
        let _ = self.core().write(bytes);
    }

    /// Bytes that lie in the stream from the engine.
    pub fn leave(&self, bytes: &[u8]) {
        self.core().output.extend(bytes);
    }

    /// Soft resets so far.
    #[must_use]
    pub fn resets(&self) -> u32 {
        self.core().resets
    }

    /// Opens it; the interrupt goes to the first who does.
    pub fn open(&self, cancel: Cancel) -> Result<Board<FakeLink>, DeviceError> {
        let irq = self
            .irq
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let link = FakeLink {
            fake: self.clone(),
            interrupt: irq.map(|file| Interrupt::new(file, false)),
        };
        Board::open(link, cancel)
    }
}

/// The way to a fake board.
#[derive(Debug)]
pub struct FakeLink {
    fake: Fake,
    interrupt: Option<Interrupt>,
}

/// A stream whose calls follow the script.
#[derive(Debug)]
struct Scripted(Fake);

impl Scripted {
    /// What the script says to the next call, and how many bytes it may move.
    fn act(&self, act: Option<Act>, bytes: usize) -> Result<usize, Result<usize, Errno>> {
        match act.unwrap_or(Act::Pass) {
            Act::Pass => Ok(bytes),
            Act::Short(most) => Ok(bytes.min(most.max(1))),
            Act::Errno(errno) => Err(Err(Errno::from_raw_os_error(errno))),
            Act::Ended => Err(Ok(0)),
            Act::Delay(time) => {
                std::thread::sleep(time);
                Ok(bytes)
            }
            Act::Hang(time) => {
                std::thread::sleep(time);
                Err(Err(Errno::TIMEDOUT))
            }
        }
    }
}

impl RawStream for Scripted {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        let act = self.0.core().script.writes.pop_front();
        match self.act(act, bytes.len()) {
            Ok(most) => self.0.core().write(&bytes[..most]),
            Err(result) => result,
        }
    }

    fn read(&mut self, room: &mut [u8]) -> Result<usize, Errno> {
        let act = self.0.core().script.reads.pop_front();
        match self.act(act, room.len()) {
            Ok(most) => self.0.core().read(&mut room[..most]),
            Err(result) => result,
        }
    }

    fn wait(&mut self, _writes: bool, limit: Duration) -> Result<(), Errno> {
        std::thread::sleep(limit.min(Duration::from_millis(1)));
        Ok(())
    }
}

impl Link for FakeLink {
    fn name(&self) -> String {
        "fake:".into()
    }

    fn read(&mut self, offset: u32) -> Result<u32, DeviceError> {
        Ok(self.fake.core().read_reg(offset))
    }

    fn write(&mut self, offset: u32, value: u32) -> Result<(), DeviceError> {
        self.fake.core().write_reg(offset, value);
        Ok(())
    }

    fn ways(&mut self) -> Result<Ways, DeviceError> {
        let stream = |node: &str| {
            Box::new(Stream {
                device: self.name(),
                node: node.into(),
                raw: Scripted(self.fake.clone()),
            })
        };
        Ok(Ways {
            out: stream("fake_h2c_0"),
            back: stream("fake_c2h_0"),
        })
    }

    fn buffers(&mut self, transfer: usize, result: usize) -> Result<Buffers, DeviceError> {
        anonymous(&self.name(), transfer, result)
    }

    fn reset_dma(&mut self, _deadline: Duration) -> Result<(), DeviceError> {
        Ok(())
    }

    fn interrupt(&self) -> Option<&Interrupt> {
        self.interrupt.as_ref()
    }

    fn drop_interrupt(&mut self) {
        self.interrupt = None;
    }
}

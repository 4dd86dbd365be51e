//! What all boards have in common: a writer and a reader, a caller that packs and looks at the
//! registers meanwhile, deadlines, and the way back to order after a failure.

mod link;
mod pump;
mod state;

pub use link::{Buffers, Fault, Inlet, Link, Outlet, Watch, Ways};

use super::flight::{ASK_AGAIN, Flights};
use super::map::Buffer;
use super::{Cancel, Device, DeviceError, Fed, Feed, Packet, Synchronised, Take, lost, trigger};
use firebrick_spec::regs;
use pump::{Event, Pump, Wake};
use std::time::{Duration, Instant};

/// Between two looks at the registers, the deadline and the cancellation flag.
const LOOK: Duration = Duration::from_millis(20);
/// How long a transfer that the engine refuses may take to end by itself.
const REFUSED: Duration = Duration::from_secs(1);
/// How long the threads may take to notice that they shall stop.
const STOP: Duration = Duration::from_millis(500);
/// Room for what is read while a probe is looked for.
const PROBE_ROOM: usize = 4096;

/// A board behind a link, as a device.
pub struct Board<L: Link> {
    link: L,
    /// Not while a run uses them.
    ways: Option<Ways>,
    transfers: Vec<Buffer>,
    result: Option<Buffer>,
    /// Lengths that the buffers are for.
    sizes: (usize, usize),
    /// Threads that did not end when told to.
    stuck: Option<Pump>,
    cancel: Cancel,
}

impl<L: Link> Board<L> {
    /// Looks whether the link is up, and enables the interrupt if there is one.
    pub fn open(mut link: L, cancel: Cancel) -> Result<Board<L>, DeviceError> {
        let ways = link.ways()?;
        let mut board = Board {
            link,
            ways: Some(ways),
            transfers: Vec::new(),
            result: None,
            sizes: (0, 0),
            stuck: None,
            cancel,
        };
        lost(&mut board, "when it was opened")?;
        if board.link.interrupt().is_some() {
            // Results announce themselves.
            board.write_reg(regs::IRQ_ENABLE.offset, regs::irq_enable::ERROR.mask())?;
        }
        Ok(board)
    }

    /// Starts the threads; returns the buffers for transfers beside them.
    fn start(
        &mut self,
        transfer: usize,
        result: usize,
    ) -> Result<(Pump, Vec<Buffer>), DeviceError> {
        self.collect(Duration::ZERO)?;
        if self.sizes.0 < transfer || self.sizes.1 < result || self.result.is_none() {
            let sizes = (self.sizes.0.max(transfer), self.sizes.1.max(result));
            self.sizes = (0, 0);
            self.transfers.clear();
            self.result = None;
            let buffers = self.link.buffers(sizes.0, sizes.1)?;
            self.transfers = buffers.transfers;
            self.result = Some(buffers.result);
            self.sizes = sizes;
        }
        let (Some(ways), Some(result)) = (self.ways.take(), self.result.take()) else {
            return Err(DeviceError::Link {
                device: self.link.name(),
                what: "an earlier failure cannot be undone; open the device again".into(),
            });
        };
        let pump = Pump::start(ways, result).map_err(|error| DeviceError::Link {
            device: self.link.name(),
            what: format!("cannot start a thread: {error}; free memory and open the device again"),
        })?;
        Ok((pump, std::mem::take(&mut self.transfers)))
    }

    /// Ends the threads after a run. `orderly` if they have nothing left to do.
    fn finish(&mut self, mut pump: Pump, outcome: &Result<(), DeviceError>, orderly: bool) {
        if orderly {
            pump.close();
        } else {
            // The engine takes and drops the rest of a transfer that it refuses.
            let refused = matches!(outcome, Err(DeviceError::Engine { .. }));
            pump.stop(if refused { REFUSED } else { Duration::ZERO });
        }
        self.stuck = Some(pump);
        // What does not work now is tried again, and reported, by whoever needs the threads.
        let _ = self.collect(STOP);
    }

    /// Takes back what stuck threads have, if they end within `limit`.
    fn collect(&mut self, limit: Duration) -> Result<(), DeviceError> {
        let Some(pump) = self.stuck.take() else {
            return Ok(());
        };
        match pump.end(limit) {
            Ok((ways, transfers, result)) => {
                self.ways = Some(ways);
                self.transfers.extend(transfers);
                self.result = Some(result);
                Ok(())
            }
            Err(pump) => {
                self.stuck = Some(*pump);
                Err(DeviceError::Unresponsive {
                    device: self.link.name(),
                    what: "the kernel driver has not given a read or write back".into(),
                    deadline: limit,
                })
            }
        }
    }

    /// Looks at the registers: link, error.
    fn look(&mut self) -> Result<(), DeviceError> {
        lost(self, "during a transfer")?;
        match state::fault(self)? {
            Some(fault) => Err(DeviceError::Engine {
                device: self.link.name(),
                fault,
            }),
            None => Ok(()),
        }
    }

    /// An error if the flag is up.
    fn uncancelled(&self) -> Result<(), DeviceError> {
        match self.cancel.is_cancelled() {
            true => Err(DeviceError::Cancelled {
                device: self.link.name(),
            }),
            false => Ok(()),
        }
    }

    /// The reason behind a worker's failure, if the registers know a better one.
    fn judge(&mut self, error: DeviceError) -> DeviceError {
        match self.look() {
            Err(better @ (DeviceError::LinkLost { .. } | DeviceError::Engine { .. })) => better,
            _ => error,
        }
    }

    /// Waits for an event; looks at the registers now and then, and at an interrupt.
    fn next(
        &mut self,
        pump: &Pump,
        limit: Duration,
        looked: &mut Instant,
    ) -> Result<Option<Event>, DeviceError> {
        let wake = pump.next(limit, self.link.interrupt());
        match wake {
            Wake::Event(Event::Failed(error)) => return Err(self.judge(error)),
            Wake::Event(event) => return Ok(Some(event)),
            Wake::Interrupt => {
                self.look()?;
                // Nothing is wrong: take the cause away, so that the next one is seen.
                let irq = regs::IRQ_STATUS.offset;
                trigger(self, irq, u32::MAX, irq, &|now| now != u32::MAX, LOOK)?;
            }
            Wake::NoInterrupt => self.link.drop_interrupt(),
            Wake::Nothing => {}
        }
        if looked.elapsed() >= LOOK {
            self.look()?;
            *looked = Instant::now();
        }
        Ok(None)
    }

    /// The transfers of [`Device::stream`], with the threads running.
    #[allow(clippy::too_many_arguments)]
    fn drive(
        &mut self,
        pump: &Pump,
        free: &mut Vec<Buffer>,
        orderly: &mut bool,
        feed: &mut dyn Feed,
        result_bytes: usize,
        deadline: Duration,
        take: &mut Take<'_>,
    ) -> Result<(), DeviceError> {
        let longest = feed.transfer_bytes();
        let mut flights = Flights::new(deadline);
        let mut unsent = 0;
        let mut looked = Instant::now();
        loop {
            self.uncancelled()?;
            let mut limit = LOOK;
            while let Some(buffer) = free.last_mut() {
                let length = match flights.ask(feed, &mut buffer[..longest]) {
                    Fed::Transfer(length) => length,
                    Fed::Pending => {
                        limit = ASK_AGAIN;
                        break;
                    }
                    Fed::End => break,
                };
                let Some(buffer) = free.pop() else { break };
                *orderly = false;
                // First the room for the result: a DMA engine must have it before data come.
                pump.receive(result_bytes);
                pump.send(buffer, length);
                unsent += 1;
                flights.departed(length, ());
            }
            *orderly = flights.is_empty() && unsent == 0;
            if flights.is_done() && *orderly {
                return Ok(());
            }
            let event = if flights.is_held() {
                match pump.next(LOOK, None) {
                    Wake::Event(Event::Failed(error)) => {
                        return Err(flights.give_up().unwrap_or(error));
                    }
                    Wake::Event(event) => Some(event),
                    _ => {
                        flights.settle(self, false)?;
                        None
                    }
                }
            } else {
                match self.next(pump, limit, &mut looked) {
                    Err(error @ DeviceError::Engine { .. }) => {
                        flights.hold(error);
                        continue;
                    }
                    event => event?,
                }
            };
            match event {
                Some(Event::Sent { buffer, begin, end }) => {
                    free.push(buffer);
                    unsent -= 1;
                    flights.sent(Some(begin), end);
                }
                Some(Event::Received { bytes, end }) => {
                    let Some(timing) = flights.landed(end) else {
                        continue;
                    };
                    let packet = Packet {
                        bytes: &bytes,
                        timing,
                    };
                    if take(packet).is_break() {
                        *orderly = flights.is_empty() && unsent == 0;
                        return Ok(());
                    }
                }
                _ => {}
            }
            if let Some(flight) = flights.front()
                && flights.is_overdue()
            {
                let transfer = flight.length;
                return Err(self.stalled(pump, transfer, result_bytes, deadline));
            }
        }
    }

    /// What to say when nothing came.
    fn stalled(
        &mut self,
        pump: &Pump,
        transfer: usize,
        want: usize,
        deadline: Duration,
    ) -> DeviceError {
        if let Err(error) = self.look() {
            return error;
        }
        let sent = pump.sending.progress().min(transfer);
        let got = pump.receiving.progress().min(want);
        let noted = pump.receiving.noted().or(pump.sending.noted());
        DeviceError::Stalled {
            device: self.link.name(),
            deadline,
            sent,
            transfer,
            got,
            want,
            state: state::describe(self, sent == transfer, got, want, noted),
        }
    }

    /// The probe of [`Device::synchronise`], with the threads running.
    fn probe(
        &mut self,
        pump: &Pump,
        buffer: Buffer,
        length: usize,
        deadline: Duration,
    ) -> Result<(Synchronised, Buffer), DeviceError> {
        pump.send(buffer, length);
        let (begin, mut looked) = (Instant::now(), Instant::now());
        let (mut back, mut dropped) = (None, None);
        loop {
            self.uncancelled()?;
            match self.next(pump, LOOK, &mut looked)? {
                Some(Event::Sent { buffer, .. }) => back = Some(buffer),
                Some(Event::Synchronised(bytes)) => dropped = Some(bytes),
                _ => {}
            }
            if let (Some(bytes), true) = (dropped, back.is_some()) {
                return match back {
                    Some(buffer) => Ok((bytes, buffer)),
                    None => continue,
                };
            }
            if begin.elapsed() > deadline {
                return Err(self.stalled(pump, length, 16, deadline));
            }
        }
    }
}

impl<L: Link> Device for Board<L> {
    fn name(&self) -> String {
        self.link.name()
    }

    fn read_reg(&mut self, offset: u32) -> Result<u32, DeviceError> {
        self.link.read(offset)
    }

    fn write_reg(&mut self, offset: u32, value: u32) -> Result<(), DeviceError> {
        self.link.write(offset, value)
    }

    fn stream(
        &mut self,
        feed: &mut dyn Feed,
        result_bytes: usize,
        deadline: Duration,
        take: &mut Take<'_>,
    ) -> Result<(), DeviceError> {
        lost(self, "before a transfer")?;
        let (pump, mut free) = self.start(feed.transfer_bytes(), result_bytes)?;
        let mut orderly = true;
        let outcome = self.drive(
            &pump,
            &mut free,
            &mut orderly,
            feed,
            result_bytes,
            deadline,
            take,
        );
        self.transfers.extend(free);
        self.finish(pump, &outcome, orderly);
        outcome
    }

    fn reset(&mut self, deadline: Duration) -> Result<(), DeviceError> {
        let begin = Instant::now();
        let left = || deadline.saturating_sub(begin.elapsed());
        lost(self, "at a reset")?;
        loop {
            self.link.reset_dma(left())?;
            let ctrl = regs::CTRL.offset;
            let soft_reset = regs::ctrl::SOFT_RESET.mask();
            trigger(self, ctrl, soft_reset, ctrl, &|now| now == 0, left())?;
            // The engine now takes what a stuck write still has, and refuses it.
            let ended = self.collect(left().min(STOP));
            let status = self.read_reg(regs::STATUS.offset)?;
            if ended.is_ok() && status & regs::UNCLEAN == 0 {
                return Ok(());
            }
            lost(self, "at a reset")?;
            if left().is_zero() {
                ended?;
                return Err(DeviceError::Unresponsive {
                    device: self.link.name(),
                    what: format!(
                        "register STATUS reads {status:#010x} after a reset and was not idle"
                    ),
                    deadline,
                });
            }
        }
    }

    fn synchronise(
        &mut self,
        probe: &[u8],
        tag: u32,
        deadline: Duration,
    ) -> Result<Synchronised, DeviceError> {
        lost(self, "before a transfer")?;
        let (pump, mut free) = self.start(probe.len(), PROBE_ROOM)?;
        pump.resync(tag);
        let result = match free.pop() {
            Some(mut buffer) => {
                buffer[..probe.len()].copy_from_slice(probe);
                self.probe(&pump, buffer, probe.len(), deadline)
            }
            None => Err(DeviceError::Link {
                device: self.link.name(),
                what: "a buffer was lost; open the device again".into(),
            }),
        };
        self.transfers.extend(free);
        let result = result.map(|(dropped, buffer)| {
            self.transfers.push(buffer);
            dropped
        });
        let (outcome, dropped) = match result {
            Ok(dropped) => (Ok(()), dropped),
            Err(error) => (Err(error), Synchronised::default()),
        };
        self.finish(pump, &outcome, outcome.is_ok());
        outcome.map(|()| dropped)
    }

    fn set_cancel(&mut self, cancel: Cancel) {
        self.cancel = cancel;
    }
}

impl<L: Link> std::fmt::Debug for Board<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stuck = self.stuck.is_some();
        f.debug_struct("Board")
            .field("name", &self.link.name())
            .field("stuck", &stuck)
            .finish_non_exhaustive()
    }
}

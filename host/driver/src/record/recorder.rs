//! A device that writes down what crosses.

use super::format::{Event, write_entry, write_header};
use crate::device::{Cancel, Device, DeviceError, Fed, Feed, Packet, Synchronised, Take};
use std::cell::RefCell;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// The file under way.
struct Log<W> {
    to: W,
    begin: Instant,
    /// The first failure to write; nothing is written after it.
    failed: Option<io::Error>,
}

impl<W: Write> Log<W> {
    fn event(&mut self, event: &Event) {
        if self.failed.is_none() {
            let written = write_entry(&mut self.to, self.begin.elapsed(), event);
            self.failed = written.err();
        }
    }

    fn flush(&mut self) {
        if self.failed.is_none() {
            self.failed = self.to.flush().err();
        }
    }

    /// Notes an error; what led to it must not be lost in a buffer.
    fn outcome<T>(&mut self, outcome: Result<T, DeviceError>) -> Result<T, DeviceError> {
        if let Err(error) = &outcome {
            self.event(&match error {
                DeviceError::Engine { fault, .. } => {
                    Event::Fault(fault.code as u32 | fault.record << 8)
                }
                other => Event::Failure(other.to_string()),
            });
            self.flush();
        }
        outcome
    }
}

/// Wraps a device and writes everything that crosses to a file: register accesses, transfers,
/// packets, resets, errors, and when. A file that cannot be written does not disturb the device;
/// [`finish`](Self::finish) says so.
pub struct Recorder<D, W: Write> {
    device: D,
    log: RefCell<Log<W>>,
}

impl<D: Device, W: Write> Recorder<D, W> {
    /// Begins a file. Give it a buffered writer.
    pub fn new(device: D, mut to: W) -> io::Result<Recorder<D, W>> {
        write_header(&mut to)?;
        let mut log = Log {
            to,
            begin: Instant::now(),
            failed: None,
        };
        log.event(&Event::Device(device.name()));
        Ok(Recorder {
            device,
            log: RefCell::new(log),
        })
    }

    /// The device itself; what crosses by this way is not recorded.
    pub fn device(&mut self) -> &mut D {
        &mut self.device
    }

    /// Ends the file, and gives the device and the file back.
    pub fn finish(self) -> io::Result<(D, W)> {
        let mut log = self.log.into_inner();
        log.flush();
        match log.failed {
            Some(error) => Err(error),
            None => Ok((self.device, log.to)),
        }
    }
}

/// Writes the transfers of a feed down.
struct Logged<'a, W> {
    feed: &'a mut dyn Feed,
    log: &'a RefCell<Log<W>>,
    result: u32,
}

impl<W: Write> Feed for Logged<'_, W> {
    fn transfer_bytes(&self) -> usize {
        self.feed.transfer_bytes()
    }

    fn next(&mut self, room: &mut [u8]) -> Fed {
        let fed = self.feed.next(room);
        if let Fed::Transfer(length) = fed
            && let Some(bytes) = room.get(..length)
        {
            self.log.borrow_mut().event(&Event::Transfer {
                result: self.result,
                bytes: bytes.to_vec(),
            });
        }
        fed
    }
}

impl<D: Device, W: Write> Device for Recorder<D, W> {
    fn name(&self) -> String {
        self.device.name()
    }

    fn read_reg(&mut self, offset: u32) -> Result<u32, DeviceError> {
        let value = self.device.read_reg(offset);
        let log = self.log.get_mut();
        let value = log.outcome(value)?;
        log.event(&Event::Read { offset, value });
        Ok(value)
    }

    fn write_reg(&mut self, offset: u32, value: u32) -> Result<(), DeviceError> {
        let log = self.log.get_mut();
        log.event(&Event::Write { offset, value });
        log.outcome(self.device.write_reg(offset, value))
    }

    fn stream(
        &mut self,
        feed: &mut dyn Feed,
        result_bytes: usize,
        deadline: Duration,
        take: &mut Take<'_>,
    ) -> Result<(), DeviceError> {
        let log = &self.log;
        let mut feed = Logged {
            feed,
            log,
            result: result_bytes as u32,
        };
        let mut taken = |packet: Packet<'_>| {
            let event = Event::Packet(packet.bytes.to_vec());
            log.borrow_mut().event(&event);
            take(packet)
        };
        let outcome = self
            .device
            .stream(&mut feed, result_bytes, deadline, &mut taken);
        self.log.get_mut().outcome(outcome)
    }

    fn reset(&mut self, deadline: Duration) -> Result<(), DeviceError> {
        let log = self.log.get_mut();
        log.event(&Event::Reset);
        log.outcome(self.device.reset(deadline))
    }

    fn synchronise(
        &mut self,
        probe: &[u8],
        tag: u32,
        deadline: Duration,
    ) -> Result<Synchronised, DeviceError> {
        let log = self.log.get_mut();
        let found = log.outcome(self.device.synchronise(probe, tag, deadline))?;
        log.event(&Event::Probe {
            next: found.next,
            dropped: u32::try_from(found.dropped).unwrap_or(u32::MAX),
            bytes: probe.to_vec(),
        });
        Ok(found)
    }

    fn set_cancel(&mut self, cancel: Cancel) {
        self.device.set_cancel(cancel);
    }
}

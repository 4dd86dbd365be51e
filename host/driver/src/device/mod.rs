//! What can run a transfer: a board, a simulator, or software.

mod axidma;
mod board;
mod cancel;
mod discover;
mod engines;
mod errno;
mod error;
mod executor;
pub mod fake;
pub mod flight;
mod lock;
mod map;
mod node;
mod stream;
mod transport;
mod uri;
mod xdma;

pub use board::Board;
pub use cancel::Cancel;
pub use discover::{Found, PciDevice, pci_devices};
pub use errno::{Explained, explain};
pub use error::DeviceError;
pub use executor::ExecutorDevice;
pub use transport::{BOARDS, Node, OpenOptions, Transport, Transports, open};
pub use uri::{Uri, UriError};

use auto_impl::auto_impl;
use firebrick_spec::regs;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// What a [`Feed`] has next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fed {
    /// A transfer of this many bytes, at the start of the room.
    Transfer(usize),
    /// Nothing now; ask again in a few milliseconds.
    Pending,
    /// Nothing any more.
    End,
}

/// Where the transfers of a batch come from.
pub trait Feed {
    /// Length of the longest one, in bytes.
    fn transfer_bytes(&self) -> usize;

    /// Writes the next transfer to the start of `room`, which has room for the longest.
    fn next(&mut self, room: &mut [u8]) -> Fed;
}

/// Where the time of one transfer went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Writing the transfer into its buffer.
    pub pack: Duration,
    /// From the first byte offered to the engine until it had taken the last.
    pub send: Duration,
    /// From the first byte offered until the last byte of the result.
    pub total: Duration,
}

/// A result packet, as it came.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Its bytes, as many as were asked for.
    pub bytes: &'a [u8],
    /// Where the time went.
    pub timing: Timing,
}

/// What [`Device::synchronise`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Synchronised {
    /// Bytes that were left over from before, and dropped.
    pub dropped: usize,
    /// Sequence number of the next packet, if a probe was sent.
    pub next: Option<u32>,
}

/// Receives the packets of a batch in order, and says whether to go on.
pub type Take<'a> = dyn FnMut(Packet<'_>) -> ControlFlow<()> + 'a;

/// An engine that takes transfers and has registers.
#[auto_impl(&mut, Box)]
pub trait Device {
    /// Name for messages.
    fn name(&self) -> String;

    /// Reads the register at a byte offset (see [`firebrick_spec::regs`]).
    fn read_reg(&mut self, offset: u32) -> Result<u32, DeviceError>;

    /// Writes the register at a byte offset.
    fn write_reg(&mut self, offset: u32, value: u32) -> Result<(), DeviceError>;

    /// Runs what `feed` gives until it ends or `take` breaks, TLAST on each transfer's last beat,
    /// and hands each packet of `result_bytes` to `take` in order. The deadline is for each
    /// packet, from when its transfer or the packet before it was through. Memory does not grow
    /// with the number of transfers. [`flight`] has what devices share; one that takes a transfer
    /// at a time uses [`one_by_one`].
    ///
    /// # Errors
    /// When the engine reports an error, that is the error, and the engine keeps it until a soft
    /// reset. After an error or a break transfers may still be under way: [`reset`](Self::reset).
    fn stream(
        &mut self,
        feed: &mut dyn Feed,
        result_bytes: usize,
        deadline: Duration,
        take: &mut Take<'_>,
    ) -> Result<(), DeviceError>;

    /// Sends one transfer and returns the packet of `result_bytes` that comes back.
    ///
    /// # Errors
    /// As [`stream`](Self::stream).
    fn run(
        &mut self,
        transfer: &[u8],
        result_bytes: usize,
        deadline: Duration,
    ) -> Result<Vec<u8>, DeviceError> {
        let packets = slices(self, &[transfer], result_bytes, deadline)?;
        Ok(packets.into_iter().next().unwrap_or_default())
    }

    /// Sends transfers back to back and returns their packets, each of `result_bytes`.
    ///
    /// # Errors
    /// As [`stream`](Self::stream).
    fn run_many(
        &mut self,
        transfers: &[Vec<u8>],
        result_bytes: usize,
        deadline: Duration,
    ) -> Result<Vec<Vec<u8>>, DeviceError> {
        let transfers: Vec<&[u8]> = transfers.iter().map(Vec::as_slice).collect();
        slices(self, &transfers, result_bytes, deadline)
    }

    /// Soft reset: ends whatever is under way, clears errors and counters, and waits until the
    /// engine is idle.
    fn reset(&mut self, deadline: Duration) -> Result<(), DeviceError> {
        trigger(
            self,
            regs::CTRL.offset,
            regs::ctrl::SOFT_RESET.mask(),
            regs::CTRL.offset,
            &|v| v == 0,
            deadline,
        )
    }

    /// Makes sure that the next packet is that of the next transfer: sends `probe`, a transfer
    /// whose packet is a trailer with `tag` alone, and drops what comes before that trailer. A
    /// device that delimits packets by itself has nothing to do.
    fn synchronise(
        &mut self,
        probe: &[u8],
        tag: u32,
        deadline: Duration,
    ) -> Result<Synchronised, DeviceError> {
        let _ = (probe, tag, deadline);
        Ok(Synchronised::default())
    }

    /// A flag that gives up what is under way; what waits looks at it every few milliseconds.
    /// A device that never waits long need not.
    fn set_cancel(&mut self, cancel: Cancel) {
        let _ = cancel;
    }
}

/// Transfers that lie in memory, one after the other.
struct Slices<'a>(std::slice::Iter<'a, &'a [u8]>, usize);

impl Feed for Slices<'_> {
    fn transfer_bytes(&self) -> usize {
        self.1
    }

    fn next(&mut self, room: &mut [u8]) -> Fed {
        match self.0.next() {
            Some(transfer) => {
                room[..transfer.len()].copy_from_slice(transfer);
                Fed::Transfer(transfer.len())
            }
            None => Fed::End,
        }
    }
}

/// Streams transfers that lie in memory, and keeps their packets.
fn slices<D: Device + ?Sized>(
    device: &mut D,
    transfers: &[&[u8]],
    result_bytes: usize,
    deadline: Duration,
) -> Result<Vec<Vec<u8>>, DeviceError> {
    let longest = transfers.iter().map(|transfer| transfer.len()).max();
    let mut feed = Slices(transfers.iter(), longest.unwrap_or(0));
    let mut packets = Vec::with_capacity(transfers.len());
    device.stream(&mut feed, result_bytes, deadline, &mut |packet| {
        packets.push(packet.bytes.to_vec());
        ControlFlow::Continue(())
    })?;
    match packets.len() == transfers.len() {
        true => Ok(packets),
        false => Err(DeviceError::Length {
            device: device.name(),
            want: transfers.len() * result_bytes,
            got: packets.len() * result_bytes,
        }),
    }
}

/// [`Device::stream`] of a device that takes a transfer at a time: `run` makes a transfer's packet.
///
/// # Errors
/// The first one of `run`.
pub fn one_by_one(
    feed: &mut dyn Feed,
    take: &mut Take<'_>,
    mut run: impl FnMut(&[u8]) -> Result<Vec<u8>, DeviceError>,
) -> Result<(), DeviceError> {
    let mut room = vec![0; feed.transfer_bytes()];
    loop {
        let begin = Instant::now();
        let length = match feed.next(&mut room) {
            Fed::Transfer(length) => length,
            Fed::End => return Ok(()),
            Fed::Pending => {
                std::thread::sleep(flight::ASK_AGAIN);
                continue;
            }
        };
        let pack = begin.elapsed();
        let begin = Instant::now();
        let bytes = run(&room[..length])?;
        let timing = Timing {
            pack,
            send: Duration::ZERO,
            total: begin.elapsed(),
        };
        let packet = Packet {
            bytes: &bytes,
            timing,
        };
        if take(packet).is_break() {
            return Ok(());
        }
    }
}

/// Writes a register and waits until another (or the same) shows that the write took effect. On a
/// board that is so at the first look; an emulator's registers are memory that it has to look at.
pub(crate) fn trigger<D: Device + ?Sized>(
    device: &mut D,
    offset: u32,
    value: u32,
    shown_by: u32,
    done: &dyn Fn(u32) -> bool,
    deadline: Duration,
) -> Result<(), DeviceError> {
    device.write_reg(offset, value)?;
    let begin = Instant::now();
    loop {
        let got = device.read_reg(shown_by)?;
        if done(got) {
            return Ok(());
        }
        if got == u32::MAX {
            lost(device, "after a register was written")?;
        }
        if begin.elapsed() > deadline {
            return Err(DeviceError::Unresponsive {
                device: device.name(),
                what: format!(
                    "{value:#x} was written to register {offset:#05x}, and register \
                     {shown_by:#05x} still reads {got:#010x}: it took no effect"
                ),
                deadline,
            });
        }
        pause(begin);
    }
}

/// An error if the link is down: MAGIC reads as ones.
pub(crate) fn lost<D: Device + ?Sized>(
    device: &mut D,
    when: &'static str,
) -> Result<(), DeviceError> {
    if device.read_reg(regs::MAGIC.offset)? == u32::MAX {
        return Err(DeviceError::LinkLost {
            device: device.name(),
            when,
        });
    }
    Ok(())
}

/// Between two looks at a register: none at first, then up to a millisecond.
pub(crate) fn pause(since: Instant) {
    let waited = since.elapsed();
    if waited > Duration::from_micros(50) {
        std::thread::sleep((waited / 8).min(Duration::from_millis(1)));
    }
}

//! What can run a transfer: a board, a simulator, or software.

mod axidma;
mod board;
mod cancel;
mod discover;
mod errno;
mod error;
mod executor;
pub mod fake;
mod lock;
mod map;
mod node;
mod open;
mod stream;
mod uri;
mod xdma;

pub use board::Board;
pub use cancel::Cancel;
pub use discover::{Found, PciDevice, devices, pci_devices};
pub use errno::{Explained, explain};
pub use error::DeviceError;
pub use executor::ExecutorDevice;
pub use open::{OpenOptions, open};
pub use uri::{Uri, UriError};

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
pub trait Device {
    /// Name for messages.
    fn name(&self) -> String;

    /// Reads the register at a byte offset (see [`firebrick_spec::regs`]).
    fn read_reg(&mut self, offset: u32) -> Result<u32, DeviceError>;

    /// Writes the register at a byte offset.
    fn write_reg(&mut self, offset: u32, value: u32) -> Result<(), DeviceError>;

    /// Sends one transfer, TLAST on its last beat, and returns the packet of `result_bytes` that
    /// comes back. When the engine reports an error instead, that is the error; the engine keeps
    /// it until a soft reset.
    fn run(
        &mut self,
        transfer: &[u8],
        result_bytes: usize,
        deadline: Duration,
    ) -> Result<Vec<u8>, DeviceError>;

    /// Sends transfers back to back and returns their packets, each of `result_bytes`. Unless a
    /// device knows better, each waits for the packet of the one before.
    fn run_many(
        &mut self,
        transfers: &[Vec<u8>],
        result_bytes: usize,
        deadline: Duration,
    ) -> Result<Vec<Vec<u8>>, DeviceError> {
        transfers
            .iter()
            .map(|transfer| self.run(transfer, result_bytes, deadline))
            .collect()
    }

    /// Runs what `feed` gives until it ends or `take` breaks, and hands each packet of
    /// `result_bytes` to `take` in order. The deadline is for each packet, from when its transfer
    /// or the packet before it was through. Memory does not grow with the number of transfers.
    /// After an error or a break transfers may still be under way: [`reset`](Self::reset).
    ///
    /// Unless a device knows better, each transfer waits for the packet of the one before.
    fn stream(
        &mut self,
        feed: &mut dyn Feed,
        result_bytes: usize,
        deadline: Duration,
        take: &mut Take<'_>,
    ) -> Result<(), DeviceError> {
        let mut room = vec![0; feed.transfer_bytes()];
        loop {
            let begin = Instant::now();
            let length = match feed.next(&mut room) {
                Fed::Transfer(length) => length,
                Fed::End => return Ok(()),
                Fed::Pending => {
                    std::thread::sleep(Duration::from_millis(5));
                    continue;
                }
            };
            let pack = begin.elapsed();
            let begin = Instant::now();
            let bytes = self.run(&room[..length], result_bytes, deadline)?;
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

/// Makes a type a device that hands everything to another: generics in brackets, the type, a name
/// for the value, and the other device by shared and by exclusive reference.
#[macro_export]
macro_rules! delegate_device {
    ([$($generics:tt)*] $type:ty, $this:ident => $inner:expr, $inner_mut:expr) => {
        impl<$($generics)*> $crate::Device for $type {
            fn name(&self) -> String {
                let $this = self;
                $inner.name()
            }

            fn read_reg(&mut self, offset: u32) -> Result<u32, $crate::DeviceError> {
                let $this = self;
                $inner_mut.read_reg(offset)
            }

            fn write_reg(&mut self, offset: u32, value: u32) -> Result<(), $crate::DeviceError> {
                let $this = self;
                $inner_mut.write_reg(offset, value)
            }

            fn run(
                &mut self,
                transfer: &[u8],
                result_bytes: usize,
                deadline: ::std::time::Duration,
            ) -> Result<Vec<u8>, $crate::DeviceError> {
                let $this = self;
                $inner_mut.run(transfer, result_bytes, deadline)
            }

            fn run_many(
                &mut self,
                transfers: &[Vec<u8>],
                result_bytes: usize,
                deadline: ::std::time::Duration,
            ) -> Result<Vec<Vec<u8>>, $crate::DeviceError> {
                let $this = self;
                $inner_mut.run_many(transfers, result_bytes, deadline)
            }

            fn stream(
                &mut self,
                feed: &mut dyn $crate::Feed,
                result_bytes: usize,
                deadline: ::std::time::Duration,
                take: &mut $crate::Take<'_>,
            ) -> Result<(), $crate::DeviceError> {
                let $this = self;
                $inner_mut.stream(feed, result_bytes, deadline, take)
            }

            fn reset(
                &mut self,
                deadline: ::std::time::Duration,
            ) -> Result<(), $crate::DeviceError> {
                let $this = self;
                $inner_mut.reset(deadline)
            }

            fn synchronise(
                &mut self,
                probe: &[u8],
                tag: u32,
                deadline: ::std::time::Duration,
            ) -> Result<$crate::Synchronised, $crate::DeviceError> {
                let $this = self;
                $inner_mut.synchronise(probe, tag, deadline)
            }

            fn set_cancel(&mut self, cancel: $crate::Cancel) {
                let $this = self;
                $inner_mut.set_cancel(cancel);
            }
        }
    };
}

delegate_device!([D: Device + ?Sized] Box<D>, this => (**this), (**this));
delegate_device!([D: Device + ?Sized] &mut D, this => (**this), (**this));

//! One channel of an AXI DMA in simple mode: a transfer is an address and a length.

use super::super::board::{Fault, Inlet, Outlet, Watch};
use super::super::map::{Buffer, RegisterMap};
use super::super::node::{Interrupt, io_error};
use super::super::{DeviceError, Synchronised, pause};
use firebrick_spec::result::Trailer;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Registers of a channel, from its first.
const CR: u32 = 0x00;
const SR: u32 = 0x04;
const ADDRESS: u32 = 0x18;
const ADDRESS_HIGH: u32 = 0x1c;
pub(super) const LENGTH: u32 = 0x28;
/// The first register of each channel.
pub(super) const MM2S: u32 = 0x00;
pub(super) const S2MM: u32 = 0x30;
/// Bytes of the register block.
pub(super) const SPACE: usize = 0x60;

const CR_RUN: u32 = 1;
const CR_RESET: u32 = 1 << 2;
/// Interrupts on completion and on errors.
const CR_IRQ: u32 = 1 << 12 | 1 << 14;
const SR_HALTED: u32 = 1;
const SR_DONE: u32 = 1 << 12;
const SR_IRQ: u32 = 7 << 12;
/// Error bits, and what they mean.
const ERRORS: [(u32, &str); 4] = [
    (
        1 << 4,
        "an internal error (DMAIntErr): a length of 0, or a packet longer than its buffer",
    ),
    (
        1 << 5,
        "a slave error (DMASlvErr): memory refused the access; the buffer's address is wrong for \
         this port",
    ),
    (
        1 << 6,
        "a decode error (DMADecErr): nothing answers at the buffer's address; connect the port to \
         memory in the block design's address map",
    ),
    (
        7 << 8,
        "a scatter-gather error; build the AXI DMA without scatter-gather",
    ),
];
/// How long a register may take to follow.
const FOLLOW: Duration = Duration::from_secs(1);
/// Between two looks while an interrupt is waited for: it may be lost.
const INTERRUPT: Duration = Duration::from_millis(5);

/// Sees to it that processor and DMA engine have the same view of a buffer.
#[derive(Debug)]
pub(super) struct CacheSync {
    pub for_cpu: (PathBuf, File),
    pub for_device: (PathBuf, File),
}

/// Directions as u-dma-buf numbers them.
const TO_DEVICE: u64 = 1;
const FROM_DEVICE: u64 = 2;

impl CacheSync {
    /// One request of u-dma-buf: offset, size and direction in one number.
    fn request(
        (path, file): &(PathBuf, File),
        device: &str,
        offset: usize,
        bytes: usize,
        direction: u64,
    ) -> Result<(), Fault> {
        let size = bytes.next_multiple_of(16) as u64 & 0xffff_fff0;
        let word = (offset as u64) << 32 | size | direction << 2 | 1;
        let written = file.write_all_at(format!("{word:#018x}").as_bytes(), 0);
        written.map_err(|error| Fault::Failed(io_error(device, "write to", path, &error)))
    }
}

/// One direction.
#[derive(Debug)]
pub(super) struct Channel {
    pub device: String,
    pub registers: RegisterMap,
    /// [`MM2S`] or [`S2MM`].
    pub base: u32,
    /// Most that the length register holds.
    pub longest: usize,
    /// None if the port is coherent.
    pub sync: Option<CacheSync>,
    /// Its interrupt, if there is one.
    pub interrupt: Option<Interrupt>,
}

impl Channel {
    fn label(&self) -> &'static str {
        match self.base {
            MM2S => "MM2S",
            _ => "S2MM",
        }
    }

    fn failed(&self, what: String) -> Fault {
        Fault::Failed(DeviceError::Link {
            device: self.device.clone(),
            what,
        })
    }

    fn read(&self, register: u32) -> Result<u32, Fault> {
        let value = self.registers.read(self.base + register);
        value.ok_or_else(|| self.failed(format!("the AXI DMA has no register {register:#x}")))
    }

    fn write(&self, register: u32, value: u32) -> Result<(), Fault> {
        match self.registers.write(self.base + register, value) {
            true => Ok(()),
            false => Err(self.failed(format!("the AXI DMA has no register {register:#x}"))),
        }
    }

    /// Writes a register and waits until `shown` says that it took effect.
    fn follow(
        &self,
        register: u32,
        value: u32,
        shown: (u32, u32),
        deadline: Duration,
        watch: Option<&Watch>,
    ) -> Result<(), Fault> {
        self.write(register, value)?;
        let begin = Instant::now();
        loop {
            let got = self.read(shown.0)?;
            if got & shown.1 == 0 {
                return Ok(());
            }
            self.present(got)?;
            if let Some(watch) = watch {
                watch.check()?;
            }
            if begin.elapsed() > deadline {
                return Err(Fault::Failed(DeviceError::Unresponsive {
                    device: self.device.clone(),
                    what: format!(
                        "the AXI DMA's {} register {:#x} reads {got:#010x} and did not follow",
                        self.label(),
                        shown.0
                    ),
                    deadline,
                }));
            }
            pause(begin);
        }
    }

    /// Resets it; what is under way is lost.
    pub fn reset(&self, deadline: Duration) -> Result<(), DeviceError> {
        self.follow(CR, CR_RESET, (CR, CR_RESET), deadline, None)
            .map_err(|fault| match fault {
                Fault::Failed(error) => error,
                Fault::Stopped => DeviceError::Cancelled {
                    device: self.device.clone(),
                },
            })
    }

    /// Width of the length register, as far as it shows by writing to it while halted.
    pub fn length_bits(&self) -> Option<u32> {
        self.write(LENGTH, u32::MAX >> 6).ok()?;
        let shown = self.read(LENGTH).ok()?;
        self.write(LENGTH, 0).ok()?;
        let bits = shown.trailing_ones();
        (shown.checked_shr(bits).unwrap_or(0) == 0 && bits > 0).then_some(bits)
    }

    /// Moves `length` bytes, and returns what the length register says in the end.
    fn transfer(&self, buffer: &Buffer, length: usize, watch: &Watch) -> Result<usize, Fault> {
        let length = u32::try_from(length)
            .ok()
            .filter(|length| *length > 0 && *length as usize <= self.longest)
            .ok_or_else(|| {
                self.failed(format!(
                    "a transfer of {length} bytes does not fit the AXI DMA's length register"
                ))
            })?;
        if self.read(SR)? & SR_HALTED != 0 {
            self.check(self.read(SR)?)?;
            self.follow(CR, CR_RUN | CR_IRQ, (SR, SR_HALTED), FOLLOW, Some(watch))?;
        }
        if self.read(SR)? & SR_IRQ != 0 {
            self.follow(SR, SR_IRQ, (SR, SR_IRQ), FOLLOW, Some(watch))?;
        }
        let address = buffer.address();
        self.write(ADDRESS, address as u32)?;
        self.write(ADDRESS_HIGH, (address >> 32) as u32)?;
        self.write(LENGTH, length)?;
        let begin = Instant::now();
        loop {
            let status = self.read(SR)?;
            self.check(status)?;
            if status & SR_DONE != 0 {
                break;
            }
            watch.check()?;
            match &self.interrupt {
                Some(interrupt) => {
                    interrupt.wait(INTERRUPT);
                }
                None => pause(begin),
            }
        }
        let moved = self.read(LENGTH)? as usize;
        self.follow(SR, SR_IRQ, (SR, SR_IRQ), FOLLOW, Some(watch))?;
        Ok(moved)
    }

    /// An error if a register reads as ones, which none of them does: nothing answers.
    fn present(&self, got: u32) -> Result<(), Fault> {
        match got {
            u32::MAX => Err(Fault::Failed(DeviceError::LinkLost {
                device: self.device.clone(),
                when: "in the AXI DMA",
            })),
            _ => Ok(()),
        }
    }

    /// An error if the status register shows one.
    fn check(&self, status: u32) -> Result<(), Fault> {
        self.present(status)?;
        let Some((_, cause)) = ERRORS.iter().find(|(bits, _)| status & bits != 0) else {
            return Ok(());
        };
        Err(Fault::Failed(DeviceError::Dma {
            device: self.device.clone(),
            channel: self.label(),
            cause: format!("{cause} (DMASR {status:#010x})"),
        }))
    }

    fn synchronise(&self, cpu: bool, buffer: &Buffer, bytes: usize) -> Result<(), Fault> {
        let Some(sync) = &self.sync else {
            return Ok(());
        };
        let file = if cpu { &sync.for_cpu } else { &sync.for_device };
        let direction = if self.base == MM2S {
            TO_DEVICE
        } else {
            FROM_DEVICE
        };
        CacheSync::request(file, &self.device, buffer.offset(), bytes, direction)
    }

    /// Receives one packet of whatever length.
    fn packet(&self, room: &mut Buffer, watch: &Watch) -> Result<usize, Fault> {
        let length = room.len().min(self.longest);
        self.synchronise(false, room, length)?;
        let got = self.transfer(room, length, watch)?;
        if got > length {
            return Err(self.failed(format!(
                "the AXI DMA says that it received {got} bytes into a buffer of {length}"
            )));
        }
        self.synchronise(true, room, got)?;
        watch.moved(got);
        Ok(got)
    }
}

impl Outlet for Channel {
    fn send(&mut self, buffer: &mut Buffer, length: usize, watch: &Watch) -> Result<(), Fault> {
        self.synchronise(false, buffer, length)?;
        self.transfer(buffer, length, watch)?;
        watch.moved(length);
        Ok(())
    }
}

impl Inlet for Channel {
    fn receive(&mut self, room: &mut Buffer, want: usize, watch: &Watch) -> Result<(), Fault> {
        let got = self.packet(room, watch)?;
        if got != want {
            return Err(Fault::Failed(DeviceError::Length {
                device: self.device.clone(),
                want,
                got,
            }));
        }
        Ok(())
    }

    fn resync(
        &mut self,
        room: &mut Buffer,
        ours: &dyn Fn(&Trailer) -> bool,
        watch: &Watch,
    ) -> Result<Synchronised, Fault> {
        let mut dropped = 0;
        loop {
            // The start of a packet that never ended comes in one packet with the trailer.
            let got = self.packet(room, watch)?;
            let start = got.saturating_sub(Trailer::BYTES);
            let mut beat = [0; Trailer::BYTES];
            if got >= Trailer::BYTES {
                beat.copy_from_slice(&room[start..got]);
                let trailer = Trailer::from_bytes(&beat);
                if ours(&trailer) {
                    return Ok(Synchronised {
                        dropped: dropped + start,
                        next: Some(trailer.sequence.wrapping_add(1)),
                    });
                }
            }
            dropped += got;
        }
    }
}

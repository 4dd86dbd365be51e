//! The AXI DMA in simple mode: one transfer a channel at a time, between memory and a stream.

use super::engine::Engine;
use super::fault::Effect;
use super::faults::Faults;
use super::input::{End, Input};
use super::map::SharedMap;
use super::output::ResultQueue;
use super::registers::{RegisterBlock, Written};

/// Offsets of a channel's registers from its first one.
const CR: u32 = 0x00;
const SR: u32 = 0x04;
const ADDRESS: u32 = 0x18;
const ADDRESS_MSB: u32 = 0x1c;
const LENGTH: u32 = 0x28;
/// Offset of the receiving channel's registers.
const S2MM: u32 = 0x30;

const CR_RUN: u32 = 1;
const CR_RESET: u32 = 1 << 2;
/// Run, interrupt enables, threshold, delay.
const CR_WRITABLE: u32 = CR_RUN | IRQS | 0xffff_0000;
/// After a reset: keyhole's neighbour reads 1, the threshold is 1.
const CR_RESET_VALUE: u32 = 0x0001_0002;

const SR_HALTED: u32 = 1;
const SR_IDLE: u32 = 1 << 1;
const SR_INT_ERROR: u32 = 1 << 4;
const SR_DECODE_ERROR: u32 = 1 << 6;
const SR_ERRORS: u32 = 0x770;
const SR_IOC_IRQ: u32 = 1 << 12;
const SR_ERROR_IRQ: u32 = 1 << 14;
/// Interrupts: complete, delay, error.
const IRQS: u32 = 0x7000;

/// Bytes that are read from memory at once.
const CHUNK: usize = 1 << 14;

/// One channel's registers, and the transfer under way.
#[derive(Debug)]
struct Channel {
    base: u32,
    cr: u32,
    sr: u32,
    address: u64,
    length: u32,
    run: Option<Run>,
}

/// A transfer.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Its start in the buffer.
    offset: usize,
    length: usize,
    done: usize,
}

impl Channel {
    fn new(base: u32) -> Channel {
        Channel {
            base,
            cr: CR_RESET_VALUE,
            sr: SR_HALTED,
            address: 0,
            length: 0,
            run: None,
        }
    }

    /// Stops with an error until a reset.
    fn fail(&mut self, bits: u32) {
        self.run = None;
        self.cr &= !CR_RUN;
        self.sr = (self.sr & !SR_IDLE) | bits | SR_HALTED | SR_ERROR_IRQ;
    }

    /// Ends a transfer of which so many bytes are shown as its length.
    fn complete(&mut self, length: u32) {
        self.run = None;
        self.length = length;
        self.sr |= SR_IDLE | SR_IOC_IRQ;
    }

    /// Shows the registers, the status last.
    fn show(&self, window: &mut RegisterBlock) {
        for (offset, value) in [
            (CR, self.cr),
            (ADDRESS, self.address as u32),
            (ADDRESS_MSB, (self.address >> 32) as u32),
            (LENGTH, self.length),
            (SR, self.sr),
        ] {
            window.update(self.base + offset, value);
        }
    }
}

/// Both channels and the memory they reach.
#[derive(Debug)]
pub struct Dma {
    window: RegisterBlock,
    sends: Channel,
    receives: Channel,
    memory: SharedMap,
    /// Bus address of the memory.
    physical: u64,
    bytes: usize,
    length_mask: u32,
}

impl Dma {
    /// A DMA after power-up that reaches `bytes` of `memory` at the bus address `physical`.
    pub fn new(
        registers: SharedMap,
        memory: SharedMap,
        physical: u64,
        bytes: usize,
        length_bits: u32,
    ) -> Dma {
        let mut dma = Dma {
            window: RegisterBlock::new(registers),
            sends: Channel::new(0),
            receives: Channel::new(S2MM),
            memory,
            physical,
            bytes,
            length_mask: (1 << length_bits) - 1,
        };
        dma.show();
        dma
    }

    /// Carries out what was written and moves data; says whether a channel runs.
    pub fn serve(
        &mut self,
        engine: &mut Engine,
        faults: &mut Faults,
        input: &mut Input,
        output: &mut ResultQueue,
    ) -> bool {
        if faults.is(&Effect::Frozen) {
            return false;
        }
        for written in self.window.written() {
            self.carry_out(written, input);
        }
        let lost = faults.is(&Effect::LinkLost);
        if !lost {
            self.injected(faults);
            self.send(engine, faults, input);
        }
        if !lost && !faults.stalled() {
            self.receive(output);
        }
        self.show();
        self.sends.run.is_some() || self.receives.run.is_some()
    }

    fn show(&mut self) {
        self.sends.show(&mut self.window);
        self.receives.show(&mut self.window);
    }

    fn injected(&mut self, faults: &mut Faults) {
        for (s2mm, channel) in [(false, &mut self.sends), (true, &mut self.receives)] {
            if channel.run.is_none() {
                continue;
            }
            let bits = faults.take(|effect| match effect {
                Effect::Dma { s2mm: of, bits } if *of == s2mm => Some(*bits),
                _ => None,
            });
            if let Some(bits) = bits {
                channel.fail(bits);
            }
        }
    }

    fn carry_out(&mut self, written: Written, input: &mut Input) {
        let Written { offset, value } = written;
        let s2mm = offset >= S2MM;
        let channel = match s2mm {
            true => &mut self.receives,
            false => &mut self.sends,
        };
        match offset - channel.base {
            CR if value & CR_RESET != 0 => {
                // Either channel's bit resets both.
                self.sends = Channel::new(0);
                self.receives = Channel::new(S2MM);
                input.reset();
                // The other registers first: the bit that reads 0 says that it is done.
                self.show();
                self.window.answer(written, CR_RESET_VALUE);
            }
            CR => {
                channel.cr = value & CR_WRITABLE | CR_RESET_VALUE & 2;
                if channel.sr & SR_ERRORS != 0 {
                    channel.cr &= !CR_RUN;
                }
                if channel.cr & CR_RUN == 0 {
                    channel.sr |= SR_HALTED;
                    channel.run = None;
                } else if channel.sr & SR_HALTED != 0 {
                    channel.sr &= !(SR_HALTED | SR_IDLE);
                }
                channel.show(&mut self.window);
                self.window.answer(written, channel.cr);
            }
            SR => {
                // A length of a finished transfer goes before its interrupt does, so that the next
                // one can be seen to be written.
                if channel.run.is_none() {
                    channel.length = 0;
                    self.window.update(channel.base + LENGTH, 0);
                }
                channel.sr &= !(value & IRQS);
                self.window.answer(written, channel.sr);
            }
            ADDRESS => {
                channel.address = channel.address >> 32 << 32 | u64::from(value);
                self.window.answer(written, value);
            }
            ADDRESS_MSB => {
                channel.address = u64::from(value) << 32 | channel.address & 0xffff_ffff;
                self.window.answer(written, value);
            }
            LENGTH => {
                channel.length = value & self.length_mask;
                // A length of 0 is an error on a board. Here it may have been written before what
                // was found written with it, so it starts nothing.
                let starts = channel.length != 0 && channel.run.is_none();
                if starts && channel.sr & SR_HALTED == 0 {
                    let within = channel.address.checked_sub(self.physical);
                    let offset = within.and_then(|offset| usize::try_from(offset).ok());
                    let length = channel.length as usize;
                    let bytes = self.bytes;
                    let ends = |offset: usize| offset.checked_add(length);
                    match offset.filter(|at| ends(*at).is_some_and(|end| end <= bytes)) {
                        None => channel.fail(SR_DECODE_ERROR),
                        Some(offset) => {
                            channel.sr &= !SR_IDLE;
                            channel.run = Some(Run {
                                offset,
                                length,
                                done: 0,
                            });
                        }
                    }
                }
                self.window.update(channel.base + SR, channel.sr);
                self.window.answer(written, channel.length);
            }
            _ => {
                let shown = self.window.shown(offset);
                self.window.answer(written, shown);
            }
        }
    }

    /// From memory to the core. The packet ends with the transfer.
    fn send(&mut self, engine: &mut Engine, faults: &mut Faults, input: &mut Input) {
        while let Some(run) = &mut self.sends.run {
            let now = CHUNK.min(run.length - run.done);
            let Some(bytes) = self.memory.read(run.offset + run.done, now) else {
                self.sends.fail(SR_DECODE_ERROR);
                return;
            };
            let end = match run.done + now == run.length {
                true => End::Here,
                false => End::Later,
            };
            let taken = input.offer(engine, faults, &bytes, end);
            run.done += taken;
            if run.done == run.length {
                self.sends.complete(0);
            } else if taken < now {
                return;
            }
        }
    }

    /// From the core to memory, until the packet ends.
    fn receive(&mut self, output: &mut ResultQueue) {
        while let Some(run) = &mut self.receives.run
            && let Some(front) = output.front()
        {
            let now = front.len().min(run.length - run.done);
            if now == 0 {
                // The packet is longer than the length.
                self.receives.fail(SR_INT_ERROR);
                return;
            }
            if self
                .memory
                .write(run.offset + run.done, &front[..now])
                .is_none()
            {
                self.receives.fail(SR_DECODE_ERROR);
                return;
            }
            run.done += now;
            let done = run.done as u32;
            if output.consume(now) {
                self.receives.complete(done);
            }
        }
    }
}

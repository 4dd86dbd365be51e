//! The engine's registers, as far as software has them.

use super::Executor;
use firebrick_spec::regs::{self, Register};

/// Register state. There are no cycles in software: CYCLES and BUSY both count vectors.
#[derive(Clone, Debug, Default)]
pub(super) struct Registers {
    pub irq_enable: u32,
    pub irq_status: u32,
    pub scratch: u32,
    pub results: u32,
    pub busy: u64,
    pub beats_in: u64,
    pub beats_out: u64,
    /// Upper half latched by reading a lower one.
    pub latched: u32,
}

impl Executor {
    /// Reads a register by byte address, as the bus would.
    pub fn read_reg(&mut self, offset: u32) -> u32 {
        let offset = offset % regs::SPACE;
        let is = |register: Register| register.offset == offset;
        if let Some((_, value)) = regs::identity(&self.config)
            .iter()
            .find(|(register, _)| is(*register))
        {
            return *value;
        }
        if let Some(low) = regs::COUNTERS.iter().find(|low| is(**low)) {
            let value = self.counter(low);
            self.registers.latched = (value >> 32) as u32;
            return value as u32;
        }
        if regs::COUNTERS.iter().any(|low| low.offset + 4 == offset) {
            return self.registers.latched;
        }
        match offset {
            _ if is(regs::STATUS) => u32::from(self.fault.is_some()) << 1,
            _ if is(regs::ERROR) => self
                .fault
                .map_or(0, |fault| fault.code as u32 | fault.record << 8),
            _ if is(regs::IRQ_ENABLE) => self.registers.irq_enable,
            _ if is(regs::IRQ_STATUS) => self.registers.irq_status,
            _ if is(regs::SCRATCH) => self.registers.scratch,
            _ if is(regs::RESULTS) => self.registers.results,
            _ => 0,
        }
    }

    /// Writes a register by byte address, as the bus would.
    pub fn write_reg(&mut self, offset: u32, value: u32) {
        let offset = offset % regs::SPACE;
        let is = |register: Register| register.offset == offset;
        match offset {
            _ if is(regs::CTRL) => {
                if value & 2 != 0 {
                    self.registers.busy = 0;
                    self.registers.beats_in = 0;
                    self.registers.beats_out = 0;
                }
                if value & 1 != 0 {
                    self.soft_reset();
                }
            }
            _ if is(regs::IRQ_ENABLE) => self.registers.irq_enable = value & 3,
            _ if is(regs::IRQ_STATUS) => self.registers.irq_status &= !value,
            _ if is(regs::SCRATCH) => self.registers.scratch = value,
            _ => {}
        }
    }

    fn counter(&self, low: &Register) -> u64 {
        match *low {
            regs::CYCLES_LO | regs::BUSY_LO => self.registers.busy,
            regs::BEATS_IN_LO => self.registers.beats_in,
            regs::BEATS_OUT_LO => self.registers.beats_out,
            _ => 0,
        }
    }
}

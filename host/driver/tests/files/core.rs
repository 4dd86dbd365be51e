//! The core's registers in a file, and its streams.

use super::Words;
use firebrick_driver::{Executor, Framed, Framer};
use firebrick_spec::HwConfig;
use firebrick_spec::regs::{self, Access};

/// The core behind its registers.
pub struct Core {
    executor: Executor,
    framer: Framer,
    input: Vec<u8>,
    words: Words,
}

impl Core {
    pub fn new(config: &HwConfig, words: Words) -> Core {
        let mut core = Core {
            executor: Executor::new(config),
            framer: Framer::new(config),
            input: Vec::new(),
            words,
        };
        core.publish(false);
        core
    }

    /// Shows the engine's state.
    pub fn publish(&mut self, busy: bool) {
        for register in regs::ALL {
            let hosts = [
                regs::IRQ_ENABLE,
                regs::SCRATCH,
                regs::STATS_INDEX,
                regs::STATS_AT,
            ];
            if register.access == Access::Trigger || hosts.contains(register) {
                continue;
            }
            let mut value = self.executor.read_reg(register.offset);
            if *register == regs::STATUS {
                value |= u32::from(busy || !self.input.is_empty());
            }
            self.words.set(register.offset, value);
        }
    }

    /// Looks for writes of the host; `true` if that was a soft reset, which is not complete before
    /// [`reset_done`](Self::reset_done).
    pub fn poll(&mut self) -> bool {
        let index = self.words.get(regs::STATS_INDEX.offset);
        if index != self.words.get(regs::STATS_AT.offset) {
            self.executor.write_reg(regs::STATS_INDEX.offset, index);
            let value = self.executor.read_reg(regs::STATS_DATA.offset);
            self.words.set(regs::STATS_DATA.offset, value);
            self.words.set(regs::STATS_AT.offset, index);
        }
        if self.words.get(regs::IRQ_STATUS.offset) == u32::MAX {
            self.executor.write_reg(regs::IRQ_STATUS.offset, u32::MAX);
            self.words.set(regs::IRQ_STATUS.offset, 0);
        }
        let control = self.words.get(regs::CTRL.offset);
        if control & 1 != 0 {
            return true;
        }
        if control != 0 {
            self.executor.write_reg(regs::CTRL.offset, control);
            self.reset_done();
        }
        false
    }

    /// Resets the engine.
    pub fn reset(&mut self) {
        self.executor.write_reg(regs::CTRL.offset, 3);
        self.input.clear();
        self.framer = Framer::new(self.executor.config());
    }

    /// Shows that what CTRL asked for has happened.
    pub fn reset_done(&mut self) {
        self.publish(false);
        self.words.set(regs::CTRL.offset, 0);
    }

    /// Takes input; returns packets. After an error everything is dropped.
    pub fn take(&mut self, mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        while !bytes.is_empty() && self.executor.fault().is_none() {
            let (end, over) = match self.framer.push(bytes) {
                Framed::More => (bytes.len(), false),
                Framed::End(end) | Framed::Lost(end) => (end, true),
            };
            self.input.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end..];
            if over {
                let transfer = std::mem::take(&mut self.input);
                packets.extend(self.executor.run(&transfer).ok());
            }
        }
        packets
    }

    pub fn words(&self) -> &Words {
        &self.words
    }

    /// Whether the interrupt is raised.
    pub fn irq(&mut self) -> bool {
        let enable = self.words.get(regs::IRQ_ENABLE.offset);
        self.executor.read_reg(regs::IRQ_STATUS.offset) & enable != 0
    }
}

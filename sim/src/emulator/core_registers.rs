//! The core's registers, shown in a window.

use firebrick_spec::regs::{self, Access};

use super::engine::Engine;
use super::fault::Effect;
use super::faults::Faults;
use super::map::SharedMap;
use super::registers::{RegisterBlock, Written};
use crate::bus::BusError;

/// Cycles in which a write takes effect on all other registers.
const SETTLE: u64 = 16;

/// The registers that change by themselves.
const LIVE: [&regs::Register; 3] = [&regs::STATUS, &regs::ERROR, &regs::IRQ_STATUS];

/// The window of the core's registers.
#[derive(Debug)]
pub struct CoreRegisters {
    window: RegisterBlock,
    /// Whether all registers show ones.
    lost: bool,
}

/// What writes to registers did beyond the core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Something was written.
    pub any: bool,
    /// Causes of the interrupt were cleared, or enabled: a level that is high then is new.
    pub irq: bool,
}

impl CoreRegisters {
    /// Shows the registers of a core in a mapping.
    pub fn new(map: SharedMap, engine: &mut Engine, faults: &Faults) -> Result<Self, BusError> {
        let mut registers = CoreRegisters {
            window: RegisterBlock::new(map),
            lost: false,
        };
        registers.refresh_all(engine, faults)?;
        Ok(registers)
    }

    /// Carries out what was written. `reset` drops what is on its way in the streams; it is called
    /// before a soft reset shows.
    pub fn serve(
        &mut self,
        engine: &mut Engine,
        faults: &mut Faults,
        reset: &mut dyn FnMut(),
    ) -> Result<Done, BusError> {
        let mut done = Done::default();
        if faults.is(&Effect::LinkLost) {
            if !self.lost || !self.window.written().is_empty() {
                self.window.fill(u32::MAX);
            }
            self.lost = true;
            return Ok(done);
        }
        if std::mem::take(&mut self.lost) {
            self.window.fill(0);
            self.refresh_all(engine, faults)?;
        }
        if faults.is(&Effect::Frozen) {
            return Ok(done);
        }
        for written in self.window.written() {
            done.any = true;
            done.irq |= self.carry_out(written, engine, faults, reset)?;
        }
        Ok(done)
    }

    fn carry_out(
        &mut self,
        written: Written,
        engine: &mut Engine,
        faults: &mut Faults,
        reset: &mut dyn FnMut(),
    ) -> Result<bool, BusError> {
        let Written { offset, value } = written;
        let register = regs::ALL.iter().find(|register| register.offset == offset);
        match register.map(|register| register.access) {
            Some(Access::Trigger) => {
                if value & 1 != 0 {
                    engine.soft_reset(offset, value)?;
                    faults.soft_reset();
                    reset();
                } else {
                    engine.write(offset, value)?;
                }
                engine.step(SETTLE)?;
                self.refresh_all(engine, faults)?;
                self.window.answer(written, 0);
            }
            Some(Access::ReadWrite | Access::WriteOneToClear) => {
                engine.write(offset, value)?;
                engine.step(SETTLE)?;
                if offset == regs::STATS_INDEX.offset {
                    self.refresh_statistic(engine)?;
                }
                let now = engine.read(offset)?;
                self.window.answer(written, now);
            }
            Some(Access::ReadOnly) | None => {
                self.window.answer(written, self.window.shown(offset));
            }
        }
        Ok(offset == regs::IRQ_STATUS.offset || offset == regs::IRQ_ENABLE.offset)
    }

    /// The statistic, and then the index that it belongs to.
    fn refresh_statistic(&mut self, engine: &mut Engine) -> Result<(), BusError> {
        for register in [regs::STATS_DATA, regs::STATS_AT] {
            let value = engine.read(register.offset)?;
            self.window.update(register.offset, value);
        }
        Ok(())
    }

    /// Shows what changes while the core runs; counters only when a result has left.
    pub fn refresh(&mut self, engine: &mut Engine, faults: &Faults) -> Result<(), BusError> {
        if self.lost || faults.is(&Effect::Frozen) {
            return Ok(());
        }
        let results = engine.read(regs::RESULTS.offset)?;
        if results != self.window.shown(regs::RESULTS.offset) {
            return self.refresh_all(engine, faults);
        }
        // Whoever sees STATUS tell of an error finds it in ERROR: STATUS is read first and shown last.
        let mut live = [0; LIVE.len()];
        for (value, register) in live.iter_mut().zip(LIVE) {
            *value = engine.read(register.offset)?;
        }
        for (register, value) in LIVE.into_iter().zip(live).rev() {
            self.window.update(register.offset, value);
        }
        for register in [regs::MAGIC, regs::ABI, regs::HASH_LO, regs::HASH_HI] {
            let value = match disguise(&register, faults) {
                Some(value) => value,
                None => engine.read(register.offset)?,
            };
            self.window.update(register.offset, value);
        }
        Ok(())
    }

    /// Shows all registers; the state after the counters.
    pub fn refresh_all(&mut self, engine: &mut Engine, faults: &Faults) -> Result<(), BusError> {
        let state = |register: &&regs::Register| {
            register.offset < regs::CYCLES_LO.offset && register.offset >= regs::CTRL.offset
        };
        let (last, first): (Vec<_>, Vec<_>) = regs::ALL.iter().partition(state);
        for register in first.into_iter().chain(last) {
            let value = match disguise(register, faults) {
                Some(value) => value,
                None => engine.read(register.offset)?,
            };
            self.window.update(register.offset, value);
        }
        Ok(())
    }

    /// Whether a stream is under way, as STATUS shows it.
    pub fn is_busy(&self) -> bool {
        self.window.shown(regs::STATUS.offset) & regs::status::BUSY.mask() != 0
    }
}

/// What a register shows in place of its value.
fn disguise(register: &regs::Register, faults: &Faults) -> Option<u32> {
    let offset = register.offset;
    faults.on(|effect| match effect {
        Effect::Magic(value) if offset == regs::MAGIC.offset => Some(*value),
        Effect::Abi(value) if offset == regs::ABI.offset => Some(*value),
        Effect::Hash(value) if offset == regs::HASH_LO.offset => Some(*value as u32),
        Effect::Hash(value) if offset == regs::HASH_HI.offset => Some((*value >> 32) as u32),
        _ => None,
    })
}

//! The engine's registers, as far as software has them.

use super::Executor;
use firebrick_spec::regs::{self, Register};

/// Index of BUSY among the counters.
const BUSY_INDEX: usize = regs::CAUSES.start;

/// Vectors and positions without a pixel of one layer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LayerStats {
    busy: u32,
    ragged: u32,
}

/// Register state. There are no cycles in software: CYCLES and BUSY both count vectors.
#[derive(Clone, Debug)]
pub(super) struct Registers {
    pub irq_enable: u32,
    pub irq_status: u32,
    pub scratch: u32,
    pub results: u32,
    pub busy: u64,
    pub ragged: u64,
    pub stats_index: u32,
    /// By layer; not even a reset changes them.
    pub stats: Vec<LayerStats>,
    pub beats_in: u64,
    pub beats_out: u64,
    /// Upper half latched by reading a lower one.
    pub latched: u32,
}

impl Default for Registers {
    fn default() -> Registers {
        Registers {
            irq_enable: 0,
            irq_status: 0,
            scratch: 0,
            results: 0,
            busy: 0,
            ragged: 0,
            stats_index: 0,
            stats: vec![LayerStats::default(); regs::STATS_LAYERS],
            beats_in: 0,
            beats_out: 0,
            latched: 0,
        }
    }
}

impl Registers {
    /// Counts vectors of a layer.
    pub fn count(&mut self, layer: u32, busy: u64, ragged: u64) {
        self.busy += busy;
        self.ragged += ragged;
        let stats = &mut self.stats[layer as usize % regs::STATS_LAYERS];
        stats.busy = stats.busy.wrapping_add(busy as u32);
        stats.ragged = stats.ragged.wrapping_add(ragged as u32);
    }

    /// What STATS_DATA shows.
    fn statistic(&self) -> u32 {
        let layer = regs::stats_index::LAYER.get(self.stats_index) as usize % regs::STATS_LAYERS;
        match regs::stats_index::CAUSE.get(self.stats_index) as usize {
            BUSY_INDEX => self.stats[layer].busy,
            regs::RAGGED_INDEX => self.stats[layer].ragged,
            _ => 0,
        }
    }
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
            _ if is(regs::STATUS) => regs::status::ERROR.put(self.fault.is_some().into()),
            _ if is(regs::ERROR) => self.fault.map_or(0, |fault| {
                regs::error::CODE.put(fault.code as u32) | regs::error::RECORD.put(fault.record)
            }),
            _ if is(regs::IRQ_ENABLE) => self.registers.irq_enable,
            _ if is(regs::IRQ_STATUS) => self.registers.irq_status,
            _ if is(regs::SCRATCH) => self.registers.scratch,
            _ if is(regs::RESULTS) => self.registers.results,
            _ if is(regs::STATS_INDEX) => self.registers.stats_index,
            _ if is(regs::STATS_AT) => self.registers.stats_index,
            _ if is(regs::STATS_DATA) => self.registers.statistic(),
            _ => 0,
        }
    }

    /// Writes a register by byte address, as the bus would.
    pub fn write_reg(&mut self, offset: u32, value: u32) {
        let offset = offset % regs::SPACE;
        let is = |register: Register| register.offset == offset;
        match offset {
            _ if is(regs::CTRL) => {
                if value & regs::ctrl::CLEAR_COUNTERS.mask() != 0 {
                    self.registers.busy = 0;
                    self.registers.ragged = 0;
                    self.registers.beats_in = 0;
                    self.registers.beats_out = 0;
                }
                if value & regs::ctrl::SOFT_RESET.mask() != 0 {
                    self.soft_reset();
                }
            }
            _ if is(regs::IRQ_ENABLE) => {
                self.registers.irq_enable = value & regs::IRQ_ENABLE.mask()
            }
            _ if is(regs::IRQ_STATUS) => self.registers.irq_status &= !value,
            _ if is(regs::SCRATCH) => self.registers.scratch = value,
            _ if is(regs::STATS_INDEX) => {
                self.registers.stats_index = value & regs::STATS_INDEX.mask()
            }
            _ => {}
        }
    }

    fn counter(&self, low: &Register) -> u64 {
        match *low {
            regs::CYCLES_LO | regs::BUSY_LO => self.registers.busy,
            regs::RAGGED_LO => self.registers.ragged,
            regs::BEATS_IN_LO => self.registers.beats_in,
            regs::BEATS_OUT_LO => self.registers.beats_out,
            _ => 0,
        }
    }
}

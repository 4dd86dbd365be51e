//! The engine's counters over one picture.

use firebrick_driver::Program;
use firebrick_spec::regs;
use serde::Serialize;
use std::collections::BTreeMap;

use crate::output::percent;

/// What the counters and the clock on the wall say of one picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// From the first beat of the transfer in to the result's trailer out.
    pub cycles: u64,
    /// In which the array took a vector.
    pub busy_cycles: u64,
    /// Useful multiply-accumulates.
    pub macs: u64,
    pub mac_peak_per_cycle: u64,
    /// `macs` over what the array could do in `cycles`.
    pub utilization: f64,
    pub dma_bytes_in: u64,
    pub dma_bytes_out: u64,
    pub sim_seconds: f64,
    /// Cycles without a vector, by cause.
    pub stall_cycles: BTreeMap<String, u64>,
}

impl Figures {
    /// From the counters' differences, in the order of [`regs::COUNTERS`].
    pub fn new(counted: &[u64], program: &Program, seconds: f64) -> Figures {
        let of = |register: regs::Register| {
            let at = regs::COUNTERS.iter().position(|r| *r == register);
            at.and_then(|i| counted.get(i)).copied().unwrap_or(0)
        };
        let beat = program.config().bus_bytes as u64;
        let cycles = of(regs::CYCLES_LO);
        let peak = program.prediction().peak;
        let stalls = regs::COUNTERS.iter().zip(counted).filter_map(|(r, &n)| {
            let cause = r.name.strip_prefix("STALL_")?.strip_suffix("_LO")?;
            Some((cause.to_lowercase(), n))
        });
        Figures {
            cycles,
            busy_cycles: of(regs::BUSY_LO),
            macs: program.macs(),
            mac_peak_per_cycle: peak,
            utilization: program.macs() as f64 / (cycles.max(1) * peak) as f64,
            dma_bytes_in: of(regs::BEATS_IN_LO) * beat,
            dma_bytes_out: of(regs::BEATS_OUT_LO) * beat,
            sim_seconds: seconds,
            stall_cycles: stalls.collect(),
        }
    }

    /// For people: two lines.
    pub fn text(&self) -> String {
        let stalls: Vec<String> = self
            .stall_cycles
            .iter()
            .filter(|(_, n)| **n > 0)
            .map(|(cause, n)| format!("{cause} {n}"))
            .collect();
        format!(
            "{} cycles, {} of them busy, {} MACs at {} a cycle: utilization {}\n\
             stalls: {}; {} bytes in, {} out; simulated in {:.1} s",
            self.cycles,
            self.busy_cycles,
            self.macs,
            self.mac_peak_per_cycle,
            percent(self.utilization),
            if stalls.is_empty() {
                "none".to_owned()
            } else {
                stalls.join(", ")
            },
            self.dma_bytes_in,
            self.dma_bytes_out,
            self.sim_seconds,
        )
    }
}

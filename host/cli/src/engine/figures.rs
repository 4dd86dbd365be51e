//! The engine's counters over one picture.

use firebrick_driver::Program;
use firebrick_spec::regs;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

use crate::accounting::{Account, LayerAccount, cause};
use crate::output::percent;

/// What the counters and the clock on the wall say of one picture.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct Figures {
    /// From the first beat of the transfer in, or from the trailer of the picture before if that
    /// came later, to the result's trailer out.
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
    /// Cycles without a vector, by cause; of pictures back to back only their sum is known, in
    /// `run`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stall_cycles: Option<BTreeMap<String, u64>>,
    /// The pictures that ran back to back.
    pub run: RunFigures,
}

/// What the counters say of pictures that ran back to back.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct RunFigures {
    pub images: u64,
    pub cycles: u64,
    pub busy_cycles: u64,
    pub utilization: f64,
    /// Cycles without a vector, by cause.
    pub stall_cycles: BTreeMap<String, u64>,
    #[serde(flatten)]
    pub account: Account,
    /// By layer, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<Vec<LayerAccount>>,
}

impl Figures {
    /// Of pictures that ran back to back: from the counters' differences, in the order of
    /// [`regs::COUNTERS`], and the cycle counts of the trailers, beginning with that of CYCLES
    /// before the run.
    pub fn of_run(
        counted: &[u64],
        ends: &[u32],
        layers: Option<Vec<LayerAccount>>,
        program: &Program,
        seconds: f64,
    ) -> Vec<Figures> {
        let at = |index: usize| counted.get(index).copied().unwrap_or(0);
        let peak = program.prediction().peak;
        let images = ends.len().saturating_sub(1) as u64;
        let macs = program.macs();
        let total = at(0);
        let use_of = |macs: u64, cycles: u64| macs as f64 / (cycles.max(1) * peak) as f64;
        let run = RunFigures {
            images,
            cycles: total,
            busy_cycles: at(regs::CAUSES.start),
            utilization: use_of(macs * images, total),
            stall_cycles: regs::CAUSES.skip(1).map(|i| (cause(i), at(i))).collect(),
            account: Account::of(counted, macs * images, program.config()),
            layers,
        };
        // A trailer notes the cycle in which it enters the output queue; the first picture takes
        // the time that the last one needs to leave it, so that all add up to the run.
        let span = |from: usize, to: usize| u64::from(ends[to].wrapping_sub(ends[from]));
        let leaving = total.saturating_sub(span(0, ends.len().saturating_sub(1)));
        (1..ends.len())
            .map(|i| {
                let cycles = span(i - 1, i) + if i == 1 { leaving } else { 0 };
                Figures {
                    cycles,
                    busy_cycles: program.prediction().busy_cycles,
                    macs,
                    mac_peak_per_cycle: peak,
                    utilization: use_of(macs, cycles),
                    dma_bytes_in: program.input_bytes() as u64,
                    dma_bytes_out: program.output_bytes() as u64,
                    sim_seconds: seconds / images as f64,
                    stall_cycles: (images == 1).then(|| run.stall_cycles.clone()),
                    run: run.clone(),
                }
            })
            .collect()
    }

    /// For people: two lines.
    pub fn text(&self) -> String {
        let stalls: Vec<String> = self
            .run
            .stall_cycles
            .iter()
            .filter(|(_, n)| **n > 0)
            .map(|(cause, n)| format!("{cause} {n}"))
            .collect();
        format!(
            "{} cycles, {} of them busy, {} MACs at {} a cycle: utilization {}\n\
             stalls{}: {}; {} bytes in, {} out; simulated in {:.1} s",
            self.cycles,
            self.busy_cycles,
            self.macs,
            self.mac_peak_per_cycle,
            percent(self.utilization),
            match self.run.images {
                1 => String::new(),
                n => format!(" of {n} pictures back to back"),
            },
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

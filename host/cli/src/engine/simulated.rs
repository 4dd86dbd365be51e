//! What only the simulated engine has: building, disturbances, waveforms, progress.

use std::path::Path;

use firebrick_driver::Program;
use firebrick_sim::{ModelError, SimError};

use super::{Disturbance, Engine};
use crate::commands::Sent;
use crate::error::CliError;
use crate::progress::{note, warning};

impl Engine {
    /// Sets disturbances and progress up for a run, and the waveform before the first.
    pub(super) fn prepare(
        &mut self,
        program: &Program,
        pictures: usize,
        label: &str,
        disturbance: Disturbance,
    ) -> Result<(), CliError> {
        let Some(device) = self.session.as_mut().and_then(|s| s.device().simulated()) else {
            return Ok(());
        };
        self.begun = device.bench_mut().now();
        self.origin.get_or_insert(self.begun);
        let Disturbance {
            idle,
            back_pressure,
        } = disturbance;
        let bench = device.bench_mut();
        bench.set_disturbance(idle, back_pressure, idle);
        if let Some((path, cycles)) = &self.options.waveform
            && !self.traced
        {
            let now = bench.now();
            let macs = self.options.config.macs_per_cycle();
            announce(path, cycles.end - cycles.start, macs)?;
            let (from, to) = (
                now.saturating_add(cycles.start),
                now.saturating_add(cycles.end),
            );
            bench
                .model_mut()
                .trace(path, from, to)
                .map_err(simulation)?;
            self.traced = true;
        }
        let cycles = program.prediction().cycles * pictures as u64;
        self.progress.start(label, cycles);
        Ok(())
    }

    /// When the last run began and the beats of its last result left a simulated engine.
    pub fn sent(&mut self) -> Option<Sent> {
        let device = self.session.as_mut()?.device().simulated()?;
        let origin = self.origin.unwrap_or(0);
        let beats = device.packet_cycles().iter();
        Some(Sent {
            begin: self.begun - origin,
            beats: beats.map(|cycle| cycle - origin).collect(),
        })
    }

    /// Cycle since power-up in which the first run began.
    pub fn origin(&self) -> Option<u64> {
        self.origin
    }

    /// The cycle, counted from there.
    pub fn now(&mut self) -> Option<u64> {
        let origin = self.origin?;
        let device = self.session.as_mut()?.device().simulated()?;
        Some(device.bench_mut().now() - origin)
    }

    /// Ends the waveform, if there is one, and says what is in it.
    pub fn end_waveform(&mut self) -> Result<(), CliError> {
        let Some((path, cycles)) = self.options.waveform.as_ref().filter(|_| self.traced) else {
            return Ok(());
        };
        // Without an engine, or without a waveform in it, there was an error that said so.
        let Some(device) = self.session.as_mut().and_then(|s| s.device().simulated()) else {
            return Ok(());
        };
        let bench = device.bench_mut();
        let now = bench.now();
        let model = bench.model_mut();
        let Some(recorded) = model.recorded() else {
            return Ok(());
        };
        model.end_trace().map_err(simulation)?;
        let (from, to) = (cycles.start, cycles.end);
        let path = path.display();
        let recorded = match recorded {
            0 => {
                warning(format_args!(
                    "the waveform {path} holds no cycle: the run ended at cycle {}, before \
                     the window {from}..{to}; name an earlier one with --cycles",
                    now - self.origin.unwrap_or(0)
                ));
                return Ok(());
            }
            n if n < to - from => {
                let end = from + n;
                format!(": cycles {from}..{end} of {from}..{to}, the run ended before the rest")
            }
            _ => String::new(),
        };
        note(format_args!("waveform: {path}{recorded}"));
        Ok(())
    }
}

/// Bytes of a waveform for each cycle and MAC. Measured: the first 20000 cycles of a photograph
/// are 27 MB on fb64 and 114 MB on fb256.
const BYTES_A_MAC_CYCLE: u64 = 22;

/// Says how large the waveform will be, and whether there is room for it.
fn announce(path: &Path, cycles: u64, macs: usize) -> Result<(), CliError> {
    let bytes = cycles
        .saturating_mul(macs as u64)
        .saturating_mul(BYTES_A_MAC_CYCLE);
    let megabytes = bytes.div_ceil(1_000_000);
    note(format_args!(
        "waveform: {cycles} cycles, some {megabytes} MB expected"
    ));
    let error = |reason: String| CliError::output(path, "--waveform", reason);
    let room = firebrick_sim::room(path).map_err(|e| error(e.to_string()))?;
    match room < bytes {
        false => Ok(()),
        true => Err(error(format!(
            "some {megabytes} MB are expected, and there is room for {}; give fewer --cycles",
            room / 1_000_000
        ))),
    }
}

fn simulation(error: ModelError) -> CliError {
    Box::new(SimError::Model(error)).into()
}

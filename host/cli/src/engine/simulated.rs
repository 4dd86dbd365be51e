//! What only the simulated engine has: building, disturbances, waveforms, progress.

use std::sync::Arc;

use firebrick_driver::Program;
use firebrick_sim::{Builder, ModelError, SimDevice, SimError, SimOptions};

use super::{Disturbance, Engine};
use crate::device::AnyDevice;
use crate::error::CliError;
use crate::progress::{BuildProgress, note};

impl Engine {
    /// The engine's Verilog as a running model.
    pub(super) fn simulator(&self) -> Result<SimDevice, CliError> {
        let builder = Builder::new().progress(BuildProgress::new(self.options.style));
        let options = SimOptions {
            seed: self.options.seed.into(),
            trace: self.options.waveform.is_some(),
            random_state: self.options.random_state,
            ..SimOptions::default()
        };
        let mut device =
            SimDevice::open(&self.options.config, &builder, &options).map_err(Box::new)?;
        let progress = Arc::clone(&self.progress);
        device.on_progress(Box::new(move |cycles| progress.at(cycles)));
        Ok(device)
    }

    /// Sets disturbances and progress up for a run, and the waveform before the first.
    pub(super) fn prepare(
        &mut self,
        program: &Program,
        pictures: usize,
        label: &str,
        disturbance: Disturbance,
    ) -> Result<(), CliError> {
        let Some(AnyDevice::Sim(device)) = self.session.as_mut().map(|s| s.device()) else {
            return Ok(());
        };
        self.origin.get_or_insert(device.bench_mut().now());
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
            let (from, to) = (now + cycles.start, now + cycles.end);
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

    /// Ends the waveform, if there is one.
    pub fn end_waveform(&mut self) -> Result<(), CliError> {
        let Some((path, _)) = self.options.waveform.as_ref().filter(|_| self.traced) else {
            return Ok(());
        };
        if let Some(AnyDevice::Sim(device)) = self.session.as_mut().map(|s| s.device()) {
            device
                .bench_mut()
                .model_mut()
                .end_trace()
                .map_err(simulation)?;
        }
        note(format_args!("waveform: {}", path.display()));
        Ok(())
    }
}

fn simulation(error: ModelError) -> CliError {
    Box::new(SimError::Model(error)).into()
}

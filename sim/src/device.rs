//! The Verilated engine as a device: the same transfers, registers and errors as a board.

use std::time::{Duration, Instant};

use firebrick_driver::{Device, DeviceError, EngineFault};
use firebrick_rtl::top::{self, GenerateError};
use firebrick_spec::command::ErrorCode;
use firebrick_spec::{HwConfig, regs};

use crate::bus::{BusError, LiteId, SinkId, SourceId, Testbench};
use crate::design::Design;
use crate::error::{BuildError, ModelError};
use crate::model::Model;
use crate::verilate::Builder;

/// Cycles between looks at the engine's status, the deadline and the progress report.
const POLL: u64 = 8192;

/// How a simulated engine is built and disturbed.
#[derive(Debug, Clone, Default)]
pub struct SimOptions {
    /// Seed of all random behaviour.
    pub seed: u64,
    /// Probability of an idle cycle before each input beat.
    pub idle: f64,
    /// Probability of a cycle without ready on the output.
    pub back_pressure: f64,
    /// Builds the model with waveform support.
    pub trace: bool,
    /// Starts with random memories and registers, from the seed, in place of zeros.
    pub random_state: bool,
    /// Builds in a fraction of the time a model that runs slower: for short runs.
    pub quick_build: bool,
}

/// Why there is no simulated engine.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// No Verilog.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// No model.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The model does not run.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The engine does not answer.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// Called now and then with the cycles of the current run.
pub type CycleReport = Box<dyn FnMut(u64) + Send>;

/// The engine's emitted Verilog, run by Verilator.
pub struct SimDevice {
    name: String,
    bench: Testbench,
    source: SourceId,
    sink: SinkId,
    lite: LiteId,
    report: Option<CycleReport>,
}

impl std::fmt::Debug for SimDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimDevice")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The design that [`SimDevice`] builds for a configuration.
pub fn engine_design(config: &HwConfig, options: &SimOptions) -> Result<Design, GenerateError> {
    Ok(Design::new(top::TOP, top::generate(config)?)
        .trace(options.trace)
        .random_reset(options.random_state)
        .optimise(if options.quick_build { 1 } else { 3 }))
}

impl SimDevice {
    /// Generates, verilates (unless cached) and resets an engine.
    pub fn open(
        config: &HwConfig,
        builder: &Builder,
        options: &SimOptions,
    ) -> Result<SimDevice, SimError> {
        let built = builder.build(&engine_design(config, options)?)?;
        let model = Model::load(&built, options.seed as u32)?;
        let (mut bench, source, sink, lite) = Testbench::engine(model, options.seed)?;
        bench.set_disturbance(options.idle, options.back_pressure, options.idle);
        Ok(SimDevice {
            name: format!("simulated engine {}", config.name),
            bench,
            source,
            sink,
            lite,
            report: None,
        })
    }

    /// Calls `report` now and then during a run.
    pub fn on_progress(&mut self, report: CycleReport) {
        self.report = Some(report);
    }

    /// The test bench, for waveforms and disturbances.
    pub fn bench_mut(&mut self) -> &mut Testbench {
        &mut self.bench
    }

    fn link(&self, error: BusError) -> DeviceError {
        DeviceError::Link {
            device: self.name.clone(),
            what: error.to_string(),
        }
    }

    /// The error that the engine holds, if any.
    fn fault(&mut self) -> Result<Option<EngineFault>, DeviceError> {
        let held = self.read_reg(regs::ERROR.offset)?;
        if held == 0 {
            return Ok(None);
        }
        match ErrorCode::from_bits(held as u8) {
            Some(code) => Ok(Some(EngineFault {
                code,
                record: held >> 8,
            })),
            None => Err(DeviceError::Link {
                device: self.name.clone(),
                what: format!("register ERROR reads {held:#010x}, which is no known code"),
            }),
        }
    }

    /// Gives up a transfer: what is left of it must not reach the next one.
    fn abandon(&mut self) -> Result<(), BusError> {
        self.bench.reset(1)?;
        self.bench.source_mut(self.source).clear();
        Ok(())
    }

    fn packet(&mut self) -> Vec<u8> {
        self.bench.sink_mut(self.sink).take_bytes()
    }
}

impl Device for SimDevice {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn read_reg(&mut self, offset: u32) -> Result<u32, DeviceError> {
        self.bench.read(self.lite, offset).map_err(|e| self.link(e))
    }

    fn write_reg(&mut self, offset: u32, value: u32) -> Result<(), DeviceError> {
        self.bench
            .write(self.lite, offset, value)
            .map_err(|e| self.link(e))?;
        if offset == regs::CTRL.offset && value & 1 != 0 {
            // What was on its way belongs to the run that is being given up.
            self.bench.sink_mut(self.sink).take_bytes();
        }
        Ok(())
    }

    fn run(
        &mut self,
        transfer: &[u8],
        result_bytes: usize,
        deadline: Duration,
    ) -> Result<Vec<u8>, DeviceError> {
        let mut packets = self.run_all(&[transfer], result_bytes, deadline)?;
        Ok(packets.pop().unwrap_or_default())
    }

    fn run_many(
        &mut self,
        transfers: &[Vec<u8>],
        result_bytes: usize,
        deadline: Duration,
    ) -> Result<Vec<Vec<u8>>, DeviceError> {
        let transfers: Vec<&[u8]> = transfers.iter().map(Vec::as_slice).collect();
        self.run_all(&transfers, result_bytes, deadline)
    }
}

impl SimDevice {
    /// Feeds transfers without a gap and collects their packets. The deadline is for each.
    fn run_all(
        &mut self,
        transfers: &[&[u8]],
        result_bytes: usize,
        deadline: Duration,
    ) -> Result<Vec<Vec<u8>>, DeviceError> {
        let (begin, first) = (Instant::now(), self.bench.now());
        let deadline = deadline * transfers.len() as u32;
        let (before, number) = (self.bench.sink(self.sink).packets(), transfers.len());
        for transfer in transfers {
            self.bench
                .source_mut(self.source)
                .push_bytes(transfer, true);
        }
        loop {
            let mut done = false;
            for _ in 0..POLL {
                self.bench.cycle().map_err(|e| self.link(e))?;
                done = self.bench.sink(self.sink).packets() >= before + number as u64;
                if done {
                    break;
                }
            }
            if let Some(report) = &mut self.report {
                report(self.bench.now() - first);
            }
            let sent = self.bench.source(self.source).waiting() == 0;
            if done {
                let bytes = self.packet();
                if bytes.len() == number * result_bytes {
                    return Ok(bytes
                        .chunks_exact(result_bytes.max(1))
                        .map(<[u8]>::to_vec)
                        .collect());
                }
                let (want, got) = (number * result_bytes, bytes.len());
                return Err(DeviceError::Length {
                    device: self.name.clone(),
                    want,
                    got,
                });
            }
            if sent && let Some(fault) = self.fault()? {
                self.packet();
                return Err(DeviceError::Engine {
                    device: self.name.clone(),
                    fault,
                });
            }
            if begin.elapsed() > deadline {
                let got = self.packet().len();
                self.abandon().map_err(|e| self.link(e))?;
                return Err(DeviceError::Timeout {
                    device: self.name.clone(),
                    want: number * result_bytes,
                    got,
                    deadline,
                });
            }
        }
    }
}

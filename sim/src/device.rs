//! The Verilated engine as a device: the same transfers, registers and errors as a board.

mod hang;
mod probes;
mod stream;
mod units;

use std::time::Duration;

use firebrick_driver::{Cancel, Device, DeviceError, EngineFault, Feed, Take};
use firebrick_rtl::top::{self, GenerateError};
use firebrick_spec::command::ErrorCode;
use firebrick_spec::{HwConfig, regs};

use crate::bus::{BusError, LiteId, SinkId, SourceId, Testbench};
use crate::design::Design;
use crate::error::{BuildError, ModelError};
use crate::verilator::model::Model;
use crate::verilator::verilate::Builder;
#[cfg(test)]
pub(crate) use probes::module;

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

/// Looks at STATUS, some cycles each, until what a soft reset broke off must have left.
const ABORT_LOOKS: u32 = 10_000;

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
    cancel: Cancel,
    config: HwConfig,
    /// A run was given up and the engine left as it was.
    stuck: bool,
}

impl std::fmt::Debug for SimDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimDevice")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The design that [`SimDevice`] builds for a configuration: the same for the same parameters, whatever the
/// configuration is called, so that a file's engine is built once, and a preset's not again.
pub fn engine_design(config: &HwConfig, options: &SimOptions) -> Result<Design, GenerateError> {
    let config = config.as_preset().unwrap_or_else(|| HwConfig {
        name: format!("engine-{:016x}", config.hash()),
        ..config.clone()
    });
    Ok(design_of(top::generate(&config)?, options))
}

/// As [`engine_design`], of Verilog that was changed since it was generated.
pub fn design_of(verilog: String, options: &SimOptions) -> Design {
    let control = probes::waivers(&verilog) + &shared(&verilog);
    Design::new(top::TOP, verilog)
        .primitives()
        .waivers(control)
        .trace(options.trace)
        .random_reset(options.random_state)
        .optimise(if options.quick_build { 1 } else { 3 })
}

/// The line of a `.vlt` file by which lanes share one piece of code, if there are several: it then fits the
/// processor's caches, and is compiled once.
fn shared(verilog: &str) -> String {
    let module = verilog
        .lines()
        .filter_map(|line| line.strip_prefix("module ")?.strip_suffix(" ("))
        .find(|name| name.ends_with("_lane"));
    let Some(module) = module else {
        return String::new();
    };
    let instance = format!("{module} lanes_1 (");
    match verilog.lines().any(|line| line.trim() == instance) {
        true => format!("no_inline -module \"{module}\"\n"),
        false => String::new(),
    }
}

impl SimDevice {
    /// Generates, verilates (unless cached) and resets an engine.
    pub fn open(
        config: &HwConfig,
        builder: &Builder,
        options: &SimOptions,
    ) -> Result<SimDevice, SimError> {
        Self::open_design(config, &engine_design(config, options)?, builder, options)
    }

    /// The same with a design of one's own that has the engine's ports, a netlist for instance.
    pub fn open_design(
        config: &HwConfig,
        design: &Design,
        builder: &Builder,
        options: &SimOptions,
    ) -> Result<SimDevice, SimError> {
        let built = builder.build(design)?;
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
            cancel: Cancel::new(),
            config: config.clone(),
            stuck: false,
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

    /// The cycle since power-up in which each beat of the last result left the engine.
    #[must_use]
    pub fn packet_cycles(&self) -> &[u64] {
        self.bench.sink(self.sink).packet_cycles()
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
        match ErrorCode::from_bits(regs::error::CODE.get(held) as u8) {
            Some(code) => Ok(Some(EngineFault {
                code,
                record: regs::error::RECORD.get(held),
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
        self.bench.sink_mut(self.sink).clear();
        self.stuck = false;
        Ok(())
    }

    /// An error if the flag is up.
    fn uncancelled(&self) -> Result<(), DeviceError> {
        match self.cancel.is_cancelled() {
            true => Err(DeviceError::Cancelled {
                device: self.name.clone(),
            }),
            false => Ok(()),
        }
    }

    /// After a soft reset: takes what the engine still offers, and drops it with what came before.
    fn drop_aborted(&mut self) -> Result<(), DeviceError> {
        let aborting = regs::status::ABORTING.mask();
        for _ in 0..ABORT_LOOKS {
            if self.read_reg(regs::STATUS.offset)? & aborting == 0 {
                self.bench.sink_mut(self.sink).take_bytes();
                return Ok(());
            }
        }
        Err(DeviceError::Link {
            device: self.name.clone(),
            what: format!(
                "STATUS.aborting is still set {ABORT_LOOKS} looks after a soft reset: the packet \
                 that it broke off does not end"
            ),
        })
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
        if offset == regs::CTRL.offset && value & regs::ctrl::SOFT_RESET.mask() != 0 {
            self.drop_aborted()?;
        }
        Ok(())
    }

    fn stream(
        &mut self,
        feed: &mut dyn Feed,
        result_bytes: usize,
        deadline: Duration,
        take: &mut Take<'_>,
    ) -> Result<(), DeviceError> {
        self.flow(feed, result_bytes, deadline, take)
    }

    fn reset(&mut self, _: Duration) -> Result<(), DeviceError> {
        if self.stuck {
            return self.abandon().map_err(|e| self.link(e));
        }
        self.write_reg(regs::CTRL.offset, 1)
    }

    fn set_cancel(&mut self, cancel: Cancel) {
        self.cancel = cancel;
    }
}

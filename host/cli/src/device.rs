//! The devices that this program knows, behind one type.

use std::time::Duration;

use firebrick_driver::{
    Device, DeviceError, ExecutorDevice, OpenOptions, Transport, Transports, Uri, UriError,
};
use firebrick_spec::config::{OPTIONS, PRESETS};
use firebrick_spec::{HwConfig, regs};

use crate::args::{EngineBackend, Simulation};
use crate::error::CliError;
use crate::progress::Style;
use crate::signals;

/// The simulator as a way to an engine: `sim:PRESET`.
struct Simulator;

static SIMULATOR: Simulator = Simulator;
const SCHEME: &str = "sim";

impl Transport for Simulator {
    fn scheme(&self) -> &'static str {
        SCHEME
    }

    fn example(&self) -> &'static str {
        "sim:PRESET for the simulator"
    }

    fn parse(&self, address: &str) -> Result<String, String> {
        match address {
            "" => Err("the preset is missing".into()),
            preset => Ok(preset.into()),
        }
    }

    /// For [`Carrier::open`], which builds it with the options of the command line.
    fn open(&self, address: &str, _: &OpenOptions) -> Result<Box<dyn Device + Send>, DeviceError> {
        Err(DeviceError::Link {
            device: format!("{SCHEME}:{address}"),
            what: "the simulator is built by the program, not opened".into(),
        })
    }

    fn off_the_bus(&self, _: &str) -> Option<&'static str> {
        Some("it is the simulator")
    }
}

/// All ways to engines.
pub fn transports() -> Transports {
    Transports::boards().with(&SIMULATOR)
}

/// A URI of the command line.
pub fn uri(text: &str) -> Result<Uri, UriError> {
    transports().parse(text)
}

/// The preset that a URI names, if it is the simulator's.
pub fn simulated_preset(uri: &Uri) -> Option<&str> {
    (uri.transport().scheme() == SCHEME).then(|| uri.address())
}

/// What carries out command streams: however it was named on the command line, it is opened and
/// used in one way.
#[derive(Clone, Debug, PartialEq)]
pub enum Carrier {
    /// The command stream in software.
    Software(HwConfig),
    /// The Verilated engine.
    Sim(HwConfig),
    /// A board, or what looks like one, and how long to wait for another program that has it.
    Board(Uri, Duration),
}

/// How a simulated engine behaves; nothing for others.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(not(feature = "sim"), allow(dead_code))]
pub struct Behaviour {
    pub seed: u32,
    /// Probabilities of random waits on the engine's ports.
    pub idle: f64,
    pub back_pressure: f64,
    /// A waveform may be wanted.
    pub trace: bool,
    /// Random memories and registers at the start, in place of zeros.
    pub random_state: bool,
}

impl Behaviour {
    /// What the command line says of it.
    pub fn of(simulation: &Simulation) -> Behaviour {
        Behaviour {
            seed: simulation.seed.unwrap_or(0),
            idle: simulation.idle.unwrap_or(0.0),
            back_pressure: simulation.back_pressure.unwrap_or(0.0),
            ..Behaviour::default()
        }
    }
}

impl Carrier {
    /// `--device`, or else `--backend` with `--preset`. `sim:PRESET` is the simulator as much as
    /// `--backend sim --preset PRESET` is.
    pub fn choose(
        backend: EngineBackend,
        device: Option<&Uri>,
        preset: impl FnOnce() -> Result<HwConfig, CliError>,
    ) -> Result<Carrier, CliError> {
        Ok(match (device, backend) {
            (Some(uri), _) => Carrier::at(uri)?,
            (None, EngineBackend::Sim) => Carrier::Sim(preset()?),
            (None, EngineBackend::Software) => Carrier::Software(preset()?),
        })
    }

    /// What a URI names.
    pub fn at(uri: &Uri) -> Result<Carrier, CliError> {
        match simulated_preset(uri) {
            Some(preset) => Ok(Carrier::Sim(named(uri, preset)?)),
            None => Ok(Carrier::Board(uri.clone(), Duration::ZERO)),
        }
    }

    /// The same, waiting so long for another program that has it.
    pub fn waiting(self, wait: Option<Duration>) -> Carrier {
        match (self, wait) {
            (Carrier::Board(uri, _), Some(wait)) => Carrier::Board(uri, wait),
            (other, _) => other,
        }
    }

    /// Its configuration: the one that is given, or what a board says that it is.
    pub fn configuration(
        &self,
        given: Option<&HwConfig>,
        style: Style,
    ) -> Result<HwConfig, CliError> {
        match (given, self) {
            (Some(config), _) | (None, Carrier::Sim(config) | Carrier::Software(config)) => {
                Ok(config.clone())
            }
            (None, Carrier::Board(..)) => recognise(&mut self.open(&Behaviour::default(), style)?),
        }
    }

    /// Opens it. From here on SIGINT gives up in order; software alone does not wait long enough
    /// to need that.
    pub fn open(&self, behaviour: &Behaviour, style: Style) -> Result<AnyDevice, CliError> {
        match self {
            Carrier::Software(config) => Ok(Box::new(ExecutorDevice::new(config))),
            Carrier::Sim(config) => {
                let mut device = simulator(config, behaviour, style)?;
                device.set_cancel(signals::interrupt()?);
                Ok(device)
            }
            Carrier::Board(uri, wait) => {
                let options = OpenOptions {
                    wait: *wait,
                    cancel: signals::interrupt()?,
                };
                Ok(Box::new(firebrick_driver::open(uri, &options)?))
            }
        }
    }

    /// As reports name it.
    pub fn name(&self) -> String {
        match self {
            Carrier::Software(_) => EngineBackend::Software.name().to_owned(),
            Carrier::Sim(_) => EngineBackend::Sim.name().to_owned(),
            Carrier::Board(uri, _) => uri.to_string(),
        }
    }

    /// Whether it is a board.
    pub fn is_board(&self) -> bool {
        matches!(self, Carrier::Board(..))
    }

    /// Whether it is the simulator.
    pub fn is_sim(&self) -> bool {
        matches!(self, Carrier::Sim(_))
    }
}

fn named(uri: &Uri, preset: &str) -> Result<HwConfig, CliError> {
    HwConfig::preset(preset).ok_or_else(|| CliError::NoPreset {
        device: uri.to_string(),
        preset: preset.to_owned(),
    })
}

/// The Verilated engine of a configuration.
#[cfg(feature = "sim")]
fn simulator(
    config: &HwConfig,
    behaviour: &Behaviour,
    style: Style,
) -> Result<AnyDevice, CliError> {
    use firebrick_sim::{Builder, SimDevice, SimOptions};
    let builder = Builder::new().progress(crate::progress::BuildProgress::new(style));
    let options = SimOptions {
        seed: behaviour.seed.into(),
        idle: behaviour.idle,
        back_pressure: behaviour.back_pressure,
        trace: behaviour.trace,
        random_state: behaviour.random_state,
        ..SimOptions::default()
    };
    let device = SimDevice::open(config, &builder, &options).map_err(Box::new)?;
    Ok(Box::new(device))
}

/// The Verilated engine of a configuration.
#[cfg(not(feature = "sim"))]
fn simulator(_: &HwConfig, _: &Behaviour, _: Style) -> Result<AnyDevice, CliError> {
    Err(CliError::NoSimulator {
        what: "the simulator (--backend sim, --device sim:)",
    })
}

/// Finds the configuration of an open device by its hash.
pub fn recognise(device: &mut AnyDevice) -> Result<HwConfig, CliError> {
    // Its absence is told by the session, which looks at MAGIC; a hash of ones is no preset's.
    if device.read_reg(regs::MAGIC.offset)? == u32::MAX {
        return Err(CliError::Device(DeviceError::LinkLost {
            device: device.name(),
            when: "when it was opened",
        }));
    }
    let magic = device.read_reg(regs::MAGIC.offset)?;
    if magic != firebrick_spec::MAGIC {
        return Err(CliError::Session(firebrick_driver::SessionError::Magic {
            device: device.name(),
            got: magic,
        }));
    }
    let low = device.read_reg(regs::HASH_LO.offset)?;
    let high = device.read_reg(regs::HASH_HI.offset)?;
    let hash = u64::from(low) | u64::from(high) << 32;
    with_hash(hash).ok_or_else(|| CliError::UnknownHash {
        device: device.name(),
        hash,
    })
}

/// The configuration with a hash, among all presets with all their options.
pub fn with_hash(hash: u64) -> Option<HwConfig> {
    let options: Vec<&str> = OPTIONS.iter().map(|(option, _)| *option).collect();
    PRESETS.iter().find_map(|preset| {
        let mut names = vec![(*preset).to_owned()];
        // Each name with each option appended, as often as that gives another configuration.
        let mut at = 0;
        while at < names.len() {
            let config = HwConfig::preset(&names[at]);
            if let Some(config) = config.filter(|config| config.hash() == hash) {
                return Some(config);
            }
            if HwConfig::preset(&names[at]).is_some() {
                let more = options.iter().map(|o| format!("{}-{o}", names[at]));
                names.extend(more.collect::<Vec<_>>());
            }
            at += 1;
        }
        None
    })
}

/// Any of them, open.
pub type AnyDevice = Box<dyn Opened>;

/// An open device, and what only some of them have.
pub trait Opened: Device {
    /// The simulator, if it is that.
    #[cfg(feature = "sim")]
    fn simulated(&mut self) -> Option<&mut firebrick_sim::SimDevice> {
        None
    }

    /// Whether its counters count the cycles of a simulated clock.
    fn is_clocked(&self) -> bool {
        false
    }
}

impl Opened for ExecutorDevice {}

impl Opened for Box<dyn Device + Send> {}

#[cfg(feature = "sim")]
impl Opened for firebrick_sim::SimDevice {
    fn simulated(&mut self) -> Option<&mut firebrick_sim::SimDevice> {
        Some(self)
    }

    fn is_clocked(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simulator_is_one_of_the_devices() {
        let sim = uri("sim:fb256").unwrap();
        assert_eq!(sim.to_string(), "sim:fb256");
        assert_eq!(simulated_preset(&sim), Some("fb256"));
        assert_eq!(simulated_preset(&uri("axidma:").unwrap()), None);
        for bad in ["sim:", "usb:1"] {
            let error = uri(bad).unwrap_err().to_string();
            assert!(error.contains("or sim:PRESET for the simulator"), "{error}");
        }
    }

    #[test]
    fn a_backend_and_a_device_are_one_path() {
        let preset = || Ok(HwConfig::preset("fb64").unwrap());
        let by_backend = Carrier::choose(EngineBackend::Sim, None, preset).unwrap();
        let by_device = Carrier::at(&uri("sim:fb64").unwrap()).unwrap();
        assert_eq!(by_backend, by_device);
        assert_eq!(by_device.name(), "sim");
        assert!(by_device.is_sim() && !by_device.is_board());
        let error = Carrier::at(&uri("sim:fb65").unwrap()).unwrap_err();
        assert!(error.to_string().contains("no preset \"fb65\""), "{error}");
        assert!(Carrier::at(&uri("axidma:").unwrap()).unwrap().is_board());
    }

    #[test]
    fn configurations_are_found_by_their_hash() {
        for name in ["fb64", "fb256", "fb256-packed", "fb1024-resident"] {
            let config = HwConfig::preset(name).unwrap();
            assert_eq!(with_hash(config.hash()).unwrap().hash(), config.hash());
        }
        assert!(with_hash(1).is_none());
    }
}

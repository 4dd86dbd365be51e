//! The devices that this program knows, behind one type.

use firebrick_driver::{
    Cancel, Device, DeviceError, ExecutorDevice, OpenOptions, Transport, Transports, Uri, UriError,
};
use firebrick_spec::config::{OPTIONS, PRESETS};
use firebrick_spec::{HwConfig, regs};

use crate::error::CliError;
use crate::progress::Style;

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

    /// For [`open`], which builds it with the options of the command line.
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

/// The simulator of a configuration.
pub fn simulator_of(config: &HwConfig) -> Result<Uri, UriError> {
    uri(&format!("{SCHEME}:{}", config.name))
}

/// The preset that a URI names, if it is the simulator's.
pub fn simulated_preset(uri: &Uri) -> Option<&str> {
    (uri.transport().scheme() == SCHEME).then(|| uri.address())
}

/// Opens a device; `sim:` builds the simulation model if need be.
pub fn open(uri: &Uri, cancel: &Cancel, style: Style) -> Result<AnyDevice, CliError> {
    if let Some(preset) = simulated_preset(uri) {
        let mut device = simulator(&named(uri, preset)?, style)?;
        device.set_cancel(cancel.clone());
        return Ok(device);
    }
    let options = OpenOptions {
        cancel: cancel.clone(),
        ..OpenOptions::default()
    };
    Ok(Box::new(firebrick_driver::open(uri, &options)?))
}

fn named(uri: &Uri, preset: &str) -> Result<HwConfig, CliError> {
    HwConfig::preset(preset).ok_or_else(|| CliError::NoPreset {
        device: uri.to_string(),
        preset: preset.to_owned(),
    })
}

/// The Verilated engine of a configuration.
#[cfg(feature = "sim")]
pub fn simulator(config: &HwConfig, style: Style) -> Result<AnyDevice, CliError> {
    use firebrick_sim::{Builder, SimDevice, SimOptions};
    let builder = Builder::new().progress(crate::progress::BuildProgress::new(style));
    let device = SimDevice::open(config, &builder, &SimOptions::default()).map_err(Box::new)?;
    Ok(Box::new(device))
}

/// The Verilated engine of a configuration.
#[cfg(not(feature = "sim"))]
pub fn simulator(_: &HwConfig, _: Style) -> Result<AnyDevice, CliError> {
    Err(CliError::NoSimulator {
        what: "the device sim:",
    })
}

/// The configuration of a device: the one that is given, or what the device says that it is.
pub fn configuration(
    uri: &Uri,
    given: Option<&HwConfig>,
    cancel: &Cancel,
    style: Style,
) -> Result<HwConfig, CliError> {
    match (given, simulated_preset(uri)) {
        (Some(config), _) => Ok(config.clone()),
        (None, Some(preset)) => named(uri, preset),
        (None, None) => recognise(&mut open(uri, cancel, style)?),
    }
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
    fn configurations_are_found_by_their_hash() {
        for name in ["fb64", "fb256", "fb256-packed", "fb1024-resident"] {
            let config = HwConfig::preset(name).unwrap();
            assert_eq!(with_hash(config.hash()).unwrap().hash(), config.hash());
        }
        assert!(with_hash(1).is_none());
    }
}

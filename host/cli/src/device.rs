//! The devices that this program knows, behind one type.

use firebrick_driver::{Cancel, Device, DeviceError, ExecutorDevice, OpenOptions, Uri};
use firebrick_spec::config::{OPTIONS, PRESETS};
use firebrick_spec::{HwConfig, regs};

use crate::error::CliError;
use crate::progress::Style;

/// Opens a device; `sim:` builds the simulation model if need be.
pub fn open(uri: &Uri, cancel: &Cancel, style: Style) -> Result<AnyDevice, CliError> {
    if let Uri::Sim { preset } = uri {
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
    match (given, uri) {
        (Some(config), _) => Ok(config.clone()),
        (None, Uri::Sim { preset }) => named(uri, preset),
        (None, _) => recognise(&mut open(uri, cancel, style)?),
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
    fn configurations_are_found_by_their_hash() {
        for name in ["fb64", "fb256", "fb256-packed", "fb1024-resident"] {
            let config = HwConfig::preset(name).unwrap();
            assert_eq!(with_hash(config.hash()).unwrap().hash(), config.hash());
        }
        assert!(with_hash(1).is_none());
    }
}

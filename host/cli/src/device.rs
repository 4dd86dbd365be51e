//! The devices of the library, as the command line names and opens them.

pub use firebrick::device::{
    AnyDevice, Behaviour, Carrier, Opening, recognise, simulated_preset, transports, uri, with_hash,
};
use firebrick_driver::Uri;
use firebrick_spec::HwConfig;

use crate::args::{EngineBackend, Simulation};
use crate::error::CliError;
use crate::progress::Style;
use crate::signals;

/// What the command line says of a simulated engine.
pub fn behaviour(simulation: &Simulation) -> Behaviour {
    Behaviour {
        seed: simulation.seed.unwrap_or(0),
        idle: simulation.idle.unwrap_or(0.0),
        back_pressure: simulation.back_pressure.unwrap_or(0.0),
        ..Behaviour::default()
    }
}

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

/// The configuration of what carries streams out: the one that is given, or what a board says that
/// it is.
pub fn configuration(
    carrier: &Carrier,
    given: Option<&HwConfig>,
    style: Style,
) -> Result<HwConfig, CliError> {
    match given.or(carrier.configuration()) {
        Some(config) => Ok(config.clone()),
        None => Ok(recognise(&mut open(
            carrier,
            &Behaviour::default(),
            style,
        )?)?),
    }
}

/// Opens it. From here on SIGINT gives up in order; software alone does not wait long enough to
/// need that.
#[cfg_attr(not(feature = "sim"), allow(unused_variables))]
pub fn open(carrier: &Carrier, behaviour: &Behaviour, style: Style) -> Result<AnyDevice, CliError> {
    let opening = match carrier {
        Carrier::Software(_) => Opening::default(),
        Carrier::Sim(_) | Carrier::Board(..) => Opening {
            cancel: signals::interrupt()?,
            #[cfg(feature = "sim")]
            progress: Some(Box::new(crate::progress::BuildProgress::new(style))),
        },
    };
    Ok(carrier.open(behaviour, opening)?)
}

/// The error of what needs the simulator.
#[cfg(not(feature = "sim"))]
pub fn needs_simulator(what: &'static str) -> CliError {
    firebrick::Error::NoSimulator { what }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_and_a_device_are_one_path() {
        let preset = || Ok(HwConfig::preset("fb64").unwrap());
        let by_backend = choose(EngineBackend::Sim, None, preset).unwrap();
        let by_device = choose(
            EngineBackend::Software,
            Some(&uri("sim:fb64").unwrap()),
            preset,
        );
        assert_eq!(by_backend, by_device.unwrap());
        for backend in [EngineBackend::Sim, EngineBackend::Software] {
            assert_eq!(
                choose(backend, None, preset).unwrap().name(),
                backend.name()
            );
        }
    }
}

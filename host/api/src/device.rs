//! Ways to engines: what a URI names, how it is opened, and which configuration it has.
//!
//! [`Engine`](crate::Engine) is made of these; programs that run transfers themselves, as the
//! command-line program does, begin here.

use std::time::Duration;

use firebrick_driver::{
    Cancel, Device, DeviceError, ExecutorDevice, OpenOptions, Transport, Transports, Uri, UriError,
};
use firebrick_spec::{HwConfig, regs};

use crate::{Error, pool, preset};

/// What the library makes itself: its URIs are read like those of boards, but [`Carrier::open`]
/// builds it, since that takes more than a name.
struct Made {
    scheme: &'static str,
    example: &'static str,
    what: &'static str,
    preset: bool,
}

static SIMULATOR: Made = Made {
    scheme: SIM,
    example: "sim:PRESET for the simulator",
    what: "it is the simulator",
    preset: true,
};
static SOFTWARE: Made = Made {
    scheme: "software",
    example: "software:PRESET for the command stream in software",
    what: "it is software",
    preset: true,
};
static MODEL: Made = Made {
    scheme: "model",
    example: "model: for the integer model",
    what: "it is the integer model",
    preset: false,
};

const SIM: &str = "sim";

impl Transport for Made {
    fn scheme(&self) -> &'static str {
        self.scheme
    }

    fn example(&self) -> &'static str {
        self.example
    }

    fn parse(&self, address: &str) -> Result<String, String> {
        match (self.preset, address) {
            (true, "") => Err("the preset is missing".into()),
            (false, more) if !more.is_empty() => {
                Err(format!("nothing follows \"{}:\"", self.scheme))
            }
            (true, _) => many(address).map(|_| address.into()),
            (false, _) => Ok(address.into()),
        }
    }

    fn engines(&self, address: &str) -> Vec<String> {
        match many(address) {
            Ok((preset, count)) => vec![preset.into(); count],
            Err(_) => vec![address.into()],
        }
    }

    fn open(&self, address: &str, _: &OpenOptions) -> Result<Box<dyn Device + Send>, DeviceError> {
        Err(DeviceError::Link {
            device: format!("{}:{address}", self.scheme),
            what: format!("{}, which is built and not opened", self.what),
        })
    }

    fn off_the_bus(&self, _: &str) -> Option<&'static str> {
        Some(self.what)
    }
}

/// Most simulated engines of one URI.
const MOST: usize = 64;

/// Splits `*N`, so many engines, from a preset or a file.
fn many(address: &str) -> Result<(&str, usize), String> {
    let Some((preset, count)) = address.rsplit_once('*') else {
        return Ok((address, 1));
    };
    // A star in the name of a file.
    if preset::is_file(count) {
        return Ok((address, 1));
    }
    match count.parse() {
        Ok(count @ 1..=MOST) if !preset.is_empty() => Ok((preset, count)),
        _ => Err(format!(
            "\"*{count}\" is no number of engines, which is 1 to {MOST}"
        )),
    }
}

/// All ways to engines.
#[must_use]
pub fn transports() -> Transports {
    Transports::boards().with(&SIMULATOR)
}

/// What [`Engine::open`](crate::Engine::open) takes: the ways to engines, and software in their
/// place.
pub(crate) fn backends() -> Transports {
    transports().with(&SOFTWARE).with(&MODEL)
}

/// The engines that names stand for, as [`Engine::open`](crate::Engine::open) takes them, each by a
/// name of its own: those of a board, of `sim:PRESET*4`, of a list with commas. Nothing is opened.
///
/// # Errors
/// What is wrong with a name, and what can be written; that there is no such preset, or that one
/// engine of a board is named twice.
pub fn engines<S: AsRef<str>>(names: &[S]) -> Result<Vec<String>, Error> {
    let mut uris = Vec::new();
    for name in names {
        uris.extend(backend_uris(name.as_ref())?);
    }
    let carried: Vec<Uri> = uris.iter().filter(|uri| !is_model(uri)).cloned().collect();
    pool::carriers(&carried)?;
    let name = |uri: Uri| match is_model(&uri) {
        true => MODEL.scheme.to_owned(),
        false => uri.to_string(),
    };
    Ok(uris.iter().flat_map(Uri::engines).map(name).collect())
}

/// The URIs of what [`Engine::open`](crate::Engine::open) takes; `model` alone stands for `model:`.
pub(crate) fn backend_uris(name: &str) -> Result<Vec<Uri>, UriError> {
    let backends = backends();
    let text = match name {
        "model" => "model:",
        name => name,
    };
    split(text).map(|uri| backends.parse(uri)).collect()
}

/// Reads the URI of an engine: `xdma:/dev/xdma0`, `axidma:`, `sim:fb256`.
///
/// # Errors
/// What is wrong with it, and what can be written.
pub fn uri(text: &str) -> Result<Uri, UriError> {
    transports().parse(text)
}

/// Reads the URIs of engines, with commas between them.
///
/// # Errors
/// As [`uri`].
pub fn uris(text: &str) -> Result<Vec<Uri>, UriError> {
    split(text).map(uri).collect()
}

/// At the commas that a URI follows: a path may have others.
pub(crate) fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let begins_uri = |rest: &str| {
            let scheme = rest.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit());
            let scheme = scheme.into_iter().next().unwrap_or_default();
            !scheme.is_empty() && rest[scheme.len()..].starts_with(':')
        };
        let comma = text
            .match_indices(',')
            .map(|(at, _)| at)
            .find(|at| begins_uri(&text[at + 1..]));
        rest = comma.map(|at| &text[at + 1..]);
        Some(&text[..comma.unwrap_or(text.len())])
    })
}

/// The preset or the file that a URI names, if it is the simulator's.
#[must_use]
pub fn simulated_preset(uri: &Uri) -> Option<&str> {
    let simulated = uri.transport().scheme() == SIM;
    simulated.then(|| many(uri.address()).map_or(uri.address(), |(preset, _)| preset))
}

/// What carries out command streams: however it was named, it is opened and used in one way.
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
pub struct Behaviour {
    /// Of all random behaviour.
    pub seed: u32,
    /// Probability of an idle cycle before each input beat, 0 to 1.
    pub idle: f64,
    /// Probability of a cycle without ready on the output, 0 to 1.
    pub back_pressure: f64,
    /// A waveform may be wanted.
    pub trace: bool,
    /// Random memories and registers at the start, in place of zeros.
    pub random_state: bool,
}

/// What opening a device needs beside its name.
#[derive(Default)]
pub struct Opening {
    /// Gives up what is under way.
    pub cancel: Cancel,
    /// Told what the build of a simulated engine does; silent if none.
    #[cfg(feature = "sim")]
    pub progress: Option<Box<dyn firebrick_sim::Progress>>,
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opening").finish_non_exhaustive()
    }
}

impl Carrier {
    /// What a URI names.
    ///
    /// # Errors
    /// If it names a preset or a file, and there is no such preset, or the file describes none.
    pub fn at(uri: &Uri) -> Result<Carrier, Error> {
        match uri.transport().scheme() {
            SIM => Ok(Carrier::Sim(named(uri)?)),
            scheme if scheme == SOFTWARE.scheme => Ok(Carrier::Software(named(uri)?)),
            _ => Ok(Carrier::Board(uri.clone(), Duration::ZERO)),
        }
    }

    /// The same, waiting so long for another program that has it.
    #[must_use]
    pub fn waiting(self, wait: Option<Duration>) -> Carrier {
        match (self, wait) {
            (Carrier::Board(uri, _), Some(wait)) => Carrier::Board(uri, wait),
            (other, _) => other,
        }
    }

    /// Its configuration, unless it is a board: that has to be opened and asked ([`recognise`]).
    #[must_use]
    pub fn configuration(&self) -> Option<&HwConfig> {
        match self {
            Carrier::Sim(config) | Carrier::Software(config) => Some(config),
            Carrier::Board(..) => None,
        }
    }

    /// Opens it. A simulated engine is built first, unless it is in the cache.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn open(&self, behaviour: &Behaviour, opening: Opening) -> Result<AnyDevice, Error> {
        match self {
            Carrier::Software(config) => Ok(Box::new(ExecutorDevice::new(config))),
            Carrier::Sim(config) => {
                let cancel = opening.cancel.clone();
                let mut device = simulator(config, behaviour, opening)?;
                device.set_cancel(cancel);
                Ok(device)
            }
            Carrier::Board(uri, wait) => {
                let options = OpenOptions {
                    wait: *wait,
                    cancel: opening.cancel,
                };
                Ok(Box::new(firebrick_driver::open(uri, &options)?))
            }
        }
    }

    /// As reports name it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Carrier::Software(_) => "software".to_owned(),
            Carrier::Sim(_) => SIM.to_owned(),
            Carrier::Board(uri, _) => uri.to_string(),
        }
    }

    /// Whether it is a board.
    #[must_use]
    pub fn is_board(&self) -> bool {
        matches!(self, Carrier::Board(..))
    }

    /// Whether it is the simulator.
    #[must_use]
    pub fn is_sim(&self) -> bool {
        matches!(self, Carrier::Sim(_))
    }
}

/// Whether a URI names the integer model, which has no command streams.
pub(crate) fn is_model(uri: &Uri) -> bool {
    uri.transport().scheme() == MODEL.scheme
}

fn named(uri: &Uri) -> Result<HwConfig, Error> {
    preset::find(uri.address()).map_err(|source| Error::Preset {
        place: uri.to_string(),
        source,
    })
}

/// Passes the events of a build on.
#[cfg(feature = "sim")]
struct Told(Option<Box<dyn firebrick_sim::Progress>>);

#[cfg(feature = "sim")]
impl firebrick_sim::Progress for Told {
    fn report(&self, top: &str, event: firebrick_sim::Event) {
        if let Some(progress) = &self.0 {
            progress.report(top, event);
        }
    }
}

/// The Verilated engine of a configuration.
#[cfg(feature = "sim")]
fn simulator(
    config: &HwConfig,
    behaviour: &Behaviour,
    opening: Opening,
) -> Result<AnyDevice, Error> {
    use firebrick_sim::{Builder, SimDevice, SimOptions};
    let builder = Builder::new().progress(Told(opening.progress));
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
fn simulator(_: &HwConfig, _: &Behaviour, _: Opening) -> Result<AnyDevice, Error> {
    Err(Error::NoSimulator { what: SIMULATION })
}

/// Finds the configuration of an open device by its hash.
///
/// # Errors
/// If the device does not answer, is no Firebrick, or has a configuration that is no preset's.
pub fn recognise(device: &mut AnyDevice) -> Result<HwConfig, Error> {
    // Its absence is told by the session, which looks at MAGIC; a hash of ones is no preset's.
    if device.read_reg(regs::MAGIC.offset)? == u32::MAX {
        return Err(Error::Device(DeviceError::LinkLost {
            device: device.name(),
            when: "when it was opened",
        }));
    }
    let magic = device.read_reg(regs::MAGIC.offset)?;
    if magic != firebrick_spec::MAGIC {
        return Err(Error::Session(firebrick_driver::SessionError::Magic {
            device: device.name(),
            got: magic,
        }));
    }
    let low = device.read_reg(regs::HASH_LO.offset)?;
    let high = device.read_reg(regs::HASH_HI.offset)?;
    let hash = u64::from(low) | u64::from(high) << 32;
    with_hash(hash).ok_or_else(|| Error::UnknownHash {
        device: device.name(),
        hash,
    })
}

/// The configuration with a hash, among all presets with all their options and sizes of memories.
#[must_use]
pub fn with_hash(hash: u64) -> Option<HwConfig> {
    HwConfig::with_options()
        .find(|config| config.hash() == hash)
        .or_else(|| {
            HwConfig::with_options()
                .find_map(|config| config.with_sizes().find(|sized| sized.hash() == hash))
        })
}

/// As [`Error::NoSimulator`] names it.
pub const SIMULATION: &str = "the simulator (sim:PRESET)";

/// Any of them, open.
pub type AnyDevice = Box<dyn Opened + Send>;

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
    fn several_engines_are_named_at_once() {
        let sim = uri("sim:fb64*4").unwrap();
        assert_eq!(sim.engines(), vec![uri("sim:fb64").unwrap(); 4]);
        assert_eq!(simulated_preset(&sim), Some("fb64"));
        for bad in ["sim:fb64*0", "sim:fb64*65", "sim:fb64*x", "sim:*2"] {
            let error = uri(bad).unwrap_err().to_string();
            assert!(error.contains("1 to 64"), "{error}");
        }
        let all = uris("xdma:/dev/a,b,xdma:/dev/xdma1#2,sim:fb64*2").unwrap();
        let all: Vec<String> = all.iter().map(Uri::to_string).collect();
        assert_eq!(all, ["xdma:/dev/a,b", "xdma:/dev/xdma1#2", "sim:fb64*2"]);
        assert!(uris("xdma:/dev/xdma0,usb:1").is_err());
        assert!(uris("").is_err());
    }

    #[test]
    fn a_uri_names_what_carries_streams_out() {
        let sim = Carrier::at(&uri("sim:fb64").unwrap()).unwrap();
        assert_eq!(sim.name(), "sim");
        assert!(sim.is_sim() && !sim.is_board());
        let error = Carrier::at(&uri("sim:fb65").unwrap()).unwrap_err();
        assert!(error.to_string().contains("no preset \"fb65\""), "{error}");
        assert!(Carrier::at(&uri("axidma:").unwrap()).unwrap().is_board());
    }

    #[test]
    fn configurations_are_found_by_their_hash() {
        for name in [
            "fb64",
            "fb256",
            "fb256-packed",
            "fb1024-resident",
            "fb1024-f512-w128-packed-xc7",
            "fb2048-f1536-resident-xcup-packed",
        ] {
            let config = HwConfig::preset(name).unwrap();
            assert_eq!(with_hash(config.hash()).unwrap().hash(), config.hash());
        }
        assert!(with_hash(1).is_none());
    }
}

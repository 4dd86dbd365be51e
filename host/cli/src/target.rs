//! The network, the picture size and the pictures that a command works on.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

pub use firebrick::target::Target;
use firebrick_driver::Weights;
use firebrick_network::Scores;
use firebrick_spec::HwConfig;

use crate::args;
use crate::device::{self, Carrier};
use crate::error::CliError;
use crate::progress::Style;

/// What the command line names, on its preset.
pub fn load(args: &args::Target) -> Result<Target, CliError> {
    load_for(args, args.preset.config())
}

/// The same on what a command works on; without it on the preset.
pub fn on(
    carrier: Option<&Carrier>,
    args: &args::Target,
    style: Style,
) -> Result<Target, CliError> {
    match carrier {
        Some(carrier) => {
            let config = device::configuration(carrier, args.preset.given.as_ref(), style)?;
            load_for(args, config)
        }
        None => load(args),
    }
}

/// The same on a configuration that is known from elsewhere.
pub fn load_for(args: &args::Target, config: HwConfig) -> Result<Target, CliError> {
    let weights = match args.weights {
        args::Weights::Auto => Weights::Auto,
        args::Weights::Streamed => Weights::Streamed,
        args::Weights::Resident => Weights::Resident,
    };
    let mut target = Target::of(
        args.network.model.as_deref(),
        args.network.size,
        config,
        weights,
    )?;
    target.plain_weights = args.plain_weights;
    Ok(target)
}

/// The same, of a network that has classes.
pub fn with_classes(
    carrier: Option<&Carrier>,
    args: &args::Target,
    style: Style,
) -> Result<Target, CliError> {
    let target = on(carrier, args, style)?;
    match target.network.scores {
        Scores::Softmax | Scores::Sigmoid { .. } => Ok(target),
        Scores::Map { .. } => Err(CliError::Layer {
            layer: target.network.name.clone(),
            reason:
                "the network ends with a map and has no classes; `firebrick features` gives the \
                     map"
                .into(),
        }),
    }
}

/// A path for people and JSON. Bytes that are not UTF-8 are written as `\xNN`, so that two names
/// never look the same.
pub fn shown(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        text += chunk.valid();
        for byte in chunk.invalid() {
            text += &format!("\\x{byte:02x}");
        }
    }
    text
}

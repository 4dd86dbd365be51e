//! The network, the picture size and the pictures that a command works on.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use firebrick_driver::{CompileOptions, Program, Weights, compile};
use firebrick_network::{Network, Op, builtin};
use firebrick_spec::HwConfig;
use ndarray::Array3;

use crate::args::{self, Size};
use crate::device::Carrier;
use crate::error::CliError;
use crate::memory;
use crate::progress::Style;

/// A network at a picture size, on a configuration.
pub struct Target {
    pub network: Network,
    pub size: Size,
    config: HwConfig,
    weights: Weights,
    plain_weights: bool,
}

impl Target {
    pub fn load(args: &args::Target) -> Result<Target, CliError> {
        Target::load_for(args, args.preset.config())
    }

    /// The same on what a command works on; without it on the preset.
    pub fn on(
        carrier: Option<&Carrier>,
        args: &args::Target,
        style: Style,
    ) -> Result<Target, CliError> {
        match carrier {
            Some(carrier) => {
                let config = carrier.configuration(args.preset.given.as_ref(), style)?;
                Target::load_for(args, config)
            }
            None => Target::load(args),
        }
    }

    /// The same on a configuration that is known from elsewhere.
    pub fn load_for(args: &args::Target, config: HwConfig) -> Result<Target, CliError> {
        let weights = match args.weights {
            args::Weights::Auto => Weights::Auto,
            args::Weights::Streamed => Weights::Streamed,
            args::Weights::Resident => Weights::Resident,
        };
        let target = Target::of(args.model.as_deref(), args.size, config, weights)?;
        Ok(Target {
            plain_weights: args.plain_weights,
            ..target
        })
    }

    /// A packed model, or the one that is built in, at a size, or its own.
    pub fn of(
        model: Option<&Path>,
        size: Option<Size>,
        config: HwConfig,
        weights: Weights,
    ) -> Result<Target, CliError> {
        let network = match model {
            Some(path) => Network::load(path)?,
            None => builtin(),
        };
        let own = Size {
            height: network.input.height,
            width: network.input.width,
        };
        Ok(Target {
            size: size.unwrap_or(own),
            network,
            config,
            weights,
            plain_weights: false,
        })
    }

    /// The configuration.
    pub fn config(&self) -> &HwConfig {
        &self.config
    }

    /// The command stream; with `check`, one that also sends every feature map.
    pub fn compile(&self, check: bool) -> Result<Program, CliError> {
        self.compile_for(&self.config, check)
    }

    /// The same for another configuration.
    pub fn compile_for(&self, config: &HwConfig, check: bool) -> Result<Program, CliError> {
        let Size { height, width } = self.size;
        let options = CompileOptions {
            check,
            weights: self.weights,
            plain_weights: self.plain_weights,
            ..CompileOptions::default()
        };
        Ok(compile(&self.network, config, height, width, &options)?)
    }

    /// A picture file as the network's input.
    pub fn picture(&self, path: &Path) -> Result<Array3<u8>, CliError> {
        let Size { height, width } = self.size;
        Ok(memory::open(path)?.to_input_of(&self.network.input, height, width)?)
    }

    /// Real value of one step of a logit: the sum's scale, and its share of the mean.
    pub fn logit_scale(&self) -> f64 {
        let Some(mut id) = self.network.nodes.last().and_then(|n| n.inputs.first()) else {
            return 1.0;
        };
        let shapes = self.network.shapes(self.size.height, self.size.width);
        let pixels = shapes
            .ok()
            .and_then(|s| s.get(id.0).map(|s| s.height * s.width))
            .unwrap_or(1);
        // Pools and concatenations leave the scale as it is.
        while let Some(node) = self.network.nodes.get(id.0) {
            match (&node.op, node.inputs.first()) {
                (Op::Conv(conv), _) => {
                    return f64::from(conv.output_scale) / pixels.max(1) as f64;
                }
                (_, Some(source)) => id = source,
                _ => break,
            }
        }
        1.0
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

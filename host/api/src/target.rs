//! A network at a picture size on a configuration: what is compiled, and for which engine.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use firebrick_driver::{CompileOptions, Program, Weights, compile};
use firebrick_network::{Network, Op, builtin};
use firebrick_spec::HwConfig;
use ndarray::Array3;

use crate::{Error, picture};

/// Longest side of an input that a text can name, in pixels.
pub const SIDE_MAX: usize = 4096;

/// Height and width of a network's input, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Size {
    /// That of a network's input.
    #[must_use]
    pub fn of(network: &Network) -> Size {
        Size {
            height: network.input.height,
            width: network.input.width,
        }
    }
}

/// Reads a side, or `HEIGHTxWIDTH`.
impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        let side = |text: &str| match text.parse() {
            Ok(n @ 1..=SIDE_MAX) => Ok(n),
            _ => Err(format!(
                "give a side of 1 to {SIDE_MAX} pixels, or HEIGHTxWIDTH"
            )),
        };
        let (height, width) = text.split_once('x').unwrap_or((text, text));
        Ok(Size {
            height: side(height)?,
            width: side(width)?,
        })
    }
}

/// A network at a picture size, on a configuration.
#[derive(Clone, Debug)]
pub struct Target {
    /// The network.
    pub network: Arc<Network>,
    /// Size of its input.
    pub size: Size,
    /// Weights without the code that leaves out zeros, also where that is shorter.
    pub plain_weights: bool,
    config: HwConfig,
    weights: Weights,
}

impl Target {
    /// A network at a size, on a configuration.
    #[must_use]
    pub fn new(network: Arc<Network>, size: Size, config: HwConfig, weights: Weights) -> Target {
        Target {
            network,
            size,
            plain_weights: false,
            config,
            weights,
        }
    }

    /// A packed model, or the one that is built in, at a size, or its own.
    ///
    /// # Errors
    /// If the packed model cannot be read.
    pub fn of(
        model: Option<&Path>,
        size: Option<Size>,
        config: HwConfig,
        weights: Weights,
    ) -> Result<Target, Error> {
        let network = match model {
            Some(path) => Network::load(path)?,
            None => builtin(),
        };
        let size = size.unwrap_or(Size::of(&network));
        Ok(Target::new(Arc::new(network), size, config, weights))
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &HwConfig {
        &self.config
    }

    /// The command stream; with `check`, one that also sends every feature map.
    ///
    /// # Errors
    /// If the network does not fit the configuration.
    pub fn compile(&self, check: bool) -> Result<Program, Error> {
        self.compile_for(&self.config, check)
    }

    /// The command stream that also sends the map that is summed: what a network with
    /// [`Scores::Map`](firebrick_network::Scores::Map) is for.
    ///
    /// # Errors
    /// If the network does not fit the configuration.
    pub fn compile_map(&self) -> Result<Program, Error> {
        let options = CompileOptions {
            map: true,
            ..CompileOptions::default()
        };
        self.compile_with(&self.config, options)
    }

    /// The same for another configuration.
    ///
    /// # Errors
    /// If the network does not fit that.
    pub fn compile_for(&self, config: &HwConfig, check: bool) -> Result<Program, Error> {
        let options = CompileOptions {
            check,
            ..CompileOptions::default()
        };
        self.compile_with(config, options)
    }

    fn compile_with(&self, config: &HwConfig, options: CompileOptions) -> Result<Program, Error> {
        let Size { height, width } = self.size;
        let options = CompileOptions {
            weights: self.weights,
            plain_weights: self.plain_weights,
            ..options
        };
        Ok(compile(&self.network, config, height, width, &options)?)
    }

    /// A picture file as the network's input.
    ///
    /// # Errors
    /// If it cannot be read or scaled.
    pub fn picture(&self, path: &Path) -> Result<Array3<u8>, Error> {
        let Size { height, width } = self.size;
        Ok(picture::open(path)?.to_input_of(&self.network.input, height, width)?)
    }

    /// Real value of one step of a logit, for [`softmax`](crate::softmax): the sum's scale, and its share of the mean.
    #[must_use]
    pub fn logit_scale(&self) -> f64 {
        logit_scale(&self.network, self.size)
    }
}

/// Real value of one step of a logit of a network at a size.
#[must_use]
pub fn logit_scale(network: &Network, size: Size) -> f64 {
    let Some(mut id) = network.nodes.last().and_then(|n| n.inputs.first()) else {
        return 1.0;
    };
    let shapes = network.shapes(size.height, size.width);
    let pixels = shapes
        .ok()
        .and_then(|s| s.get(id.0).map(|s| s.height * s.width))
        .unwrap_or(1);
    // Pools and concatenations leave the scale as it is.
    while let Some(node) = network.nodes.get(id.0) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let size = |height, width| Ok(Size { height, width });
        assert_eq!("227".parse(), size(227, 227));
        assert_eq!("100x64".parse(), size(100, 64));
        for bad in ["", "0", "x", "224x", "-1", "5000", "1x2x3", "2.5"] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
    }
}

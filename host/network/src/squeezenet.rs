//! SqueezeNet (Iandola et al. 2016) as a table: versions 1.0 and 1.1, and any network of the same
//! structure with other figures.

mod import;
mod rows;
#[cfg(test)]
mod tests;

pub use import::TableError;
pub use rows::Row;

use crate::graph::Input;
use crate::preprocess::Preprocess;

/// Number of ImageNet classes.
pub const CLASSES: usize = 1000;
/// Most classes that a network may have.
pub const MAX_CLASSES: usize = 4096;

/// A Fire module: squeeze 1x1, then expand 1x1 and 3x3 (padded by 1) side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fire {
    /// Channels between, s1x1.
    pub squeeze: usize,
    /// Output channels of the 1x1 convolution, e1x1; 0 if there is none.
    pub expand1: usize,
    /// Output channels of the 3x3 convolution, e3x3; 0 if there is none.
    pub expand3: usize,
}

impl Fire {
    /// A module whose two expand convolutions have equally many channels, as in all published
    /// networks.
    #[must_use]
    pub const fn even(squeeze: usize, expand: usize) -> Fire {
        Fire {
            squeeze,
            expand1: expand,
            expand3: expand,
        }
    }

    /// Number of output channels.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.expand1 + self.expand3
    }
}

/// The dimensions of a SqueezeNet: conv1, Fire modules from `fire2` on with pools between them,
/// `conv10` (whatever the number of modules), and the mean over all pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqueezeNet {
    /// For example `squeezenet-v1.1`.
    pub name: String,
    /// Kernel of conv1, not padded.
    pub kernel: usize,
    /// Stride of conv1.
    pub stride: usize,
    /// Output channels of conv1.
    pub outputs: usize,
    /// The modules; the first is `fire2`.
    pub fires: Vec<Fire>,
    /// Numbers of the layers behind which a max-pool stands: 1 is conv1, 2 is fire2.
    pub pools: Vec<usize>,
    /// Whether a pool's last, partial window counts.
    pub ceil: bool,
    /// Modules (2 and on) around which a bypass goes: their input is added to their output.
    pub bypass: Vec<usize>,
    /// Outputs of the last convolution, 1x1.
    pub classes: usize,
    /// Padding of the last convolution; 1 in Caffe's v1.0.
    pub last_pad: usize,
    /// Side of the input in pixels.
    pub side: usize,
}

impl SqueezeNet {
    /// Name of the last convolution, whatever the number of modules.
    pub const LAST: &str = "conv10";

    /// One module, and five classes of 23x23 pictures: for tests that need a whole network.
    #[cfg(test)]
    pub(crate) fn tiny() -> SqueezeNet {
        SqueezeNet {
            outputs: 4,
            fires: vec![Fire::even(2, 3)],
            pools: vec![1],
            classes: 5,
            side: 23,
            ..SqueezeNet::v1_1()
        }
    }

    /// Whether the layers are the same; padding, rounding of pools, input and name may differ.
    #[must_use]
    pub fn has_layers_of(&self, other: &SqueezeNet) -> bool {
        let this = SqueezeNet {
            name: other.name.clone(),
            ceil: other.ceil,
            last_pad: other.last_pad,
            side: other.side,
            ..self.clone()
        };
        this == *other
    }

    /// Version 1.0.
    #[must_use]
    pub fn v1_0() -> SqueezeNet {
        SqueezeNet {
            name: "squeezenet-v1.0".into(),
            kernel: 7,
            outputs: 96,
            pools: vec![1, 4, 8],
            side: 227,
            ..SqueezeNet::v1_1()
        }
    }

    /// Version 1.1: the same modules with smaller maps.
    #[must_use]
    pub fn v1_1() -> SqueezeNet {
        SqueezeNet {
            name: "squeezenet-v1.1".into(),
            kernel: 3,
            stride: 2,
            outputs: 64,
            fires: [16, 16, 32, 32, 48, 48, 64, 64]
                .map(|squeeze| Fire::even(squeeze, 4 * squeeze))
                .to_vec(),
            pools: vec![1, 3, 5],
            bypass: Vec::new(),
            ceil: true,
            classes: CLASSES,
            last_pad: 0,
            side: 224,
        }
    }

    /// The input that the network expects: blue first, both axes scaled to the input size.
    #[must_use]
    pub fn input(&self) -> Input {
        Preprocess::CAFFE.input(self.side, self.side)
    }
}

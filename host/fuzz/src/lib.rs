//! What the fuzz targets share: a small engine, a small network, and bytes that are consumed from
//! the front.

use std::sync::LazyLock;

use firebrick_driver::{CompileOptions, Program, Weights, compile};
use firebrick_network::float::FloatNetwork;
use firebrick_network::random::{self, Builder};
use firebrick_network::squeezenet::{Fire, SqueezeNet};
use firebrick_network::{Network, NodeId};
use firebrick_spec::HwConfig;

/// Edge of the small network's pictures.
pub const EDGE: usize = 9;

/// An engine with memories so small that a run takes microseconds, and that addresses near their
/// ends are met often.
#[must_use]
pub fn config() -> &'static HwConfig {
    static CONFIG: LazyLock<HwConfig> = LazyLock::new(|| HwConfig {
        name: "fuzz".into(),
        feature_words: 512,
        weight_blocks: 32,
        param_groups: 16,
        acc_depth: 64,
        line_words: 32,
        window_width: 32,
        ..HwConfig::preset("fb64").expect("fb64 is a preset")
    });
    &CONFIG
}

/// A convolution, a pool and another convolution.
#[must_use]
pub fn network() -> Network {
    let mut builder = Builder::new(5);
    let conv = builder.conv("conv1", NodeId::INPUT, 8, (3, 1, 0));
    let pool = builder.pool("pool1", conv, true);
    let conv = builder.conv("conv2", pool, 10, (1, 1, 0));
    builder.finish(conv, EDGE, EDGE)
}

/// A float SqueezeNet as small as it can be.
#[must_use]
pub fn float() -> FloatNetwork {
    let table = SqueezeNet {
        name: "fuzz".into(),
        outputs: 2,
        fires: vec![Fire::even(2, 2)],
        pools: vec![1],
        classes: 2,
        side: 15,
        ..SqueezeNet::v1_1()
    };
    random::float(&table, 5)
}

/// The small network on the small engine.
#[must_use]
pub fn program(check: bool, weights: Weights) -> Program {
    let options = CompileOptions {
        check,
        weights,
        ..CompileOptions::default()
    };
    compile(&network(), config(), EDGE, EDGE, &options).expect("it fits")
}

/// Bytes, taken from the front; zeros when there are none left.
#[derive(Debug)]
pub struct Bytes<'a>(pub &'a [u8]);

impl Bytes<'_> {
    /// Whether all are taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// The next word, little-endian.
    pub fn word(&mut self) -> u32 {
        u32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }

    /// At most so many bytes.
    pub fn take(&mut self, most: usize) -> &[u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

//! Whether the accumulators hold every sum.

use super::CompileError;
use firebrick_network::graph::{Conv, Network, Op};
use firebrick_spec::HwConfig;
use firebrick_spec::arith;
use firebrick_spec::config::WIDE_SUM_BITS;

/// Bits of the largest sums of a convolution, and the output channel that has them.
fn widest(conv: &Conv) -> (usize, usize) {
    let channels = conv.weights.outer_iter().zip(&conv.requant).enumerate();
    channels
        .map(|(channel, (weights, requant))| {
            let bits = arith::sum_bits(weights.iter().copied(), requant.bias);
            (bits, channel)
        })
        .max()
        .unwrap_or_default()
}

/// Bits that hold every sum of a network, signed: what a configuration's `sum_bits` must be at
/// least.
#[must_use]
pub fn sum_bits(network: &Network) -> usize {
    let bits = network.nodes.iter().map(|node| match &node.op {
        Op::Conv(conv) => widest(conv).0,
        _ => 0,
    });
    bits.max().unwrap_or_default()
}

/// Refuses networks with a layer whose partial sums, in any order and with any picture, or whose
/// last sum with its bias can leave the accumulators' range.
pub(super) fn check(network: &Network, config: &HwConfig) -> Result<(), CompileError> {
    for node in &network.nodes {
        let Op::Conv(conv) = &node.op else { continue };
        let (need, channel) = widest(conv);
        if need > config.sum_bits {
            return Err(CompileError::Sums {
                node: node.name.clone(),
                channel,
                config: config.name.clone(),
                need,
                available: config.sum_bits,
                hint: hint(config, need),
            });
        }
    }
    Ok(())
}

/// A preset that would take the network.
fn hint(config: &HwConfig, need: usize) -> String {
    let wide = HwConfig::preset(&format!("{}-wide", config.name));
    match wide.filter(|wide| wide.sum_bits >= need) {
        Some(wide) => format!("preset {:?} has {}", wide.name, wide.sum_bits),
        None if need <= WIDE_SUM_BITS => {
            format!("a configuration with sum_bits = {need} takes it")
        }
        None => "no preset has so many: smaller weights or a smaller bias would do".into(),
    }
}

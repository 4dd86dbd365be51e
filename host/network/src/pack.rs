//! The packed model: one safetensors file with a network's weights, and its description as JSON
//! in the metadata under [`METADATA_KEY`].
//!
//! Tensors of a convolution `NAME`: `NAME.weight` (i8, output channel, row, column, input
//! channel; or, where that is shorter, `NAME.sparse_weight`, u8, the same without its zeros, coded
//! as [`firebrick_spec::sparse`] says), `NAME.bias` (i32), `NAME.mult` (u16), `NAME.shift` (u8), one value per output
//! channel, and `NAME.output_scale` (f32, one value). A SHA-256 covers the description and all
//! tensors; and since the same network always packs to the same bytes, reading packs again and
//! compares, so that no byte of a file can change unnoticed.

mod error;
mod read;
mod write;

#[cfg(test)]
mod tests;

use firebrick_spec::sparse;
use sha2::{Digest, Sha256};

pub use error::{PackError, PackErrorKind};

use crate::graph::{Conv, Network, Op};

/// Key of the description in the metadata of the safetensors file.
pub const METADATA_KEY: &str = "firebrick";
/// Largest packed model that is read, in bytes. SqueezeNet takes about 1.3 MB.
pub const MAX_FILE_BYTES: u64 = 64 << 20;

static BUILTIN: &[u8] = include_bytes!("../squeezenet_v1.1.safetensors");

/// SqueezeNet v1.1 as committed in `weights/`, which is part of the program.
///
/// # Panics
///
/// Never in a tested build: a test loads these very bytes.
#[must_use]
pub fn builtin() -> Network {
    match read::network(BUILTIN) {
        Ok(network) => network,
        Err(kind) => unreachable!("the built-in model does not load: {kind}"),
    }
}

/// A convolution's weights without their zeros, if that is shorter.
fn without_zeros(weight: &[u8]) -> Option<Vec<u8>> {
    Some(sparse::encode(weight)).filter(|coded| coded.len() < weight.len())
}

/// Tensors of one convolution as little-endian bytes, in the order in which they are hashed.
struct ConvBytes {
    weight: Vec<u8>,
    bias: Vec<u8>,
    mult: Vec<u8>,
    shift: Vec<u8>,
    output_scale: Vec<u8>,
}

impl ConvBytes {
    fn of(conv: &Conv) -> ConvBytes {
        let requant = &conv.requant;
        ConvBytes {
            weight: conv.weights.iter().map(|&w| w.cast_unsigned()).collect(),
            bias: requant.iter().flat_map(|r| r.bias.to_le_bytes()).collect(),
            mult: requant.iter().flat_map(|r| r.mult.to_le_bytes()).collect(),
            shift: requant.iter().map(|r| r.shift).collect(),
            output_scale: conv.output_scale.to_le_bytes().to_vec(),
        }
    }
}

/// Digest over the description and every tensor, in node order. The description fixes all
/// lengths, its own is hashed first.
fn content_sha256(network: &Network, description: &str) -> String {
    let mut hash = Sha256::new();
    hash.update((description.len() as u64).to_le_bytes());
    hash.update(description);
    for node in &network.nodes {
        if let Op::Conv(conv) = &node.op {
            let bytes = ConvBytes::of(conv);
            for part in [
                bytes.weight,
                bytes.bias,
                bytes.mult,
                bytes.shift,
                bytes.output_scale,
            ] {
                hash.update(part);
            }
        }
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

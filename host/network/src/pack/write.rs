//! From network to bytes.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};

use crate::description::{Description, Header, SPARSE_VERSION, version_of};
use crate::graph::{Network, Op};
use crate::pack::{
    ConvBytes, METADATA_KEY, PackError, PackErrorKind, content_sha256, without_zeros,
};

impl Network {
    /// Packs the network. The same network always gives the same bytes.
    ///
    /// # Errors
    ///
    /// If [`Network::validate`] refuses it.
    pub fn to_bytes(&self) -> Result<Vec<u8>, PackError> {
        bytes(self).map_err(|kind| kind.at(format_args!("of {:?}", self.name)))
    }

    /// Writes the packed model to a file.
    ///
    /// # Errors
    ///
    /// If [`Network::validate`] refuses it, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), PackError> {
        let path = path.as_ref();
        let bytes = bytes(self).map_err(|kind| kind.at(path.display()))?;
        fs::write(path, bytes).map_err(|e| PackErrorKind::from(e).at(path.display()))
    }
}

/// A convolution as it is written.
struct Packed<'a> {
    name: &'a str,
    shape: &'a [usize],
    bytes: ConvBytes,
    /// Its weights, if they are written without zeros.
    coded: Option<Vec<u8>>,
}

/// All convolutions, weights without zeros where that is shorter and `sparse` allows it.
fn convs(network: &Network, sparse: bool) -> Vec<Packed<'_>> {
    let packed = network.nodes.iter().filter_map(|node| match &node.op {
        Op::Conv(conv) => {
            let bytes = ConvBytes::of(conv);
            Some(Packed {
                name: &node.name,
                shape: conv.weights.shape(),
                coded: sparse.then(|| without_zeros(&bytes.weight)).flatten(),
                bytes,
            })
        }
        _ => None,
    });
    packed.collect()
}

fn bytes(network: &Network) -> Result<Vec<u8>, PackErrorKind> {
    bytes_of(network, convs(network, true))
}

/// What a file of a version ought to hold. Files from before [`SPARSE_VERSION`] stay good.
pub(super) fn bytes_again(network: &Network, version: u32) -> Result<Vec<u8>, PackErrorKind> {
    bytes_of(network, convs(network, version >= SPARSE_VERSION))
}

fn bytes_of(network: &Network, convs: Vec<Packed<'_>>) -> Result<Vec<u8>, PackErrorKind> {
    network.validate()?;
    let description = Description::of(network);
    let json = |e: serde_json::Error| PackErrorKind::Description(e.to_string());
    let text = serde_json::to_string(&description).map_err(json)?;
    let mut format_version = version_of(network);
    if convs.iter().any(|conv| conv.coded.is_some()) {
        format_version = format_version.max(SPARSE_VERSION);
    }
    let header = Header {
        format_version,
        content_sha256: content_sha256(network, &text),
        network: description,
    };
    let header = serde_json::to_string(&header).map_err(json)?;
    let mut tensors = Vec::with_capacity(5 * convs.len());
    for conv in &convs {
        let Packed {
            name,
            shape,
            bytes,
            coded,
        } = conv;
        let outputs = || vec![shape[0]];
        let weight = match coded {
            Some(coded) => ("sparse_weight", Dtype::U8, vec![coded.len()], coded),
            None => ("weight", Dtype::I8, shape.to_vec(), &bytes.weight),
        };
        let parts = [
            weight,
            ("bias", Dtype::I32, outputs(), &bytes.bias),
            ("mult", Dtype::U16, outputs(), &bytes.mult),
            ("shift", Dtype::U8, outputs(), &bytes.shift),
            ("output_scale", Dtype::F32, vec![1], &bytes.output_scale),
        ];
        for (part, dtype, shape, data) in parts {
            let view = TensorView::new(dtype, shape, data)
                .map_err(|e| PackErrorKind::Container(e.to_string()))?;
            tensors.push((format!("{name}.{part}"), view));
        }
    }
    // One key only: the order in which a HashMap is written differs from run to run.
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), header)]);
    safetensors::serialize(tensors, Some(metadata))
        .map_err(|e| PackErrorKind::Container(e.to_string()))
}

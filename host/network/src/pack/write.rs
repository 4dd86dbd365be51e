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
    /// Packs the network. The same network always gives the same bytes; one that
    /// [`Network::validate`] refuses gives none.
    pub fn to_bytes(&self) -> Result<Vec<u8>, PackError> {
        bytes(self).map_err(|kind| kind.at(format_args!("of {:?}", self.name)))
    }

    /// Writes the packed model to a file.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), PackError> {
        let path = path.as_ref();
        let bytes = bytes(self).map_err(|kind| kind.at(path.display()))?;
        fs::write(path, bytes).map_err(|e| PackErrorKind::from(e).at(path.display()))
    }
}

fn bytes(network: &Network) -> Result<Vec<u8>, PackErrorKind> {
    bytes_in(network, newest(network))
}

/// The version that leaves out zeros where that is shorter, and else the oldest that will do.
fn newest(network: &Network) -> u32 {
    let zeros = network.nodes.iter().any(|node| match &node.op {
        Op::Conv(conv) => without_zeros(&ConvBytes::of(conv).weight).is_some(),
        _ => false,
    });
    let plain = version_of(network);
    if zeros {
        plain.max(SPARSE_VERSION)
    } else {
        plain
    }
}

/// What a file of a version ought to hold. Files from before [`SPARSE_VERSION`] stay good.
pub(super) fn bytes_again(network: &Network, version: u32) -> Result<Vec<u8>, PackErrorKind> {
    if version == version_of(network) {
        bytes_in(network, version)
    } else {
        bytes(network)
    }
}

/// The bytes in a version of the format that can hold the network.
fn bytes_in(network: &Network, version: u32) -> Result<Vec<u8>, PackErrorKind> {
    network.validate()?;
    let description = Description::of(network);
    let json = |e: serde_json::Error| PackErrorKind::Description(e.to_string());
    let text = serde_json::to_string(&description).map_err(json)?;
    let header = Header {
        format_version: version,
        content_sha256: content_sha256(network, &text),
        network: description,
    };
    let header = serde_json::to_string(&header).map_err(json)?;
    let convs: Vec<_> = network
        .nodes
        .iter()
        .filter_map(|node| match &node.op {
            Op::Conv(conv) => {
                let bytes = ConvBytes::of(conv);
                let coded = without_zeros(&bytes.weight).filter(|_| version >= SPARSE_VERSION);
                Some((&node.name, conv.weights.shape(), bytes, coded))
            }
            _ => None,
        })
        .collect();
    let mut tensors = Vec::with_capacity(5 * convs.len());
    for (name, shape, bytes, coded) in &convs {
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

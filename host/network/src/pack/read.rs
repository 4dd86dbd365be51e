//! From bytes to network. Nothing in a file is trusted: lengths are bounded by the file's own,
//! and the network is proven again.

use std::collections::HashMap;
use std::path::Path;

use firebrick_spec::arith::Requant;
use firebrick_spec::sparse;
use ndarray::Array4;
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

use crate::description::{
    ConvDescription, Description, FORMAT_VERSION, Header, NodeDescription, VersionOnly,
};
use crate::file::{self, FileError};
use crate::graph::{Conv, Network, Node, NodeId, Normalise, Scores};
use crate::pack::{MAX_FILE_BYTES, METADATA_KEY, PackError, PackErrorKind, content_sha256, write};
use crate::validate::INPUT_NAME;

impl Network {
    /// Reads a packed model from a file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is not a packed model, is of another version, is damaged, or is
    /// refused by [`Network::validate`].
    pub fn load(path: impl AsRef<Path>) -> Result<Network, PackError> {
        let path = path.as_ref();
        file::read(path, MAX_FILE_BYTES)
            .map_err(PackErrorKind::from)
            .and_then(|bytes| network(&bytes))
            .map_err(|kind| kind.at(path.display()))
    }

    /// Reads a packed model from memory.
    ///
    /// # Errors
    ///
    /// If the bytes are not a packed model, are of another version or damaged, or are refused by
    /// [`Network::validate`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Network, PackError> {
        network(bytes).map_err(|kind| kind.at("in memory"))
    }
}

impl From<FileError> for PackErrorKind {
    fn from(error: FileError) -> PackErrorKind {
        match error {
            FileError::Io(e) => e.into(),
            FileError::NotAFile => PackErrorKind::NotAFile,
            FileError::TooLarge => PackErrorKind::TooLarge,
        }
    }
}

pub(super) fn network(bytes: &[u8]) -> Result<Network, PackErrorKind> {
    let length = bytes.first_chunk().copied().map_or(0, u64::from_le_bytes);
    if bytes.len() < 8 || length > bytes.len() as u64 - 8 {
        return Err(PackErrorKind::HeaderLength {
            header: length,
            file: bytes.len() as u64,
        });
    }
    let container = |e: safetensors::SafeTensorError| PackErrorKind::Container(e.to_string());
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(container)?;
    let header = metadata
        .metadata()
        .as_ref()
        .and_then(|m| m.get(METADATA_KEY))
        .ok_or(PackErrorKind::NoDescription)?;
    let json = |e: serde_json::Error| PackErrorKind::Description(e.to_string());
    let version: VersionOnly = serde_json::from_str(header).map_err(json)?;
    if !(1..=FORMAT_VERSION).contains(&version.format_version) {
        return Err(PackErrorKind::Version {
            found: version.format_version,
            expected: FORMAT_VERSION,
        });
    }
    let header: Header = serde_json::from_str(header).map_err(json)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(container)?;
    let description = serde_json::to_string(&header.network).map_err(json)?;
    let network = assemble(header.network, &tensors)?;
    let found = content_sha256(&network, &description);
    if found != header.content_sha256 {
        return Err(PackErrorKind::Checksum {
            expected: header.content_sha256,
            found,
        });
    }
    let again = write::bytes_again(&network, version.format_version)?;
    if let Some(offset) = first_difference(bytes, &again) {
        return Err(PackErrorKind::NotCanonical { offset });
    }
    Ok(network)
}

fn first_difference(a: &[u8], b: &[u8]) -> Option<usize> {
    let common = a.len().min(b.len());
    let within = a.iter().zip(b).position(|(a, b)| a != b);
    within.or((a.len() != b.len()).then_some(common))
}

fn assemble(description: Description, tensors: &SafeTensors) -> Result<Network, PackErrorKind> {
    let mut known: HashMap<&str, NodeId> = HashMap::from([(INPUT_NAME, NodeId::INPUT)]);
    let mut nodes = Vec::new();
    for (index, node) in description.nodes.iter().enumerate() {
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for name in &node.inputs {
            let id = known.get(name.as_str()).ok_or_else(|| {
                let later = description.nodes.iter().any(|n| n.name == *name);
                let what = if later {
                    "is not computed before it"
                } else {
                    "does not exist"
                };
                PackErrorKind::Description(format!(
                    "node {:?} reads {name:?}, which {what}",
                    node.name
                ))
            })?;
            inputs.push(*id);
        }
        nodes.push(Node {
            name: node.name.clone(),
            op: node.op.try_map(|c| conv(node, c, tensors))?,
            inputs,
        });
        known.insert(&node.name, NodeId(index));
    }
    let input = description.input.to_input();
    Ok(Network {
        name: description.name,
        input,
        normalise: description.normalise.map(|n| Normalise {
            mean: n.mean,
            std: n.std,
        }),
        nodes,
        labels: description.labels,
        scores: match (description.map, description.sigmoid) {
            (Some(raised), _) => Scores::Map { raised },
            (None, Some(raised)) => Scores::Sigmoid { raised },
            (None, None) => Scores::Softmax,
        },
    })
}

/// A convolution with its tensors.
fn conv(
    node: &NodeDescription,
    description: &ConvDescription,
    tensors: &SafeTensors,
) -> Result<Conv, PackErrorKind> {
    let ConvDescription {
        kernel,
        stride,
        pad,
        in_channels,
        out_channels,
    } = *description;
    let shape = [out_channels, kernel, kernel, in_channels];
    let part = |part: &str, dtype, shape: &[usize]| {
        tensor(tensors, format!("{}.{part}", node.name), dtype, shape)
    };
    let weight = weights(node, tensors, &shape)?;
    let bias = part("bias", Dtype::I32, &shape[..1])?;
    let mult = part("mult", Dtype::U16, &shape[..1])?;
    let shift = part("shift", Dtype::U8, &shape[..1])?;
    let scale = part("output_scale", Dtype::F32, &[1])?;

    let weight = weight.into_iter().map(u8::cast_signed).collect();
    let weights = Array4::from_shape_vec(shape, weight).map_err(|e| PackErrorKind::Tensor {
        name: format!("{}.weight", node.name),
        reason: e.to_string(),
    })?;
    let bias = bias
        .as_chunks::<4>()
        .0
        .iter()
        .map(|b| i32::from_le_bytes(*b));
    let mult = mult
        .as_chunks::<2>()
        .0
        .iter()
        .map(|b| u16::from_le_bytes(*b));
    let requant = bias
        .zip(mult)
        .zip(shift)
        .map(|((bias, mult), &shift)| Requant { bias, mult, shift })
        .collect();
    let output_scale = scale.first_chunk().copied().map_or(0.0, f32::from_le_bytes);
    Ok(Conv {
        kernel,
        stride,
        pad,
        weights,
        requant,
        output_scale,
    })
}

/// Weights in the order of `shape`, from whichever tensor holds them.
fn weights(
    node: &NodeDescription,
    tensors: &SafeTensors,
    shape: &[usize],
) -> Result<Vec<u8>, PackErrorKind> {
    let name = format!("{}.sparse_weight", node.name);
    let Ok(view) = tensors.tensor(&name) else {
        let name = format!("{}.weight", node.name);
        return tensor(tensors, name, Dtype::I8, shape).map(<[u8]>::to_vec);
    };
    let coded = tensor(tensors, name.clone(), Dtype::U8, &[view.data().len()])?;
    let count = shape
        .iter()
        .try_fold(1, |product: usize, &side| product.checked_mul(side))
        .filter(|&count| count as u64 <= MAX_FILE_BYTES);
    count
        .and_then(|count| sparse::decode(coded, count))
        .ok_or_else(|| PackErrorKind::Tensor {
            name,
            reason: format!("its masks do not give the {shape:?} of the description"),
        })
}

/// A tensor's bytes, after its type and shape were compared with the description's.
fn tensor<'a>(
    tensors: &SafeTensors<'a>,
    name: String,
    dtype: Dtype,
    shape: &[usize],
) -> Result<&'a [u8], PackErrorKind> {
    let fail = |reason: String| PackErrorKind::Tensor {
        name: name.clone(),
        reason,
    };
    let view = tensors
        .tensor(&name)
        .map_err(|_| fail("is not in the file".into()))?;
    if view.dtype() != dtype || view.shape() != shape {
        return Err(fail(format!(
            "is {} {:?}, the description says {dtype} {shape:?}",
            view.dtype(),
            view.shape()
        )));
    }
    Ok(view.data())
}

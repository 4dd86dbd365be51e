//! Why a packed model was not read or written.

use std::io;

use crate::pack::MAX_FILE_BYTES;
use crate::validate::InvalidNetwork;

/// What went wrong with a packed model, and with which file.
#[derive(Debug, thiserror::Error)]
#[error("packed model {place}: {kind}")]
pub struct PackError {
    /// The file, or where else the bytes came from.
    pub place: String,
    /// What went wrong.
    #[source]
    pub kind: PackErrorKind,
}

/// What went wrong with a packed model.
#[derive(Debug, thiserror::Error)]
pub enum PackErrorKind {
    /// The file is not there, or cannot be read or written.
    #[error("{0}; give the path of a .safetensors file that firebrick import wrote")]
    Io(#[from] io::Error),
    /// The path is a folder, a device or the like.
    #[error("not a regular file; give the path of a .safetensors file")]
    NotAFile,
    /// Larger than any model.
    #[error("larger than {} MiB, so not a packed model; check the path", MAX_FILE_BYTES >> 20)]
    TooLarge,
    /// The first eight bytes promise a header that the file does not hold.
    #[error(
        "truncated or not a safetensors file: the header is said to take {header} bytes, the file \
         has {file}; fetch it again or import the model again"
    )]
    HeaderLength {
        /// Length in the first eight bytes.
        header: u64,
        /// Length of the file.
        file: u64,
    },
    /// The container is damaged.
    #[error("truncated or damaged safetensors file: {0}; fetch it again or import the model again")]
    Container(String),
    /// A safetensors file of something else.
    #[error(
        "its metadata has no \"firebrick\" description, so it is another program's file; \
         give a file that firebrick import wrote"
    )]
    NoDescription,
    /// Written by an older or a newer program.
    #[error(
        "format version {found}, this program reads versions 1 to {expected}; \
         import the model again with this version's firebrick import"
    )]
    Version {
        /// Version in the file.
        found: u32,
        /// Newest version that is understood.
        expected: u32,
    },
    /// The JSON does not say what it must.
    #[error("description not understood: {0}; import the model again")]
    Description(String),
    /// Description and tensors disagree.
    #[error("tensor {name:?}: {reason}; import the model again")]
    Tensor {
        /// Name of the tensor.
        name: String,
        /// What does not fit.
        reason: String,
    },
    /// The contents are not those that were written.
    #[error(
        "damaged: its contents have SHA-256 {found}, the file says {expected}; \
         fetch it again or import the model again"
    )]
    Checksum {
        /// Digest that the file carries.
        expected: String,
        /// Digest of what was read.
        found: String,
    },
    /// The same network packs to other bytes.
    #[error(
        "damaged: byte {offset} is not what packing its contents again gives; \
         fetch it again or import the model again"
    )]
    NotCanonical {
        /// First byte that differs.
        offset: usize,
    },
    /// The network cannot run.
    #[error("not a network that can run: {0}; quantise it again")]
    Invalid(#[from] InvalidNetwork),
}

impl PackErrorKind {
    pub(super) fn at(self, place: impl ToString) -> PackError {
        PackError {
            place: place.to_string(),
            kind: self,
        }
    }
}

//! Why a session cannot go on.

use crate::device::DeviceError;
use crate::program::{ImageError, ResultError};
use firebrick_spec::{ABI_VERSION, MAGIC, version};

/// Why a picture has no result, or a device cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The device failed.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// There is no Firebrick engine.
    #[error(
        "{device}: register MAGIC reads {got:#010x} instead of {MAGIC:#010x}; this is no Firebrick \
         engine, or its address is wrong"
    )]
    Magic {
        /// Which device.
        device: String,
        /// What was read.
        got: u32,
    },
    /// The engine is of another generation.
    #[error(
        "{device}: the engine's ABI version {} is {} than this program's, {}; {}",
        version(*got),
        if *got < ABI_VERSION { "older" } else { "newer" },
        version(ABI_VERSION),
        if *got < ABI_VERSION {
            "load a bitstream that this program's `generate` made"
        } else {
            "use the program that came with the bitstream"
        }
    )]
    Abi {
        /// Which device.
        device: String,
        /// Version of the engine.
        got: u32,
    },
    /// The engine was built for another configuration.
    #[error(
        "{device}: the engine's configuration has hash {got:016x}, {config:?} has {want:016x}; \
         choose the preset that the engine was generated from"
    )]
    Hash {
        /// Which device.
        device: String,
        /// Configuration expected.
        config: String,
        /// Its hash.
        want: u64,
        /// Hash of the engine.
        got: u64,
    },
    /// The program was compiled for another configuration.
    #[error("the program was compiled for {program:?}, the session is with {session:?}")]
    Program {
        /// Configuration of the program.
        program: String,
        /// Configuration of the session.
        session: String,
    },
    /// The picture does not fit.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The result is damaged.
    #[error(transparent)]
    Result(#[from] ResultError),
}

impl SessionError {
    /// Whether no other picture would fare better.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            SessionError::Device(DeviceError::LinkLost { .. } | DeviceError::Cancelled { .. })
        )
    }

    /// Whether the same picture may have a result when it is tried again.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            SessionError::Result(_) => true,
            SessionError::Device(DeviceError::InUse { .. }) => false,
            SessionError::Device(_) => !self.is_final(),
            _ => false,
        }
    }

    /// A word for programs, which stays when the message changes.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            SessionError::Device(error) => error.kind(),
            SessionError::Magic { .. } => "magic",
            SessionError::Abi { .. } => "abi",
            SessionError::Hash { .. } => "configuration",
            SessionError::Program { .. } => "program",
            SessionError::Image(_) => "image",
            SessionError::Result(ResultError::Length { .. }) => "result-length",
            SessionError::Result(ResultError::Crc { .. }) => "result-crc",
            SessionError::Result(ResultError::Order { .. }) => "result-order",
        }
    }
}

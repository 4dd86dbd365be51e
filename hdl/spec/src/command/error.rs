//! Why a stream is refused.

use super::codes::codes;
use crate::fields::Field;

codes! {
    /// Why the engine (or [`Command::decode`](super::Command::decode) and
    /// [`Command::check`](super::Command::check)) refuses a stream; the number is what register
    /// ERROR shows.
    #[derive(thiserror::Error)]
    ErrorCode {
        /// CRC.
        #[error("the record's CRC-32 does not match its contents")]
        BadCrc = 1,
        /// Opcode.
        #[error("the opcode is unknown")]
        BadOpcode = 2,
        /// Order.
        #[error("the stream does not begin with a hello record")]
        NoHello = 3,
        /// Magic number.
        #[error("the hello record's magic number is wrong")]
        BadMagic = 4,
        /// Version.
        #[error("the stream was compiled for another ABI version")]
        BadAbi = 5,
        /// Configuration.
        #[error("the stream was compiled for another hardware configuration")]
        BadHash = 6,
        /// Field range.
        #[error("a field is out of range (count, groups, rows, kernel, stride, mode, gap or beats)")]
        BadField = 7,
        /// Address range.
        #[error("an address or length exceeds a memory of this configuration")]
        BadAddress = 8,
        /// TLAST too early.
        #[error("the stream ended (TLAST) before the end record")]
        EarlyEnd = 9,
        /// TLAST missing.
        #[error("the end record is not the stream's last beat (TLAST missing)")]
        LateEnd = 10,
        /// Run-time address.
        #[error("an access to the feature buffer left its range")]
        FeatureRange = 11,
        /// Payload CRC.
        #[error("the record's payload does not match its CRC-32")]
        BadPayload = 12,
    }
}

/// A fault of a record that is found without running it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}{}", field.map(|f| format!(" ({f})")).unwrap_or_default())]
pub struct CommandError {
    /// The code that the engine would report.
    pub code: ErrorCode,
    /// The field at fault, when it is one.
    pub field: Option<&'static str>,
}

impl CommandError {
    pub(super) fn new(code: ErrorCode) -> CommandError {
        CommandError { code, field: None }
    }

    pub(super) fn at(code: ErrorCode, field: Field) -> CommandError {
        CommandError {
            code,
            field: Some(field.name),
        }
    }
}

//! What can go wrong with a stream.

use firebrick_spec::command::ErrorCode;

/// An error that the hardware reports in its register ERROR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("record {record}: {code}")]
pub struct EngineFault {
    /// Why.
    pub code: ErrorCode,
    /// Index of the record in its stream, from 0.
    pub record: u32,
}

impl EngineFault {
    pub(super) fn early(record: u32) -> EngineFault {
        EngineFault {
            code: ErrorCode::EarlyEnd,
            record,
        }
    }

    pub(super) fn range(record: u32) -> EngineFault {
        EngineFault {
            code: ErrorCode::FeatureRange,
            record,
        }
    }
}

/// What a hazard endangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum HazardKind {
    /// A weight block is overwritten.
    #[error("an earlier block may still need weight block")]
    WeightsInUse,
    /// A parameter group is overwritten.
    #[error("an earlier tile may still need parameter group")]
    ParamsInUse,
    /// A feature word is overwritten by the window unit.
    #[error("an earlier block may still read, or an earlier drain write, feature word")]
    FeatureInUse,
    /// A feature word is read.
    #[error("the drain that writes it may not have reached feature word")]
    FeatureNotDrained,
    /// A feature word is read.
    #[error("no block has taken the strip that contains feature word")]
    StripNotTaken,
    /// A block takes a strip.
    #[error("no rows record before the block completes its strip; strips taken so far:")]
    StripMissing,
    /// Something is read that nothing has ever written.
    #[error("nothing has ever written feature word")]
    FeatureNeverWritten,
    /// Something is read that nothing has ever written.
    #[error("nothing has ever written weight block")]
    WeightsNeverLoaded,
    /// Something is read that nothing has ever written.
    #[error("nothing has ever written parameter group")]
    ParamsNeverLoaded,
    /// Accumulators are overwritten.
    #[error("an earlier tile may still drain from accumulator")]
    AccumulatorInUse,
    /// Accumulators are added to.
    #[error("no unfinished sum of the same tile lies in accumulator")]
    AccumulatorStale,
    /// A parameter is outside the range for which requantisation is defined.
    #[error("multiplier or shift is out of range in parameter group")]
    ParamsInvalid,
    /// The drain of several pixels at a time needs an aligned map.
    #[error(
        "the pool needs tiles of whole rows, and with several lanes rows that lie a multiple of \
         lanes/2 and at least 4 times that apart, with a gap where the last window is cut; here \
         they lie apart by"
    )]
    PoolPitch,
    /// The drain of several pixels at a time would write two to the same bank.
    #[error("pixels that drain together would lie in the same bank; the output rows have gap")]
    OutputGap,
    /// The pool's line memory is too short.
    #[error("the pooled row does not fit into the line memory, it ends at word")]
    LineRange,
}

/// An access that the waits of the stream do not guarantee to come at the right time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("record {record}: {kind} {address}")]
pub struct Hazard {
    /// Index of the record in its stream.
    pub record: u32,
    /// What is endangered.
    pub kind: HazardKind,
    /// Address in the memory.
    pub address: usize,
}

/// Why a stream has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ExecError {
    /// The engine refuses the stream.
    #[error("the engine refuses the stream: {0}")]
    Fault(#[from] EngineFault),
    /// The stream depends on timing.
    #[error("the stream's result depends on timing: {0}")]
    Hazard(#[from] Hazard),
    /// The transfer is not whole beats.
    #[error("a transfer of {bytes} bytes is not a positive number of beats of {beat} bytes")]
    Ragged {
        /// Length of the transfer.
        bytes: usize,
        /// Bytes of a beat.
        beat: usize,
    },
}

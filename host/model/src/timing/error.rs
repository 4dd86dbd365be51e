//! Why a transfer's time cannot be predicted.

use firebrick_spec::command::CommandError;

/// Why there is no prediction: the engine would refuse a stream, or a stream would never end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimingError {
    /// A record is malformed, or not for this configuration.
    #[error("transfer {transfer}, byte {offset}: {source}")]
    Record {
        /// Index of the transfer.
        transfer: usize,
        /// Where the record begins.
        offset: usize,
        /// What is wrong with it.
        source: CommandError,
    },
    /// A transfer ends within a record or its payload, or without an end record.
    #[error("transfer {transfer} of {bytes} bytes ends before its end record")]
    Truncated {
        /// Index of the transfer.
        transfer: usize,
        /// Its length.
        bytes: usize,
    },
    /// A transfer goes on behind its end record.
    #[error("transfer {transfer} goes on behind its end record, from byte {offset}")]
    Trailing {
        /// Index of the transfer.
        transfer: usize,
        /// Bytes to the end of the end record.
        offset: usize,
    },
    /// A transfer does not begin with a hello record, or has a second one.
    #[error("transfer {transfer}, byte {offset}: a hello record is missing or misplaced")]
    Hello {
        /// Index of the transfer.
        transfer: usize,
        /// Where the record begins.
        offset: usize,
    },
    /// The engine waits for something that never happens.
    #[error("the engine waits for ever from cycle {cycle} on")]
    Stuck {
        /// Cycle, counted from the first beat of the first transfer.
        cycle: u64,
    },
    /// A pass would add to sums that the pass before has not written yet.
    #[error(
        "record {record}: in cycle {cycle} a pass adds to accumulators {distance} cycles after the pass \
         before it, closer than the engine can"
    )]
    AccumulatorReuse {
        /// Index of the record, counted through all transfers.
        record: usize,
        /// Cycle of the first vector, counted from the first beat of the first transfer.
        cycle: u64,
        /// Cycles since the pass before added to the same vector.
        distance: u64,
    },
    /// There is no model of such an engine.
    #[error("no timing model: {0}")]
    Config(String),
}

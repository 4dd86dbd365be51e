//! What can go wrong on a bus.

use crate::error::ModelError;

/// An error of a [`crate::bus::Testbench`].
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The model itself failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The design broke the protocol.
    #[error("cycle {cycle}: {violation} (seed {seed})")]
    Protocol {
        /// The cycle.
        cycle: u64,
        /// What happened.
        violation: Violation,
        /// The test bench's seed.
        seed: u64,
    },
    /// The design answered a register access with an error.
    #[error(
        "cycle {cycle}: {what} at address {address:#x} was answered with {response} (seed {seed})"
    )]
    Response {
        /// The cycle.
        cycle: u64,
        /// "read" or "write".
        what: &'static str,
        /// The address.
        address: u32,
        /// "SLVERR", "DECERR", "EXOKAY".
        response: &'static str,
        /// The test bench's seed.
        seed: u64,
    },
    /// Something did not happen in time.
    #[error("{what}: not within {limit} cycles (now cycle {cycle}, seed {seed})\n{}", list(.streams))]
    Timeout {
        /// What was waited for.
        what: String,
        /// The limit, in cycles.
        limit: u64,
        /// The current cycle.
        cycle: u64,
        /// The test bench's seed.
        seed: u64,
        /// Where each stream and register bus stands.
        streams: Vec<StreamReport>,
    },
}

/// Where one stream stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamReport {
    /// Its name.
    pub stream: String,
    /// Beats that passed.
    pub beats: u64,
    /// Beats that wait to be sent (0 for a sink).
    pub waiting: u64,
    /// The cycle of the last beat.
    pub last_beat: Option<u64>,
    /// What it does now.
    pub state: String,
}

impl std::fmt::Display for StreamReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "  {}: {} beats passed", self.stream, self.beats)?;
        if self.waiting > 0 {
            write!(f, ", {} to send", self.waiting)?;
        }
        match self.last_beat {
            Some(cycle) => write!(f, ", last in cycle {cycle}")?,
            None => write!(f, ", none so far")?,
        }
        write!(f, "; {}", self.state)
    }
}

fn list(streams: &[StreamReport]) -> String {
    streams
        .iter()
        .map(StreamReport::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

/// How a design broke a protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A valid was taken back before it was accepted.
    #[error("{signal} fell before it was accepted, after it rose in cycle {since}")]
    ValidDropped {
        /// The signal.
        signal: String,
        /// When it rose.
        since: u64,
    },
    /// A value changed while its valid waited for ready.
    #[error(
        "{signal} changed from {was} to {now} while it waited to be accepted since cycle {since}"
    )]
    Changed {
        /// The signal.
        signal: String,
        /// The value before, in hexadecimal.
        was: String,
        /// The value now.
        now: String,
        /// When its valid rose.
        since: u64,
    },
    /// An answer came without a question.
    #[error("{signal} rose although {why}")]
    Unasked {
        /// The signal.
        signal: String,
        /// Why it must not.
        why: &'static str,
    },
}

/// Words, least significant first, as one hexadecimal number.
pub(super) fn hex(words: &[u32]) -> String {
    let digits: String = words
        .iter()
        .rev()
        .map(|word| format!("{word:08x}"))
        .collect();
    let digits = digits.trim_start_matches('0');
    format!("0x{}", if digits.is_empty() { "0" } else { digits })
}

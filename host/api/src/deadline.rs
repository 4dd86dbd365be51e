//! How long a picture may take.

use std::time::Duration;

use firebrick_driver::Program;

use crate::device::Carrier;

/// Allowed for a picture whatever its size; on a board, all.
const DEADLINE_BASE: Duration = Duration::from_secs(60);
/// Simulated cycles in a second below which a run is given up. Some 500000 are usual.
const SLOWEST: u64 = 10_000;
/// With a waveform.
const SLOWEST_TRACED: u64 = 500;

/// What a picture may take: what is given, or by the predicted cycles in simulation.
/// `traced` says that a waveform is written.
#[must_use]
pub fn deadline(
    given: Option<Duration>,
    carrier: &Carrier,
    program: &Program,
    traced: bool,
) -> Duration {
    let slowest = match traced {
        true => SLOWEST_TRACED,
        false => SLOWEST,
    };
    let cycles = program.prediction().cycles + program.output_bytes() as u64;
    let more = match carrier.is_board() {
        true => Duration::ZERO,
        false => Duration::from_secs(cycles / slowest),
    };
    given.unwrap_or(DEADLINE_BASE + more)
}

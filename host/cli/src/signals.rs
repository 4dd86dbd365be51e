//! SIGINT while a device works: the first gives up in order, a second one leaves at once.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use firebrick_driver::{Cancel, Device, Session};
use signal_hook::consts::{SIGINT, SIGXFSZ};

use crate::error::CliError;

/// Raised by the first SIGINT since [`interrupt`], and never taken down: so a second one leaves
/// whatever is being done about the first.
static INTERRUPT: OnceLock<Cancel> = OnceLock::new();

/// Makes a write beyond the process's limit of file sizes an error, as on a full disk; by itself
/// the signal ends the program.
pub fn keep_file_limits() {
    // Without it the program only ends with less of a message.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
}

/// The flag that the first of these signals raises. A second one ends the process at once, with the
/// exit code that shells give for it.
pub fn first_of(signals: &[i32]) -> Result<Arc<AtomicBool>, CliError> {
    let flag = Arc::new(AtomicBool::new(false));
    for &number in signals {
        // In this order: what the flag was before this signal says whether it is the second.
        signal_hook::flag::register_conditional_shutdown(number, 128 + number, Arc::clone(&flag))
            .and_then(|_| signal_hook::flag::register(number, Arc::clone(&flag)))
            .map_err(|source| CliError::Signals { source })?;
    }
    Ok(flag)
}

/// The flag that the first SIGINT raises. Call it before a device is opened that has to be left in
/// order; until then SIGINT ends the program.
pub fn interrupt() -> Result<Cancel, CliError> {
    if let Some(cancel) = INTERRUPT.get() {
        return Ok(cancel.clone());
    }
    let flag = first_of(&[SIGINT])?;
    Ok(INTERRUPT.get_or_init(|| Cancel::from(flag)).clone())
}

/// Whether there was a SIGINT.
pub fn is_interrupted() -> bool {
    INTERRUPT.get().is_some_and(Cancel::is_cancelled)
}

/// What to make of a result when there was a SIGINT meanwhile: nothing of it, but the engine is
/// reset. `done` pictures were through.
pub fn in_order<T, D: Device>(
    session: &mut Session<D>,
    done: u64,
    result: Result<T, CliError>,
) -> Result<T, CliError> {
    match is_interrupted() {
        true => Err(given_up(
            format!("after {done} pictures"),
            session.reset().map_err(CliError::from),
        )),
        false => result,
    }
}

/// The error of a command that a SIGINT ended, with what came of the reset after it.
pub fn given_up(at: String, reset: Result<(), CliError>) -> CliError {
    CliError::Interrupted {
        at,
        left: match reset {
            Ok(()) => "the device is reset".into(),
            Err(error) => format!("the device could not be reset: {error}"),
        },
    }
}

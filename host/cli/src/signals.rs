//! SIGINT while a device works: the first gives up in order, a second one leaves at once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use firebrick_driver::Cancel;
use signal_hook::consts::SIGINT;

use crate::error::CliError;

/// A flag that the first SIGINT raises.
pub fn interrupt() -> Result<Cancel, CliError> {
    let flag = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register_conditional_shutdown(SIGINT, 128 + SIGINT, Arc::clone(&flag))
        .and_then(|_| signal_hook::flag::register(SIGINT, Arc::clone(&flag)))
        .map_err(|source| CliError::Signals { source })?;
    Ok(Cancel::from(flag))
}

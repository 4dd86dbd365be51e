//! The program `firebrick`.

mod accounting;
mod args;
mod commands;
mod device;
mod engine;
mod error;
mod output;
mod pictures;
mod preparations;
mod progress;
mod runner;
mod signals;
mod sources;
mod target;

use std::process::ExitCode;

use error::Outcome;

/// What a shell reports of a program that writes to a closed pipe: 128 + SIGPIPE.
const BROKEN_PIPE: u8 = 141;

fn main() -> ExitCode {
    let args = args::parse();
    match commands::run(&args) {
        Ok(Outcome::Good) => ExitCode::SUCCESS,
        Ok(Outcome::Bad) => ExitCode::FAILURE,
        Err(error) if error.is_broken_pipe() => ExitCode::from(BROKEN_PIPE),
        Err(error) => {
            progress::error(&error);
            match signals::is_interrupted() {
                true => ExitCode::from(signals::INTERRUPTED),
                false => ExitCode::FAILURE,
            }
        }
    }
}

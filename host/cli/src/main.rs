//! The program `firebrick`.

mod accounting;
mod args;
mod commands;
mod device;
mod engine;
mod error;
mod memory;
mod output;
mod outputs;
mod pictures;
mod preparations;
mod progress;
mod runner;
mod signals;
mod skipped;
mod sources;
mod target;

use std::process::ExitCode;

use error::Outcome;

/// What a shell reports of a program that writes to a closed pipe: 128 + SIGPIPE.
const BROKEN_PIPE: u8 = 141;
/// As for other mistakes in how the program is used.
const NO_INPUT: u8 = 2;

fn main() -> ExitCode {
    let args = args::parse();
    signals::keep_file_limits();
    match commands::run(&args) {
        Ok(Outcome::Good) => ExitCode::SUCCESS,
        Ok(Outcome::Bad) => ExitCode::FAILURE,
        Err(error) if error.is_no_input() => {
            progress::error(error);
            ExitCode::from(NO_INPUT)
        }
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

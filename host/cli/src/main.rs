//! The program `firebrick`.

mod accounting;
mod args;
mod commands;
mod device;
mod engine;
mod error;
mod exit;
mod live;
mod log;
mod output;
mod outputs;
mod pages;
mod pictures;
mod pool;
mod preparations;
mod presets;
mod progress;
mod runner;
mod signals;
mod skipped;
mod sources;
mod target;

use std::process::ExitCode;

use error::Outcome;

fn main() -> ExitCode {
    let args = args::parse();
    match &args.command {
        // A service that says nothing is hard to look after.
        args::Command::Serve(serve) if !args.quiet => log::begin(args.verbose, 1, serve.log_json),
        _ => log::begin(args.verbose, 0, false),
    }
    signals::keep_file_limits();
    match commands::run(&args) {
        Ok(Outcome::Good) => ExitCode::from(exit::GOOD),
        Ok(Outcome::Bad) => ExitCode::from(exit::BAD),
        Err(error) if error.is_no_input() => {
            progress::error(error);
            ExitCode::from(exit::NO_INPUT)
        }
        Err(error) if error.is_broken_pipe() => ExitCode::from(exit::BROKEN_PIPE),
        Err(error) => {
            progress::error(&error);
            match signals::is_interrupted() {
                true => ExitCode::from(exit::INTERRUPTED),
                false => ExitCode::from(exit::BAD),
            }
        }
    }
}

//! Everything that ends a command: what happened, where, and what to do.

use std::io;
use std::path::{Path, PathBuf};

use firebrick_driver::{CompileError, SessionError};
use firebrick_network::{ImageError, PackError};

/// Why a command, or one picture of it, has no result. The messages of the crates below hold
/// their causes already.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    #[error(transparent)]
    Picture(#[from] ImageError),
    #[error(transparent)]
    Pack(#[from] PackError),
    #[error(transparent)]
    Model(#[from] firebrick_model::ModelError),
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Timing(#[from] firebrick_model::timing::TimingError),
    #[error(transparent)]
    Image(#[from] firebrick_driver::ImageError),
    #[error(transparent)]
    Import(#[from] firebrick_network::import::ImportError),
    #[error(transparent)]
    Calibration(#[from] firebrick_network::calibration::CalibrationError),
    #[error(transparent)]
    Quantise(#[from] firebrick_network::quantise::QuantiseError),
    #[error(transparent)]
    Float(#[from] firebrick_network::float::FloatError),
    #[error("{path}: {reason}; {hint}")]
    File {
        path: PathBuf,
        reason: String,
        hint: &'static str,
    },
    #[error("the engine gave no result for a picture; run it again, and report it if it stays so")]
    Missing,
    #[cfg(feature = "sim")]
    #[error(transparent)]
    Sim(#[from] Box<firebrick_sim::SimError>),
    #[cfg(feature = "sim")]
    #[error("{preset}: no Verilog: {source}")]
    Generate {
        preset: String,
        source: firebrick_rtl::top::GenerateError,
    },
    #[cfg(not(feature = "sim"))]
    #[error(
        "{what} is not possible: this firebrick was built without the simulator; build it with \
         the feature \"sim\", which is on unless --no-default-features is given"
    )]
    NoSimulator { what: &'static str },
    #[cfg(feature = "sim")]
    #[error(
        "the output folder {dir}: {source}; name a folder that can be made and written with -o"
    )]
    OutputDir { dir: PathBuf, source: io::Error },
    #[cfg(feature = "sim")]
    #[error("cannot write {file}: {source}; name a folder that can be written with -o")]
    OutputFile { file: PathBuf, source: io::Error },
    #[cfg(feature = "sim")]
    #[error(
        "{file} is there already and was not written by firebrick; name another folder with -o, \
         or overwrite it with --force"
    )]
    ForeignFile { file: PathBuf },
    #[error("cannot write results to standard output: {0}")]
    Stdout(#[source] io::Error),
}

impl CliError {
    /// A file that cannot be used.
    pub fn file(path: &Path, reason: impl ToString, hint: &'static str) -> CliError {
        CliError::File {
            path: path.to_owned(),
            reason: reason.to_string(),
            hint,
        }
    }

    /// Whether no other picture would fare better.
    pub fn is_fatal(&self) -> bool {
        match self {
            CliError::Stdout(_) => true,
            #[cfg(feature = "sim")]
            CliError::Sim(_) => true,
            _ => false,
        }
    }

    /// Whether the reader of standard output went away, which is its good right.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, CliError::Stdout(e) if e.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// How a command that ran to its end went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Good,
    /// Something differed, or a picture has no result; it was reported.
    Bad,
}

//! Why there is no emulated board, or no longer.

use std::io;
use std::path::PathBuf;

use crate::bus::BusError;
use crate::device::SimError;

/// What ended the emulator.
#[derive(Debug, thiserror::Error)]
pub enum EmulatorError {
    /// No core.
    #[error(transparent)]
    Sim(Box<SimError>),
    /// The core breaks a protocol or does not answer.
    #[error(transparent)]
    Bus(Box<BusError>),
    /// Somebody else's file is in the way.
    #[error(
        "{path} is there already and was not made by an emulator; name another folder with --dir, \
         or move it away"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Another emulator is at work in the folder.
    #[error(
        "{dir}: an emulator runs here already{}; end it, or name another folder with --dir",
        match pid { Some(pid) => format!(", process {pid}"), None => String::new() }
    )]
    Running {
        /// The folder.
        dir: PathBuf,
        /// The other process.
        pid: Option<u32>,
    },
    /// A file cannot be made or used.
    #[error("cannot {action} {path}: {source}; name a folder that can be written with --dir")]
    Node {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// FUSE was asked for and is not to be had.
    #[error(
        "cannot serve FUSE files under {dir}: {source}; it needs /dev/fuse, and root or fusermount3 \
         (package fuse3); --streams fifo does without"
    )]
    Fuse {
        /// The folder.
        dir: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// A fault that this board cannot have.
    #[error("the fault {fault:?} is not possible here: {why}")]
    Fault {
        /// As it was written.
        fault: String,
        /// Why not.
        why: &'static str,
    },
    /// The configuration of the board makes no sense.
    #[error("{what}")]
    Options {
        /// What does not fit, and what does.
        what: String,
    },
}

impl From<SimError> for EmulatorError {
    fn from(error: SimError) -> EmulatorError {
        EmulatorError::Sim(Box::new(error))
    }
}

impl From<BusError> for EmulatorError {
    fn from(error: BusError) -> EmulatorError {
        EmulatorError::Bus(Box::new(error))
    }
}

impl EmulatorError {
    /// For use with `map_err`.
    pub(super) fn node(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> EmulatorError {
        let path = path.into();
        move |source| EmulatorError::Node {
            action,
            path,
            source,
        }
    }
}

//! Why a device cannot be used, or did not deliver: what happened, where, and what to do.

use super::errno::Explained;
use crate::executor::EngineFault;
use crate::stall::Stall;
use std::path::PathBuf;
use std::time::Duration;

/// Why a device did not deliver.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The engine holds an error.
    #[error("{device}: the engine stopped with an error, {fault}; a soft reset clears it")]
    Engine {
        /// Which device.
        device: String,
        /// What register ERROR says.
        fault: EngineFault,
    },
    /// Nothing came in time, and the registers say more.
    #[error(
        "{device}: no result within {deadline:?}: {sent} of {transfer} bytes sent, {got} of {want} \
         received; {state}"
    )]
    Stalled {
        /// Which device.
        device: String,
        /// Time allowed.
        deadline: Duration,
        /// Bytes of the transfer that the driver took.
        sent: usize,
        /// Bytes of the transfer.
        transfer: usize,
        /// Bytes of the result that came.
        got: usize,
        /// Bytes of the result.
        want: usize,
        /// State of the engine, the likely cause, and what to do.
        state: String,
    },
    /// A simulated engine stands still, or takes far longer than predicted. It is left as it is
    /// until the next reset.
    #[error("{device}: {stall}")]
    Hang {
        /// Which device.
        device: String,
        /// What its units wait for.
        stall: Box<Stall>,
    },
    /// More came back than the program says, or less.
    #[error(
        "{device}: the result has {got} bytes instead of {want}; beats were lost on the way, or \
         the transfer belongs to another program"
    )]
    Length {
        /// Which device.
        device: String,
        /// Bytes expected.
        want: usize,
        /// Bytes received.
        got: usize,
    },
    /// All registers read ones.
    #[error(
        "{device}: all registers read as ones {when}: the link is lost; the board lost power or \
         was reconfigured: rescan the bus (or reboot), then run `firebrick doctor`"
    )]
    LinkLost {
        /// Which device.
        device: String,
        /// When that was seen.
        when: &'static str,
    },
    /// A system call failed.
    #[error("{device}: cannot {action} {}: {explained}", node.display())]
    Io {
        /// Which device.
        device: String,
        /// What was tried.
        action: &'static str,
        /// On which file.
        node: PathBuf,
        /// The error number, its cause and what to do.
        explained: Explained,
    },
    /// Another process uses the device.
    #[error(
        "{device}: {} is in use by {}; wait for it, or end it", node.display(),
        match pid { Some(pid) => format!("process {pid}"), None => "another process".into() }
    )]
    InUse {
        /// Which device.
        device: String,
        /// The locked file.
        node: PathBuf,
        /// Who holds the lock, if that can be found.
        pid: Option<u32>,
    },
    /// A register does not follow.
    #[error(
        "{device}: {what} within {deadline:?}; the core has no clock or is held in reset, or its \
         bus hangs: reload the bitstream"
    )]
    Unresponsive {
        /// Which device.
        device: String,
        /// What was waited for.
        what: String,
        /// Time allowed.
        deadline: Duration,
    },
    /// The DMA engine stopped.
    #[error("{device}: the AXI DMA's {channel} channel stopped: {cause}")]
    Dma {
        /// Which device.
        device: String,
        /// MM2S or S2MM.
        channel: &'static str,
        /// What its status register says, and what to do.
        cause: String,
    },
    /// The run was given up on request.
    #[error("{device}: cancelled")]
    Cancelled {
        /// Which device.
        device: String,
    },
    /// The way to the engine failed.
    #[error("{device}: {what}")]
    Link {
        /// Which device.
        device: String,
        /// What happened, and what to do.
        what: String,
    },
}

impl DeviceError {
    /// A word for programs, which stays when the message changes.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            DeviceError::Engine { .. } => "engine",
            DeviceError::Stalled { .. } => "stalled",
            DeviceError::Hang { .. } => "hang",
            DeviceError::Length { .. } => "length",
            DeviceError::LinkLost { .. } => "link-lost",
            DeviceError::Io { .. } => "io",
            DeviceError::InUse { .. } => "in-use",
            DeviceError::Unresponsive { .. } => "unresponsive",
            DeviceError::Dma { .. } => "dma",
            DeviceError::Cancelled { .. } => "cancelled",
            DeviceError::Link { .. } => "link",
        }
    }
}

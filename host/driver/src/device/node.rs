//! Device nodes: opening, and reading and writing without waiting for longer than asked.

use super::DeviceError;
use super::errno::explain;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Opens a node, never waiting for its other end.
pub(super) fn open_node(device: &str, path: &Path, flags: OFlags) -> Result<File, DeviceError> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    loop {
        match open(path, flags, Mode::empty()) {
            Ok(fd) => return Ok(File::from(fd)),
            Err(Errno::INTR) => {}
            Err(errno) => {
                return Err(DeviceError::Io {
                    device: device.into(),
                    action: "open",
                    node: path.into(),
                    explained: explain(errno),
                });
            }
        }
    }
}

/// An error of the standard library, explained.
pub(super) fn io_error(
    device: &str,
    action: &'static str,
    node: &Path,
    error: &std::io::Error,
) -> DeviceError {
    match Errno::from_io_error(error) {
        Some(errno) => DeviceError::Io {
            device: device.into(),
            action,
            node: node.into(),
            explained: explain(errno),
        },
        None => DeviceError::Link {
            device: device.into(),
            what: format!("cannot {action} {}: {error}", node.display()),
        },
    }
}

/// Waits until one of the files is ready, for at most `limit`; says which are.
pub(super) fn wait_for(files: &[(&File, PollFlags)], limit: Duration) -> Result<Vec<bool>, Errno> {
    let mut fds: Vec<PollFd<'_>> = files
        .iter()
        .map(|(file, flags)| PollFd::new(*file, *flags))
        .collect();
    let limit = Timespec::try_from(limit).unwrap_or(Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    });
    match poll(&mut fds, Some(&limit)) {
        Ok(_) => {}
        Err(Errno::INTR) => return Ok(vec![false; files.len()]),
        Err(errno) => return Err(errno),
    }
    Ok(fds.iter().map(|fd| !fd.revents().is_empty()).collect())
}

/// A node that becomes readable with each interrupt.
#[derive(Debug)]
pub struct Interrupt {
    file: File,
    /// UIO wants a word written before the next interrupt.
    rearm: bool,
}

impl Interrupt {
    /// Takes an open node; `rearm` for UIO.
    pub(super) fn new(file: File, rearm: bool) -> Interrupt {
        let interrupt = Interrupt { file, rearm };
        interrupt.enable();
        interrupt
    }

    /// What to poll for reading.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Takes the count of interrupts that came. `false` when none ever will again.
    pub(super) fn take(&self) -> bool {
        let mut count = [0; 4];
        let read = rustix::io::read(&self.file, &mut count);
        self.enable();
        match read {
            Ok(0) => false,
            Ok(_) | Err(Errno::AGAIN | Errno::INTR) => true,
            Err(_) => false,
        }
    }

    /// Without interrupts there is polling, so a refusal is no error.
    fn enable(&self) {
        if self.rearm {
            let _ = rustix::io::write(&self.file, bytemuck::bytes_of(&1u32));
        }
    }

    /// Waits for an interrupt for at most `limit`.
    pub(super) fn wait(&self, limit: Duration) -> bool {
        match wait_for(&[(&self.file, PollFlags::IN)], limit) {
            Ok(ready) => ready.first().copied().unwrap_or(false) && self.take(),
            Err(_) => {
                std::thread::sleep(limit);
                false
            }
        }
    }
}

/// Path of a node with a suffix.
pub(super) fn suffixed(prefix: &Path, suffix: &str) -> PathBuf {
    let mut path = prefix.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

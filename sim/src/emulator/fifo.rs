//! Pipes with a name.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// A named pipe, open at both ends so that it never says that the other side is gone. Nothing
/// waits.
#[derive(Debug)]
pub struct Fifo {
    file: File,
}

/// Nothing to read, or no room: not an error here.
fn none_now(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
            ) =>
        {
            Ok(0)
        }
        other => other,
    }
}

impl Fifo {
    /// Opens a pipe that is there.
    pub fn open(path: &Path) -> io::Result<Fifo> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OFlags::NONBLOCK.bits() as i32)
            .open(path)?;
        Ok(Fifo { file })
    }

    /// Reads what is there, up to the room.
    pub fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        none_now((&self.file).read(room))
    }

    /// Writes what there is room for.
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        none_now((&self.file).write(bytes))
    }

    /// Bytes that nobody has read.
    pub fn waiting(&self) -> io::Result<u64> {
        Ok(rustix::io::ioctl_fionread(&self.file)?)
    }

    /// Drops what nobody has read.
    pub fn drain(&self) -> io::Result<()> {
        let mut room = [0; 4096];
        // No more than is there now: somebody may go on writing.
        let mut left = self.waiting()? as usize;
        while left > 0 {
            let limit = left.min(room.len());
            match self.read(&mut room[..limit])? {
                0 => break,
                read => left -= read,
            }
        }
        Ok(())
    }
}

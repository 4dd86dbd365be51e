//! A whole transfer through read(2) and write(2): partial counts are continued, interruptions and
//! the kernel driver's own time-outs retried, until all is through or somebody says stop.

use super::board::{Fault, Inlet, Outlet, Watch};
use super::errno::{ERESTARTSYS, explain};
use super::map::Buffer;
use super::node::wait_for;
use super::{DeviceError, Synchronised};
use firebrick_spec::result::Trailer;
use rustix::event::PollFlags;
use rustix::io::Errno;
use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Between two looks at whether to stop.
const INTERVAL: Duration = Duration::from_millis(10);
/// For this long a stream may read as ended before that counts.
const END: Duration = Duration::from_millis(500);

/// The system calls, so that a fake can stand in for them.
pub(super) trait RawStream: Send {
    /// Like write(2).
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Errno>;
    /// Like read(2).
    fn read(&mut self, room: &mut [u8]) -> Result<usize, Errno>;
    /// Waits until it is writable or readable, for at most `limit`.
    fn wait(&mut self, writes: bool, limit: Duration) -> Result<(), Errno>;
}

/// An open node that carries a stream.
#[derive(Debug)]
pub(super) struct Node {
    pub file: File,
}

impl RawStream for Node {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        rustix::io::write(&self.file, bytes)
    }

    fn read(&mut self, room: &mut [u8]) -> Result<usize, Errno> {
        rustix::io::read(&self.file, room)
    }

    fn wait(&mut self, writes: bool, limit: Duration) -> Result<(), Errno> {
        let flags = if writes {
            PollFlags::OUT
        } else {
            PollFlags::IN
        };
        wait_for(&[(&self.file, flags)], limit).map(|_| ())
    }
}

/// One direction of a board's streams.
#[derive(Debug)]
pub(super) struct Stream<S> {
    pub device: String,
    pub node: PathBuf,
    pub raw: S,
}

impl<S: RawStream> Stream<S> {
    fn failed(&self, action: &'static str, errno: Errno) -> Fault {
        Fault::Failed(DeviceError::Io {
            device: self.device.clone(),
            action,
            node: self.node.clone(),
            explained: explain(errno),
        })
    }

    /// Repeats a call until `total` bytes are through.
    fn all(
        &mut self,
        writes: bool,
        total: usize,
        watch: &Watch,
        mut call: impl FnMut(&mut S, usize) -> Result<usize, Errno>,
    ) -> Result<(), Fault> {
        let action = if writes { "write to" } else { "read from" };
        let (mut done, mut idle) = (0, 0u32);
        let mut ended: Option<Instant> = None;
        while done < total {
            watch.check()?;
            let wait = match call(&mut self.raw, done) {
                Ok(0) => {
                    // A pipe without a writer, for one.
                    if ended.get_or_insert_with(Instant::now).elapsed() > END {
                        return Err(self.failed(action, Errno::PIPE));
                    }
                    INTERVAL
                }
                Ok(count) => {
                    ended = None;
                    idle = 0;
                    done += count.min(total - done);
                    watch.moved(done);
                    continue;
                }
                Err(errno) => match errno.raw_os_error() {
                    ERESTARTSYS => {
                        watch.note(errno);
                        Duration::ZERO
                    }
                    _ if errno == Errno::TIMEDOUT => {
                        watch.note(errno);
                        Duration::ZERO
                    }
                    _ if errno == Errno::AGAIN => INTERVAL,
                    _ if errno == Errno::INTR => Duration::ZERO,
                    _ => return Err(self.failed(action, errno)),
                },
            };
            let begin = Instant::now();
            if !wait.is_zero() {
                let waited = self.raw.wait(writes, wait);
                waited.map_err(|errno| self.failed("wait for", errno))?;
            }
            // Something that claims to be ready and is not must not keep a processor busy.
            idle += 1;
            if idle > 3 && begin.elapsed() < INTERVAL / 10 {
                std::thread::sleep(INTERVAL / 10);
            }
        }
        Ok(())
    }

    fn read_all(&mut self, room: &mut [u8], watch: &Watch) -> Result<(), Fault> {
        self.all(false, room.len(), watch, |raw, done| {
            raw.read(&mut room[done..])
        })
    }
}

impl<S: RawStream> Outlet for Stream<S> {
    fn send(&mut self, buffer: &mut Buffer, length: usize, watch: &Watch) -> Result<(), Fault> {
        self.all(true, length, watch, |raw, done| {
            raw.write(&buffer[done..length])
        })
    }
}

impl<S: RawStream> Inlet for Stream<S> {
    fn receive(&mut self, room: &mut Buffer, want: usize, watch: &Watch) -> Result<(), Fault> {
        self.read_all(&mut room[..want], watch)
    }

    fn resync(
        &mut self,
        room: &mut Buffer,
        ours: &dyn Fn(&Trailer) -> bool,
        watch: &Watch,
    ) -> Result<Synchronised, Fault> {
        // Beat by beat: a longer read might wait for more than comes.
        let mut dropped = 0;
        loop {
            let mut beat = [0; Trailer::BYTES];
            self.read_all(&mut room[..Trailer::BYTES], watch)?;
            beat.copy_from_slice(&room[..Trailer::BYTES]);
            let trailer = Trailer::from_bytes(&beat);
            if ours(&trailer) {
                return Ok(Synchronised {
                    dropped,
                    next: Some(trailer.sequence.wrapping_add(1)),
                });
            }
            dropped += Trailer::BYTES;
        }
    }
}

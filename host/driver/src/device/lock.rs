//! One process at a time: an advisory lock on the device's node, which the kernel releases when the
//! process ends, however it ends.

use super::DeviceError;
use super::errno::explain;
use rustix::fs::{FlockOperation, flock, fstat, major, minor};
use rustix::io::Errno;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

/// Between two attempts.
const INTERVAL: Duration = Duration::from_millis(20);

/// Locks `file`, waiting for at most `wait`. The lock lasts until the file is closed.
pub(super) fn lock(
    device: &str,
    node: &Path,
    file: &File,
    wait: Duration,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), DeviceError> {
    let begin = Instant::now();
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(Errno::WOULDBLOCK) => {
                if cancelled() {
                    return Err(DeviceError::Cancelled {
                        device: device.into(),
                    });
                }
                let left = wait.saturating_sub(begin.elapsed());
                if left.is_zero() {
                    return Err(DeviceError::InUse {
                        device: device.into(),
                        node: node.into(),
                        pid: holder(file),
                    });
                }
                std::thread::sleep(left.min(INTERVAL));
            }
            Err(errno) => {
                return Err(DeviceError::Io {
                    device: device.into(),
                    action: "lock",
                    node: node.into(),
                    explained: explain(errno),
                });
            }
        }
    }
}

/// Process that holds the lock on a file.
fn holder(file: &File) -> Option<u32> {
    let status = fstat(file).ok()?;
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    find(
        &locks,
        major(status.st_dev),
        minor(status.st_dev),
        status.st_ino,
    )
}

/// Looks a file up in the text of `/proc/locks`, whose lines are number, kind, mode, access,
/// process, `major:minor:inode` (the first two in hexadecimal), and the range.
fn find(locks: &str, major: u32, minor: u32, inode: u64) -> Option<u32> {
    let file = format!("{major:02x}:{minor:02x}:{inode}");
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, _, pid, place, ..] = words[..] else {
            return None;
        };
        if place != file {
            return None;
        }
        pid.parse().ok().filter(|pid| *pid != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_found_by_device_and_inode() {
        let text = "1: POSIX  ADVISORY  WRITE 10 08:01:99 0 EOF\n\
                    2: FLOCK  ADVISORY  WRITE 11 08:01:98 0 EOF\n\
                    2: -> FLOCK  ADVISORY  WRITE 13 08:01:99 0 EOF\n\
                    3: FLOCK  ADVISORY  WRITE 12 08:01:99 0 EOF\n\
                    4: FLOCK  ADVISORY  WRITE -1 00:2f:7 0 EOF\n\
                    nonsense\n";
        assert_eq!(find(text, 8, 1, 99), Some(12));
        assert_eq!(find(text, 8, 1, 98), Some(11));
        assert_eq!(find(text, 0, 0x2f, 7), None);
        assert_eq!(find(text, 8, 2, 99), None);
    }

    #[test]
    fn a_lock_excludes_until_it_is_dropped() {
        let path = tempfile::NamedTempFile::new().unwrap();
        let open = || File::open(path.path()).unwrap();
        let never = || false;
        let first = open();
        lock("d", path.path(), &first, Duration::ZERO, &never).unwrap();
        let second = open();
        let begin = Instant::now();
        let wait = Duration::from_millis(50);
        match lock("d", path.path(), &second, wait, &never) {
            Err(DeviceError::InUse { pid, .. }) => {
                assert!(pid.is_none_or(|pid| pid == std::process::id()), "{pid:?}");
            }
            other => panic!("{other:?}"),
        }
        assert!((wait..wait * 20).contains(&begin.elapsed()));
        let given_up = lock("d", path.path(), &second, Duration::from_secs(60), &|| true);
        assert!(matches!(given_up, Err(DeviceError::Cancelled { .. })));
        let waiting = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            drop(first);
        });
        lock("d", path.path(), &second, Duration::from_secs(60), &never).unwrap();
        waiting.join().unwrap();
    }
}

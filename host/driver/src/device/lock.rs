//! One process at a time: an advisory lock on the device's node, which the kernel releases when the
//! process ends, however it ends.

use super::DeviceError;
use super::errno::explain;
use rustix::fs::{FlockOperation, flock, fstat, major, minor};
use rustix::io::Errno;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};
use tracing::info;

/// How long a process that was killed may take to go: a driver keeps it in a transfer that cannot
/// be broken off until that has timed out, XDMA's for ten seconds.
const DYING: Duration = Duration::from_secs(15);
/// How long a holder is looked for: one that is just being killed may be missing from the list, on a
/// busy machine for longer than it seems.
const UNKNOWN: Duration = Duration::from_secs(2);
/// Between two attempts.
const INTERVAL: Duration = Duration::from_millis(20);

/// Locks `file`, waiting for at most `wait`, and in any case for a process to go that was killed.
/// The lock lasts until the file is closed.
pub(super) fn lock(
    device: &str,
    node: &Path,
    file: &File,
    wait: Duration,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), DeviceError> {
    let begin = Instant::now();
    let mut told = false;
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
                let mut left = wait.saturating_sub(begin.elapsed());
                if left.is_zero() {
                    let pid = holder(file);
                    let more = match pid {
                        Some(pid) if is_dying(pid) => DYING,
                        Some(_) => Duration::ZERO,
                        None => UNKNOWN,
                    };
                    left = (wait + more).saturating_sub(begin.elapsed());
                    if left.is_zero() {
                        return Err(DeviceError::InUse {
                            device: device.into(),
                            node: node.into(),
                            pid,
                        });
                    }
                }
                if !told {
                    told = true;
                    info!(node = %node.display(), holder = ?holder(file), "waits for the lock");
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

/// Whether a process was killed, or has ended but for threads that a driver still holds.
fn is_dying(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
    status.is_ok_and(|status| says_dying(&status))
}

/// Looks into the text of `/proc/PID/status`: state zombie or dead, or SIGKILL on its way.
fn says_dying(status: &str) -> bool {
    const KILL: u64 = 1 << 8;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.map(str::trim)
    };
    let pending = |name: &str| field(name).and_then(|mask| u64::from_str_radix(mask, 16).ok());
    let killed = |name: &str| pending(name).is_some_and(|mask| mask & KILL != 0);
    let gone = field("State:").is_some_and(|state| state.starts_with(['Z', 'X']));
    gone || killed("SigPnd:") || killed("ShdPnd:")
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
    fn a_killed_process_is_dying() {
        let text = |state: &str, pending: &str| {
            format!("Name:\tx\nState:\t{state}\nSigPnd:\t0000\nShdPnd:\t{pending}\n")
        };
        assert!(!says_dying(&text("S (sleeping)", "0000000000000000")));
        assert!(!says_dying(&text("S (sleeping)", "0000000000004000")));
        assert!(says_dying(&text("D (disk sleep)", "0000000000000100")));
        assert!(says_dying(&text("Z (zombie)", "0000000000000000")));
        assert!(!says_dying(""));
        assert!(!is_dying(std::process::id()));
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        child.kill().unwrap();
        let begin = Instant::now();
        while !is_dying(child.id()) {
            assert!(begin.elapsed() < Duration::from_secs(10));
        }
        child.wait().unwrap();
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

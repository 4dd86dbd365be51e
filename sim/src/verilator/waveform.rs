//! The file of a waveform: room for it before and while it is written, whole when it appears.
//!
//! Verilator's FST writer checks none of its writes, and maps scratch files of [`SCRATCH`] into
//! memory, where a full disk ends the process with SIGBUS. So room is looked at here.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::statvfs;
use rustix::process::{Resource, getrlimit};

/// Where `tmpfile` of the C library puts the scratch files.
const SCRATCH: &str = "/tmp";
/// Room that must be left, in bytes, on the disks of the file and of the scratch files.
const RESERVE: u64 = 1 << 20;
/// Cycles between two looks at the room.
const LOOK: u64 = 64;
/// Type of the first block of an FST file.
const HEADER: u8 = 0;
/// Bytes of the header block behind its type.
const HEADER_BYTES: u64 = 329;

/// Bytes that a new file in the folder of `path` can have: what the disk has left, or what the
/// process may write into one file, if that is less.
///
/// # Errors
/// If the folder's file system cannot be asked.
pub fn room(path: &Path) -> io::Result<u64> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    let disk = statvfs(folder.unwrap_or(Path::new(".")))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let most = getrlimit(Resource::Fsize).current.unwrap_or(u64::MAX);
    Ok(free.min(most))
}

/// A waveform under way. It is written beside its place, and put there when it is whole;
/// dropped before, it leaves nothing.
pub(crate) struct Waveform {
    /// What the caller named.
    pub path: PathBuf,
    /// The same, links followed.
    target: PathBuf,
    /// Where it is written.
    pub part: PathBuf,
    pub from: u64,
    pub to: u64,
    /// Cycles that were written.
    pub cycles: u64,
}

impl Waveform {
    /// Makes the file, empty.
    pub fn create(path: &Path, from: u64, to: u64) -> Result<Waveform, String> {
        let target = match fs::metadata(path) {
            Ok(found) if !found.is_file() => {
                return Err("it is not a regular file, and a waveform cannot be a stream".into());
            }
            Ok(_) => fs::canonicalize(path).map_err(|e| e.to_string())?,
            Err(_) => path.to_owned(),
        };
        let waveform = Waveform {
            path: path.to_owned(),
            part: beside(&target),
            target,
            from,
            to,
            cycles: 0,
        };
        waveform.check_room()?;
        let new = File::options()
            .write(true)
            .create_new(true)
            .open(&waveform.part);
        new.map_err(|e| e.to_string())?;
        Ok(waveform)
    }

    /// Counts a cycle that is about to be written; now and then looks whether there is room.
    pub fn count(&mut self) -> Result<(), String> {
        self.cycles += 1;
        if self.cycles.is_multiple_of(LOOK) {
            self.check_room()?;
        }
        Ok(())
    }

    fn check_room(&self) -> Result<(), String> {
        for place in [&self.part, &Path::new(SCRATCH).join("x")] {
            // Elsewhere the scratch files may not be in that folder.
            let Ok(room) = room(place) else { continue };
            let written = fs::metadata(&self.part).map_or(0, |m| m.len());
            if room < RESERVE || may_append(written) < RESERVE {
                let folder = place.parent().unwrap_or(place);
                return Err(format!(
                    "there is no room left in {}; free some, name a file on another disk, or \
                     give fewer cycles",
                    folder.display()
                ));
            }
        }
        Ok(())
    }

    /// Puts the file, which the writer has closed, in its place; if it is not whole, away.
    pub fn finish(self) -> Result<(), String> {
        whole(&self.part)?;
        fs::rename(&self.part, &self.target).map_err(|e| e.to_string())
    }
}

impl Drop for Waveform {
    fn drop(&mut self) {
        // Not there once it was renamed. The writer keeps its hierarchy beside it.
        let _ = fs::remove_file(&self.part);
        let mut hierarchy = self.part.clone().into_os_string();
        hierarchy.push(".hier");
        let _ = fs::remove_file(hierarchy);
    }
}

/// Bytes that the process may still append to a file of this length.
fn may_append(written: u64) -> u64 {
    let most = getrlimit(Resource::Fsize).current.unwrap_or(u64::MAX);
    most.saturating_sub(written)
}

/// A name that nobody else uses.
fn beside(target: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    target.with_file_name(format!(
        ".firebrick.{}.{count}.fst.part",
        std::process::id()
    ))
}

/// Whether an FST file's blocks follow each other up to its end: each is a byte of type, and a
/// length that counts itself, most significant byte first.
fn whole(path: &Path) -> Result<(), String> {
    let cut = || {
        "the file is not whole: the disk is full, or took no more of it; free some \
                   room, name a file on another disk, or give fewer cycles"
            .to_owned()
    };
    let mut file = File::open(path).map_err(|e| e.to_string())?;
    let end = file.metadata().map_err(|e| e.to_string())?.len();
    let mut at = 0;
    while at < end {
        let mut head = [0; 9];
        file.seek(SeekFrom::Start(at)).map_err(|e| e.to_string())?;
        file.read_exact(&mut head).map_err(|_| cut())?;
        let length = u64::from_be_bytes([
            head[1], head[2], head[3], head[4], head[5], head[6], head[7], head[8],
        ]);
        let begins = at > 0 || (head[0] == HEADER && length == HEADER_BYTES);
        at = at.saturating_add(1).saturating_add(length);
        if !begins || length < 8 || at > end {
            return Err(cut());
        }
    }
    // A header, and at least the values or names behind it.
    if end > HEADER_BYTES + 1 {
        Ok(())
    } else {
        Err(cut())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header block and one more.
    fn file() -> Vec<u8> {
        let block = |kind: u8, length: u64| {
            let mut block = vec![kind];
            block.extend(length.to_be_bytes());
            block.resize(1 + length as usize, 7);
            block
        };
        [block(HEADER, HEADER_BYTES), block(8, 50)].concat()
    }

    #[test]
    fn a_file_cut_anywhere_is_not_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w.fst");
        let bytes = file();
        for length in 0..=bytes.len() {
            fs::write(&path, &bytes[..length]).unwrap();
            assert_eq!(whole(&path).is_ok(), length == bytes.len(), "{length}");
        }
        let mut damaged = bytes.clone();
        damaged[HEADER_BYTES as usize + 1 + 8] += 1;
        fs::write(&path, damaged).unwrap();
        assert!(whole(&path).unwrap_err().contains("not whole"));
    }

    #[test]
    fn a_waveform_that_is_dropped_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w.fst");
        fs::write(&path, "before").unwrap();
        let names = || fs::read_dir(dir.path()).unwrap().count();
        let waveform = Waveform::create(&path, 0, 10).unwrap();
        assert_eq!(names(), 2);
        drop(waveform);
        let waveform = Waveform::create(&path, 0, 10).unwrap();
        assert!(waveform.finish().is_err());
        assert_eq!((names(), fs::read(&path).unwrap()), (1, b"before".to_vec()));
        let waveform = Waveform::create(&path, 0, 10).unwrap();
        fs::write(&waveform.part, file()).unwrap();
        waveform.finish().unwrap();
        assert_eq!((names(), fs::read(&path).unwrap()), (1, file()));
        assert!(Waveform::create(Path::new("/dev/null"), 0, 1).is_err());
    }
}

//! A folder of finished builds, keyed by the content that they were built from.
//!
//! An entry is a folder that appears by one rename, with a manifest that names its files and
//! their SHA-256. Whatever does not match its manifest does not count and is built anew.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::error::BuildError;

const MANIFEST: &str = "manifest";
const HEADING: &str = "firebrick build cache 1";

/// The cache folder.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    dir: PathBuf,
}

/// A finished entry.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its folder.
    pub dir: PathBuf,
    /// What its builder noted.
    pub notes: Vec<String>,
}

/// The exclusive right to build one entry; given back when dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// A folder for work in progress, removed when dropped.
#[derive(Debug)]
pub(crate) struct Scratch {
    pub dir: PathBuf,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

impl Cache {
    /// The cache in `dir`; nothing is touched yet.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Turns an I/O error in the cache into one that says what to do.
    pub fn error(&self, source: io::Error) -> BuildError {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => BuildError::DiskFull {
                dir: self.dir.clone(),
            },
            _ => BuildError::CacheNotWritable {
                dir: self.dir.clone(),
                source,
            },
        }
    }

    /// The entry of `key`, if it is there and whole.
    pub fn lookup(&self, key: &str) -> Option<Entry> {
        let dir = self.dir.join(key);
        let manifest = fs::read_to_string(dir.join(MANIFEST)).ok()?;
        let mut lines = manifest.lines();
        if lines.next() != Some(HEADING) {
            return None;
        }
        let mut notes = Vec::new();
        for line in lines {
            if let Some(file) = line.strip_prefix("file ") {
                let (digest, name) = file.split_once(' ')?;
                let bytes = fs::read(dir.join(name)).ok()?;
                if hex(&Sha256::digest(&bytes)) != digest {
                    return None;
                }
            } else {
                notes.push(line.to_owned());
            }
        }
        // An interrupted write would lack the last line.
        (notes.pop()? == "end").then_some(Entry { dir, notes })
    }

    /// Waits for the right to build `key`. `Ok(None)` when the deadline passed.
    pub fn lock(
        &self,
        key: &str,
        deadline: Instant,
        mut on_wait: impl FnMut(),
    ) -> Result<Option<Lock>, BuildError> {
        fs::create_dir_all(&self.dir).map_err(|e| self.error(e))?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.dir.join(format!("{key}.lock")))
            .map_err(|e| self.error(e))?;
        let mut waited = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Lock { _file: file })),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(e)) => return Err(self.error(e)),
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            if !std::mem::replace(&mut waited, true) {
                on_wait();
            }
            std::thread::sleep(Duration::from_millis(25));
        }
    }

    /// A new, empty folder to build `key` in. Leftovers of earlier attempts are removed, which
    /// is right because the caller holds the lock.
    pub fn scratch(&self, key: &str, _lock: &Lock) -> Result<Scratch, BuildError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let start = format!("{key}.tmp-");
        for entry in fs::read_dir(&self.dir)
            .map_err(|e| self.error(e))?
            .flatten()
        {
            if entry.file_name().to_string_lossy().starts_with(&start) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = self
            .dir
            .join(format!("{start}{}-{count}", std::process::id()));
        fs::create_dir(&dir).map_err(|e| self.error(e))?;
        Ok(Scratch { dir })
    }

    /// Makes `files` of the scratch folder the entry of `key`; all else in it is removed.
    pub fn publish(
        &self,
        key: &str,
        _lock: &Lock,
        scratch: Scratch,
        files: &[&str],
        notes: &[String],
    ) -> Result<Entry, BuildError> {
        let fail = |e| self.error(e);
        let mut manifest = format!("{HEADING}\n");
        for name in files {
            let digest = hex(&Sha256::digest(
                fs::read(scratch.dir.join(name)).map_err(fail)?,
            ));
            manifest.push_str(&format!("file {digest} {name}\n"));
        }
        for note in notes.iter().map(String::as_str).chain(["end"]) {
            manifest.push_str(note);
            manifest.push('\n');
        }
        for entry in fs::read_dir(&scratch.dir).map_err(fail)?.flatten() {
            if !files.iter().any(|name| *name == entry.file_name()) {
                let path = entry.path();
                let _ = if path.is_dir() {
                    fs::remove_dir_all(path)
                } else {
                    fs::remove_file(path)
                };
            }
        }
        fs::write(scratch.dir.join(MANIFEST), manifest).map_err(fail)?;
        let dir = self.dir.join(key);
        if dir.exists() {
            fs::remove_dir_all(&dir).map_err(fail)?;
        }
        fs::rename(&scratch.dir, &dir).map_err(fail)?;
        Ok(Entry {
            dir,
            notes: notes.to_vec(),
        })
    }

    /// The folder itself.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

/// Bytes as hexadecimal text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

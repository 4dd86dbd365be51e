//! A unique folder for the files of one tool run.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{fs, io};

use crate::error::BuildError;

/// The folder; removed when dropped.
#[derive(Debug)]
pub(crate) struct Temporary {
    dir: PathBuf,
}

impl Temporary {
    /// Makes one in the system's folder for temporary files.
    pub fn new(purpose: &str) -> Result<Self, BuildError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let base = std::env::temp_dir();
        let mut last = io::Error::other("no name was free");
        for _ in 0..100 {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let nanos = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |t| t.subsec_nanos());
            let id = std::process::id();
            let dir = base.join(format!("firebrick-{purpose}-{id}-{count}-{nanos:08x}"));
            match fs::create_dir(&dir) {
                Ok(()) => return Ok(Self { dir }),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => last = e,
                Err(source) => return Err(BuildError::Scratch { dir: base, source }),
            }
        }
        Err(BuildError::Scratch {
            dir: base,
            source: last,
        })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// The error for a file that could not be read or written in it.
    pub fn error(&self, source: io::Error) -> BuildError {
        BuildError::Scratch {
            dir: self.dir.clone(),
            source,
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

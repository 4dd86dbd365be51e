//! Reads whole files of a bounded size.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Why a file was not read.
#[derive(Debug)]
pub(crate) enum FileError {
    /// The file is not there or cannot be read.
    Io(io::Error),
    /// A folder, a device or the like.
    NotAFile,
    /// More bytes than allowed.
    TooLarge,
}

/// Reads a regular file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    // Before opening, since opening a pipe waits for a writer.
    if !fs::metadata(path).map_err(FileError::Io)?.is_file() {
        return Err(FileError::NotAFile);
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
        .map_err(FileError::Io)?;
    if bytes.len() as u64 > limit {
        Err(FileError::TooLarge)
    } else {
        Ok(bytes)
    }
}

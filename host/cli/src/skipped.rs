//! Files of a folder that cannot be read: passed over with a warning and a count, unless there are
//! too many of them. A file that was named is never passed over.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use firebrick_network::image::listed;

use crate::args::Pictures;
use crate::error::CliError;
use crate::progress;

/// Fewer pictures of a folder in a hundred that can be read, and something is wrong with it.
pub const READABLE_PERCENT: usize = 50;

/// The folders among a command's arguments, each with its number of files and of those that were
/// passed over.
pub struct Skipped {
    named: Vec<PathBuf>,
    folders: BTreeMap<PathBuf, [usize; 2]>,
}

impl Skipped {
    pub fn new(pictures: &Pictures) -> Skipped {
        let all = pictures.images.iter().cloned();
        let (folders, named): (Vec<_>, Vec<_>) = all.partition(|path| path.is_dir());
        let count = |path: PathBuf| {
            let files = listed(&path, pictures.recursive).map_or(0, |files| files.len());
            (path, [files, 0])
        };
        Skipped {
            named,
            folders: folders.into_iter().map(count).collect(),
        }
    }

    /// What to do about a file that cannot be read: nothing more, or its own error, or, when there
    /// are too many in its folder, the end of the command.
    pub fn unreadable(&mut self, path: &Path, error: CliError) -> Result<(), Unreadable> {
        // The folder that was named, also for a file in a folder below it.
        let folder = path
            .ancestors()
            .skip(1)
            .find(|&folder| self.folders.contains_key(folder));
        let folder = folder.unwrap_or(path);
        let found = match self.folders.get_mut(folder) {
            Some(found) if !self.named.iter().any(|named| named == path) => found,
            _ => return Err(Unreadable::Own(error)),
        };
        found[1] += 1;
        let [files, skipped] = *found;
        progress::warning(format_args!("skipped: {error}"));
        let most = files.saturating_sub(skipped);
        match most * 100 < files * READABLE_PERCENT {
            false => Ok(()),
            true => Err(Unreadable::TooMany(CliError::TooFewReadable {
                path: folder.to_owned(),
                skipped,
                files,
            })),
        }
    }

    /// Says how many were passed over.
    pub fn report(&self) {
        for (folder, [files, skipped]) in &self.folders {
            if *skipped > 0 {
                progress::warning(format_args!(
                    "{}: {skipped} of {files} files were skipped",
                    folder.display()
                ));
            }
        }
    }
}

/// A file that is not passed over.
pub enum Unreadable {
    /// It is an error of its own.
    Own(CliError),
    /// One too many: the command ends.
    TooMany(CliError),
}

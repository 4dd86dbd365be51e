//! Where the pictures come from: files, folders, and a list on standard input.

use std::collections::VecDeque;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::error::CliError;

/// Extensions of picture files in a folder.
const EXTENSIONS: [&str; 3] = ["jpg", "jpeg", "png"];
/// Between two looks at whether to stop.
const LOOK: Duration = Duration::from_millis(20);

enum Source {
    File(PathBuf),
    Error(CliError),
    Stdin,
}

/// The paths of pictures, one by one. Folders are read at once, standard input as it comes.
pub struct Sources(VecDeque<Source>);

/// The picture files of a folder, by name.
pub fn listed(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
    files.retain(|file| {
        let extension = file.extension().map(|e| e.to_ascii_lowercase());
        extension.is_some_and(|e| EXTENSIONS.iter().any(|known| e == *known))
    });
    files.sort();
    Ok(files)
}

impl Sources {
    pub fn new(arguments: &[PathBuf]) -> Sources {
        let mut list = VecDeque::new();
        for path in arguments {
            match path {
                path if path == Path::new("-") => list.push_back(Source::Stdin),
                path if path.is_dir() => folder(path, &mut list),
                path => list.push_back(Source::File(path.clone())),
            }
        }
        Sources(list)
    }

    /// With `allowed`, folders without pictures are no errors.
    pub fn allow_empty(mut self, allowed: bool) -> Sources {
        let empty = |source: &Source| matches!(source, Source::Error(CliError::NoPictures { .. }));
        self.0.retain(|source| !(allowed && empty(source)));
        self
    }

    /// The same, until `stop` says so, also while standard input makes it wait.
    pub fn until(self, stop: impl Fn() -> bool) -> impl Iterator<Item = <Self as Iterator>::Item> {
        let (to, paths) = sync_channel(1);
        // Ends with its last path, with the receiver, or with the program.
        std::thread::spawn(move || {
            for path in self {
                if to.send(path).is_err() {
                    return;
                }
            }
        });
        std::iter::from_fn(move || {
            while !stop() {
                match paths.recv_timeout(LOOK) {
                    Ok(path) => return Some(path),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
            None
        })
    }

    /// How many there are, if that is known beforehand.
    pub fn total(&self) -> Option<u64> {
        let known = |source: &Source| !matches!(source, Source::Stdin);
        self.0.iter().all(known).then_some(self.0.len() as u64)
    }
}

fn folder(path: &Path, list: &mut VecDeque<Source>) {
    match listed(path) {
        Err(source) => list.push_back(Source::Error(CliError::Source {
            path: path.to_owned(),
            source,
        })),
        Ok(files) if files.is_empty() => {
            let path = path.to_owned();
            list.push_back(Source::Error(CliError::NoPictures { path }));
        }
        Ok(files) => list.extend(files.into_iter().map(Source::File)),
    }
}

impl Iterator for Sources {
    type Item = Result<PathBuf, CliError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.0.pop_front()? {
                Source::File(path) => return Some(Ok(path)),
                Source::Error(error) => return Some(Err(error)),
                Source::Stdin => {
                    let mut line = String::new();
                    match std::io::stdin().lock().read_line(&mut line) {
                        Ok(0) => {}
                        Ok(_) => {
                            self.0.push_front(Source::Stdin);
                            let line = line.trim_end_matches(['\n', '\r']);
                            if !line.is_empty() {
                                return Some(Ok(line.into()));
                            }
                        }
                        Err(source) => {
                            let path = "standard input".into();
                            return Some(Err(CliError::Source { path, source }));
                        }
                    }
                }
            }
        }
    }
}

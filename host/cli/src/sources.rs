//! Where the pictures come from: files, folders, and a list on standard input.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::BufRead;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use firebrick_network::image::listed;

use crate::args::Pictures;
use crate::error::CliError;

/// Between two looks at whether to stop.
const LOOK: Duration = Duration::from_millis(20);

enum Source {
    File(PathBuf),
    Error(CliError),
    Stdin,
}

/// The paths of pictures, one by one. Folders are read at once, standard input as it comes.
pub struct Sources {
    list: VecDeque<Source>,
    /// What ends a path on standard input.
    end: u8,
}

impl Sources {
    /// What a command's arguments name.
    pub fn of(pictures: &Pictures) -> Sources {
        let mut list = VecDeque::new();
        for path in &pictures.images {
            match path {
                path if path == Path::new("-") => list.push_back(Source::Stdin),
                path if path.is_dir() => folder(path, pictures.recursive, &mut list),
                path => list.push_back(Source::File(path.clone())),
            }
        }
        if pictures.allow_empty {
            list.retain(|source| !matches!(source, Source::Error(CliError::NoPictures { .. })));
        }
        let end = if pictures.null { 0 } else { b'\n' };
        Sources { list, end }
    }

    /// The pictures of one folder.
    pub fn in_folder(path: &Path) -> Sources {
        let mut list = VecDeque::new();
        folder(path, false, &mut list);
        Sources { list, end: b'\n' }
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
        self.list
            .iter()
            .all(known)
            .then_some(self.list.len() as u64)
    }
}

fn folder(path: &Path, recursive: bool, list: &mut VecDeque<Source>) {
    match listed(path, recursive) {
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
            match self.list.pop_front()? {
                Source::File(path) => return Some(Ok(path)),
                Source::Error(error) => return Some(Err(error)),
                Source::Stdin => {
                    // Bytes, not text: a file's name need not be UTF-8.
                    let mut line = Vec::new();
                    match std::io::stdin().lock().read_until(self.end, &mut line) {
                        Ok(0) => {}
                        Ok(_) => {
                            self.list.push_front(Source::Stdin);
                            line.pop_if(|last| *last == self.end);
                            if self.end == b'\n' {
                                line.pop_if(|last| *last == b'\r');
                            }
                            if !line.is_empty() {
                                return Some(Ok(OsString::from_vec(line).into()));
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

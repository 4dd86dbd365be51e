//! The names in a waveform.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use fst_reader::{FstHierarchyEntry, FstReader};

use super::signals::Signal;
use super::{Found, ViewError};

/// All signals of a waveform by scopes and name: the range, and the width.
pub struct Hierarchy(HashMap<String, (String, u32)>);

impl Hierarchy {
    /// Reads the names alone.
    pub fn read(path: &Path) -> Result<Hierarchy, ViewError> {
        let fail = |reason: String| ViewError {
            path: path.to_owned(),
            reason,
        };
        let file = File::open(path).map_err(|error| fail(error.to_string()))?;
        let reader = FstReader::open(BufReader::new(file));
        let mut reader = reader.map_err(|error| fail(error.to_string()))?;
        let (mut scopes, mut names) = (Vec::new(), HashMap::new());
        let read = reader.read_hierarchy(|entry| match entry {
            FstHierarchyEntry::Scope { name, .. } => scopes.push(name),
            FstHierarchyEntry::UpScope => {
                scopes.pop();
            }
            FstHierarchyEntry::Var { name, length, .. } => {
                // A vector's name ends in its range, behind a space.
                let (name, range) = name.split_once(' ').unwrap_or((&name, ""));
                let path = scopes.iter().map(String::as_str).chain([name]);
                let path = path.collect::<Vec<_>>().join(".");
                names.insert(path, (range.to_owned(), length));
            }
            _ => {}
        });
        read.map_err(|error| fail(error.to_string()))?;
        Ok(Hierarchy(names))
    }

    /// A signal, if the waveform has it.
    pub fn find(&self, signal: &'static Signal) -> Option<Found> {
        let mut paths = signal.paths().into_iter();
        paths.find_map(|path| {
            let (range, width) = self.0.get(&path)?.clone();
            Some(Found {
                signal,
                path,
                range,
                width,
            })
        })
    }
}

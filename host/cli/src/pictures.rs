//! Many pictures at once: lists with classes, some of many, all as tensors.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use firebrick::picture;
use firebrick_network::Input;
use ndarray::Array3;
use rayon::prelude::*;

use crate::error::CliError;

/// A picture of known class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    pub path: PathBuf,
    pub class: usize,
}

/// The pictures that a CSV lists as file, class and more; a first line of headings is passed
/// over.
pub fn labelled(list: &Path, classes: usize) -> Result<Vec<Labelled>, CliError> {
    let hint = "each line is file,class[,...], with classes counted from 0";
    let fail = |reason: String| CliError::file(list, reason, hint);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_path(list)
        .map_err(|e| fail(e.to_string()))?;
    let folder = list.parent().unwrap_or(Path::new(""));
    let mut pictures = Vec::new();
    for (index, record) in reader.byte_records().enumerate() {
        let record = record.map_err(|e| fail(e.to_string()))?;
        // A file's name need not be UTF-8, a class has to be.
        let class = record
            .get(1)
            .and_then(|c| std::str::from_utf8(c).ok()?.trim().parse().ok());
        match (record.get(0), class) {
            (Some(file), Some(class)) if class < classes => pictures.push(Labelled {
                path: folder.join(OsStr::from_bytes(file)),
                class,
            }),
            (_, Some(class)) => {
                return Err(fail(format!(
                    "line {}: class {class}, the model has {classes}",
                    index + 1
                )));
            }
            _ if index == 0 => {}
            _ => return Err(fail(format!("line {} names no file and class", index + 1))),
        }
    }
    if pictures.is_empty() {
        return Err(CliError::NoListed {
            path: list.to_owned(),
        });
    }
    Ok(pictures)
}

/// At most `most` of many, evenly spread.
pub fn spread<T>(all: Vec<T>, most: usize) -> Vec<T> {
    let (count, most) = (all.len(), most.max(1));
    if count <= most {
        return all;
    }
    let mut next = 0;
    let chosen = all.into_iter().enumerate().filter(|(index, _)| {
        let take = *index == next * count / most;
        next += usize::from(take);
        take
    });
    chosen.map(|(_, item)| item).collect()
}

/// The network's input tensors of its own size, or why there is none, file by file.
pub fn load(files: &[PathBuf], input: &Input) -> Vec<Result<Array3<u8>, CliError>> {
    let one = |path: &PathBuf| Ok(picture::open(path)?.to_input(input)?);
    files.par_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_of_many() {
        assert_eq!(spread((0..10).collect(), 20).len(), 10);
        assert_eq!(spread((0..10).collect::<Vec<_>>(), 5), [0, 2, 4, 6, 8]);
        assert_eq!(spread((0..10).collect::<Vec<_>>(), 3), [0, 3, 6]);
    }
}

//! Folders of pictures.

use std::fs;
use std::path::{Path, PathBuf};

use firebrick_network::{Input, Picture};
use ndarray::Array3;
use rayon::prelude::*;

use crate::{Outcome, text};

/// All JPEG and PNG files of a folder, in the order of their names.
pub fn files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let fail = |e: std::io::Error| format!("folder {}: {e}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let ending = path.extension().map(|e| e.to_ascii_lowercase());
        if ending.is_some_and(|e| e == "jpeg" || e == "jpg" || e == "png") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(format!("folder {}: holds no JPEG or PNG file", folder.display()).into());
    }
    Ok(files)
}

/// The pictures that `labels.csv` lists, with their classes.
pub fn labelled(folder: &Path) -> Outcome<(Vec<PathBuf>, Vec<usize>)> {
    let list = folder.join("labels.csv");
    let row = |line: &str| {
        let mut columns = line.split(',');
        let file = folder.join(columns.next()?);
        Some((file, columns.next()?.parse().ok()?))
    };
    let rows: Option<Vec<(PathBuf, usize)>> = text(&list)?.lines().skip(1).map(row).collect();
    let rows = rows.ok_or_else(|| format!("{}: a line is not file,class,label", list.display()))?;
    Ok(rows.into_iter().unzip())
}

/// The network's input tensors, `size` pixels a side.
pub fn load(files: &[PathBuf], input: &Input, size: usize) -> Outcome<Vec<Array3<u8>>> {
    let one = |path: &PathBuf| Picture::open(path)?.to_input_of(input, size, size);
    Ok(files.par_iter().map(one).collect::<Result<_, _>>()?)
}

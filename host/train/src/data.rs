//! Pictures by class: a folder for each, or a list.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use firebrick_network::image::listed;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use crate::error::TrainError;

/// Fewest pictures of a class.
pub(crate) const LEAST_PICTURES: usize = 4;

/// A picture of known class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its file.
    pub path: PathBuf,
    /// Index of its class.
    pub class: usize,
}

/// Pictures by class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// All pictures, class after class.
    pub items: Vec<Item>,
}

impl Data {
    /// Reads a folder with a folder for each class, named as the class, or a list with a file, a
    /// class, and perhaps the class's name on each line. Folders of a class may have folders below
    /// them; hidden ones, and files beside the folders, are passed over.
    ///
    /// # Errors
    ///
    /// If the folder or list cannot be read, holds fewer than two classes, or too few pictures of
    /// one.
    pub fn open(path: &Path) -> Result<Data, TrainError> {
        let io = |source| TrainError::Io {
            path: path.to_owned(),
            source,
        };
        let data = match fs::metadata(path).map_err(io)?.is_dir() {
            true => folders(path)?,
            false => list(path)?,
        };
        data.check(path)?;
        Ok(data)
    }

    fn check(&self, path: &Path) -> Result<(), TrainError> {
        if let [class] = &self.classes[..] {
            return Err(TrainError::OneClass {
                path: path.to_owned(),
                class: class.clone(),
            });
        }
        self.check_counts()
    }

    /// Refuses classes of too few pictures.
    ///
    /// # Errors
    ///
    /// The first such class.
    pub fn check_counts(&self) -> Result<(), TrainError> {
        match self.counts().iter().position(|&n| n < LEAST_PICTURES) {
            Some(class) => Err(TrainError::FewPictures {
                class: self.classes[class].clone(),
                pictures: self.counts()[class],
            }),
            None => Ok(()),
        }
    }

    /// Number of pictures of each class.
    #[must_use]
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for item in &self.items {
            counts[item.class] += 1;
        }
        counts
    }
}

fn folders(path: &Path) -> Result<Data, TrainError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        |source| TrainError::Io { path, source }
    };
    let mut named = Vec::new();
    for entry in fs::read_dir(path).map_err(io(path))? {
        let entry = entry.map_err(io(path))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Of version control, or what archives from macOS leave behind.
        let is_hidden = name.starts_with('.') || name == "__MACOSX";
        if !is_hidden && entry.path().is_dir() {
            named.push((name, entry.path()));
        }
    }
    if named.is_empty() {
        let found = match listed(path, false).map_err(io(path))?.is_empty() {
            _ if path.join("labels.csv").is_file() => {
                "there is no folder in it, but labels.csv: give that file itself, or"
            }
            true => "there is no folder in it",
            false => "there are pictures in it, but no folders",
        };
        return Err(TrainError::NoClasses {
            path: path.to_owned(),
            found,
        });
    }
    named.sort();
    let mut items = Vec::new();
    for (class, (name, folder)) in named.iter().enumerate() {
        let files = listed(folder, true).map_err(io(folder))?;
        if files.is_empty() {
            return Err(TrainError::EmptyClass {
                class: name.clone(),
                folder: Some(folder.clone()),
            });
        }
        items.extend(files.into_iter().map(|path| Item { path, class }));
    }
    Ok(Data {
        classes: named.into_iter().map(|(name, _)| name).collect(),
        items,
    })
}

fn list(path: &Path) -> Result<Data, TrainError> {
    let fail = |reason: String| TrainError::List {
        path: path.to_owned(),
        reason,
    };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_path(path)
        .map_err(|e| fail(e.to_string()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    // By class, its name and its files.
    let mut found: BTreeMap<String, (String, Vec<PathBuf>)> = BTreeMap::new();
    let text = |bytes: Option<&[u8]>| {
        let text = std::str::from_utf8(bytes?).ok()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    for (index, record) in reader.byte_records().enumerate() {
        let record = record.map_err(|e| fail(e.to_string()))?;
        let line = index + 1;
        let file = record.get(0).filter(|file| !file.is_empty());
        let (Some(file), Some(class)) = (file, text(record.get(1))) else {
            return Err(fail(format!("line {line} names no file and class")));
        };
        let file = folder.join(OsStr::from_bytes(file));
        // Headings.
        if index == 0 && !file.exists() && file.extension().is_none() {
            continue;
        }
        let name = text(record.get(2)).unwrap_or_else(|| class.clone());
        let entry = found
            .entry(class.clone())
            .or_insert_with(|| (name.clone(), Vec::new()));
        if entry.0 != name {
            let known = &entry.0;
            return Err(fail(format!(
                "line {line} calls class {class:?} {name:?}, and a line before it {known:?}"
            )));
        }
        entry.1.push(file);
    }
    if found.is_empty() {
        return Err(fail("lists no picture".into()));
    }
    let mut found: Vec<(String, (String, Vec<PathBuf>))> = found.into_iter().collect();
    // Numbers by value: 10 comes after 9.
    let number = |class: &str| class.parse::<u64>().ok();
    if found.iter().all(|(class, _)| number(class).is_some()) {
        found.sort_by_key(|(class, _)| number(class));
    }
    let mut data = Data {
        classes: Vec::new(),
        items: Vec::new(),
    };
    for (class, (_, (name, files))) in found.into_iter().enumerate() {
        data.classes.push(name);
        data.items
            .extend(files.into_iter().map(|path| Item { path, class }));
    }
    Ok(data)
}

/// Pictures to learn from, and those that are kept to measure on; both have some of each class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// To learn from.
    pub training: Vec<Item>,
    /// To measure on.
    pub validation: Vec<Item>,
}

impl Split {
    /// Takes `share` (0 to 1) of each class for validation, at least one picture and not all, chosen
    /// by the seed.
    #[must_use]
    pub fn of(data: &Data, share: f64, seed: u64) -> Split {
        let mut split = Split {
            training: Vec::new(),
            validation: Vec::new(),
        };
        let mut rng = SmallRng::seed_from_u64(seed);
        for class in 0..data.classes.len() {
            let of_class = data.items.iter().filter(|item| item.class == class);
            let mut own: Vec<Item> = of_class.cloned().collect();
            // Each class has its own order, which does not change if another one grows.
            own.shuffle(&mut SmallRng::seed_from_u64(rng.random()));
            let kept = (own.len() as f64 * share).round() as usize;
            let kept = kept
                .clamp(1, own.len().saturating_sub(1).max(1))
                .min(own.len());
            split.validation.extend(own.drain(..kept));
            split.training.append(&mut own);
        }
        split
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(classes: &[(&str, usize)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (class, pictures) in classes {
            let folder = dir.path().join(class);
            fs::create_dir(&folder).unwrap();
            for n in 0..*pictures {
                fs::write(folder.join(format!("{n}.jpg")), "").unwrap();
            }
        }
        dir
    }

    fn refused(dir: &Path) -> String {
        Data::open(dir).expect_err("must be refused").to_string()
    }

    #[test]
    fn a_folder_is_a_class() {
        let dir = folder(&[("b", 5), ("a", 4), (".git", 1)]);
        let deep = dir.path().join("b/deep");
        fs::create_dir(&deep).unwrap();
        fs::write(deep.join("x.PNG"), "").unwrap();
        fs::write(dir.path().join("readme.txt"), "").unwrap();
        let data = Data::open(dir.path()).unwrap();
        assert_eq!(data.classes, ["a", "b"]);
        assert_eq!(data.counts(), [4, 6]);
    }

    #[test]
    fn bad_folders_are_refused() {
        for (classes, words) in [
            (&[][..], "no folder in it"),
            (&[("a", 9)], "only the class \"a\""),
            (&[("a", 9), ("b", 0)], "\"b\" has no JPEG or PNG"),
            (&[("a", 9), ("b", 3)], "\"b\" has 3 pictures"),
        ] {
            let text = refused(folder(classes).path());
            assert!(text.contains(words), "{words:?}: {text}");
        }
        let dir = folder(&[]);
        fs::write(dir.path().join("a.png"), "").unwrap();
        assert!(refused(dir.path()).contains("pictures in it, but no folders"));
        fs::write(dir.path().join("labels.csv"), "").unwrap();
        assert!(refused(dir.path()).contains("give that file itself"));
        assert!(refused(&dir.path().join("none")).contains("give a folder"));
    }

    #[test]
    fn lists() {
        let dir = tempfile::tempdir().unwrap();
        let list = dir.path().join("labels.csv");
        let mut text = "file,class\n".to_owned();
        for n in 0..4 {
            text += &format!("a{n}.jpg,10,ten\nb{n}.jpg,9,nine\n");
        }
        fs::write(&list, &text).unwrap();
        let data = Data::open(&list).unwrap();
        assert_eq!(data.classes, ["nine", "ten"]);
        assert_eq!(data.counts(), [4, 4]);
        assert_eq!(data.items[0].path, dir.path().join("b0.jpg"));
        for (more, words) in [
            ("c.jpg,10,eleven\n", "line 10 calls class \"10\" \"eleven\""),
            ("c.jpg\n", "line 10 names no file and class"),
            (",9,nine\n", "line 10"),
            ("c.jpg,x\n", "\"x\" has 1 pictures"),
        ] {
            fs::write(&list, text.clone() + more).unwrap();
            let error = refused(&list);
            assert!(error.contains(words), "{words:?}: {error}");
        }
        fs::write(&list, "").unwrap();
        assert!(refused(&list).contains("lists no picture"));
    }

    #[test]
    fn the_split_is_stratified_and_seeded() {
        let dir = folder(&[("a", 10), ("b", 20), ("c", 4)]);
        let data = Data::open(dir.path()).unwrap();
        let split = Split::of(&data, 0.3, 1);
        let count = |items: &[Item], class| items.iter().filter(|i| i.class == class).count();
        for (class, training, validation) in [(0, 7, 3), (1, 14, 6), (2, 3, 1)] {
            assert_eq!(count(&split.training, class), training);
            assert_eq!(count(&split.validation, class), validation);
        }
        assert_eq!(Split::of(&data, 0.3, 1), split);
        assert_ne!(Split::of(&data, 0.3, 2), split);
        let mut all: Vec<Item> = [split.training, split.validation].concat();
        all.sort_by_key(|item| item.path.clone());
        assert_eq!(all, data.items);
        // Some of each class, whatever the share.
        for share in [0.0, 1.0] {
            let split = Split::of(&data, share, 1);
            for class in 0..3 {
                assert!(count(&split.training, class) > 0);
                assert!(count(&split.validation, class) > 0);
            }
        }
    }
}

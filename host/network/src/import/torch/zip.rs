//! The form of today: a zip archive with the pickle `data.pkl` and a file for each storage in
//! `data/`.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use ::zip::ZipArchive;

use super::state::{self, damaged};
use crate::import::tensors::{MAX_VALUES, Tensor};
use crate::import::{ImportError, MAX_FILE_BYTES};
use crate::pickle::machine;

/// Most files of an archive.
const MAX_FILES: usize = 4096;

fn fail(place: impl Into<String>, reason: impl Into<String>) -> ImportError {
    ImportError::new(place, reason, "fetch or save it again")
}

/// An archive that is unpacked to a limited number of bytes in all.
struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    left: u64,
}

impl Archive<'_> {
    fn file(&mut self, name: &str) -> Result<Vec<u8>, ImportError> {
        let place = || format!("file {name:?} in the archive");
        let mut entry = self
            .zip
            .by_name(name)
            .map_err(|e| fail(place(), format!("cannot be read: {e}")))?;
        let mut data = Vec::new();
        (&mut entry)
            .take(self.left + 1)
            .read_to_end(&mut data)
            .map_err(|e| fail(place(), format!("is damaged: {e}")))?;
        self.left = self.left.checked_sub(data.len() as u64).ok_or_else(|| {
            let limit = MAX_FILE_BYTES >> 20;
            fail("the archive", format!("unpacks to more than {limit} MiB"))
        })?;
        Ok(data)
    }
}

pub fn read(bytes: &[u8]) -> Result<Vec<(String, Tensor)>, ImportError> {
    let zip = ZipArchive::new(Cursor::new(bytes))
        .map_err(|e| fail("the archive", format!("is damaged: {e}")))?;
    if zip.len() > MAX_FILES {
        let reason = format!("has {} files, at most {MAX_FILES} are read", zip.len());
        return Err(fail("the archive", reason));
    }
    let pickle = zip
        .file_names()
        .find(|name| name.rsplit('/').next() == Some("data.pkl"))
        .map(str::to_owned)
        .ok_or_else(|| fail("the archive", "has no data.pkl"))?;
    let folder = pickle.strip_suffix("data.pkl").unwrap_or_default();
    let order = format!("{folder}byteorder");
    let has_order = zip.file_names().any(|name| name == order);
    let mut archive = Archive {
        zip,
        left: MAX_FILE_BYTES,
    };
    if has_order && archive.file(&order)?.trim_ascii() != b"little" {
        return Err(fail(
            "the archive",
            "holds big-endian numbers, which are not read",
        ));
    }
    let program = archive.file(&pickle)?;
    let tree = machine::run(&program).map_err(|e| damaged(&e))?;
    let mut storages: HashMap<&str, Vec<u8>> = HashMap::new();
    let mut room = MAX_VALUES;
    let mut tensors = Vec::new();
    for view in state::views(&tree)? {
        let key = view.storage.key;
        if !storages.contains_key(key) {
            let data = archive.file(&format!("{folder}data/{key}"))?;
            storages.insert(key, data);
        }
        let data = storages.get(key).map_or(&[][..], Vec::as_slice);
        tensors.push((view.name.to_owned(), view.tensor(data, &mut room)?));
    }
    Ok(tensors)
}

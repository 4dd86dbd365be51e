//! What Keras keeps in HDF5: float arrays by their paths, and texts as attributes of groups.

use hdf5_reader::group::Group;
use hdf5_reader::messages::datatype::Datatype;
use hdf5_reader::{Hdf5File, OpenOptions};

use super::fail;
use crate::import::tensors::{MAX_VALUES, Tensor};
use crate::import::{ImportError, MAX_FILE_BYTES, half};

/// A file, and how many values may still be read from it.
pub struct Hdf5 {
    file: Hdf5File,
    room: std::cell::Cell<usize>,
}

/// Deepest nesting of groups.
const DEPTH: usize = 12;
/// Most arrays that are listed.
const MAX_ARRAYS: usize = 8192;

impl Hdf5 {
    pub fn open(bytes: Vec<u8>) -> Result<Hdf5, ImportError> {
        let options = OpenOptions::default()
            .with_max_read_bytes(MAX_FILE_BYTES as usize)
            .with_max_chunk_bytes(MAX_FILE_BYTES as usize)
            .with_chunk_cache_bytes(1 << 20);
        let file = Hdf5File::from_vec_with_options(bytes, options)
            .map_err(|e| fail("the HDF5 file", format!("truncated or damaged: {e}")))?;
        Ok(Hdf5 {
            file,
            room: MAX_VALUES.into(),
        })
    }

    fn group(&self, path: &str) -> Result<Group, ImportError> {
        self.file
            .group(path)
            .map_err(|e| fail(format!("group {path:?}"), e.to_string()))
    }

    /// A text of a group; none if it has no such attribute.
    pub fn text_attribute(&self, group: &str, name: &str) -> Result<Option<String>, ImportError> {
        let group = self.group(group)?;
        let attributes = group
            .attributes()
            .map_err(|e| fail("the HDF5 file", format!("truncated or damaged: {e}")))?;
        let Some(attribute) = attributes.iter().find(|a| a.name == name) else {
            return Ok(None);
        };
        let text = attribute
            .read_string()
            .map_err(|e| fail(format!("attribute {name:?}"), e.to_string()))?;
        Ok(Some(text))
    }

    /// Texts of a group. Keras cuts long lists into NAME0, NAME1, and so on.
    pub fn list_attribute(
        &self,
        group: &str,
        name: &str,
    ) -> Result<Option<Vec<String>>, ImportError> {
        let group = self.group(group)?;
        let attributes = group
            .attributes()
            .map_err(|e| fail("the HDF5 file", format!("truncated or damaged: {e}")))?;
        let read = |wanted: &str| -> Result<Option<Vec<String>>, ImportError> {
            let Some(attribute) = attributes.iter().find(|a| a.name == wanted) else {
                return Ok(None);
            };
            // An empty list has no type that says so.
            if attribute.num_elements().ok() == Some(0) {
                return Ok(Some(Vec::new()));
            }
            attribute
                .read_strings()
                .map(Some)
                .map_err(|e| fail(format!("attribute {wanted:?}"), e.to_string()))
        };
        if let Some(list) = read(name)? {
            return Ok(Some(list));
        }
        let mut all = Vec::new();
        for number in 0.. {
            match read(&format!("{name}{number}"))? {
                Some(part) => all.extend(part),
                None if number == 0 => return Ok(None),
                None => break,
            }
        }
        Ok(Some(all))
    }

    /// Whether there is such a group.
    pub fn has_group(&self, path: &str) -> bool {
        self.file.group(path).is_ok()
    }

    /// Paths of all arrays below a group.
    pub fn arrays(&self, path: &str) -> Result<Vec<String>, ImportError> {
        let mut found = Vec::new();
        let mut open = vec![(path.to_owned(), self.group(path)?, 0)];
        while let Some((path, group, depth)) = open.pop() {
            let (groups, arrays) = group
                .members()
                .map_err(|e| fail(format!("group {path:?}"), e.to_string()))?;
            let below = |name: &str| match path.is_empty() {
                true => name.to_owned(),
                false => format!("{path}/{name}"),
            };
            found.extend(arrays.iter().map(|array| below(last(array.name()))));
            if depth == DEPTH || found.len() + groups.len() > MAX_ARRAYS {
                return Err(fail(format!("group {path:?}"), "holds too many groups"));
            }
            for group in groups {
                open.push((below(last(group.name())), group, depth + 1));
            }
        }
        found.sort();
        Ok(found)
    }

    /// A float array.
    pub fn array(&self, path: &str) -> Result<Tensor, ImportError> {
        let fail = |reason: String| fail(format!("array {path:?}"), reason);
        let array = self.file.dataset(path).map_err(|e| fail(e.to_string()))?;
        let shape: Option<Vec<usize>> = array.shape().iter().map(|&n| n.try_into().ok()).collect();
        let count = shape
            .as_ref()
            .and_then(|s| s.iter().try_fold(1usize, |n, &side| n.checked_mul(side)))
            .filter(|&count| count <= self.room.get());
        let (Some(shape), Some(count)) = (shape, count) else {
            return Err(fail(format!(
                "has the shape {:?}; at most {MAX_VALUES} values are read in all",
                array.shape()
            )));
        };
        self.room.set(self.room.get() - count);
        let Datatype::FloatingPoint { size, .. } = array.dtype() else {
            return Err(fail("does not hold floats".into()));
        };
        let size = usize::from(*size);
        let bytes = array.read_native_bytes().map_err(|e| fail(e.to_string()))?;
        if bytes.len() != count * size {
            return Err(fail(format!(
                "has {} bytes for {count} values",
                bytes.len()
            )));
        }
        let values: Vec<f32> = match size {
            2 => {
                let parts = bytes.as_chunks().0.iter();
                parts
                    .map(|b| half::float16(u16::from_ne_bytes(*b)))
                    .collect()
            }
            4 => {
                let parts = bytes.as_chunks().0.iter();
                parts.map(|b| f32::from_ne_bytes(*b)).collect()
            }
            8 => {
                let parts = bytes.as_chunks().0.iter();
                parts.map(|b| f64::from_ne_bytes(*b) as f32).collect()
            }
            _ => return Err(fail(format!("holds floats of {size} bytes"))),
        };
        if values.iter().any(|v| !v.is_finite()) {
            return Err(fail("holds values that are not finite".into()));
        }
        Ok(Tensor { shape, values })
    }
}

/// The last part of a path.
fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

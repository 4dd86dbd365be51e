//! Reads MXNet's `.params`: a list of arrays and their names. What is computed with them stands in a
//! `.json` beside it, so that they are taken as any file of tensors is.

#[cfg(test)]
pub mod tests;

use super::tensors::{MAX_VALUES, Tensor};
use super::{ImportError, half};

/// First number of a file.
pub const MAGIC: u64 = 0x112;
/// First number of an array, since version 1.0 of MXNet.
const ARRAY: u32 = 0xf993_fac9;
/// The same where shapes of any kind are allowed (`mx.npx`).
const ARRAY_NP: u32 = 0xf993_faca;
/// Most arrays.
const MAX_ARRAYS: u64 = 4096;

fn fail(place: impl Into<String>, reason: impl Into<String>) -> ImportError {
    ImportError::new(
        place,
        reason,
        "fetch or save it again (net.save_parameters, or mx.model.save_checkpoint)",
    )
}

struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], ImportError> {
        let at = self.length - self.rest.len();
        let (part, rest) = self.rest.split_at_checked(count).ok_or_else(|| {
            fail(
                "the MXNet file",
                format!("is truncated: byte {at}: {count} bytes reach beyond its end"),
            )
        })?;
        self.rest = rest;
        Ok(part)
    }

    fn four(&mut self) -> Result<u32, ImportError> {
        let part = self.take(4)?;
        Ok(part.first_chunk().map_or(0, |b| u32::from_le_bytes(*b)))
    }

    fn eight(&mut self) -> Result<u64, ImportError> {
        let part = self.take(8)?;
        Ok(part.first_chunk().map_or(0, |b| u64::from_le_bytes(*b)))
    }

    fn size(&mut self) -> Result<usize, ImportError> {
        let value = self.eight()?;
        usize::try_from(value).map_err(|e| fail("the MXNet file", e.to_string()))
    }
}

/// Reads all arrays, with PyTorch's names for the parts of layers.
pub fn read(bytes: &[u8]) -> Result<Vec<(String, Tensor)>, ImportError> {
    let mut reader = Reader {
        rest: bytes,
        length: bytes.len(),
    };
    let (magic, _, count) = (reader.eight()?, reader.eight()?, reader.eight()?);
    if magic != MAGIC || count > MAX_ARRAYS {
        let reason = format!("is damaged, or has {count} arrays of at most {MAX_ARRAYS}");
        return Err(fail("the MXNet file", reason));
    }
    let mut room = MAX_VALUES;
    let mut arrays = Vec::new();
    for index in 0..count {
        arrays.push(array(&mut reader, index, &mut room)?);
    }
    let names = reader.eight()?;
    if names != count {
        return Err(fail(
            "the MXNet file",
            format!("names {names} of {count} arrays"),
        ));
    }
    let mut tensors = Vec::new();
    for tensor in arrays {
        let length = reader.size()?;
        let name = std::str::from_utf8(reader.take(length)?)
            .map_err(|e| fail("the MXNet file", e.to_string()))?;
        tensors.push((torch_name(name), tensor));
    }
    Ok(tensors)
}

fn array(reader: &mut Reader, index: u64, room: &mut usize) -> Result<Tensor, ImportError> {
    let fail = |reason: String| fail(format!("array {index}"), reason);
    let magic = reader.four()?;
    if ![ARRAY, ARRAY_NP].contains(&magic) {
        return Err(fail(format!(
            "has the form {magic:#x}, of before version 1.0 or damaged"
        )));
    }
    if reader.four()? != 0 {
        return Err(fail("is sparse, which is not read".into()));
    }
    let axes = reader.four()?;
    if axes > 8 {
        return Err(fail(format!("has {axes} axes")));
    }
    let mut shape = Vec::new();
    for _ in 0..axes {
        shape.push(reader.size()?);
    }
    let count = shape
        .iter()
        .try_fold(1usize, |n, &side| n.checked_mul(side))
        .filter(|&count| count <= *room);
    let Some(count) = count else {
        return Err(fail(format!(
            "has the shape {shape:?}; at most {MAX_VALUES} values are read in all"
        )));
    };
    *room -= count;
    // Device and its number.
    reader.take(8)?;
    let values: Vec<f32> = match reader.four()? {
        0 => {
            let parts = reader.take(4 * count)?.as_chunks().0.iter();
            parts.map(|b| f32::from_le_bytes(*b)).collect()
        }
        1 => {
            let parts = reader.take(8 * count)?.as_chunks().0.iter();
            parts.map(|b| f64::from_le_bytes(*b) as f32).collect()
        }
        2 => {
            let parts = reader.take(2 * count)?.as_chunks().0.iter();
            parts
                .map(|b| half::float16(u16::from_le_bytes(*b)))
                .collect()
        }
        other => {
            return Err(fail(format!(
                "has elements of type {other}, must be floats"
            )));
        }
    };
    match values.iter().all(|v| v.is_finite()) {
        true => Ok(Tensor { shape, values }),
        false => Err(fail("holds values that are not finite".into())),
    }
}

/// `arg:conv1_weight` as `conv1.weight`.
fn torch_name(name: &str) -> String {
    let name = name
        .strip_prefix("arg:")
        .or(name.strip_prefix("aux:"))
        .unwrap_or(name);
    let parts = [
        ("weight", "weight"),
        ("bias", "bias"),
        ("gamma", "weight"),
        ("beta", "bias"),
        ("running_mean", "running_mean"),
        ("running_var", "running_var"),
        ("moving_mean", "running_mean"),
        ("moving_var", "running_var"),
    ];
    for (theirs, ours) in parts {
        let layer = name
            .strip_suffix(theirs)
            .and_then(|rest| rest.strip_suffix('_').or(rest.strip_suffix('.')));
        if let Some(layer) = layer {
            return format!("{layer}.{ours}");
        }
    }
    name.to_owned()
}

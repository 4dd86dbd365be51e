//! The form of before version 1.6: five pickles (a number, the version, the machine, the object, the
//! keys of the storages), then for each key a count and the data.

use std::collections::HashMap;

use super::Element;
use super::state::{self, damaged};
use crate::import::ImportError;
use crate::import::tensors::{MAX_VALUES, Tensor};
use crate::pickle::machine::{self, Object, Tree};

fn fail(reason: impl Into<String>) -> ImportError {
    ImportError::new("the file", reason, "fetch or save it again")
}

pub fn read(bytes: &[u8]) -> Result<Vec<(String, Tensor)>, ImportError> {
    let mut rest = bytes;
    let mut next = || -> Result<Tree<'_>, ImportError> {
        let tree = machine::run(rest).map_err(|mut e| {
            e.offset += bytes.len() - rest.len();
            damaged(&e)
        })?;
        rest = &rest[tree.end..];
        Ok(tree)
    };
    let (_, _, machine, object, keys) = (next()?, next()?, next()?, next()?, next()?);
    if is_big_endian(&machine) {
        return Err(fail("holds big-endian numbers, which are not read"));
    }
    // All storages, with those of counters: their lengths say where the others lie.
    let elements = elements(&object);
    let views = state::views(&object)?;
    let mut storages = HashMap::new();
    for &key in keys.parts(keys.root).unwrap_or_default() {
        let key = keys
            .text(key)
            .ok_or_else(|| fail("has a key that is no text"))?;
        let element = elements
            .get(key)
            .ok_or_else(|| fail(format!("has a storage {key:?} that no tensor names")))?;
        let short = || fail(format!("ends within the storage {key:?}: it is truncated"));
        let (count, data) = rest.split_first_chunk().ok_or_else(short)?;
        let length = usize::try_from(u64::from_le_bytes(*count))
            .ok()
            .and_then(|count| count.checked_mul(element.bytes()));
        let data = length
            .and_then(|length| data.split_at_checked(length))
            .ok_or_else(short)?;
        storages.insert(key, data.0);
        rest = data.1;
    }
    let mut room = MAX_VALUES;
    let tensor = |view: &state::View| {
        let key = view.storage.key;
        let data = storages
            .get(key)
            .ok_or_else(|| fail(format!("lacks the storage {key:?} of {:?}", view.name)))?;
        Ok((view.name.to_owned(), view.tensor(data, &mut room)?))
    };
    views.iter().map(tensor).collect()
}

fn is_big_endian(tree: &Tree) -> bool {
    let Object::Dict(items) = tree.at(tree.root) else {
        return false;
    };
    let little = items
        .iter()
        .find(|(key, _)| tree.text(*key) == Some("little_endian"));
    little.is_some_and(|&(_, value)| matches!(tree.at(value), Object::Bool(false)))
}

/// The elements of every storage that is named anywhere, an optimiser's too.
fn elements<'a>(tree: &Tree<'a>) -> HashMap<&'a str, Element> {
    let named = tree.objects.iter().filter_map(|object| {
        let Object::Persistent(id) = object else {
            return None;
        };
        let &[_, kind, key, ..] = tree.parts(*id)? else {
            return None;
        };
        match tree.at(kind) {
            Object::Global(_, kind) => Some((tree.text(key)?, Element::of(kind)?)),
            _ => None,
        }
    });
    named.collect()
}

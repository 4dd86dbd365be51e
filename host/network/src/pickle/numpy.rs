//! A dict of layer name to `[kernel, bias]`, both float32 arrays of NumPy.

use super::PickleError;
use super::machine::{Id, Object, Tree};

/// A float32 array as it lies in the file.
#[derive(Clone, Debug)]
pub(super) struct RawArray<'a> {
    pub shape: Vec<usize>,
    pub data: &'a [u8],
}

impl RawArray<'_> {
    pub fn values(&self) -> Vec<f32> {
        self.data
            .as_chunks::<4>()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect()
    }
}

const RECONSTRUCT: [(&str, &str); 2] = [
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
];
const ARRAY: (&str, &str) = ("numpy", "ndarray");
const DTYPE: (&str, &str) = ("numpy", "dtype");

/// Name, kernel and bias of every layer.
pub(super) fn layers<'a>(
    tree: &Tree<'a>,
) -> Result<Vec<(&'a str, RawArray<'a>, RawArray<'a>)>, PickleError> {
    // Also what is thrown away again: a file of arrays has no use for it.
    for &(offset, module, name) in &tree.globals {
        let global = (module, name);
        if !RECONSTRUCT.contains(&global) && ![ARRAY, DTYPE].contains(&global) {
            return Err(PickleError {
                offset,
                reason: format!(
                    "it wants {module}.{name}, which is refused: it could run anything"
                ),
            });
        }
    }
    let layer = |&(key, value): &(Id, Id)| {
        let name = tree.text(key).ok_or("a key is no text")?;
        match tree.parts(value) {
            Some(&[kernel, bias]) => Ok((name, array(tree, kernel)?, array(tree, bias)?)),
            _ => Err(format!("layer {name:?} is not [kernel, bias]")),
        }
    };
    let all = match tree.at(tree.root) {
        Object::Dict(entries) => entries.iter().map(layer).collect(),
        _ => Err("the pickled object is no dict".to_owned()),
    };
    all.map_err(|reason| PickleError {
        offset: tree.end,
        reason,
    })
}

fn array<'a>(tree: &Tree<'a>, id: Id) -> Result<RawArray<'a>, String> {
    let is_array = tree
        .call(id)
        .is_some_and(|(callee, _)| RECONSTRUCT.contains(&callee));
    let Object::Made {
        state: Some(state), ..
    } = tree.at(id)
    else {
        return Err(format!("{:?} where an array belongs", tree.at(id)));
    };
    let (Some(&[_, shape, kind, order, data]), true) = (tree.parts(*state), is_array) else {
        return Err("neither a little-endian float32 type nor an array of it".into());
    };
    let (Object::Bool(false), Object::Bytes(data)) = (tree.at(order), tree.at(data)) else {
        return Err("an array in Fortran order, or without data".into());
    };
    if !is_float32(tree, kind) {
        return Err("an array that is not of little-endian float32".into());
    }
    let mut bytes = 4usize;
    let mut sides = Vec::new();
    for &id in tree.parts(shape).ok_or("an array without a shape")? {
        let side = tree.size(id).ok_or("a shape holds something but lengths")?;
        bytes = bytes.checked_mul(side).ok_or("an absurd shape")?;
        sides.push(side);
    }
    if bytes != data.len() {
        return Err(format!(
            "shape {sides:?} takes {bytes} bytes, there are {}",
            data.len()
        ));
    }
    Ok(RawArray { shape: sides, data })
}

fn is_float32(tree: &Tree, id: Id) -> bool {
    let named = tree.call(id).is_some_and(|(callee, arguments)| {
        callee == DTYPE && arguments.first().and_then(|&id| tree.text(id)) == Some("f4")
    });
    let little = match tree.at(id) {
        Object::Made {
            state: Some(state), ..
        } => {
            tree.parts(*state)
                .and_then(|parts| tree.text(*parts.get(1)?))
                == Some("<")
        }
        _ => false,
    };
    named && little
}

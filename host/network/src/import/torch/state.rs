//! From a pickle's objects to the tensors of a state dict.

use super::{Element, SAVE, fail};
use crate::import::ImportError;
use crate::import::tensors::{MAX_VALUES, Tensor};
use crate::pickle::machine::{Id, Object, Tree};

/// Where checkpoints keep the weights, the likeliest first.
const KEYS: [&str; 9] = [
    "state_dict",
    "model_state_dict",
    "model",
    "net",
    "weights",
    "params",
    "network",
    "module",
    "ema",
];
/// How deep in dicts they are looked for.
const DEPTH: usize = 3;
/// Most tensors.
const MAX_TENSORS: usize = 4096;

/// A tensor as the pickle describes it.
pub struct View<'a> {
    pub name: &'a str,
    pub storage: Storage<'a>,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

/// A piece of data that tensors are views of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Storage<'a> {
    pub key: &'a str,
    pub element: Element,
    /// Number of elements.
    pub count: usize,
}

/// The tensors of the state dict in a file.
pub fn views<'a>(tree: &Tree<'a>) -> Result<Vec<View<'a>>, ImportError> {
    if let Some((module, name)) = class_of_root(tree) {
        return Err(fail(
            "the file",
            format!(
                "holds a whole module, an object of the class {module}.{name}: what it computes is \
                 program code, which is not in the file and would not be run"
            ),
        ));
    }
    let Some(items) = weights(tree, tree.root, 0) else {
        return Err(fail(
            "the file",
            format!("holds no state dict: {}", kinds(tree)),
        ));
    };
    if items.len() > MAX_TENSORS {
        let reason = format!(
            "has {} entries, at most {MAX_TENSORS} are read",
            items.len()
        );
        return Err(fail("the state dict", reason));
    }
    let mut views = Vec::new();
    for &(key, value) in items {
        let Some(name) = tree.text(key) else {
            return Err(fail("the state dict", "has a key that is no text"));
        };
        if let Some(view) = view(tree, name, value)? {
            views.push(view);
        }
    }
    Ok(views)
}

/// What the file holds, for a message.
fn kinds(tree: &Tree) -> String {
    match entries(tree, tree.root) {
        Some(items) => {
            let names = items.iter().filter_map(|(key, _)| tree.text(*key));
            let names: Vec<String> = names
                .take(8)
                .map(|n| format!("{:?}", n.chars().take(40).collect::<String>()))
                .collect();
            format!("a dict of {}", names.join(", "))
        }
        None => format!("{:?}", tree.at(tree.root)),
    }
}

/// The class of the pickled object, unless it is a dict of some kind.
fn class_of_root<'a>(tree: &Tree<'a>) -> Option<(&'a str, &'a str)> {
    let (callee, _) = tree.call(tree.root)?;
    (entries(tree, tree.root).is_none() && !is_tensor(callee)).then_some(callee)
}

/// Pairs of a dict.
fn entries<'t>(tree: &'t Tree, id: Id) -> Option<&'t [(Id, Id)]> {
    match tree.at(id) {
        Object::Dict(items) => Some(items),
        Object::Made { items, .. } => {
            let (callee, _) = tree.call(id)?;
            let dict = matches!(callee, ("collections", "OrderedDict" | "defaultdict"));
            dict.then_some(items.as_slice())
        }
        _ => None,
    }
}

fn is_tensor((module, name): (&str, &str)) -> bool {
    module.starts_with("torch") && name.starts_with("_rebuild_")
}

/// The dict of tensors in a checkpoint.
fn weights<'t>(tree: &'t Tree, id: Id, depth: usize) -> Option<&'t [(Id, Id)]> {
    let items = entries(tree, id)?;
    let tensors = |items: &[(Id, Id)]| {
        let tensor = |&&(_, value): &&(Id, Id)| {
            tree.call(value)
                .is_some_and(|(callee, _)| is_tensor(callee))
        };
        items.iter().filter(tensor).count()
    };
    if tensors(items) > 1 {
        return Some(items);
    }
    if depth == DEPTH {
        return None;
    }
    let value = |wanted: &str| {
        let entry = items
            .iter()
            .find(|(key, _)| tree.text(*key) == Some(wanted));
        entry.map(|(_, value)| *value)
    };
    KEYS.iter()
        .filter_map(|key| value(key))
        .find_map(|value| weights(tree, value, depth + 1))
}

/// The view that an entry is; none for counters and other things than tensors.
fn view<'a>(tree: &Tree<'a>, name: &'a str, id: Id) -> Result<Option<View<'a>>, ImportError> {
    let fail = |reason: &str| fail(format!("tensor {name:?}"), reason);
    let Some((callee, mut arguments)) = tree.call(id) else {
        return Ok(None);
    };
    if !is_tensor(callee) {
        return Ok(None);
    }
    let mut kind = callee.1;
    if kind.starts_with("_rebuild_parameter") {
        let inner = arguments.first().and_then(|&id| tree.call(id));
        let ((_, name), inner) = inner.ok_or_else(|| fail("is a parameter without a tensor"))?;
        (kind, arguments) = (name, inner);
    }
    match kind {
        "_rebuild_tensor" | "_rebuild_tensor_v2" => {}
        "_rebuild_qtensor" => {
            return Err(ImportError::new(
                format!("tensor {name:?}"),
                "is quantised",
                "give the float model, Firebrick quantises it",
            ));
        }
        "_rebuild_sparse_tensor" | "_rebuild_sparse_csr_tensor" => {
            return Err(ImportError::new(
                format!("tensor {name:?}"),
                "is sparse",
                "save it dense: {k: v.to_dense() for k, v in model.state_dict().items()}",
            ));
        }
        other => return Err(fail(&format!("is made by {other}, which is not known"))),
    }
    let &[storage, offset, shape, strides, ..] = arguments else {
        return Err(fail("lacks its shape or strides"));
    };
    let storage = storage_of(tree, storage).map_err(|reason| fail(&reason))?;
    if matches!(storage.element, Element::Whole(_)) {
        return Ok(None);
    }
    let sizes = |id: Id| -> Option<Vec<usize>> {
        tree.parts(id)?.iter().map(|&id| tree.size(id)).collect()
    };
    let (Some(offset), Some(shape), Some(strides)) =
        (tree.size(offset), sizes(shape), sizes(strides))
    else {
        return Err(fail("has an offset, shape or strides that are no lengths"));
    };
    if shape.len() != strides.len() || shape.len() > 8 {
        return Err(fail("has more or fewer strides than axes"));
    }
    Ok(Some(View {
        name,
        storage,
        offset,
        shape,
        strides,
    }))
}

/// `("storage", type, key, device, number of elements)`.
fn storage_of<'a>(tree: &Tree<'a>, id: Id) -> Result<Storage<'a>, String> {
    let Object::Persistent(id) = tree.at(id) else {
        return Err("has no storage".into());
    };
    let parts = tree.parts(*id).unwrap_or_default();
    let &[word, kind, key, _, count, ..] = parts else {
        return Err("has a storage that is not described".into());
    };
    let Object::Global(_, kind) = tree.at(kind) else {
        return Err("has a storage without a type".into());
    };
    let (Some("storage"), Some(key), Some(count)) =
        (tree.text(word), tree.text(key), tree.size(count))
    else {
        return Err("has a storage without a key or length".into());
    };
    if matches!(parts.get(5), Some(&view) if !matches!(tree.at(view), Object::None)) {
        return Err(
            "is a view of a part of a storage, as files of before PyTorch 0.4 have it".into(),
        );
    }
    let element = Element::of(kind)
        .ok_or_else(|| format!("holds elements of the kind {kind}, which is not read"))?;
    Ok(Storage {
        key,
        element,
        count,
    })
}

impl View<'_> {
    /// The tensor, from its storage's data. `room` is how many values may still be read.
    pub fn tensor(&self, data: &[u8], room: &mut usize) -> Result<Tensor, ImportError> {
        let fail = |reason: String| fail(format!("tensor {:?}", self.name), reason);
        let count = self
            .shape
            .iter()
            .try_fold(1usize, |n, &side| n.checked_mul(side))
            .filter(|count| count <= room);
        let Some(count) = count else {
            return Err(fail(format!(
                "has the shape {:?}; at most {MAX_VALUES} values are read in all",
                self.shape
            )));
        };
        *room -= count;
        let mut values = Vec::with_capacity(count);
        let mut index = vec![0usize; self.shape.len()];
        for _ in 0..count {
            let mut steps = index.iter().zip(&self.strides);
            let place = steps.try_fold(self.offset, |sum, (&i, &stride)| {
                sum.checked_add(i.checked_mul(stride)?)
            });
            let value = place.and_then(|place| self.storage.element.at(data, place));
            values.push(value.ok_or_else(|| {
                fail(format!(
                    "of shape {:?} and strides {:?} reaches beyond its storage of {} bytes",
                    self.shape,
                    self.strides,
                    data.len()
                ))
            })?);
            for (i, &side) in index.iter_mut().zip(&self.shape).rev() {
                *i += 1;
                if *i < side {
                    break;
                }
                *i = 0;
            }
        }
        if values.iter().any(|v| !v.is_finite()) {
            return Err(ImportError::new(
                format!("tensor {:?}", self.name),
                "holds values that are not finite",
                "look at its training; weights must be finite",
            ));
        }
        Ok(Tensor {
            shape: self.shape.clone(),
            values,
        })
    }
}

/// The reason of an error in the pickle.
pub fn damaged(error: &crate::pickle::PickleError) -> ImportError {
    ImportError::new(
        format!("the pickle in it, byte {}", error.offset),
        error.reason.clone(),
        format!("fetch it again, or {SAVE}"),
    )
}

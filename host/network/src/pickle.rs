//! Reads layers out of a Python pickle without executing it.
//!
//! A pickle is a program for a small stack machine that may call anything. This machine notes calls
//! down and makes none; of what it notes, a dict of float32 NumPy arrays takes three globals.
//! Whatever else a file names is refused. PyTorch's files are read by the same machine
//! ([`crate::import`]).

pub(crate) mod machine;
mod numpy;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

use ndarray::Array4;

use crate::import::Layer;

/// Why a pickle is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("pickle, byte {offset}: {reason}; only a dict of layer name to [kernel, bias] is read")]
pub struct PickleError {
    /// Where in the file.
    pub offset: usize,
    /// What is wrong there.
    pub reason: String,
}

/// Reads a pickled dict of layer name to `[kernel, bias]`, both float32. Nothing in the pickle is
/// executed.
///
/// # Errors
///
/// If the pickle is damaged, or holds anything else.
pub fn read(bytes: &[u8]) -> Result<BTreeMap<String, Layer>, PickleError> {
    let mut layers = BTreeMap::new();
    let tree = machine::run(bytes)?;
    for (name, kernel, bias) in numpy::layers(&tree)? {
        let fail = |what: &str| PickleError {
            offset: bytes.len(),
            reason: format!("layer {name:?}: {what}"),
        };
        let shape: [usize; 4] = kernel
            .shape
            .as_slice()
            .try_into()
            .map_err(|_| fail("the kernel has not 4 axes"))?;
        if bias.shape != [shape[3]] {
            return Err(fail("the bias has not one value per output channel"));
        }
        let kernel = Array4::from_shape_vec(shape, kernel.values())
            .map_err(|_| fail("the kernel's shape does not fit its data"))?;
        let bias = bias.values();
        if bias.len() != shape[3] || kernel.iter().chain(&bias).any(|v| !v.is_finite()) {
            return Err(fail("values are missing or not finite"));
        }
        if layers
            .insert(name.to_owned(), Layer { kernel, bias })
            .is_some()
        {
            return Err(fail("occurs twice"));
        }
    }
    Ok(layers)
}

//! Reads layers of float weights out of a safetensors file: `NAME.weight` (floats, output channel,
//! input channel, row, column, as ONNX and PyTorch have it) and `NAME.bias` (floats) for each.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use ndarray::Array4;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::import::{ImportError, Layer, half};

/// Longest header that is read.
const MAX_HEADER: u64 = 1 << 20;

fn fail(place: impl Into<String>, reason: impl Into<String>) -> ImportError {
    ImportError::new(
        place,
        reason,
        "NAME.weight (output, input, row, column) and NAME.bias, both floats, are read",
    )
}

/// Reads all layers of a safetensors file.
///
/// # Errors
///
/// If the file is damaged, or a layer lacks a tensor or has one of another shape or type.
pub fn read(bytes: &[u8]) -> Result<BTreeMap<String, Layer>, ImportError> {
    let header = bytes.first_chunk().copied().map_or(0, u64::from_le_bytes);
    if header > MAX_HEADER {
        let reason = format!("its header is said to take {header} bytes");
        return Err(fail("the file", reason));
    }
    let tensors = SafeTensors::deserialize(bytes)
        .map_err(|e| fail("the file", format!("truncated or damaged: {e}")))?;
    let mut layers = BTreeMap::new();
    for (name, view) in tensors.iter() {
        let fail = |reason: &str| fail(format!("tensor {name:?}"), reason);
        if let Some(layer) = name.strip_suffix(".bias") {
            if tensors.tensor(&format!("{layer}.weight")).is_err() {
                return Err(fail("its layer has no weight"));
            }
            continue;
        }
        let layer = name
            .strip_suffix(".weight")
            .ok_or_else(|| fail("is neither a weight nor a bias"))?;
        let [outputs, inputs, rows, columns]: [usize; 4] = view
            .shape()
            .try_into()
            .map_err(|_| fail("has not 4 axes"))?;
        let weights = values(&view).map_err(|e| fail(&e))?;
        let weights = Array4::from_shape_vec((outputs, inputs, rows, columns), weights)
            .map_err(|e| fail(&e.to_string()))?;
        let bias = tensors
            .tensor(&format!("{layer}.bias"))
            .map_err(|_| fail("its layer has no bias"))?;
        if bias.shape() != [outputs] {
            return Err(fail(
                "its layer's bias has not one value per output channel",
            ));
        }
        let kernel = weights.permuted_axes([2, 3, 1, 0]);
        let layer_values = Layer {
            kernel: kernel.as_standard_layout().into_owned(),
            bias: values(&bias).map_err(|e| fail(&format!("its layer's bias: {e}")))?,
        };
        layers.insert(layer.to_owned(), layer_values);
    }
    Ok(layers)
}

/// A tensor's values, all finite.
fn values(view: &TensorView<'_>) -> Result<Vec<f32>, String> {
    let data = view.data();
    let halves = || data.as_chunks().0.iter().map(|b| u16::from_le_bytes(*b));
    let values: Vec<f32> = match view.dtype() {
        Dtype::F32 => data
            .as_chunks()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect(),
        Dtype::F16 => halves().map(half::float16).collect(),
        Dtype::BF16 => halves().map(half::bfloat16).collect(),
        other => return Err(format!("is {other:?}, must be F32, F16 or BF16")),
    };
    if values.iter().any(|v| !v.is_finite()) {
        return Err("holds values that are not finite".into());
    }
    Ok(values)
}

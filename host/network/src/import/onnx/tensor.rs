//! Values of ONNX tensors. Sizes are compared with the bytes that are there before anything is
//! allocated.

use super::proto::{EXTERNAL, FLOAT, INT64, Tensor};
use crate::import::ImportError;

/// Most values of an integer tensor: they are axes and shapes.
const MAX_INTS: usize = 64;

/// Names of the element types that exporters write, for messages.
fn type_name(data_type: i32) -> String {
    let names = [
        (2, "uint8"),
        (3, "int8"),
        (6, "int32"),
        (INT64, "int64"),
        (10, "float16"),
        (11, "double"),
        (16, "bfloat16"),
    ];
    let known = names.iter().find(|(number, _)| *number == data_type);
    known.map_or_else(
        || format!("element type {data_type}"),
        |(_, name)| (*name).to_owned(),
    )
}

fn place(tensor: &Tensor) -> String {
    format!("tensor {:?}", tensor.name)
}

/// The dimensions, and the number of values that they make.
fn dims(tensor: &Tensor) -> Result<(Vec<usize>, usize), ImportError> {
    let fail = |reason: String| {
        ImportError::new(
            place(tensor),
            reason,
            "export the model again; the file is damaged",
        )
    };
    if tensor.location == EXTERNAL || !tensor.external.is_empty() {
        let file = tensor.external.iter().find(|e| e.key == "location");
        return Err(ImportError::new(
            place(tensor),
            format!(
                "its data are said to lie in another file, {:?}, which is not read",
                file.map_or("", |e| e.value.as_str())
            ),
            "save the model with its weights inside (onnx.save_model(..., \
             save_as_external_data=False))",
        ));
    }
    let sizes: Option<Vec<usize>> = tensor.dims.iter().map(|&d| d.try_into().ok()).collect();
    let sizes = sizes.ok_or_else(|| fail(format!("its shape {:?} is negative", tensor.dims)))?;
    let count = sizes.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    let count =
        count.ok_or_else(|| fail(format!("its shape {sizes:?} has more values than fit")))?;
    Ok((sizes, count))
}

/// Shape and values of a float32 tensor; all values are finite.
pub fn floats(tensor: &Tensor) -> Result<(Vec<usize>, Vec<f32>), ImportError> {
    let (sizes, count) = dims(tensor)?;
    if tensor.data_type != FLOAT {
        return Err(ImportError::new(
            place(tensor),
            format!(
                "is {}, weights must be float32",
                type_name(tensor.data_type)
            ),
            "export the float32 model: Firebrick quantises it itself",
        ));
    }
    let found = tensor.floats.len() + tensor.raw.len() / 4;
    if found != count || tensor.raw.len() % 4 != 0 {
        return Err(ImportError::new(
            place(tensor),
            format!(
                "its shape {sizes:?} wants {count} values, the file has {}",
                tensor.floats.len() as f64 + tensor.raw.len() as f64 / 4.0
            ),
            "export the model again; the file is damaged",
        ));
    }
    let raw = tensor.raw.as_chunks::<4>().0;
    let values: Vec<f32> = if raw.is_empty() {
        tensor.floats.clone()
    } else {
        raw.iter().map(|b| f32::from_le_bytes(*b)).collect()
    };
    if let Some(at) = values.iter().position(|v| !v.is_finite()) {
        return Err(ImportError::new(
            place(tensor),
            format!("value {at} is {}", values[at]),
            "weights must be finite numbers; look at the training",
        ));
    }
    Ok((sizes, values))
}

/// Values of a short int64 tensor.
pub fn ints(tensor: &Tensor) -> Result<Vec<i64>, ImportError> {
    let (sizes, count) = dims(tensor)?;
    let found = tensor.ints.len() + tensor.raw.len() / 8;
    if tensor.data_type != INT64 || count > MAX_INTS || found != count {
        return Err(ImportError::new(
            place(tensor),
            format!("is {} {sizes:?}", type_name(tensor.data_type)),
            format!("axes and shapes are at most {MAX_INTS} values of int64"),
        ));
    }
    let raw = tensor.raw.as_chunks::<8>().0;
    Ok(if raw.is_empty() {
        tensor.ints.clone()
    } else {
        raw.iter().map(|b| i64::from_le_bytes(*b)).collect()
    })
}

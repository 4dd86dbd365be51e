//! Values of ONNX tensors. Sizes are compared with the bytes that are there before anything is
//! allocated.

use super::proto::{BFLOAT16, BOOL, DOUBLE, EXTERNAL, FLOAT, FLOAT16, INT64, Tensor};
use crate::import::{ImportError, half};

/// Most values of an integer tensor: they are axes and shapes.
const MAX_INTS: usize = 64;

/// Names of the element types that exporters write, for messages.
pub fn type_name(data_type: i32) -> String {
    let names = [
        (2, "uint8"),
        (3, "int8"),
        (6, "int32"),
        (INT64, "int64"),
        (BOOL, "bool"),
        (FLOAT16, "float16"),
        (DOUBLE, "double"),
        (BFLOAT16, "bfloat16"),
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

/// Whether weights and maps may have this element type.
pub fn is_float(data_type: i32) -> bool {
    [FLOAT, FLOAT16, BFLOAT16, DOUBLE].contains(&data_type)
}

/// Shape and values of a tensor of floats of any width; all values are finite.
pub fn floats(tensor: &Tensor) -> Result<(Vec<usize>, Vec<f32>), ImportError> {
    let (sizes, count) = dims(tensor)?;
    if !is_float(tensor.data_type) {
        return Err(ImportError::new(
            place(tensor),
            format!(
                "is {}, weights must be float32, float16, bfloat16 or double",
                type_name(tensor.data_type)
            ),
            "export the float model: Firebrick quantises it itself",
        ));
    }
    let raw = &tensor.raw;
    let (width, listed): (usize, Vec<f32>) = match tensor.data_type {
        FLOAT => (4, tensor.floats.clone()),
        DOUBLE => (8, tensor.doubles.iter().map(|&v| v as f32).collect()),
        kind => (2, packed(tensor)?.map(|v| narrow(kind, v as u16)).collect()),
    };
    let found = listed.len() + raw.len() / width;
    if found != count || !raw.len().is_multiple_of(width) {
        return Err(ImportError::new(
            place(tensor),
            format!(
                "its shape {sizes:?} wants {count} values, the file has {}",
                listed.len() as f64 + raw.len() as f64 / width as f64
            ),
            "export the model again; the file is damaged",
        ));
    }
    let values: Vec<f32> = match (raw.is_empty(), tensor.data_type) {
        (true, _) => listed,
        (_, FLOAT) => raw
            .as_chunks()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect(),
        (_, DOUBLE) => {
            let doubles = raw.as_chunks().0.iter();
            doubles.map(|b| f64::from_le_bytes(*b) as f32).collect()
        }
        (_, kind) => {
            let halves = raw.as_chunks().0.iter();
            halves
                .map(|b| narrow(kind, u16::from_le_bytes(*b)))
                .collect()
        }
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

/// A float of 16 bits.
fn narrow(data_type: i32, bits: u16) -> f32 {
    match data_type {
        BFLOAT16 => half::bfloat16(bits),
        _ => half::float16(bits),
    }
}

/// The numbers in a tensor's list of 32-bit integers.
fn packed(tensor: &Tensor) -> Result<impl Iterator<Item = u64>, ImportError> {
    let mut numbers = Vec::new();
    for part in &tensor.packed {
        let (mut value, mut shift) = (0u64, 0);
        for byte in part {
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            shift += 7;
            if byte & 0x80 == 0 {
                numbers.push(value);
                (value, shift) = (0, 0);
            }
        }
        if shift != 0 {
            return Err(ImportError::new(
                place(tensor),
                "its list of integers ends within a number",
                "export the model again; the file is damaged",
            ));
        }
    }
    Ok(numbers.into_iter())
}

/// Whether any value of a tensor of truth values is true, however they are kept.
pub fn is_true(tensor: &Tensor) -> bool {
    let listed = packed(tensor).is_ok_and(|mut values| values.any(|v| v != 0));
    listed || tensor.raw.iter().any(|&b| b != 0) || tensor.ints.iter().any(|&v| v != 0)
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

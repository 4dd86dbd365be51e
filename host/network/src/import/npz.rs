//! Reads layers out of a NumPy `.npz`: `NAME.weight` (output, input, row, column) and
//! `NAME.bias`, as safetensors files have them. `NAME_weight`, `NAME_w`, `NAME_b` and
//! `NAME/kernel` (row, column, input, output) are understood as well.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use ndarray::Array4;
use npyz::{DType, NpyFile, Order, TypeChar};
use zip::ZipArchive;

use super::{ImportError, Layer, MAX_FILE_BYTES};

/// Most arrays of an archive.
const MAX_ARRAYS: usize = 1024;
/// Longest header of an array.
const HEADER_BYTES: u64 = 1 << 16;

fn fail(place: impl Into<String>, reason: impl Into<String>) -> ImportError {
    ImportError::new(
        place,
        reason,
        "an .npz holds NAME.weight (output, input, row, column) and NAME.bias of every \
         convolution, both float32",
    )
}

/// Which part of a layer an array is, by the end of its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Weight,
    Kernel,
    Bias,
}

fn part(name: &str) -> Option<(&str, Part)> {
    [
        (".weight", Part::Weight),
        ("_weight", Part::Weight),
        ("/weight", Part::Weight),
        ("_w", Part::Weight),
        ("/kernel", Part::Kernel),
        (".kernel", Part::Kernel),
        ("_kernel", Part::Kernel),
        (".bias", Part::Bias),
        ("_bias", Part::Bias),
        ("/bias", Part::Bias),
        ("_b", Part::Bias),
    ]
    .iter()
    .find_map(|(end, part)| Some((name.strip_suffix(end)?, *part)))
}

/// Reads all layers.
pub fn read(bytes: &[u8]) -> Result<BTreeMap<String, Layer>, ImportError> {
    let damaged = |e: zip::result::ZipError| fail("the archive", format!("is damaged: {e}"));
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    if archive.len() > MAX_ARRAYS {
        return Err(fail(
            "the archive",
            format!("has {} files, at most {MAX_ARRAYS} are read", archive.len()),
        ));
    }
    let mut left = MAX_FILE_BYTES;
    let mut kernels = BTreeMap::new();
    let mut biases = BTreeMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(damaged)?;
        let file = entry.name().to_owned();
        let name = file.strip_suffix(".npy").unwrap_or(&file);
        let (layer, part) = part(name)
            .ok_or_else(|| fail(format!("array {name:?}"), "is neither a weight nor a bias"))?;
        let mut data = Vec::new();
        // The sizes in the archive are not trusted: a few bytes may unpack to very many.
        (&mut entry)
            .take(left + 1)
            .read_to_end(&mut data)
            .map_err(|e| fail(format!("array {name:?}"), format!("is damaged: {e}")))?;
        left = left.checked_sub(data.len() as u64).ok_or_else(|| {
            fail(
                "the archive",
                format!("unpacks to more than {} MiB", MAX_FILE_BYTES >> 20),
            )
        })?;
        let (shape, values) =
            array(&data).map_err(|reason| fail(format!("array {name:?}"), reason))?;
        let twice = match part {
            Part::Bias => biases.insert(layer.to_owned(), values).is_some(),
            _ => {
                let [a, b, c, d] = <[usize; 4]>::try_from(shape)
                    .map_err(|_| fail(format!("array {name:?}"), "has not 4 axes"))?;
                let kernel = Array4::from_shape_vec((a, b, c, d), values)
                    .map_err(|e| fail(format!("array {name:?}"), e.to_string()))?;
                let kernel = match part {
                    Part::Kernel => kernel,
                    _ => kernel
                        .permuted_axes([2, 3, 1, 0])
                        .as_standard_layout()
                        .into_owned(),
                };
                kernels.insert(layer.to_owned(), kernel).is_some()
            }
        };
        if twice {
            return Err(fail(format!("layer {layer:?}"), "occurs twice"));
        }
    }
    let mut layers = BTreeMap::new();
    for (name, kernel) in kernels {
        let bias = biases
            .remove(&name)
            .ok_or_else(|| fail(format!("layer {name:?}"), "has no bias"))?;
        if bias.len() != kernel.dim().3 {
            return Err(fail(
                format!("layer {name:?}"),
                "its bias has not one value per output channel",
            ));
        }
        layers.insert(name, Layer { kernel, bias });
    }
    match biases.keys().next() {
        Some(name) => Err(fail(format!("layer {name:?}"), "has no weight")),
        None => Ok(layers),
    }
}

/// Shape and values of a float32 array.
fn array(data: &[u8]) -> Result<(Vec<usize>, Vec<f32>), String> {
    // Magic, version, length of the header.
    let header = match data {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ..] => {
            u64::from(u16::from_le_bytes([*a, *b]))
        }
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, c, d, ..] => {
            u64::from(u32::from_le_bytes([*a, *b, *c, *d]))
        }
        _ => return Err("is not a NumPy array".into()),
    };
    if header > HEADER_BYTES {
        return Err(format!("its header is said to take {header} bytes"));
    }
    let mut rest = data;
    let file = NpyFile::new(&mut rest).map_err(|e| format!("has a damaged header: {e}"))?;
    let shape: Option<Vec<usize>> = file.shape().iter().map(|&n| n.try_into().ok()).collect();
    let shape = shape.ok_or("is too large")?;
    let is_float = matches!(file.dtype(), DType::Plain(t)
        if t.type_char() == TypeChar::Float && t.size_field() == 4
            && t.endianness() == npyz::Endianness::Little);
    let rows_first = file.order() == Order::C || shape.len() < 2;
    let dtype = file.dtype().descr();
    drop(file);
    if !is_float {
        return Err(format!("is {dtype}, must be '<f4' (float32)"));
    }
    if !rows_first {
        return Err("is in Fortran order; save numpy.ascontiguousarray(...) of it".into());
    }
    let count = shape.iter().try_fold(4usize, |n, &d| n.checked_mul(d));
    if count != Some(rest.len()) {
        return Err(format!(
            "its shape {shape:?} does not fit its {} bytes of data",
            rest.len()
        ));
    }
    let values: Vec<f32> = rest
        .as_chunks::<4>()
        .0
        .iter()
        .map(|b| f32::from_le_bytes(*b))
        .collect();
    match values.iter().find(|v| !v.is_finite()) {
        Some(value) => Err(format!("holds {value}; weights must be finite")),
        None => Ok((shape, values)),
    }
}

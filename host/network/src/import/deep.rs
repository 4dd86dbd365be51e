//! Reads Deep Compression's `.net`: for each layer how many weights are kept, a codebook of 256
//! float32, the biases, a code (u8) for each weight kept, and two 4-bit differences of places a
//! byte. The shapes are not in it; they are those of the published networks.

#[cfg(test)]
pub mod tests;

use std::collections::BTreeMap;

use ndarray::Array4;

use super::{ImportError, Layer};
use crate::squeezenet::{Row, SqueezeNet};

/// Entries of a codebook.
const CODES: usize = 256;

fn fail(place: impl Into<String>, reason: impl Into<String>) -> ImportError {
    ImportError::new(
        place,
        reason,
        "fetch it again; SqueezeNet v1.0 and v1.1 with 8-bit codes are read",
    )
}

/// Name and shape of a layer: output, input, row, column.
type Shape = (String, [usize; 4]);

/// Convolutions in the order of the file.
fn shapes(table: &SqueezeNet) -> Vec<Shape> {
    let mut channels = 3;
    let mut shapes = Vec::new();
    for row in table.rows() {
        match row {
            Row::Conv {
                name,
                kernel,
                outputs,
                ..
            } => {
                shapes.push((name, [outputs, channels, kernel, kernel]));
                channels = outputs;
            }
            Row::Fire { name, fire, .. } => {
                for (part, outputs, inputs, side) in [
                    ("squeeze1x1", fire.squeeze, channels, 1),
                    ("expand1x1", fire.expand1, fire.squeeze, 1),
                    ("expand3x3", fire.expand3, fire.squeeze, 3),
                ] {
                    shapes.push((format!("{name}/{part}"), [outputs, inputs, side, side]));
                }
                channels = fire.outputs();
            }
            Row::Pool { .. } => {}
        }
    }
    shapes
}

/// Numbers of weights kept, from the beginning of the file.
fn kept(bytes: &[u8], layers: usize) -> Option<Vec<usize>> {
    let counts = bytes.get(..layers.checked_mul(4)?)?.as_chunks().0.iter();
    let counts = counts.map(|b| usize::try_from(u32::from_le_bytes(*b)).ok());
    counts.collect()
}

/// Length of a layer's part: codebook, biases, codes, differences.
fn length(kept: usize, shape: &[usize; 4]) -> usize {
    4 * (CODES + shape[0]) + kept + kept.div_ceil(2)
}

/// The published network that a file of this form holds: its length says so.
pub fn table(bytes: &[u8]) -> Option<SqueezeNet> {
    let published = [
        SqueezeNet {
            // As the network was published, and its weights were trained.
            last_pad: 1,
            ..SqueezeNet::v1_0()
        },
        SqueezeNet::v1_1(),
    ];
    published.into_iter().find(|table| {
        let shapes = shapes(table);
        let Some(kept) = kept(bytes, shapes.len()) else {
            return false;
        };
        let parts = kept.iter().zip(&shapes);
        let sum = parts.fold(4 * shapes.len(), |sum, (&kept, (_, shape))| {
            sum.saturating_add(length(kept.min(bytes.len()), shape))
        });
        sum == bytes.len()
    })
}

/// Reads all layers.
pub fn read(bytes: &[u8]) -> Result<BTreeMap<String, Layer>, ImportError> {
    let table = table(bytes).ok_or_else(|| fail("the file", "has another length than it says"))?;
    let shapes = shapes(&table);
    let kept = kept(bytes, shapes.len()).unwrap_or_default();
    let mut rest = &bytes[4 * shapes.len()..];
    let mut layers = BTreeMap::new();
    for ((name, shape), kept) in shapes.into_iter().zip(kept) {
        let fail = |reason: &str| fail(format!("layer {name:?}"), reason);
        let mut take = |count: usize| {
            let (part, after) = rest
                .split_at_checked(count)
                .ok_or_else(|| fail("is not there as a whole"))?;
            rest = after;
            Ok::<&[u8], ImportError>(part)
        };
        let floats = |part: &[u8]| -> Vec<f32> {
            let parts = part.as_chunks().0.iter();
            parts.map(|b| f32::from_le_bytes(*b)).collect()
        };
        let codebook = floats(take(4 * CODES)?);
        let bias = floats(take(4 * shape[0])?);
        let codes = take(kept)?;
        let steps = take(kept.div_ceil(2))?;
        if codebook.iter().chain(&bias).any(|v| !v.is_finite()) {
            return Err(fail("holds values that are not finite"));
        }
        // What is not kept has the code 0.
        let mut weights = vec![codebook[0]; shape.iter().product()];
        let mut next = 0;
        for (index, &code) in codes.iter().enumerate() {
            let step = steps[index / 2] >> (4 * (index % 2)) & 15;
            let place = next + usize::from(step);
            let weight = weights
                .get_mut(place)
                .ok_or_else(|| fail("keeps weights beyond its end"))?;
            *weight = codebook[usize::from(code)];
            next = place + 1;
        }
        let kernel = Array4::from_shape_vec(shape, weights)
            .map_err(|e| fail(&e.to_string()))?
            .permuted_axes([2, 3, 1, 0]);
        let kernel = kernel.as_standard_layout().into_owned();
        layers.insert(name, Layer { kernel, bias });
    }
    Ok(layers)
}

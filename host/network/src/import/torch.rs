//! Reads PyTorch's `.pth` and `.pt`: the state dict in them, as data. The pickle inside is run by a
//! machine that makes no calls, so that nothing in a file is ever executed.

mod legacy;
mod state;
#[cfg(test)]
pub mod tests;
mod zip;

use super::tensors::Tensor;
use super::{ImportError, half};

/// What makes a file that is read of one that holds a whole module or a program.
pub const SAVE: &str = "load it where its code is and save the weights alone: \
                        torch.save(model.state_dict(), \"weights.pth\")";

fn fail(place: impl Into<String>, reason: impl Into<String>) -> ImportError {
    ImportError::new(place, reason, SAVE)
}

/// Tensors of a file, in its order.
pub fn read(bytes: &[u8]) -> Result<Vec<(String, Tensor)>, ImportError> {
    match bytes.starts_with(b"PK") {
        true => zip::read(bytes),
        false => legacy::read(bytes),
    }
}

/// Types of a storage's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    Float,
    Double,
    Half,
    Bfloat16,
    /// Integers of so many bytes, as counters are: no weights.
    Whole(usize),
}

impl Element {
    fn of(storage: &str) -> Option<Element> {
        Some(match storage {
            "FloatStorage" => Element::Float,
            "DoubleStorage" => Element::Double,
            "HalfStorage" => Element::Half,
            "BFloat16Storage" => Element::Bfloat16,
            "LongStorage" => Element::Whole(8),
            "IntStorage" => Element::Whole(4),
            "ShortStorage" => Element::Whole(2),
            "CharStorage" | "ByteStorage" | "BoolStorage" => Element::Whole(1),
            _ => return None,
        })
    }

    fn bytes(self) -> usize {
        match self {
            Element::Double => 8,
            Element::Float => 4,
            Element::Half | Element::Bfloat16 => 2,
            Element::Whole(bytes) => bytes,
        }
    }

    /// An element of whole data, by its index.
    fn at(self, data: &[u8], index: usize) -> Option<f32> {
        let start = index.checked_mul(self.bytes())?;
        let rest = data.get(start..)?;
        Some(match self {
            Element::Float => f32::from_le_bytes(*rest.first_chunk()?),
            Element::Double => f64::from_le_bytes(*rest.first_chunk()?) as f32,
            Element::Half => half::float16(u16::from_le_bytes(*rest.first_chunk()?)),
            Element::Bfloat16 => half::bfloat16(u16::from_le_bytes(*rest.first_chunk()?)),
            Element::Whole(_) => return None,
        })
    }
}

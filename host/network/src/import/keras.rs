//! Reads Keras's files: whole models as `.h5` (versions 1 to 3) and `.keras`, and weights alone as
//! `.h5`. A model's configuration is translated into operators of ONNX, its weights are looked up by
//! the names of layers.

mod hdf5;
mod layers;
mod model;
#[cfg(test)]
pub mod tests;
mod weights;

use std::io::{Cursor, Read};

use ::zip::ZipArchive;
use serde_json::Value;

use super::onnx::Lowered;
use super::tensors::Tensor;
use super::{ImportError, MAX_FILE_BYTES};
use hdf5::Hdf5;
use weights::Weights;

fn fail(place: impl Into<String>, reason: impl Into<String>) -> ImportError {
    ImportError::new(
        place,
        reason,
        "save the model again with model.save(\"model.keras\"), or convert it to ONNX with python -m \
         tf2onnx.convert",
    )
}

/// What a file holds.
pub enum Held {
    /// A model that says what it computes.
    Model(Box<Lowered>),
    /// Weights alone, in their order.
    Tensors(Vec<(String, Tensor)>),
}

/// Reads an HDF5 file.
pub fn read_h5(bytes: Vec<u8>, size: Option<[usize; 2]>) -> Result<Held, ImportError> {
    let file = Hdf5::open(bytes)?;
    match file.text_attribute("", "model_config")? {
        Some(text) => {
            let weights = Weights::of_whole_model(file)?;
            model(&text, weights, size)
        }
        None => Ok(Held::Tensors(weights::tensors(&file)?)),
    }
}

/// Reads a `.keras` archive.
pub fn read_archive(bytes: &[u8], size: Option<[usize; 2]>) -> Result<Held, ImportError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))
        .map_err(|e| fail("the archive", format!("is damaged: {e}")))?;
    let mut left = MAX_FILE_BYTES;
    let mut file = |name: &str| -> Result<Vec<u8>, ImportError> {
        let place = || format!("file {name:?} in the archive");
        let mut entry = archive
            .by_name(name)
            .map_err(|e| fail(place(), format!("cannot be read: {e}")))?;
        let mut data = Vec::new();
        (&mut entry)
            .take(left + 1)
            .read_to_end(&mut data)
            .map_err(|e| fail(place(), format!("is damaged: {e}")))?;
        left = left.checked_sub(data.len() as u64).ok_or_else(|| {
            let limit = MAX_FILE_BYTES >> 20;
            fail("the archive", format!("unpacks to more than {limit} MiB"))
        })?;
        Ok(data)
    };
    let config = file("config.json")?;
    let text = String::from_utf8(config).map_err(|e| fail("config.json", e.to_string()))?;
    let weights = Weights::of_archive(Hdf5::open(file("model.weights.h5")?)?);
    model(&text, weights, size)
}

fn model(text: &str, weights: Weights, size: Option<[usize; 2]>) -> Result<Held, ImportError> {
    let config: Value = serde_json::from_str(text)
        .map_err(|e| fail("the configuration", format!("is no JSON: {e}")))?;
    Ok(Held::Model(Box::new(model::lower(&config, weights, size)?)))
}

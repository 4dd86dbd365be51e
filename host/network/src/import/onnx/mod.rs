//! Reads ONNX models.

mod attributes;
mod bypass;
mod constants;
mod dense;
pub(super) mod export;
mod limits;
mod lower;
mod ops;
mod proto;
pub(super) mod sketch;
mod tail;
mod tensor;
#[cfg(test)]
mod tests;
mod values;
mod window;

use prost::Message;
use prost::bytes::Bytes;

use super::ImportError;
pub(super) use lower::Lowered;
pub(super) use proto::Attribute;
pub(super) use sketch::Sketch;

/// The first and the last version of the standard operators whose meaning is known. Newer ones
/// have given the operators that are read more element types so far, and nothing else.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=25;

/// Reads a model. `size` replaces the height and width of its input; `default` is taken where it
/// has none.
pub(super) fn read(
    bytes: Vec<u8>,
    size: Option<[usize; 2]>,
    default: [usize; 2],
) -> Result<Lowered, ImportError> {
    let damaged = |reason: String| {
        ImportError::new(
            "the file",
            format!("truncated or not an ONNX model: {reason}"),
            "fetch or export it again; ONNX, safetensors, .npz and a pickled dict of arrays are read",
        )
    };
    limits::check(&bytes).map_err(damaged)?;
    let model =
        proto::Model::decode(Bytes::from(bytes)).map_err(|error| damaged(error.to_string()))?;
    let graph = model
        .graph
        .ok_or_else(|| damaged("it holds no graph".into()))?;
    let standard = |o: &&proto::Opset| matches!(o.domain.as_str(), "" | "ai.onnx");
    let opset = model.opsets.iter().find(standard).map_or(1, |o| o.version);
    if opset < *OPSETS.start() {
        return Err(ImportError::new(
            "the model",
            format!("uses opset {opset}"),
            format!("export it with one from {} on", OPSETS.start()),
        ));
    }
    let mut lowered = lower::lower(&graph, opset, size, default)?;
    if opset > *OPSETS.end() {
        lowered.notes.push(format!(
            "The model uses opset {opset}, newer than {}, which is the last one that is known: its \
             operators were read as they are in that. `firebrick evaluate --reference` with the \
             feature \"tract\" compares it with another program.",
            OPSETS.end()
        ));
    }
    Ok(lowered)
}

//! Reads ONNX models.

mod attributes;
pub(super) mod export;
mod limits;
mod lower;
mod ops;
mod proto;
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

/// Versions of the standard operators whose meaning is known.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=21;

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
            "fetch or export it again",
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
    if !OPSETS.contains(&opset) {
        return Err(ImportError::new(
            "the model",
            format!("uses opset {opset}"),
            format!(
                "export it with one from {} to {}",
                OPSETS.start(),
                OPSETS.end()
            ),
        ));
    }
    lower::lower(&graph, opset, size, default)
}

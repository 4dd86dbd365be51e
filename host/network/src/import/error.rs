//! Why a model is not imported.

/// Which part of a model cannot be imported, why, and what would work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}; {hint}")]
pub struct ImportError {
    /// The node, the tensor, or the file.
    pub place: String,
    /// What is wrong there, with the attribute and the limit.
    pub reason: String,
    /// What would work.
    pub hint: String,
}

impl ImportError {
    pub(crate) fn new(
        place: impl Into<String>,
        reason: impl Into<String>,
        hint: impl Into<String>,
    ) -> ImportError {
        ImportError {
            place: place.into(),
            reason: reason.into(),
            hint: hint.into(),
        }
    }
}

//! The library's errors as exceptions.

use firebrick::Error;
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

create_exception!(
    firebrick,
    FirebrickError,
    PyException,
    "What happened, where, and what to do. `kind` is a word that stays when the text changes, as in \
     \"picture\", \"fit\" or \"in-use\"."
);

/// An exception with a kind.
pub fn failure(py: Python<'_>, kind: &str, text: impl Into<String>) -> PyErr {
    let error = FirebrickError::new_err(text.into());
    match error.value(py).setattr("kind", kind) {
        Ok(()) => error,
        Err(other) => other,
    }
}

/// An error of the library.
pub fn exception(py: Python<'_>, error: &Error) -> PyErr {
    failure(py, error.kind(), error.to_string())
}

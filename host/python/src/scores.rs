//! What a picture shows.

use firebrick::Classification as Found;
use numpy::{PyArray1, ToPyArray};
use pyo3::prelude::*;

/// One class of a picture: its number, its label, and what Softmax makes of its score, 0 to 1.
#[pyclass(frozen, get_all, module = "firebrick", from_py_object)]
#[derive(Clone)]
pub struct Class {
    /// From 0.
    number: usize,
    /// In the model's words.
    label: String,
    /// 0 to 1.
    probability: f64,
}

#[pymethods]
impl Class {
    fn __repr__(&self) -> String {
        format!(
            "Class({}, {:?}, {:.3})",
            self.number, self.label, self.probability
        )
    }
}

/// The scores of all classes of one picture, the same on every backend.
#[pyclass(frozen, module = "firebrick")]
pub struct Classification(pub Found);

#[pymethods]
impl Classification {
    /// For each class the sum over the last map: int32, in the order of the classes.
    #[getter]
    fn scores<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i32>> {
        self.0.scores().to_pyarray(py)
    }

    /// Real value of one step of a score.
    #[getter]
    fn scale(&self) -> f64 {
        self.0.scale()
    }

    /// What Softmax makes of the scores: float64, 0 to 1.
    #[getter]
    fn probabilities<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_vec(py, self.0.probabilities())
    }

    /// The best classes, best first; the lower class first among equals.
    #[pyo3(signature = (count = 5))]
    fn top(&self, count: usize) -> Vec<Class> {
        let classes = self.0.top(count).into_iter();
        classes
            .map(|class| Class {
                number: class.class,
                label: class.label,
                probability: class.probability,
            })
            .collect()
    }

    fn __repr__(&self) -> String {
        match self.top(1).first() {
            Some(best) => format!("Classification({}, ...)", best.__repr__()),
            None => "Classification()".into(),
        }
    }
}

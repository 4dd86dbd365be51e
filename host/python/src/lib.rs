//! The Python package `firebrick`: engines and models of the Rust library, tensors as NumPy arrays.
//! The GIL is released while anything is computed, and Ctrl-C gives up what is under way.

mod engine;
mod error;
mod forecast;
mod image;
mod model;
mod quantisation;
mod scores;

use pyo3::prelude::*;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add(
        "FirebrickError",
        module.py().get_type::<error::FirebrickError>(),
    )?;
    module.add_class::<engine::Engine>()?;
    module.add_class::<model::Model>()?;
    module.add_class::<scores::Class>()?;
    module.add_class::<scores::Classification>()?;
    module.add_class::<forecast::Forecast>()?;
    module.add_class::<forecast::LayerForecast>()?;
    module.add_class::<quantisation::LayerQuantisation>()?;
    module.add_function(wrap_pyfunction!(model::predict, module)?)
}

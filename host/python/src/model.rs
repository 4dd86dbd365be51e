//! Networks.

use std::path::PathBuf;

use firebrick::Error;
use numpy::{IntoPyArray, PyArray3};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::exception;
use crate::forecast::Forecast;
use crate::image::Picture;
use crate::quantisation::LayerQuantisation;

/// A quantised network at a picture size. `Model()` is SqueezeNet v1.1, which is built in: 224x224
/// pixels, 1000 classes of ImageNet.
#[pyclass(frozen, module = "firebrick", from_py_object)]
#[derive(Clone)]
pub struct Model(pub firebrick::Model);

#[pymethods]
impl Model {
    #[new]
    fn new(py: Python<'_>) -> Model {
        Model(py.detach(firebrick::Model::builtin))
    }

    /// Reads a packed model, as `firebrick import` writes it.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Model> {
        let model = py.detach(|| firebrick::Model::load(path));
        model.map(Model).map_err(|error| exception(py, &error))
    }

    /// The same network for pictures of another size in pixels.
    fn at(&self, py: Python<'_>, height: usize, width: usize) -> PyResult<Model> {
        let model = self.0.at(height, width);
        model.map(Model).map_err(|error| exception(py, &error))
    }

    /// As in "squeezenet-v1.1".
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    /// A label for each class.
    #[getter]
    fn labels(&self) -> Vec<String> {
        self.0.labels().to_vec()
    }

    /// Height, width and 3 channels.
    #[getter]
    fn input_shape(&self) -> (usize, usize, usize) {
        self.0.input_shape().into()
    }

    /// Height, width and channels of each layer's feature map, in the order of the layers.
    #[getter]
    fn layers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let shapes = PyDict::new(py);
        for layer in self.0.layers().map_err(|error| exception(py, &error))? {
            let shape: (usize, usize, usize) = layer.shape.into();
            shapes.set_item(layer.name, shape)?;
        }
        Ok(shapes)
    }

    /// A picture as the network takes it: uint8 of the shape `input_shape`, scaled and cut as the
    /// model says, channels in its order.
    fn input<'py>(
        &self,
        py: Python<'py>,
        image: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray3<u8>>> {
        let picture = Picture::of(image)?;
        let input = py.detach(|| self.0.input(picture.image()));
        let input = input.map_err(|error| exception(py, &error))?;
        Ok(input.into_pyarray(py))
    }

    /// What a preset, as in "fb256", takes for this network at a clock in MHz. No engine is needed.
    fn predict(&self, py: Python<'_>, preset: &str, clock: f64) -> PyResult<Forecast> {
        let forecast: Result<_, Error> = py.detach(|| self.0.predict(preset, clock));
        let forecast = forecast.map_err(|error| exception(py, &error))?;
        Ok(forecast.into())
    }

    /// What quantising did to each convolution, in order: range and step of its output, its weights,
    /// and over `images` the shares of activations that are zero and clipped. `reference`
    /// is the file of the float model that this one was made from, of any kind that
    /// `firebrick import` reads, and gives the range that was needed and the signal-to-noise ratio.
    /// No engine is needed: the integer model runs the images.
    #[pyo3(signature = (images = None, reference = None))]
    fn quantisation_report(
        &self,
        py: Python<'_>,
        images: Option<&Bound<'_, PyAny>>,
        reference: Option<PathBuf>,
    ) -> PyResult<Vec<LayerQuantisation>> {
        let report = py.detach(|| self.0.quantisation(reference.as_deref()));
        let mut report = report.map_err(|error| exception(py, &error))?;
        if let Some(images) = images {
            for image in images.try_iter()? {
                let picture = Picture::of(&image?)?;
                py.detach(|| report.add(picture.image()))
                    .map_err(|error| exception(py, &error))?;
                py.check_signals()?;
            }
        }
        let layers = report.layers().into_iter();
        Ok(layers.map(LayerQuantisation::from).collect())
    }

    fn __repr__(&self) -> String {
        let [height, width, _] = self.0.input_shape();
        format!("<firebrick.Model {} {height}x{width}>", self.0.name())
    }
}

/// What a preset, as in "fb256", takes for a network (SqueezeNet v1.1 if none is given) at a clock
/// in MHz: exact cycles, without an engine.
#[pyfunction]
#[pyo3(signature = (preset, clock, model = None))]
pub fn predict(
    py: Python<'_>,
    preset: &str,
    clock: f64,
    model: Option<Model>,
) -> PyResult<Forecast> {
    let model = match model {
        Some(model) => model,
        None => Model::new(py),
    };
    model.predict(py, preset, clock)
}

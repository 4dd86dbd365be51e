//! Engines.

use std::ops::ControlFlow;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::Duration;

use firebrick::{Cancel, Error, Options, ndarray};
use numpy::{IntoPyArray, PyArray2, PyReadonlyArray4, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::{exception, failure};
use crate::forecast::Forecast;
use crate::image::Picture;
use crate::model::Model;
use crate::scores::Classification;

/// Time between two looks for Ctrl-C.
const LOOK: Duration = Duration::from_millis(50);
/// Time between two tries of a lock.
const TRY: Duration = Duration::from_millis(2);

/// What runs a network:
///
/// - "model": the integer model; the same bits in a few milliseconds
/// - "software:fb256": the command stream, executed in software
/// - "sim:fb256": the emitted Verilog under Verilator, built on first use (`verbose` tells it)
/// - "xdma:/dev/xdma0": a PCIe board behind the XDMA driver
/// - "axidma:": the fabric of a Zynq
///
/// `model` is SqueezeNet v1.1 if none is given. `wait` is how many seconds to wait for another
/// process that has the board, `deadline` how many a picture may take. Calls of several threads wait
/// for each other. Ctrl-C gives up what is under way.
#[pyclass(frozen, module = "firebrick")]
pub struct Engine {
    name: String,
    /// None when it is closed.
    engine: Mutex<Option<firebrick::Engine>>,
    cancel: Cancel,
}

/// Does something without the GIL on a thread of its own, and looks for signals meanwhile; one that
/// raises an exception gives the work up.
fn outside<T: Send>(
    py: Python<'_>,
    cancel: &Cancel,
    work: impl FnOnce() -> Result<T, Error> + Send,
) -> PyResult<T> {
    let mut interrupt = None;
    let result = py.detach(|| {
        std::thread::scope(|scope| {
            let (done, is_done) = channel::<()>();
            let worker = scope.spawn(move || {
                // Dropped at the end, also by a panic.
                let _done = done;
                work()
            });
            while let Err(RecvTimeoutError::Timeout) = is_done.recv_timeout(LOOK) {
                if interrupt.is_none()
                    && let Err(error) = Python::attach(|py| py.check_signals())
                {
                    interrupt = Some(error);
                    cancel.cancel();
                }
            }
            worker.join()
        })
    });
    cancel.clear();
    match (interrupt, result) {
        (Some(error), _) => Err(error),
        (None, Ok(result)) => result.map_err(|error| exception(py, &error)),
        (None, Err(_)) => Err(failure(
            py,
            "panic",
            "the library panicked, see standard error; close this engine, and please report it",
        )),
    }
}

impl Engine {
    /// The engine, once no other thread uses it.
    fn lock(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, Option<firebrick::Engine>>> {
        loop {
            match self.engine.try_lock() {
                Ok(engine) => return Ok(engine),
                Err(TryLockError::Poisoned(_)) => {
                    let text = "an earlier call on this engine panicked; open it again";
                    return Err(failure(py, "panic", text));
                }
                Err(TryLockError::WouldBlock) => {
                    py.detach(|| std::thread::sleep(TRY));
                    py.check_signals()?;
                }
            }
        }
    }

    /// Does something with the open engine, without the GIL.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut firebrick::Engine) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        let mut engine = self.lock(py)?;
        match engine.as_mut() {
            Some(engine) => outside(py, &self.cancel, || work(engine)),
            None => Err(closed(py)),
        }
    }
}

fn closed(py: Python<'_>) -> PyErr {
    failure(py, "closed", "this engine is closed; open another")
}

/// Seconds of Python.
fn seconds(name: &str, given: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(given)
        .map_err(|error| PyValueError::new_err(format!("{name} is {given}: {error}")))
}

/// The inputs of an array (images, height, width, 3).
fn inputs(array: &Bound<'_, PyUntypedArray>, shape: [usize; 3]) -> PyResult<ndarray::Array4<u8>> {
    let [height, width, channels] = shape;
    if let Ok(inputs) = array.extract::<PyReadonlyArray4<'_, u8>>()
        && array.shape()[1..] == shape
    {
        return Ok(inputs.as_array().to_owned());
    }
    Err(PyValueError::new_err(format!(
        "the inputs have the shape {:?} and type {}; give uint8 of the shape (images, {height}, \
         {width}, {channels})",
        array.shape(),
        array.dtype()
    )))
}

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (name, model = None, *, wait = 0.0, deadline = None, verbose = false))]
    fn new(
        py: Python<'_>,
        name: String,
        model: Option<Model>,
        wait: f64,
        deadline: Option<f64>,
        verbose: bool,
    ) -> PyResult<Engine> {
        let cancel = Cancel::new();
        let mut options = Options::new()
            .wait(seconds("wait", wait)?)
            .cancel(cancel.clone());
        if let Some(deadline) = deadline {
            options = options.deadline(seconds("deadline", deadline)?);
        }
        if let Some(model) = &model {
            options = options.model(&model.0);
        }
        #[cfg(feature = "sim")]
        if verbose {
            options = options.progress(firebrick::StderrProgress);
        }
        #[cfg(not(feature = "sim"))]
        let _ = verbose;
        let engine = outside(py, &cancel, || firebrick::Engine::open_with(&name, options))?;
        Ok(Engine {
            name,
            engine: Mutex::new(Some(engine)),
            cancel,
        })
    }

    /// The name that it was opened by.
    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    /// Its configuration, as in "fb256"; None for the integer model.
    #[getter]
    fn preset(&self, py: Python<'_>) -> PyResult<Option<String>> {
        let engine = self.lock(py)?;
        let engine = engine.as_ref().ok_or_else(|| closed(py))?;
        Ok(engine.config().map(|config| config.name.clone()))
    }

    /// The network that is loaded.
    #[getter]
    fn model(&self, py: Python<'_>) -> PyResult<Model> {
        let engine = self.lock(py)?;
        let engine = engine.as_ref().ok_or_else(|| closed(py))?;
        Ok(Model(engine.model().clone()))
    }

    /// Takes another network. What was loaded before stays if this one does not fit.
    fn load(&self, py: Python<'_>, model: &Model) -> PyResult<()> {
        self.with(py, |engine| engine.load(&model.0))
    }

    /// Classifies a picture of any size: a path, the bytes of a JPEG or PNG file, uint8 pixels
    /// (height, width, 3) or (height, width), or a picture of Pillow.
    fn classify(&self, py: Python<'_>, image: &Bound<'_, PyAny>) -> PyResult<Classification> {
        let picture = Picture::of(image)?;
        let found = self.with(py, |engine| engine.classify(picture.image()))?;
        Ok(Classification(found))
    }

    /// Classifies pictures back to back: the input of one overlaps the computing of the one before.
    fn classify_batch(
        &self,
        py: Python<'_>,
        images: &Bound<'_, PyAny>,
    ) -> PyResult<Vec<Classification>> {
        let pictures: Vec<Picture> = images
            .try_iter()?
            .map(|image| Picture::of(&image?))
            .collect::<PyResult<_>>()?;
        let found = self.with(py, |engine| {
            engine.classify_batch(pictures.iter().map(Picture::image))
        })?;
        Ok(found.into_iter().map(Classification).collect())
    }

    /// The scores, int32 (images, classes), of inputs that are prepared already: uint8 (images,
    /// height, width, 3) of the model's size and order of channels, as `Model.input` makes them.
    fn run<'py>(
        &self,
        py: Python<'py>,
        inputs: &Bound<'py, PyUntypedArray>,
    ) -> PyResult<Bound<'py, PyArray2<i32>>> {
        let model = self.model(py)?;
        let inputs = self::inputs(inputs, model.0.input_shape())?;
        let mut scores = Vec::new();
        self.with(py, |engine| {
            let each = inputs.outer_iter().map(|input| Ok(input.to_owned()));
            engine.run_each(each, |_, row| {
                scores.extend(row);
                ControlFlow::Continue(())
            })
        })?;
        let shape = (inputs.dim().0, model.0.labels().len());
        let scores = ndarray::Array2::from_shape_vec(shape, scores)
            .map_err(|error| failure(py, "missing", error.to_string()))?;
        Ok(scores.into_pyarray(py))
    }

    /// The feature map of every layer for a picture: uint8 (height, width, channels), by name.
    fn feature_maps<'py>(
        &self,
        py: Python<'py>,
        image: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let picture = Picture::of(image)?;
        let maps = self.with(py, |engine| engine.feature_maps(picture.image()))?;
        let arrays = PyDict::new(py);
        for (layer, map) in maps.iter() {
            arrays.set_item(layer, map.to_owned().into_pyarray(py))?;
        }
        Ok(arrays)
    }

    /// What this engine takes for the network that is loaded at a clock in MHz; None for the
    /// integer model.
    fn predict(&self, py: Python<'_>, clock: f64) -> PyResult<Option<Forecast>> {
        let forecast = self.with(py, |engine| engine.predict(clock))?;
        Ok(forecast.map(Forecast::from))
    }

    /// Resets the engine, which it does by itself after each error.
    fn reset(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, firebrick::Engine::reset)
    }

    /// Closes the device. An engine that is not closed is when nothing refers to it any more.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let engine = self.lock(py)?.take();
        py.detach(|| drop(engine));
        Ok(())
    }

    fn __enter__(this: Py<Self>) -> Py<Self> {
        this
    }

    #[pyo3(signature = (*_error))]
    fn __exit__(&self, py: Python<'_>, _error: &Bound<'_, PyAny>) -> PyResult<()> {
        self.close(py)
    }

    fn __repr__(&self) -> String {
        format!("<firebrick.Engine {}>", self.name)
    }
}

//! Networks.

use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::Arc;

use firebrick::{Model, best, probabilities};

use crate::border::{
    Failure, FirebrickStatus, array, ask, at, call, free, invalid, make, room, write,
};
use crate::image::FirebrickImage;
use crate::strings::{path, text, utf8};

/// A network at a picture size. Any number of threads may use it at once.
pub struct FirebrickModel {
    pub(crate) model: Model,
    name: CString,
    labels: Arc<[CString]>,
}

impl FirebrickModel {
    pub(crate) fn new(model: Model) -> FirebrickModel {
        FirebrickModel {
            name: text(model.name()),
            labels: model.labels().iter().map(|label| text(label)).collect(),
            model,
        }
    }
}

/// One class of a picture.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct FirebrickClass {
    /// Its number, from 0.
    pub number: usize,
    /// What Softmax makes of the scores, 0 to 1.
    pub probability: f64,
    /// Its label, in UTF-8; valid as long as the model.
    pub label: *const c_char,
}

/// What a preset takes for a network, at a clock.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct FirebrickForecast {
    /// One image alone, from its first beat in to its trailer out.
    pub cycles: u64,
    /// Of these, cycles in which the array takes a vector.
    pub busy_cycles: u64,
    /// Useful multiply-accumulates.
    pub macs: u64,
    /// `macs` over what the array could do in `cycles`, 0 to 1.
    pub utilization: f64,
    /// `cycles` in milliseconds.
    pub latency_ms: f64,
    /// Images back to back.
    pub images_per_second: f64,
    /// Bytes sent for an image.
    pub bytes_in: u64,
    /// Bytes of its result.
    pub bytes_out: u64,
}

/// SqueezeNet v1.1, which is part of the library: 224x224 pixels, 1000 classes. NULL if there is an
/// error. Free it with `firebrick_model_free`.
#[unsafe(no_mangle)]
pub extern "C" fn firebrick_model_builtin() -> *mut FirebrickModel {
    make(|| Ok(FirebrickModel::new(Model::builtin())))
}

/// Reads a packed model, as `firebrick import` writes it; NULL if there is an error. Free it with
/// `firebrick_model_free`.
///
/// # Safety
/// `file` is NULL or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn firebrick_model_load(file: *const c_char) -> *mut FirebrickModel {
    make(|| {
        // SAFETY: the caller vouches for it.
        let file = unsafe { path(file, "file") }?;
        Ok(FirebrickModel::new(Model::load(file)?))
    })
}

/// The same network for pictures of another size in pixels; NULL if there is an error. Free it with
/// `firebrick_model_free`; the first may be freed before it.
///
/// # Safety
/// `model` is NULL or a model that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn firebrick_model_at(
    model: *const FirebrickModel,
    height: usize,
    width: usize,
) -> *mut FirebrickModel {
    make(|| {
        // SAFETY: the caller vouches for it.
        let model = unsafe { at(model, "model") }?;
        Ok(FirebrickModel::new(model.model.at(height, width)?))
    })
}

/// Frees a model; NULL is passed over. Engines keep what they need of it.
///
/// # Safety
/// `model` is NULL or a model that was not freed, and no thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn firebrick_model_free(model: *mut FirebrickModel) {
    // SAFETY: the caller vouches for it.
    unsafe { free(model) };
}

/// Its name, as in "squeezenet-v1.1"; NULL if there is an error, valid as long as the model.
///
/// # Safety
/// `model` is NULL or a model that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn firebrick_model_name(model: *const FirebrickModel) -> *const c_char {
    ask(ptr::null(), || {
        // SAFETY: the caller vouches for it.
        let model = unsafe { at(model, "model") }?;
        Ok(model.name.as_ptr())
    })
}

/// How many classes it has: the length of its scores. 0 if there is an error.
///
/// # Safety
/// `model` is NULL or a model that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn firebrick_model_classes(model: *const FirebrickModel) -> usize {
    // SAFETY: the caller vouches for it.
    ask(0, || Ok(unsafe { at(model, "model") }?.labels.len()))
}

/// Writes the shape of its input to `shape`: height, width, 3 channels.
///
/// # Safety
/// `model` is NULL or a model that was not freed; `shape` is NULL or has room for three numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn firebrick_model_input_shape(
    model: *const FirebrickModel,
    shape: *mut usize,
) -> FirebrickStatus {
    call(|| {
        // SAFETY: the caller vouches for it.
        let (model, shape) = unsafe { (at(model, "model")?, room(shape, 3, "shape")?) };
        write(shape, model.model.input_shape());
        Ok(())
    })
}

/// Writes a picture as the network takes it to `input`: scaled and cut as the model says, row by
/// row, three bytes a pixel in the model's order. `length` has to be height * width * 3.
///
/// # Safety
/// `model` is NULL or a model that was not freed; `image` is NULL or a picture; `input` is NULL or
/// has room for `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn firebrick_model_input(
    model: *const FirebrickModel,
    image: *const FirebrickImage,
    input: *mut u8,
    length: usize,
) -> FirebrickStatus {
    call(|| {
        // SAFETY: the caller vouches for it.
        let model = unsafe { at(model, "model") }?;
        // SAFETY: the caller vouches for it.
        let image = unsafe { FirebrickImage::image(image) }?;
        // SAFETY: the caller vouches for it.
        let input = unsafe { room(input, length, "input") }?;
        has_length("input", length, model.model.input_shape().iter().product())?;
        let tensor = model.model.input(image)?;
        write(input, tensor);
        Ok(())
    })
}

/// Writes the best `count` classes of some scores to `top`, best first; the lower class first among
/// equals. `classes` has to be that of the model, and `count` not larger.
///
/// # Safety
/// `model` is NULL or a model that was not freed; `scores` is NULL or has `classes` numbers; `top`
/// is NULL or has room for `count` classes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn firebrick_model_top(
    model: *const FirebrickModel,
    scores: *const i32,
    classes: usize,
    top: *mut FirebrickClass,
    count: usize,
) -> FirebrickStatus {
    call(|| {
        // SAFETY: the caller vouches for it.
        let model = unsafe { at(model, "model") }?;
        // SAFETY: the caller vouches for it.
        let scores = unsafe { array(scores, classes, "scores") }?;
        // SAFETY: the caller vouches for it.
        let top = unsafe { room(top, count, "top") }?;
        has_length("scores", classes, model.labels.len())?;
        if count > classes {
            return Err(invalid(format!("{count} classes are wanted of {classes}")));
        }
        let probabilities = probabilities(model.model.network(), scores, model.model.scale());
        let class = |number: usize| FirebrickClass {
            number,
            probability: probabilities[number],
            label: model.labels[number].as_ptr(),
        };
        write(top, best(scores, count).into_iter().map(class));
        Ok(())
    })
}

/// Writes what a preset, as in "fb256", takes for this network to `forecast`: exact cycles, and
/// the time at a clock in MHz. No engine is needed; that a build meets the clock is not checked.
///
/// # Safety
/// `model` is NULL or a model that was not freed; `preset` is NULL or a string; `forecast` is NULL or
/// points to a forecast.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn firebrick_model_predict(
    model: *const FirebrickModel,
    preset: *const c_char,
    clock_mhz: f64,
    forecast: *mut FirebrickForecast,
) -> FirebrickStatus {
    call(|| {
        // SAFETY: the caller vouches for it.
        let model = unsafe { at(model, "model") }?;
        // SAFETY: the caller vouches for it.
        let preset = unsafe { utf8(preset, "preset") }?;
        // SAFETY: the caller vouches for it.
        let to = unsafe { room(forecast, 1, "forecast") }?;
        let forecast = model.model.predict(preset, clock_mhz)?;
        let cycles = &forecast.prediction;
        let forecast = FirebrickForecast {
            cycles: cycles.cycles,
            busy_cycles: cycles.busy_cycles,
            macs: cycles.macs,
            utilization: cycles.utilization,
            latency_ms: forecast.latency_ms,
            images_per_second: forecast.images_per_second,
            bytes_in: cycles.dma_bytes_in as u64,
            bytes_out: cycles.dma_bytes_out as u64,
        };
        write(to, [forecast]);
        Ok(())
    })
}

/// An error if a buffer is not as long as it has to be.
pub(crate) fn has_length(name: &str, got: usize, want: usize) -> Result<(), Failure> {
    match got == want {
        true => Ok(()),
        false => Err(invalid(format!(
            "{name} has the length {got}, and {want} is needed"
        ))),
    }
}

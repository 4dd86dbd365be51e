//! Engines.

use std::ffi::c_char;
use std::ops::ControlFlow;
use std::ptr;
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::Duration;

use firebrick::ndarray::ArrayView3;
use firebrick::{Engine, Options};

use crate::border::{Failure, FirebrickStatus, array, at, call, free, invalid, make, room, write};
use crate::cancel::FirebrickCancel;
use crate::image::FirebrickImage;
use crate::maps::FirebrickMaps;
use crate::model::{FirebrickModel, has_length};
use crate::strings::utf8;

/// An open engine with a network loaded. One thread uses it at a time; it need not be the one that
/// opened it. A call while another thread is in one gives `FIREBRICK_STATUS_BUSY` at once.
pub struct FirebrickEngine(Mutex<Engine>);

/// How an engine is opened. Set all that is not wanted to 0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct FirebrickOptions {
    /// The network; SqueezeNet v1.1 if NULL.
    pub model: *const FirebrickModel,
    /// How long to wait for another process that has the board.
    pub wait_seconds: f64,
    /// Time for one picture; 0 stands for a minute on a board, and more in simulation.
    pub deadline_seconds: f64,
    /// A flag to give up by; none if NULL.
    pub cancel: *const FirebrickCancel,
    /// Tells the build of a simulated engine on standard error, which takes a minute or two.
    pub verbose: bool,
}

impl FirebrickOptions {
    /// # Safety
    /// Its pointers are NULL or handles that were not freed.
    unsafe fn options(&self) -> Result<Options, Failure> {
        let mut options = Options::new().wait(seconds(self.wait_seconds, "wait_seconds")?);
        let deadline = seconds(self.deadline_seconds, "deadline_seconds")?;
        if !deadline.is_zero() {
            options = options.deadline(deadline);
        }
        // SAFETY: the caller vouches for it.
        if let Some(model) = unsafe { self.model.as_ref() } {
            options = options.model(&model.model);
        }
        // SAFETY: the caller vouches for it.
        if let Some(cancel) = unsafe { self.cancel.as_ref() } {
            options = options.cancel(cancel.0.clone());
        }
        #[cfg(feature = "sim")]
        if self.verbose {
            options = options.progress(firebrick::StderrProgress);
        }
        Ok(options)
    }
}

fn seconds(given: f64, name: &str) -> Result<Duration, Failure> {
    Duration::try_from_secs_f64(given)
        .map_err(|error| invalid(format!("{name} is {given}: {error}")))
}

/// Uses an engine, if no other thread does.
///
/// # Safety
/// It is NULL or an engine that is not freed during `'a`.
unsafe fn lock<'a>(engine: *const FirebrickEngine) -> Result<MutexGuard<'a, Engine>, Failure> {
    // SAFETY: the caller vouches for it.
    let engine = unsafe { at(engine, "engine") }?;
    engine.0.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => Failure::Busy,
        TryLockError::Poisoned(_) => Failure::Broken,
    })
}

/// Opens an engine by its name: "model" (the integer model), "software:fb256", "sim:fb256",
/// "xdma:/dev/xdma0", "axidma:". `options` may be NULL. NULL if there is an error. Free it with
/// `firebrick_engine_free`.
///
/// # Safety
/// `name` is NULL or a string; `options` is NULL or points to options whose pointers are NULL or
/// handles that were not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn firebrick_engine_open(
    name: *const c_char,
    options: *const FirebrickOptions,
) -> *mut FirebrickEngine {
    make(|| {
        // SAFETY: the caller vouches for it.
        let name = unsafe { utf8(name, "name") }?;
        // SAFETY: the caller vouches for it.
        let options = match unsafe { options.as_ref() } {
            // SAFETY: the caller vouches for it.
            Some(options) => unsafe { options.options() }?,
            None => Options::new(),
        };
        let engine = Engine::open_with(name, options)?;
        Ok(FirebrickEngine(Mutex::new(engine)))
    })
}

/// Closes an engine; NULL is passed over.
///
/// # Safety
/// `engine` is NULL or an engine that was not freed, and no thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn firebrick_engine_free(engine: *mut FirebrickEngine) {
    // SAFETY: the caller vouches for it.
    unsafe { free(engine) };
}

/// Takes another network. What was loaded before stays if this one does not fit.
///
/// # Safety
/// `engine` is NULL or an engine that was not freed; `model` is NULL or a model that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn firebrick_engine_load(
    engine: *mut FirebrickEngine,
    model: *const FirebrickModel,
) -> FirebrickStatus {
    call(|| {
        // SAFETY: the caller vouches for it.
        let (mut engine, model) = unsafe { (lock(engine)?, at(model, "model")?) };
        Ok(engine.load(&model.model)?)
    })
}

/// The network that is loaded, as a model of its own; NULL if there is an error. Free it with
/// `firebrick_model_free`.
///
/// # Safety
/// `engine` is NULL or an engine that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn firebrick_engine_model(
    engine: *mut FirebrickEngine,
) -> *mut FirebrickModel {
    make(|| {
        // SAFETY: the caller vouches for it.
        let engine = unsafe { lock(engine) }?;
        Ok(FirebrickModel::new(engine.model().clone()))
    })
}

/// Writes the scores of a picture to `scores`: for each class the sum over the last map.
/// `firebrick_model_top` ranks them. `classes` has to be that of the model.
///
/// # Safety
/// `engine` is NULL or an engine that was not freed; `image` is NULL or a picture; `scores` is NULL
/// or has room for `classes` numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn firebrick_engine_classify(
    engine: *mut FirebrickEngine,
    image: *const FirebrickImage,
    scores: *mut i32,
    classes: usize,
) -> FirebrickStatus {
    call(|| {
        // SAFETY: the caller vouches for it.
        let mut engine = unsafe { lock(engine) }?;
        // SAFETY: the caller vouches for it.
        let image = unsafe { FirebrickImage::image(image) }?;
        // SAFETY: the caller vouches for it.
        let to = unsafe { room(scores, classes, "scores") }?;
        has_length("scores", classes, engine.model().labels().len())?;
        let input = engine.model().input(image)?;
        write(to, engine.run(&input.view())?);
        Ok(())
    })
}

/// The same for `count` pictures back to back: their scores lie in `scores` one behind the other,
/// `length` numbers, which has to be `count` times the classes. After an error those before it are
/// there, and the others unchanged.
///
/// # Safety
/// `engine` is NULL or an engine that was not freed; `images` is NULL or has `count` pictures;
/// `scores` is NULL or has room for `length` numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn firebrick_engine_classify_batch(
    engine: *mut FirebrickEngine,
    images: *const FirebrickImage,
    count: usize,
    scores: *mut i32,
    length: usize,
) -> FirebrickStatus {
    call(|| {
        // SAFETY: the caller vouches for it.
        let mut engine = unsafe { lock(engine) }?;
        // SAFETY: the caller vouches for it.
        let images = unsafe { array(images, count, "images") }?;
        // SAFETY: the caller vouches for it.
        let to = unsafe { room(scores, length, "scores") }?;
        let classes = engine.model().labels().len();
        has_length("scores", length, count.saturating_mul(classes))?;
        // All are looked at first, so that a wrong one stops nothing that runs.
        let images: Vec<_> = images
            .iter()
            // SAFETY: the caller vouches for it.
            .map(|image| unsafe { FirebrickImage::image(image) })
            .collect::<Result<_, Failure>>()?;
        let model = engine.model().clone();
        let inputs = images.into_iter().map(|image| model.input(image));
        let mut rows = to.chunks_exact_mut(classes.max(1));
        engine.run_each(inputs, |_, scores| match rows.next() {
            Some(row) => {
                write(row, scores);
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(()),
        })?;
        Ok(())
    })
}

/// Writes the scores of an input, as `firebrick_model_input` makes it, to `scores`.
///
/// # Safety
/// `engine` is NULL or an engine that was not freed; `input` is NULL or has `length` bytes; `scores`
/// is NULL or has room for `classes` numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn firebrick_engine_run(
    engine: *mut FirebrickEngine,
    input: *const u8,
    length: usize,
    scores: *mut i32,
    classes: usize,
) -> FirebrickStatus {
    call(|| {
        // SAFETY: the caller vouches for it.
        let mut engine = unsafe { lock(engine) }?;
        // SAFETY: the caller vouches for it.
        let input = unsafe { array(input, length, "input") }?;
        // SAFETY: the caller vouches for it.
        let to = unsafe { room(scores, classes, "scores") }?;
        let [height, width, channels] = engine.model().input_shape();
        has_length("input", length, height * width * channels)?;
        has_length("scores", classes, engine.model().labels().len())?;
        let input = ArrayView3::from_shape((height, width, channels), input)
            .map_err(|error| invalid(format!("input: {error}")))?;
        write(to, engine.run(&input)?);
        Ok(())
    })
}

/// The feature maps of all layers for a picture, in `*maps`; NULL there if there is an error. Free
/// them with `firebrick_maps_free`.
///
/// # Safety
/// `engine` is NULL or an engine that was not freed; `image` is NULL or a picture; `maps` is NULL or
/// points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn firebrick_engine_feature_maps(
    engine: *mut FirebrickEngine,
    image: *const FirebrickImage,
    maps: *mut *mut FirebrickMaps,
) -> FirebrickStatus {
    call(|| {
        // SAFETY: the caller vouches for it.
        let to = unsafe { room(maps, 1, "maps") }?;
        write(to, [ptr::null_mut()]);
        // SAFETY: the caller vouches for it.
        let mut engine = unsafe { lock(engine) }?;
        // SAFETY: the caller vouches for it.
        let image = unsafe { FirebrickImage::image(image) }?;
        let maps = FirebrickMaps::new(&engine.feature_maps(image)?);
        write(to, [Box::into_raw(Box::new(maps))]);
        Ok(())
    })
}

/// Resets the engine, which it does by itself after each error.
///
/// # Safety
/// `engine` is NULL or an engine that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn firebrick_engine_reset(engine: *mut FirebrickEngine) -> FirebrickStatus {
    // SAFETY: the caller vouches for it.
    call(|| Ok(unsafe { lock(engine) }?.reset()?))
}

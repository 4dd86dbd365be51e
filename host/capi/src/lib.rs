//! `libfirebrick`: engines and models for programs in C and C++. `include/firebrick.h` is made from
//! these files by cbindgen; docs/library.md introduces it.
//!
//! Nothing here panics across the border: a panic becomes [`FirebrickStatus::Panic`]. Handles are
//! opaque, NULL is refused where a handle or a buffer is needed, and what went wrong last in a
//! thread is a text of that thread.

// The border to C is made of pointers. Each use of one says why it is sound.
#![allow(unsafe_code)]

mod border;
mod cancel;
mod engine;
mod image;
mod maps;
mod model;
mod strings;

pub use border::{
    FirebrickStatus, firebrick_last_error, firebrick_last_error_kind, firebrick_version,
};
pub use cancel::{
    FirebrickCancel, firebrick_cancel_free, firebrick_cancel_new, firebrick_cancel_raise,
};
pub use engine::{
    FirebrickEngine, FirebrickOptions, firebrick_engine_classify, firebrick_engine_classify_batch,
    firebrick_engine_feature_maps, firebrick_engine_free, firebrick_engine_load,
    firebrick_engine_model, firebrick_engine_open, firebrick_engine_reset, firebrick_engine_run,
};
pub use image::FirebrickImage;
pub use maps::{
    FirebrickMap, FirebrickMaps, firebrick_maps_count, firebrick_maps_find, firebrick_maps_free,
    firebrick_maps_get,
};
pub use model::{
    FirebrickClass, FirebrickForecast, FirebrickModel, firebrick_model_at, firebrick_model_builtin,
    firebrick_model_classes, firebrick_model_free, firebrick_model_input,
    firebrick_model_input_shape, firebrick_model_load, firebrick_model_name,
    firebrick_model_predict, firebrick_model_top,
};

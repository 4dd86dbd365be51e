//! Everything that knows Verilator: finding it, building a model once per content, calling the
//! model, its waveforms, and its lint.

mod bundle;
mod cache;
mod compile;
mod ffi;
pub mod lint;
mod makefile;
pub(crate) mod model;
pub(crate) mod ports;
pub(crate) mod progress;
mod runtime;
pub(crate) mod toolchain;
pub(crate) mod verilate;
pub(crate) mod waveform;
mod wrapper;

//! The bit-exact integer model: it defines every bit of every feature map.
//!
//! [`Model`] is the fast path: weights are repacked once, the instructions are chosen at run time
//! ([`Kernel`]), and pixels are distributed over rayon's threads. [`mod@reference`] is the definition
//! in plain loops; every kernel is tested against it.

#![warn(clippy::missing_errors_doc)]

mod activations;
pub mod biases;
mod check;
mod conv;
mod error;
mod execute;
mod kernel;
mod model;
mod packed;
mod plan;
mod pool;
pub mod reference;
mod spare;
pub mod timing;

pub use activations::Activations;
pub use error::ModelError;
pub use kernel::Kernel;
pub use model::Model;

//! The bit-exact integer model: says what every bit of every feature map must be.
//!
//! [`Model`] is the fast path: weights repacked once, instructions chosen at run time
//! ([`Kernel`]), pixels spread over rayon's threads. [`mod@reference`] is the definition in
//! plain loops; every kernel is tested against it.

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

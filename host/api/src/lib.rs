//! Firebrick in a program: SqueezeNet on an FPGA board, on the simulated engine, or on the integer
//! model that says what every bit must be.
//!
//! ```
//! use firebrick::Engine;
//!
//! # fn main() -> Result<(), firebrick::Error> {
//! # let cat = concat!(env!("CARGO_MANIFEST_DIR"), "/../../weights/samples/cat.png");
//! let mut engine = Engine::open("model")?; // or "sim:fb256", "xdma:/dev/xdma0", "axidma:"
//! for class in engine.classify(cat)?.top(3) {
//!     println!("{:6.2} %  {}", 100.0 * class.probability, class.label);
//! }
//! # assert_eq!(engine.classify(cat)?.top(1)[0].label, "Egyptian cat");
//! # Ok(())
//! # }
//! ```
//!
//! An [`Engine`] runs a [`Model`]: SqueezeNet v1.1 is built in, [`Model::load`] reads a packed model
//! that `firebrick import` wrote. Every backend gives the same bits.
//!
//! | shape | what | range |
//! |---|---|---|
//! | (height, width, 3) `u8` | pixels of a picture of any size: red, green, blue | 0 to 255 |
//! | [`Model::input_shape`] `u8` | the network's input, channels in the model's order | 0 to 255 |
//! | (height, width, channels) `u8` | a feature map, see [`Model::layers`] | 0 to 255 |
//! | (classes) `i32` | scores: sums over the last map, steps of [`Classification::scale`] | any |
//!
//! Tensors come as [`ndarray`] views. Every wait has a deadline ([`Options::deadline`]), and every
//! error is an [`Error`] that says what happened, where, and what to do. An engine belongs to one
//! thread at a time and can be moved to another; models, results and errors can be shared.
//!
//! [`Model::predict`] says what a preset would take, cycle by cycle, without an engine, and the
//! module `verilog` writes the engine itself. [`Model::quantisation_report`] says what quantising did
//! to each layer. [`device`], [`target`] and [`accounting`] are for programs that drive engines
//! themselves; [`pool`] is for those that drive several. A preset is a name or a file, which [`preset`]
//! reads and writes.
//!
//! # Features
//! `sim` (on by default): the simulated engine and the Verilog. A simulated engine wants Verilator
//! 5.006 or newer and a C++ compiler, and builds for a minute or two on first use of a preset.

#![warn(clippy::missing_errors_doc)]

pub mod accounting;
mod deadline;
pub mod device;
mod engine;
mod error;
mod maps;
mod model;
#[doc(hidden)]
pub mod near;
pub mod picture;
pub mod pool;
pub mod predict;
pub mod preset;
pub mod quantisation;
pub mod reference;
mod scores;
pub mod target;
#[cfg(feature = "sim")]
pub mod verilog;

pub use deadline::deadline;
pub use engine::{Counters, Engine, Options};
pub use error::Error;
pub use firebrick_driver::Cancel;
pub use firebrick_network::Picture;
#[cfg(feature = "sim")]
pub use firebrick_sim::{Progress, StderrProgress};
pub use firebrick_spec::HwConfig;
pub use maps::FeatureMaps;
pub use model::{Layer, Model};
pub use ndarray;
pub use picture::Image;
pub use predict::Forecast;
pub use quantisation::LayerQuantisation;
pub use scores::{Class, Classification, best, probabilities, softmax};

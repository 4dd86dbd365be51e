//! Trains a packed network for classes of one's own: its last layer alone, on the feature maps that
//! the engine computes.
//!
//! [`Data`] lists pictures by class, and [`Split`] takes a part of each class away for validation.
//! [`Trunk`] is the packed network without its last layer; the integer model runs it, so that what
//! is learnt from is what the engine will see, to the bit. [`fit`] learns a [`Head`], [`pack`] puts
//! it behind the trunk as a convolution, and [`Confusion`] is what the finished network makes of
//! pictures.

#![warn(clippy::missing_errors_doc)]

mod chart;
mod confusion;
mod data;
mod error;
mod features;
mod fit;
mod head;
mod optimise;
mod pack;
mod trunk;
mod views;

pub use chart::curves;
pub use confusion::{ClassFigures, Confusion};
pub use data::{Data, Item, Split};
pub use error::TrainError;
pub use features::{Extracted, Samples, extract};
pub use fit::{Epoch, Fitted, Options, fit};
pub use head::Head;
pub use optimise::{Optimiser, Schedule};
pub use pack::{Packed, features_file, float_weights, pack};
pub use trunk::Trunk;
pub use views::{View, views};

//! What crossed between host and device, in a file, and that file run against another device.
//! The format is described in `docs/device.md`.

mod format;
mod recorder;
mod replay;

pub use format::{Entry, Event, RecordError, RecordReader};
pub use recorder::Recorder;
pub use replay::{Difference, Replay, replay};

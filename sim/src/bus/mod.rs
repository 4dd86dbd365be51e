//! Bus models that drive a [`crate::Model`] cycle by cycle, with seeded idle cycles and
//! back-pressure, and check the protocol of what the design answers.
//!
//! In each cycle of a [`Testbench`], all bus models set the design's inputs, the design is
//! evaluated, all bus models look at its outputs (so a ready or valid that depends on an input
//! without a register is seen as the design sees it), and the clock rises.

mod channel;
mod error;
mod lite;
mod names;
mod random;
mod sink;
mod source;
mod testbench;

pub use error::{BusError, StreamReport, Violation};
pub use lite::{AxiLiteMaster, Completed, Operation, WriteOrder};
pub use names::StreamNames;
pub use random::{Chance, Random, seed_or};
pub use sink::{AxiStreamSink, Beat};
pub use source::AxiStreamSource;
pub use testbench::{LITE_LIMIT, LiteId, SinkId, SourceId, Testbench};

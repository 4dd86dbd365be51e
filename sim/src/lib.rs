//! Simulation for Firebrick: Verilog text becomes a fast model through Verilator, built once
//! per content and cached.
//!
//! ```no_run
//! use firebrick_sim::{Design, Model};
//!
//! # fn main() -> Result<(), firebrick_sim::ModelError> {
//! let verilog = "module add(input wire clock, input wire [7:0] a, b, output reg [8:0] sum);\n\
//!                always @(posedge clock) sum <= a + b;\nendmodule\n";
//! let mut model = Model::open(&Design::new("add", verilog).clock("clock"))?;
//! let (a, b, sum) = (model.input("a")?, model.input("b")?, model.output("sum")?);
//! model.set(a, 200);
//! model.set(b, 100);
//! model.step()?;
//! assert_eq!(model.get(sum), 300);
//! # Ok(())
//! # }
//! ```

pub mod bus;

mod bundle;
mod cache;
mod compile;
mod design;
mod device;
pub mod emulator;
mod environment;
mod error;
mod ffi;
pub mod icarus;
pub mod lint;
mod makefile;
mod model;
mod ports;
pub mod primitives;
mod process;
mod progress;
mod runtime;
mod temporary;
pub mod testbench;
mod toolchain;
mod verilate;
mod waveform;
mod wrapper;

pub use design::Design;
pub use device::{CycleReport, SimDevice, SimError, SimOptions, design_of, engine_design};
pub use environment::Environment;
pub use error::{BuildError, ModelError};
pub use model::{Model, Port};
pub use ports::{Direction, PortInfo};
pub use progress::{Event, Progress, Silent, StderrProgress};
pub use toolchain::{OLDEST_VERILATOR, Toolchain};
pub use verilate::{Builder, DEFAULT_DEADLINE, VerilatedModel};
pub use waveform::room;

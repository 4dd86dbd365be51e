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

mod design;
mod device;
pub mod emulator;
mod environment;
mod error;
pub mod icarus;
pub mod primitives;
mod process;
mod temporary;
pub mod testbench;
mod verilator;
pub mod views;

pub use design::Design;
pub use device::{CycleReport, SimDevice, SimError, SimOptions, design_of, engine_design};
pub use environment::Environment;
pub use error::{BuildError, ModelError};
pub use verilator::lint;
pub use verilator::model::{Model, Port};
pub use verilator::ports::{Direction, PortInfo};
pub use verilator::progress::{Event, Progress, Silent, StderrProgress};
pub use verilator::toolchain::{OLDEST_VERILATOR, Toolchain};
pub use verilator::verilate::{Builder, DEFAULT_DEADLINE, VerilatedModel};
pub use verilator::waveform::room;

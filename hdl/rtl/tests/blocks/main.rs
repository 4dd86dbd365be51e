//! Tests of the engine's blocks, each alone: the Verilog that the emitter writes runs under
//! Verilator against a plain model in Rust, with random shapes, idle cycles and back-pressure.
//!
//! They form one program, since linking takes longer than most of them run.

#[macro_use]
mod support;

mod accumulators;
mod command_decoder;
mod drain_bench;
mod drain_jobs;
mod drain_leaves;
mod drain_requant;
mod drain_support;
mod drain_unit;
mod emitted;
mod feature_buffer;
mod lane;
mod memories;
mod packed;
mod record_fields;
mod register_file;
mod result_stream;
mod sequencer;
mod sparse_weights;
mod systolic;
mod window_unit;

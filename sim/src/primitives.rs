//! Primitives of vendors, for simulators that do not have them.

/// Models of the DSP slices that a core of a family of parts instantiates.
pub const DSP48: &str = include_str!("primitives/dsp48.v");

/// Whether a text instantiates DSP slices.
#[must_use]
pub fn needs_dsp48(verilog: &str) -> bool {
    verilog.contains("DSP48E1 #(") || verilog.contains("DSP48E2 #(")
}

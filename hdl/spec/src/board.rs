//! Boards: parts, what they offer, and how the host reaches them. The boards themselves are folders
//! below `constraints`, which `firebrick-board` reads.

use crate::config::HwConfig;

/// How the host reaches the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// PCI Express with XDMA in stream mode.
    Pcie,
    /// A Zynq processor with AXI DMA.
    Zynq,
}

/// A supported board: its part, the part's resources, its link, and what is generated for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Board {
    /// Name as in `--board`.
    pub name: &'static str,
    /// Full part number, as Vivado takes it.
    pub part: &'static str,
    /// LUTs with six inputs.
    pub lut: usize,
    /// Flip-flops.
    pub ff: usize,
    /// DSP slices.
    pub dsp: usize,
    /// Block RAMs of 36 Kibit.
    pub bram: usize,
    /// UltraRAMs of 288 Kibit.
    pub uram: usize,
    /// Link to the host.
    pub link: Link,
    /// The preset that is generated for it.
    pub preset: &'static str,
    /// Clock that the constraints request for the engine, in MHz.
    pub core_mhz: usize,
}

/// Share of a part's DSP, block RAM and UltraRAM that a design may use, in percent: above it
/// tools have trouble closing timing.
pub const CLOSURE_PERCENT: usize = 80;
/// The same for LUTs.
pub const LUT_PERCENT: usize = 70;
/// The same for flip-flops.
pub const FF_PERCENT: usize = 50;

impl Board {
    /// The configuration that is generated for the board.
    ///
    /// # Panics
    ///
    /// If its preset does not exist, which is checked when a board's folder is read.
    #[must_use]
    pub fn config(&self) -> HwConfig {
        HwConfig::preset(self.preset).expect("a board names an existing preset")
    }
}

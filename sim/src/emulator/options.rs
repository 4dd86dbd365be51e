//! What board is emulated, and how.

use std::path::PathBuf;
use std::time::Duration;

use firebrick_spec::HwConfig;

use super::fault::Placed;

/// Kind of board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A PCIe board behind the XDMA driver.
    Xdma,
    /// A Zynq with an AXI DMA, UIO and u-dma-buf.
    AxiDma,
}

/// How stream nodes are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streams {
    /// FUSE where it can be had, else pipes.
    Auto,
    /// FUSE files.
    Fuse,
    /// Named pipes.
    Fifo,
}

/// An emulated board.
#[derive(Clone, Debug)]
pub struct Options {
    /// Kind of board.
    pub kind: Kind,
    /// Configuration of the core.
    pub config: HwConfig,
    /// Folder of the nodes.
    pub dir: PathBuf,
    /// Engines, 1 to [`ENGINES_MAX`](firebrick_spec::regs::ENGINES_MAX), each with its own core.
    pub engines: usize,
    /// How streams are served (XDMA).
    pub streams: Streams,
    /// A call on a stream node ends with what it has when nothing has moved for so long (FUSE).
    pub timeout: Duration,
    /// Width of the AXI DMA's length registers, 8 to 26.
    pub length_bits: u32,
    /// Bytes of the u-dma-buf.
    pub buffer_bytes: usize,
    /// Whether the u-dma-buf says that it is coherent.
    pub coherent: bool,
    /// Faults from the start on.
    pub faults: Vec<Placed>,
    /// Seed of the core's uninitialised state.
    pub seed: u64,
}

impl Options {
    /// Widths that the length registers of an AXI DMA can have.
    pub const LENGTH_BITS: std::ops::RangeInclusive<u32> = 8..=26;

    /// A board without faults.
    #[must_use]
    pub fn new(kind: Kind, config: &HwConfig, dir: impl Into<PathBuf>) -> Options {
        Options {
            kind,
            config: config.clone(),
            dir: dir.into(),
            engines: 1,
            streams: Streams::Auto,
            timeout: Duration::from_secs(10),
            length_bits: 26,
            buffer_bytes: 16 << 20,
            coherent: false,
            faults: Vec::new(),
            seed: 0,
        }
    }
}

//! Arguments of `firebrick emulate`.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use super::{Preset, seconds};

/// A fault; without the simulator nobody reads it.
#[cfg(feature = "sim")]
pub type Fault = firebrick_sim::emulator::Placed;
/// A fault; without the simulator nobody reads it.
#[cfg(not(feature = "sim"))]
pub type Fault = String;

#[derive(Debug, clap::Args)]
#[command(after_long_help = faults())]
pub struct Emulate {
    /// Kind of board
    #[arg(long, value_enum)]
    pub kind: Kind,
    #[command(flatten)]
    pub preset: Preset,
    /// Folder for the device nodes; it is created if it does not exist
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// How many engines the board has, each simulated in a thread of its own
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u8).range(1..=4))]
    pub engines: u8,
    /// How the stream nodes of an XDMA board are served
    #[arg(long, value_enum, default_value = "auto")]
    pub streams: Streams,
    /// End a read or write of a FUSE stream node when nothing has moved for this long
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub timeout: Duration,
    /// Width of the AXI DMA's length registers
    #[arg(long, value_name = "BITS", default_value = "26", value_parser = clap::value_parser!(u32).range(8..=26))]
    pub length_bits: u32,
    /// Size of the u-dma-buf in MiB
    #[arg(long, value_name = "MIB", default_value = "16", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub buffer: u32,
    /// Report the u-dma-buf as coherent with the caches
    #[arg(long)]
    pub coherent: bool,
    /// Fault to begin with, of the first engine or of the one named before it; can be given several
    /// times (see below)
    #[arg(long = "fault", value_name = "[ENGINE:]FAULT")]
    pub faults: Vec<Fault>,
    /// Seed of the simulator's random behaviour
    #[arg(long, value_name = "N", default_value = "0")]
    pub seed: u64,
    /// Keep running when the process that started this one has ended
    #[arg(long)]
    pub stay: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// PCIe, behind the XDMA driver
    Xdma,
    /// Zynq: AXI DMA, UIO and u-dma-buf
    Axidma,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Streams {
    /// FUSE files where they are available, otherwise named pipes
    Auto,
    /// FUSE files
    Fuse,
    /// Named pipes
    Fifo,
}

/// The part of the help on faults.
#[cfg(feature = "sim")]
fn faults() -> String {
    let mut text = String::from(
        "Faults: NAME[=VALUE][@transfer=N|@byte=N][*TIMES]\n\n\
         A fault begins at once, or with the N-th transfer from when it is set (for faults of \
         results: the N-th result), or when N bytes of input have gone by since. It happens once, \
         or so many times in a row; what is said to last does so until `clear`. Lines of the same \
         form, `clear` and `stop` can be written to the pipe DIR/control while the emulator runs; \
         DIR/state says what came of them. Those of engine N of several are DIR/control_N and \
         DIR/state_N.\n",
    );
    for (name, meaning) in firebrick_sim::emulator::FAULTS {
        text += &format!("\n  {name}\n      {meaning}");
    }
    text
}

#[cfg(not(feature = "sim"))]
fn faults() -> &'static str {
    ""
}

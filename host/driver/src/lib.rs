//! Between a quantised network and an engine: the scheduler that compiles the network into a
//! command stream, the device layer that carries streams to an engine, and a software engine
//! that executes them command by command.
//!
//! ```text
//! Network + HwConfig --compile--> Program --fill(picture)--> transfer
//!                                    |                          |
//!                                    |                       Device (executor, simulator, board)
//!                                    |                          |
//!                  ImageResult <--decode_result-- result packet-+
//! ```

mod compile;
mod device;
mod executor;
mod framing;
pub mod hex;
mod pool;
mod program;
mod record;
mod session;
pub mod stall;

pub use compile::{CompileError, CompileOptions, Limits, Weights, compile, sum_bits};
pub use device::{
    BOARDS, Board, Cancel, Device, DeviceError, ExecutorDevice, Explained, Fed, Feed, Found, Node,
    OpenOptions, Packet, PciDevice, Synchronised, Take, Timing, Transport, Transports, Uri,
    UriError, explain, fake, flight, one_by_one, open, pci_devices,
};
pub use executor::{EngineFault, ExecError, Executor, Hazard, HazardKind};
pub use framing::{Framed, Framer};
pub use pool::{Member, Pool, Told};
pub use program::{
    ArrayPlace, ImageError, ImageResult, LayerInfo, PartialMap, PartialResult, Prediction, Program,
    RecordInfo, ResultError, TileInfo, TransferOrder, probe,
};
pub use record::{Difference, Entry, Event, RecordError, RecordReader, Recorder, Replay, replay};
pub use session::{Answer, Lost, Next, Session, SessionError, Tried};

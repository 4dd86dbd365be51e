//! A board behind the XDMA driver: the register BAR as a mapped file, a stream node each way, a
//! node of interrupts.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use firebrick_spec::regs;

use super::engine::Engine;
use super::error::EmulatorError;
use super::fault::Effect;
use super::faults::Faults;
use super::fifo::Fifo;
use super::fuse::{C2H, FuseStreams, H2C};
use super::input::{End, Input};
use super::map::SharedMap;
use super::nodes::Nodes;
use super::options::{Options, Streams};
use super::output::ResultQueue;

/// Common start of the nodes' names.
const PREFIX: &str = "xdma0";
/// Folder that FUSE is mounted on; `_N` follows it for engine N but the first.
const MOUNT: &str = "streams";
/// Node of all engines' registers.
const USER: &str = "user";
/// Bytes that are read from a pipe at once.
const CHUNK: usize = 1 << 16;

/// The nodes of one engine.
#[derive(Debug)]
pub struct Xdma {
    ways: Ways,
    events: Fifo,
    input: Input,
}

/// How the streams are served.
#[derive(Debug)]
enum Ways {
    Fifo {
        h2c: Fifo,
        c2h: Fifo,
        /// Read from the pipe and not yet taken by the core.
        pending: Vec<u8>,
        taken: usize,
    },
    Fuse(Box<FuseStreams>),
}

/// Whether FUSE files can be had without trying to mount them.
fn fuse_is_there() -> bool {
    let device = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/fuse");
    device.is_ok()
}

/// Makes the file of all engines' registers.
pub fn registers(nodes: &mut Nodes, engines: usize) -> Result<File, EmulatorError> {
    let last = regs::window(engines.saturating_sub(1));
    nodes.memory(&node(USER), (last + regs::SPACE).into())
}

/// The board as the driver names it.
pub fn uri(dir: &Path) -> String {
    format!("xdma:{}", dir.join(PREFIX).display())
}

fn node(suffix: &str) -> String {
    format!("{PREFIX}_{suffix}")
}

/// Name of an engine's stream node.
fn stream(way: &str, engine: usize) -> String {
    node(&format!("{way}_{engine}"))
}

impl Xdma {
    /// Makes an engine's nodes. Gives its registers to be shown, too.
    pub fn new(
        nodes: &mut Nodes,
        user: &File,
        engine: usize,
        options: &Options,
    ) -> Result<(Xdma, SharedMap), EmulatorError> {
        let map = SharedMap::window(user, regs::window(engine).into(), regs::SPACE as usize)
            .map_err(EmulatorError::node("map", node(USER)))?;
        let timeout = options.timeout;
        let ways = match options.streams {
            Streams::Fuse => Ways::fuse(nodes, engine, timeout)?,
            Streams::Auto if fuse_is_there() => match Ways::fuse(nodes, engine, timeout) {
                Err(EmulatorError::Fuse { .. }) => Ways::fifo(nodes, engine)?,
                other => other?,
            },
            Streams::Auto | Streams::Fifo => Ways::fifo(nodes, engine)?,
        };
        let events = open_fifo(nodes, &stream("events", engine))?;
        let xdma = Xdma {
            ways,
            events,
            input: Input::new(&options.config),
        };
        Ok((xdma, map))
    }

    /// Whether the streams are FUSE files.
    pub fn is_fuse(&self) -> bool {
        matches!(self.ways, Ways::Fuse(_))
    }

    /// Moves data; says whether somebody waits or sends.
    pub fn serve(
        &mut self,
        engine: &mut Engine,
        faults: &mut Faults,
        output: &mut ResultQueue,
    ) -> Result<bool, EmulatorError> {
        let input = &mut self.input;
        match &mut self.ways {
            Ways::Fuse(fuse) => Ok(fuse.serve(engine, faults, input, output)),
            Ways::Fifo { .. } if faults.is(&Effect::LinkLost) => Ok(false),
            Ways::Fifo {
                h2c,
                c2h,
                pending,
                taken,
            } => {
                let fail = |what| EmulatorError::node("use the pipe", what);
                if *taken == pending.len() {
                    pending.resize(CHUNK, 0);
                    let read = h2c.read(pending).map_err(fail(H2C))?;
                    pending.truncate(read);
                    *taken = 0;
                }
                *taken += input.offer(engine, faults, &pending[*taken..], End::InRecords);
                while !faults.stalled()
                    && let Some(front) = output.front()
                {
                    match c2h.write(front).map_err(fail(C2H))? {
                        0 => break,
                        written => output.consume(written),
                    };
                }
                Ok(*taken < pending.len())
            }
        }
    }

    /// The interrupt's level has risen.
    pub fn interrupt(&mut self) -> io::Result<()> {
        // One event stands for all that nobody has read, as the driver counts no further.
        if self.events.waiting()? == 0 {
            self.events.write(&1u32.to_le_bytes())?;
        }
        Ok(())
    }

    /// The core was reset: what is on its way is dropped.
    pub fn reset(&mut self) -> io::Result<()> {
        self.input.reset();
        match &mut self.ways {
            Ways::Fuse(fuse) => fuse.reset(),
            Ways::Fifo {
                h2c,
                c2h,
                pending,
                taken,
            } => {
                pending.clear();
                *taken = 0;
                h2c.drain()?;
                c2h.drain()?;
            }
        }
        self.events.drain()
    }
}

fn open_fifo(nodes: &mut Nodes, name: &str) -> Result<Fifo, EmulatorError> {
    let path = nodes.fifo(name)?;
    Fifo::open(&path).map_err(EmulatorError::node("open", path))
}

impl Ways {
    fn fifo(nodes: &mut Nodes, engine: usize) -> Result<Ways, EmulatorError> {
        Ok(Ways::Fifo {
            h2c: open_fifo(nodes, &stream("h2c", engine))?,
            c2h: open_fifo(nodes, &stream("c2h", engine))?,
            pending: Vec::new(),
            taken: 0,
        })
    }

    fn fuse(nodes: &mut Nodes, engine: usize, timeout: Duration) -> Result<Ways, EmulatorError> {
        let mount = regs::of_engine(MOUNT, '_', engine);
        let folder = nodes.folder(&mount)?;
        nodes.mount(&mount)?;
        let streams = FuseStreams::mount(&folder, timeout).map_err(|source| {
            let dir = nodes.dir().to_owned();
            EmulatorError::Fuse { dir, source }
        })?;
        for (way, name) in [("h2c", H2C), ("c2h", C2H)] {
            nodes.link(&stream(way, engine), &Path::new(&mount).join(name))?;
        }
        Ok(Ways::Fuse(Box::new(streams)))
    }
}

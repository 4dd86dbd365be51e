//! A PCIe board behind the XDMA driver: registers in the user BAR, one stream each way.

use super::board::{Board, Buffers, Link, Ways};
use super::lock::lock;
use super::map::{Buffer, RegisterMap};
use super::node::{Interrupt, io_error, open_node, suffixed};
use super::stream::{Node, Stream};
use super::{Cancel, Device, DeviceError, OpenOptions, Transport, engines};
use firebrick_spec::regs;
use rustix::fs::OFlags;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The nodes of one board.
#[derive(Debug)]
pub struct Xdma {
    name: String,
    registers: RegisterMap,
    /// Holds the lock of engine 0.
    _user: File,
    to_engine: Option<Stream<Node>>,
    from_engine: Option<Stream<Node>>,
    interrupt: Option<Interrupt>,
}

/// The way to them.
pub(super) const XDMA: XdmaTransport = XdmaTransport;

/// Nodes that begin alike: `PREFIX_user` and, for each engine, `PREFIX_h2c_N`, `PREFIX_c2h_N` and,
/// if it is there, `PREFIX_events_N`. The address is the prefix, with `#N` for one engine of several.
pub(super) struct XdmaTransport;

/// What an address names.
struct XdmaAddress<'a> {
    prefix: &'a Path,
    /// Number of the engine, if it is named.
    engine: Option<usize>,
}

impl XdmaAddress<'_> {
    fn of(address: &str) -> Result<XdmaAddress<'_>, String> {
        let (prefix, engine) = engines::split(address)?;
        match prefix {
            "" => Err("the path is missing".into()),
            prefix => Ok(XdmaAddress {
                prefix: Path::new(prefix),
                engine,
            }),
        }
    }

    /// Whether both streams of an engine are there.
    fn has(&self, engine: usize) -> bool {
        let there = |way| suffixed(self.prefix, &format!("_{way}_{engine}")).exists();
        there("h2c") && there("c2h")
    }

    /// The engines that it names: one, or those whose streams are there.
    fn engines(&self) -> Range<usize> {
        engines::meant(self.engine, |engine| self.has(engine))
    }
}

impl Transport for XdmaTransport {
    fn scheme(&self) -> &'static str {
        "xdma"
    }

    fn example(&self) -> &'static str {
        "xdma:/dev/xdma0 for a PCIe board"
    }

    fn parse(&self, address: &str) -> Result<String, String> {
        let XdmaAddress { prefix, engine } = XdmaAddress::of(address)?;
        let engine = engine.map_or(String::new(), |engine| format!("#{engine}"));
        Ok(format!("{}{engine}", prefix.display()))
    }

    fn open(
        &self,
        address: &str,
        options: &OpenOptions,
    ) -> Result<Box<dyn Device + Send>, DeviceError> {
        let place = XdmaAddress::of(address).map_err(|what| DeviceError::Link {
            device: format!("xdma:{address}"),
            what,
        })?;
        let board = open(address, &place, options.wait, options.cancel.clone())?;
        Ok(Box::new(board))
    }

    fn engines(&self, address: &str) -> Vec<String> {
        let engines = XdmaAddress::of(address).map_or(0..1, |place| place.engines());
        engines::addresses(address, engines)
    }

    fn discover(&self, root: &Path) -> Vec<String> {
        let dev = root.join("dev");
        let mut numbers: Vec<u32> = std::fs::read_dir(&dev)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name();
                let number = name.to_str()?.strip_prefix("xdma")?.strip_suffix("_user")?;
                number.parse().ok()
            })
            .collect();
        numbers.sort_unstable();
        let prefix = |number| dev.join(format!("xdma{number}")).display().to_string();
        numbers.into_iter().map(prefix).collect()
    }

    fn nodes(&self, address: &str) -> Vec<super::Node> {
        let Ok(place) = XdmaAddress::of(address) else {
            return Vec::new();
        };
        let node = |suffix: &str, read, write, optional| super::Node {
            path: suffixed(place.prefix, suffix),
            read,
            write,
            optional,
        };
        let mut nodes = vec![node("_user", true, true, false)];
        for engine in place.engines() {
            nodes.extend([
                node(&format!("_h2c_{engine}"), false, true, false),
                node(&format!("_c2h_{engine}"), true, false, false),
                node(&format!("_events_{engine}"), true, false, true),
            ]);
        }
        nodes
    }

    fn off_the_bus(&self, address: &str) -> Option<&'static str> {
        let on_it = Path::new(address).starts_with("/dev");
        (!on_it).then_some("its nodes are not in /dev")
    }

    fn advice(&self) -> Option<&'static str> {
        Some("load the driver of a PCIe board (modprobe xdma)")
    }
}

/// Opens `PREFIX_user`, `PREFIX_h2c_N`, `PREFIX_c2h_N` and, if it is there, `PREFIX_events_N`.
fn open(
    address: &str,
    place: &XdmaAddress<'_>,
    wait: Duration,
    cancel: Cancel,
) -> Result<Board<Xdma>, DeviceError> {
    let (name, engine) = (format!("xdma:{address}"), place.engine.unwrap_or(0));
    let node = |what: &str| suffixed(place.prefix, what);
    let stream = |way: &str| node(&format!("_{way}_{engine}"));
    let cancelled = || cancel.is_cancelled();
    let path = node("_user");
    let user = open_node(&name, &path, OFlags::RDWR)?;
    // Engines are locked one by one, by a node that each has for itself; the first one by what
    // programs lock that know one engine only.
    if engine == 0 {
        lock(&name, &path, &user, wait, &cancelled)?;
    }
    let registers = RegisterMap::new(&user, regs::window(engine).into(), 0, regs::SPACE as usize)
        .map_err(|error| io_error(&name, "map", &path, &error))?;
    let open_stream = |path: PathBuf, flags| -> Result<Stream<Node>, DeviceError> {
        Ok(Stream {
            raw: Node {
                file: open_node(&name, &path, flags)?,
            },
            device: name.clone(),
            node: path,
        })
    };
    let to_engine = open_stream(stream("h2c"), OFlags::WRONLY)?;
    if engine > 0 {
        lock(
            &name,
            &to_engine.node,
            &to_engine.raw.file,
            wait,
            &cancelled,
        )?;
    }
    let events = open_node(&name, &stream("events"), OFlags::RDONLY).ok();
    let link = Xdma {
        to_engine: Some(to_engine),
        from_engine: Some(open_stream(stream("c2h"), OFlags::RDONLY)?),
        interrupt: events.map(|events| Interrupt::new(events, false)),
        registers,
        _user: user,
        name,
    };
    Board::open(link, cancel)
}

impl Link for Xdma {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn read(&mut self, offset: u32) -> Result<u32, DeviceError> {
        let value = self.registers.read(offset);
        value.ok_or_else(|| outside(&self.name, offset))
    }

    fn write(&mut self, offset: u32, value: u32) -> Result<(), DeviceError> {
        match self.registers.write(offset, value) {
            true => Ok(()),
            false => Err(outside(&self.name, offset)),
        }
    }

    fn ways(&mut self) -> Result<Ways, DeviceError> {
        match (self.to_engine.take(), self.from_engine.take()) {
            (Some(out), Some(back)) => Ok(Ways {
                out: Box::new(out),
                back: Box::new(back),
            }),
            _ => Err(DeviceError::Link {
                device: self.name.clone(),
                what: "its streams are in use".into(),
            }),
        }
    }

    fn buffers(&mut self, transfer: usize, result: usize) -> Result<Buffers, DeviceError> {
        anonymous(&self.name, transfer, result)
    }

    fn reset_dma(&mut self, _deadline: Duration) -> Result<(), DeviceError> {
        Ok(())
    }

    fn interrupt(&self) -> Option<&Interrupt> {
        self.interrupt.as_ref()
    }

    fn drop_interrupt(&mut self) {
        self.interrupt = None;
    }
}

/// Anonymous memory for two transfers and a result.
pub(super) fn anonymous(
    device: &str,
    transfer: usize,
    result: usize,
) -> Result<Buffers, DeviceError> {
    let allocate = |bytes| {
        Buffer::anonymous(bytes).map_err(|error| DeviceError::Link {
            device: device.into(),
            what: format!("cannot allocate {bytes} bytes for DMA: {error}; free memory"),
        })
    };
    Ok(Buffers {
        transfers: vec![allocate(transfer)?, allocate(transfer)?],
        result: allocate(result)?,
    })
}

/// An access beyond the register space.
pub(super) fn outside(device: &str, offset: u32) -> DeviceError {
    DeviceError::Link {
        device: device.into(),
        what: format!("there is no register at {offset:#x}"),
    }
}

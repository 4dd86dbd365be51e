//! A PCIe board behind the XDMA driver: registers in the user BAR, one stream each way.

use super::board::{Board, Buffers, Link, Ways};
use super::lock::lock;
use super::map::{Buffer, RegisterMap};
use super::node::{Interrupt, io_error, open_node, suffixed};
use super::stream::{Node, Stream};
use super::{Cancel, Device, DeviceError, OpenOptions, Transport};
use firebrick_spec::regs;
use rustix::fs::OFlags;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The nodes of one board.
#[derive(Debug)]
pub struct Xdma {
    name: String,
    registers: RegisterMap,
    /// Holds the lock.
    _user: File,
    to_engine: Option<Stream<Node>>,
    from_engine: Option<Stream<Node>>,
    interrupt: Option<Interrupt>,
}

/// The way to them.
pub(super) const XDMA: XdmaTransport = XdmaTransport;

/// Nodes that begin alike: `PREFIX_user`, `PREFIX_h2c_0`, `PREFIX_c2h_0` and, if it is there,
/// `PREFIX_events_0`. The address is the prefix.
pub(super) struct XdmaTransport;

impl Transport for XdmaTransport {
    fn scheme(&self) -> &'static str {
        "xdma"
    }

    fn example(&self) -> &'static str {
        "xdma:/dev/xdma0 for a PCIe board"
    }

    fn parse(&self, address: &str) -> Result<String, String> {
        match address {
            "" => Err("the path is missing".into()),
            path => Ok(path.into()),
        }
    }

    fn open(
        &self,
        address: &str,
        options: &OpenOptions,
    ) -> Result<Box<dyn Device + Send>, DeviceError> {
        let board = open(Path::new(address), options.wait, options.cancel.clone())?;
        Ok(Box::new(board))
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
        let node = |suffix, read, write, optional| super::Node {
            path: suffixed(Path::new(address), suffix),
            read,
            write,
            optional,
        };
        vec![
            node("_user", true, true, false),
            node("_h2c_0", false, true, false),
            node("_c2h_0", true, false, false),
            node("_events_0", true, false, true),
        ]
    }

    fn off_the_bus(&self, address: &str) -> Option<&'static str> {
        let on_it = Path::new(address).starts_with("/dev");
        (!on_it).then_some("its nodes are not in /dev")
    }

    fn advice(&self) -> Option<&'static str> {
        Some("load the driver of a PCIe board (modprobe xdma)")
    }
}

/// Opens `PREFIX_user`, `PREFIX_h2c_0`, `PREFIX_c2h_0` and, if it is there, `PREFIX_events_0`.
fn open(prefix: &Path, wait: Duration, cancel: Cancel) -> Result<Board<Xdma>, DeviceError> {
    let name = format!("xdma:{}", prefix.display());
    let node = |suffix: &str| suffixed(prefix, suffix);
    let path = node("_user");
    let user = open_node(&name, &path, OFlags::RDWR)?;
    lock(&name, &path, &user, wait, &|| cancel.is_cancelled())?;
    let registers = RegisterMap::new(&user, 0, 0, regs::SPACE as usize)
        .map_err(|error| io_error(&name, "map", &path, &error))?;
    let stream = |path: PathBuf, flags| {
        Ok(Some(Stream {
            raw: Node {
                file: open_node(&name, &path, flags)?,
            },
            device: name.clone(),
            node: path,
        }))
    };
    let events = open_node(&name, &node("_events_0"), OFlags::RDONLY).ok();
    let link = Xdma {
        to_engine: stream(node("_h2c_0"), OFlags::WRONLY)?,
        from_engine: stream(node("_c2h_0"), OFlags::RDONLY)?,
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

//! A Zynq with the core behind an AXI DMA: registers through UIO, buffers through u-dma-buf.

mod channel;
mod names;
mod sysfs;

pub(super) use names::Names;

use super::board::{Board, Buffers, Link, Ways};
use super::engines::{addresses, meant};
use super::lock::lock;
use super::map::{Buffer, RegisterMap};
use super::node::{Interrupt, io_error, open_node};
use super::xdma::outside;
use super::{Cancel, Device, DeviceError, Node, OpenOptions, Transport};
use channel::{CacheSync, Channel, MM2S, S2MM};
use firebrick_spec::regs;
use rustix::fs::OFlags;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use sysfs::{DmaBuffer, Uio, uio_names};

/// Width of the length registers if nothing says more: that of an AXI DMA with default settings.
const USUAL_BITS: u32 = 14;
/// Beyond the longest result, so that a longer packet is noticed and not cut.
const SPARE: usize = 4096;
/// How long a DMA reset may take.
const RESET: Duration = Duration::from_secs(1);

/// The way to them.
pub(super) const AXI_DMA: AxiDmaTransport = AxiDmaTransport;

/// UIO devices and a u-dma-buf, found by their names. The address is that of [`Names`].
pub(super) struct AxiDmaTransport;

impl Transport for AxiDmaTransport {
    fn scheme(&self) -> &'static str {
        "axidma"
    }

    fn example(&self) -> &'static str {
        "axidma: for a Zynq"
    }

    fn parse(&self, address: &str) -> Result<String, String> {
        Ok(address.parse::<Names>()?.to_string())
    }

    fn open(
        &self,
        address: &str,
        options: &OpenOptions,
    ) -> Result<Box<dyn Device + Send>, DeviceError> {
        let names: Names = address.parse().map_err(|what| DeviceError::Link {
            device: format!("axidma:{address}"),
            what,
        })?;
        let board = open(&names, options.wait, options.cancel.clone())?;
        Ok(Box::new(board))
    }

    fn discover(&self, root: &Path) -> Vec<String> {
        let names = Names::at(root);
        let there = uio_names(root).iter().any(|(name, _)| *name == names.core);
        there.then(|| names.to_string()).into_iter().collect()
    }

    fn engines(&self, address: &str) -> Vec<String> {
        let Ok(names) = address.parse::<Names>() else {
            return vec![address.into()];
        };
        addresses(address, engines(&names, &uio_names(&names.root)))
    }

    fn nodes(&self, address: &str) -> Vec<Node> {
        let Ok(names) = address.parse::<Names>() else {
            return Vec::new();
        };
        let (uios, dev) = (uio_names(&names.root), names.root.join("dev"));
        let uio = |wanted: &str| {
            let (_, folder) = uios.iter().find(|(name, _)| name == wanted)?;
            Some(dev.join(folder.file_name()?))
        };
        let absent = |wanted: &str| dev.join(format!("uio-of-{wanted}"));
        let mut nodes = Vec::new();
        for engine in engines(&names, &uios) {
            let names = names.of_engine(engine);
            let there = [
                uio(&names.core).unwrap_or_else(|| absent(&names.core)),
                uio(&names.dma).unwrap_or_else(|| absent(&names.dma)),
                dev.join(&names.buffer),
            ];
            nodes.extend(there.map(Node::new));
        }
        nodes
    }

    fn advice(&self) -> Option<&'static str> {
        Some("on a Zynq load uio_pdrv_genirq and u-dma-buf and apply the device tree overlay")
    }
}

/// The parts of one core.
#[derive(Debug)]
pub struct AxiDma {
    name: String,
    registers: RegisterMap,
    /// Holds the lock.
    _core: File,
    to_engine: Option<Channel>,
    from_engine: Option<Channel>,
    /// The channels once more, for resets while they are in use.
    resets: [Channel; 2],
    buffer: DmaBuffer,
    memory: File,
    length_bits: u32,
    interrupt: Option<Interrupt>,
}

/// The engines that names stand for: one, or those whose core is there.
fn engines(names: &Names, uios: &[(String, PathBuf)]) -> Range<usize> {
    meant(names.engine, |engine| {
        let core = names.of_engine(engine).core;
        uios.iter().any(|(name, _)| *name == core)
    })
}

/// The interrupt of a UIO device, if it is one: an emulator's registers are a plain file.
fn interrupt(device: &str, uio: &Uio) -> Option<Interrupt> {
    let node = open_node(device, &uio.node, OFlags::RDWR).ok()?;
    let kind = node.metadata().ok()?.file_type();
    kind.is_char_device().then(|| Interrupt::new(node, true))
}

fn registers(
    device: &str,
    uio: &Uio,
    file: &File,
    bytes: usize,
) -> Result<RegisterMap, DeviceError> {
    if uio.size < bytes {
        return Err(DeviceError::Link {
            device: device.into(),
            what: format!(
                "{} has {} bytes of registers, {bytes} are needed: correct `reg` in the device tree",
                uio.folder.display(),
                uio.size
            ),
        });
    }
    RegisterMap::new(file, 0, uio.offset, bytes)
        .map_err(|error| io_error(device, "map", &uio.node, &error))
}

fn sync(device: &str, buffer: &DmaBuffer) -> Result<Option<CacheSync>, DeviceError> {
    if buffer.coherent {
        return Ok(None);
    }
    let open = |name: &str| -> Result<(PathBuf, File), DeviceError> {
        let path = buffer.folder.join(name);
        let file = open_node(device, &path, OFlags::WRONLY)?;
        Ok((path, file))
    };
    Ok(Some(CacheSync {
        for_cpu: open("sync_for_cpu")?,
        for_device: open("sync_for_device")?,
    }))
}

/// Finds the parts by name and resets the AXI DMA.
fn open(names: &Names, wait: Duration, cancel: Cancel) -> Result<Board<AxiDma>, DeviceError> {
    let name = format!("axidma:{names}");
    let names = &names.of_engine(names.engine.unwrap_or(0));
    let core = sysfs::uio(&name, &names.root, &names.core)?;
    let dma = sysfs::uio(&name, &names.root, &names.dma)?;
    let buffer = sysfs::dma_buffer(&name, &names.root, &names.buffer)?;
    let core_file = open_node(&name, &core.node, OFlags::RDWR)?;
    lock(&name, &core.node, &core_file, wait, &|| {
        cancel.is_cancelled()
    })?;
    let dma_file = open_node(&name, &dma.node, OFlags::RDWR)?;
    let dma_registers = registers(&name, &dma, &dma_file, channel::SPACE)?;
    let channel = |base, interrupt, sync| Channel {
        device: name.clone(),
        registers: dma_registers.clone(),
        base,
        longest: 0,
        sync,
        interrupt,
    };
    let resets = [channel(MM2S, None, None), channel(S2MM, None, None)];
    for channel in &resets {
        channel.reset(RESET)?;
    }
    let length_bits = names
        .length_bits
        .or_else(|| sysfs::length_bits(&dma))
        .or_else(|| resets[0].length_bits())
        .filter(|bits| Names::LENGTH_BITS.contains(bits))
        .unwrap_or(USUAL_BITS);
    let longest = (1 << length_bits) - 1;
    let with_length = |mut channel: Channel| {
        channel.longest = longest;
        Some(channel)
    };
    let link = AxiDma {
        registers: registers(&name, &core, &core_file, regs::SPACE as usize)?,
        to_engine: with_length(channel(MM2S, None, sync(&name, &buffer)?)),
        from_engine: with_length(channel(S2MM, interrupt(&name, &dma), sync(&name, &buffer)?)),
        resets,
        memory: open_node(&name, &buffer.node, OFlags::RDWR)?,
        buffer,
        length_bits,
        interrupt: interrupt(&name, &core),
        _core: core_file,
        name: name.clone(),
    };
    Board::open(link, cancel)
}

impl AxiDma {
    fn link_error(&self, what: String) -> DeviceError {
        DeviceError::Link {
            device: self.name.clone(),
            what,
        }
    }
}

impl Link for AxiDma {
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
            _ => Err(self.link_error("its channels are in use".into())),
        }
    }

    fn buffers(&mut self, transfer: usize, result: usize) -> Result<Buffers, DeviceError> {
        // A transfer cannot be split: the AXI DMA ends each piece with TLAST, and the core takes
        // that as the end of the stream.
        let longest = (1usize << self.length_bits) - 1;
        if transfer > longest || result > longest {
            return Err(self.link_error(format!(
                "a transfer of {} bytes does not fit the AXI DMA's length register of {} bits (at \
                 most {longest} bytes), and a stream cannot be split; set `Width of Buffer Length \
                 Register` to 26 in the block design, or give ?length-bits=N if that is wrong",
                transfer.max(result),
                self.length_bits
            )));
        }
        let room = result.saturating_add(SPARE);
        for lengths in [&[transfer, transfer, room][..], &[transfer, room]] {
            let cut = Buffer::cut(&self.memory, self.buffer.size, self.buffer.address, lengths)
                .map_err(|error| io_error(&self.name, "map", &self.buffer.node, &error))?;
            if let Some(mut transfers) = cut
                && let Some(result) = transfers.pop()
            {
                return Ok(Buffers { transfers, result });
            }
        }
        Err(self.link_error(format!(
            "the u-dma-buf {} has {} bytes, at least {} are needed; set its size to {} or more in \
             the device tree",
            self.buffer.node.display(),
            self.buffer.size,
            transfer.next_multiple_of(Buffer::ALIGNMENT) + room,
            2 * transfer.next_multiple_of(Buffer::ALIGNMENT) + room
        )))
    }

    fn reset_dma(&mut self, deadline: Duration) -> Result<(), DeviceError> {
        for channel in &self.resets {
            channel.reset(deadline)?;
        }
        Ok(())
    }

    fn interrupt(&self) -> Option<&Interrupt> {
        self.interrupt.as_ref()
    }

    fn drop_interrupt(&mut self) {
        self.interrupt = None;
    }
}

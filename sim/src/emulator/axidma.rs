//! A Zynq: the core and an AXI DMA behind UIO, memory for DMA behind u-dma-buf.

use std::path::Path;

use firebrick_spec::regs;

use super::dma::Dma;
use super::engine::Engine;
use super::error::EmulatorError;
use super::faults::Faults;
use super::input::Input;
use super::map::SharedMap;
use super::nodes::Nodes;
use super::options::Options;
use super::output::ResultQueue;

/// Name of the core's UIO device; `-N` follows each name for engine N but the first.
const CORE: &str = "firebrick";
/// Name of the AXI DMA's UIO device.
const DMA: &str = "firebrick-dma";
/// Name of the u-dma-buf.
const BUFFER: &str = "firebrick";
/// Bus addresses as a Zynq has them.
const CORE_ADDRESS: u64 = 0xa000_0000;
const DMA_ADDRESS: u64 = 0xa001_0000;
const BUFFER_ADDRESS: u64 = 0x3800_0000;
/// Bytes of the DMA's registers.
const DMA_SPACE: u64 = 0x1000;

/// The board as the driver names it.
pub fn uri(dir: &Path) -> String {
    format!("axidma:{}", dir.display())
}

/// The nodes of one engine.
#[derive(Debug)]
pub struct AxiDma {
    dma: Dma,
    input: Input,
}

impl AxiDma {
    /// Makes an engine's nodes. Gives the core's registers to be shown, too.
    pub fn new(
        nodes: &mut Nodes,
        engine: usize,
        options: &Options,
    ) -> Result<(AxiDma, SharedMap), EmulatorError> {
        if !Options::LENGTH_BITS.contains(&options.length_bits) {
            return Err(EmulatorError::Options {
                what: format!(
                    "the AXI DMA's length registers cannot have {} bits; give 8 to 26",
                    options.length_bits
                ),
            });
        }
        let name = |name: &str| regs::of_engine(name, '-', engine);
        let (first, window) = (2 * engine as u32, u64::from(regs::window(engine)));
        let space = regs::SPACE.into();
        let core = uio(nodes, first, &name(CORE), CORE_ADDRESS + window, space)?;
        let address = DMA_ADDRESS + window;
        let registers = uio(nodes, first + 1, &name(DMA), address, DMA_SPACE)?;
        // As the device tree has it, for whoever looks there.
        nodes.bytes(
            &format!(
                "sys/class/uio/uio{}/device/of_node/xlnx,sg-length-width",
                first + 1
            ),
            &options.length_bits.to_be_bytes(),
        )?;
        let bytes = options.buffer_bytes.next_multiple_of(4096);
        let address = BUFFER_ADDRESS + (engine * bytes) as u64;
        let memory = buffer(nodes, &name(BUFFER), address, bytes, options.coherent)?;
        let dma = Dma::new(registers, memory, address, bytes, options.length_bits);
        let input = Input::new(&options.config);
        Ok((AxiDma { dma, input }, core))
    }

    /// Moves data; says whether a channel runs.
    pub fn serve(
        &mut self,
        engine: &mut Engine,
        faults: &mut Faults,
        output: &mut ResultQueue,
    ) -> bool {
        self.dma.serve(engine, faults, &mut self.input, output)
    }

    /// The core was reset. The DMA is not: it has a reset of its own.
    pub fn reset(&mut self) {
        self.input.reset();
    }
}

/// Makes a UIO device.
fn uio(
    nodes: &mut Nodes,
    number: u32,
    name: &str,
    address: u64,
    bytes: u64,
) -> Result<SharedMap, EmulatorError> {
    let class = format!("sys/class/uio/uio{number}");
    for (attribute, value) in [
        ("name", name.to_owned()),
        ("maps/map0/addr", format!("{address:#018x}")),
        ("maps/map0/size", format!("{bytes:#018x}")),
        ("maps/map0/offset", "0x0".to_owned()),
    ] {
        nodes.attribute(&format!("{class}/{attribute}"), &value)?;
    }
    memory(nodes, &format!("dev/uio{number}"), bytes)
}

/// Makes a u-dma-buf.
fn buffer(
    nodes: &mut Nodes,
    name: &str,
    address: u64,
    bytes: usize,
    coherent: bool,
) -> Result<SharedMap, EmulatorError> {
    let class = format!("sys/class/u-dma-buf/{name}");
    for (attribute, value) in [
        ("phys_addr", format!("{address:#018x}")),
        ("size", bytes.to_string()),
        ("dma_coherent", u8::from(coherent).to_string()),
        ("sync_mode", "1".to_owned()),
        ("sync_offset", "0x0".to_owned()),
        ("sync_size", bytes.to_string()),
        ("sync_direction", "0".to_owned()),
        ("sync_owner", "0".to_owned()),
        ("sync_for_cpu", "0".to_owned()),
        ("sync_for_device", "0".to_owned()),
    ] {
        nodes.attribute(&format!("{class}/{attribute}"), &value)?;
    }
    memory(nodes, &format!("dev/{name}"), bytes as u64)
}

fn memory(nodes: &mut Nodes, name: &str, bytes: u64) -> Result<SharedMap, EmulatorError> {
    let file = nodes.memory(name, bytes)?;
    SharedMap::new(&file).map_err(EmulatorError::node("map", name))
}

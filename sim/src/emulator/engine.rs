//! The Verilated core with its ports: registers, streams, interrupt.

use firebrick_spec::BEAT_BYTES;
use firebrick_spec::HwConfig;

use crate::bus::{BusError, LiteId, SinkId, SourceId, Testbench};
use crate::device::{SimError, SimOptions, engine_design};
use crate::verilator::model::{Model, Port};
use crate::verilator::verilate::Builder;

/// Beats that wait before the core at most: as a DMA engine's FIFO.
const FIFO_BEATS: usize = 512;
/// Beats that leave the core and wait at most, before it is held back.
const OUT_BEATS: usize = 512;

/// Cycles in which a write takes effect.
const SETTLE: u64 = 8;

/// Bytes of the result stream up to the end of a packet or of what was there.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    /// Whole beats.
    pub bytes: Vec<u8>,
    /// Whether the packet ends with them.
    pub last: bool,
}

/// The core.
#[derive(Debug)]
pub struct Engine {
    bench: Testbench,
    source: SourceId,
    sink: SinkId,
    lite: LiteId,
    irq: Port,
    beat: usize,
}

impl Engine {
    /// Builds the core (unless it is in the cache) and resets it.
    pub fn open(
        config: &HwConfig,
        builder: &Builder,
        options: &SimOptions,
    ) -> Result<Engine, SimError> {
        let built = builder.build(&engine_design(config, options)?)?;
        let model = Model::load(&built, options.seed as u32)?;
        let (mut bench, source, sink, lite) = Testbench::engine(model, options.seed)?;
        bench.set_disturbance(options.idle, options.back_pressure, options.idle);
        Ok(Engine {
            irq: bench.model().output("irq")?,
            beat: BEAT_BYTES,
            bench,
            source,
            sink,
            lite,
        })
    }

    /// Bytes of a beat.
    pub fn beat(&self) -> usize {
        self.beat
    }

    /// Cycles so far.
    pub fn now(&self) -> u64 {
        self.bench.now()
    }

    /// Cycles of the clock.
    pub fn step(&mut self, cycles: u64) -> Result<(), BusError> {
        self.bench.run(cycles)
    }

    /// Reads a register.
    pub fn read(&mut self, offset: u32) -> Result<u32, BusError> {
        self.bench.read(self.lite, offset)
    }

    /// Writes a register.
    pub fn write(&mut self, offset: u32, value: u32) -> Result<(), BusError> {
        self.bench.write(self.lite, offset, value)
    }

    /// Bytes that the input takes now.
    pub fn room(&self) -> usize {
        let waiting = self.bench.source(self.source).waiting() as usize;
        FIFO_BEATS.saturating_sub(waiting) * self.beat
    }

    /// Queues whole beats, with TLAST on the last of them or on none.
    pub fn push(&mut self, bytes: &[u8], last: bool) {
        self.bench.source_mut(self.source).push_bytes(bytes, last);
    }

    /// Whether beats wait to be taken by the core.
    pub fn has_input(&self) -> bool {
        self.bench.source(self.source).waiting() > 0
    }

    /// Beats that the core has taken and given, ever: whether anything moves.
    pub fn moved(&self) -> u64 {
        self.bench.source(self.source).sent() + self.bench.sink(self.sink).taken()
    }

    /// Takes what the core has given, up to the first packet end.
    pub fn take_output(&mut self) -> Vec<Piece> {
        let sink = self.bench.sink_mut(self.sink);
        let mut pieces = Vec::new();
        let mut bytes = Vec::new();
        for beat in sink.beats() {
            bytes.extend(beat.words.iter().flat_map(|word| word.to_le_bytes()));
            if beat.last {
                let bytes = std::mem::take(&mut bytes);
                pieces.push(Piece { bytes, last: true });
            }
        }
        if !bytes.is_empty() {
            pieces.push(Piece { bytes, last: false });
        }
        sink.clear();
        pieces
    }

    /// Lets the core go on giving while less than a FIFO of `waiting` bytes waits behind it.
    pub fn hold_output(&mut self, waiting: usize) {
        let full = waiting >= OUT_BEATS * self.beat;
        self.bench.sink_mut(self.sink).set_paused(full);
    }

    /// The level of the interrupt.
    pub fn irq(&self) -> bool {
        self.bench.model().get(self.irq) != 0
    }

    /// Writes CTRL with its reset bit. The beats on both sides are dropped, as a DMA engine's FIFO
    /// is that is reset with the core.
    pub fn soft_reset(&mut self, offset: u32, value: u32) -> Result<(), BusError> {
        self.bench.source_mut(self.source).clear();
        // A beat that is held back must not vanish: let it go, then drop it.
        self.bench.sink_mut(self.sink).set_paused(false);
        self.step(SETTLE)?;
        self.write(offset, value)?;
        self.step(SETTLE)?;
        self.bench.sink_mut(self.sink).clear();
        Ok(())
    }
}

//! An engine in software that executes command streams record by record. It is the golden
//! reference of the hardware's behaviour towards streams, good and bad, and it proves the
//! scheduler: each access is checked against what the records' waits guarantee, so that a stream
//! which passes gives the same result on an engine of any speed.

mod compute;
mod drain;
mod fault;
mod hazard;
mod memory;
mod place;
mod registers;
mod stream;
mod window;

pub use fault::{EngineFault, ExecError, Hazard, HazardKind};

use firebrick_spec::BEAT_BYTES;
use firebrick_spec::command::{Command, ErrorCode, Load, LoadSparse};
use firebrick_spec::result::{Trailer, packet_crc};
use firebrick_spec::{HwConfig, sparse};
use hazard::Progress;
use memory::Memories;
use registers::Registers;
use stream::Beats;
use window::RowHistory;

/// The engine. Its memories keep their contents from stream to stream and through resets; a new
/// one is filled with 0xA5.
#[derive(Clone, Debug)]
pub struct Executor {
    config: HwConfig,
    strict: bool,
    memories: Memories,
    window: RowHistory,
    order: Progress,
    /// Running sums of mode sum.
    sums: Vec<i32>,
    /// Result packet under way.
    out: Vec<u8>,
    registers: Registers,
    fault: Option<EngineFault>,
}

impl Executor {
    /// An engine after power-up.
    #[must_use]
    pub fn new(config: &HwConfig) -> Executor {
        Executor {
            strict: true,
            memories: Memories::new(config),
            window: RowHistory::new(config),
            order: Progress::default(),
            sums: vec![0; config.tile],
            out: Vec::new(),
            registers: Registers::default(),
            fault: None,
            config: config.clone(),
        }
    }

    /// Whether accesses that the waits do not guarantee are errors, as they are at first. When
    /// they are not, records simply take effect in order.
    pub fn set_strict(&mut self, strict: bool) {
        self.strict = strict;
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &HwConfig {
        &self.config
    }

    /// The error that the engine holds, if any.
    #[must_use]
    pub fn fault(&self) -> Option<EngineFault> {
        self.fault
    }

    /// Clears errors and counters; memories keep their contents.
    pub fn soft_reset(&mut self) {
        self.order.reset();
        self.window.reset();
        self.out.clear();
        self.registers = Registers {
            scratch: self.registers.scratch,
            irq_enable: self.registers.irq_enable,
            stats_index: self.registers.stats_index,
            stats: std::mem::take(&mut self.registers.stats),
            ..Registers::default()
        };
        self.fault = None;
    }

    /// Runs one stream, whose last beat has TLAST, and returns its result packet. After a fault
    /// everything is refused until a soft reset.
    pub fn run(&mut self, transfer: &[u8]) -> Result<Vec<u8>, ExecError> {
        if let Some(fault) = self.fault {
            return Err(fault.into());
        }
        if transfer.is_empty() || !transfer.len().is_multiple_of(BEAT_BYTES) {
            return Err(ExecError::Ragged {
                bytes: transfer.len(),
                beat: BEAT_BYTES,
            });
        }
        self.out.clear();
        self.registers.beats_in += (transfer.len() / BEAT_BYTES) as u64;
        match self.stream(&mut Beats::new(transfer, BEAT_BYTES)) {
            Ok(()) => Ok(std::mem::take(&mut self.out)),
            Err(error) => {
                if let ExecError::Fault(fault) = error {
                    self.fault = Some(fault);
                    self.registers.irq_status |= 2;
                }
                Err(error)
            }
        }
    }

    fn stream(&mut self, beats: &mut Beats<'_>) -> Result<(), ExecError> {
        loop {
            let command = beats.record(&self.config)?;
            let record = beats.index();
            let payload = beats.payload(command.payload_bytes(&self.config))?;
            // A sparse payload of a wrong length is noticed sooner than a damaged one.
            let plain = match command {
                Command::LoadSparse(load) => Some(self.expand(record, load, payload)?),
                _ => None,
            };
            if command.has_payload() {
                beats.intact(payload)?;
            }
            match command {
                Command::Hello(_) => {}
                Command::LoadWeights(load) => self.load_weights(record, load, payload)?,
                Command::LoadSparse(LoadSparse {
                    wait, base, count, ..
                }) => {
                    let load = Load { wait, base, count };
                    self.load_weights(record, load, &plain.unwrap_or_default())?;
                }
                Command::LoadParams(load) => self.load_params(record, load, payload)?,
                Command::Rows(rows) => self.rows(record, &rows, payload)?,
                Command::Block(block) => self.block(record, &block)?,
                Command::Store(store) => {
                    self.order.store();
                    let words = store.base as usize..(store.base + store.count) as usize;
                    for word in words {
                        self.stored(record, word)?;
                        let bytes = self.memories.word(word).to_vec();
                        self.send(&bytes);
                    }
                }
                Command::End(last) => {
                    self.order.flush();
                    self.finish(last.tag);
                    return Ok(());
                }
            }
        }
    }

    /// Sends a feature word: one beat, filled up with zeros.
    fn send(&mut self, word: &[u8]) {
        self.out.extend_from_slice(word);
        self.out
            .resize(self.out.len().next_multiple_of(BEAT_BYTES), 0);
    }

    fn finish(&mut self, tag: u32) {
        let trailer = Trailer {
            crc: packet_crc(&self.out),
            sequence: self.registers.results,
            tag,
            cycles: self.registers.busy as u32,
        };
        self.out.extend(trailer.to_bytes());
        self.registers.results = self.registers.results.wrapping_add(1);
        self.registers.irq_status |= 1;
        self.registers.beats_out += (self.out.len() / BEAT_BYTES) as u64;
    }

    /// A sparse payload with its zeros.
    fn expand(&self, record: u32, load: LoadSparse, payload: &[u8]) -> Result<Vec<u8>, ExecError> {
        let weights = load.count as usize * self.config.tile * self.config.tile;
        sparse::decode(payload, weights).ok_or_else(|| {
            EngineFault {
                code: ErrorCode::BadField,
                record,
            }
            .into()
        })
    }

    fn load_weights(&mut self, record: u32, load: Load, payload: &[u8]) -> Result<(), ExecError> {
        self.order.wait_blocks(load.wait);
        let block = self.config.tile * self.config.tile;
        for (entry, bytes) in (load.base as usize..).zip(payload.chunks_exact(block)) {
            let known = self.order.read_by(self.memories.weight_use[entry].user);
            self.require(known, record, HazardKind::WeightsInUse, entry)?;
            self.memories.weight_use[entry].loaded = true;
            self.memories.weights[entry * block..][..block].copy_from_slice(bytes);
        }
        Ok(())
    }

    fn load_params(&mut self, record: u32, load: Load, payload: &[u8]) -> Result<(), ExecError> {
        self.order.wait_tiles(load.wait);
        let group = self.memories.param_bytes();
        for (entry, bytes) in (load.base as usize..).zip(payload.chunks_exact(group)) {
            let known = self
                .order
                .drained_for_decoder(self.memories.param_use[entry].user);
            self.require(known, record, HazardKind::ParamsInUse, entry)?;
            self.memories.param_use[entry].loaded = true;
            self.memories.params[entry * group..][..group].copy_from_slice(bytes);
        }
        Ok(())
    }

    /// An error unless `known`, or unless hazards are tolerated.
    fn require(
        &self,
        known: bool,
        record: u32,
        kind: HazardKind,
        address: usize,
    ) -> Result<(), ExecError> {
        if known || !self.strict {
            Ok(())
        } else {
            Err(Hazard {
                record,
                kind,
                address,
            }
            .into())
        }
    }
}

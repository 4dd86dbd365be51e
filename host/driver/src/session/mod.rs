//! A device that has been recognised, and pictures run on it.

mod error;
mod retry;
mod stream;
mod tags;

pub use error::SessionError;
pub use retry::{Lost, Tried};
pub use stream::{Answer, Next};

use crate::device::{Device, DeviceError, Synchronised, trigger};
use crate::program::{
    ImageResult, Program, RecordInfo, ResultError, TransferOrder, check_order, probe,
};
use crate::stall::{Places, Queues, Registers, records_of};
use firebrick_spec::BEAT_BYTES;
use firebrick_spec::result::Trailer;
use firebrick_spec::{ABI_VERSION, HwConfig, MAGIC, regs};
use ndarray::ArrayView3;
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use tags::Tags;
use tracing::{debug, info, info_span};

/// How long a probe may take.
const PROBE: Duration = Duration::from_secs(5);
/// Resets that are tried before the engine is given up.
const ATTEMPTS: u32 = 5;
/// Pairs of looks at a counter that runs.
const LOOKS: u32 = 1000;

/// An open device.
#[derive(Debug)]
pub struct Session<D: Device> {
    device: D,
    config: HwConfig,
    transfer: Vec<u8>,
    /// The program whose weights are in the engine.
    resident: Option<Program>,
    /// Sequence number of the next result, if the engine is known to be idle and clean.
    sequence: Option<u32>,
    /// Register BEATS_IN before the transfer whose result is next.
    beats: u32,
    tags: Tags,
    /// Time allowed for one picture.
    pub deadline: Duration,
    /// Time allowed for a reset. A kernel driver may sit in a read for its own time-out, which
    /// for XDMA is 10 s.
    pub reset_deadline: Duration,
}

impl<D: Device> Session<D> {
    /// Time allowed for one picture, if not changed.
    pub const DEADLINE: Duration = Duration::from_secs(60);
    /// Time allowed for a reset, if not changed.
    pub const RESET_DEADLINE: Duration = Duration::from_secs(15);

    /// Recognises the engine: magic number, ABI version, configuration. If it is not idle or holds
    /// an error, because a process before ended in the middle of a picture, it is reset; what is
    /// left in the streams is dropped.
    pub fn open(mut device: D, config: &HwConfig) -> Result<Session<D>, SessionError> {
        let _span = info_span!("recognise", device = device.name()).entered();
        let magic = device.read_reg(regs::MAGIC.offset)?;
        if magic == u32::MAX {
            return Err(SessionError::Device(DeviceError::LinkLost {
                device: device.name(),
                when: "when it was opened",
            }));
        }
        if magic != MAGIC {
            return Err(SessionError::Magic {
                device: device.name(),
                got: magic,
            });
        }
        // Streams carry the whole version, and the engine refuses any other.
        let abi = device.read_reg(regs::ABI.offset)?;
        if abi != ABI_VERSION {
            return Err(SessionError::Abi {
                device: device.name(),
                got: abi,
            });
        }
        let low = device.read_reg(regs::HASH_LO.offset)?;
        let high = device.read_reg(regs::HASH_HI.offset)?;
        let got = u64::from(low) | u64::from(high) << 32;
        if got != config.hash() {
            return Err(SessionError::Hash {
                device: device.name(),
                config: config.name.clone(),
                want: config.hash(),
                got,
            });
        }
        info!(
            configuration = config.name,
            hash = format_args!("{got:016x}"),
            abi = format_args!("{abi:#010x}"),
            "recognised"
        );
        let mut session = Session {
            device,
            config: config.clone(),
            transfer: Vec::new(),
            resident: None,
            sequence: None,
            beats: 0,
            tags: Tags::new(),
            deadline: Self::DEADLINE,
            reset_deadline: Self::RESET_DEADLINE,
        };
        match session.ready() {
            Ok(_) => Ok(session),
            Err(error) => {
                // Given up while the engine had a probe: it shall not be left so.
                if let SessionError::Device(DeviceError::Cancelled { .. }) = error {
                    let _ = session.reset();
                }
                Err(error)
            }
        }
    }

    /// Makes sure that the engine is idle and the streams are empty, and returns the next sequence
    /// number.
    fn ready(&mut self) -> Result<u32, SessionError> {
        if let Some(next) = self.sequence {
            return Ok(next);
        }
        let begin = Instant::now();
        let mut attempt = 0;
        loop {
            let left = self.reset_deadline.saturating_sub(begin.elapsed());
            let status = self.device.read_reg(regs::STATUS.offset)?;
            if status & regs::UNCLEAN != 0 || attempt > 0 {
                self.resident = None;
                info!(
                    status = format_args!("{status:#010x}"),
                    attempt, "resets an engine that is not idle and clean"
                );
                self.device.reset(left)?;
            }
            let tag = self.tags.next();
            let found = self
                .device
                .synchronise(&probe(&self.config, tag), tag, left.min(PROBE));
            match found {
                Ok(Synchronised { next, .. }) => {
                    let next = match next {
                        Some(next) => next,
                        None => self.device.read_reg(regs::RESULTS.offset)?,
                    };
                    self.beats = self.device.read_reg(regs::BEATS_IN_LO.offset)?;
                    self.sequence = Some(next);
                    debug!(next, took = ?begin.elapsed(), "the probe came back");
                    return Ok(next);
                }
                // What an earlier process left may need more than one reset to come out.
                Err(DeviceError::Engine { .. } | DeviceError::Stalled { .. })
                    if attempt < ATTEMPTS && begin.elapsed() < self.reset_deadline =>
                {
                    attempt += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Compares a trailer with the transfer that was next.
    fn in_order(&mut self, trailer: &Trailer, tag: u32) -> Result<(), ResultError> {
        let want = self.sequence.unwrap_or(trailer.sequence);
        check_order(trailer, want, tag)?;
        self.sequence = Some(want.wrapping_add(1));
        Ok(())
    }

    /// Runs one picture (height, width, 3 channels in the network's order). After an error the
    /// engine is reset, so that the next picture finds it ready.
    pub fn run(
        &mut self,
        program: &Program,
        image: &ArrayView3<'_, u8>,
    ) -> Result<ImageResult, SessionError> {
        self.set_up(program)?;
        self.ready()?;
        let tag = self.tags.next();
        self.transfer.resize(program.input_bytes(), 0);
        program.write(image, TransferOrder::First, tag, &mut self.transfer)?;
        let result = self
            .device
            .run(&self.transfer, program.output_bytes(), self.deadline)
            .map_err(SessionError::from)
            .and_then(|packet| Ok(program.decode_result(&packet)?))
            .and_then(|result| {
                self.in_order(&result.trailer, tag)?;
                Ok(result)
            });
        let result = self.explain(result, program);
        self.passed(program.input_bytes(), u32::from(result.is_ok()));
        self.recover(result)
    }

    /// Runs pictures back to back: each is under way before the one before it has its result.
    /// The deadline holds for each picture. All transfers lie in memory at once: see
    /// [`stream`](Self::stream) for many.
    pub fn run_many(
        &mut self,
        program: &Program,
        images: &[ArrayView3<'_, u8>],
    ) -> Result<Vec<ImageResult>, SessionError> {
        let _span = info_span!("run", pictures = images.len()).entered();
        self.set_up(program)?;
        self.ready()?;
        debug!(
            bytes_in = program.input_bytes(),
            bytes_out = program.output_bytes(),
            deadline = ?self.deadline,
            "sends"
        );
        let mut transfers = Vec::with_capacity(images.len());
        let mut tags = Vec::with_capacity(images.len());
        for (index, image) in images.iter().enumerate() {
            let order = match index {
                0 => TransferOrder::First,
                _ => TransferOrder::Following,
            };
            let mut transfer = vec![0; program.input_bytes()];
            tags.push(self.tags.next());
            program.write(image, order, tags[index], &mut transfer)?;
            transfers.push(transfer);
        }
        let result = self
            .device
            .run_many(&transfers, program.output_bytes(), self.deadline)
            .map_err(SessionError::from)
            .and_then(|packets| {
                let mut results = Vec::with_capacity(packets.len());
                for (packet, tag) in packets.iter().zip(tags) {
                    let result = program.decode_result(packet)?;
                    self.in_order(&result.trailer, tag)?;
                    results.push(result);
                }
                Ok(results)
            });
        let result = self.explain(result, program);
        self.passed(program.input_bytes(), images.len() as u32);
        self.recover(result)
    }

    /// Loads what stays in the engine, unless it is there.
    pub fn set_up(&mut self, program: &Program) -> Result<(), SessionError> {
        if program.config().hash() != self.config.hash() {
            return Err(SessionError::Program {
                program: program.config().name.clone(),
                session: self.config.name.clone(),
            });
        }
        // First, because it may have to reset the engine.
        self.ready()?;
        let there = self.resident.as_ref();
        if there.is_some_and(|there| there.same_setup(program)) {
            return Ok(());
        }
        self.resident = None;
        let tag = self.tags.next();
        if let Some(setup) = program.setup_with_tag(tag) {
            let _span = info_span!("set up", bytes = setup.len()).entered();
            debug!("loads the weights that stay in the engine");
            let result = self
                .device
                .run(&setup, Program::SETUP_OUTPUT_BYTES, self.deadline)
                .map_err(SessionError::from)
                .and_then(|packet| {
                    let trailer = program.decode_setup(&packet)?;
                    Ok(self.in_order(&trailer, tag)?)
                });
            let result = self.explain_setup(result, &setup);
            self.recover(result)?;
            self.passed(setup.len(), 1);
            self.resident = Some(program.clone());
        }
        Ok(())
    }

    /// So many transfers of `bytes` each have their results.
    fn passed(&mut self, bytes: usize, transfers: u32) {
        let beats = (bytes / BEAT_BYTES) as u32;
        self.beats = self.beats.wrapping_add(beats.wrapping_mul(transfers));
    }

    /// Adds to the error of a run that stood still what program and registers know of it. The
    /// engine must not have been reset yet.
    fn explain<T>(
        &mut self,
        result: Result<T, SessionError>,
        program: &Program,
    ) -> Result<T, SessionError> {
        match result {
            Err(SessionError::Device(DeviceError::Hang { device, mut stall })) => {
                stall.name_layers(program);
                Err(DeviceError::Hang { device, stall }.into())
            }
            Err(SessionError::Device(mut error @ DeviceError::Stalled { .. })) => {
                self.locate(
                    &mut error,
                    program.records(),
                    program.input_bytes(),
                    |places| {
                        places.name_layers(program);
                    },
                );
                Err(error.into())
            }
            result => result,
        }
    }

    /// As [`explain`](Self::explain), for the transfer that loads weights once.
    fn explain_setup<T>(
        &mut self,
        result: Result<T, SessionError>,
        setup: &[u8],
    ) -> Result<T, SessionError> {
        result.map_err(|error| match error {
            SessionError::Device(mut error @ DeviceError::Stalled { .. }) => {
                let records = records_of(setup, &self.config);
                self.locate(&mut error, &records, setup.len(), |_| ());
                error.into()
            }
            error => error,
        })
    }

    /// Adds the records that the units of a board are at, by what its registers say.
    fn locate(
        &mut self,
        error: &mut DeviceError,
        records: &[RecordInfo],
        transfer: usize,
        name: impl FnOnce(&mut Places),
    ) {
        let DeviceError::Stalled { state, .. } = error else {
            return;
        };
        let registers = Registers::read(&mut self.device);
        let (Some(beats), Some(queued), Some(draining)) =
            (registers.beats_in, registers.queued(), registers.draining())
        else {
            return;
        };
        if let Some(cause) = registers.cause {
            let _ = write!(state, "\n  stall cause: {cause}");
        }
        let taken = beats.wrapping_sub(self.beats) as usize * BEAT_BYTES;
        let under_way = taken / transfer.max(1);
        // Whole transfers: the last is the one to look at.
        let (number, taken) = match taken % transfer.max(1) {
            0 if taken > 0 => (under_way - 1, transfer),
            rest => (under_way, rest),
        };
        let queues = Queues {
            queued: queued as usize,
            draining: draining as usize,
            held: None,
            in_hand: false,
        };
        let mut places = Places::find(records, taken, queues);
        name(&mut places);
        let _ = write!(
            state,
            "\n  transfer {} of those under way, {taken} of its {transfer} bytes taken{places}",
            number + 1
        );
    }

    /// Resets the engine after an error.
    fn recover<T>(&mut self, result: Result<T, SessionError>) -> Result<T, SessionError> {
        if let Err(error) = &result {
            info!(kind = error.kind(), "resets the engine after an error");
            // The first error says more than one about the reset; that comes with the next
            // picture, if it stays.
            let _ = self.reset();
        }
        result
    }

    /// Soft reset: clears errors, counters and everything under way.
    pub fn reset(&mut self) -> Result<(), SessionError> {
        self.resident = None;
        self.sequence = None;
        Ok(self.device.reset(self.reset_deadline)?)
    }

    /// Looks whether the engine is still there, by its magic number alone.
    pub fn check(&mut self) -> Result<(), SessionError> {
        let device = self.device.name();
        match self.device.read_reg(regs::MAGIC.offset)? {
            MAGIC => Ok(()),
            u32::MAX => Err(SessionError::Device(DeviceError::LinkLost {
                device,
                when: "while it was idle",
            })),
            got => Err(SessionError::Magic { device, got }),
        }
    }

    /// Reads a 64-bit counter by its lower register (see [`regs::COUNTERS`]).
    pub fn counter(&mut self, low: &regs::Register) -> Result<u64, SessionError> {
        // A board latches the upper half with each read of the lower one. An emulator does not:
        // two looks that agree are right on both.
        let mut look = || -> Result<(u32, u32), SessionError> {
            let low_half = self.device.read_reg(low.offset)?;
            Ok((low_half, self.device.read_reg(low.offset + 4)?))
        };
        let mut before = look()?;
        for _ in 0..LOOKS {
            let now = look()?;
            if now.1 == before.1 && now.0 >= before.0 {
                return Ok(u64::from(now.0) | u64::from(now.1) << 32);
            }
            before = now;
        }
        Err(SessionError::Device(DeviceError::Link {
            device: self.device.name(),
            what: format!(
                "counter {} never reads the same twice; reset the engine",
                low.name
            ),
        }))
    }

    /// Reads what a counter (an index into [`regs::COUNTERS`]) has counted for one layer since
    /// `aresetn` was last low, modulo 2^32.
    pub fn statistic(&mut self, layer: u32, counter: usize) -> Result<u32, SessionError> {
        let index = regs::stats_index(layer, counter);
        trigger(
            &mut self.device,
            regs::STATS_INDEX.offset,
            index,
            regs::STATS_AT.offset,
            &|shown| shown == index,
            self.reset_deadline,
        )?;
        Ok(self.device.read_reg(regs::STATS_DATA.offset)?)
    }

    /// The device. Whoever runs transfers on it changes what the session knows of the engine, so
    /// that is found out anew before the next picture.
    pub fn device(&mut self) -> &mut D {
        self.sequence = None;
        &mut self.device
    }

    /// The device's name, for messages.
    #[must_use]
    pub fn device_name(&self) -> String {
        self.device.name()
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &HwConfig {
        &self.config
    }

    /// Gives the device back.
    #[must_use]
    pub fn into_device(self) -> D {
        self.device
    }
}

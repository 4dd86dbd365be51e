//! A device that has been recognised, and pictures run on it.

use crate::device::{Device, DeviceError};
use crate::program::{ImageError, ImageResult, Order, Program, ResultError};
use firebrick_spec::{ABI_VERSION, HwConfig, MAGIC, regs};
use ndarray::ArrayView3;
use std::time::Duration;

/// Why a picture has no result, or a device cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The device failed.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// There is no Firebrick engine.
    #[error(
        "{device}: register MAGIC reads {got:#010x} instead of {MAGIC:#010x}; {}",
        if *got == u32::MAX {
            "the link is down"
        } else {
            "this is no Firebrick engine, or its address is wrong"
        }
    )]
    Magic {
        /// Which device.
        device: String,
        /// What was read.
        got: u32,
    },
    /// The engine is of another generation.
    #[error(
        "{device}: the engine has ABI version {}.{}, this program drives {}.x; load a matching \
         bitstream or use a matching program",
        got >> 16, got & 0xffff, ABI_VERSION >> 16
    )]
    Abi {
        /// Which device.
        device: String,
        /// Version of the engine.
        got: u32,
    },
    /// The engine was built for another configuration.
    #[error(
        "{device}: the engine's configuration has hash {got:016x}, {config:?} has {want:016x}; \
         choose the preset that the engine was generated from"
    )]
    Hash {
        /// Which device.
        device: String,
        /// Configuration expected.
        config: String,
        /// Its hash.
        want: u64,
        /// Hash of the engine.
        got: u64,
    },
    /// The program was compiled for another configuration.
    #[error("the program was compiled for {program:?}, the session is with {session:?}")]
    Program {
        /// Configuration of the program.
        program: String,
        /// Configuration of the session.
        session: String,
    },
    /// The picture does not fit.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The result is damaged.
    #[error(transparent)]
    Result(#[from] ResultError),
}

/// An open device.
#[derive(Debug)]
pub struct Session<D: Device> {
    device: D,
    config: HwConfig,
    transfer: Vec<u8>,
    /// The program whose weights are in the engine.
    resident: Option<Program>,
    /// Time allowed for one picture.
    pub deadline: Duration,
}

impl<D: Device> Session<D> {
    /// Time allowed for one picture, if not changed.
    pub const DEADLINE: Duration = Duration::from_secs(60);

    /// Recognises the engine: magic number, ABI version, configuration.
    pub fn open(mut device: D, config: &HwConfig) -> Result<Session<D>, SessionError> {
        let magic = device.read_reg(regs::MAGIC.offset)?;
        if magic != MAGIC {
            return Err(SessionError::Magic {
                device: device.name(),
                got: magic,
            });
        }
        let abi = device.read_reg(regs::ABI.offset)?;
        if abi >> 16 != ABI_VERSION >> 16 {
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
        let transfer = Vec::new();
        Ok(Session {
            device,
            config: config.clone(),
            transfer,
            resident: None,
            deadline: Self::DEADLINE,
        })
    }

    /// Runs one picture (height, width, 3 channels in the network's order). After an error the
    /// engine is reset, so that the next picture finds it ready.
    pub fn run(
        &mut self,
        program: &Program,
        image: &ArrayView3<'_, u8>,
    ) -> Result<ImageResult, SessionError> {
        self.set_up(program)?;
        program.fill(image, &mut self.transfer)?;
        let result = self
            .device
            .run(&self.transfer, program.output_bytes(), self.deadline)
            .map_err(SessionError::from)
            .and_then(|packet| Ok(program.decode_result(&packet)?));
        self.recover(result)
    }

    /// Runs pictures back to back: each is under way before the one before it has its result.
    /// The deadline holds for each picture.
    pub fn run_many(
        &mut self,
        program: &Program,
        images: &[ArrayView3<'_, u8>],
    ) -> Result<Vec<ImageResult>, SessionError> {
        self.set_up(program)?;
        let mut transfers = Vec::with_capacity(images.len());
        for (index, image) in images.iter().enumerate() {
            let order = match index {
                0 => Order::First,
                _ => Order::Following,
            };
            transfers.push(program.transfer_in_order(image, order)?);
        }
        let result = self
            .device
            .run_many(&transfers, program.output_bytes(), self.deadline)
            .map_err(SessionError::from)
            .and_then(|packets| {
                let results = packets.iter().map(|packet| program.decode_result(packet));
                Ok(results.collect::<Result<_, _>>()?)
            });
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
        let there = self.resident.as_ref();
        if there.is_some_and(|there| there.same_setup(program)) {
            return Ok(());
        }
        self.resident = None;
        if let Some(setup) = program.setup() {
            let result = self
                .device
                .run(setup, Program::SETUP_OUTPUT_BYTES, self.deadline);
            self.recover(result.map_err(SessionError::from))?;
            self.resident = Some(program.clone());
        }
        Ok(())
    }

    /// Resets the engine after an error.
    fn recover<T>(&mut self, result: Result<T, SessionError>) -> Result<T, SessionError> {
        if result.is_err() {
            self.resident = None;
            // The first error says more than one about the reset.
            let _ = self.reset();
        }
        result
    }

    /// Soft reset: clears errors, counters and everything under way.
    pub fn reset(&mut self) -> Result<(), SessionError> {
        Ok(self.device.write_reg(regs::CTRL.offset, 1)?)
    }

    /// Reads a 64-bit counter by its lower register (see [`regs::COUNTERS`]).
    pub fn counter(&mut self, low: &regs::Register) -> Result<u64, SessionError> {
        let low_half = self.device.read_reg(low.offset)?;
        let high_half = self.device.read_reg(low.offset + 4)?;
        Ok(u64::from(low_half) | u64::from(high_half) << 32)
    }

    /// Reads what a counter (an index into [`regs::COUNTERS`]) has counted for one layer since
    /// power-up, modulo 2^32.
    pub fn statistic(&mut self, layer: u32, counter: usize) -> Result<u32, SessionError> {
        let index = regs::stats_index(layer, counter);
        self.device.write_reg(regs::STATS_INDEX.offset, index)?;
        Ok(self.device.read_reg(regs::STATS_DATA.offset)?)
    }

    /// The device.
    pub fn device(&mut self) -> &mut D {
        &mut self.device
    }
}

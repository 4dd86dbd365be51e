//! What can run a transfer: a board, a simulator, or software.

use crate::executor::{EngineFault, ExecError, Executor};
use firebrick_spec::HwConfig;
use std::time::Duration;

/// Why a device did not deliver.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The engine holds an error.
    #[error("{device}: the engine stopped with an error, {fault}; a soft reset clears it")]
    Engine {
        /// Which device.
        device: String,
        /// What register ERROR says.
        fault: EngineFault,
    },
    /// Nothing came in time.
    #[error(
        "{device}: {got} of {want} result bytes came within {deadline:?}; reset the engine, and \
         if that does not help, reload it"
    )]
    Timeout {
        /// Which device.
        device: String,
        /// Bytes expected.
        want: usize,
        /// Bytes received.
        got: usize,
        /// Time allowed.
        deadline: Duration,
    },
    /// More came back than the program says, or less.
    #[error(
        "{device}: the result has {got} bytes instead of {want}; the transfer belongs to another \
         program"
    )]
    Length {
        /// Which device.
        device: String,
        /// Bytes expected.
        want: usize,
        /// Bytes received.
        got: usize,
    },
    /// The way to the engine failed.
    #[error("{device}: {what}")]
    Link {
        /// Which device.
        device: String,
        /// What happened, and what to do.
        what: String,
    },
}

/// An engine that takes transfers and has registers.
pub trait Device {
    /// Name for messages.
    fn name(&self) -> String;

    /// Reads the register at a byte offset (see [`firebrick_spec::regs`]).
    fn read_reg(&mut self, offset: u32) -> Result<u32, DeviceError>;

    /// Writes the register at a byte offset.
    fn write_reg(&mut self, offset: u32, value: u32) -> Result<(), DeviceError>;

    /// Sends one transfer, TLAST on its last beat, and returns the packet of `result_bytes` that
    /// comes back. When the engine reports an error instead, that is the error; the engine keeps
    /// it until a soft reset.
    fn run(
        &mut self,
        transfer: &[u8],
        result_bytes: usize,
        deadline: Duration,
    ) -> Result<Vec<u8>, DeviceError>;

    /// Sends transfers back to back and returns their packets, each of `result_bytes`. Unless a
    /// device knows better, each waits for the packet of the one before.
    fn run_many(
        &mut self,
        transfers: &[Vec<u8>],
        result_bytes: usize,
        deadline: Duration,
    ) -> Result<Vec<Vec<u8>>, DeviceError> {
        transfers
            .iter()
            .map(|transfer| self.run(transfer, result_bytes, deadline))
            .collect()
    }
}

/// The software engine as a device.
#[derive(Clone, Debug)]
pub struct ExecutorDevice {
    executor: Executor,
}

impl ExecutorDevice {
    /// An engine after power-up.
    #[must_use]
    pub fn new(config: &HwConfig) -> ExecutorDevice {
        ExecutorDevice {
            executor: Executor::new(config),
        }
    }

    /// The engine itself.
    #[must_use]
    pub fn executor(&self) -> &Executor {
        &self.executor
    }
}

impl Device for ExecutorDevice {
    fn name(&self) -> String {
        format!("software engine {}", self.executor.config().name)
    }

    fn read_reg(&mut self, offset: u32) -> Result<u32, DeviceError> {
        Ok(self.executor.read_reg(offset))
    }

    fn write_reg(&mut self, offset: u32, value: u32) -> Result<(), DeviceError> {
        self.executor.write_reg(offset, value);
        Ok(())
    }

    fn run(
        &mut self,
        transfer: &[u8],
        result_bytes: usize,
        _deadline: Duration,
    ) -> Result<Vec<u8>, DeviceError> {
        let device = self.name();
        match self.executor.run(transfer) {
            Ok(packet) if packet.len() == result_bytes => Ok(packet),
            Ok(packet) => Err(DeviceError::Length {
                device,
                want: result_bytes,
                got: packet.len(),
            }),
            Err(ExecError::Fault(fault)) => Err(DeviceError::Engine { device, fault }),
            Err(error) => Err(DeviceError::Link {
                device,
                what: error.to_string(),
            }),
        }
    }
}

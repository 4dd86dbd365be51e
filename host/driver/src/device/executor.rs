//! The software engine as a device.

use super::{Device, DeviceError, Feed, Take, one_by_one};
use crate::executor::{ExecError, Executor};
use firebrick_spec::HwConfig;
use std::time::Duration;

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

    fn stream(
        &mut self,
        feed: &mut dyn Feed,
        result_bytes: usize,
        _deadline: Duration,
        take: &mut Take<'_>,
    ) -> Result<(), DeviceError> {
        let device = self.name();
        one_by_one(feed, take, |transfer| match self.executor.run(transfer) {
            Ok(packet) if packet.len() == result_bytes => Ok(packet),
            Ok(packet) => Err(DeviceError::Length {
                device: device.clone(),
                want: result_bytes,
                got: packet.len(),
            }),
            Err(ExecError::Fault(fault)) => Err(DeviceError::Engine {
                device: device.clone(),
                fault,
            }),
            Err(error) => Err(DeviceError::Link {
                device: device.clone(),
                what: error.to_string(),
            }),
        })
    }
}

//! The devices that this program knows, behind one type.

use std::time::Duration;

use firebrick_driver::{Device, DeviceError, ExecutorDevice};

/// Any of them.
pub enum AnyDevice {
    /// The command stream in software.
    Software(Box<ExecutorDevice>),
    /// The Verilated engine.
    #[cfg(feature = "sim")]
    Sim(Box<firebrick_sim::SimDevice>),
}

impl AnyDevice {
    /// Whether its counters count the cycles of a clock.
    pub fn is_clocked(&self) -> bool {
        !matches!(self, AnyDevice::Software(_))
    }

    fn inner(&self) -> &dyn Device {
        match self {
            AnyDevice::Software(device) => &**device,
            #[cfg(feature = "sim")]
            AnyDevice::Sim(device) => &**device,
        }
    }

    fn inner_mut(&mut self) -> &mut dyn Device {
        match self {
            AnyDevice::Software(device) => &mut **device,
            #[cfg(feature = "sim")]
            AnyDevice::Sim(device) => &mut **device,
        }
    }
}

impl Device for AnyDevice {
    fn name(&self) -> String {
        self.inner().name()
    }

    fn read_reg(&mut self, offset: u32) -> Result<u32, DeviceError> {
        self.inner_mut().read_reg(offset)
    }

    fn write_reg(&mut self, offset: u32, value: u32) -> Result<(), DeviceError> {
        self.inner_mut().write_reg(offset, value)
    }

    fn run(
        &mut self,
        transfer: &[u8],
        result_bytes: usize,
        deadline: Duration,
    ) -> Result<Vec<u8>, DeviceError> {
        self.inner_mut().run(transfer, result_bytes, deadline)
    }

    fn run_many(
        &mut self,
        transfers: &[Vec<u8>],
        result_bytes: usize,
        deadline: Duration,
    ) -> Result<Vec<Vec<u8>>, DeviceError> {
        self.inner_mut().run_many(transfers, result_bytes, deadline)
    }
}

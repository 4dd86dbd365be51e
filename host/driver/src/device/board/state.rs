//! What the registers say of an engine that does not deliver.

use super::super::errno::explain;
use super::super::{Device, DeviceError, lost};
use crate::executor::EngineFault;
use firebrick_spec::command::ErrorCode;
use firebrick_spec::regs;
use rustix::io::Errno;

/// The error that the engine holds, if any.
pub(super) fn fault<D: Device>(device: &mut D) -> Result<Option<EngineFault>, DeviceError> {
    let status = device.read_reg(regs::STATUS.offset)?;
    if status == u32::MAX {
        lost(device, "during a transfer")?;
    }
    if status & regs::status::ERROR.mask() == 0 {
        return Ok(None);
    }
    let held = device.read_reg(regs::ERROR.offset)?;
    match ErrorCode::from_bits(regs::error::CODE.get(held) as u8) {
        Some(code) => Ok(Some(EngineFault {
            code,
            record: regs::error::RECORD.get(held),
        })),
        None => Err(DeviceError::Link {
            device: device.name(),
            what: format!(
                "STATUS says that there is an error, and ERROR reads {held:#010x}, which is no \
                 known code; reset the engine"
            ),
        }),
    }
}

/// State, likely cause and what to do, after a deadline has passed.
pub(super) fn describe<D: Device>(
    device: &mut D,
    sent: bool,
    got: usize,
    want: usize,
    noted: Option<Errno>,
) -> String {
    let mut read = |register: regs::Register| device.read_reg(register.offset).ok();
    let status = read(regs::STATUS);
    let (taken, given) = (read(regs::BEATS_IN_LO), read(regs::BEATS_OUT_LO));
    let results = read(regs::RESULTS);
    let busy = status.is_some_and(|status| status & regs::status::BUSY.mask() != 0);
    let cause = match (busy, sent, got) {
        (_, false, _) => {
            "the engine does not take its input: the stream to it (h2c or MM2S) stands still"
        }
        (true, true, 0) => {
            "the engine has its whole input and still computes, or waits for what never comes"
        }
        (_, true, got) if got > 0 && got < want => {
            "the result broke off: beats were lost between the engine and the host"
        }
        (true, true, _) => "the engine waits for the host to take its result",
        (false, true, _) => {
            "the engine is idle: its result was lost between it and the host, or it never saw the \
             transfer"
        }
    };
    let show = |value: Option<u32>| value.map_or("?".into(), |value| value.to_string());
    let mut text = format!(
        "{cause} (STATUS {}, {} beats in, {} beats out, {} results since reset)",
        status.map_or("?".into(), |status| format!("{status:#010x}")),
        show(taken),
        show(given),
        show(results)
    );
    if let Some(errno) = noted {
        text.push_str(&format!("; meanwhile the driver said: {}", explain(errno)));
    }
    text.push_str("; it is reset before the next picture; `firebrick doctor` checks the chain");
    text
}

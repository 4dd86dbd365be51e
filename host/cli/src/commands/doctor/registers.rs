//! What the registers of an open device say.

use std::time::{Duration, Instant};

use firebrick_driver::{Device, DeviceError, Feed, Take};
use firebrick_spec::{ABI_VERSION, HwConfig, MAGIC, regs};

use super::report::{Check, Report};
use crate::device::{AnyDevice, with_hash};
use crate::error::CliError;

/// How long SCRATCH may take to show what was written.
const LOOPBACK: Duration = Duration::from_secs(2);
const RELOAD: &str = "load the bitstream again, and check that the registers are at offset 0 of the \
                      user BAR";

/// The steps; returns the configuration.
pub fn walk(
    board: Option<&mut AnyDevice>,
    given: Option<&HwConfig>,
    report: &mut Report<'_>,
) -> Result<Option<HwConfig>, CliError> {
    // Without a device all are skipped: the step before failed.
    let mut none;
    let board: &mut dyn Device = match board {
        Some(board) => board,
        None => {
            none = Absent;
            &mut none
        }
    };
    let mut read = |register: &regs::Register| board.read_reg(register.offset);
    report.step("link", || match read(&regs::MAGIC) {
        Ok(u32::MAX) => Check::failed(
            "all registers read as ones",
            "the board lost power or was reconfigured: rescan the bus or reboot",
        ),
        Ok(_) => Check::ok("registers can be read"),
        Err(error) => Check::failed(error, RELOAD),
    })?;
    report.step("magic", || match read(&regs::MAGIC) {
        Ok(MAGIC) => Check::ok(format!("{MAGIC:#010x}")),
        Ok(got) => Check::failed(format!("{got:#010x} instead of {MAGIC:#010x}"), RELOAD),
        Err(error) => Check::failed(error, RELOAD),
    })?;
    report.step("ABI version", || match read(&regs::ABI) {
        Ok(ABI_VERSION) => Check::ok(format!("{ABI_VERSION:#010x}")),
        Ok(got) => Check::failed(
            format!("{got:#010x}, this program has {ABI_VERSION:#010x}"),
            match got < ABI_VERSION {
                true => "the bitstream is older: build it anew from this program's `generate`",
                false => "the bitstream is newer: use the program that came with it",
            },
        ),
        Err(error) => Check::failed(error, RELOAD),
    })?;
    let mut config = None;
    report.step("configuration", || {
        let hash = read(&regs::HASH_LO)
            .and_then(|low| Ok(u64::from(low) | u64::from(read(&regs::HASH_HI)?) << 32));
        let hash = match hash {
            Ok(hash) => hash,
            Err(error) => return Check::failed(error, RELOAD),
        };
        let known = match given {
            Some(given) => Some(given.clone()).filter(|given| given.hash() == hash),
            None => with_hash(hash),
        };
        match known {
            Some(known) => {
                let name = known.name.clone();
                config = Some(known);
                Check::ok(format!("{name}, hash {hash:016x}"))
            }
            None => Check::failed(
                format!("hash {hash:016x} is not that of a preset asked for"),
                "name the preset or the file that the bitstream was generated from with --preset; if it is of \
                 another version of this program, build it anew",
            ),
        }
    })?;
    report.step("scratch loopback", || {
        for pattern in [0x5555_aaaa, 0xaaaa_5555, 0] {
            match loopback(board, pattern) {
                Ok(got) if got == pattern => {}
                Ok(got) => {
                    return Check::failed(
                        format!("{pattern:#010x} was written and {got:#010x} read"),
                        "writes do not arrive: check clock and reset of the core in the block design",
                    );
                }
                Err(error) => return Check::failed(error, RELOAD),
            }
        }
        Check::ok("three patterns came back")
    })?;
    Ok(config)
}

fn loopback(board: &mut dyn Device, pattern: u32) -> Result<u32, DeviceError> {
    board.write_reg(regs::SCRATCH.offset, pattern)?;
    let begin = Instant::now();
    loop {
        let got = board.read_reg(regs::SCRATCH.offset)?;
        if got == pattern || begin.elapsed() > LOOPBACK {
            return Ok(got);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// No device.
struct Absent;

impl Absent {
    fn error<T>() -> Result<T, DeviceError> {
        Err(DeviceError::Link {
            device: "no device".into(),
            what: "it could not be opened".into(),
        })
    }
}

impl Device for Absent {
    fn name(&self) -> String {
        "no device".into()
    }

    fn read_reg(&mut self, _: u32) -> Result<u32, DeviceError> {
        Absent::error()
    }

    fn write_reg(&mut self, _: u32, _: u32) -> Result<(), DeviceError> {
        Absent::error()
    }

    fn stream(
        &mut self,
        _: &mut dyn Feed,
        _: usize,
        _: Duration,
        _: &mut Take<'_>,
    ) -> Result<(), DeviceError> {
        Absent::error()
    }
}

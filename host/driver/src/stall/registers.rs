//! What the registers say of an engine that stands still, on a board as in simulation.

use crate::device::Device;
use firebrick_spec::regs::{self, Register};
use std::fmt;

/// A look at the registers; what could not be read is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// STATUS.
    pub status: Option<u32>,
    /// BEATS_IN, lower half.
    pub beats_in: Option<u32>,
    /// BEATS_OUT, lower half.
    pub beats_out: Option<u32>,
    /// RESULTS.
    pub results: Option<u32>,
    /// The counter of cycles without a vector that runs.
    pub cause: Option<Cause>,
}

/// Why the array has no vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Name of the counter.
    pub name: &'static str,
    /// What it counts.
    pub meaning: &'static str,
}

impl Registers {
    /// Looks at a device, before it is reset.
    pub fn read<D: Device + ?Sized>(device: &mut D) -> Registers {
        let mut read = |register: Register| device.read_reg(register.offset).ok();
        let causes = || regs::COUNTERS[regs::CAUSES].iter().copied();
        let before: Vec<_> = causes().map(&mut read).collect();
        let status = read(regs::STATUS);
        let beats_in = read(regs::BEATS_IN_LO);
        let beats_out = read(regs::BEATS_OUT_LO);
        let results = read(regs::RESULTS);
        let grown = causes().zip(before).filter_map(|(register, before)| {
            let by = read(register)?.wrapping_sub(before?);
            (by > 0).then_some((by, register))
        });
        let cause = grown.max_by_key(|(by, _)| *by).map(|(_, register)| Cause {
            name: register.name.trim_end_matches("_LO"),
            meaning: meaning(register),
        });
        Registers {
            status,
            beats_in,
            beats_out,
            results,
            cause,
        }
    }

    /// Records that wait for the sequencer.
    #[must_use]
    pub fn queued(&self) -> Option<u32> {
        self.status.map(|status| status >> 8 & 0xff)
    }

    /// Tiles given to the drain that have not drained.
    #[must_use]
    pub fn draining(&self) -> Option<u32> {
        self.status.map(|status| status >> 16 & 0xff)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            "BUSY" => f.write_str("none, the array takes vectors"),
            name => write!(f, "{name}, {}", self.meaning),
        }
    }
}

/// The register's own words, without what all of them begin with.
fn meaning(register: Register) -> &'static str {
    let text = register.doc;
    let text = text
        .strip_prefix("Cycles without a vector: ")
        .unwrap_or(text);
    text.trim_end_matches('.')
}

impl fmt::Display for Registers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value: Option<u32>| value.map_or("?".into(), |value| value.to_string());
        match self.status {
            Some(status) => write!(
                f,
                "STATUS {status:#010x} ({}{}, {} records queued, {} tiles not drained)",
                if status & 1 != 0 { "busy" } else { "idle" },
                if status & 2 != 0 { ", error" } else { "" },
                status >> 8 & 0xff,
                status >> 16 & 0xff
            )?,
            None => f.write_str("STATUS ?")?,
        }
        write!(
            f,
            ", {} beats in, {} beats out, {} results since reset",
            show(self.beats_in),
            show(self.beats_out),
            show(self.results)
        )
    }
}

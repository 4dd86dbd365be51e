//! `firebrick replay`: a recording against another device.

use std::fs::File;
use std::io::BufReader;
use std::time::Duration;

use firebrick::Error;
use firebrick_driver::{Device, Event, RecordReader, replay};
use firebrick_spec::{HwConfig, regs};
use schemars::JsonSchema;
use serde::Serialize;

use crate::args::device::Replay;
use crate::device;
use crate::error::{CliError, Outcome};
use crate::output::Output;
use crate::progress::{self, Style};
use crate::signals;

/// Time allowed for one transfer, if nothing is said.
const DEADLINE: Duration = Duration::from_secs(600);
/// Time allowed for the reset after an interruption.
const RESET: Duration = Duration::from_secs(15);

#[derive(JsonSchema, Serialize)]
pub struct Report {
    recorded: String,
    backend: String,
    entries: u64,
    packets: u64,
    registers: u64,
    equal: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<String>,
    truncated: bool,
}

pub fn run(args: &Replay, style: Style, output: &mut Output) -> Result<Outcome, CliError> {
    let open = || {
        let file = File::open(&args.file).map_err(|source| CliError::RecordFile {
            path: args.file.clone(),
            source,
        });
        file.map(BufReader::new)
    };
    let preset = || match &args.preset.given {
        Some(config) => Ok(config.clone()),
        None => recorded(open()?),
    };
    let carrier = device::choose(args.backend, args.on.one("replay")?.as_ref(), preset)?
        .waiting(args.on.wait);
    let mut device = device::open(&carrier, &device::behaviour(&args.simulation), style)?;
    let replay = replay(
        open()?,
        &mut device,
        args.simulation.deadline.unwrap_or(DEADLINE),
    )?;
    if signals::is_interrupted() {
        let reset = device.reset(RESET).map_err(CliError::from);
        return Err(signals::given_up(
            format!("at entry {}", replay.entries),
            reset,
        ));
    }
    if let Some(warning) = &replay.truncated {
        progress::warning(format_args!("{warning}"));
    }
    let report = Report {
        recorded: replay.device,
        backend: carrier.name(),
        entries: replay.entries,
        packets: replay.packets,
        registers: replay.registers,
        equal: replay.difference.is_none(),
        difference: replay.difference.map(|difference| difference.to_string()),
        truncated: replay.truncated.is_some(),
    };
    if args.json.on {
        output.json(&report)?;
    } else {
        output.line(format_args!(
            "recorded from {}: {} entries, {} packets and {} registers compared",
            report.recorded, report.entries, report.packets, report.registers
        ))?;
        output.line(report.difference.as_deref().unwrap_or("no difference"))?;
    }
    Ok(match report.equal {
        true => Outcome::Good,
        false => Outcome::Bad,
    })
}

/// The configuration of the device that was recorded.
fn recorded(file: BufReader<File>) -> Result<HwConfig, CliError> {
    let mut reader = RecordReader::new(file)?;
    let (mut device, mut low) = (String::new(), 0);
    while let Some(entry) = reader.next_entry()? {
        match entry.event {
            Event::Device(name) => device = name,
            Event::Read { offset, value } if offset == regs::HASH_LO.offset => low = value,
            Event::Read { offset, value } if offset == regs::HASH_HI.offset => {
                let hash = u64::from(low) | u64::from(value) << 32;
                return device::with_hash(hash)
                    .ok_or_else(|| Error::UnknownHash { device, hash }.into());
            }
            _ => {}
        }
    }
    Err(Error::UnknownHash { device, hash: 0 }.into())
}

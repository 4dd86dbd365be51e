//! `firebrick compile`: a picture's transfer and its result, for other programs.

use firebrick_spec::BEAT_BYTES;
use std::path::Path;

use firebrick_driver::{Executor, Program, hex};
use firebrick_model::timing;
use schemars::JsonSchema;
use serde::Serialize;

use crate::args::compile::Compile;
use crate::error::CliError;
use crate::output::Output;
use crate::outputs::{Kind, Place};
use crate::target::{self, shown};

/// Bytes of the trailer that hold the cycle count, from the packet's end.
const CYCLES: usize = 4;

#[derive(JsonSchema, Serialize)]
pub struct Report<'a> {
    network: &'a str,
    preset: &'a str,
    hash: String,
    /// What was written and how many beats each file has.
    files: Vec<Written>,
    /// From its first beat in to its trailer out, if neither stream waits.
    cycles: u64,
}

#[derive(JsonSchema, Serialize)]
pub struct Written {
    file: String,
    what: &'static str,
    beats: usize,
}

pub fn run(args: &Compile, output: &mut Output) -> Result<(), CliError> {
    let model = args.target.network.model.as_deref();
    let inputs: Vec<&Path> = [Some(args.image.as_path()), model]
        .into_iter()
        .flatten()
        .collect();
    let place = |path: &Path, kind| Place::check(path, kind, &inputs, args.force.on);
    let transfer_at = place(&args.output, Kind::TRANSFER)?;
    let optional = |path: Option<&Path>, kind| path.map(|path| place(path, kind)).transpose();
    let expect_at = optional(args.expect.as_deref(), Kind::RESULT)?;
    let setup_at = optional(args.setup.as_deref(), Kind::SETUP)?;
    let others: Vec<&Place> = [&expect_at, &setup_at].into_iter().flatten().collect();
    for (index, other) in others.iter().enumerate() {
        other.must_not_be(&transfer_at)?;
        for earlier in &others[..index] {
            other.must_not_be(earlier)?;
        }
    }

    let target = target::load(&args.target)?;
    let program = target.compile(args.check)?;
    if program.setup().is_some() && setup_at.is_none() {
        return Err(CliError::NeedsSetup);
    }
    let transfer = program.transfer(&target.picture(&args.image)?.view())?;
    let config = target.config();
    let mut files = Vec::new();
    let mut save = |place: &Place, path: &Path, what, bytes: &[u8]| {
        files.push(Written {
            file: shown(path),
            what,
            beats: bytes.len() / BEAT_BYTES,
        });
        if args.hex {
            let title = format!("Firebrick, configuration {}: {what}", config.name);
            place.write(hex::beats(&title, bytes, BEAT_BYTES).as_bytes())
        } else {
            place.write(bytes)
        }
    };
    if let (Some(place), Some(path), Some(setup)) = (&setup_at, &args.setup, program.setup()) {
        save(place, path, "setup", setup)?;
    }
    save(&transfer_at, &args.output, "transfer", &transfer)?;
    if let (Some(place), Some(path)) = (&expect_at, &args.expect) {
        save(place, path, "result", &result(&program, &transfer)?)?;
    }
    let report = Report {
        network: program.network(),
        preset: &config.name,
        hash: format!("{:016x}", config.hash()),
        files,
        cycles: cycles(&program, &transfer)?,
    };
    if args.json.on {
        return output.json(&report);
    }
    for file in &report.files {
        let Written { file, what, beats } = file;
        output.line(format_args!("{file}: {what}, {beats} beats"))?;
    }
    output.line(format_args!(
        "{} on {}: {} cycles predicted",
        report.network, report.preset, report.cycles
    ))
}

/// Cycles of a transfer to an engine at rest.
pub fn cycles(program: &Program, transfer: &[u8]) -> Result<u64, CliError> {
    let timing = timing::predict(program.config(), &[transfer])?;
    Ok(timing.images.first().map_or(0, |image| image.end_cycle))
}

/// The result packet, by an engine that was reset, the setup's result before it.
pub fn result(program: &Program, transfer: &[u8]) -> Result<Vec<u8>, CliError> {
    let mut engine = Executor::new(program.config());
    if let Some(setup) = program.setup() {
        engine.run(setup)?;
    }
    let mut packet = engine.run(transfer)?;
    let length = packet.len();
    packet[length - CYCLES..].fill(0);
    Ok(packet)
}

//! The commands: each takes its part of the command line and acts.

mod bench;
mod classify;
mod compile;
mod devices;
mod disasm;
mod doctor;
mod emulate;
mod evaluate;
mod explore;
mod features;
mod generate;
mod import;
mod info;
mod man;
mod maps;
mod predict;
mod presets;
mod replay;
mod report;
mod schema;
mod serve;
mod train;
mod verify;

pub use report::map;
pub use schema::NAMES;
#[cfg(feature = "sim")]
pub use verify::Sent;

use std::borrow::Cow;
use std::collections::BTreeMap;

use firebrick_spec::HwConfig;
use firebrick_spec::board::Board;
#[cfg(feature = "sim")]
use firebrick_spec::config::Family;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::ser::SerializeMap;

use crate::args::{Args, Command};
use crate::error::{CliError, Outcome};
use crate::output::Output;
use crate::progress::Style;

/// A configuration with the DSP slices of a family.
#[cfg(feature = "sim")]
fn of_family(config: &HwConfig, family: Family) -> Result<HwConfig, CliError> {
    config
        .of_family(family)
        .ok_or_else(|| CliError::other_family(config, family))
}

/// A configuration as it is built for a board.
fn for_board(config: &HwConfig, board: &Board) -> Result<HwConfig, CliError> {
    board
        .build_of(config)
        .ok_or_else(|| CliError::other_family(config, board.family()))
}

/// Carries a command out.
pub fn run(args: &Args) -> Result<Outcome, CliError> {
    let style = Style::choose(args.quiet, args.verbose > 0);
    let mut output = Output::new();
    let outcome = match &args.command {
        Command::Classify(args) => classify::run(args, style, &mut output),
        Command::Verify(args) => verify::run(args, style, &mut output),
        Command::Generate(args) => generate::run(args, &mut output).map(|()| Outcome::Good),
        Command::Presets(args) => presets::run(args, &mut output).map(|()| Outcome::Good),
        Command::Info(args) => info::run(args, &mut output).map(|()| Outcome::Good),
        Command::Predict(args) => predict::run(args, &mut output).map(|()| Outcome::Good),
        Command::Report(args) => report::run(args, &mut output).map(|()| Outcome::Good),
        Command::Explore(args) => explore::run(args, &mut output).map(|()| Outcome::Good),
        Command::Import(args) => import::run(args, style, &mut output).map(|()| Outcome::Good),
        Command::Train(args) => train::run(args, style, &mut output).map(|()| Outcome::Good),
        Command::Evaluate(args) => evaluate::run(args, style, &mut output),
        Command::Features(args) => features::run(args, style, &mut output),
        Command::Maps(args) => maps::run(args, &mut output).map(|()| Outcome::Good),
        Command::Disasm(args) => disasm::run(args, &mut output).map(|()| Outcome::Good),
        Command::Compile(args) => compile::run(args, &mut output).map(|()| Outcome::Good),
        Command::Emulate(args) => emulate::run(args, style, &mut output).map(|()| Outcome::Good),
        Command::Serve(args) => serve::run(args, &mut output),
        Command::Devices(args) => devices::run(args, &mut output).map(|()| Outcome::Good),
        Command::Doctor(args) => doctor::run(args, style, &mut output),
        Command::Bench(args) => bench::run(args, style, &mut output),
        Command::Replay(args) => replay::run(args, style, &mut output),
        Command::Schema(args) => schema::run(args, &mut output).map(|()| Outcome::Good),
        Command::Completions(args) => man::completions(args, &mut output).map(|()| Outcome::Good),
        Command::Man(args) => man::run(args, &mut output).map(|()| Outcome::Good),
    }?;
    output.flush()?;
    Ok(outcome)
}

/// The figures of a configuration, in their fixed order.
pub struct Configuration(Vec<(String, u64)>);

impl Configuration {
    fn of(config: &HwConfig) -> Configuration {
        let canonical = config.canonical();
        let pairs = canonical.lines().filter_map(|line| {
            let (key, value) = line.split_once('=')?;
            Some((key.to_owned(), value.parse().ok()?))
        });
        Configuration(pairs.collect())
    }
}

impl Serialize for Configuration {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl JsonSchema for Configuration {
    fn schema_name() -> Cow<'static, str> {
        "Configuration".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, u64>::json_schema(generator)
    }
}

/// One of the engine's memories.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct EngineMemory {
    name: &'static str,
    words: usize,
    word_bytes: usize,
    bytes: usize,
}

/// The memories that a command stream addresses, lanes and banks together.
fn memories(config: &HwConfig) -> Vec<EngineMemory> {
    let all = config.memories().into_iter();
    all.filter(|memory| memory.word_bytes > 0)
        .map(|memory| EngineMemory {
            name: memory.kind.name(),
            words: memory.stream_words(),
            word_bytes: memory.word_bytes,
            bytes: memory.stream_words() * memory.word_bytes,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_figure_is_lost() {
        for config in HwConfig::presets() {
            let lines = config.canonical().lines().count();
            assert_eq!(Configuration::of(&config).0.len(), lines);
        }
    }
}

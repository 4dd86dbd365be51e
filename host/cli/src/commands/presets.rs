//! `firebrick presets`: what engines there are.

use firebrick_spec::HwConfig;
use firebrick_spec::config::{DEFAULT_PRESET, MEMORIES, OPTIONS, SIZES_KIB};
use schemars::JsonSchema;
use serde::Serialize;

use super::Configuration;
use crate::args;
use crate::error::CliError;
use crate::output::{Output, table};

#[derive(JsonSchema, Serialize)]
pub struct Preset {
    name: String,
    /// Multiply-accumulates per cycle.
    macs: usize,
    memory_bytes: usize,
    hash: String,
    default: bool,
    configuration: Configuration,
}

pub fn run(args: &args::Presets, output: &mut Output) -> Result<(), CliError> {
    let presets = HwConfig::presets().map(|config| Preset {
        macs: config.macs_per_cycle(),
        memory_bytes: config.memory_bytes(),
        hash: format!("{:016x}", config.hash()),
        default: config.name == DEFAULT_PRESET,
        configuration: Configuration::of(&config),
        name: config.name,
    });
    if args.json.on {
        return presets
            .into_iter()
            .try_for_each(|preset| output.json(&preset));
    }
    let mut table = table(&["preset", "MACs per cycle#", "memory bytes#", "hash", ""]);
    for preset in presets {
        table.add_row([
            preset.name,
            preset.macs.to_string(),
            preset.memory_bytes.to_string(),
            preset.hash,
            if preset.default { "default" } else { "" }.to_owned(),
        ]);
    }
    output.line(table)?;
    output.line("\nOptions, appended to a name in any order, as in fb1024-f512-packed:")?;
    for (option, what) in OPTIONS {
        output.line(format_args!("  -{option}: {what}"))?;
    }
    for (kind, what) in MEMORIES {
        output.line(format_args!("  -{kind}KIB: {what}"))?;
    }
    let sizes: Vec<String> = SIZES_KIB.iter().map(usize::to_string).collect();
    output.line(format_args!("  KIB: {}", sizes.join(", ")))
}

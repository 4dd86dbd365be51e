//! `firebrick schema`: what a command prints with `--json`, as a JSON schema that is made from the
//! types that are printed. docs/schemas keeps them; a test compares.

use firebrick::predict::Prediction;
use firebrick_report::Report;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{
    bench, classify, compile, devices, doctor, evaluate, explore, features, import, info, presets,
    replay, train, verify,
};
use crate::args::SchemaOf;
use crate::error::CliError;
use crate::output::{Numbered, Output};
use crate::pool;

/// Adds an object to the definitions; gives what refers to it.
type Object = fn(&mut SchemaGenerator) -> Schema;

fn object<T: JsonSchema + 'static>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<Numbered<'static, T>>()
}

/// The commands that have `--json`.
pub const NAMES: [&str; 16] = [
    "bench", "classify", "compile", "devices", "doctor", "evaluate", "explore", "features",
    "import", "info", "predict", "presets", "replay", "report", "train", "verify",
];

/// All sorts of objects that a command prints.
fn objects(command: &str) -> &'static [Object] {
    match command {
        "bench" => &[object::<bench::Report>],
        "classify" => &[
            object::<classify::Report>,
            object::<classify::Failure>,
            object::<pool::Event>,
        ],
        "compile" => &[object::<compile::Report>],
        "devices" => &[object::<devices::Object>],
        "doctor" => &[object::<doctor::Step>],
        "evaluate" => &[object::<evaluate::Report>],
        "explore" => &[object::<explore::Candidate>],
        "features" => &[object::<features::Report>],
        "import" => &[object::<import::Report>],
        "info" => &[object::<info::Info>],
        "predict" => &[object::<Prediction>],
        "presets" => &[object::<presets::Preset>],
        "replay" => &[object::<replay::Report>],
        "report" => &[object::<Report>],
        "train" => &[object::<train::EpochObject>, object::<train::ResultObject>],
        "verify" => &[object::<verify::Object>],
        _ => &[],
    }
}

/// The schema of each object that a command prints.
fn of(command: &str) -> Schema {
    let mut generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator();
    let objects = objects(command).iter();
    let objects: Vec<Schema> = objects.map(|object| object(&mut generator)).collect();
    json_schema!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("An object that firebrick {command} --json prints"),
        "description": "New fields may be added at any time.",
        "anyOf": objects,
        "$defs": generator.take_definitions(true),
    })
}

pub fn run(args: &SchemaOf, output: &mut Output) -> Result<(), CliError> {
    let schema = of(&args.command);
    let text = serde_json::to_string_pretty(&schema).map_err(|e| CliError::Stdout(e.into()))?;
    output.line(text)
}

#[cfg(test)]
#[path = "../../tests/common/schema.rs"]
mod check;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Those that only devices, or their faults, make a command print.
    #[test]
    fn rare_objects_fit() {
        let fits = |command: &str, object: serde_json::Value| {
            check::check(of(command).as_value(), &object).unwrap_or_else(|e| panic!("{e}"));
        };
        let nodes = vec![Path::new("/dev/xdma0_user")];
        let device = devices::Object::Device {
            uri: "xdma:/dev/xdma0".into(),
            engines: vec!["xdma:/dev/xdma0#0".into()],
            missing: nodes.clone(),
            nodes,
        };
        let pci = |driver| devices::Object::Pci {
            address: "0000:01:00.0",
            id: "10ee:7024".into(),
            driver,
        };
        for object in [device, pci(None), pci(Some("xdma"))] {
            fits("devices", serde_json::json!(Numbered::of(&object)));
        }
        let out = pool::Event::Out {
            engine: "sim:fb64",
            error: "link",
            message: "gone".into(),
        };
        let back = pool::Event::Back {
            engine: "sim:fb64",
            out_seconds: 1.0,
        };
        for object in [out, back] {
            fits("classify", serde_json::json!(Numbered::of(&object)));
        }
    }

    #[test]
    fn every_command_with_objects_has_a_schema() {
        let root = crate::args::command();
        let with = root.get_subcommands().filter(|sub| {
            let mut arguments = sub.get_arguments();
            arguments.any(|argument| argument.get_long() == Some("json"))
        });
        let mut with: Vec<&str> = with.map(|sub| sub.get_name()).collect();
        with.sort_unstable();
        assert_eq!(with, NAMES);
        for name in NAMES {
            assert!(!objects(name).is_empty(), "{name}");
        }
    }
}

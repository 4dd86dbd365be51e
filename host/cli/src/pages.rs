//! `--html`: the results of a command as one page. Each page is made of the objects that the
//! command prints with `--json`, so that its figures are theirs.

mod bench;
mod classify;
mod evaluate;
mod explore;
mod import;
mod predict;
mod values;
mod verify;

pub use bench::page as bench;
pub use classify::page as classify;
pub use evaluate::page as evaluate;
pub use explore::page as explore;
pub use import::page as import;
pub use predict::page as predict;
pub use verify::page as verify;

use std::path::Path;

use firebrick_report::parts::Page;
use firebrick_spec::{ABI_VERSION, HwConfig};
use serde_json::Value;

use crate::args;
use crate::error::CliError;
use crate::output::Output;
use crate::outputs::{Kind, Place};

/// Where the page goes, looked at before the work begins; from then on objects are kept for it.
/// `others` are the command's other outputs, with the options that name them.
pub fn check(
    html: &args::Html,
    inputs: &[&Path],
    others: &[(&'static str, Option<&Path>)],
    force: bool,
    output: &mut Output,
) -> Result<Option<Place>, CliError> {
    let Some(path) = &html.file else {
        return Ok(None);
    };
    let place = Place::check(path, Kind::HTML, inputs, force)?;
    for (option, other) in others {
        if let Some(other) = other {
            place.must_not_be(&Place::check(other, Kind::any(option), &[], true)?)?;
        }
    }
    output.keep();
    Ok(Some(place))
}

/// Writes the page that is made of the objects.
pub fn write(
    place: Option<&Place>,
    output: &Output,
    page: impl FnOnce(&[Value]) -> Page,
) -> Result<(), CliError> {
    let Some(place) = place else { return Ok(()) };
    let objects: Result<Vec<Value>, _> = output
        .kept()
        .iter()
        .map(|text| serde_json::from_str(text))
        .collect();
    let mut page = page(&objects.map_err(|e| place.error(e.into()))?);
    page.objects = output.kept().to_vec();
    place.write(page.html().as_bytes())
}

/// What was run.
pub fn run_of(config: Option<&HwConfig>, more: &[(&str, String)]) -> Vec<(String, String)> {
    let mut run = vec![
        ("firebrick", env!("CARGO_PKG_VERSION").to_owned()),
        ("commit", env!("FIREBRICK_COMMIT").to_owned()),
        ("ABI", firebrick_spec::version(ABI_VERSION)),
    ];
    if let Some(config) = config {
        run.push(("preset", config.name.clone()));
        run.push(("configuration hash", format!("{:016x}", config.hash())));
    }
    run.extend(more.iter().cloned());
    let command: Vec<String> = std::env::args_os()
        .map(|word| crate::target::shown(Path::new(&word)))
        .collect();
    run.push(("command", command.join(" ")));
    let pairs = run.into_iter();
    pairs
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

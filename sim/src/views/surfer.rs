//! Surfer: a command file, and a mapping for each table of names.
//!
//! Surfer's state files hold its inside and change with its versions; its command files are documented.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::names::Table;
use super::{Found, Mark, Shown};

/// Where Surfer looks for mappings, from the folder in which it is started.
const FOLDER: &str = ".surfer/mappings";

/// The mapping of a table.
pub fn mapping(table: &Table) -> (PathBuf, String) {
    let Table { name, bits, values } = table;
    let mut text = format!("Name = {name}\nBits = {bits}\n# Firebrick\n");
    for (value, name) in values {
        let _ = writeln!(text, "{value} {name}");
    }
    (Path::new(FOLDER).join(format!("{name}.txt")), text)
}

/// The commands that show the groups.
pub fn commands(groups: &[(&str, Vec<Found>)], mark: Mark) -> String {
    // A format is that of the item in focus. Once one has it, each item that is added takes it over.
    let mut text = String::from("# Firebrick\ntimeline_add\nitem_focus a\n");
    for (group, found) in groups {
        let _ = writeln!(text, "divider_add {group}");
        for Found { signal, path, .. } in found {
            let format = match signal.shown {
                Shown::Plain => None,
                Shown::Number => Some("Unsigned"),
                Shown::Named(names) => Some(names.name()),
                // It can neither invert a value nor take bits out of one.
                Shown::Inverted => continue,
                Shown::Low(_) => None,
            };
            let _ = writeln!(text, "variable_add {path}");
            if let Some(format) = format {
                let _ = writeln!(text, "item_set_format {format}");
            }
        }
    }
    let _ = writeln!(text, "cursor_set {}", Mark::time(mark.at));
    text
}

//! GTKWave: a save file, and a translate filter file for each table of names.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::names::{Names, Table};
use super::{Found, Mark, Shown};

/// Where the filters are, beside the save file: GTKWave looks for them from there.
const FOLDER: &str = "gtkwave";
/// Flags of a trace: how its value is written.
const BINARY: u32 = 0x28;
const HEXADECIMAL: u32 = 0x22;
const DECIMAL: u32 = 0x24;
const INVERTED: u32 = 0x40;
const FILTERED: u32 = 0x2000;
/// A heading above a group, and the line below it.
const BEGIN: u32 = 0x80_0200;
const END: u32 = 0x100_0200;
/// Powers of two by which the view is shrunk: 8 pixels to a cycle.
const ZOOM: &str = "-2.0";
/// Cycles that are seen before the one of interest.
const BEFORE: u64 = 40;

/// The filter of a table: what GTKWave would write, and the name.
pub fn filter(table: &Table) -> (PathBuf, String) {
    let digits = table.bits.div_ceil(4) as usize;
    let mut text = format!("# Firebrick: {}\n", table.name);
    for (value, name) in &table.values {
        let _ = writeln!(text, "{value:0digits$X} {name}");
    }
    (PathBuf::from(FOLDER).join(file(table.name)), text)
}

fn file(table: &str) -> String {
    format!("{table}.txt")
}

/// The save file of a waveform in a folder.
pub fn save(groups: &[(&str, Vec<Found>)], folder: &Path, name: &str, mark: Mark) -> String {
    let at = |end: &str| folder.join(format!("{name}.{end}")).display().to_string();
    let start = Mark::time(mark.at.saturating_sub(BEFORE).max(mark.from));
    let mut text = format!(
        "[*]\n[*] Firebrick\n[*]\n[dumpfile] \"{}\"\n[savefile] \"{}\"\n[timestart] {start}\n*{ZOOM} {}\n",
        at("fst"),
        at("gtkw"),
        Mark::time(mark.at)
    );
    // A filter is read where it is first named, and has a number of its own there.
    let mut filters = 0;
    let mut named = |text: &mut String, names: Names| {
        filters += 1;
        let _ = writeln!(
            text,
            "@{:x}\n^{filters} {FOLDER}/{}",
            HEXADECIMAL | FILTERED,
            file(names.name())
        );
    };
    for (group, found) in groups {
        let _ = writeln!(text, "@{BEGIN:x}\n-{group}");
        for Found {
            signal,
            path,
            range,
            width,
        } in found
        {
            match signal.shown {
                Shown::Plain if *width == 1 => {
                    let _ = writeln!(text, "@{BINARY:x}");
                }
                Shown::Plain => {
                    let _ = writeln!(text, "@{HEXADECIMAL:x}");
                }
                Shown::Number => {
                    let _ = writeln!(text, "@{DECIMAL:x}");
                }
                Shown::Inverted => {
                    let _ = writeln!(text, "@{:x}", DECIMAL | INVERTED);
                }
                Shown::Named(names) => named(&mut text, names),
                Shown::Low(names) => {
                    named(&mut text, names);
                    let (low, label) = (names.bits(), names.label());
                    // GTKWave counts the bits of a vector from its first one, which is the highest.
                    let bits = (width.saturating_sub(low)..*width)
                        .map(|bit| format!(" ({bit}){path}{range}"));
                    let bits: String = bits.collect();
                    let _ = writeln!(text, "#{{{label}[{}:0]}}{bits}", low - 1);
                    continue;
                }
            }
            let _ = writeln!(text, "{path}{range}");
        }
        let _ = writeln!(text, "@{END:x}\n-{group}");
    }
    text
}

//! Views of a waveform: files by which GTKWave and Surfer show the engine's main signals, in groups and with names
//! for opcodes, states, modes, causes and errors.

mod gtkwave;
mod hierarchy;
mod names;
mod signals;
mod surfer;

use std::path::{Path, PathBuf};

use hierarchy::Hierarchy;
use signals::{GROUPS, Shown, Signal};

/// Why there are no views.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the names of the signals in the waveform {path}: {reason}; record it again")]
pub struct ViewError {
    /// The waveform.
    pub path: PathBuf,
    /// Why not.
    pub reason: String,
}

/// Where the viewers look at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// First cycle of the waveform, since power-up.
    pub from: u64,
    /// The cycle of interest.
    pub at: u64,
}

impl Mark {
    /// A cycle in the waveform's units of time.
    fn time(cycle: u64) -> u64 {
        2 * cycle
    }
}

/// The files of the views of one waveform.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Views {
    /// Path, relative to the folder of the waveform, and content of each file.
    pub files: Vec<(PathBuf, String)>,
    /// Names of signals, without their ranges, that the files mention.
    pub shown: Vec<String>,
    /// Names of signals that the waveform ought to have and has not.
    pub missing: Vec<String>,
}

/// A signal that is in the waveform.
struct Found {
    signal: &'static Signal,
    /// Scopes and name, without the range.
    path: String,
    /// The range as the waveform has it, as in `[3:0]`; empty for a single bit.
    range: String,
    width: u32,
}

/// The views of a waveform (FST) of the engine. `name` is the waveform's name without its ending; the files are to be
/// put beside it.
///
/// # Errors
/// If the file is no waveform that can be read.
pub fn views(fst: &Path, name: &str, mark: Mark) -> Result<Views, ViewError> {
    let hierarchy = Hierarchy::read(fst)?;
    let mut views = Views::default();
    let mut groups = Vec::new();
    for (group, signals) in GROUPS {
        let mut found = Vec::new();
        for signal in *signals {
            match hierarchy.find(signal) {
                Some(signal) => found.push(signal),
                None => views.missing.push(signal.paths().swap_remove(0)),
            }
        }
        let paths = found.iter().map(|found| found.path.clone());
        views.shown.extend(paths);
        groups.push((*group, found));
    }
    let folder = fst.parent().unwrap_or(Path::new(""));
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let gtkw = gtkwave::save(&groups, &folder, name, mark);
    views.files.push((format!("{name}.gtkw").into(), gtkw));
    let commands = surfer::commands(&groups, mark);
    views.files.push((format!("{name}.sucl").into(), commands));
    for table in names::all() {
        views.files.push(gtkwave::filter(&table));
        views.files.push(surfer::mapping(&table));
    }
    Ok(views)
}

#[cfg(test)]
mod tests {
    use firebrick_rtl::top;
    use firebrick_spec::HwConfig;
    use firebrick_spec::config::PRESETS;

    use super::*;
    use crate::device::module;

    /// Whether a module declares a port, wire or register of this name.
    fn declares(text: &str, name: &str) -> bool {
        text.lines().any(|line| {
            let line = line.trim().trim_end_matches([',', ';']);
            let mut words = line.split_whitespace();
            let kind = words.next().unwrap_or_default();
            ["input", "output", "wire", "reg"].contains(&kind) && words.next_back() == Some(name)
        })
    }

    #[test]
    fn every_preset_has_every_signal() {
        for preset in PRESETS {
            let verilog = top::generate(&HwConfig::preset(preset).unwrap()).unwrap();
            for signal in GROUPS.iter().flat_map(|(_, signals)| *signals) {
                let paths = signal.paths();
                let there = paths.iter().any(|path| {
                    // Verilator's own scope stands before the top module.
                    let (instances, name) = path.rsplit_once('.').unwrap();
                    let (_, instances) = instances.split_once('.').unwrap();
                    module(&verilog, instances).is_some_and(|(_, text)| declares(text, name))
                });
                assert!(there, "{preset} has none of {paths:?}");
            }
        }
    }

    #[test]
    fn a_file_that_is_no_waveform_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("first.fst");
        let mark = Mark { from: 0, at: 1 };
        for text in [None, Some(""), Some("no waveform")] {
            text.inspect(|text| std::fs::write(&path, text).unwrap());
            let error = views(&path, "first", mark).unwrap_err().to_string();
            assert!(error.contains("first.fst"), "{error}");
        }
    }
}

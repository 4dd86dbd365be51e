//! Registers inside the engine that tell what its units wait for.
//!
//! [`PROBES`] is the one place that names them: by the path of instances in the emitted Verilog,
//! which is that of the blocks' fields in `firebrick_rtl`, not by modules. Verilator is told to
//! keep these few registers where they can be read; the Verilog itself is not changed. What a
//! design does not have is not read, and a report of it says less.

use firebrick_rtl::top;

use crate::verilator::model::Model;

/// Where the engine sits in its top module.
const CORE: &str = "core";

/// A register and where it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    /// Field of [`Seen`].
    field: &'static str,
    /// Path of instances from the engine down.
    path: &'static str,
    register: &'static str,
    /// Width in bits of a counter that is held inverted, which costs less logic than a subtraction.
    inverted: Option<u32>,
}

/// Names a register and where it is; `!20 "not_left"` is held inverted in 20 bits.
macro_rules! probes {
    ($($field:ident = $path:literal, $(!$width:literal)? $register:literal, $doc:literal;)*) => {
        /// All of them.
        pub(crate) const PROBES: &[Probe] = &[$(probes!(@ $field, $path, $register $(, $width)?)),*];

        /// The registers of [`PROBES`], as they stand; what the design does not have is missing.
        #[derive(Clone, Copy, Debug, Default)]
        pub(crate) struct Seen {
            $(#[doc = $doc] pub $field: Option<u64>,)*
        }

        impl Seen {
            /// Reads them all.
            pub fn read(model: &Model) -> Seen {
                let mut probes = PROBES.iter();
                Seen { $($field: probes.next().and_then(|probe| probe.read(model)),)* }
            }
        }
    };
    (@ $field:ident, $path:literal, $register:literal) => {
        Probe { field: stringify!($field), path: $path, register: $register, inverted: None }
    };
    (@ $field:ident, $path:literal, $register:literal, $width:literal) => {
        Probe { field: stringify!($field), path: $path, register: $register, inverted: Some($width) }
    };
}

impl Probe {
    /// The value that is meant; nothing if the design does not have the register.
    fn read(&self, model: &Model) -> Option<u64> {
        let path = path(self.path);
        let value = spellings(self.register)
            .iter()
            .find_map(|name| model.signal(&path, name))?;
        Some(self.meant(value))
    }

    /// What a register of this content counts.
    fn meant(&self, value: u64) -> u64 {
        match self.inverted {
            Some(width) => !value & ((1 << width) - 1),
            None => value,
        }
    }
}

probes! {
    decoder = "decoder", "state", "Number of the decoder's state.";
    record = "decoder", "index", "Index of the decoder's record.";
    beats = "decoder", !24 "beats", "Beats left of a payload.";
    reads = "decoder", "reads", "Blocks decoded that have not read all their pixels.";
    drains = "decoder", "drains", "Tiles decoded that have not drained.";
    queue = "queue", "level", "Records in the queue.";
    weight_jobs = "weight_jobs", "level", "Jobs in the loader's queue.";
    held = "passes", "have", "The sequencer holds a record.";
    is_block = "passes", "is_block", "It is a block.";
    is_store = "passes", "is_store", "It is a store.";
    groups = "passes", !12 "groups", "Channel groups that it has left.";
    running = "streamer", "running", "A pass runs.";
    storing = "streamer", "storing", "A store runs.";
    remaining = "streamer", !20 "not_remaining", "Positions or words left of it.";
    strips = "streamer", "strips", "Strips complete and not taken.";
    tiles = "streamer", "tiles", "Tiles given to the drain and not drained.";
    loading = "loader", "active", "The loader has a job.";
    reading = "loader", "reading", "It reads a block.";
    ready = "loader", "pending", "The array has the next pass's weights.";
    blocks = "loader", !16 "passes", "Blocks left of its job.";
    rows = "window.unpack", !10 "rows_in", "Rows that the window unit has still to take.";
    rows_out = "window.unpack", !10 "rows_out", "Rows whose pixels have not left its first stage.";
    step = "window", "valid_1", "Pixels in its second stage.";
    ends = "window", "ends_2", "Windows that end in its third stage.";
    words = "window.place", "pending_0", "A word of a window waits to be written.";
    drain_jobs = "jobs", "level", "Tiles in the drain's queue.";
    released = "", "released", "Of them, those whose sums are complete.";
    draining = "drain.reader", "active", "The drain reads a tile's sums.";
    vectors = "drain.reader", !14 "not_remaining", "Vectors left of it.";
    output = "output_stage.queue", "level", "Beats in the output queue.";
}

/// Spellings of a register of this name.
fn spellings(register: &str) -> [String; 2] {
    [format!("{register}_q"), register.to_owned()]
}

fn path(below: &str) -> String {
    let mut path = format!("{}.{CORE}", top::TOP);
    if !below.is_empty() {
        path.push('.');
        path.push_str(below);
    }
    path
}

/// The module at a path of instances, by its text and that of the modules above it.
pub(crate) fn module<'a>(verilog: &'a str, path: &'a str) -> Option<(&'a str, &'a str)> {
    let mut instances = path.split('.');
    let mut name = instances.next()?;
    let mut text = body(verilog, name)?;
    for instance in instances {
        name = text.lines().find_map(|line| {
            let mut words = line.split_whitespace();
            let module = words.next()?;
            let rest = line.trim_start().strip_prefix(module)?.trim_start();
            let rest = rest.strip_prefix(instance)?.trim_start();
            rest.starts_with('(').then_some(module)
        })?;
        text = body(verilog, name)?;
    }
    Some((name, text))
}

fn body<'a>(verilog: &'a str, module: &str) -> Option<&'a str> {
    let header = format!("\nmodule {module} ");
    let start = verilog.find(&header)? + 1;
    let length = verilog[start..].find("\nendmodule")?;
    Some(&verilog[start..start + length])
}

/// Whether a module declares a register, of `width` bits if that is given.
fn declares(text: &str, register: &str, width: Option<u32>) -> bool {
    let range = width.map(|width| format!("[{}:0]", width - 1));
    text.lines().any(|line| {
        let mut words = line.trim().trim_end_matches(';').split_whitespace();
        words.next() == Some("reg")
            && range
                .as_deref()
                .is_none_or(|range| words.next() == Some(range))
            && words.any(|word| word == register)
    })
}

/// Module and register of each probe that this Verilog has, for Verilator; fields of those that it
/// has not.
pub(crate) fn find(verilog: &str) -> (Vec<(String, String)>, Vec<&'static str>) {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for probe in PROBES {
        let place = module(verilog, &path(probe.path)).and_then(|(name, text)| {
            let mut names = spellings(probe.register).into_iter();
            let register = names.find(|register| declares(text, register, probe.inverted))?;
            Some((name.to_owned(), register))
        });
        match place {
            Some(place) => found.push(place),
            None => missing.push(probe.field),
        }
    }
    (found, missing)
}

/// The lines of a `.vlt` file that keep the probes readable.
pub(crate) fn waivers(verilog: &str) -> String {
    let (found, _) = find(verilog);
    let line = |(module, register): &(String, String)| {
        format!("public_flat_rd -module \"{module}\" -var \"{register}\"\n")
    };
    found.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebrick_spec::HwConfig;
    use firebrick_spec::config::PRESETS;

    #[test]
    fn every_preset_has_every_probe() {
        for preset in PRESETS {
            let config = HwConfig::preset(preset).unwrap();
            let (_, missing) = find(&top::generate(&config).unwrap());
            assert!(missing.is_empty(), "{preset} lacks {missing:?}");
        }
    }

    #[test]
    fn an_inverted_counter_is_read_as_what_it_counts() {
        let probe = PROBES
            .iter()
            .find(|probe| probe.field == "vectors")
            .unwrap();
        assert_eq!(probe.meant(0x3ffe), 1);
        assert_eq!(probe.meant(0x3fff), 0);
    }

    #[test]
    fn a_probe_that_is_not_there_is_told() {
        let config = HwConfig::preset("fb64").unwrap();
        let verilog = top::generate(&config).unwrap();
        let (found, _) = find(&verilog);
        let (module, register) = &found[0];
        let other = verilog.replace(register.as_str(), "renamed_q");
        assert_eq!(find(&other).1, ["decoder"], "{register} of {module}");
    }
}

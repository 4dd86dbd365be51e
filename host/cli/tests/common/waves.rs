//! Waveforms, and the files that show them in viewers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use fst_reader::{FstFilter, FstHierarchyEntry, FstReader, FstSignalHandle, FstSignalValue};

/// Each signal of a waveform: the range behind its name, and where its values are.
type Names = BTreeMap<String, (String, usize)>;

fn open(path: &Path) -> FstReader<BufReader<File>> {
    FstReader::open(BufReader::new(File::open(path).unwrap())).unwrap()
}

fn names(reader: &mut FstReader<BufReader<File>>) -> Names {
    let (mut scopes, mut names) = (Vec::new(), Names::new());
    let each = |entry| match entry {
        FstHierarchyEntry::Scope { name, .. } => scopes.push(name),
        FstHierarchyEntry::UpScope => drop(scopes.pop()),
        FstHierarchyEntry::Var { name, handle, .. } => {
            let (name, range) = name.split_once(' ').unwrap_or((&name, ""));
            let path = format!("{}.{name}", scopes.join("."));
            names.insert(path, (range.to_owned(), handle.get_index()));
        }
        _ => {}
    };
    reader.read_hierarchy(each).unwrap();
    names
}

/// All values of a signal as numbers, in binary, with the times at which it took them.
fn values(reader: &mut FstReader<BufReader<File>>, handle: usize) -> Vec<(u64, u64)> {
    let mut values = Vec::new();
    let filter = FstFilter::filter_signals(vec![FstSignalHandle::from_index(handle)]);
    let each = |time, _, value: FstSignalValue<'_>| {
        if let FstSignalValue::String(bits) = value {
            let bits = std::str::from_utf8(bits).unwrap();
            values.push((time, u64::from_str_radix(bits, 2).unwrap()));
        }
        Ok::<(), std::convert::Infallible>(())
    };
    reader.read_signals(&filter, each).unwrap();
    values
}

/// A table of names: lines of a value and a name, behind what is no such line.
fn table(path: &Path, radix: u32) -> BTreeMap<u64, String> {
    let text = fs::read_to_string(path).unwrap();
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs
        .filter_map(|(value, name)| Some((u64::from_str_radix(value, radix).ok()?, name.into())))
        .collect()
}

const STATE: &str = "TOP.firebrick_top.core.decoder.state_q";
const GROUPS: [&str; 5] = ["streams", "decoder", "sequencer", "lane_0", "drain"];

/// A folder of `--wave-at-divergence` has so many cycles, marks one of them, and shows signals that are there.
pub fn are_sound(folder: &Path, cycles: u64, mark: u64) {
    let mut reader = open(&folder.join("first.fst"));
    let (header, names) = (reader.get_header(), names(&mut reader));
    // Two units of time are a cycle.
    assert_eq!(header.end_time + 1 - header.start_time, 2 * cycles);
    let marked = header.start_time + 2 * mark;

    // GTKWave: names with their ranges, alone or behind the number of a bit.
    let gtkw = fs::read_to_string(folder.join("first.gtkw")).unwrap();
    assert!(gtkw.contains(&format!("\n*-2.0 {marked}\n")), "{gtkw}");
    let (mut shown, mut filters) = (BTreeSet::new(), BTreeSet::new());
    for word in gtkw.split_whitespace() {
        let name = word.rsplit(')').next().unwrap();
        if name.starts_with("TOP.") {
            let (name, range) = match name.find('[') {
                Some(at) => name.split_at(at),
                None => (name, ""),
            };
            let there = names.get(name).map(|(range, _)| range.as_str());
            assert_eq!(there, Some(range), "{word}");
            shown.insert(name.to_owned());
        }
        if word.starts_with("gtkwave/") {
            filters.insert(word.to_owned());
        }
    }
    for group in GROUPS {
        assert_eq!(gtkw.matches(&format!("\n-{group}\n")).count(), 2, "{group}");
    }
    assert!(shown.len() > 80, "{shown:?}");
    let listed = fs::read_dir(folder.join("gtkwave")).unwrap().count();
    assert_eq!(filters.len(), listed, "{filters:?}");

    // Surfer: names without ranges, and formats that there are.
    let sucl = fs::read_to_string(folder.join("first.sucl")).unwrap();
    let mappings = folder.join(".surfer/mappings");
    let mut formats = BTreeSet::new();
    for line in sucl.lines() {
        match line.split_once(' ') {
            Some(("variable_add", name)) => {
                assert!(names.contains_key(name) && shown.contains(name), "{line}");
            }
            Some(("item_set_format", format)) if format != "Unsigned" => {
                let file = mappings.join(format).with_extension("txt");
                let text = fs::read_to_string(&file).unwrap();
                assert!(
                    text.starts_with(&format!("Name = {format}\nBits = ")),
                    "{text}"
                );
                formats.insert(format);
            }
            _ => {}
        }
    }
    assert_eq!(formats.len(), 4, "{formats:?}");
    assert!(
        sucl.ends_with(&format!("\ncursor_set {marked}\n")),
        "{sucl}"
    );
    let dividers: Vec<&str> = sucl
        .lines()
        .filter_map(|l| l.strip_prefix("divider_add "))
        .collect();
    assert_eq!(dividers, GROUPS);

    // Every state that the decoder is in has a name, the same for both.
    let by_gtkwave = table(&folder.join("gtkwave/firebrick_state.txt"), 16);
    let by_surfer = table(&mappings.join("firebrick_state.txt"), 10);
    assert_eq!(by_gtkwave, by_surfer);
    let states = values(&mut reader, names[STATE].1);
    let seen: BTreeSet<&str> = states.iter().map(|(_, s)| by_gtkwave[s].as_str()).collect();
    assert!(seen.contains("Check") && seen.len() > 4, "{seen:?}");
}

/// Two waveforms are of the same run.
pub fn are_alike(one: &Path, other: &Path) {
    let [one, other] = [one, other].map(|path| {
        let mut reader = open(path);
        let names = names(&mut reader);
        let last = "TOP.firebrick_top.core.drain.reader.not_remaining_q";
        [STATE, last].map(|name| values(&mut reader, names[name].1))
    });
    assert!(one == other && one.iter().all(|values| values.len() > 10));
}

//! Figures in hand-written pages: latencies and presets are those of the specification.

use firebrick_spec::{HwConfig, latency};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Names and values of latencies as the pages write them.
fn latencies() -> Vec<(&'static str, String)> {
    macro_rules! constants {
        ($($name:ident)*) => { vec![$((stringify!($name), latency::$name.to_string())),*] };
    }
    let mut found = constants!(
        FEATURE_LATENCY WEIGHT_LATENCY PE_LATENCY ACC_REUSE SETTLE_LATENCY PASS_INTERVAL
        ACC_READ_LATENCY MUL_LATENCY REQUANT_LATENCY VECTOR_LATENCY POOL_LATENCY ADDRESS_LATENCY
        DRAIN_LATENCY TAP_LATENCY OUT_MARGIN
    );
    let list = |values: &[usize]| {
        let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
        texts.join(", ")
    };
    // A tile of 16 and of 8, plain, packed, and packed for a DSP48E1.
    let tiles = |of: fn(&HwConfig) -> usize, options: &str| {
        let of_preset = |base| of(&HwConfig::preset(&format!("{base}{options}")).unwrap());
        list(&["fb256", "fb64"].map(of_preset))
    };
    let lanes = |of: fn(usize) -> usize| list(&[1, 2, 4, 8].map(of));
    found.extend([
        ("tile_latency(plain)", tiles(latency::tile_latency, "")),
        (
            "tile_latency(packed)",
            tiles(latency::tile_latency, "-packed"),
        ),
        (
            "tile_latency(packed-xc7)",
            tiles(latency::tile_latency, "-packed-xc7"),
        ),
        (
            "load_lead(packed-xc7)",
            tiles(latency::load_lead, "-packed-xc7"),
        ),
        ("array_latency(plain)", tiles(latency::array_latency, "")),
        (
            "handover_latency(plain)",
            tiles(latency::handover_latency, ""),
        ),
        ("tapped_latency(L)", lanes(latency::tapped_latency)),
        ("sums_beat_latency(L)", lanes(latency::sums_beat_latency)),
        ("tap_pace(L)", lanes(latency::tap_pace)),
        ("sums_pace(L)", lanes(latency::sums_pace)),
    ]);
    found
}

/// All hand-written pages on the engine: the architecture and the blocks.
fn pages() -> Vec<PathBuf> {
    let blocks = std::fs::read_dir(root().join("docs/blocks")).unwrap();
    let mut pages: Vec<PathBuf> = blocks.map(|entry| entry.unwrap().path()).collect();
    pages.push(root().join("docs/architecture.md"));
    pages
}

#[test]
fn latencies_in_the_pages_are_those_of_the_specification() {
    let latencies = latencies();
    let mut compared = 0;
    for page in pages() {
        for line in read(&page).lines() {
            for (name, value) in &latencies {
                // `NAME` = 3 in a sentence, | `NAME` | 3 | in the table of latencies.
                let Some((_, rest)) = line.split_once(&format!("`{name}`")) else {
                    continue;
                };
                let stated = match rest.strip_prefix(" = ") {
                    Some(stated) => stated,
                    None if line.starts_with("| `") && rest.starts_with([' ', ',']) => {
                        rest.split('|').nth(1).unwrap_or_default().trim()
                    }
                    None => continue,
                };
                if !stated.starts_with(|c: char| c.is_ascii_digit()) {
                    continue;
                }
                let end = stated
                    .find(|c: char| !(c.is_ascii_digit() || c == ',' || c == ' '))
                    .unwrap_or(stated.len());
                let stated = stated[..end].trim_end_matches([',', ' ']);
                assert_eq!(stated, value, "{name} in {}", page.display());
                compared += 1;
            }
        }
    }
    assert!(compared >= 25, "{compared} latencies found");
}

#[test]
fn the_table_of_presets_is_that_of_the_specification() {
    let path = root().join("docs/architecture.md");
    let page = read(&path);
    let row = |label: &str| -> Vec<String> {
        let start = format!("| {label} |");
        let line = page.lines().find(|line| line.starts_with(&start));
        let line = line.unwrap_or_else(|| panic!("{} has no row {label:?}", path.display()));
        let cells = line.trim_matches('|').split('|').skip(1);
        cells.map(|cell| cell.trim().replace(',', "")).collect()
    };
    let configs: Vec<HwConfig> = HwConfig::presets().collect();
    let compare = |label: &str, of: &dyn Fn(&HwConfig) -> String| {
        assert_eq!(
            row(label),
            configs.iter().map(of).collect::<Vec<_>>(),
            "{label}"
        );
    };
    let kib = |bytes: usize| (bytes >> 10).to_string();
    compare("tile, lanes", &|c| format!("{} {}", c.tile, c.lanes));
    compare("MACs a cycle", &|c| c.macs_per_cycle().to_string());
    compare("feature buffer, KiB", &|c| kib(c.feature_words * c.tile));
    compare("weight buffer, KiB", &|c| {
        kib(c.weight_blocks * c.tile * c.tile)
    });
    compare("requantisers", &|c| (c.requantisers * c.lanes).to_string());
    compare(
        "picture pixels into the window unit, words out, a cycle",
        &|c| format!("{} {}", c.window_pixels(), c.window_words()),
    );
}

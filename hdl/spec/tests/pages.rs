//! The pages on blocks against the sources that they describe: ports, and files.

use std::path::{Path, PathBuf};

/// Pages on blocks, and the blocks whose ports they list.
const BLOCKS: &[(&str, &[&str])] = &[
    ("accumulators.md", &["Accumulators"]),
    ("decoder.md", &["Decoder"]),
    ("drain.md", &["Drain"]),
    ("feature-buffer.md", &["FeatureBuffer"]),
    ("loader.md", &["Loader"]),
    ("output.md", &["Output"]),
    ("registers.md", &["Registers"]),
    ("sequencer.md", &["Passes", "Streamer"]),
    ("sparse.md", &["Sparse"]),
    ("window.md", &["Window"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All Rust files below a folder, as text.
fn sources(folder: &Path, texts: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.push(read(&path));
        }
    }
}

/// Names of the ports of a block, its clock and reset left out.
fn ports(texts: &[String], block: &str) -> Vec<String> {
    let head = format!("pub struct {block} {{\n");
    let bodies: Vec<&str> = texts
        .iter()
        .filter_map(|text| Some(text.split_once(&head)?.1.split_once("\n}\n")?.0))
        .collect();
    assert_eq!(bodies.len(), 1, "one block {block} in hdl/rtl/src");
    let lines = bodies[0].lines().filter_map(|line| {
        let (name, of) = line.trim().strip_prefix("pub ")?.split_once(": ")?;
        (of.contains("Signal<In,") || of.contains("Signal<Out,")).then(|| name.to_string())
    });
    lines
        .filter(|name| name != "clock" && name != "reset")
        .collect()
}

/// What stands between backticks.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Whether `named`, of which a star ends the name of several, means this port.
fn names(named: &str, port: &str) -> bool {
    match named.strip_suffix('*') {
        Some(start) => port.starts_with(start),
        None => named == port,
    }
}

#[test]
fn pages_on_blocks_name_exactly_the_ports_of_their_blocks() {
    let mut texts = Vec::new();
    sources(&root().join("hdl/rtl/src"), &mut texts);
    let mut faults = Vec::new();
    for &(page, blocks) in BLOCKS {
        let text = read(&root().join("docs/blocks").join(page));
        let interface = text.split("## Interface").nth(1).unwrap();
        let interface = interface.split("\n## ").next().unwrap();
        let ports: Vec<String> = blocks
            .iter()
            .flat_map(|block| ports(&texts, block))
            .collect();
        for port in &ports {
            if !code(interface).any(|named| names(named, port)) {
                faults.push(format!("{page} does not name the port {port}"));
            }
        }
        let rows = interface
            .lines()
            .skip_while(|line| !line.starts_with("| Port"))
            .filter_map(|line| line.split('|').nth(1));
        for named in rows.flat_map(code) {
            let known = named == "reset" || ports.iter().any(|port| names(named, port));
            if !known {
                faults.push(format!("{page} names {named}, which is no port"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_list_of_blocks_names_sources_that_are_there() {
    let text = read(&root().join("docs/blocks/README.md"));
    let mut count = 0;
    for row in text.lines().filter(|line| line.starts_with("| [")) {
        let cells: Vec<&str> = row.split('|').collect();
        for source in code(cells[2]) {
            let folder = match source {
                "build.rs" => "hdl/rtl",
                _ => "hdl/rtl/src",
            };
            let path = root().join(folder).join(source);
            assert!(path.exists(), "docs/blocks/README.md: no {source}");
            count += 1;
        }
    }
    assert!(count > 20, "{count} sources");
}

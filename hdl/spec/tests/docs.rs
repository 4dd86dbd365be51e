//! The committed reference pages are what the tables say.

use firebrick_spec::{ABI_VERSION, HwConfig, docs};
use std::path::{Path, PathBuf};

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(file)
}

fn same(file: &str, page: &str) {
    let path = path(file);
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == page,
        "{} differs from the definitions in hdl/spec; run \
         `cargo run -p firebrick-spec --example docs`",
        path.display()
    );
}

#[test]
fn the_register_page_is_up_to_date() {
    same("registers.md", &docs::registers_page());
}

#[test]
fn the_command_page_is_up_to_date() {
    same("commands.md", &docs::commands_page());
}

#[test]
fn the_page_of_presets_is_up_to_date() {
    same("presets.md", &docs::presets_page());
}

/// What follows each `mark` in a page, up to the end of the line.
fn after<'a>(page: &'a str, mark: &str) -> Vec<&'a str> {
    let rests = page.split(mark).skip(1);
    rests
        .map(|rest| rest.lines().next().unwrap_or_default())
        .collect()
}

#[test]
fn the_output_of_doctor_in_the_guide_is_that_of_todays_core() {
    let path = path("board-bring-up.md");
    let page = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        after(&page, "ABI version: "),
        [format!("{ABI_VERSION:#010x}")],
        "{}",
        path.display()
    );
    let configurations = after(&page, "configuration: ");
    assert_eq!(configurations.len(), 1, "{}", path.display());
    let (name, hash) = configurations[0].split_once(", hash ").unwrap();
    let config = HwConfig::preset(name).unwrap();
    assert_eq!(hash, format!("{:016x}", config.hash()), "{name}");
}

//! The committed reference pages are what the tables say.

use firebrick_spec::docs;
use std::path::Path;

fn same(file: &str, page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(file);
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

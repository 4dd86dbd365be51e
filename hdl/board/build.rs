//! Finds the boards: each folder below `constraints` with a `board.toml` goes into the program, so
//! that another board is another folder.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Files of a board's folder; the last one is optional.
const FILES: [&str; 4] = ["board.toml", "pins.xdc", "timing.xdc", "system.tcl"];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("constraints");
    println!("cargo:rerun-if-changed={}", root.display());
    let entries = fs::read_dir(&root).unwrap_or_else(|e| panic!("{}: {e}", root.display()));
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|folder| folder.join(FILES[0]).is_file())
        .collect();
    folders.sort();
    let mut text = String::from("[\n");
    for folder in folders {
        let name = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let _ = writeln!(text, "({name:?}, &[");
        for file in FILES {
            let path = folder.join(file);
            if path.is_file() {
                let _ = writeln!(text, "({file:?}, include_str!({path:?})),");
            }
        }
        text.push_str("]),\n");
    }
    text.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("boards.rs"), text).unwrap_or_else(|e| panic!("boards.rs: {e}"));
}

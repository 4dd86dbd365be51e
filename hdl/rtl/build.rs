//! Reads the blocks' sources and writes a table of what the compiler forgets: names of types, their
//! generic arguments, doc comments, and how arrays are laid out. The emitter takes module names,
//! comments and attributes from it.

#[path = "build/expand.rs"]
mod expand;
#[path = "build/table.rs"]
mod table;

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=src");
    println!("cargo:rerun-if-changed=build");
    let mut files = Vec::new();
    sources(Path::new("src"), &mut files)?;
    files.sort();
    let mut items = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file)?;
        let parsed = syn::parse_file(&text)
            .map_err(|e| io::Error::other(format!("{}: {e}", file.display())))?;
        items.extend(expand::expand(parsed.items));
    }
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("OUT_DIR is not set"))?;
    fs::write(
        Path::new(&out).join("blocks.rs"),
        table::table(&items, &latencies()?),
    )
}

/// The latencies that blocks have as parameters: the specification's, by a link, so that they are part
/// of the package too.
fn latencies() -> io::Result<Vec<syn::Item>> {
    const FILE: &str = "build/latency.rs";
    println!("cargo:rerun-if-changed={FILE}");
    let text = fs::read_to_string(FILE)?;
    let parsed = syn::parse_file(&text);
    Ok(parsed
        .map_err(|e| io::Error::other(format!("{FILE}: {e}")))?
        .items)
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, found)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

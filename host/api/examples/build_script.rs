//! A `build.rs` that generates the engine's Verilog, for a crate that builds a bitstream or a
//! simulation of its own. Copy it, and add firebrick to the build-dependencies.
//!
//! ```text
//! cargo run --release -p firebrick --example build_script
//! ```

use std::path::PathBuf;

use firebrick::verilog;

fn main() -> Result<(), firebrick::Error> {
    // Cargo gives a build script its folder; started by hand, it writes to the one for temporary
    // files.
    let folder = std::env::var_os("OUT_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let preset = std::env::var("FIREBRICK_PRESET").unwrap_or("fb256".into());
    let file = folder.join("firebrick_top.v");
    verilog::write(&preset, &file)?;
    println!("cargo::rerun-if-env-changed=FIREBRICK_PRESET");
    println!("cargo::rustc-env=FIREBRICK_VERILOG={}", file.display());
    Ok(())
}

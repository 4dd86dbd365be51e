//! Groups the many C++ files that Verilator writes into few files to compile.
//!
//! Each compiled file pays for the runtime's headers, so small files are joined; large ones
//! stay apart so that several processors share the work.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

use crate::verilator::compile::Unit;
use crate::verilator::makefile;

/// Generated code per compiled file, in bytes.
const BUNDLE_BYTES: u64 = 400_000;

/// Writes the bundles into `obj` and lists them. The wrapper goes with the fast code.
pub(crate) fn units(obj: &Path, classes: &str) -> io::Result<Vec<Unit>> {
    let mut units = Vec::new();
    for (slow, lists) in [
        (false, ["VM_CLASSES_FAST", "VM_SUPPORT_FAST"]),
        (true, ["VM_CLASSES_SLOW", "VM_SUPPORT_SLOW"]),
    ] {
        let mut names: Vec<String> = lists
            .iter()
            .flat_map(|name| makefile::list(classes, name))
            .collect();
        if !slow {
            names.insert(0, "wrapper".to_owned());
        }
        let mut text = String::new();
        let mut bytes = 0;
        for (at, name) in names.iter().enumerate() {
            bytes += fs::metadata(obj.join(format!("{name}.cpp")))?.len();
            let _ = writeln!(text, "#include \"{name}.cpp\"");
            if bytes >= BUNDLE_BYTES || at + 1 == names.len() {
                let stem = format!("bundle_{}", units.len());
                let source = obj.join(format!("{stem}.cpp"));
                fs::write(&source, &text)?;
                units.push(Unit {
                    source,
                    object: obj.join(format!("{stem}.o")),
                    slow,
                });
                text.clear();
                bytes = 0;
            }
        }
    }
    Ok(units)
}

//! Verilator's own C++ runtime, compiled once for all designs.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::design::field;
use crate::error::BuildError;
use crate::verilator::cache::hex;
use crate::verilator::compile::{Compiler, Unit};

/// The objects of the runtime files called `names` (without `.cpp`), from the cache if they
/// are there.
pub(crate) fn objects(
    compiler: &Compiler<'_>,
    names: &[String],
    on_wait: impl FnMut(),
) -> Result<Vec<PathBuf>, BuildError> {
    // One set serves designs of every optimisation level.
    let compiler = &compiler.optimised();
    let files: Vec<String> = names.iter().map(|name| format!("{name}.o")).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let key = key(compiler, names);
    let paths = |dir: PathBuf| files.iter().map(|file| dir.join(file)).collect();
    if let Some(entry) = compiler.cache.lookup(&key) {
        return Ok(paths(entry.dir));
    }
    let deadline = compiler.started + compiler.limit;
    let Some(lock) = compiler.cache.lock(&key, deadline, on_wait)? else {
        return Err(compiler.late("waiting for the runtime"));
    };
    if let Some(entry) = compiler.cache.lookup(&key) {
        return Ok(paths(entry.dir));
    }
    let scratch = compiler.cache.scratch(&key, &lock)?;
    let units = names.iter().map(|name| Unit {
        source: compiler.tools.include.join(format!("{name}.cpp")),
        object: scratch.dir.join(format!("{name}.o")),
        slow: false,
    });
    compiler.compile(&[], units.collect(), |_| {})?;
    let entry = compiler.cache.publish(&key, &lock, scratch, &files, &[])?;
    Ok(paths(entry.dir))
}

fn key(compiler: &Compiler<'_>, names: &[String]) -> String {
    let tools = compiler.tools;
    let mut hash = Sha256::new();
    field(&mut hash, &tools.version_line);
    field(&mut hash, &tools.include.to_string_lossy());
    field(&mut hash, &tools.cxx_identity);
    for text in names.iter().chain(&tools.cxx_args) {
        field(&mut hash, text);
    }
    for flag in compiler.flags.arguments(tools, false) {
        field(&mut hash, &flag);
    }
    format!("runtime-{}", &hex(&hash.finalize())[..24])
}

//! What can go wrong before a model runs: each error says what happened, where, and what to do.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::StatVfsMountFlags;

/// An error of the build: finding tools, verilating, compiling, loading.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// No `verilator` on PATH.
    #[error(
        "verilator was not found on PATH; install it with: apt-get install verilator, \
         or run scripts/demo, or name it in FIREBRICK_VERILATOR"
    )]
    VerilatorMissing,
    /// `FIREBRICK_VERILATOR` or `CXX` names something that cannot be run.
    #[error(
        "{variable} is set to {value:?}, which is not a program that can be run; correct or unset it"
    )]
    BadOverride {
        /// The environment variable.
        variable: &'static str,
        /// Its value.
        value: String,
    },
    /// The installed Verilator is older than this crate supports.
    #[error(
        "{path} is Verilator {found}, but 5.006 or newer is needed; install a newer one, or name it in FIREBRICK_VERILATOR"
    )]
    VerilatorTooOld {
        /// Which program was asked.
        path: PathBuf,
        /// What it answered.
        found: String,
    },
    /// The program answered something that is no Verilator version.
    #[error(
        "{path} --version did not answer with a Verilator version, but with {answer:?}; is it Verilator? Name another in FIREBRICK_VERILATOR"
    )]
    VerilatorUnknown {
        /// Which program was asked.
        path: PathBuf,
        /// The first line of its answer.
        answer: String,
    },
    /// No C++ compiler on PATH.
    #[error(
        "no C++ compiler was found (looked for c++, g++ and clang++ on PATH); install one with: apt-get install g++, or name it in CXX"
    )]
    CompilerMissing,
    /// A tool could not be started.
    #[error("could not start {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why not.
        source: std::io::Error,
    },
    /// Verilator refused the design.
    #[error("verilator refused the design {top}:\n{messages}")]
    Verilog {
        /// The top module.
        top: String,
        /// Verilator's own error lines.
        messages: String,
    },
    /// The C++ that Verilator wrote did not compile or link.
    #[error("the C++ compiler {compiler} failed on {file} of design {top}:\n{messages}{hint}")]
    Compile {
        /// The compiler.
        compiler: String,
        /// The top module.
        top: String,
        /// The file, or "the shared library" when linking.
        file: String,
        /// The compiler's error lines.
        messages: String,
        /// What to do, if it is known (empty, or starting with a new line).
        hint: String,
    },
    /// The top module has a port of a kind that the harness cannot drive.
    #[error(
        "design {top}: port declaration {declaration:?} is not supported; use plain vectors as ports of the top module"
    )]
    UnsupportedPort {
        /// The top module.
        top: String,
        /// Verilator's declaration of it.
        declaration: String,
    },
    /// The design's own description is unusable (no source, an odd name).
    #[error("design {top:?}: {problem}")]
    BadDesign {
        /// The top module.
        top: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// No place for the cache is known.
    #[error(
        "no cache folder: neither FIREBRICK_CACHE, XDG_CACHE_HOME nor HOME is set; set FIREBRICK_CACHE to a folder that can be written"
    )]
    NoCacheDir,
    /// The cache folder cannot be used.
    #[error(
        "cannot write to the cache folder {dir}: {source}; set FIREBRICK_CACHE to a folder that can be written"
    )]
    CacheNotWritable {
        /// The folder or file.
        dir: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The disk is full.
    #[error(
        "the disk that holds the cache folder {dir} is full; free some space, or set FIREBRICK_CACHE to another disk"
    )]
    DiskFull {
        /// The cache folder.
        dir: PathBuf,
    },
    /// A folder for temporary files cannot be used.
    #[error(
        "cannot use the temporary folder {dir}: {source}; set TMPDIR to a folder that can be written"
    )]
    Scratch {
        /// The folder.
        dir: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The build did not end in time.
    #[error("{what} of design {top} did not end within {} s and was stopped; allow more time in the builder's deadline, or build a smaller preset", .limit.as_secs_f32())]
    Deadline {
        /// Which step.
        what: String,
        /// The top module.
        top: String,
        /// The limit for the whole build.
        limit: Duration,
    },
    /// The finished shared library could not be loaded.
    #[error(
        "could not load the simulation model {path}: {reason}; delete its folder and try again"
    )]
    Load {
        /// The library.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The cache lies where nothing may be executed.
    #[error(
        "could not load the simulation model {path}: programs may not be run from its disk, which \
         is mounted noexec ({reason}); set FIREBRICK_CACHE to a folder on another disk"
    )]
    NoExec {
        /// The library.
        path: PathBuf,
        /// What the loader says.
        reason: String,
    },
}

impl BuildError {
    /// A library that the loader refused for a reason of its own.
    pub(crate) fn load(path: &Path, reason: String) -> BuildError {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mounted =
            rustix::fs::statvfs(folder).is_ok_and(|s| s.f_flag.contains(StatVfsMountFlags::NOEXEC));
        let path = path.to_owned();
        // What glibc and musl say where the kernel refuses to map code.
        let refused = ["failed to map segment", "Operation not permitted"];
        if mounted || refused.iter().any(|text| reason.contains(text)) {
            BuildError::NoExec { path, reason }
        } else {
            BuildError::Load { path, reason }
        }
    }
}

/// An error of a loaded model.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The model could not be built or loaded.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The top module has no port of this name.
    #[error("design {top} has no port {name:?}; its ports are: {known}")]
    NoSuchPort {
        /// The top module.
        top: String,
        /// The name asked for.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// A port has another width or direction than is needed.
    #[error("design {top}: port {name} {problem}")]
    WrongPort {
        /// The top module.
        top: String,
        /// The port.
        name: String,
        /// What does not fit.
        problem: String,
    },
    /// A clock cycle was asked of a design without the configured clock port.
    #[error(
        "design {top} has no 1-bit input {clock:?} to use as its clock; name the clock with Design::clock"
    )]
    NoClock {
        /// The top module.
        top: String,
        /// The name looked for.
        clock: String,
    },
    /// Verilator's runtime stopped the simulation.
    #[error("the simulation of {top} stopped at cycle {cycle}: {message}")]
    Stopped {
        /// The top module.
        top: String,
        /// The cycle.
        cycle: u64,
        /// The runtime's message.
        message: String,
    },
    /// A waveform was asked of a model that was built without tracing.
    #[error("design {top} was built without waveforms; build it with Design::trace(true)")]
    NotTraced {
        /// The top module.
        top: String,
    },
    /// The window of the waveform is empty or lies in the past.
    #[error(
        "a waveform of cycles {from} to {to} is not possible at cycle {now}: give a window that is not empty and not over"
    )]
    BadWindow {
        /// First cycle.
        from: u64,
        /// The cycle after the last.
        to: u64,
        /// The current cycle.
        now: u64,
    },
    /// The waveform file could not be written.
    #[error("cannot write the waveform {path}: {reason}")]
    TraceFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_without_permission_to_execute_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let library = dir.path().join("model.so");
        let load = |path: &Path, reason: &str| BuildError::load(path, reason.into()).to_string();
        let reason = "model.so: failed to map segment from shared object";
        assert!(load(&library, reason).contains("FIREBRICK_CACHE"));
        assert!(load(&library, "invalid ELF header").contains("delete its folder"));
        // A place that is mounted so on nearly all machines.
        let proc = rustix::fs::statvfs("/proc/self");
        if proc.is_ok_and(|s| s.f_flag.contains(StatVfsMountFlags::NOEXEC)) {
            assert!(load(Path::new("/proc/self/model.so"), "no").contains("noexec"));
        } else {
            println!("skipped in part: /proc is not mounted noexec");
        }
    }
}

//! The part of the process environment that the harness reads, as a value that tests can set.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where tools and the cache are looked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Environment {
    /// `PATH`.
    pub path: OsString,
    /// `FIREBRICK_VERILATOR`: this program instead of `verilator` on `path`.
    pub verilator: Option<OsString>,
    /// `CXX`: this compiler (with arguments, if any) instead of one on `path`.
    pub cxx: Option<String>,
    /// `FIREBRICK_CACHE`, or the default below `XDG_CACHE_HOME` or `HOME`.
    pub cache: Option<PathBuf>,
}

impl Environment {
    /// Reads the environment of this process.
    #[must_use]
    pub fn from_process() -> Self {
        let var = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
        let cache = var("FIREBRICK_CACHE").map(PathBuf::from).or_else(|| {
            var("XDG_CACHE_HOME")
                .map(PathBuf::from)
                .filter(|p| p.is_absolute())
                .or_else(|| var("HOME").map(|home| Path::new(&home).join(".cache")))
                .map(|base| base.join("firebrick"))
        });
        Self {
            path: var("PATH").unwrap_or_default(),
            verilator: var("FIREBRICK_VERILATOR"),
            cxx: var("CXX").map(|v| v.to_string_lossy().into_owned()),
            cache,
        }
    }

    /// The first executable file called `program` on `path`.
    pub(crate) fn find(&self, program: &str) -> Option<PathBuf> {
        let found = if program.contains('/') {
            Some(PathBuf::from(program)).filter(|p| is_executable(p))
        } else {
            std::env::split_paths(&self.path)
                .map(|dir| dir.join(program))
                .find(|p| is_executable(p))
        };
        // Tools run in other folders than this process.
        found.and_then(|path| std::path::absolute(path).ok())
    }
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

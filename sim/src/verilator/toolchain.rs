//! Finds Verilator and a C++ compiler and says exactly which they are.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::environment::Environment;
use crate::error::BuildError;
use crate::process::{Ended, run};

/// The oldest Verilator that is supported.
pub const OLDEST_VERILATOR: (u32, u32) = (5, 6);

/// How long a tool may take to say its version.
const ASK_LIMIT: Duration = Duration::from_secs(60);

/// The tools that build a model, with what identifies them.
#[derive(Debug, Clone)]
pub struct Toolchain {
    /// The program `verilator`.
    pub verilator: PathBuf,
    /// Its version as (major, minor): (5, 6) for 5.006.
    pub version: (u32, u32),
    /// Its whole version line.
    pub version_line: String,
    /// The folder of Verilator's C++ runtime.
    pub include: PathBuf,
    /// The C++ compiler.
    pub cxx: PathBuf,
    /// Arguments that always follow it (from `CXX`).
    pub cxx_args: Vec<String>,
    /// The compiler's version line, its target, and the processor's features.
    pub cxx_identity: String,
    /// Whether the compiler is clang.
    pub clang: bool,
}

impl Toolchain {
    /// Finds the tools. The answer is remembered for this process.
    ///
    /// # Errors
    /// If Verilator or the compiler is missing, too old, or does not answer.
    pub fn find(environment: &Environment) -> Result<Self, BuildError> {
        static KNOWN: Mutex<Option<HashMap<Environment, Toolchain>>> = Mutex::new(None);
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get_or_insert_default();
        if let Some(found) = known.get(environment) {
            return Ok(found.clone());
        }
        let found = Self::search(environment)?;
        known.insert(environment.clone(), found.clone());
        Ok(found)
    }

    fn search(environment: &Environment) -> Result<Self, BuildError> {
        let verilator = find_verilator(environment)?;
        let said = ask(Command::new(&verilator)
            .arg("--version")
            .env("PATH", &environment.path))?;
        let version_line = said.lines().next().unwrap_or_default().trim().to_owned();
        let version = parse_version(&version_line).ok_or_else(|| BuildError::VerilatorUnknown {
            path: verilator.clone(),
            answer: version_line.clone(),
        })?;
        if version < OLDEST_VERILATOR {
            let found = version_line
                .split_whitespace()
                .nth(1)
                .unwrap_or_default()
                .to_owned();
            return Err(BuildError::VerilatorTooOld {
                path: verilator,
                found,
            });
        }
        let root = ask(Command::new(&verilator)
            .args(["--getenv", "VERILATOR_ROOT"])
            .env("PATH", &environment.path))?;
        let include = PathBuf::from(root.trim()).join("include");

        let (cxx, cxx_args) = find_compiler(environment)?;
        let said = ask(Command::new(&cxx).args(&cxx_args).arg("--version"))?;
        let line = said.lines().next().unwrap_or_default();
        let target = ask(Command::new(&cxx).args(&cxx_args).arg("-dumpmachine"))?;
        let cxx_identity = format!(
            "{} {line} | {} | {}",
            cxx.display(),
            target.trim(),
            processor_features()
        );
        let clang = said.contains("clang");
        Ok(Self {
            verilator,
            version,
            version_line,
            include,
            cxx,
            cxx_args,
            cxx_identity,
            clang,
        })
    }

    /// A command of the compiler, with the arguments that `CXX` asked for.
    pub(crate) fn compiler(&self) -> Command {
        let mut command = Command::new(&self.cxx);
        command.args(&self.cxx_args);
        command
    }
}

/// The Verilator to use, by override or on PATH.
pub(crate) fn find_verilator(environment: &Environment) -> Result<PathBuf, BuildError> {
    match &environment.verilator {
        Some(value) => {
            let value = value.to_string_lossy();
            environment
                .find(&value)
                .ok_or_else(|| BuildError::BadOverride {
                    variable: "FIREBRICK_VERILATOR",
                    value: value.into_owned(),
                })
        }
        None => environment
            .find("verilator")
            .ok_or(BuildError::VerilatorMissing),
    }
}

fn find_compiler(environment: &Environment) -> Result<(PathBuf, Vec<String>), BuildError> {
    if let Some(value) = &environment.cxx {
        let mut words = value.split_whitespace().map(str::to_owned);
        let program = words.next().and_then(|program| environment.find(&program));
        return match program {
            Some(program) => Ok((program, words.collect())),
            None => Err(BuildError::BadOverride {
                variable: "CXX",
                value: value.clone(),
            }),
        };
    }
    ["c++", "g++", "clang++"]
        .iter()
        .find_map(|name| environment.find(name))
        .map(|program| (program, Vec::new()))
        .ok_or(BuildError::CompilerMissing)
}

fn ask(command: &mut Command) -> Result<String, BuildError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let ended = run(command, Instant::now() + ASK_LIMIT).map_err(|source| BuildError::Start {
        program: program.clone(),
        source,
    })?;
    match ended {
        Ended::Exit(output) if output.status.success() => Ok(output.stdout),
        Ended::Exit(output) => Err(BuildError::Start {
            program,
            source: std::io::Error::other(output.all().trim().to_owned()),
        }),
        Ended::Deadline => Err(BuildError::Start {
            program,
            source: std::io::Error::new(std::io::ErrorKind::TimedOut, "it gave no answer"),
        }),
    }
}

/// "Verilator 5.006 2023-01-22 rev (Debian 5.006-3)" to (5, 6).
fn parse_version(line: &str) -> Option<(u32, u32)> {
    let mut words = line.split_whitespace();
    if words.next() != Some("Verilator") {
        return None;
    }
    let (major, minor) = words.next()?.split_once('.')?;
    let digits = minor
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(minor.len());
    Some((major.parse().ok()?, minor[..digits].parse().ok()?))
}

/// What `-march=native` depends on, so that a cache shared between machines stays right.
fn processor_features() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    text.lines()
        .filter(|l| {
            ["model name", "flags", "Features", "CPU part"]
                .iter()
                .any(|key| l.starts_with(key))
        })
        .take(2)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn versions() {
        assert_eq!(
            parse_version("Verilator 5.006 2023-01-22 rev (Debian 5.006-3)"),
            Some((5, 6))
        );
        assert_eq!(
            parse_version("Verilator 5.038 2025-07-08 rev v5.038"),
            Some((5, 38))
        );
        assert_eq!(parse_version("Verilator 4.228-dev"), Some((4, 228)));
        assert_eq!(parse_version("Icarus Verilog version 11.0"), None);
        assert_eq!(parse_version(""), None);
    }
}

//! Compiles C++ files side by side and links them into one shared library.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::error::BuildError;
use crate::process::{Ended, ProcessOutput, Running, run};
use crate::verilator::cache::Cache;
use crate::verilator::toolchain::Toolchain;

/// How files of one model are compiled.
#[derive(Debug, Clone)]
pub(crate) struct Flags {
    pub trace: bool,
    pub coverage: bool,
    pub optimise: u8,
}

/// One file to compile.
#[derive(Debug, Clone)]
pub(crate) struct Unit {
    pub source: PathBuf,
    pub object: PathBuf,
    /// Code that runs once, for which compile time matters more than speed.
    pub slow: bool,
}

/// What all compile steps of one build share.
#[derive(Clone)]
pub(crate) struct Compiler<'a> {
    pub tools: &'a Toolchain,
    pub cache: &'a Cache,
    pub top: &'a str,
    pub flags: Flags,
    pub jobs: usize,
    pub started: Instant,
    pub limit: Duration,
}

impl Flags {
    /// The arguments that do not name files; part of the key of cached runtime objects.
    pub fn arguments(&self, tools: &Toolchain, slow: bool) -> Vec<String> {
        let level = if slow { 0 } else { self.optimise };
        let native = if cfg!(target_arch = "x86_64") {
            "-march=native"
        } else {
            "-mcpu=native"
        };
        let trace = u8::from(self.trace);
        let mut list: Vec<String> = [
            "-std=gnu++17",
            native,
            "-fPIC",
            "-fvisibility=hidden",
            "-pthread",
            "-w",
            "-DNDEBUG",
            "-DVERILATOR=1",
            "-DVM_SC=0",
            "-DVM_TIMING=0",
            "-DVM_TRACE_VCD=0",
            "-DVM_TRACE_SAIF=0",
            "-DVL_USER_FINISH",
            "-DVL_USER_STOP",
            "-DVL_USER_FATAL",
        ]
        .map(str::to_owned)
        .into();
        list.push(format!("-O{level}"));
        list.push(format!("-DVM_COVERAGE={}", u8::from(self.coverage)));
        list.push(format!("-DVM_TRACE={trace}"));
        list.push(format!("-DVM_TRACE_FST={trace}"));
        // Two loaded models must not share the C++ runtime's variables.
        list.push(
            if tools.clang {
                "-fbracket-depth=4096"
            } else {
                "-fno-gnu-unique"
            }
            .to_owned(),
        );
        list
    }
}

impl Compiler<'_> {
    /// The same with full optimisation.
    pub fn optimised(&self) -> Self {
        let mut full = self.clone();
        full.flags.optimise = 3;
        full
    }

    /// Compiles all units, the largest first, `jobs` at a time.
    pub fn compile(
        &self,
        include: &[&Path],
        mut units: Vec<Unit>,
        mut on_done: impl FnMut(usize),
    ) -> Result<(), BuildError> {
        let size = |u: &Unit| u.source.metadata().map_or(0, |m| m.len());
        units.sort_by_key(|u| (!u.slow, size(u)));
        let mut running: Vec<(Unit, Running)> = Vec::new();
        let mut done = 0;
        while !(units.is_empty() && running.is_empty()) {
            while running.len() < self.jobs.max(1) {
                let Some(unit) = units.pop() else { break };
                let mut command = self.command(include, &unit);
                let started = Running::start(&mut command).map_err(|e| self.no_start(e))?;
                running.push((unit, started));
            }
            let mut at = 0;
            while at < running.len() {
                let (unit, process) = &mut running[at];
                match process.poll().map_err(|e| self.no_start(e))? {
                    None => at += 1,
                    Some(output) => {
                        let name = unit
                            .source
                            .file_name()
                            .unwrap_or_default()
                            .to_string_lossy();
                        self.check(&name, &output)?;
                        running.swap_remove(at);
                        done += 1;
                        on_done(done);
                    }
                }
            }
            if self.started.elapsed() >= self.limit {
                return Err(self.late("compiling"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn command(&self, include: &[&Path], unit: &Unit) -> Command {
        let mut command = self.tools.compiler();
        command.args(self.flags.arguments(self.tools, unit.slow));
        let runtime = &self.tools.include;
        for dir in include
            .iter()
            .copied()
            .chain([runtime.as_path(), &runtime.join("vltstd")])
        {
            command.arg("-I").arg(dir);
        }
        command
            .arg("-c")
            .arg(&unit.source)
            .arg("-o")
            .arg(&unit.object);
        command
    }

    /// Links objects into the shared library `library`.
    pub fn link(
        &self,
        objects: &[PathBuf],
        libraries: &[String],
        library: &Path,
    ) -> Result<(), BuildError> {
        let mut command = self.tools.compiler();
        command
            .args(["-shared", "-fPIC", "-pthread", "-Wl,-Bsymbolic", "-o"])
            .arg(library);
        command.args(objects).args(libraries);
        match run(&mut command, self.started + self.limit).map_err(|e| self.no_start(e))? {
            Ended::Exit(output) => self.check("the shared library", &output),
            Ended::Deadline => Err(self.late("linking")),
        }
    }

    /// The error for a step that did not end in time.
    pub fn late(&self, what: &str) -> BuildError {
        BuildError::Deadline {
            what: what.into(),
            top: self.top.into(),
            limit: self.limit,
        }
    }

    fn no_start(&self, source: std::io::Error) -> BuildError {
        BuildError::Start {
            program: self.tools.cxx.display().to_string(),
            source,
        }
    }

    fn check(&self, file: &str, output: &ProcessOutput) -> Result<(), BuildError> {
        if output.status.success() {
            return Ok(());
        }
        let text = output.all();
        if text.contains("No space left on device") {
            return Err(BuildError::DiskFull {
                dir: self.cache.dir().to_owned(),
            });
        }
        let hint = if text.contains("zlib.h") || text.contains("-lz") {
            "\nWaveforms need zlib; install it with: apt-get install zlib1g-dev"
        } else if output.status.code().is_none() {
            "\nThe compiler was killed; is there enough memory?"
        } else {
            ""
        };
        let mut messages: Vec<&str> = text
            .lines()
            .filter(|l| l.contains("rror"))
            .take(12)
            .collect();
        if messages.is_empty() {
            messages = text.lines().take(12).collect();
        }
        Err(BuildError::Compile {
            compiler: self.tools.cxx.display().to_string(),
            top: self.top.to_owned(),
            file: file.to_owned(),
            messages: messages.join("\n"),
            hint: hint.to_owned(),
        })
    }
}

//! Builds a simulation model from Verilog, once per content: Verilator, C++, cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::{bundle, makefile, runtime, wrapper};
use crate::design::{Design, field};
use crate::environment::Environment;
use crate::error::BuildError;
use crate::process::{Ended, run};
use crate::verilator::cache::{Cache, Entry, Lock, Scratch, hex};
use crate::verilator::compile::{Compiler, Flags};
use crate::verilator::ports::{self, PortInfo};
use crate::verilator::progress::{Event, Progress, StderrProgress};
use crate::verilator::toolchain::Toolchain;

/// The name of the shared library in its cache entry.
const LIBRARY: &str = "model.so";

/// The limit on a whole build unless [`Builder::deadline`] says otherwise.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(30 * 60);

/// Builds designs into models, or finds them in the cache.
#[derive(Clone)]
pub struct Builder {
    environment: Environment,
    deadline: Duration,
    jobs: usize,
    progress: Arc<dyn Progress>,
}

/// A design that is built: a shared library and what is known of it.
#[derive(Debug, Clone)]
pub struct VerilatedModel {
    pub(crate) top: String,
    pub(crate) clock: String,
    pub(crate) library: PathBuf,
    pub(crate) ports: Arc<[PortInfo]>,
    pub(crate) traced: bool,
    pub(crate) random_reset: bool,
    from_cache: bool,
}

impl VerilatedModel {
    /// The ports of the top module.
    #[must_use]
    pub fn ports(&self) -> &[PortInfo] {
        &self.ports
    }

    /// The shared library.
    #[must_use]
    pub fn library(&self) -> &Path {
        &self.library
    }

    /// The name of the top module.
    #[must_use]
    pub fn top(&self) -> &str {
        &self.top
    }

    /// Whether it was there already, so that no tool ran.
    #[must_use]
    pub fn from_cache(&self) -> bool {
        self.from_cache
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// A builder with the environment of this process, a deadline of 30 minutes, as many jobs
    /// as there are processors, and progress on standard error.
    #[must_use]
    pub fn new() -> Self {
        Self {
            environment: Environment::from_process(),
            deadline: DEFAULT_DEADLINE,
            jobs: std::thread::available_parallelism().map_or(1, usize::from),
            progress: Arc::new(StderrProgress),
        }
    }

    /// Uses this cache folder.
    #[must_use]
    pub fn cache_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.environment.cache = Some(dir.into());
        self
    }

    /// Uses this environment in place of the process's.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Limits the time of a whole build.
    #[must_use]
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = limit;
        self
    }

    /// Runs so many compilers side by side.
    #[must_use]
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs.max(1);
        self
    }

    /// Reports to `progress` in place of standard error.
    #[must_use]
    pub fn progress(mut self, progress: impl Progress + 'static) -> Self {
        self.progress = Arc::new(progress);
        self
    }

    /// Gives the model of `design`: from the cache, or built now.
    ///
    /// # Errors
    /// If a tool is missing or fails, the cache folder cannot be written, or time is over.
    pub fn build(&self, design: &Design) -> Result<VerilatedModel, BuildError> {
        design.check()?;
        let tools = Toolchain::find(&self.environment)?;
        let dir = self
            .environment
            .cache
            .as_ref()
            .ok_or(BuildError::NoCacheDir)?;
        let dir = std::path::absolute(dir).map_err(|source| BuildError::CacheNotWritable {
            dir: dir.clone(),
            source,
        })?;
        let cache = Cache::new(dir);
        let key = key(design, &tools);
        if let Some(model) = cache.lookup(&key).and_then(|e| describe(design, e, true)) {
            return Ok(model);
        }
        let build = Build {
            builder: self,
            design,
            compiler: Compiler {
                tools: &tools,
                cache: &cache,
                top: &design.top,
                flags: Flags {
                    trace: design.options.trace,
                    coverage: design.options.coverage,
                    optimise: design.options.optimise,
                },
                jobs: self.jobs,
                started: Instant::now(),
                limit: self.deadline,
            },
        };
        let result = build.under_lock(&key);
        match &result {
            Ok(_) => build.report(Event::Built {
                took: build.compiler.started.elapsed(),
            }),
            Err(_) => build.report(Event::Failed),
        }
        result
    }
}

/// One build in progress.
struct Build<'a> {
    builder: &'a Builder,
    design: &'a Design,
    compiler: Compiler<'a>,
}

impl Build<'_> {
    fn report(&self, event: Event) {
        self.builder.progress.report(&self.design.top, event);
    }

    fn under_lock(&self, key: &str) -> Result<VerilatedModel, BuildError> {
        let cache = self.compiler.cache;
        let deadline = self.compiler.started + self.compiler.limit;
        let Some(lock) = cache.lock(key, deadline, || self.report(Event::Waiting))? else {
            return Err(self.compiler.late("waiting for another build"));
        };
        // Another process may have built it while this one waited.
        if let Some(model) = cache
            .lookup(key)
            .and_then(|e| describe(self.design, e, true))
        {
            return Ok(model);
        }
        self.report(Event::Verilating);
        let scratch = cache.scratch(key, &lock)?;
        let ports = self.make_library(&scratch)?;
        let notes: Vec<String> = ports.iter().map(PortInfo::to_line).collect();
        let entry = self.publish(key, &lock, scratch, &notes)?;
        describe(self.design, entry, false).ok_or_else(|| BuildError::BadDesign {
            top: self.design.top.clone(),
            problem: "its ports could not be noted in the cache".to_owned(),
        })
    }

    fn publish(
        &self,
        key: &str,
        lock: &Lock,
        scratch: Scratch,
        notes: &[String],
    ) -> Result<Entry, BuildError> {
        self.compiler
            .cache
            .publish(key, lock, scratch, &[LIBRARY], notes)
    }

    fn make_library(&self, scratch: &Scratch) -> Result<Vec<PortInfo>, BuildError> {
        let obj = scratch.dir.join("obj");
        self.verilate(&scratch.dir)?;
        let read = |name: &str| {
            fs::read_to_string(obj.join(name)).map_err(|e| self.compiler.cache.error(e))
        };
        let ports = ports::from_header(&self.design.top, &read("Vfb.h")?)?;
        fs::write(obj.join("wrapper.cpp"), wrapper::source(&ports))
            .map_err(|e| self.compiler.cache.error(e))?;

        let classes = read("Vfb_classes.mk")?;
        let runtime_names: Vec<String> = ["VM_GLOBAL_FAST", "VM_GLOBAL_SLOW"]
            .iter()
            .flat_map(|name| makefile::list(&classes, name))
            .collect();
        let mut objects = runtime::objects(&self.compiler, &runtime_names, || {
            self.report(Event::Waiting)
        })?;

        let units = bundle::units(&obj, &classes).map_err(|e| self.compiler.cache.error(e))?;
        objects.extend(units.iter().map(|unit| unit.object.clone()));
        let total = units.len();
        self.report(Event::Compiling { done: 0, total });
        self.compiler.compile(&[&obj], units, |done| {
            self.report(Event::Compiling { done, total })
        })?;
        let libraries = makefile::list(&read("Vfb.mk")?, "VM_USER_LDLIBS");
        self.compiler
            .link(&objects, &libraries, &scratch.dir.join(LIBRARY))?;
        Ok(ports)
    }

    fn verilate(&self, dir: &Path) -> Result<(), BuildError> {
        let files = write_sources(self.design, dir).map_err(|e| self.compiler.cache.error(e))?;
        let mut command = verilator(&self.compiler, &self.builder.environment, self.design, dir);
        command.args(files);
        let deadline = self.compiler.started + self.compiler.limit;
        let program = self.compiler.tools.verilator.display().to_string();
        match run(&mut command, deadline) {
            Err(source) => Err(BuildError::Start { program, source }),
            Ok(Ended::Deadline) => Err(self.compiler.late("verilating")),
            Ok(Ended::Exit(output)) if output.status.success() => Ok(()),
            Ok(Ended::Exit(output)) => {
                let text = output.all();
                if text.contains("No space left on device") {
                    let dir = self.compiler.cache.dir().to_owned();
                    return Err(BuildError::DiskFull { dir });
                }
                Err(BuildError::Verilog {
                    top: self.design.top.clone(),
                    messages: error_lines(&text),
                })
            }
        }
    }
}

/// Writes the design's texts into `dir`; gives their names, the waivers first.
pub(crate) fn write_sources(design: &Design, dir: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    if !design.options.waivers.is_empty() {
        names.push("waivers.vlt".to_owned());
        let text = &design.options.waivers;
        let heading = if text.contains("`verilator_config") {
            ""
        } else {
            "`verilator_config\n"
        };
        fs::write(dir.join("waivers.vlt"), format!("{heading}{text}"))?;
    }
    for (name, text) in &design.sources {
        fs::write(dir.join(name), text)?;
        names.push(name.clone());
    }
    Ok(names)
}

/// `-D` and `-G` arguments of a design.
pub(crate) fn overrides(design: &Design) -> impl Iterator<Item = String> + '_ {
    let defines = design
        .options
        .defines
        .iter()
        .map(|(name, value)| format!("-D{name}={value}"));
    defines.chain(
        design
            .options
            .parameters
            .iter()
            .map(|(name, value)| format!("-G{name}={value}")),
    )
}

fn verilator(
    compiler: &Compiler<'_>,
    environment: &Environment,
    design: &Design,
    dir: &Path,
) -> Command {
    let options = &design.options;
    let x = if options.random_reset {
        "unique"
    } else {
        "fast"
    };
    let mut command = Command::new(&compiler.tools.verilator);
    command.current_dir(dir).env("PATH", &environment.path);
    command.args([
        "--cc",
        "--prefix",
        "Vfb",
        "--Mdir",
        "obj",
        "--top-module",
        &design.top,
    ]);
    command.args([
        "--x-assign",
        x,
        "--x-initial",
        x,
        "--no-timing",
        "-Wno-fatal",
    ]);
    command.args([
        "-Wno-lint",
        "-Wno-style",
        "-Wno-SYMRSVDWORD",
        "--output-split",
        "20000",
    ]);
    command.arg(format!("-O{}", options.optimise));
    command.arg(if options.assertions {
        "--assert"
    } else {
        "--no-assert"
    });
    if options.trace {
        command.arg("--trace-fst");
    }
    if options.coverage {
        command.args(["--coverage-line", "--coverage-toggle"]);
        command.args(["--coverage-max-width", "1"]);
    }
    command.args(overrides(design));
    command
}

/// The lines of Verilator's output that tell of errors, with their source excerpts.
pub(crate) fn error_lines(text: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with('%') {
            inside = line.starts_with("%Error") && !line.contains("Exiting due to");
        }
        if inside && kept.len() < 40 {
            kept.push(line);
        }
    }
    if kept.is_empty() {
        text.trim().to_owned()
    } else {
        kept.join("\n")
    }
}

fn key(design: &Design, tools: &Toolchain) -> String {
    let mut hash = Sha256::new();
    field(&mut hash, wrapper::TEMPLATE);
    field(&mut hash, &wrapper::ABI.to_string());
    field(&mut hash, &tools.version_line);
    field(&mut hash, &tools.include.to_string_lossy());
    field(&mut hash, &tools.cxx_identity);
    for argument in &tools.cxx_args {
        field(&mut hash, argument);
    }
    design.hash_into(&mut hash);
    format!("{}-{}", design.top, &hex(&hash.finalize())[..32])
}

/// The model that a cache entry holds; nothing if its notes cannot be understood.
fn describe(design: &Design, entry: Entry, from_cache: bool) -> Option<VerilatedModel> {
    let ports: Option<Arc<[PortInfo]>> = entry
        .notes
        .iter()
        .map(|line| PortInfo::from_line(line))
        .collect();
    Some(VerilatedModel {
        top: design.top.clone(),
        clock: design.clock.clone(),
        library: entry.dir.join(LIBRARY),
        ports: ports?,
        traced: design.options.trace,
        random_reset: design.options.random_reset,
        from_cache,
    })
}

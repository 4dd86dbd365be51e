//! A design to simulate: Verilog text, the name of its top module, and options.

use sha2::{Digest, Sha256};

use crate::error::BuildError;
use crate::primitives;

/// Verilog text, a top module, and how to build and clock it.
#[derive(Debug, Clone)]
pub struct Design {
    pub(crate) top: String,
    pub(crate) sources: Vec<(String, String)>,
    pub(crate) clock: String,
    pub(crate) options: Options,
}

/// What changes the built model, and therefore its place in the cache.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub trace: bool,
    pub random_reset: bool,
    pub coverage: bool,
    pub assertions: bool,
    pub optimise: u8,
    pub defines: Vec<(String, String)>,
    pub parameters: Vec<(String, String)>,
    pub waivers: String,
}

impl Design {
    /// A design with one source text. The clock port is called `aclk` until [`Design::clock`]
    /// says otherwise.
    pub fn new(top: impl Into<String>, verilog: impl Into<String>) -> Self {
        let top = top.into();
        Self {
            sources: vec![(format!("{top}.v"), verilog.into())],
            top,
            clock: "aclk".to_owned(),
            options: Options {
                trace: false,
                random_reset: false,
                coverage: false,
                assertions: false,
                optimise: 3,
                defines: Vec::new(),
                parameters: Vec::new(),
                waivers: String::new(),
            },
        }
    }

    /// Adds a source text; the file name appears in Verilator's messages. A name that ends in
    /// `.sv` is read as SystemVerilog.
    #[must_use]
    pub fn source(mut self, file: impl Into<String>, verilog: impl Into<String>) -> Self {
        self.sources.push((file.into(), verilog.into()));
        self
    }

    /// Adds models of the vendor's primitives that the sources instantiate.
    #[must_use]
    pub fn primitives(self) -> Self {
        let needed = self
            .sources
            .iter()
            .any(|(_, text)| primitives::needs_dsp48(text));
        match needed {
            true => self.source("dsp48.v", primitives::DSP48),
            false => self,
        }
    }

    /// Names the clock port (default `aclk`).
    #[must_use]
    pub fn clock(mut self, port: impl Into<String>) -> Self {
        self.clock = port.into();
        self
    }

    /// Builds with support for waveforms (slower to build and to run).
    #[must_use]
    pub fn trace(mut self, on: bool) -> Self {
        self.options.trace = on;
        self
    }

    /// Builds so that uninitialised state starts with random values from the seed given when
    /// the model is opened, instead of zero.
    #[must_use]
    pub fn random_reset(mut self, on: bool) -> Self {
        self.options.random_reset = on;
        self
    }

    /// Counts the lines and branches that are reached and the changes of single bits. A model
    /// writes what it counted into the folder `FIREBRICK_COVERAGE` when it ends.
    #[must_use]
    pub fn coverage(mut self, on: bool) -> Self {
        self.options.coverage = on;
        self
    }

    /// Keeps the design's assertions.
    #[must_use]
    pub fn assertions(mut self, on: bool) -> Self {
        self.options.assertions = on;
        self
    }

    /// Optimisation of Verilator and of the C++ compiler, 0 to 3 (default 3). A small design
    /// that runs for few cycles is ready sooner with 1.
    #[must_use]
    pub fn optimise(mut self, level: u8) -> Self {
        self.options.optimise = level.min(3);
        self
    }

    /// Defines a macro (`-D`).
    #[must_use]
    pub fn define(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.defines.push((name.into(), value.into()));
        self
    }

    /// Overrides a parameter of the top module (`-G`).
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.options
            .parameters
            .push((name.into(), value.to_string()));
        self
    }

    /// Adds lint waivers: the text of a Verilator `.vlt` file, for [`crate::verilator::lint::lint`] and
    /// for the build.
    #[must_use]
    pub fn waivers(mut self, vlt: impl Into<String>) -> Self {
        self.options.waivers = vlt.into();
        self
    }

    /// The name of the top module.
    #[must_use]
    pub fn top(&self) -> &str {
        &self.top
    }

    /// Refuses what could not be put on a command line or into a file.
    pub(crate) fn check(&self) -> Result<(), BuildError> {
        let bad = |problem: String| {
            Err(BuildError::BadDesign {
                top: self.top.clone(),
                problem,
            })
        };
        if !is_plain(&self.top) {
            return bad("the top module needs a plain Verilog identifier as its name".to_owned());
        }
        for (at, (name, text)) in self.sources.iter().enumerate() {
            let odd = |c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c));
            if name.is_empty() || name.starts_with(['.', '-']) || name.contains(odd) {
                return bad(format!("the source name {name:?} is not a plain file name"));
            }
            if self.sources[..at].iter().any(|(other, _)| other == name) {
                return bad(format!(
                    "two sources are called {name:?}; give each its own name"
                ));
            }
            if text.trim().is_empty() {
                return bad(format!("the source {name:?} is empty"));
            }
        }
        let options = &self.options;
        if let Some((name, _)) = options
            .defines
            .iter()
            .chain(&options.parameters)
            .find(|(n, _)| !is_plain(n))
        {
            return bad(format!("{name:?} is not the name of a macro or parameter"));
        }
        Ok(())
    }

    /// Feeds everything that changes the built model into the cache key.
    pub(crate) fn hash_into(&self, hash: &mut Sha256) {
        let options = &self.options;
        field(hash, &self.top);
        for (name, text) in &self.sources {
            field(hash, name);
            field(hash, text);
        }
        for (kind, list) in [("D", &options.defines), ("G", &options.parameters)] {
            for (name, value) in list {
                field(hash, kind);
                field(hash, name);
                field(hash, value);
            }
        }
        field(hash, &options.waivers);
        let flags = (
            options.trace,
            options.random_reset,
            options.coverage,
            options.assertions,
            options.optimise,
        );
        field(hash, &format!("{flags:?}"));
    }
}

/// Adds one text to a hash so that neighbouring texts cannot be confused.
pub(crate) fn field(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_le_bytes());
    hash.update(text.as_bytes());
}

/// Whether a name can stand in Verilog and on a command line without quotes.
pub(crate) fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

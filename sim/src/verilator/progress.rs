//! What the build tells the user while it works.

use std::time::Duration;

/// One thing that happens in a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The design is not in the cache; Verilator starts.
    Verilating,
    /// Verilator is done; so many of so many files are compiled.
    Compiling {
        /// Files compiled.
        done: usize,
        /// Files in all.
        total: usize,
    },
    /// Another process or thread builds the same design; this one waits for it.
    Waiting,
    /// The model is built.
    Built {
        /// How long it took.
        took: Duration,
    },
    /// The build ended with an error.
    Failed,
}

/// Receives the events of a build. A cached model gives none.
pub trait Progress: Send + Sync {
    /// `top` is the name of the design's top module.
    fn report(&self, top: &str, event: Event);
}

/// The default: a line on standard error when a build starts, and its time when it ends.
#[derive(Debug, Clone, Copy, Default)]
pub struct StderrProgress;

impl Progress for StderrProgress {
    fn report(&self, top: &str, event: Event) {
        match event {
            Event::Verilating => {
                eprintln!("verilating {top} (first use of this design; cached afterwards)…");
            }
            Event::Waiting => eprintln!("waiting for another build of {top}…"),
            Event::Built { took } => eprintln!("verilated {top}: {:.1} s", took.as_secs_f32()),
            Event::Compiling { .. } | Event::Failed => {}
        }
    }
}

/// Says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn report(&self, _top: &str, _event: Event) {}
}

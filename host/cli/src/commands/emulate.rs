//! `firebrick emulate`: a board that is not there.

use crate::args::emulate::Emulate;
use crate::error::CliError;
use crate::output::Output;
use crate::progress::Style;

#[cfg(not(feature = "sim"))]
pub fn run(_: &Emulate, _: Style, _: &mut Output) -> Result<(), CliError> {
    Err(crate::device::needs_simulator("emulate"))
}

#[cfg(feature = "sim")]
pub fn run(args: &Emulate, style: Style, output: &mut Output) -> Result<(), CliError> {
    use firebrick_sim::Builder;
    use firebrick_sim::emulator::Emulator;

    use crate::progress::BuildProgress;

    // Before anything is made: whoever is interrupted cleans up.
    let stop = stop::Stop::new(args.stay)?;
    let builder = Builder::new().progress(BuildProgress::new(style));
    let mut emulator = Emulator::start(&options(args), &builder).map_err(Box::new)?;
    output.line(format_args!("{}", emulator.uri()))?;
    output.flush()?;
    Ok(emulator.run(&|| stop.is_due()).map_err(Box::new)?)
}

#[cfg(feature = "sim")]
fn options(args: &Emulate) -> firebrick_sim::emulator::Options {
    use firebrick_sim::emulator::{Kind, Options, Streams};

    use crate::args::emulate;

    let kind = match args.kind {
        emulate::Kind::Xdma => Kind::Xdma,
        emulate::Kind::Axidma => Kind::AxiDma,
    };
    Options {
        engines: args.engines.into(),
        streams: match args.streams {
            emulate::Streams::Auto => Streams::Auto,
            emulate::Streams::Fuse => Streams::Fuse,
            emulate::Streams::Fifo => Streams::Fifo,
        },
        timeout: args.timeout,
        length_bits: args.length_bits,
        buffer_bytes: (args.buffer as usize) << 20,
        coherent: args.coherent,
        faults: args.faults.clone(),
        seed: args.seed,
        ..Options::new(kind, &args.preset.config(), &args.dir)
    }
}

#[cfg(feature = "sim")]
mod stop {
    use std::cell::Cell;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use rustix::process::{Pid, getppid};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

    use crate::error::CliError;
    use crate::signals;

    /// Between two looks at whether the parent is still there.
    const INTERVAL: Duration = Duration::from_millis(50);

    /// When to end: at a signal, and when the process that started this one has ended.
    pub struct Stop {
        signal: Arc<AtomicBool>,
        parent: Option<Option<Pid>>,
        looked: Cell<Instant>,
    }

    impl Stop {
        pub fn new(stay: bool) -> Result<Stop, CliError> {
            Ok(Stop {
                signal: signals::first_of(&[SIGINT, SIGTERM, SIGHUP])?,
                parent: (!stay).then(getppid),
                looked: Cell::new(Instant::now()),
            })
        }

        pub fn is_due(&self) -> bool {
            self.signal.load(Ordering::Relaxed) || self.is_orphaned()
        }

        fn is_orphaned(&self) -> bool {
            let Some(parent) = self.parent else {
                return false;
            };
            if self.looked.get().elapsed() < INTERVAL {
                return false;
            }
            self.looked.set(Instant::now());
            getppid() != parent
        }
    }
}

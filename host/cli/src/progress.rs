//! Progress and messages on standard error: bars on a terminal, plain lines elsewhere.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::live;

#[cfg(feature = "sim")]
pub use simulation::{BuildProgress, RunProgress};

/// One line. A closed standard error is no reason to fail.
pub fn note(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// One error.
pub fn error(error: impl Display) {
    note(format_args!(
        "{} {error}",
        paint(Stream::Err, Colour::Red, "error:")
    ));
}

/// One warning.
pub fn warning(text: impl Display) {
    note(format_args!(
        "{} {text}",
        paint(Stream::Err, Colour::Yellow, "warning:")
    ));
}

/// Where text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Out,
    Err,
}

/// Colours with a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    Red,
    Green,
    Yellow,
}

/// Text, in a colour where colours are shown.
pub fn paint(stream: Stream, colour: Colour, text: &str) -> String {
    let code = match colour {
        Colour::Red => 31,
        Colour::Green => 32,
        Colour::Yellow => 33,
    };
    match is_coloured(stream) {
        true => format!("\x1b[1;{code}m{text}\x1b[0m"),
        false => text.to_owned(),
    }
}

/// Whether a stream shows colours.
pub fn is_coloured(stream: Stream) -> bool {
    let terminal = match stream {
        Stream::Out => std::io::stdout().is_terminal(),
        Stream::Err => std::io::stderr().is_terminal(),
    };
    coloured(
        terminal,
        std::env::var_os("NO_COLOR"),
        std::env::var_os("TERM"),
    )
}

/// A terminal shows colours unless NO_COLOR is set and not empty, or it is a dumb one.
fn coloured(terminal: bool, no_color: Option<OsString>, term: Option<OsString>) -> bool {
    let refused = no_color.is_some_and(|text| !text.is_empty());
    terminal && !refused && term.is_none_or(|term| term != "dumb")
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    None,
    Lines,
    Bars,
}

impl Style {
    /// Bars and lines of a log do not go together.
    pub fn choose(quiet: bool, log: bool) -> Style {
        match (quiet, std::io::stderr().is_terminal() && !log) {
            (true, _) => Style::None,
            (false, true) => Style::Bars,
            (false, false) => Style::Lines,
        }
    }
}

/// Counts steps of known number, and says how long the rest will take.
pub struct Counter {
    style: Style,
    label: &'static str,
    total: usize,
    begin: Instant,
    state: Mutex<(usize, Instant)>,
    bar: Option<ProgressBar>,
}

/// Time between lines.
const INTERVAL: Duration = Duration::from_secs(5);

impl Counter {
    pub fn new(style: Style, label: &'static str, total: usize) -> Counter {
        let bar = (style == Style::Bars).then(|| {
            let template = "{msg} [{bar:30}] {pos}/{len}, {eta} left";
            let style = ProgressStyle::with_template(template)
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> ");
            ProgressBar::new(total as u64)
                .with_style(style)
                .with_message(label)
        });
        let now = Instant::now();
        Counter {
            style,
            label,
            total,
            begin: now,
            state: Mutex::new((0, now)),
            bar,
        }
    }

    /// One more step is done.
    pub fn tick(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 += 1;
        live::tell(|| self.line(state.0));
        if let Some(bar) = &self.bar {
            bar.set_position(state.0 as u64);
        } else if self.style == Style::Lines && state.1.elapsed() >= INTERVAL {
            state.1 = Instant::now();
            note(self.line(state.0));
        }
    }

    fn line(&self, done: usize) -> String {
        let left = self.total.saturating_sub(done);
        let seconds = self.begin.elapsed().as_secs_f64() / done as f64 * left as f64;
        format!(
            "{}: {done} of {}, {seconds:.0} s left",
            self.label, self.total
        )
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

#[cfg(feature = "sim")]
mod simulation {
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;
    use std::time::Instant;

    use firebrick_sim::{Event, Progress};
    use indicatif::{ProgressBar, ProgressStyle};

    use super::{INTERVAL, Style, note};
    use crate::live;

    fn style(template: &str) -> ProgressStyle {
        ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ")
    }

    /// Shows how the simulation model is built.
    pub struct BuildProgress {
        style: Style,
        bar: Mutex<Option<ProgressBar>>,
    }

    impl BuildProgress {
        pub fn new(style: Style) -> BuildProgress {
            BuildProgress {
                style,
                bar: Mutex::default(),
            }
        }

        fn lines(&self, top: &str, event: Event) {
            match event {
                Event::Verilating => note(format_args!(
                    "verilating {top} (first use of this design; cached afterwards)"
                )),
                Event::Compiling { done: 0, total } => {
                    note(format_args!("compiling {top}: {total} files"));
                }
                Event::Waiting => note(format_args!("waiting for another build of {top}")),
                Event::Built { took } => {
                    note(format_args!("built {top} in {:.1} s", took.as_secs_f32()));
                }
                Event::Compiling { .. } | Event::Failed => {}
            }
        }

        fn bars(&self, top: &str, event: Event) {
            let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
            let spin = |message: String| {
                let spinner = ProgressBar::new_spinner().with_message(message);
                spinner.enable_steady_tick(Duration::from_millis(100));
                spinner
            };
            match event {
                Event::Verilating => *bar = Some(spin(format!("verilating {top}"))),
                Event::Waiting => *bar = Some(spin(format!("waiting for another build of {top}"))),
                Event::Compiling { done: 0, total } => {
                    let new = ProgressBar::new(total as u64)
                        .with_style(style("{msg} [{bar:30}] {pos}/{len} files, {elapsed}"))
                        .with_message(format!("compiling {top}"));
                    new.enable_steady_tick(Duration::from_millis(500));
                    *bar = Some(new);
                }
                Event::Compiling { done, .. } => {
                    if let Some(bar) = &*bar {
                        bar.set_position(done as u64);
                    }
                }
                Event::Built { .. } | Event::Failed => {
                    if let Some(bar) = bar.take() {
                        bar.finish_and_clear();
                    }
                    self.lines(top, event);
                }
            }
        }
    }

    impl Progress for BuildProgress {
        fn report(&self, top: &str, event: Event) {
            live::tell(|| format!("building the simulation of {top}"));
            match self.style {
                Style::None => {}
                Style::Lines => self.lines(top, event),
                Style::Bars => self.bars(top, event),
            }
        }
    }

    /// Shows how far the simulation of a picture is.
    pub struct RunProgress {
        style: Style,
        run: Mutex<Option<Run>>,
        /// When a line was last written: also many short runs are seen to go on.
        last_line: Mutex<Instant>,
    }

    struct Run {
        label: String,
        predicted: u64,
        begin: Instant,
        /// It takes longer than predicted.
        late: bool,
        bar: Option<ProgressBar>,
    }

    const IN_TIME: &str =
        "{percent:>3} % [{bar:20}] {human_pos} cycles, {per_sec}, {eta} left: {msg}";
    const LATE: &str = "{spinner} {human_pos} cycles, {per_sec}: {msg}";

    /// A style with the rate in thousands of cycles a second.
    fn rated(template: &str) -> ProgressStyle {
        style(template).with_key(
            "per_sec",
            |state: &indicatif::ProgressState, text: &mut dyn std::fmt::Write| {
                let _ = write!(text, "{:.0} kcycle/s", state.per_sec() / 1e3);
            },
        )
    }

    /// One line of progress; the share and the time left only as long as they mean something.
    fn line(label: &str, cycles: u64, predicted: u64, rate: f64) -> String {
        let kilo = rate / 1e3;
        if cycles > predicted {
            let times = cycles as f64 / predicted as f64;
            return format!(
                "{label}: {cycles} cycles, {times:.1} times the {predicted} predicted without \
                 waits, {kilo:.0} kcycle/s"
            );
        }
        // Never 100 % of what still runs.
        let share = (100 * cycles / predicted).min(99);
        let left = ((predicted - cycles) as f64 / rate.max(1.0))
            .ceil()
            .max(1.0);
        format!("{label}: {share} %, {cycles} cycles, {kilo:.0} kcycle/s, {left:.0} s left")
    }

    impl RunProgress {
        pub fn new(style: Style) -> RunProgress {
            RunProgress {
                style,
                run: Mutex::default(),
                last_line: Mutex::new(Instant::now()),
            }
        }

        /// A run of about `predicted` cycles begins.
        pub fn start(&self, label: &str, predicted: u64) {
            // Of many short runs, none may last until it reports.
            self.line_if_due(|| label.to_owned());
            let bar = (self.style == Style::Bars).then(|| {
                ProgressBar::new(predicted.max(1))
                    .with_style(rated(IN_TIME))
                    .with_message(label.to_owned())
            });
            self.set(Some(Run {
                label: label.to_owned(),
                predicted: predicted.max(1),
                begin: Instant::now(),
                late: false,
                bar,
            }));
        }

        /// The run is at this cycle.
        pub fn at(&self, cycles: u64) {
            let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(run) = &mut *run else { return };
            let rate = || cycles as f64 / run.begin.elapsed().as_secs_f64();
            let line = || line(&run.label, cycles, run.predicted, rate());
            live::tell(line);
            if let Some(bar) = &run.bar {
                // Nobody knows how long it takes from here on.
                if cycles > run.predicted && !run.late {
                    run.late = true;
                    bar.set_style(rated(LATE));
                    bar.set_message(format!("{} ({} predicted)", run.label, run.predicted));
                }
                bar.set_position(cycles);
            } else {
                self.line_if_due(line);
            }
        }

        fn line_if_due(&self, line: impl FnOnce() -> String) {
            let mut last = self
                .last_line
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if self.style == Style::Lines && last.elapsed() >= INTERVAL {
                *last = Instant::now();
                note(line());
            }
        }

        /// The run is over.
        pub fn finish(&self) {
            self.set(None);
        }

        fn set(&self, new: Option<Run>) {
            let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(bar) = run.take().and_then(|run| run.bar) {
                bar.finish_and_clear();
            }
            *run = new;
        }
    }

    #[cfg(test)]
    mod tests {
        use super::line;

        #[test]
        fn a_run_that_goes_on_is_never_said_to_be_over() {
            assert_eq!(
                line("p", 500, 1000, 1000.0),
                "p: 50 %, 500 cycles, 1 kcycle/s, 1 s left"
            );
            for cycles in [999, 1000] {
                let text = line("p", cycles, 1000, 1e6);
                assert!(
                    text.contains(": 99 %") && text.contains("1 s left"),
                    "{text}"
                );
            }
            let text = line("p", 2500, 1000, 1e6);
            assert!(text.contains("2500 cycles, 2.5 times the 1000"), "{text}");
            assert!(!text.contains('%') && !text.contains("left"), "{text}");
        }
    }
}

#[cfg(test)]
mod colours {
    use super::*;

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        let set = |text: &str| Some(OsString::from(text));
        assert!(coloured(true, None, set("xterm")));
        assert!(coloured(true, set(""), None));
        assert!(!coloured(true, set("1"), set("xterm")));
        assert!(!coloured(true, None, set("dumb")));
        assert!(!coloured(false, None, set("xterm")));
        assert_eq!(Style::choose(true, false), Style::None);
        assert_ne!(Style::choose(false, true), Style::Bars);
    }
}

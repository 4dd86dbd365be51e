//! What the program does, step by step, on standard error: with `-v`, or as FIREBRICK_LOG or
//! RUST_LOG say.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::prelude::*;

use crate::progress::{self, Stream};

/// The variables that are looked at, the first that is set and not empty.
const VARIABLES: [&str; 2] = ["FIREBRICK_LOG", "RUST_LOG"];
/// How the names of the program's own parts begin.
const OWN: &str = "firebrick";

/// Begins to log. `-v` is the level `info` of the program's own parts, `-vv` `debug`, `-vvv`
/// `trace`; without it a variable says which, as in `debug` or `firebrick_driver=trace`, and
/// without one the level is `otherwise`. With `json` each line is an object.
pub fn begin(verbose: u8, otherwise: u8, json: bool) {
    let variable = VARIABLES.iter().find_map(|name| {
        let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
        Some((name, text))
    });
    let filter = match (verbose, variable) {
        (0, None) if otherwise == 0 => return,
        (0, None) => Targets::new().with_target(OWN, level(otherwise)),
        (0, Some((name, text))) => match named(&text) {
            Ok(filter) => filter,
            Err(error) => {
                progress::warning(format_args!(
                    "{name}={text}: {error}; give a level, as in debug, or one for each part, as \
                     in firebrick_driver=trace"
                ));
                return;
            }
        },
        (verbose, _) => Targets::new().with_target(OWN, level(verbose)),
    };
    // Where the time went is a matter of detail.
    let detailed = filter.would_enable("firebrick_driver", &tracing::Level::DEBUG);
    let spans = match detailed {
        true => FmtSpan::CLOSE,
        false => FmtSpan::NONE,
    };
    if json {
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .json()
            .flatten_event(true);
        let registry = tracing_subscriber::registry().with(lines).with(filter);
        let _ = registry.try_init();
        return;
    }
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(progress::is_coloured(Stream::Err))
        .with_timer(tracing_subscriber::fmt::time::uptime())
        .with_span_events(spans)
        .compact();
    let registry = tracing_subscriber::registry().with(lines).with(filter);
    // A second one would be a mistake of this program, and no reason to fail.
    let _ = registry.try_init();
}

/// A filter as variables have it: a level alone is that of the program's own parts.
fn named(text: &str) -> Result<Targets, ParseError> {
    match text.parse::<LevelFilter>() {
        Ok(level) => Ok(Targets::new().with_target(OWN, level)),
        Err(_) => text.parse(),
    }
}

fn level(verbose: u8) -> LevelFilter {
    match verbose {
        0 => LevelFilter::OFF,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn levels_are_of_the_programs_own_parts() {
        let filter = named("debug").unwrap();
        assert!(filter.would_enable("firebrick_driver::session", &Level::DEBUG));
        assert!(!filter.would_enable("firebrick_driver::session", &Level::TRACE));
        assert!(!filter.would_enable("mio", &Level::ERROR));
        let filter = named("firebrick_driver=trace").unwrap();
        assert!(filter.would_enable("firebrick_driver", &Level::TRACE));
        assert!(!filter.would_enable("firebrick_sim", &Level::ERROR));
        assert!(named("a=b=c").is_err());
        assert_eq!(level(9), LevelFilter::TRACE);
    }
}

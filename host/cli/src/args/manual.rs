//! What the help adds to the options: examples, environment variables, and the long version. The
//! man pages and the shell completions are made of the same [`command`].

use std::sync::LazyLock;

use clap::CommandFactory;
use firebrick_spec::ABI_VERSION;

use super::Args;
use crate::exit;

/// One example a line, by command. A test parses each of them.
const EXAMPLES: &[(&str, &[&str])] = &[
    (
        "classify",
        &[
            "firebrick classify cat.png",
            "firebrick classify --recursive photographs --json",
            "firebrick classify cat.png --backend sim --preset fb1024 --layers",
            "find . -name '*.jpg' -print0 | firebrick classify -0 -",
        ],
    ),
    (
        "verify",
        &[
            "firebrick verify cat.png",
            "firebrick verify cat.png --preset fb1024-packed --seed 7",
            "firebrick verify cat.png --waveform cat.fst --cycles 50000..60000",
            "firebrick verify cat.png --preset fb64 --wave-at-divergence=waves",
        ],
    ),
    (
        "generate",
        &[
            "firebrick generate --preset fb256 -o out",
            "firebrick generate --board kv260 -o out",
            "firebrick generate --preset fb64 --testbench -o out",
        ],
    ),
    (
        "presets",
        &["firebrick presets", "firebrick presets --json"],
    ),
    ("info", &["firebrick info", "firebrick info --board kc705"]),
    ("predict", &["firebrick predict --preset fb2048 --size 227"]),
    (
        "report",
        &[
            "firebrick report -o report.html",
            "firebrick report cat.png --board kv260 -o report.html",
        ],
    ),
    (
        "explore",
        &[
            "firebrick explore --board kv260",
            "firebrick explore --board kv260 --write kv260.toml",
        ],
    ),
    (
        "disasm",
        &["firebrick disasm --preset fb256 --weights resident"],
    ),
    (
        "compile",
        &["firebrick compile cat.png -o transfer.bin --expect result.bin"],
    ),
    (
        "import",
        &[
            "firebrick import model.onnx -o model.fb --calibrate photographs",
            "firebrick import model.pth -o model.fb --calibration ranges.toml",
        ],
    ),
    (
        "train",
        &[
            "firebrick train birds -o birds.fb",
            "firebrick train birds -o birds.fb --optimiser adam --seed 7",
        ],
    ),
    (
        "evaluate",
        &["firebrick evaluate labels.csv --model model.fb --reference model.onnx"],
    ),
    (
        "features",
        &[
            "firebrick features photographs -o features.npy",
            "firebrick features cat.png --layer conv10 --map -o map.npy",
            "firebrick features cat.png --layer fire9/concat --backend sim --preset fb64 -o f.npy",
        ],
    ),
    ("maps", &["firebrick maps cat.png -o maps"]),
    (
        "emulate",
        &["firebrick emulate --kind xdma --preset fb64 --dir board"],
    ),
    (
        "serve",
        &[
            "firebrick serve --device xdma:/dev/xdma0 --device xdma:/dev/xdma1",
            "firebrick serve --device model --model cats=cats.fb --model builtin",
        ],
    ),
    ("devices", &["firebrick devices"]),
    (
        "doctor",
        &[
            "firebrick doctor",
            "firebrick doctor --device xdma:/dev/xdma0",
        ],
    ),
    (
        "bench",
        &["firebrick bench --device axidma: --images 1000 --clock 100"],
    ),
    ("replay", &["firebrick replay run.fbr --backend software"]),
    ("schema", &["firebrick schema classify"]),
    (
        "completions",
        &["firebrick completions bash > ~/.local/share/bash-completion/completions/firebrick"],
    ),
    ("man", &["firebrick man -o ~/.local/share/man/man1"]),
];

/// Commands that build or run the simulated engine, and so read these variables.
#[cfg(feature = "sim")]
const SIMULATING: &[&str] = &[
    "classify", "verify", "evaluate", "emulate", "doctor", "bench", "replay", "serve",
];
#[cfg(not(feature = "sim"))]
const SIMULATING: &[&str] = &[];

macro_rules! colour {
    () => {
        "  NO_COLOR             If it is set and not empty, nothing is coloured."
    };
}

macro_rules! log {
    () => {
        "  FIREBRICK_LOG        What is logged without -v: a level (error, warn, info, debug, trace),
                       or one for each part, as in firebrick_driver=trace. Without it,
                       RUST_LOG says so.
"
    };
}

const ENVIRONMENT: &str = concat!(
    "\
Environment variables:
  FIREBRICK_CACHE      The folder that keeps built simulations. Without it, they are
                       kept in firebrick below $XDG_CACHE_HOME or ~/.cache.
  FIREBRICK_VERILATOR  The Verilator to use instead of the one on PATH.
  CXX                  The C++ compiler that builds simulations.
",
    log!(),
    colour!()
);

const COLOUR: &str = concat!("Environment variables:\n", log!(), colour!());

/// The exit codes, one a line.
fn exit_codes() -> String {
    let line = |(code, meaning): (u8, &str)| format!("\n  {code:<4} {meaning}");
    format!("Exit codes:{}", exit::TABLE.map(line).concat())
}

/// The version with the commit, the ABI of the engine, and the features that were built in.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let features: Vec<&str> = [
        ("serve", cfg!(feature = "serve")),
        ("sim", cfg!(feature = "sim")),
        ("tract", cfg!(feature = "tract")),
    ]
    .into_iter()
    .filter_map(|(name, on)| on.then_some(name))
    .collect();
    format!(
        "{}\ncommit {}\nABI {} ({ABI_VERSION:#010x})\nfeatures: {}",
        env!("CARGO_PKG_VERSION"),
        env!("FIREBRICK_COMMIT"),
        firebrick_spec::version(ABI_VERSION),
        match features.is_empty() {
            true => "none".to_owned(),
            false => features.join(", "),
        }
    )
});

/// The command line with all that its help says.
pub fn command() -> clap::Command {
    let root = Args::command()
        .long_version(VERSION.as_str())
        .after_help(format!("{ENVIRONMENT}\n\n{}", exit_codes()));
    EXAMPLES.iter().fold(root, |root, (name, lines)| {
        root.mut_subcommand(name, |command| {
            let environment = match SIMULATING.contains(name) {
                true => ENVIRONMENT,
                false => COLOUR,
            };
            let text = format!("Examples:\n  {}\n\n{environment}", lines.join("\n  "));
            // What a command says at the end of its long help stays there.
            let long = command
                .get_after_long_help()
                .map(|own| format!("{text}\n\n{own}"));
            let command = command.after_help(text);
            match long {
                Some(long) => command.after_long_help(long),
                None => command,
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;
    use crate::args::check::check;

    /// The words of an example, as a shell splits those that are used here.
    fn words(line: &str) -> impl Iterator<Item = &str> {
        let own = line.rsplit('|').next().unwrap_or(line);
        own.split(" > ").next().unwrap_or(own).split_whitespace()
    }

    #[test]
    fn every_command_has_examples_that_parse() {
        for sub in command().get_subcommands() {
            let name = sub.get_name();
            let found = EXAMPLES.iter().find(|(of, _)| *of == name);
            let (_, lines) = found.unwrap_or_else(|| panic!("{name} has no example"));
            let help = sub.get_after_help().map(ToString::to_string);
            for line in *lines {
                assert!(
                    help.as_ref().is_some_and(|help| help.contains(line)),
                    "{name}"
                );
                let matches = command().try_get_matches_from(words(line));
                let args = Args::from_arg_matches(&matches.expect(line)).expect(line);
                assert_eq!(check(&args), Ok(()), "{line}");
            }
        }
    }

    #[test]
    fn no_example_is_of_an_unknown_command() {
        for name in EXAMPLES.iter().map(|(name, _)| name).chain(SIMULATING) {
            assert!(command().find_subcommand(name).is_some(), "{name}");
        }
    }

    #[test]
    fn what_a_command_says_at_its_end_stays() {
        let command = command();
        let emulate = command.find_subcommand("emulate").unwrap();
        let long = emulate.get_after_long_help().unwrap().to_string();
        assert!(long.contains("Examples:"), "{long}");
        assert_eq!(long.contains("Faults:"), cfg!(feature = "sim"), "{long}");
    }
}

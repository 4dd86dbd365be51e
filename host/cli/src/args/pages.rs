//! The pages of the documentation show only commands and options that there are.

#[path = "../../tests/common/pages.rs"]
mod shown;

use std::collections::BTreeSet;

use clap::FromArgMatches;
use firebrick_spec::HwConfig;
use shown::{in_blocks, in_text, is_placeholder};

use super::check::check;
use super::{Args, command};

/// Options of other programs that pages speak of.
const OTHERS: &[&str] = &["--features", "--no-default-features"];

/// The long options of a command, with those of all commands.
fn options(command: &clap::Command) -> BTreeSet<String> {
    let of = |command: &clap::Command| -> Vec<String> {
        let arguments = command.get_arguments();
        let long = arguments.filter_map(|argument| argument.get_long());
        long.map(|long| format!("--{long}")).collect()
    };
    let root = super::command();
    let mut all: BTreeSet<String> = of(command).into_iter().chain(of(&root)).collect();
    all.extend(["--help".to_owned(), "--version".to_owned()]);
    all
}

#[test]
fn commands_of_code_blocks_are_understood() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("engine.toml");
    std::fs::write(&file, firebrick::preset::text(&HwConfig::default(), &[])).unwrap();
    let engine = file.to_str().unwrap();
    let mut parsed = 0;
    for shown in in_blocks() {
        let Some(arguments) = shown.arguments() else {
            continue;
        };
        let words = ["firebrick"].into_iter();
        let words = words.chain(arguments.iter().map(String::as_str));
        // The file that is shown is not here.
        let words = words.map(|word| match word {
            "engine.toml" => engine,
            word => word,
        });
        let at = &shown.at;
        let matches = command().try_get_matches_from(words);
        let matches = matches.unwrap_or_else(|error| panic!("{at}: {error}"));
        let args = Args::from_arg_matches(&matches).expect(at);
        if !shown.has_placeholder() {
            assert_eq!(check(&args), Ok(()), "{at}");
        }
        parsed += 1;
    }
    assert!(parsed > 20, "{parsed}");
}

#[test]
fn commands_within_the_text_have_options_that_there_are() {
    let root = command();
    let mut known: BTreeSet<String> = options(&root);
    known.extend(root.get_subcommands().flat_map(options));
    let (mut seen, mut wrong) = (0, Vec::new());
    for (at, code) in in_text() {
        let words = code
            .split_whitespace()
            .map(|word| word.trim_matches(['[', ']', ',']))
            .map(|word| word.split(['=', '|']).next().unwrap_or(word));
        let words: Vec<&str> = words.collect();
        let own = words.iter().position(|word| word.ends_with("firebrick"));
        let sub = own.and_then(|own| words.get(own + 1));
        let first = words.first().copied().unwrap_or_default();
        // A command of its own: `verify --seed N`.
        let sub = sub.or(Some(&first).filter(|first| root.find_subcommand(first).is_some()));
        let allowed = match sub {
            Some(&name) if !is_placeholder(name) && !name.starts_with('-') => {
                let sub = root.find_subcommand(name);
                options(sub.unwrap_or_else(|| panic!("{at}: there is no command {name:?}")))
            }
            _ if first.starts_with("--") => known.clone(),
            _ => continue,
        };
        for word in words.iter().filter(|word| word.starts_with("--")) {
            seen += 1;
            if !allowed.contains(*word) && (sub.is_some() || !OTHERS.contains(word)) {
                wrong.push(format!("{at}: `{code}`: there is no option {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 50, "{seen}");
}

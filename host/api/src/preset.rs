//! Configurations by name or from a file: what `--preset` and `sim:PRESET` take.
//!
//! A file is TOML with a `name` and every parameter of [`PARAMETERS`]; docs/presets.md describes
//! it. [`text`] writes one.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use firebrick_spec::HwConfig;
use firebrick_spec::config::{
    ConfigError, Family, MEMORIES, OPTIONS, PARAMETERS, PRESETS, Parameter, Values,
};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::near::{self, near, question};

/// How a file begins that [`text`] wrote.
pub const BEGINNING: &str = "# A configuration of Firebrick's engine";

/// What the name of a file ends in.
const ENDING: &str = ".toml";
/// The key of a file beside those of the parameters.
const NAME: &str = "name";
/// Longest name; tools have trouble with longer module names.
const NAME_MAX: usize = 48;
/// Most bytes of a file: what is longer is none.
const SIZE_MAX: u64 = 64 << 10;

/// Why a name or a file gives no configuration.
#[derive(Debug, thiserror::Error)]
pub enum PresetError {
    /// There is none of this name.
    #[error(
        "there is no preset {name:?}; give one of {}, with any of the options {} appended, or a file, \
         FILE{ENDING}{}", PRESETS.join(", "), options(), question(near::preset(name))
    )]
    Unknown {
        /// The name.
        name: String,
    },
    /// The file cannot be read.
    #[error("{}: {source}; name a file that describes a configuration (docs/presets.md)", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no TOML.
    #[error("{}: {source}", path.display())]
    Toml {
        /// Which file.
        path: PathBuf,
        /// Where, and what is wrong.
        source: Box<toml::de::Error>,
    },
    /// The file says what cannot be.
    #[error("{}{}: {what}", path.display(), line.map_or(String::new(), |line| format!(", line {line}")))]
    Content {
        /// Which file.
        path: PathBuf,
        /// In which line, from 1, if it is one.
        line: Option<usize>,
        /// What, and what to write.
        what: String,
    },
}

fn options() -> String {
    let options = OPTIONS.iter().map(|(option, _)| format!("-{option}"));
    let sizes = MEMORIES.iter().map(|(kind, _)| format!("-{kind}KIB"));
    let all: Vec<String> = options.chain(sizes).collect();
    all.join(", ")
}

/// Whether a text names a file, and no preset: it ends in `.toml`, or has a `/`.
#[must_use]
pub fn is_file(text: &str) -> bool {
    text.ends_with(ENDING) || text.contains('/')
}

/// The configuration of a preset's name with its options, or of a file.
///
/// # Errors
/// If there is no such preset, the file cannot be read, or it describes no engine.
pub fn find(text: &str) -> Result<HwConfig, PresetError> {
    if is_file(text) {
        return read(Path::new(text));
    }
    HwConfig::preset(text).ok_or_else(|| PresetError::Unknown { name: text.into() })
}

/// The configuration that a file describes.
///
/// # Errors
/// As those of [`find`].
pub fn read(path: &Path) -> Result<HwConfig, PresetError> {
    let mut content = String::new();
    let opened = File::open(path).and_then(|file| {
        let read = file.take(SIZE_MAX + 1).read_to_string(&mut content)?;
        match read as u64 > SIZE_MAX {
            true => Err(io::Error::other("it is too long for a configuration")),
            false => Ok(()),
        }
    });
    opened.map_err(|source| PresetError::Read {
        path: path.into(),
        source,
    })?;
    parse(path, &content)
}

/// The configuration that a file's content describes; `path` is for errors.
///
/// # Errors
/// If it is no TOML, or describes no engine.
pub fn parse(path: &Path, content: &str) -> Result<HwConfig, PresetError> {
    let table = DeTable::parse(content).map_err(|source| PresetError::Toml {
        path: path.into(),
        source: Box::new(source),
    })?;
    let wrong = |at: Option<usize>, what: String| PresetError::Content {
        path: path.into(),
        line: at.map(|at| content[..at].matches('\n').count() + 1),
        what,
    };
    let mut config = HwConfig::default();
    let mut missing: Vec<&Parameter> = PARAMETERS.iter().collect();
    let mut name = None;
    for (key, value) in table.get_ref() {
        let at = Some(value.span().start);
        if key.get_ref() == NAME {
            name = Some((at, named(value).map_err(|what| wrong(at, what))?));
            continue;
        }
        let parameter = PARAMETERS.iter().find(|p| p.name == key.get_ref());
        let parameter = parameter.ok_or_else(|| {
            let keys = PARAMETERS.iter().map(|p| p.name).chain([NAME]);
            let meant = question(near(key.get_ref(), keys));
            let what = format!("there is no parameter {:?}{meant}", key.get_ref());
            wrong(Some(key.span().start), what)
        })?;
        let number = number(parameter, value).map_err(|what| wrong(at, what))?;
        let set = parameter.set(&mut config, number);
        set.map_err(|error| wrong(at, error.to_string()))?;
        missing.retain(|other| *other != parameter);
    }
    if let Some(parameter) = missing.first() {
        let Parameter {
            name, values, unit, ..
        } = parameter;
        return Err(wrong(
            None,
            format!("{name} is missing; give {values} ({unit})"),
        ));
    }
    let Some((at, name)) = name else {
        let what = "name is missing; give the configuration one: name = \"my-engine\"";
        return Err(wrong(None, what.into()));
    };
    (config.check()).map_err(|error: ConfigError| wrong(None, error.to_string()))?;
    if HwConfig::preset(&name).is_some_and(|preset| !preset.is_same(&config)) {
        let what =
            format!("{name:?} is a preset with other parameters; give this one another name");
        return Err(wrong(at, what));
    }
    config.name = name;
    Ok(config)
}

/// A name from which those of modules and files can be made.
fn named(value: &Spanned<DeValue<'_>>) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let name = value.get_ref().as_str().unwrap_or_default();
    match name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(plain)
        && name.len() <= NAME_MAX
    {
        true => Ok(name.to_owned()),
        false => Err(format!(
            "name is a text of at most {NAME_MAX} of a to z, 0 to 9 and -, the first a letter, as in \
             name = \"my-engine\""
        )),
    }
}

/// A value as [`Parameter::set`] takes it.
fn number(parameter: &Parameter, value: &Spanned<DeValue<'_>>) -> Result<usize, String> {
    let number = match (parameter.values, value.get_ref()) {
        (Values::Flag, DeValue::Boolean(flag)) => Some(usize::from(*flag)),
        (Values::Families, DeValue::String(name)) => {
            Family::ALL.iter().position(|family| family.name() == name)
        }
        (Values::OneOf(_) | Values::Within(..), DeValue::Integer(number)) => {
            usize::from_str_radix(number.as_str(), number.radix()).ok()
        }
        _ => None,
    };
    number.ok_or_else(|| {
        format!(
            "{} is no such value; give {} ({})",
            parameter.name, parameter.values, parameter.unit
        )
    })
}

/// The file of a configuration, with `notes` in comments above it. [`parse`] gives the configuration again.
#[must_use]
pub fn text(config: &HwConfig, notes: &[String]) -> String {
    let mut text = format!("{BEGINNING}, for --preset FILE and sim:FILE (docs/presets.md).\n");
    for line in notes.iter().flat_map(|note| note.lines()) {
        let _ = writeln!(text, "# {line}");
    }
    let _ = writeln!(text, "{NAME} = {:?}", config.name);
    for parameter in PARAMETERS {
        let Parameter {
            name,
            unit,
            what,
            values,
            ..
        } = parameter;
        let number = parameter.get(config);
        let value = match values {
            Values::OneOf(_) | Values::Within(..) => number.to_string(),
            Values::Flag => (number != 0).to_string(),
            Values::Families => format!("{:?}", config.family.name()),
        };
        let _ = writeln!(text, "\n# {what}\n# {values} ({unit}).\n{name} = {value}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(content: &str) -> Result<HwConfig, String> {
        parse(Path::new("engine.toml"), content).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_gives_the_configuration_that_it_was_written_for() {
        let mut odd = HwConfig::preset("fb512-packed").unwrap();
        (odd.feature_words, odd.acc_depth, odd.sum_bits) = (1000, 300, 30);
        "odd".clone_into(&mut odd.name);
        let named = [
            "fb64",
            "fb1024-f512-w128-packed-xc7",
            "fb2048-packed-resident-wide",
        ];
        let named = named.map(|name| HwConfig::preset(name).unwrap());
        for config in named.into_iter().chain([odd]) {
            let written = text(&config, &["a note\nof two lines".into()]);
            let read = parsed(&written).unwrap();
            assert_eq!((&read, read.hash()), (&config, config.hash()));
            assert_eq!(text(&read, &["a note\nof two lines".into()]), written);
            assert!(
                written.starts_with(BEGINNING) && written.contains("\n# a note\n# of two lines\n")
            );
        }
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_with_its_line() {
        let good = text(&HwConfig::preset("fb256").unwrap(), &[]).replace("\"fb256\"", "\"mine\"");
        assert_eq!(parsed(&good).unwrap().name, "mine");
        let line = |start: &str| {
            let at = good
                .lines()
                .position(|line| line.starts_with(start))
                .unwrap();
            format!("engine.toml, line {}: ", at + 1)
        };
        for (from, to, at, part) in [
            (
                "lanes = 1",
                "lane = 1",
                line("lanes"),
                "there is no parameter \"lane\"; did you mean lanes?",
            ),
            (
                "lanes = 1",
                "lanes = 3",
                line("lanes"),
                "lanes = 3 is not possible; give 1, 2, 4 or 8 (pixels)",
            ),
            (
                "lanes = 1",
                "lanes = \"1\"",
                line("lanes"),
                "give 1, 2, 4 or 8 (pixels)",
            ),
            (
                "lanes = 1",
                "lanes = -1",
                line("lanes"),
                "give 1, 2, 4 or 8 (pixels)",
            ),
            (
                "lanes = 1",
                "lanes = 1.0",
                line("lanes"),
                "give 1, 2, 4 or 8 (pixels)",
            ),
            (
                "lanes = 1",
                "lanes = 99999999999999999999999",
                line("lanes"),
                "give 1, 2, 4 or 8 (pixels)",
            ),
            (
                "packed = false",
                "packed = 2",
                line("packed"),
                "give true or false",
            ),
            (
                "family = \"generic\"",
                "family = \"xc9\"",
                line("family"),
                "give \"generic\", \"xc7\" or \"xcup\" (name)",
            ),
            (
                "acc_depth = 512",
                "acc_depth = 1",
                line("acc_depth"),
                "give 2 to 512 (vectors",
            ),
            (
                "tile = 16",
                "tile = 8",
                "engine.toml: ".into(),
                "requantisers = 8 is not possible with tile = 8",
            ),
            (
                "lanes = 1",
                "",
                "engine.toml: ".into(),
                "lanes is missing; give 1, 2, 4 or 8 (pixels)",
            ),
            (
                "name = \"mine\"",
                "",
                "engine.toml: ".into(),
                "name is missing",
            ),
            ("\"mine\"", "\"Mine\"", line("name"), "a to z, 0 to 9 and -"),
            ("\"mine\"", "\"\"", line("name"), "a to z, 0 to 9 and -"),
            ("\"mine\"", "7", line("name"), "a to z, 0 to 9 and -"),
            (
                "\"mine\"",
                "\"fb512\"",
                line("name"),
                "\"fb512\" is a preset with other parameters",
            ),
            (
                "lanes = 1",
                "lanes = 1\nlanes = 2",
                "engine.toml: ".into(),
                "duplicate key",
            ),
            (
                "lanes = 1",
                "lanes",
                "engine.toml: ".into(),
                "TOML parse error at line",
            ),
            ("lanes = 1", "[lanes]", line("lanes"), "give 1, 2, 4 or 8"),
        ] {
            let content = good.replacen(from, to, 1);
            assert_ne!(content, good);
            let error = parsed(&content).unwrap_err();
            assert!(
                error.starts_with(&at) && error.contains(part),
                "{to}: {error}"
            );
        }
    }

    #[test]
    fn a_damaged_file_is_an_engine_or_an_error() {
        let good = text(&HwConfig::preset("fb1024-packed").unwrap(), &[]);
        let (mut engines, mut errors) = (0, 0);
        for at in 0..good.len() {
            for damage in ["", "9", "=", "\"", "é"] {
                let content = format!("{}{damage}{}", &good[..at], &good[at + 1..]);
                match parsed(&content) {
                    Ok(config) => {
                        assert_eq!(config.check(), Ok(()), "{content}");
                        engines += 1;
                    }
                    Err(error) => {
                        assert!(error.starts_with("engine.toml"), "{error}");
                        errors += 1;
                    }
                }
            }
        }
        assert!(engines > 1000 && errors > 1000, "{engines}, {errors}");
    }

    #[test]
    fn names_and_files_are_told_apart() {
        assert_eq!(find("fb256-packed").unwrap().name, "fb256-packed");
        let error = find("fb265").unwrap_err().to_string();
        assert!(error.contains("FILE.toml; did you mean fb256?"), "{error}");
        for path in ["none.toml", "./none", "/dev/zero"] {
            let error = find(path).unwrap_err();
            assert!(matches!(error, PresetError::Read { .. }), "{error}");
            assert!(error.to_string().starts_with(path), "{error}");
        }
    }
}

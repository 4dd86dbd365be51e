//! "Did you mean": the known name that is most like a mistyped one.

use firebrick_spec::HwConfig;
use firebrick_spec::config::{MEMORIES, OPTIONS, PRESETS};

/// Names less alike than this are not what was meant.
const ALIKE: f64 = 0.75;

/// The name among `known` that is most like `name`, if one is.
#[must_use]
pub fn near<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let rated = known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&name, known), known));
    rated
        .filter(|(rate, _)| *rate >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

/// The end of an error message that asks whether another name was meant.
#[must_use]
pub fn question(meant: Option<impl std::fmt::Display>) -> String {
    meant.map_or(String::new(), |meant| format!("; did you mean {meant}?"))
}

/// The preset with options that is most like a name.
#[must_use]
pub fn preset(name: &str) -> Option<String> {
    let options = OPTIONS.iter().map(|(option, _)| *option);
    let (base, rest) = name.split_once('-').unwrap_or((name, ""));
    // The name of one preset has a dash itself.
    let second = |preset: &&'static str| preset.split_once('-').map(|(_, second)| second);
    let seconds = PRESETS.iter().filter_map(second);
    let mut words = vec![near(
        base,
        PRESETS.iter().copied().filter(|p| !p.contains('-')),
    )?];
    let is_size = |word: &str| {
        let digits = MEMORIES
            .iter()
            .find_map(|(kind, _)| word.strip_prefix(kind));
        digits.is_some_and(|digits| digits.parse::<usize>().is_ok())
    };
    for word in rest.split('-').filter(|word| !word.is_empty()) {
        words.push(if is_size(word) {
            word
        } else {
            near(word, options.clone().chain(seconds.clone()))?
        });
    }
    Some(words.join("-")).filter(|name| HwConfig::preset(name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_that_were_meant() {
        for (name, meant) in [
            ("fb265", Some("fb256")),
            ("FB1024", Some("fb1024")),
            ("fb256-paked", Some("fb256-packed")),
            ("fb1024-residnet-packed", Some("fb1024-resident-packed")),
            ("fb256-smal", Some("fb256-small")),
            ("fb1024-f512-paked", Some("fb1024-f512-packed")),
            ("fb1024-f513-packed", None),
            ("tpu", None),
            ("", None),
            ("fb256-zzz", None),
        ] {
            assert_eq!(preset(name).as_deref(), meant, "{name}");
        }
    }

    #[test]
    fn names_that_were_meant() {
        let boards = ["kc705", "kv260", "pynq-z2"];
        assert_eq!(near("pynqz2", boards), Some("pynq-z2"));
        assert_eq!(near("KV-260", boards), Some("kv260"));
        assert_eq!(near("versal", boards), None);
        assert_eq!(question(Some("a")), "; did you mean a?");
        assert_eq!(question(None::<&str>), "");
    }
}

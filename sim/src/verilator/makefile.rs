//! Reads the few lists that are needed from the makefiles that Verilator writes.

/// The words of `NAME += \` or `NAME = \` with its continued lines.
pub(crate) fn list(text: &str, name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if !inside {
            let rest = line.strip_prefix(name).map(str::trim_start);
            let Some(rest) = rest.and_then(|r| r.strip_prefix("+=").or(r.strip_prefix('='))) else {
                continue;
            };
            inside = rest.trim_end().ends_with('\\');
            words.extend(split(rest));
        } else {
            words.extend(split(line));
            inside = line.trim_end().ends_with('\\');
        }
    }
    words
}

fn split(line: &str) -> impl Iterator<Item = String> + '_ {
    line.trim_end()
        .trim_end_matches('\\')
        .split_whitespace()
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::list;

    #[test]
    fn continued_lists() {
        let text = "# A\nX += \\\n\ta \\\n\tb \\\n\n# next\nY = \\\n\t-lz \\\n\nXY += c\nX += d\n";
        assert_eq!(list(text, "X"), ["a", "b", "d"]);
        assert_eq!(list(text, "Y"), ["-lz"]);
        assert!(list(text, "Z").is_empty());
    }
}

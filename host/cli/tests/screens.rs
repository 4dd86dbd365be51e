//! Whole screens at 80 and 120 columns, as they are kept in `tests/screens`. After a change that is
//! meant, FIREBRICK_BLESS=1 writes them anew; read the difference.
//!
//! The figures are those of the timing model: where that changes, so do these screens.

use std::path::Path;

use crate::common::{Run, command};

/// The screens, by the name of their files.
const SCREENS: [(&str, &[&str]); 4] = [
    ("predict", &["predict", "--preset", "fb64"]),
    ("explore", &["explore", "--board", "litefury"]),
    ("presets", &["presets"]),
    ("info", &["info", "--board", "kv260"]),
];

/// The time that a prediction took is another one each time.
fn without_times(text: &str) -> String {
    let line = |line: &str| match line.strip_prefix("predicted in ") {
        Some(_) => "predicted in (time)\n".to_owned(),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[test]
fn screens_are_as_they_were() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screens");
    for (name, args) in SCREENS {
        for columns in [80, 120] {
            let output = command(args)
                .env("COLUMNS", columns.to_string())
                .output()
                .unwrap();
            let got = without_times(&Run::of(output).good().stdout);
            for line in got.lines().filter(|line| line.starts_with('|')) {
                assert!(
                    line.chars().count() <= columns,
                    "{name} at {columns}: {line}"
                );
            }
            let path = folder.join(format!("{name}-{columns}.txt"));
            if std::env::var_os("FIREBRICK_BLESS").is_some() {
                std::fs::write(&path, &got).unwrap();
            }
            let want = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(got == want, "{} differs; now it is\n{got}", path.display());
        }
    }
}

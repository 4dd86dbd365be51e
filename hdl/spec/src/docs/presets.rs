//! `docs/presets.md`.

use super::{cell, header};
use crate::HwConfig;
use crate::config::{MEMORIES, OPTIONS, PARAMETERS, SIZES_KIB, Values};
use std::fmt::Write as _;

/// The page on configurations: names, options, and the keys of a file.
#[must_use]
pub fn presets_page() -> String {
    let mut page = header("Presets and configuration files");
    page.push_str(include_str!("text/presets_intro.md"));
    let presets: Vec<HwConfig> = HwConfig::presets().collect();
    let names: Vec<String> = presets.iter().map(|c| format!("`{}`", c.name)).collect();
    let _ = writeln!(
        page,
        "{},\neach with any of these options appended, in any order, as in `fb1024-f512-packed`:\n",
        names.join(", ")
    );
    page.push_str("| Option | Means |\n|---|---|\n");
    for (option, what) in OPTIONS {
        let _ = writeln!(page, "| `-{option}` | {} |", cell(what));
    }
    for (kind, what) in MEMORIES {
        let _ = writeln!(page, "| `-{kind}KIB` | {} |", cell(what));
    }
    let sizes: Vec<String> = SIZES_KIB.iter().map(usize::to_string).collect();
    let _ = writeln!(page, "\nKIB is one of {}.", sizes.join(", "));
    page.push_str(include_str!("text/presets_file.md"));
    parameters(&mut page, &presets);
    page.push_str(include_str!("text/presets_limits.md"));
    page
}

/// The keys of a file, with what they are in each preset.
fn parameters(page: &mut String, presets: &[HwConfig]) {
    page.push_str("| Key | Values | Unit | What it is |");
    for config in presets {
        let _ = write!(page, " `{}` |", config.name);
    }
    page.push_str("\n|---|---|---|---|");
    page.push_str(&"---:|".repeat(presets.len()));
    for parameter in PARAMETERS {
        let name = parameter.name;
        let _ = write!(
            page,
            "\n| `{name}` | {} | {} | {} |",
            parameter.values,
            cell(parameter.unit),
            cell(parameter.what)
        );
        for config in presets {
            let _ = match parameter.values {
                Values::Flag => write!(page, " {} |", config.packed),
                Values::Families => write!(page, " {} |", config.family.name()),
                _ => write!(page, " {} |", parameter.get(config)),
            };
        }
    }
    page.push('\n');
}

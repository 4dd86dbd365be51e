//! Verilator's lint, with waivers.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::design::Design;
use crate::environment::Environment;
use crate::error::BuildError;
use crate::process::{Ended, run};
use crate::temporary::Temporary;
use crate::verilator::toolchain::find_verilator;
use crate::verilator::verilate::{error_lines, overrides, write_sources};

/// One warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LintWarning {
    /// Verilator's name of the rule, such as `WIDTH`; empty if it gave none.
    pub rule: String,
    /// File, line and column, such as `top.v:12:7`; empty if it gave none.
    pub place: String,
    /// The message.
    pub message: String,
    /// The lines that explain it: the source with a marker, other places.
    pub context: Vec<String>,
}

impl std::fmt::Display for LintWarning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.rule, self.place, self.message)?;
        self.context
            .iter()
            .try_for_each(|line| write!(f, "\n{line}"))
    }
}

/// Runs `verilator --lint-only -Wall` on `design` with its waivers ([`Design::waivers`]); gives
/// the warnings that are left.
///
/// # Errors
/// If Verilator is missing, finds errors in the design, or does not end within `limit`.
pub fn lint(
    design: &Design,
    environment: &Environment,
    limit: Duration,
) -> Result<Vec<LintWarning>, BuildError> {
    design.check()?;
    let verilator = find_verilator(environment)?;
    let scratch = Temporary::new("lint")?;
    let dir = scratch.path();
    let files = write_sources(design, dir).map_err(|source| scratch.error(source))?;
    let mut command = Command::new(&verilator);
    command.current_dir(dir).env("PATH", &environment.path);
    command.args([
        "--lint-only",
        "-Wall",
        "-Wno-fatal",
        "--no-timing",
        "--top-module",
        &design.top,
    ]);
    command.args(overrides(design)).args(files);
    let ended = run(&mut command, Instant::now() + limit).map_err(|source| BuildError::Start {
        program: verilator.display().to_string(),
        source,
    })?;
    match ended {
        Ended::Exit(output) if output.status.success() => Ok(warnings(&output.all())),
        Ended::Exit(output) => Err(BuildError::Verilog {
            top: design.top.clone(),
            messages: error_lines(&output.all()),
        }),
        Ended::Deadline => Err(BuildError::Deadline {
            what: "the lint".to_owned(),
            top: design.top.clone(),
            limit,
        }),
    }
}

/// Reads lines such as `%Warning-WIDTH: top.v:3:9: Operator ADD expects ...`.
fn warnings(text: &str) -> Vec<LintWarning> {
    let mut list: Vec<LintWarning> = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("%Warning") {
            let (rule, rest) = rest.split_once(": ").unwrap_or(("", rest));
            let (place, message) = match rest.split_once(": ") {
                Some((place, message)) if place.contains(':') && !place.contains(' ') => {
                    (place, message)
                }
                _ => ("", rest),
            };
            list.push(LintWarning {
                rule: rule.trim_start_matches('-').to_owned(),
                place: place.to_owned(),
                message: message.to_owned(),
                context: Vec::new(),
            });
        } else if let Some(warning) = list.last_mut() {
            // The advice that follows is the same for each rule.
            let advice = line.trim_start().starts_with("... ");
            if !advice && !line.starts_with('%') && !line.starts_with("- ") {
                warning.context.push(line.to_owned());
            }
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::warnings;

    #[test]
    fn reads_warnings() {
        let text = "%Warning-WIDTH: t.v:3:9: Operator ADD expects 9 bits.\n                 : ... In instance t\n    \
                    3 | q <= a;\n      |      ^~\n                ... For warning description see x\n\
                    %Warning-UNUSED: t.v:1:2: Signal is not used: 'b'\n%Warning: odd\n";
        let list = warnings(text);
        assert_eq!(list.len(), 3);
        assert_eq!(
            (list[0].rule.as_str(), list[0].place.as_str()),
            ("WIDTH", "t.v:3:9")
        );
        assert_eq!(list[0].message, "Operator ADD expects 9 bits.");
        assert_eq!(list[0].context.len(), 3, "{:?}", list[0].context);
        assert_eq!(list[1].message, "Signal is not used: 'b'");
        assert_eq!(
            (list[2].rule.as_str(), list[2].message.as_str()),
            ("", "odd")
        );
    }
}

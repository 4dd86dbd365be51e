//! Splits a block's one combinational process into independent ones.
//!
//! Rust-HDL writes all of a block's logic into one `always @(*)`. Simulators order processes,
//! not statements, so two signals that merely share a process look like a loop. Statements that
//! write a common signal stay together, in order, and so do a statement that reads a signal and
//! those that write it later; everything else becomes a process of its own, or an `assign`.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

static ASSIGNMENT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\s*([A-Za-z_][\w$]*)(\[.*?\])? = (.*);$").expect("valid regex"));
static NAME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[A-Za-z_][\w$]*").expect("valid regex"));

/// What the combinational body became.
pub(crate) struct Split {
    /// Verilog text.
    pub text: String,
    /// Signals driven by `assign`: wires.
    pub wires: BTreeSet<String>,
}

struct Statement<'a> {
    lines: Vec<&'a str>,
    writes: BTreeSet<&'a str>,
    reads: BTreeSet<&'a str>,
}

fn statement<'a>(lines: Vec<&'a str>) -> Statement<'a> {
    let (mut writes, mut reads) = (BTreeSet::new(), BTreeSet::new());
    for line in &lines {
        let read = match ASSIGNMENT.captures(line) {
            Some(found) => {
                writes.insert(found.get(1).map_or("", |m| m.as_str()));
                // A slice keeps the signal's other bits: no read in the sense of order, since
                // all its writers are together anyway.
                found.get(3).map_or("", |m| m.as_str())
            }
            None => line,
        };
        reads.extend(NAME.find_iter(read).map(|m| m.as_str()));
    }
    Statement {
        lines,
        writes,
        reads,
    }
}

/// Change of nesting that a line makes.
fn nesting(line: &str) -> i32 {
    let opens = line.ends_with("begin") || line.starts_with("case (");
    let closes = line == "end" || line == "endcase";
    i32::from(opens) - i32::from(closes)
}

fn statements(body: &str) -> Vec<Statement<'_>> {
    let mut groups: Vec<Vec<&str>> = Vec::new();
    let mut depth = 0;
    for line in body.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with("//") {
            continue;
        }
        let continues = depth > 0 || trimmed.starts_with("else");
        match groups.last_mut() {
            Some(group) if continues => group.push(line),
            _ => groups.push(vec![line]),
        }
        depth += nesting(trimmed);
    }
    groups.into_iter().map(statement).collect()
}

fn root(parent: &mut [usize], mut i: usize) -> usize {
    while parent[i] != i {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    i
}

/// Splits the inside of `always @(*) begin ... end`.
pub(crate) fn split(body: &str) -> Split {
    let statements = statements(body);
    let mut parent: Vec<usize> = (0..statements.len()).collect();
    let mut writers: HashMap<&str, Vec<usize>> = HashMap::new();
    for (i, s) in statements.iter().enumerate() {
        for name in &s.writes {
            writers.entry(name).or_default().push(i);
        }
    }
    for (i, s) in statements.iter().enumerate() {
        for name in s.writes.iter().chain(&s.reads) {
            let Some(all) = writers.get(name) else {
                continue;
            };
            let together = s.writes.contains(name) || all.iter().any(|&w| w > i);
            if together {
                for &w in all {
                    let (a, b) = (root(&mut parent, i), root(&mut parent, w));
                    parent[a.max(b)] = a.min(b);
                }
            }
        }
    }
    let mut groups: Vec<Vec<usize>> = vec![Vec::new(); statements.len()];
    for i in 0..statements.len() {
        let leader = root(&mut parent, i);
        groups[leader].push(i);
    }
    let mut out = Split {
        text: String::new(),
        wires: BTreeSet::new(),
    };
    for group in groups.iter().filter(|g| !g.is_empty()) {
        // Rust-HDL's first default `d = q` is dead when a plain assignment follows.
        let live_from = group
            .iter()
            .rposition(|&i| {
                let s = &statements[i];
                s.lines.len() == 1 && s.writes.len() == 1 && {
                    let whole = ASSIGNMENT
                        .captures(s.lines[0])
                        .is_some_and(|c| c.get(2).is_none());
                    let name = s.writes.first().copied().unwrap_or("");
                    whole
                        && !s.reads.contains(name)
                        && group
                            .iter()
                            .all(|&g| statements[g].writes.iter().all(|w| *w == name))
                }
            })
            .unwrap_or(0);
        let live = &group[live_from..];
        if let [only] = live {
            let s = &statements[*only];
            if let (1, Some(found)) = (s.lines.len(), ASSIGNMENT.captures(s.lines[0]))
                && found.get(2).is_none()
            {
                let _ = writeln!(
                    out.text,
                    "assign {};",
                    s.lines[0].trim().trim_end_matches(';')
                );
                out.wires.insert(found[1].to_owned());
                continue;
            }
        }
        out.text.push_str("always @(*) begin\n");
        for line in live.iter().flat_map(|&i| &statements[i].lines) {
            let _ = writeln!(out.text, "{line}");
        }
        out.text.push_str("end\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn independent_signals_part() {
        let out = split("    a = b;\n    c = d;\n");
        assert_eq!(out.text, "assign a = b;\nassign c = d;\n");
        assert_eq!(out.wires.len(), 2);
    }

    #[test]
    fn writers_of_one_signal_stay_in_order() {
        let body = "    a = b;\n    c = d;\n    if (e) begin\n        a = f;\n    end\n";
        let out = split(body);
        assert_eq!(
            out.text,
            "always @(*) begin\n    a = b;\n    if (e) begin\n        a = f;\n    end\nend\nassign c = d;\n"
        );
    }

    #[test]
    fn a_read_before_a_later_write_keeps_its_value() {
        let out = split("    a = b;\n    c = a;\n    a = d;\n");
        assert!(out.wires.is_empty());
        assert_eq!(
            out.text,
            "always @(*) begin\n    a = b;\n    c = a;\n    a = d;\nend\n"
        );
    }

    #[test]
    fn a_dead_default_goes() {
        assert_eq!(split("    d = q;\n    d = x;\n").text, "assign d = x;\n");
    }
}

//! Splits a block's one combinational process into independent ones.
//!
//! Rust-HDL's blocks have one process for all their logic. Simulators order processes, not
//! statements, so two signals that merely share a process look like a loop. Statements that
//! write a common signal stay together, in order, and so do a statement that reads a signal and
//! those that write it later; everything else becomes a process of its own, or an `assign`.

use std::collections::{BTreeSet, HashMap};

use super::expr::Expr;
use super::lower::Statement;

/// What drives nets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Process {
    /// A wire.
    Assign(String, Expr),
    /// `always @(*)`.
    Always(Vec<Statement>),
}

impl Process {
    /// Nets that it writes.
    pub fn writes<'a>(&'a self, found: &mut impl FnMut(&'a str)) {
        match self {
            Process::Assign(name, _) => found(name),
            Process::Always(statements) => statements.iter().for_each(|s| s.writes(found)),
        }
    }

    /// Nets that it reads, as [`Expr::reads`].
    pub fn reads<'a>(&'a self, found: &mut impl FnMut(&'a str, Option<(usize, usize)>)) {
        match self {
            Process::Assign(_, value) => value.reads(found),
            Process::Always(statements) => statements.iter().for_each(|s| s.reads(found)),
        }
    }
}

impl Statement {
    /// Nets that it writes.
    pub fn writes<'a>(&'a self, found: &mut impl FnMut(&'a str)) {
        match self {
            Statement::Assign(name, ..) => found(name),
            Statement::If(_, then, otherwise) => {
                then.iter().chain(otherwise).for_each(|s| s.writes(found));
            }
            Statement::Case(_, arms) => {
                let inner = arms.iter().flat_map(|(_, block)| block);
                inner.for_each(|s| s.writes(found));
            }
        }
    }

    /// Nets that it reads, as [`Expr::reads`].
    pub fn reads<'a>(&'a self, found: &mut impl FnMut(&'a str, Option<(usize, usize)>)) {
        match self {
            Statement::Assign(_, _, value) => value.reads(found),
            Statement::If(test, then, otherwise) => {
                test.reads(found);
                then.iter().chain(otherwise).for_each(|s| s.reads(found));
            }
            Statement::Case(test, arms) => {
                test.reads(found);
                for (label, block) in arms {
                    label.iter().for_each(|label| label.reads(found));
                    block.iter().for_each(|s| s.reads(found));
                }
            }
        }
    }
}

struct Sets<'a> {
    writes: BTreeSet<&'a str>,
    reads: BTreeSet<&'a str>,
}

fn sets(statement: &Statement) -> Sets<'_> {
    let (mut writes, mut reads) = (BTreeSet::new(), BTreeSet::new());
    statement.writes(&mut |name| {
        writes.insert(name);
    });
    statement.reads(&mut |name, _| {
        reads.insert(name);
    });
    Sets { writes, reads }
}

fn root(parent: &mut [usize], mut i: usize) -> usize {
    while parent[i] != i {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    i
}

/// Which group each statement is in, by its first one.
fn groups(sets: &[Sets<'_>]) -> Vec<Vec<usize>> {
    let mut parent: Vec<usize> = (0..sets.len()).collect();
    let mut writers: HashMap<&str, Vec<usize>> = HashMap::new();
    for (i, s) in sets.iter().enumerate() {
        for name in &s.writes {
            writers.entry(name).or_default().push(i);
        }
    }
    for (i, s) in sets.iter().enumerate() {
        for name in s.writes.union(&s.reads) {
            let Some(all) = writers.get(name) else {
                continue;
            };
            if s.writes.contains(name) || all.iter().any(|&w| w > i) {
                for &w in all {
                    let (a, b) = (root(&mut parent, i), root(&mut parent, w));
                    parent[a.max(b)] = a.min(b);
                }
            }
        }
    }
    let mut groups = vec![Vec::new(); sets.len()];
    for i in 0..sets.len() {
        groups[root(&mut parent, i)].push(i);
    }
    groups.retain(|group| !group.is_empty());
    groups
}

/// Splits the statements of a process.
pub(super) fn split(statements: Vec<Statement>) -> Vec<Process> {
    let sets: Vec<Sets<'_>> = statements.iter().map(sets).collect();
    let mut live = Vec::new();
    for group in groups(&sets) {
        // A whole assignment makes what was written before it dead, such as Rust-HDL's first
        // `d = q`, where it is all that the group writes.
        let overwrites = |&i: &usize| match &statements[i] {
            Statement::Assign(name, None, _) => {
                let name = name.as_str();
                !sets[i].reads.contains(name)
                    && group
                        .iter()
                        .all(|&g| sets[g].writes.iter().all(|w| *w == name))
            }
            _ => false,
        };
        let from = group.iter().rposition(overwrites).unwrap_or(0);
        live.push(group[from..].to_vec());
    }
    let mut statements: Vec<Option<Statement>> = statements.into_iter().map(Some).collect();
    let mut take = |i: usize| statements[i].take();
    live.into_iter()
        .map(|group| {
            let mut group: Vec<Statement> = group.into_iter().filter_map(&mut take).collect();
            match group.as_slice() {
                [Statement::Assign(_, None, _)] => match group.remove(0) {
                    Statement::Assign(name, _, value) => Process::Assign(name, value),
                    other => Process::Always(vec![other]),
                },
                _ => Process::Always(group),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Expr, Process, Statement, split};

    fn net(name: &str) -> Expr {
        Expr::Net(name.into())
    }

    fn set(to: &str, from: &str) -> Statement {
        Statement::Assign(to.into(), None, net(from))
    }

    fn wire(to: &str, from: &str) -> Process {
        Process::Assign(to.into(), net(from))
    }

    #[test]
    fn independent_signals_part() {
        let out = split(vec![set("a", "b"), set("c", "d")]);
        assert_eq!(out, [wire("a", "b"), wire("c", "d")]);
    }

    #[test]
    fn writers_of_one_signal_stay_in_order() {
        let change = Statement::If(net("e"), vec![set("a", "f")], Vec::new());
        let out = split(vec![set("a", "b"), set("c", "d"), change.clone()]);
        let both = Process::Always(vec![set("a", "b"), change]);
        assert_eq!(out, [both, wire("c", "d")]);
    }

    #[test]
    fn a_read_before_a_later_write_keeps_its_value() {
        let all = vec![set("a", "b"), set("c", "a"), set("a", "d")];
        assert_eq!(split(all.clone()), [Process::Always(all)]);
    }

    #[test]
    fn a_dead_default_goes() {
        assert_eq!(split(vec![set("d", "q"), set("d", "x")]), [wire("d", "x")]);
    }
}

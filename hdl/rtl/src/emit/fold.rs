//! Registers whose next values nobody else reads are written where they are decided.
//!
//! Rust-HDL gives a register `q` a net `d` and decides that in a combinational process. If only the
//! register reads `d`, the process can stand in the clocked one, and `d` goes: `if (load_in) q <= w_in;`
//! says the same in one place, and simulators keep and copy one word less for each register.

use std::collections::{HashMap, HashSet};

use super::expr::Expr;
use super::lower::Statement;
use super::module::Module;
use super::split::Process;

/// What [`fold`] makes of a module.
#[derive(Default)]
pub(super) struct Folded {
    /// Numbers of the processes that are gone.
    processes: HashSet<usize>,
    /// Nets that are gone.
    nets: HashSet<String>,
    /// Registers that are assigned in [`Folded::clocked`].
    registers: HashSet<String>,
    /// Clocks and statements, whose targets are registers.
    pub clocked: Vec<(String, Vec<Statement>)>,
}

impl Folded {
    /// Takes the statements' processes, the next values' nets and the registers out of a module.
    pub fn without(&self, module: &Module) -> Module {
        let mut rest = module.clone();
        let mut number = 0..;
        rest.processes
            .retain(|_| number.next().is_none_or(|n| !self.processes.contains(&n)));
        rest.nets.retain(|net| !self.nets.contains(&net.name));
        for register in &mut rest.registers {
            if self.registers.contains(&register.q) {
                // Not printed, and reads nothing.
                register.d = register.initial.clone();
            }
        }
        rest
    }

    /// Whether a register is assigned in [`Folded::clocked`].
    pub fn has(&self, register: &str) -> bool {
        self.registers.contains(register)
    }
}

/// How often each net is read.
fn readers<'a>(module: &'a Module, all: &[Module]) -> HashMap<&'a str, usize> {
    let mut counts = HashMap::new();
    module.reads(all, &mut |name, _| *counts.entry(name).or_default() += 1);
    counts
}

/// The statements with registers in place of next values; a register that keeps its value at first
/// needs no statement for that.
fn clocked(statements: &[Statement], registers: &HashMap<&str, &str>) -> Vec<Statement> {
    let keeps = |statement: &Statement| match statement {
        Statement::Assign(d, None, Expr::Net(from)) => {
            registers.get(d.as_str()) == Some(&from.as_str())
        }
        _ => false,
    };
    let name = |d: &String| {
        registers
            .get(d.as_str())
            .map_or_else(|| d.clone(), |q| (*q).to_owned())
    };
    // Only before anything else is assigned does keeping say nothing.
    let first = statements.iter().take_while(|s| keeps(s)).count();
    rename(&statements[first..], &name)
}

fn rename(block: &[Statement], name: &impl Fn(&String) -> String) -> Vec<Statement> {
    let one = |statement: &Statement| match statement {
        Statement::Assign(to, bits, value) => Statement::Assign(name(to), *bits, value.clone()),
        Statement::If(test, then, otherwise) => {
            Statement::If(test.clone(), rename(then, name), rename(otherwise, name))
        }
        Statement::Case(test, arms) => Statement::Case(
            test.clone(),
            arms.iter()
                .map(|(label, block)| (label.clone(), rename(block, name)))
                .collect(),
        ),
    };
    block.iter().map(one).collect()
}

/// Finds what can be folded.
pub(super) fn fold(module: &Module, all: &[Module]) -> Folded {
    let mut folded = Folded::default();
    if module.leaf.is_some() {
        return folded;
    }
    let readers = readers(module, all);
    let local: HashSet<&str> = module.nets.iter().map(|net| net.name.as_str()).collect();
    // Register and clock of each next value that only a register reads.
    let next: HashMap<&str, (&str, &str)> = module
        .registers
        .iter()
        .filter_map(|register| {
            Some((
                register.d.net()?,
                (register.q.as_str(), register.clock.as_str()),
            ))
        })
        .filter(|(d, _)| local.contains(d) && readers.get(*d) == Some(&1))
        .collect();
    for (number, process) in module.processes.iter().enumerate() {
        let Process::Always(statements) = process else {
            continue;
        };
        let mut writes = HashSet::new();
        process.writes(&mut |name| {
            writes.insert(name);
        });
        let known: Option<Vec<_>> = writes.iter().map(|d| Some((*d, *next.get(d)?))).collect();
        let Some(known) = known else { continue };
        let Some((_, (_, clock))) = known.first() else {
            continue;
        };
        if known.iter().any(|(_, (_, other))| other != clock) {
            continue;
        }
        let registers: HashMap<&str, &str> = known.iter().map(|(d, (q, _))| (*d, *q)).collect();
        folded.processes.insert(number);
        for (d, q) in &registers {
            folded.nets.insert((*d).to_owned());
            folded.registers.insert((*q).to_owned());
        }
        let clocked = clocked(statements, &registers);
        folded.clocked.push(((*clock).to_owned(), clocked));
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::super::module::{Net, Register};
    use super::super::source::Type;
    use super::*;

    fn net(name: &str) -> Expr {
        Expr::Net(name.into())
    }

    fn set(to: &str, from: &str) -> Statement {
        Statement::Assign(to.into(), None, net(from))
    }

    fn module(processes: Vec<Process>) -> Module {
        let local = |name: &str| Net {
            name: name.into(),
            width: 1,
            signed: false,
            direction: None,
            field: String::new(),
            attributes: Vec::new(),
        };
        let register = |name: &str| Register {
            q: format!("{name}_q"),
            d: net(&format!("{name}_d")),
            clock: "clock".into(),
            initial: Expr::zeros(1),
        };
        Module {
            of: Type {
                name: "Block".into(),
                arguments: Vec::new(),
            },
            ports: Vec::new(),
            parameters: Vec::new(),
            nets: ["a_d", "a_q", "b_d", "b_q"].map(local).into(),
            instances: Vec::new(),
            processes,
            registers: vec![register("a"), register("b")],
            leaf: None,
        }
    }

    fn change(to: &str) -> Statement {
        Statement::If(net("e"), vec![set(to, "x")], Vec::new())
    }

    #[test]
    fn a_next_value_of_one_reader_goes() {
        let module = module(vec![Process::Always(vec![
            set("a_d", "a_q"),
            change("a_d"),
        ])]);
        let folded = fold(&module, &[]);
        assert_eq!(folded.clocked, [("clock".to_owned(), vec![change("a_q")])]);
        let rest = folded.without(&module);
        assert!(rest.processes.is_empty());
        assert!(rest.nets.iter().all(|net| net.name != "a_d"));
        assert!(folded.has("a_q") && !folded.has("b_q"));
    }

    #[test]
    fn a_next_value_that_is_read_stays() {
        let first = Process::Always(vec![set("a_d", "a_q"), change("a_d")]);
        let read = module(vec![first, Process::Assign("b_d".into(), net("a_d"))]);
        assert!(fold(&read, &[]).clocked.is_empty());
        // A value that its own process reads after it was written.
        let own = module(vec![Process::Always(vec![
            set("a_d", "a_q"),
            set("b_d", "a_d"),
        ])]);
        assert!(fold(&own, &[]).clocked.is_empty());
        // A process that also writes a net.
        let mixed = module(vec![Process::Always(vec![
            set("a_d", "a_q"),
            set("n", "a_q"),
        ])]);
        assert!(fold(&mixed, &[]).clocked.is_empty());
    }

    #[test]
    fn keeping_a_value_later_is_said() {
        let statements = vec![set("a_d", "x"), set("a_d", "a_q")];
        let folded = fold(&module(vec![Process::Always(statements)]), &[]);
        let kept = vec![set("a_q", "x"), set("a_q", "a_q")];
        assert_eq!(folded.clocked, [("clock".to_owned(), kept)]);
    }
}

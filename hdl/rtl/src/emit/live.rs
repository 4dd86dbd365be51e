//! Leaves out what reaches no output of the top.

use std::collections::{HashMap, HashSet};

use super::expr::Expr;
use super::lower::Statement;
use super::module::{Direction, Module, Modules};
use super::split::Process;

#[derive(Clone, Copy)]
enum Driver {
    Process(usize),
    Register(usize),
    Instance(usize),
}

struct Live<'a> {
    modules: &'a [Module],
    drivers: Vec<HashMap<&'a str, Driver>>,
    /// Parents of each module, with the instance's number.
    users: Vec<Vec<(usize, usize)>>,
    nets: Vec<HashSet<&'a str>>,
    instances: Vec<HashSet<usize>>,
    work: Vec<(usize, &'a str)>,
}

fn drivers<'a>(module: &'a Module, all: &[Module]) -> HashMap<&'a str, Driver> {
    let mut drivers: HashMap<&'a str, Driver> = HashMap::new();
    for (i, process) in module.processes.iter().enumerate() {
        process.writes(&mut |name| {
            drivers.insert(name, Driver::Process(i));
        });
    }
    for (i, register) in module.registers.iter().enumerate() {
        drivers.insert(register.q.as_str(), Driver::Register(i));
    }
    for (i, instance) in module.instances.iter().enumerate() {
        for ((_, pin), port) in instance.pins.iter().zip(&all[instance.module].ports) {
            if let (Some(net), Some(Direction::Output)) =
                (pin.as_ref().and_then(Expr::net), port.direction)
            {
                drivers.insert(net, Driver::Instance(i));
            }
        }
    }
    drivers
}

/// Calls `found` with what the value of `net` after a statement depends on.
fn reads_for<'a>(
    statement: &'a Statement,
    net: &str,
    found: &mut impl FnMut(&'a str, Option<(usize, usize)>),
) {
    let mut concerns = false;
    statement.writes(&mut |name| concerns |= name == net);
    if !concerns {
        return;
    }
    match statement {
        Statement::Assign(_, _, value) => value.reads(found),
        Statement::If(test, then, otherwise) => {
            test.reads(found);
            for inner in then.iter().chain(otherwise) {
                reads_for(inner, net, found);
            }
        }
        Statement::Case(test, arms) => {
            test.reads(found);
            for (label, block) in arms {
                label.iter().for_each(|label| label.reads(found));
                block.iter().for_each(|inner| reads_for(inner, net, found));
            }
        }
    }
}

impl<'a> Live<'a> {
    fn mark(&mut self, module: usize, net: &'a str) {
        if self.nets[module].insert(net) {
            self.work.push((module, net));
        }
    }

    fn mark_reads(&mut self, module: usize, value: &'a Expr) {
        value.reads(&mut |net, _| {
            if self.nets[module].insert(net) {
                self.work.push((module, net));
            }
        });
    }

    /// A port of a block inside became live, or the instance did.
    fn pin(&mut self, parent: usize, instance: usize, port: &str) {
        let modules = self.modules;
        let pins = modules[parent].instances[instance].pins.iter();
        for (_, pin) in pins.filter(|(name, _)| name == port) {
            pin.iter().for_each(|pin| self.mark_reads(parent, pin));
        }
    }

    fn step(&mut self, module: usize, net: &'a str) {
        let modules = self.modules;
        let of = &modules[module];
        let port = of.ports.iter().find(|port| port.name == net);
        if port.is_some_and(|port| port.direction == Some(Direction::Input)) {
            for (parent, instance) in self.users[module].clone() {
                if self.instances[parent].contains(&instance) {
                    self.pin(parent, instance, net);
                }
            }
        }
        if let Some(leaf) = &of.leaf {
            for word in leaf.words() {
                let mut nets = of.ports.iter().chain(&of.nets);
                if nets.any(|net| net.name == word.name) {
                    self.mark(module, word.name);
                }
            }
            return;
        }
        match self.drivers[module].get(net).copied() {
            Some(Driver::Process(i)) => match &of.processes[i] {
                Process::Assign(_, value) => self.mark_reads(module, value),
                Process::Always(statements) => {
                    let mut found = Vec::new();
                    for statement in statements {
                        reads_for(statement, net, &mut |name, _| found.push(name));
                    }
                    found.into_iter().for_each(|name| self.mark(module, name));
                }
            },
            Some(Driver::Register(i)) => {
                self.mark_reads(module, &of.registers[i].d);
                self.mark(module, &of.registers[i].clock);
            }
            Some(Driver::Instance(i)) => self.instance(module, i, net),
            None => {}
        }
    }

    /// A net of a block inside is read.
    fn instance(&mut self, module: usize, i: usize, net: &str) {
        let modules = self.modules;
        let instance = &modules[module].instances[i];
        let child = instance.module;
        for port in &modules[child].ports {
            let pin = instance.pins.iter().find(|(name, _)| *name == port.name);
            let reads = pin.and_then(|(_, pin)| pin.as_ref()).and_then(Expr::net) == Some(net);
            if port.direction == Some(Direction::Output) && reads {
                self.mark(child, &port.name);
            }
        }
        if self.instances[module].insert(i) {
            let inputs = modules[child].ports.iter();
            for port in inputs.filter(|p| p.direction == Some(Direction::Input)) {
                if self.nets[child].contains(port.name.as_str()) {
                    self.pin(module, i, &port.name);
                }
            }
        }
    }
}

/// Leaves out the assignments to other nets.
fn prune(statements: Vec<Statement>, live: &HashSet<String>) -> Vec<Statement> {
    let mut kept = Vec::new();
    for statement in statements {
        let statement = match statement {
            Statement::Assign(ref net, ..) if !live.contains(net) => continue,
            Statement::If(test, then, otherwise) => {
                let (then, otherwise) = (prune(then, live), prune(otherwise, live));
                match (then.is_empty(), otherwise.is_empty()) {
                    (true, true) => continue,
                    (true, false) => {
                        Statement::If(Expr::Unary('~', Box::new(test)), otherwise, then)
                    }
                    _ => Statement::If(test, then, otherwise),
                }
            }
            Statement::Case(test, arms) => {
                let arms: Vec<_> = arms
                    .into_iter()
                    .map(|(label, block)| (label, prune(block, live)))
                    .collect();
                if arms.iter().all(|(_, block)| block.is_empty()) {
                    continue;
                }
                Statement::Case(test, arms)
            }
            other => other,
        };
        kept.push(statement);
    }
    kept
}

/// Prunes all modules; the ports of the last, the top, stay.
pub(super) fn keep_live(modules: &mut Modules) {
    let all = &modules.all;
    let Some(top) = all.len().checked_sub(1) else {
        return;
    };
    let mut users = vec![Vec::new(); all.len()];
    for (parent, module) in all.iter().enumerate() {
        for (i, instance) in module.instances.iter().enumerate() {
            users[instance.module].push((parent, i));
        }
    }
    let mut live = Live {
        modules: all,
        drivers: all.iter().map(|module| drivers(module, all)).collect(),
        users,
        nets: vec![HashSet::new(); all.len()],
        instances: vec![HashSet::new(); all.len()],
        work: Vec::new(),
    };
    for port in &all[top].ports {
        live.mark(top, &port.name);
    }
    while let Some((module, net)) = live.work.pop() {
        live.step(module, net);
    }
    let nets: Vec<HashSet<String>> = live
        .nets
        .iter()
        .map(|nets| nets.iter().map(|n| (*n).to_owned()).collect())
        .collect();
    let instances = live.instances;
    let mut used = vec![false; all.len()];
    used[top] = true;
    for (parent, kept) in instances.iter().enumerate() {
        for &i in kept {
            used[all[parent].instances[i].module] = true;
        }
    }
    for (i, module) in modules.all.iter_mut().enumerate() {
        apply(module, &nets[i], &instances[i], &nets);
        if !used[i] {
            module.ports.clear();
        }
    }
}

fn apply(
    module: &mut Module,
    live: &HashSet<String>,
    instances: &HashSet<usize>,
    all: &[HashSet<String>],
) {
    module.ports.retain(|net| live.contains(&net.name));
    module.nets.retain(|net| live.contains(&net.name));
    module.parameters.retain(|p| live.contains(&p.name));
    module.registers.retain(|r| live.contains(&r.q));
    let processes = std::mem::take(&mut module.processes);
    for process in processes {
        match process {
            Process::Assign(net, value) if live.contains(&net) => {
                module.processes.push(Process::Assign(net, value));
            }
            Process::Assign(..) => {}
            Process::Always(statements) => {
                let kept = prune(statements, live);
                if !kept.is_empty() {
                    module.processes.push(Process::Always(kept));
                }
            }
        }
    }
    let mut number = 0..;
    module
        .instances
        .retain(|_| number.next().is_some_and(|i| instances.contains(&i)));
    for instance in &mut module.instances {
        let ports = &all[instance.module];
        instance.pins.retain(|(port, _)| ports.contains(port));
        for (_, pin) in &mut instance.pins {
            let net = pin.as_ref().and_then(Expr::net);
            if net.is_some_and(|net| !live.contains(net)) {
                *pin = None;
            }
        }
    }
}

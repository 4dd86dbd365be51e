//! Modules: what a block becomes.

use std::collections::HashMap;

use rust_hdl::core::ast::Verilog;
use rust_hdl::core::atom::AtomKind;

use super::expr::{Expr, Widths};
use super::leaf::Leaf;
use super::lower::{Lower, Statement, parts};
use super::source::{Field, Type};
use super::split::{Process, split};
use super::tree::{Scope, Signal};
use super::wires;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Direction {
    Input,
    Output,
}

/// A port, or a net inside.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Net {
    pub name: String,
    pub width: usize,
    pub signed: bool,
    pub direction: Option<Direction>,
    /// Where a comment comes from: the field's name in the source.
    pub field: String,
    /// For the synthesiser.
    pub attributes: Vec<String>,
}

/// A named constant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Parameter {
    pub name: String,
    pub value: Expr,
    pub field: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Register {
    pub q: String,
    pub d: Expr,
    pub clock: String,
    pub initial: Expr,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Instance {
    /// Index among the modules.
    pub module: usize,
    pub name: String,
    /// Port and what it is connected to; nothing for an output that nobody reads.
    pub pins: Vec<(String, Option<Expr>)>,
}

/// A module; equal ones are one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Module {
    pub of: Type,
    pub ports: Vec<Net>,
    pub parameters: Vec<Parameter>,
    pub nets: Vec<Net>,
    pub instances: Vec<Instance>,
    pub processes: Vec<Process>,
    pub registers: Vec<Register>,
    /// Its own Verilog in place of processes.
    pub leaf: Option<Leaf>,
}

impl Module {
    /// Calls `found` with each net that processes, registers and instances read, as [`Expr::reads`].
    pub fn reads<'a>(
        &'a self,
        all: &[Module],
        found: &mut impl FnMut(&'a str, Option<(usize, usize)>),
    ) {
        self.processes.iter().for_each(|p| p.reads(found));
        for register in &self.registers {
            register.d.reads(found);
            found(&register.clock, None);
        }
        for instance in &self.instances {
            for ((_, pin), port) in instance.pins.iter().zip(&all[instance.module].ports) {
                if port.direction == Some(Direction::Input) {
                    pin.iter().for_each(|pin| pin.reads(found));
                }
            }
        }
    }

    pub fn widths(&self) -> Widths {
        let nets = self.ports.iter().chain(&self.nets);
        let nets = nets.map(|net| (net.name.clone(), net.width));
        let parameters = self.parameters.iter().filter_map(|p| match &p.value {
            Expr::Literal(_, Some(width)) => Some((p.name.clone(), *width)),
            _ => None,
        });
        nets.chain(parameters).collect()
    }
}

/// All modules, children before parents.
#[derive(Default)]
pub(super) struct Modules {
    pub all: Vec<Module>,
    /// Name of the first instance of each.
    pub first: Vec<String>,
    known: HashMap<Module, usize>,
}

/// What is wrong, and with which block.
pub(super) struct Unreadable {
    pub block: String,
    pub reason: String,
}

/// Rust-HDL's register.
fn is_register(scope: &Scope) -> bool {
    let names = ["d", "q", "clock"];
    scope.children.is_empty()
        && scope.signals.len() == 3
        && scope
            .signals
            .iter()
            .all(|s| names.contains(&s.name.as_str()))
        && matches!(&scope.code, Verilog::Custom(text) if text.trim_start().starts_with("initial begin"))
}

/// Name in Verilog of an element `field$17`; in an array with rows and columns `field_r1_c1`.
fn element(name: &str, field: Option<&Field>) -> String {
    let grid = field.and_then(|f| f.grid);
    if let (Some((row, column, columns)), Some((field, number))) = (grid, name.split_once('$'))
        && let Ok(number) = number.parse::<usize>()
    {
        let (r, c) = (number / columns, number % columns);
        return format!("{field}_{row}{r}_{column}{c}");
    }
    name.replace('$', "_")
}

struct Builder<'a> {
    of: &'a Type,
    module: Module,
    /// From names in Rust to names in Verilog.
    names: HashMap<String, String>,
}

impl Builder<'_> {
    fn net(&self, signal: &Signal, name: String, element: &str) -> Net {
        let field = self.of.field(element);
        Net {
            name,
            width: signal.width,
            signed: signal.signed,
            direction: None,
            field: field.map_or_else(String::new, |f| f.name.to_owned()),
            attributes: field.map_or_else(Vec::new, |f| {
                f.attributes.iter().map(ToString::to_string).collect()
            }),
        }
    }

    fn states(&mut self, signal: &Signal) {
        for (value, state) in signal.states.iter().enumerate() {
            let key = state.replace("::", "$");
            if self.names.contains_key(&key) {
                continue;
            }
            let name = key.replace('$', "_").to_uppercase();
            self.names.insert(key, name.clone());
            self.module.parameters.push(Parameter {
                name,
                value: Expr::number(value).sized(signal.width),
                field: String::new(),
            });
        }
    }

    fn own(&mut self, signal: &Signal) -> Result<(), String> {
        self.states(signal);
        let mut name = element(&signal.name, self.of.field(&signal.name));
        if signal.kind == AtomKind::Constant {
            name = name.to_uppercase();
            let (value, width) = parts(&signal.value)?;
            let field = self.of.field(&signal.name);
            self.module.parameters.push(Parameter {
                name: name.clone(),
                value: Expr::Literal(value, Some(width)),
                field: field.map_or_else(String::new, |f| f.name.to_owned()),
            });
            self.names.insert(signal.name.clone(), name);
            return Ok(());
        }
        let mut net = self.net(signal, name.clone(), &signal.name);
        self.names.insert(signal.name.clone(), name);
        match signal.kind {
            AtomKind::InputParameter => {
                net.direction = Some(Direction::Input);
                self.module.ports.push(net);
            }
            AtomKind::OutputParameter => {
                net.direction = Some(Direction::Output);
                self.module.ports.push(net);
            }
            AtomKind::LocalSignal => self.module.nets.push(net),
            kind => return Err(format!("signal {:?} is of kind {kind:?}", signal.name)),
        }
        Ok(())
    }

    /// Nets for the ports of a block inside.
    fn inside(&mut self, child: &Scope, name: &str) {
        for signal in &child.signals {
            if matches!(
                signal.kind,
                AtomKind::InputParameter | AtomKind::OutputParameter
            ) {
                self.states(signal);
                let net_name = format!("{name}_{}", signal.name.replace('$', "_"));
                let mut net = self.net(signal, net_name.clone(), &child.name);
                if !(is_register(child) && signal.name == "q") {
                    net.field.clear();
                    net.attributes.clear();
                }
                self.names
                    .insert(format!("{}${}", child.name, signal.name), net_name);
                self.module.nets.push(net);
            }
        }
    }
}

/// Highest bit of an input that a block's own Verilog reads, if it never reads the whole.
fn highest_bit(leaf: &Leaf, port: &str) -> Option<usize> {
    let words = leaf.words();
    let mut reads = words.iter().filter(|word| word.name == port);
    reads.try_fold(0, |highest, word| {
        word.bits.map(|(high, _)| usize::max(highest, high))
    })
}

impl Modules {
    /// Makes the inputs of a block with its own Verilog, such as the address of a memory, as wide
    /// as what it reads of them, and cuts what is connected to such inputs.
    fn narrow(&self, module: &mut Module) -> Result<(), String> {
        if let Some(leaf) = &mut module.leaf {
            let inputs = module.ports.iter_mut();
            for port in inputs.filter(|p| p.direction == Some(Direction::Input) && p.width > 1) {
                if let Some(high @ 1..) = highest_bit(leaf, &port.name) {
                    port.width = high + 1;
                    let all = format!("{}[{high}:0]", port.name);
                    leaf.text = leaf.text.replace(&all, &port.name);
                }
            }
        }
        let widths = module.widths();
        for instance in &mut module.instances {
            let ports = self.all[instance.module].ports.iter();
            for (port, (_, pin)) in ports.zip(&mut instance.pins) {
                let Some(expr) = pin else { continue };
                let width = expr.width(&widths);
                if port.direction == Some(Direction::Input) && width != Some(port.width) {
                    let cut = expr.bits(port.width - 1, 0, &widths);
                    *expr = cut.ok_or_else(|| format!("{expr} does not fit {}", port.name))?;
                }
            }
        }
        Ok(())
    }

    /// The module of a block, after those inside it.
    pub fn add(&mut self, scope: &Scope, of: &Type) -> Result<usize, Unreadable> {
        let fail = |reason: String| Unreadable {
            block: of.name.clone(),
            reason,
        };
        let mut builder = Builder {
            of,
            module: Module {
                of: of.clone(),
                ports: Vec::new(),
                parameters: Vec::new(),
                nets: Vec::new(),
                instances: Vec::new(),
                processes: Vec::new(),
                registers: Vec::new(),
                leaf: None,
            },
            names: HashMap::new(),
        };
        for signal in &scope.signals {
            builder.own(signal).map_err(fail)?;
        }
        for child in &scope.children {
            let name = element(&child.name, of.field(&child.name));
            builder.inside(child, &name);
            if is_register(child) {
                let q = child.signals.iter().find(|s| s.name == "q");
                let width = q.map_or(1, |q| q.width);
                builder.module.registers.push(Register {
                    q: format!("{name}_q"),
                    d: Expr::Net(format!("{name}_d")),
                    clock: format!("{name}_clock"),
                    initial: Expr::zeros(width),
                });
            } else {
                let module = self.add(child, &of.child(&child.name))?;
                let ports = self.all[module].ports.iter();
                let pins = ports.map(|port| {
                    let net = Expr::Net(format!("{name}_{}", port.name));
                    (port.name.clone(), Some(net))
                });
                let pins = pins.collect();
                builder
                    .module
                    .instances
                    .push(Instance { module, name, pins });
            }
        }
        let Builder {
            mut module, names, ..
        } = builder;
        let widths = module.widths();
        if widths.len() != module.ports.len() + module.nets.len() + module.parameters.len() {
            return Err(fail("two signals have one name in Verilog".into()));
        }
        match &scope.code {
            Verilog::Combinatorial(block) => {
                let statements: Vec<Statement> =
                    Lower::new(&names, &widths).block(block).map_err(fail)?;
                module.processes = split(statements);
                wires::straighten(&mut module).map_err(fail)?;
            }
            Verilog::Custom(text) => {
                module.leaf = Some(Leaf::new(text, None));
            }
            Verilog::Blackbox(own) => {
                module.leaf = Some(Leaf::new(&own.code, Some(own.name.clone())));
            }
            Verilog::Empty if scope.children.is_empty() => module.leaf = Some(Leaf::new("", None)),
            _ => return Err(fail("neither logic nor Verilog of its own".into())),
        }
        self.narrow(&mut module).map_err(fail)?;
        if let Some(&known) = self.known.get(&module) {
            return Ok(known);
        }
        self.known.insert(module.clone(), self.all.len());
        self.all.push(module);
        self.first.push(scope.name.clone());
        Ok(self.all.len() - 1)
    }
}

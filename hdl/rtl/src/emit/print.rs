//! A module as text.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use super::expr::Expr;
use super::fold::{Folded, fold};
use super::lower::Statement;
use super::module::{Direction, Module, Net};
use super::split::Process;

/// What surrounds lines that break a rule of Verilator's lint on purpose.
pub(crate) fn pragma(on: bool, rule: &str) -> String {
    let switch = if on { "on" } else { "off" };
    format!("/* verilator lint_{switch} {rule} */")
}

/// Bits of each net that are read: none for all.
type Used = HashMap<String, Option<HashSet<usize>>>;

fn used(module: &Module, folded: &Folded, all: &[Module]) -> Used {
    let mut used = Used::new();
    let mut read = |name: &str, bits: Option<(usize, usize)>| {
        let entry = used.entry(name.to_owned());
        let entry = entry.or_insert_with(|| Some(HashSet::new()));
        match (bits, entry) {
            (Some((high, low)), Some(seen)) => seen.extend(low..=high),
            (_, entry) => *entry = None,
        }
    };
    module.reads(all, &mut read);
    for (_, statements) in &folded.clocked {
        statements.iter().for_each(|s| s.reads(&mut read));
    }
    if let Some(leaf) = &module.leaf {
        for word in leaf.words().iter().filter(|word| !word.written) {
            read(word.name, word.bits);
        }
    }
    used
}

/// Lines of a comment, indented.
fn comment(out: &mut String, indent: &str, lines: &[&str]) {
    for line in lines {
        let _ = writeln!(out, "{}", format!("{indent}// {line}").trim_end());
    }
}

struct Printer<'a> {
    /// Without what is folded into the clocked processes.
    module: &'a Module,
    folded: &'a Folded,
    used: Used,
    out: String,
}

impl Printer<'_> {
    fn partly_used(&self, net: &Net) -> bool {
        match self.used.get(&net.name) {
            Some(None) => false,
            Some(Some(bits)) => bits.len() < net.width,
            None => net.direction != Some(Direction::Output),
        }
    }

    /// Declares nets one a line, comments before the first of a field.
    fn declare(&mut self, nets: &[Net], kinds: &HashSet<&str>, end: &str) {
        let (mut field, mut off) = ("", false);
        for (i, net) in nets.iter().enumerate() {
            let partly = self.partly_used(net);
            if partly != off {
                let _ = writeln!(self.out, "    {}", pragma(!partly, "UNUSEDSIGNAL"));
                off = partly;
            }
            if net.field != field && !net.field.is_empty() {
                let doc = self.module.of.field(&net.field).map_or(&[][..], |f| f.doc);
                comment(&mut self.out, "    ", doc);
            }
            field = &net.field;
            for attribute in &net.attributes {
                let _ = write!(self.out, "    (* {attribute} *)");
                self.out.push('\n');
            }
            let direction = match net.direction {
                Some(Direction::Input) => "input wire",
                Some(Direction::Output) if kinds.contains(net.name.as_str()) => "output reg",
                Some(Direction::Output) => "output wire",
                None if kinds.contains(net.name.as_str()) => "reg",
                None => "wire",
            };
            let signed = if net.signed { " signed" } else { "" };
            let range = match net.width {
                1 => String::new(),
                width => format!(" [{}:0]", width - 1),
            };
            let last = if end == "," && i + 1 == nets.len() {
                ""
            } else {
                end
            };
            let _ = writeln!(
                self.out,
                "    {direction}{signed}{range} {}{last}",
                net.name
            );
        }
        if off {
            let _ = writeln!(self.out, "    {}", pragma(true, "UNUSEDSIGNAL"));
        }
    }

    fn instances(&mut self, names: &[String]) {
        let open = |pins: &[(String, Option<Expr>)]| pins.iter().any(|(_, pin)| pin.is_none());
        let any = self.module.instances.iter().any(|i| open(&i.pins));
        if any {
            let _ = writeln!(self.out, "    {}", pragma(false, "PINCONNECTEMPTY"));
        }
        for instance in &self.module.instances {
            let pins: Vec<String> = instance
                .pins
                .iter()
                .map(|(port, pin)| match pin {
                    Some(pin) => format!("        .{port}({pin})"),
                    None => format!("        .{port}()"),
                })
                .collect();
            let _ = writeln!(
                self.out,
                "    {} {} (\n{}\n    );",
                names[instance.module],
                instance.name,
                pins.join(",\n")
            );
        }
        if any {
            let _ = writeln!(self.out, "    {}", pragma(true, "PINCONNECTEMPTY"));
        }
    }

    fn process(&mut self, process: &Process) {
        match process {
            Process::Assign(net, value) => match self.sign_extended(net, value) {
                Some(narrow) => {
                    let (off, on) = (pragma(false, "WIDTH"), pragma(true, "WIDTH"));
                    let _ = writeln!(
                        self.out,
                        "    {off}\n    assign {net} = {narrow};\n    {on}"
                    );
                }
                None => {
                    let _ = writeln!(self.out, "    assign {net} = {value};");
                }
            },
            Process::Always(statements) => {
                self.out.push_str("    always @(*) begin\n");
                self.block(statements, 2, "=");
                self.out.push_str("    end\n");
            }
        }
    }

    /// The net that an assignment extends by its sign, if both are declared as signed: then Verilog
    /// does it, and simulators do it in one step.
    fn sign_extended<'e>(&self, to: &str, value: &'e Expr) -> Option<&'e str> {
        let Expr::Concat(parts) = value else {
            return None;
        };
        let [Expr::Repeat(_, sign), Expr::Net(from)] = parts.as_slice() else {
            return None;
        };
        let net = |name: &str| {
            let mut nets = self.module.ports.iter().chain(&self.module.nets);
            nets.find(|net| net.name == name)
        };
        let (narrow, wide) = (net(from)?, net(to)?);
        let top = narrow.width - 1;
        let extends = **sign == Expr::Bits(from.clone(), top, top);
        (narrow.signed && wide.signed && extends).then_some(from.as_str())
    }

    fn block(&mut self, statements: &[Statement], depth: usize, becomes: &str) {
        let indent = "    ".repeat(depth);
        for statement in statements {
            match statement {
                Statement::Assign(net, bits, value) => {
                    let bits = match bits {
                        None => String::new(),
                        Some((low, 1)) => format!("[{low}]"),
                        Some((low, width)) => format!("[{}:{low}]", low + width - 1),
                    };
                    let _ = writeln!(self.out, "{indent}{net}{bits} {becomes} {value};");
                }
                Statement::If(test, then, otherwise) => {
                    let _ = writeln!(self.out, "{indent}if ({test}) begin");
                    self.block(then, depth + 1, becomes);
                    self.otherwise(otherwise, depth, becomes);
                    let _ = writeln!(self.out, "{indent}end");
                }
                Statement::Case(test, arms) => {
                    let _ = writeln!(self.out, "{indent}case ({test})");
                    for (label, block) in arms {
                        let label = label.as_ref().map(ToString::to_string);
                        let label = label.unwrap_or_else(|| "default".into());
                        let _ = writeln!(self.out, "{indent}    {label}: begin");
                        self.block(block, depth + 2, becomes);
                        let _ = writeln!(self.out, "{indent}    end");
                    }
                    let _ = writeln!(self.out, "{indent}endcase");
                }
            }
        }
    }

    fn otherwise(&mut self, statements: &[Statement], depth: usize, becomes: &str) {
        let indent = "    ".repeat(depth);
        match statements {
            [] => {}
            [Statement::If(test, then, otherwise)] => {
                let _ = writeln!(self.out, "{indent}end else if ({test}) begin");
                self.block(then, depth + 1, becomes);
                self.otherwise(otherwise, depth, becomes);
            }
            _ => {
                let _ = writeln!(self.out, "{indent}end else begin");
                self.block(statements, depth + 1, becomes);
            }
        }
    }

    /// Registers and their initial values, these at the end of the module: simulators that start
    /// processes in the order of the text then have each `always @(*)` waiting when the values of
    /// its inputs appear, and run it.
    fn registers(&mut self) {
        let mut clocks: Vec<&str> = Vec::new();
        for register in &self.module.registers {
            if !clocks.contains(&register.clock.as_str()) {
                clocks.push(&register.clock);
            }
        }
        for clock in clocks {
            let _ = writeln!(self.out, "    always @(posedge {clock}) begin");
            let registers = self.module.registers.iter();
            for register in registers.filter(|r| r.clock == clock && !self.folded.has(&r.q)) {
                let _ = writeln!(self.out, "        {} <= {};", register.q, register.d);
            }
            let folded = self.folded;
            for (_, statements) in folded.clocked.iter().filter(|(of, _)| of == clock) {
                self.block(statements, 2, "<=");
            }
            self.out.push_str("    end\n");
        }
        if !self.module.registers.is_empty() {
            self.out.push_str("    initial begin\n");
            for register in &self.module.registers {
                let _ = writeln!(self.out, "        {} = {};", register.q, register.initial);
            }
            self.out.push_str("    end\n");
        }
    }
}

/// Nets that processes assign.
fn variables(module: &Module) -> HashSet<&str> {
    let mut names: HashSet<&str> = module.registers.iter().map(|r| r.q.as_str()).collect();
    for process in &module.processes {
        if let Process::Always(_) = process {
            process.writes(&mut |name| {
                names.insert(name);
            });
        }
    }
    if let Some(leaf) = &module.leaf {
        let nets = module.ports.iter().chain(&module.nets);
        let driven = nets.filter(|n| n.direction != Some(Direction::Input));
        names.extend(
            driven
                .map(|n| n.name.as_str())
                .filter(|name| !leaf.assigns(name)),
        );
    }
    names
}

/// The text of one of `all` modules, `names` theirs.
pub(super) fn print(all: &[Module], number: usize, names: &[String]) -> String {
    let name = &names[number];
    let folded = fold(&all[number], all);
    let module = &folded.without(&all[number]);
    let mut printer = Printer {
        module,
        folded: &folded,
        used: used(module, &folded, all),
        out: String::new(),
    };
    let doc = module.of.block().map_or(&[][..], |block| block.doc);
    match doc {
        [] => comment(&mut printer.out, "", &[&format!("{}.", module.of.name)]),
        lines => comment(&mut printer.out, "", lines),
    }
    let kinds = variables(module);
    let _ = writeln!(printer.out, "module {name} (");
    printer.declare(&module.ports, &kinds, ",");
    printer.out.push_str(");\n");
    for parameter in &module.parameters {
        let width = parameter.value.width(&HashMap::new()).unwrap_or(32);
        let range = match width {
            1 => String::new(),
            width => format!("[{}:0] ", width - 1),
        };
        let _ = writeln!(
            printer.out,
            "    localparam {range}{} = {};",
            parameter.name, parameter.value
        );
    }
    printer.declare(&module.nets, &kinds, ";");
    printer.instances(names);
    for process in &module.processes {
        printer.process(process);
    }
    if let Some(leaf) = &module.leaf {
        for line in leaf.text.lines() {
            let _ = writeln!(printer.out, "    {line}");
        }
    }
    printer.registers();
    printer.out.push_str("endmodule\n");
    printer.out
}

//! From a Rust-HDL block to clean Verilog.
//!
//! Rust-HDL writes one module per instance, wraps every register in a module of its own, passes
//! clocks through combinational copies and puts `$` into names. This pass reads that text and
//! writes the same circuit with an ANSI header, registers in place, one module per distinct
//! block, plain names and literals without needless width.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use rust_hdl::prelude::{Block, check_all, generate_verilog_unchecked};

use crate::emit_split::split;

/// Why a block could not be emitted.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// Rust-HDL found an undriven or doubly driven signal or a logic loop.
    #[error("Rust-HDL rejects block {top:?}: {report}")]
    Rejected {
        /// Top module name.
        top: String,
        /// Rust-HDL's report.
        report: String,
    },
    /// The text that Rust-HDL wrote has an unexpected form.
    #[error("cannot read Rust-HDL's Verilog for module {module:?}: {reason}")]
    Unreadable {
        /// Module name in that text.
        module: String,
        /// What is unexpected.
        reason: String,
    },
}

/// Emits `uut` as a module named `top`, submodules prefixed with `top`'s name.
///
/// `uut` needs `connect_all()` beforehand and its inputs marked as connected.
pub fn emit<U: Block>(uut: &U, top: &str) -> Result<String, EmitError> {
    check_all(uut).map_err(|e| EmitError::Rejected {
        top: top.to_owned(),
        report: format!("{e:?}"),
    })?;
    rewrite(&generate_verilog_unchecked(uut), top)
}

/// Emits one block alone, as [`emit`] does, without Rust-HDL's checks: its inputs need not be
/// connected. For block tests; the checks run over the whole engine.
pub fn emit_block<U: Block>(mut uut: U, top: &str) -> Result<String, EmitError> {
    uut.connect_all();
    rewrite(&generate_verilog_unchecked(&uut), top)
}

#[derive(Clone, Debug)]
struct Net {
    /// `input wire`, `output reg`, `reg`, `wire`, each possibly with `signed`.
    kind: String,
    range: String,
    name: String,
}

#[derive(Clone, Debug)]
struct Instance {
    module: String,
    name: String,
    /// (port, net)
    pins: Vec<(String, String)>,
}

#[derive(Clone, Debug, Default)]
struct Module {
    name: String,
    ports: Vec<Net>,
    params: Vec<String>,
    nets: Vec<Net>,
    instances: Vec<Instance>,
    body: String,
    /// The block gave its own Verilog.
    custom: bool,
}

static MODULE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?s)module ([^\s(]+)\(([^)]*)\);(.*?)\nendmodule //").expect("valid regex")
});
static NET: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(input wire|output reg|output wire|reg|wire)\s*(signed)?\s*(\[\d+:0\])?\s*([^\s;\[]+);$",
    )
    .expect("valid regex")
});
static INSTANCE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(\S+) ([^\s(]+)\($").expect("valid regex"));
static PIN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\.([^\s(]+)\(([^)]*)\),?$").expect("valid regex"));
static ALIAS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^\s*(\S+\$clock) = ([\w$]+);\n").expect("valid regex"));
static REGISTER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?s)^\s*initial begin\s+q = ([^;]+);\s+end\s+always @\(posedge clock\) begin\s+q <= d;\s+end\s*$")
        .expect("valid regex")
});
static PROCESS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?s)\Aalways @\(\*\) begin\n(.*)\nend\n").expect("valid regex"));
static PLAIN_PROCESS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^always @\(\*\) (\w+) = ([^;]+);$").expect("valid regex"));
static SLICE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\[\((?:(\d+|(?:32|64)'h[0-9a-f]+) \* )?(\d+|(?:32|64)'h[0-9a-f]+)\)\+:\((\d+)\)\]")
        .expect("valid regex")
});
static CAST: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\) & (\d+)'h([0-9a-f]+)\)").expect("valid regex"));
static INDEX: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\[(32'h[0-9a-f]+)\]").expect("valid regex"));
static LITERAL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b32'h[0-9a-f]{1,7}\b").expect("valid regex"));
static DOLLAR: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"([A-Za-z0-9_])\$+").expect("valid regex"));
static INDEXED_TAIL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(\$\d+)+$").expect("valid regex"));

fn parse(text: &str) -> Result<Vec<Module>, EmitError> {
    let mut modules = Vec::new();
    for found in MODULE.captures_iter(text) {
        let mut module = Module {
            name: found[1].to_owned(),
            ..Module::default()
        };
        let mut instance: Option<Instance> = None;
        let mut in_body = false;
        for line in found[3].lines() {
            let trimmed = line.trim();
            if in_body {
                module
                    .body
                    .push_str(line.strip_prefix("    ").unwrap_or(line).trim_end());
                module.body.push('\n');
            } else if let Some(open) = &mut instance {
                if trimmed == ");" {
                    module.instances.extend(instance.take());
                } else if let Some(pin) = PIN.captures(trimmed) {
                    open.pins.push((pin[1].to_owned(), pin[2].to_owned()));
                } else {
                    return Err(EmitError::Unreadable {
                        module: module.name,
                        reason: format!("pin {trimmed:?}"),
                    });
                }
            } else if let Some(net) = NET.captures(trimmed) {
                let signed = net.get(2).map_or("", |_| " signed");
                let net = Net {
                    kind: format!("{}{signed}", &net[1]),
                    range: net
                        .get(3)
                        .map_or(String::new(), |r| format!(" {}", r.as_str())),
                    name: net[4].to_owned(),
                };
                if net.kind.starts_with("input") || net.kind.starts_with("output") {
                    module.ports.push(net);
                } else {
                    module.nets.push(net);
                }
            } else if trimmed.starts_with("localparam") {
                module.params.push(trimmed.to_owned());
            } else if let Some(open) = INSTANCE.captures(trimmed) {
                instance = Some(Instance {
                    module: open[1].to_owned(),
                    name: open[2].to_owned(),
                    pins: Vec::new(),
                });
            } else if trimmed.starts_with("// Update code") {
                in_body = true;
                module.custom = trimmed.contains("custom");
            } else if !(trimmed.is_empty() || trimmed.starts_with("//")) {
                return Err(EmitError::Unreadable {
                    module: module.name,
                    reason: format!("line {trimmed:?}"),
                });
            }
        }
        modules.push(module);
    }
    Ok(modules)
}

/// Initial value of the register that this module is, if it is one.
fn register_init(module: &Module) -> Option<String> {
    let ports: Vec<&str> = module.ports.iter().map(|p| p.name.as_str()).collect();
    if ports.len() != 3 || !["d", "q", "clock"].iter().all(|p| ports.contains(p)) {
        return None;
    }
    REGISTER.captures(&module.body).map(|c| c[1].to_owned())
}

/// Connects clocks directly instead of through combinational copies.
fn straighten_clocks(module: &mut Module) {
    let aliases: HashMap<String, String> = ALIAS
        .captures_iter(&module.body)
        .map(|c| (c[1].to_owned(), c[2].to_owned()))
        .collect();
    module.body = ALIAS.replace_all(&module.body, "").into_owned();
    module.nets.retain(|net| !aliases.contains_key(&net.name));
    for (_, net) in module.instances.iter_mut().flat_map(|i| &mut i.pins) {
        if let Some(source) = aliases.get(net) {
            net.clone_from(source);
        }
    }
}

/// Splits the one combinational process that Rust-HDL writes; what an `assign` drives is a wire.
fn split_processes(module: &mut Module) {
    let Some(found) = PROCESS.captures(&module.body) else {
        return;
    };
    let result = split(&found[1]);
    module.body = PROCESS
        .replace(&module.body, regex::NoExpand(&result.text))
        .into_owned();
    for net in module.ports.iter_mut().chain(&mut module.nets) {
        if result.wires.contains(&net.name) {
            net.kind = net.kind.replacen("reg", "wire", 1);
        }
    }
}

/// Turns one-line processes of a block's own Verilog into assignments: a process that reads a
/// memory would wait for each of its words.
fn assign_plain_processes(module: &mut Module) {
    let driven: Vec<String> = PLAIN_PROCESS
        .captures_iter(&module.body)
        .map(|c| c[1].to_owned())
        .collect();
    module.body = PLAIN_PROCESS
        .replace_all(&module.body, "assign $1 = $2;")
        .into_owned();
    for net in module.ports.iter_mut().chain(&mut module.nets) {
        if driven.contains(&net.name) {
            net.kind = net.kind.replacen("reg", "wire", 1);
        }
    }
}

/// Replaces register instances by registers in place. Their initial values are set at the end of
/// the module: simulators that start processes in the order of the text then have each
/// `always @(*)` waiting when the values of its inputs appear, and run it.
fn inline_registers(module: &mut Module, inits: &HashMap<String, String>) {
    let mut clocked: BTreeMap<String, String> = BTreeMap::new();
    let mut initial = String::new();
    let mut instances = Vec::new();
    for instance in module.instances.drain(..) {
        let Some(init) = inits.get(&instance.module) else {
            instances.push(instance);
            continue;
        };
        let pin = |name: &str| {
            instance
                .pins
                .iter()
                .find(|(port, _)| port == name)
                .map_or("", |(_, net)| net.as_str())
        };
        let (d, q) = (pin("d"), pin("q"));
        let _ = writeln!(
            clocked.entry(pin("clock").to_owned()).or_default(),
            "    {q} <= {d};"
        );
        for net in module.nets.iter_mut().filter(|n| n.name == q) {
            net.kind = net.kind.replace("wire", "reg");
            let _ = writeln!(initial, "    {q} = {init};");
        }
    }
    module.instances = instances;
    for (clock, statements) in clocked {
        let _ = write!(
            module.body,
            "always @(posedge {clock}) begin\n{statements}end\n"
        );
    }
    if !initial.is_empty() {
        let _ = write!(module.body, "initial begin\n{initial}end\n");
    }
}

/// Value of a decimal or `32'h` literal.
fn number(text: &str) -> Option<usize> {
    match text
        .strip_prefix("32'h")
        .or_else(|| text.strip_prefix("64'h"))
    {
        Some(digits) => usize::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Closes the operands of width casts off from their surroundings.
///
/// Rust-HDL writes a cast as `((x) & 8'hff)`. Verilog would compute `x` in the width of the whole
/// expression, so that a complement or carry shows beyond `x`'s own width; in `{x}` it does not.
fn close_casts(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for found in CAST.captures_iter(text) {
        let (Some(close), Ok(bits)) = (found.get(0).map(|m| m.start()), found[1].parse::<usize>())
        else {
            continue;
        };
        let ones = found[2].chars().enumerate().all(|(i, c)| {
            let first = [1, 3, 7, 15][(bits + 3) % 4];
            c.to_digit(16) == Some(if i == 0 { first } else { 15 })
        });
        let mut depth = 0;
        let open = (0..=close).rev().find(|&i| {
            depth += i32::from(text.as_bytes()[i] == b')') - i32::from(text.as_bytes()[i] == b'(');
            depth == 0
        });
        let Some(open) = open.filter(|_| ones) else {
            continue;
        };
        if !text[open + 1..close].bytes().all(|b| b.is_ascii_digit()) {
            bytes[open] = b'{';
            bytes[close] = b'}';
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// Constant slices as `[high:low]`, unsized small literals, names without `$`.
fn plain(text: &str) -> String {
    let text = SLICE.replace_all(text, |c: &Captures| {
        let factor = c.get(1).map_or(Some(1), |m| number(m.as_str()));
        let (Some(factor), Some(offset), Ok(width)) =
            (factor, number(&c[2]), c[3].parse::<usize>())
        else {
            return c[0].to_owned();
        };
        let low = factor * offset;
        format!("[{}:{low}]", low + width - 1)
    });
    let text = INDEX.replace_all(&text, |c: &Captures| match number(&c[1]) {
        Some(index) => format!("[{index}]"),
        None => c[0].to_owned(),
    });
    let text = LITERAL.replace_all(&text, |c: &Captures| match number(&c[0]) {
        Some(value) => value.to_string(),
        None => c[0].to_owned(),
    });
    let text = close_casts(&text);
    DOLLAR.replace_all(&text, "${1}_").into_owned()
}

fn render(module: &Module, name: &str, kinds: &HashMap<String, String>) -> String {
    let mut out = String::new();
    let ports: Vec<String> = module
        .ports
        .iter()
        .map(|p| format!("    {}{} {}", p.kind, p.range, p.name))
        .collect();
    let _ = writeln!(out, "module {name} (\n{}\n);", ports.join(",\n"));
    for param in &module.params {
        let _ = writeln!(out, "    {param}");
    }
    for net in &module.nets {
        let _ = writeln!(out, "    {}{} {};", net.kind, net.range, net.name);
    }
    for instance in &module.instances {
        let pins: Vec<String> = instance
            .pins
            .iter()
            .map(|(p, n)| format!("        .{p}({n})"))
            .collect();
        let kind = kinds.get(&instance.module).unwrap_or(&instance.module);
        let _ = writeln!(
            out,
            "    {kind} {} (\n{}\n    );",
            instance.name,
            pins.join(",\n")
        );
    }
    for line in module.body.lines().filter(|l| !l.trim().is_empty()) {
        let _ = writeln!(out, "    {line}");
    }
    let _ = writeln!(out, "endmodule");
    plain(&out)
}

/// Module name for a block at `path`: its last component without index.
fn base_name(path: &str, top: &str) -> String {
    let path = INDEXED_TAIL.replace(path, "");
    format!("{top}_{}", path.rsplit('$').next().unwrap_or("block"))
}

fn rewrite(text: &str, top: &str) -> Result<String, EmitError> {
    let mut modules = parse(text)?;
    let inits: HashMap<String, String> = modules
        .iter()
        .filter_map(|m| register_init(m).map(|init| (m.name.clone(), init)))
        .collect();
    modules.retain(|m| !inits.contains_key(&m.name));
    for module in &mut modules {
        straighten_clocks(module);
        if module.custom {
            assign_plain_processes(module);
        } else {
            split_processes(module);
        }
        inline_registers(module, &inits);
    }
    let mut kinds: HashMap<String, String> = HashMap::new();
    let mut by_text: HashMap<String, String> = HashMap::new();
    let mut used: HashMap<String, usize> = HashMap::new();
    let mut out = String::new();
    // Each module after its children; blocks that read the same share a module.
    let index: HashMap<&str, &Module> = modules.iter().map(|m| (m.name.as_str(), m)).collect();
    let mut order: Vec<&str> = Vec::new();
    let mut stack: Vec<(&str, bool)> = vec![("top", false)];
    let mut seen: HashSet<&str> = HashSet::new();
    while let Some((name, done)) = stack.pop() {
        if done {
            order.push(name);
            continue;
        }
        if !seen.insert(name) {
            continue;
        }
        stack.push((name, true));
        if let Some(module) = index.get(name) {
            for instance in module.instances.iter().rev() {
                stack.push((&instance.module, false));
            }
        }
    }
    for name in order {
        let module = index.get(name).ok_or_else(|| EmitError::Unreadable {
            module: name.to_owned(),
            reason: "instantiated but not defined".into(),
        })?;
        if name == "top" {
            out.push_str(&render(module, top, &kinds));
            break;
        }
        let key = render(module, "?", &kinds);
        let kind = by_text.entry(key).or_insert_with(|| {
            let base = base_name(name, top);
            let count = used.entry(base.clone()).or_default();
            *count += 1;
            let kind = if *count == 1 {
                base
            } else {
                format!("{base}_{count}")
            };
            out.push_str(&render(module, &kind, &kinds));
            out.push('\n');
            kind
        });
        kinds.insert(name.to_owned(), kind.clone());
    }
    Ok(out)
}

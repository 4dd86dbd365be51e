//! The complete Verilog of an accelerator: the engine and a top module with plain AXI names.

use std::fmt::Write as _;

use firebrick_spec::HwConfig;
use firebrick_spec::docs::ports::PORTS;
use firebrick_spec::resources::Memory;

use crate::emit::{EmitError, Emitted, modules, pragma};
use crate::engine::Engine;

pub use firebrick_spec::docs::ports::TOP;

/// A rule of Verilator's lint that the emitted Verilog breaks on purpose. It is switched off around
/// the lines that break it, and on again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// Verilator's name of the rule.
    pub rule: &'static str,
    /// Why it is broken.
    pub reason: &'static str,
}

impl Waiver {
    /// The comment that switches the rule off.
    #[must_use]
    pub fn pragma(&self) -> String {
        pragma(false, self.rule)
    }
}

/// All waivers; they stand in the emitted files, so that `verilator --lint-only -Wall` is clean on
/// them as they are.
pub const WAIVERS: &[Waiver] = &[
    Waiver {
        rule: "UNUSEDSIGNAL",
        reason: "records, words and registers are passed on whole; a receiver uses the fields it \
                 needs",
    },
    Waiver {
        rule: "PINCONNECTEMPTY",
        reason: "blocks at an edge of an array have no neighbour, and not every field of a record \
                 has a reader",
    },
    Waiver {
        rule: "WIDTH",
        reason: "a signed value is extended by its sign where it is assigned to a wider one or added \
                 to one",
    },
    Waiver {
        rule: "DECLFILENAME",
        reason: "all modules of a configuration lie in one file",
    },
];

/// Why no Verilog could be generated.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The configuration does not fit the engine.
    #[error("{0}")]
    Config(String),
    /// The emitter failed.
    #[error(transparent)]
    Emit(#[from] EmitError),
}

/// A port's place in its interface, as block-design tools name it.
fn interface(port: &str) -> String {
    match port {
        "aclk" => "xilinx.com:signal:clock:1.0 aclk CLK".into(),
        "aresetn" => "xilinx.com:signal:reset:1.0 aresetn RST".into(),
        "irq" => "xilinx.com:signal:interrupt:1.0 irq INTERRUPT".into(),
        _ => {
            let kind = if port.starts_with("s_axil_") {
                "aximm"
            } else {
                "axis"
            };
            let (bus, signal) = port.rsplit_once('_').unwrap_or((port, ""));
            format!(
                "xilinx.com:interface:{kind}:1.0 {bus} {}",
                signal.to_uppercase()
            )
        }
    }
}

/// Interface parameters, attached to the first port of each.
fn interface_parameter(port: &str) -> Option<&'static str> {
    Some(match port {
        "aclk" => "ASSOCIATED_BUSIF s_axil:s_axis:m_axis, ASSOCIATED_RESET aresetn",
        "aresetn" => "POLARITY ACTIVE_LOW",
        "s_axil_awaddr" => "PROTOCOL AXI4LITE, DATA_WIDTH 32, ADDR_WIDTH 12",
        "s_axis_tdata" | "m_axis_tdata" => "TDATA_NUM_BYTES 16, HAS_TLAST 1, HAS_TKEEP 0",
        "irq" => "SENSITIVITY LEVEL_HIGH",
        _ => return None,
    })
}

/// Ports of the top that the core below does not have: protection bits are ignored, responses
/// are always OKAY.
fn outside_core(port: &str) -> bool {
    port.ends_with("prot") || port.ends_with("resp")
}

/// An accelerator in Verilog: [`Generated::files`] or [`Generated::single_file`].
pub struct Generated {
    /// Comment on the configuration, one line for each of its values.
    about: String,
    /// First line of every file.
    title: String,
    /// Children before parents, the top last.
    modules: Vec<Emitted>,
}

impl Generated {
    /// A file for each module, called after it, in an order in which each follows those that it
    /// contains: name and text. The last one is the top's.
    #[must_use]
    pub fn files(&self) -> Vec<(String, String)> {
        let last = self.modules.len().saturating_sub(1);
        let file = |(i, module): (usize, &Emitted)| {
            let about = if i == last { self.about.as_str() } else { "" };
            let text = format!(
                "{}{about}\n`default_nettype none\n\n{}\n`default_nettype wire\n",
                self.title, module.text
            );
            (format!("{}.v", module.name), text)
        };
        self.modules.iter().enumerate().map(file).collect()
    }

    /// All modules in one text.
    #[must_use]
    pub fn single_file(&self) -> String {
        let mut text = format!("{}{}", self.title, self.about);
        let file_name = WAIVERS.iter().find(|w| w.rule == "DECLFILENAME");
        let _ = writeln!(
            text,
            "\n{}\n`default_nettype none",
            file_name.map_or_else(String::new, Waiver::pragma)
        );
        for module in &self.modules {
            let _ = write!(text, "\n{}", module.text);
        }
        let _ = writeln!(
            text,
            "\n`default_nettype wire\n{}",
            pragma(true, "DECLFILENAME")
        );
        text
    }

    /// Names of the modules, the top's last.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.modules.iter().map(|module| module.name.as_str())
    }
}

/// What the names of a configuration's modules begin with, so that several can lie in one design.
fn prefix(config: &HwConfig) -> String {
    config
        .name
        .replace(|c: char| !c.is_ascii_alphanumeric(), "_")
}

/// The Verilog of the accelerator for `config` in one text: top module [`TOP`], the same bytes for
/// the same configuration.
///
/// # Errors
/// If the configuration does not fit the engine, or the engine cannot be emitted.
pub fn generate(config: &HwConfig) -> Result<String, GenerateError> {
    Ok(generate_with(config, &[], TOP)?.single_file())
}

/// As [`generate`], with some memories in UltraRAM ([`HwConfig::ultra_memories`] says which for a
/// board), and a name for the top module.
///
/// # Errors
/// As those of [`generate`].
pub fn generate_with(
    config: &HwConfig,
    ultra: &[Memory],
    top: &str,
) -> Result<Generated, GenerateError> {
    let mut engine = Engine::new(config).map_err(GenerateError::Config)?;
    engine.connect_inputs();
    engine.in_ultra_ram(ultra);
    let prefix = prefix(config);
    let core = format!("{prefix}_engine");
    let mut modules = modules(&engine, &prefix, &core)?;
    modules.push(Emitted {
        name: top.to_owned(),
        text: top_module(top, &core),
    });
    let mut about = String::new();
    for line in config.canonical().lines() {
        let _ = writeln!(about, "//   {line}");
    }
    about.push_str("//\n// Rules of Verilator's lint that are switched off around some lines:\n");
    for waiver in WAIVERS {
        let _ = writeln!(about, "//   {}: {}.", waiver.rule, waiver.reason);
    }
    Ok(Generated {
        about,
        title: format!(
            "// Firebrick, configuration {}, hash {:016x}\n",
            config.name,
            config.hash()
        ),
        modules,
    })
}

/// The core with plain AXI names and the attributes by which block-design tools know them.
fn top_module(top: &str, core: &str) -> String {
    let mut text = String::from(
        "// The accelerator with the attributes by which block-design tools know its interfaces.\n",
    );
    let _ = writeln!(text, "module {top} (");
    for (i, port) in PORTS.iter().enumerate() {
        let name = port.name;
        let _ = writeln!(text, "    // {}", port.doc);
        if let Some(parameter) = interface_parameter(name) {
            let _ = writeln!(text, "    (* X_INTERFACE_PARAMETER = \"{parameter}\" *)");
        }
        let _ = writeln!(text, "    (* X_INTERFACE_INFO = \"{}\" *)", interface(name));
        let direction = if port.output { "output" } else { "input" };
        let range = if port.width == 1 {
            String::new()
        } else {
            format!(" [{}:0]", port.width - 1)
        };
        let comma = if i + 1 == PORTS.len() { "" } else { "," };
        let declaration = format!("    {direction} wire{range} {name}{comma}");
        if outside_core(name) && !port.output {
            let (off, on) = (pragma(false, "UNUSEDSIGNAL"), pragma(true, "UNUSEDSIGNAL"));
            let _ = writeln!(text, "    {off}\n{declaration}\n    {on}");
        } else {
            let _ = writeln!(text, "{declaration}");
        }
    }
    text.push_str(");\n    assign s_axil_bresp = 2'd0;\n    assign s_axil_rresp = 2'd0;\n");
    let pins: Vec<String> = PORTS
        .iter()
        .filter(|p| !outside_core(p.name))
        .map(|p| format!("        .{0}({0})", p.name))
        .collect();
    let _ = writeln!(
        text,
        "    {core} core (\n{}\n    );\nendmodule",
        pins.join(",\n")
    );
    text
}

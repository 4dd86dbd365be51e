//! The complete Verilog of an accelerator: the engine and a top module with plain AXI names.

use std::fmt::Write as _;
use std::sync::LazyLock;

use firebrick_spec::HwConfig;
use firebrick_spec::docs::ports::PORTS;
use firebrick_spec::resources::Memory;
use regex::{Captures, Regex};

use crate::emit::{EmitError, emit};
use crate::engine::Engine;

pub use firebrick_spec::docs::ports::TOP;

/// A rule of Verilator's lint that the emitted Verilog breaks on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// Verilator's name of the rule.
    pub rule: &'static str,
    /// Why it is broken.
    pub reason: &'static str,
}

impl Waiver {
    /// The line of the emitted file that switches the rule off.
    #[must_use]
    pub fn pragma(&self) -> String {
        format!("/* verilator lint_off {} */", self.rule)
    }
}

/// All waivers; they stand in the emitted file, so that `verilator --lint-only -Wall` is clean on
/// it as it is.
pub const WAIVERS: &[Waiver] = &[
    Waiver {
        rule: "WIDTH",
        reason: "a width cast is an AND with a mask, which extends a narrower operand by zeros; \
                 literals have no width of their own",
    },
    Waiver {
        rule: "UNUSEDSIGNAL",
        reason: "records, words and registers are passed on whole; a receiver uses the fields it \
                 needs",
    },
    Waiver {
        rule: "DECLFILENAME",
        reason: "all modules of a configuration lie in one file",
    },
];

/// Name of the engine's module below it.
const CORE: &str = "firebrick_core";

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

/// A memory as `crate::mem::Ram` declares it.
static CELLS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^(\s*)(reg \[(\d+):0\] cells \[0:(\d+)\];)$").expect("valid regex")
});

/// Asks for UltraRAM where a memory has words and bits of one of `ultra`, which tools take for
/// block RAM otherwise, and for distributed RAM where it has those of one of `distributed`.
fn place_memories(core: &str, ultra: &[Memory], distributed: &[Memory]) -> String {
    let replaced = CELLS.replace_all(core, |found: &Captures<'_>| {
        let size = |i: usize| found[i].parse().ok().map(|last: usize| last + 1);
        let is_one_of = |memories: &[Memory]| {
            let mut memories = memories.iter();
            memories.any(|m| size(3) == Some(m.bits) && size(4) == Some(m.words))
        };
        let attribute = if is_one_of(ultra) {
            "(* ram_style = \"ultra\" *) "
        } else if is_one_of(distributed) {
            "(* ram_style = \"distributed\" *) "
        } else {
            ""
        };
        format!("{}{attribute}{}", &found[1], &found[2])
    });
    replaced.into_owned()
}

/// The Verilog of the accelerator for `config`: one file, top module [`TOP`], the same bytes for
/// the same configuration.
pub fn generate(config: &HwConfig) -> Result<String, GenerateError> {
    generate_with(config, &[])
}

/// As [`generate`], with some memories in UltraRAM
/// ([`HwConfig::ultra_memories`] says which for a board).
pub fn generate_with(config: &HwConfig, ultra: &[Memory]) -> Result<String, GenerateError> {
    let mut engine = Engine::new(config).map_err(GenerateError::Config)?;
    engine.connect_inputs();
    let core = place_memories(&emit(&engine, CORE)?, ultra, &config.distributed_memories());
    let mut text = String::new();
    let _ = writeln!(
        text,
        "// Firebrick, configuration {}, hash {:016x}",
        config.name,
        config.hash()
    );
    for line in config.canonical().lines() {
        let _ = writeln!(text, "//   {line}");
    }
    text.push('\n');
    for waiver in WAIVERS {
        let _ = writeln!(
            text,
            "// {}: {}.\n{}",
            waiver.rule,
            waiver.reason,
            waiver.pragma()
        );
    }
    text.push_str("\n`default_nettype wire\n\n");
    text.push_str(&core);
    text.push('\n');
    let _ = writeln!(text, "module {TOP} (");
    for (i, port) in PORTS.iter().enumerate() {
        let name = port.name;
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
        let _ = writeln!(text, "    {direction} wire{range} {name}{comma}");
    }
    text.push_str(");\n    assign s_axil_bresp = 2'b00;\n    assign s_axil_rresp = 2'b00;\n");
    let pins: Vec<String> = PORTS
        .iter()
        .filter(|p| !outside_core(p.name))
        .map(|p| format!("        .{0}({0})", p.name))
        .collect();
    let _ = writeln!(
        text,
        "    {CORE} core (\n{}\n    );\nendmodule",
        pins.join(",\n")
    );
    Ok(text)
}

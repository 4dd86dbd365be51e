//! The complete Verilog of an accelerator: the engine and a top module with plain AXI names.

use std::fmt::Write as _;

use firebrick_spec::HwConfig;

use crate::emit::{EmitError, emit};
use crate::engine::Engine;

/// Name of the top module.
pub const TOP: &str = "firebrick_top";

/// Lint rules that the emitted Verilog breaks on purpose, each with its reason: a Verilator
/// configuration file.
pub const WAIVERS: &str = include_str!("../waivers.vlt");

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

/// A port of the top module: name, width, whether it is an output, and its place in an
/// interface as block-design tools name it.
struct Port(&'static str, usize, bool, &'static str);

const PORTS: &[Port] = &[
    Port("aclk", 1, false, "xilinx.com:signal:clock:1.0 aclk CLK"),
    Port("aresetn", 1, false, "xilinx.com:signal:reset:1.0 aresetn RST"),
    Port("s_axil_awaddr", 12, false, "xilinx.com:interface:aximm:1.0 s_axil AWADDR"),
    Port("s_axil_awprot", 3, false, "xilinx.com:interface:aximm:1.0 s_axil AWPROT"),
    Port("s_axil_awvalid", 1, false, "xilinx.com:interface:aximm:1.0 s_axil AWVALID"),
    Port("s_axil_awready", 1, true, "xilinx.com:interface:aximm:1.0 s_axil AWREADY"),
    Port("s_axil_wdata", 32, false, "xilinx.com:interface:aximm:1.0 s_axil WDATA"),
    Port("s_axil_wstrb", 4, false, "xilinx.com:interface:aximm:1.0 s_axil WSTRB"),
    Port("s_axil_wvalid", 1, false, "xilinx.com:interface:aximm:1.0 s_axil WVALID"),
    Port("s_axil_wready", 1, true, "xilinx.com:interface:aximm:1.0 s_axil WREADY"),
    Port("s_axil_bresp", 2, true, "xilinx.com:interface:aximm:1.0 s_axil BRESP"),
    Port("s_axil_bvalid", 1, true, "xilinx.com:interface:aximm:1.0 s_axil BVALID"),
    Port("s_axil_bready", 1, false, "xilinx.com:interface:aximm:1.0 s_axil BREADY"),
    Port("s_axil_araddr", 12, false, "xilinx.com:interface:aximm:1.0 s_axil ARADDR"),
    Port("s_axil_arprot", 3, false, "xilinx.com:interface:aximm:1.0 s_axil ARPROT"),
    Port("s_axil_arvalid", 1, false, "xilinx.com:interface:aximm:1.0 s_axil ARVALID"),
    Port("s_axil_arready", 1, true, "xilinx.com:interface:aximm:1.0 s_axil ARREADY"),
    Port("s_axil_rdata", 32, true, "xilinx.com:interface:aximm:1.0 s_axil RDATA"),
    Port("s_axil_rresp", 2, true, "xilinx.com:interface:aximm:1.0 s_axil RRESP"),
    Port("s_axil_rvalid", 1, true, "xilinx.com:interface:aximm:1.0 s_axil RVALID"),
    Port("s_axil_rready", 1, false, "xilinx.com:interface:aximm:1.0 s_axil RREADY"),
    Port("s_axis_tdata", 128, false, "xilinx.com:interface:axis:1.0 s_axis TDATA"),
    Port("s_axis_tvalid", 1, false, "xilinx.com:interface:axis:1.0 s_axis TVALID"),
    Port("s_axis_tready", 1, true, "xilinx.com:interface:axis:1.0 s_axis TREADY"),
    Port("s_axis_tlast", 1, false, "xilinx.com:interface:axis:1.0 s_axis TLAST"),
    Port("m_axis_tdata", 128, true, "xilinx.com:interface:axis:1.0 m_axis TDATA"),
    Port("m_axis_tvalid", 1, true, "xilinx.com:interface:axis:1.0 m_axis TVALID"),
    Port("m_axis_tready", 1, false, "xilinx.com:interface:axis:1.0 m_axis TREADY"),
    Port("m_axis_tlast", 1, true, "xilinx.com:interface:axis:1.0 m_axis TLAST"),
    Port("irq", 1, true, "xilinx.com:signal:interrupt:1.0 irq INTERRUPT"),
];

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

/// The Verilog of the accelerator for `config`: one file, top module [`TOP`], the same bytes for
/// the same configuration.
pub fn generate(config: &HwConfig) -> Result<String, GenerateError> {
    let mut engine = Engine::new(config).map_err(GenerateError::Config)?;
    engine.connect_inputs();
    let core = emit(&engine, CORE)?;
    let mut text = String::new();
    let _ = writeln!(text, "// Firebrick, configuration {}, hash {:016x}", config.name, config.hash());
    for line in config.canonical().lines() {
        let _ = writeln!(text, "//   {line}");
    }
    text.push_str("\n`default_nettype wire\n\n");
    text.push_str(&core);
    text.push('\n');
    let _ = writeln!(text, "module {TOP} (");
    for (i, Port(name, width, output, interface)) in PORTS.iter().enumerate() {
        if let Some(parameter) = interface_parameter(name) {
            let _ = writeln!(text, "    (* X_INTERFACE_PARAMETER = \"{parameter}\" *)");
        }
        let _ = writeln!(text, "    (* X_INTERFACE_INFO = \"{interface}\" *)");
        let direction = if *output { "output" } else { "input" };
        let range = if *width == 1 { String::new() } else { format!(" [{}:0]", width - 1) };
        let comma = if i + 1 == PORTS.len() { "" } else { "," };
        let _ = writeln!(text, "    {direction} wire{range} {name}{comma}");
    }
    text.push_str(");\n    assign s_axil_bresp = 2'b00;\n    assign s_axil_rresp = 2'b00;\n");
    let pins: Vec<String> = PORTS
        .iter()
        .filter(|p| !outside_core(p.0))
        .map(|p| format!("        .{0}({0})", p.0))
        .collect();
    let _ = writeln!(text, "    {CORE} core (\n{}\n    );\nendmodule", pins.join(",\n"));
    Ok(text)
}

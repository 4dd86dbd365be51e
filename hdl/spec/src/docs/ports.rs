//! Ports of the top module.

/// Name of the top module.
pub const TOP: &str = "firebrick_top";

/// One port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// Name.
    pub name: &'static str,
    /// Bits.
    pub width: u32,
    /// Whether the core drives it.
    pub output: bool,
    /// Meaning.
    pub doc: &'static str,
}

const fn input(name: &'static str, width: u32, doc: &'static str) -> Port {
    Port {
        name,
        width,
        output: false,
        doc,
    }
}

const fn output(name: &'static str, width: u32, doc: &'static str) -> Port {
    Port {
        name,
        width,
        output: true,
        doc,
    }
}

/// All ports, in order of declaration.
pub const PORTS: &[Port] = &[
    input(
        "aclk",
        1,
        "The only clock; all ports are synchronous to its rising edge.",
    ),
    input(
        "aresetn",
        1,
        "Reset, active low, synchronous; one cycle is enough.",
    ),
    input("s_axil_awaddr", 12, "Write address, in bytes."),
    input("s_axil_awprot", 3, "Ignored."),
    input("s_axil_awvalid", 1, "Write address valid."),
    output("s_axil_awready", 1, "Write address ready."),
    input("s_axil_wdata", 32, "Write data."),
    input(
        "s_axil_wstrb",
        4,
        "Byte enables; a write without all four is answered but ignored.",
    ),
    input("s_axil_wvalid", 1, "Write data valid."),
    output("s_axil_wready", 1, "Write data ready."),
    output("s_axil_bresp", 2, "Always 0 (OKAY)."),
    output("s_axil_bvalid", 1, "Write response valid."),
    input("s_axil_bready", 1, "Write response ready."),
    input("s_axil_araddr", 12, "Read address, in bytes."),
    input("s_axil_arprot", 3, "Ignored."),
    input("s_axil_arvalid", 1, "Read address valid."),
    output("s_axil_arready", 1, "Read address ready."),
    output("s_axil_rdata", 32, "Read data."),
    output("s_axil_rresp", 2, "Always 0 (OKAY)."),
    output("s_axil_rvalid", 1, "Read data valid."),
    input("s_axil_rready", 1, "Read data ready."),
    input(
        "s_axis_tdata",
        128,
        "Command stream; byte 0 of a beat is bits 7:0.",
    ),
    input("s_axis_tvalid", 1, "Beat valid."),
    output(
        "s_axis_tready",
        1,
        "Beat accepted when high together with tvalid.",
    ),
    input(
        "s_axis_tlast",
        1,
        "Last beat of a transfer: the second beat of its end record.",
    ),
    output(
        "m_axis_tdata",
        128,
        "Result stream; byte 0 of a beat is bits 7:0.",
    ),
    output("m_axis_tvalid", 1, "Beat valid."),
    input(
        "m_axis_tready",
        1,
        "Beat accepted when high together with tvalid.",
    ),
    output(
        "m_axis_tlast",
        1,
        "Last beat of a result packet: its trailer.",
    ),
    output(
        "irq",
        1,
        "Interrupt, active high, level: high while an enabled cause is pending.",
    ),
];

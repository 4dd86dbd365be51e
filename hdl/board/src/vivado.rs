//! Vivado scripts: the same for every board, with one file of settings.

use std::fmt::Write as _;

use firebrick_spec::board::{Board, Link};
use firebrick_spec::{HwConfig, regs};

use crate::constraints::ORDER;
use crate::{File, VIVADO, hash};

/// Bytes of the AXI DMA's registers.
pub const DMA_RANGE: u32 = 0x1_0000;

/// What the scripts need to know of a board beyond its part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Address of the core's registers, for the host or the processor.
    pub register_base: u32,
    /// Address of the AXI DMA's registers, where there is one.
    pub dma_base: Option<u32>,
    values: Vec<(&'static str, String, &'static str)>,
}

/// Site of the link and the rate of XDMA's stream.
struct Pcie {
    speed: &'static str,
    mhz: u32,
    block: &'static str,
    quad: &'static str,
    tied_low: &'static str,
}

fn pcie(board: &Board) -> Pcie {
    let (block, quad, tied_low) = match board.name {
        "alveo-u50" => ("PCIE4C_X1Y0", "GTY_Quad_227", "hbm_cattrip"),
        "alveo-u200" => ("X1Y2", "GTY_Quad_227", ""),
        "litefury" | "nitefury" => ("", "", "pcie_clkreq_n"),
        _ => ("", "", ""),
    };
    let (speed, mhz) = if is_7_series(board) {
        ("5.0_GT/s", 125)
    } else {
        ("8.0_GT/s", 250)
    };
    Pcie {
        speed,
        mhz,
        block,
        quad,
        tied_low,
    }
}

fn is_7_series(board: &Board) -> bool {
    board.part.starts_with("xc7")
}

/// Pattern of the board files, and whether the design needs them.
fn board_part(board: &Board) -> (&'static str, bool) {
    match board.name {
        "pynq-z2" => ("tul.com.tw:pynq-z2:part0:*", true),
        "kv260" => ("xilinx.com:kv260_som:part0:*", true),
        "zcu104" => ("xilinx.com:zcu104:part0:*", true),
        _ => ("", false),
    }
}

impl Settings {
    /// Settings of a board.
    #[must_use]
    pub fn of(board: &Board, config: &HwConfig) -> Settings {
        // Windows of the processors' first general-purpose ports.
        let (register_base, dma_base) = match (board.link, is_7_series(board)) {
            (Link::Pcie, _) => (0, None),
            (Link::Zynq, true) => (0x43c0_0000, Some(0x4040_0000)),
            (Link::Zynq, false) => (0xa000_0000, Some(0xa001_0000)),
        };
        let (part, needed) = board_part(board);
        let constraints: Vec<String> = ORDER
            .iter()
            .map(|(path, order)| format!("{path} {order}"))
            .collect();
        let mut values = vec![
            ("board", board.name.to_owned(), ""),
            ("part", board.part.to_owned(), ""),
            ("board_part", part.to_owned(), "board files, any revision"),
            (
                "needs_board_files",
                u8::from(needed).to_string(),
                "the processor's pins and memory come from them",
            ),
            ("preset", config.name.clone(), ""),
            ("hash", hash(config), "of the configuration"),
            ("version", "1.0".to_owned(), "of the packaged core"),
            ("core_mhz", board.core_mhz.to_string(), "the core's clock"),
            (
                "bus_bytes",
                config.bus_bytes.to_string(),
                "of a stream's beat",
            ),
            ("register_base", format!("{register_base:#010x}"), ""),
            ("register_range", format!("{:#x}", regs::SPACE), "bytes"),
            (
                "constraint_files",
                constraints.join(" "),
                "and when they are read",
            ),
        ];
        if let Some(base) = dma_base {
            values.push(("dma_base", format!("{base:#010x}"), ""));
            values.push(("dma_range", format!("{DMA_RANGE:#x}"), "bytes"));
        }
        if board.link == Link::Pcie {
            let link = pcie(board);
            values.extend([
                ("link_width", "X4".to_owned(), ""),
                ("link_speed", link.speed.to_owned(), ""),
                ("link_data", "128_bit".to_owned(), ""),
                ("link_mhz", link.mhz.to_string(), "XDMA's clock"),
                (
                    "link_block",
                    link.block.to_owned(),
                    "empty: the part's only one",
                ),
                ("link_quad", link.quad.to_owned(), ""),
                ("ultrascale", u8::from(!is_7_series(board)).to_string(), ""),
                ("tied_low", link.tied_low.to_owned(), "pins of the board"),
            ]);
        }
        Settings {
            register_base,
            dma_base,
            values,
        }
    }

    fn tcl(&self) -> String {
        let mut text = format!(
            "# Firebrick: settings of this folder's scripts, written by `firebrick generate` for \
             Vivado {VIVADO}.\n"
        );
        for (name, value, note) in &self.values {
            let note = if note.is_empty() {
                String::new()
            } else {
                format!(" ;# {note}")
            };
            let _ = writeln!(text, "set {name} {{{value}}}{note}");
        }
        text
    }
}

/// The scripts.
pub fn files(board: &Board, settings: &Settings) -> Vec<File> {
    let dma = include_str!("../../../scripts/vivado/dma.tcl");
    let system = match (board.link, is_7_series(board)) {
        (Link::Pcie, _) => include_str!("../../../scripts/vivado/pcie.tcl").to_owned(),
        (Link::Zynq, true) => {
            format!(
                "{}\n{dma}",
                include_str!("../../../scripts/vivado/zynq7.tcl")
            )
        }
        (Link::Zynq, false) => {
            format!(
                "{}\n{dma}",
                include_str!("../../../scripts/vivado/zynqmp.tcl")
            )
        }
    };
    [
        (
            "build.tcl",
            include_str!("../../../scripts/vivado/build.tcl").to_owned(),
        ),
        (
            "package.tcl",
            include_str!("../../../scripts/vivado/package.tcl").to_owned(),
        ),
        ("settings.tcl", settings.tcl()),
        ("system.tcl", system),
    ]
    .map(|(name, text)| File {
        path: format!("vivado/{name}"),
        text,
    })
    .into()
}

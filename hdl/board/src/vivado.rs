//! Vivado scripts: the same for every board, with one file of settings.

use firebrick_spec::BEAT_BYTES;
use std::fmt::Write as _;

use firebrick_spec::{HwConfig, regs};

use crate::clock::PROCESSOR_MHZ;
use crate::folder::LinkSettings;
use crate::{BoardFolder, File, VIVADO, hash};

/// Constraint files and the order in which tools process them: pins before those of the cores,
/// which would otherwise win.
pub const CONSTRAINTS: [(&str, &str); 2] = [
    ("constraints/pins.xdc", "EARLY"),
    ("constraints/timing.xdc", "NORMAL"),
];

/// Bytes of the AXI DMA's registers.
pub const DMA_RANGE: u32 = 0x1_0000;

/// What the scripts need to know of a board beyond its part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Address of the first core's registers, for the host or the processor.
    pub register_base: u32,
    /// Address of its AXI DMA's registers, where there is one.
    pub dma_base: Option<u32>,
    /// Engines side by side, 1 to [`regs::ENGINES_MAX`].
    pub engines: usize,
    values: Vec<(&'static str, String, &'static str)>,
}

impl Settings {
    /// Settings of a board with so many engines.
    #[must_use]
    pub fn of(board: &BoardFolder, config: &HwConfig, engines: usize) -> Settings {
        let (register_base, dma_base, board_files) = match &board.link {
            LinkSettings::Pcie(_) => (0, None, None),
            LinkSettings::Zynq(zynq) => (
                zynq.register_base,
                Some(zynq.dma_base),
                Some(zynq.board_files.as_str()),
            ),
        };
        let constraints: Vec<String> = CONSTRAINTS
            .iter()
            .map(|(path, order)| format!("{path} {order}"))
            .collect();
        let mut values = vec![
            ("board", board.name.to_owned(), ""),
            ("part", board.part.to_owned(), ""),
            (
                "board_part",
                board_files.unwrap_or_default().to_owned(),
                "board files, any revision",
            ),
            (
                "needs_board_files",
                u8::from(board_files.is_some()).to_string(),
                "the processor's pins and memory come from them",
            ),
            ("preset", config.name.clone(), ""),
            ("hash", hash(config), "of the configuration"),
            ("version", "1.0".to_owned(), "of the packaged core"),
            ("core_mhz", board.core_mhz.to_string(), "the core's clock"),
            (
                "clocks",
                board
                    .clocks()
                    .iter()
                    .map(usize::to_string)
                    .collect::<Vec<_>>()
                    .join(" "),
                "MHz that clocks.tcl tries",
            ),
            ("bus_bytes", BEAT_BYTES.to_string(), "of a stream's beat"),
            ("register_base", format!("{register_base:#010x}"), ""),
            ("register_range", format!("{:#x}", regs::SPACE), "bytes"),
            ("engines", engines.to_string(), "side by side"),
            (
                "engine_stride",
                format!("{:#x}", regs::ENGINE_STRIDE),
                "bytes from an engine's registers to the next one's",
            ),
            (
                "constraint_files",
                constraints.join(" "),
                "and when they are read",
            ),
        ];
        if let Some(base) = dma_base {
            values.push(("dma_base", format!("{base:#010x}"), ""));
            values.push(("dma_range", format!("{DMA_RANGE:#x}"), "bytes"));
            values.push((
                "processor_mhz",
                PROCESSOR_MHZ.to_string(),
                "of its clock, from which the core's is made",
            ));
        }
        if let LinkSettings::Pcie(link) = &board.link {
            values.extend([
                ("link_width", "X4".to_owned(), ""),
                ("link_speed", link.speed.clone(), ""),
                ("link_data", "128_bit".to_owned(), ""),
                ("link_mhz", link.clock_mhz.to_string(), "XDMA's clock"),
                (
                    "link_block",
                    link.block.clone().unwrap_or_default(),
                    "empty: the part's only one",
                ),
                ("link_quad", link.quad.clone().unwrap_or_default(), ""),
                ("ultrascale", u8::from(!board.is_7_series()).to_string(), ""),
                ("tied_low", link.tied_low.join(" "), "pins of the board"),
            ]);
        }
        Settings {
            register_base,
            dma_base,
            engines,
            values,
        }
    }

    /// Addresses of an engine's registers and, where it has one, of its AXI DMA's.
    #[must_use]
    pub fn addresses(&self, engine: usize) -> (u32, Option<u32>) {
        let window = regs::window(engine);
        (
            self.register_base + window,
            self.dma_base.map(|base| base + window),
        )
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

/// The block design of a link, unless a board brings its own.
fn system(board: &BoardFolder) -> String {
    let dma = include_str!("../vivado/dma.tcl");
    let zynq7 = include_str!("../vivado/zynq7.tcl");
    let zynqmp = include_str!("../vivado/zynqmp.tcl");
    match (&board.system, &board.link, board.is_7_series()) {
        (Some(own), ..) => own.clone(),
        (None, LinkSettings::Pcie(_), _) => include_str!("../vivado/pcie.tcl").to_owned(),
        (None, LinkSettings::Zynq(_), true) => format!("{zynq7}\n{dma}"),
        (None, LinkSettings::Zynq(_), false) => format!("{zynqmp}\n{dma}"),
    }
}

/// The scripts.
pub fn files(board: &BoardFolder, settings: &Settings) -> Vec<File> {
    let build = include_str!("../vivado/build.tcl").to_owned();
    let clocks = include_str!("../vivado/clocks.tcl").to_owned();
    let package = include_str!("../vivado/package.tcl").to_owned();
    [
        ("build.tcl", build),
        ("clocks.tcl", clocks),
        ("package.tcl", package),
        ("settings.tcl", settings.tcl()),
        ("system.tcl", system(board)),
    ]
    .map(|(name, text)| File {
        path: format!("vivado/{name}"),
        text,
    })
    .into()
}

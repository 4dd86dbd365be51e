//! What goes with the engine's Verilog for a board: Vivado scripts, constraints, a FuseSoC core
//! file, a C header, a description in JSON, what Linux on a Zynq needs, and the page that explains
//! them.
//!
//! Everything follows from `firebrick-spec`, from a board's folder (those below `constraints` of the
//! repository are part of the program) and from the scripts below `scripts/vivado`; nothing here
//! does I/O but reading a folder of boards that is named. The Verilog itself comes from
//! `firebrick-rtl`.

mod clock;
mod folder;
mod fusesoc;
mod header;
mod json;
mod linux;
mod readme;
mod vivado;

use firebrick_spec::HwConfig;
use firebrick_spec::board::Board;

pub use clock::{Mmcm, PROCESSOR_MHZ, mmcm};
pub use folder::{BoardError, BoardFolder, DESCRIPTION, boards, find, names};
pub use vivado::{DMA_RANGE, Settings};

/// Name of the list of Verilog files: a comment, then a path on each line, the top's last.
pub const FILE_LIST: &str = "firebrick.f";

/// A file of the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path below the folder, with `/`.
    pub path: String,
    /// Content, ASCII.
    pub text: String,
}

impl File {
    /// How the file begins, by which its owner is known.
    #[must_use]
    pub fn beginning(&self) -> &'static str {
        match self.path.rsplit_once('.').map_or("", |(_, kind)| kind) {
            "core" => "CAPI=2:\n# Firebrick",
            "h" => "/* Firebrick",
            "dtso" => "/*\n * Firebrick",
            "bif" => "/* Firebrick",
            "json" if self.path == linux::SHELL => linux::SHELL_TEXT,
            "json" => "{\n  \"generator\": \"firebrick ",
            _ => "# Firebrick",
        }
    }
}

/// Release that the Vivado scripts were written for.
pub const VIVADO: &str = "2023.2";

/// Everything but the Verilog, its list and the configuration, in a fixed order; the same input
/// gives the same bytes. `sources` are the Verilog files' paths below the folder, the top's last;
/// `engines` of them are put side by side, 1 to
/// [`ENGINES_MAX`](firebrick_spec::regs::ENGINES_MAX).
#[must_use]
pub fn files(
    board: &BoardFolder,
    config: &HwConfig,
    engines: usize,
    sources: &[String],
) -> Vec<File> {
    let file = |path: &str, text: String| File {
        path: path.to_owned(),
        text,
    };
    let settings = Settings::of(board, config, engines);
    let mut files = vec![
        file("README.md", readme::readme(board, config, &settings)),
        file("firebrick.core", fusesoc::core(board, config, sources)),
        file("firebrick.h", header::header(Some(&settings), config)),
        file(
            "firebrick.json",
            json::json(board, config, &settings, sources),
        ),
    ];
    files.push(file(vivado::CONSTRAINTS[0].0, board.pins.clone()));
    files.push(file(vivado::CONSTRAINTS[1].0, board.timing(engines)));
    files.extend(vivado::files(board, &settings));
    files.extend(linux::files(board, &settings));
    files
}

/// What one of so many engines may take of a board: an equal part of everything.
#[must_use]
pub fn share(board: &Board, engines: usize) -> Board {
    Board {
        lut: board.lut / engines,
        ff: board.ff / engines,
        dsp: board.dsp / engines,
        bram: board.bram / engines,
        uram: board.uram / engines,
        ..*board
    }
}

/// The hash as every file has it.
fn hash(config: &HwConfig) -> String {
    format!("{:016x}", config.hash())
}

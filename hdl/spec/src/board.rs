//! Boards: parts, what they offer, and how the host reaches them.

use crate::config::HwConfig;

/// How the host reaches the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// PCI Express with XDMA in stream mode.
    Pcie,
    /// A Zynq processor with AXI DMA.
    Zynq,
}

/// A supported board: its part, the part's resources, its link, and what is generated for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Board {
    /// Name as in `--board`.
    pub name: &'static str,
    /// Full part number, as Vivado takes it.
    pub part: &'static str,
    /// LUTs with six inputs.
    pub lut: usize,
    /// Flip-flops.
    pub ff: usize,
    /// DSP slices.
    pub dsp: usize,
    /// Block RAMs of 36 Kibit.
    pub bram: usize,
    /// UltraRAMs of 288 Kibit.
    pub uram: usize,
    /// Link to the host.
    pub link: Link,
    /// The preset that is generated for it.
    pub preset: &'static str,
    /// Clock that the constraints request for the engine, in MHz.
    pub core_mhz: usize,
}

/// Share of a part's DSP, block RAM and UltraRAM that a design may use, in percent: above it
/// tools have trouble closing timing.
pub const CLOSURE_PERCENT: usize = 80;
/// The same for LUTs.
pub const LUT_PERCENT: usize = 70;
/// The same for flip-flops.
pub const FF_PERCENT: usize = 50;

/// All boards. Figures of the parts: AMD DS180, DS190, DS890, DS891, DS962, DS965, DS987 (product
/// tables).
pub const BOARDS: &[Board] = &[
    Board {
        name: "litefury",
        part: "xc7a100tfgg484-2L",
        lut: 63_400,
        ff: 126_800,
        dsp: 240,
        bram: 135,
        uram: 0,
        link: Link::Pcie,
        preset: "fb256-small-packed",
        core_mhz: 100,
    },
    Board {
        name: "nitefury",
        part: "xc7a200tfbg484-2",
        lut: 134_600,
        ff: 269_200,
        dsp: 740,
        bram: 365,
        uram: 0,
        link: Link::Pcie,
        preset: "fb256-small-packed",
        core_mhz: 100,
    },
    Board {
        name: "kc705",
        part: "xc7k325tffg900-2",
        lut: 203_800,
        ff: 407_600,
        dsp: 840,
        bram: 445,
        uram: 0,
        link: Link::Pcie,
        preset: "fb512-packed",
        core_mhz: 100,
    },
    Board {
        name: "alveo-u50",
        part: "xcu50-fsvh2104-2-e",
        lut: 871_680,
        ff: 1_743_360,
        dsp: 5952,
        bram: 1344,
        uram: 640,
        link: Link::Pcie,
        preset: "fb2048-packed-resident",
        core_mhz: 150,
    },
    Board {
        name: "alveo-u200",
        part: "xcu200-fsgd2104-2-e",
        lut: 1_182_240,
        ff: 2_364_480,
        dsp: 6840,
        bram: 2160,
        uram: 960,
        link: Link::Pcie,
        preset: "fb2048-packed-resident",
        core_mhz: 150,
    },
    Board {
        name: "pynq-z2",
        part: "xc7z020clg400-1",
        lut: 53_200,
        ff: 106_400,
        dsp: 220,
        bram: 140,
        uram: 0,
        link: Link::Zynq,
        preset: "fb256-small-packed",
        core_mhz: 75,
    },
    Board {
        name: "kv260",
        part: "xck26-sfvc784-2LV-c",
        lut: 117_120,
        ff: 234_240,
        dsp: 1248,
        bram: 144,
        uram: 64,
        link: Link::Zynq,
        preset: "fb1024-packed",
        core_mhz: 100,
    },
    Board {
        name: "zcu104",
        part: "xczu7ev-ffvc1156-2-e",
        lut: 230_400,
        ff: 460_800,
        dsp: 1728,
        bram: 312,
        uram: 96,
        link: Link::Zynq,
        preset: "fb2048-packed",
        core_mhz: 150,
    },
];

impl Board {
    /// The board with this name; `None` if there is none.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Board> {
        BOARDS.iter().find(|board| board.name == name)
    }

    /// The configuration that is generated for the board.
    ///
    /// # Panics
    ///
    /// If its preset does not exist, which a test rules out.
    #[must_use]
    pub fn config(&self) -> HwConfig {
        HwConfig::preset(self.preset).expect("a board names an existing preset")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boards_are_found_by_their_names() {
        for board in BOARDS {
            assert_eq!(Board::named(board.name), Some(board));
        }
        assert_eq!(Board::named("breadboard"), None);
    }

    #[test]
    fn the_preset_of_each_board_fits() {
        for board in BOARDS {
            assert!(board.config().fits(board), "{}", board.name);
        }
    }
}

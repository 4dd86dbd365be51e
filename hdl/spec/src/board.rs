//! Boards: parts, what they offer, and how the host reaches them.

/// How the host reaches the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// PCI Express with XDMA in stream mode.
    Pcie,
    /// A Zynq processor with AXI DMA.
    Zynq,
}

/// A board that the project knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Board {
    /// Name as in `--board`.
    pub name: &'static str,
    /// Full part number.
    pub part: &'static str,
    /// DSP slices.
    pub dsp: usize,
    /// Block RAMs of 36 Kibit.
    pub bram: usize,
    /// UltraRAMs of 288 Kibit.
    pub uram: usize,
    /// Way to the host.
    pub link: Link,
}

/// Share of a part's DSP, block RAM and UltraRAM that a design may use, in percent: above it
/// tools have trouble closing timing.
pub const CLOSURE_PERCENT: usize = 80;

/// All boards. Figures of the parts: AMD DS180, DS890, DS891, DS962, DS987 (product tables).
pub const BOARDS: &[Board] = &[
    board("litefury", "xc7a100tfgg484-2L", 240, 135, 0, Link::Pcie),
    board("nitefury", "xc7a200tfbg484-2", 740, 365, 0, Link::Pcie),
    board("kc705", "xc7k325tffg900-2", 840, 445, 0, Link::Pcie),
    board(
        "alveo-u50",
        "xcu50-fsvh2104-2-e",
        5952,
        1344,
        640,
        Link::Pcie,
    ),
    board(
        "alveo-u200",
        "xcu200-fsgd2104-2-e",
        6840,
        2160,
        960,
        Link::Pcie,
    ),
    board("pynq-z2", "xc7z020clg400-1", 220, 140, 0, Link::Zynq),
    board("kv260", "xck26-sfvc784-2LV-c", 1248, 144, 64, Link::Zynq),
    board("zcu104", "xczu7ev-ffvc1156-2-e", 1728, 312, 96, Link::Zynq),
];

const fn board(
    name: &'static str,
    part: &'static str,
    dsp: usize,
    bram: usize,
    uram: usize,
    link: Link,
) -> Board {
    Board {
        name,
        part,
        dsp,
        bram,
        uram,
        link,
    }
}

impl Board {
    /// A board by name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Board> {
        BOARDS.iter().find(|board| board.name == name)
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
}

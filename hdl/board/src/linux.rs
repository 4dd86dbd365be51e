//! What Linux on a Zynq board needs to load the bitstream and to let a user reach the engine: the
//! files of `host/deploy`, fitted to the board. PCIe boards need none of their own.

use std::fmt::Write as _;

use firebrick_spec::board::{Board, Link};
use firebrick_spec::regs::SPACE;

use crate::vivado::{DMA_RANGE, Settings};
use crate::{BoardFolder, File};

/// What xmutil reads of an accelerator's folder below /lib/firmware/xilinx.
pub const SHELL: &str = "linux/shell.json";
/// The whole of that file: one design that fills the fabric.
pub const SHELL_TEXT: &str = "{\n  \"shell_type\": \"XRT_FLAT\",\n  \"num_slots\": \"1\"\n}\n";

/// The bitstream of `vivado/build.tcl`, for `bootgen -process_bitstream bin`.
const BIF: &str = "/* Firebrick: run bootgen in the folder above this one. */\n\
                   all:\n{\n  build/firebrick.bit\n}\n";

const ZYNQ_7000: &str = include_str!("../deploy/device-tree/firebrick-zynq7000.dtso");
const ZYNQ_MP: &str = include_str!("../deploy/device-tree/firebrick-zynqmp.dtso");
const UDEV: &str = include_str!("../deploy/udev/70-firebrick.rules");
const MODPROBE: &str = include_str!("../deploy/modprobe.d/firebrick.conf");

/// The modules of a Zynq.
const MODULES: &str = "# Firebrick: install to /etc/modules-load.d.\nuio_pdrv_genirq\nu-dma-buf\n";

/// The files, in a fixed order; none for a board on PCI Express.
pub fn files(board: &BoardFolder, settings: &Settings) -> Vec<File> {
    let about: &Board = board.board();
    if about.link != Link::Zynq {
        return Vec::new();
    }
    let series7 = board.is_7_series();
    let (overlay, registers, dma) = match series7 {
        true => (ZYNQ_7000, 0x43c0_0000, 0x4040_0000),
        false => (ZYNQ_MP, 0xa000_0000, 0xa001_0000),
    };
    // Both at once: one's new address may be the other's old one.
    let [registers, dma] = [registers, dma].map(|base: u32| format!("{base:x}"));
    let overlay = overlay
        .replace(&registers, "{registers}")
        .replace(&dma, "{dma}")
        .replace("{registers}", &format!("{:x}", settings.register_base))
        .replace(
            "{dma}",
            &format!("{:x}", settings.dma_base.unwrap_or_default()),
        );
    let overlay = with_engines(overlay, series7, settings);
    let mut files = vec![
        ("linux/firebrick.dtso", overlay),
        ("linux/70-firebrick.rules", headed(UDEV)),
        ("linux/modprobe.conf", headed(MODPROBE)),
        ("linux/modules-load.conf", MODULES.to_owned()),
        ("linux/firebrick.bif", BIF.to_owned()),
    ];
    // Only the newer family has xmutil.
    if !series7 {
        files.push((SHELL, SHELL_TEXT.to_owned()));
    }
    let file = |(path, text): (&str, String)| File {
        path: path.to_owned(),
        text,
    };
    files.into_iter().map(file).collect()
}

/// Number of a shared interrupt of the processor: that of an engine's `line`, from 0, as the block
/// design gathers them.
fn interrupt(series7: bool, engine: usize, line: usize) -> usize {
    match (series7, 3 * engine + line, 3 * (engine % 2) + line) {
        // IRQ_F2P[7:0], then [15:8].
        (true, index @ 0..8, _) => 29 + index,
        (true, index, _) => 52 + index - 8,
        // pl_ps_irq0 of the first two engines, pl_ps_irq1 of the others.
        (false, _, index) if engine < 2 => 89 + index,
        (false, _, index) => 104 + index,
    }
}

/// An overlay with the parts of the engines behind the first.
fn with_engines(overlay: String, series7: bool, settings: &Settings) -> String {
    let Some(end) = overlay.rfind("};") else {
        return overlay;
    };
    let (mut text, rest) = (overlay[..end].to_owned(), &overlay[end..]);
    let (high, parent) = match series7 {
        true => ("", "intc"),
        false => ("0x0 ", "gic"),
    };
    for engine in 1..settings.engines {
        let (core, dma) = settings.addresses(engine);
        let dma = dma.unwrap_or_default();
        let [core_irq, dma_irq] = [0, 2].map(|line| interrupt(series7, engine, line));
        let _ = write!(
            text,
            "
\t/* Engine {engine}: names and lines as those of the first. */
\tfirebrick-{engine}@{core:x} {{
\t\tcompatible = \"generic-uio\";
\t\treg = <{high}{core:#x} {high}{SPACE:#x}>;
\t\tinterrupt-parent = <&{parent}>;
\t\tinterrupts = <0 {core_irq} 4>;
\t}};

\tfirebrick-dma-{engine}@{dma:x} {{
\t\tcompatible = \"generic-uio\";
\t\treg = <{high}{dma:#x} {high}{DMA_RANGE:#x}>;
\t\tinterrupt-parent = <&{parent}>;
\t\tinterrupts = <0 {dma_irq} 4>;
\t\txlnx,sg-length-width = <26>;
\t}};

\tfirebrick-buffer-{engine} {{
\t\tcompatible = \"ikwzm,u-dma-buf\";
\t\tdevice-name = \"firebrick-{engine}\";
\t\tsize = <0x01000000>;
\t}};
"
        );
    }
    text + rest
}

/// A file with the line by which this program knows its own.
fn headed(text: &str) -> String {
    format!("# Firebrick, written by `generate`\n{text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::PROCESSOR_MHZ;

    #[test]
    fn zynq_boards_have_their_overlay_and_clock() {
        let clock = format!("<{}>", PROCESSOR_MHZ * 1_000_000);
        for (name, shell) in [("pynq-z2", false), ("kv260", true), ("zcu104", true)] {
            let board = crate::find(name, None).unwrap();
            let settings = Settings::of(board, &board.config(), 1);
            let files = files(board, &settings);
            let overlay = &files[0].text;
            assert!(
                overlay.contains(&format!("assigned-clock-rates = {clock};")),
                "{overlay}"
            );
            assert_eq!(overlay.contains("zynqmp_clk"), shell, "{name}");
            assert_eq!(files.iter().any(|file| file.path == SHELL), shell, "{name}");
            for file in &files {
                assert!(file.text.starts_with(file.beginning()), "{}", file.path);
                assert!(file.text.is_ascii(), "{}", file.path);
            }
        }
        let pcie = crate::find("kc705", None).unwrap();
        assert!(files(pcie, &Settings::of(pcie, &pcie.config(), 1)).is_empty());
    }

    #[test]
    fn each_engine_has_its_own_parts() {
        for (name, interrupts) in [
            ("pynq-z2", [[29, 31], [32, 34], [35, 52], [53, 55]]),
            ("kv260", [[89, 91], [92, 94], [104, 106], [107, 109]]),
        ] {
            let board = crate::find(name, None).unwrap();
            let settings = Settings::of(board, &board.config(), 4);
            let overlay = &files(board, &settings)[0].text;
            for (engine, interrupts) in interrupts.iter().enumerate() {
                let number = match engine {
                    0 => String::new(),
                    engine => format!("-{engine}"),
                };
                let (core, dma) = settings.addresses(engine);
                for part in [
                    format!("\tfirebrick{number}@{core:x} {{"),
                    format!("\tfirebrick-dma{number}@{:x} {{", dma.unwrap()),
                    format!("device-name = \"firebrick{number}\""),
                    format!("interrupts = <0 {} 4>;", interrupts[0]),
                    format!("interrupts = <0 {} 4>;", interrupts[1]),
                ] {
                    assert_eq!(
                        overlay.matches(&part).count(),
                        1,
                        "{name}: {part}\n{overlay}"
                    );
                }
            }
            let (open, close) = (overlay.matches('{').count(), overlay.matches('}').count());
            assert_eq!(open, close, "{overlay}");
        }
    }

    #[test]
    fn addresses_are_those_of_the_settings() {
        let board = crate::find("kv260", None).unwrap();
        let mut settings = Settings::of(board, &board.config(), 1);
        settings.register_base = 0xa001_0000;
        settings.dma_base = Some(0xb000_0000);
        let overlay = &files(board, &settings)[0].text;
        for what in [
            "firebrick@a0010000 {",
            "reg = <0x0 0xa0010000 ",
            "firebrick-dma@b0000000 {",
        ] {
            assert!(overlay.contains(what), "{overlay}");
        }
        assert!(!overlay.contains("a0000000"), "{overlay}");
    }
}

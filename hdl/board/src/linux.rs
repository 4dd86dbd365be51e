//! What Linux on a Zynq board needs to load the bitstream and to let a user reach the engine: the
//! files of `host/deploy`, fitted to the board. PCIe boards need none of their own.

use firebrick_spec::board::{Board, Link};

use crate::vivado::Settings;
use crate::{BoardFolder, File};

/// What xmutil reads of an accelerator's folder below /lib/firmware/xilinx.
pub const SHELL: &str = "linux/shell.json";
/// The whole of that file: one design that fills the fabric.
pub const SHELL_TEXT: &str = "{\n  \"shell_type\": \"XRT_FLAT\",\n  \"num_slots\": \"1\"\n}\n";

/// The bitstream of `vivado/build.tcl`, for `bootgen -process_bitstream bin`.
const BIF: &str = "/* Firebrick: run bootgen in the folder above this one. */\n\
                   all:\n{\n  build/firebrick.bit\n}\n";

const ZYNQ_7000: &str = include_str!("../../../host/deploy/device-tree/firebrick-zynq7000.dtso");
const ZYNQ_MP: &str = include_str!("../../../host/deploy/device-tree/firebrick-zynqmp.dtso");
const UDEV: &str = include_str!("../../../host/deploy/udev/70-firebrick.rules");
const MODPROBE: &str = include_str!("../../../host/deploy/modprobe.d/firebrick.conf");

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

/// A file with the line by which this program knows its own.
fn headed(text: &str) -> String {
    format!("# Firebrick, written by `generate`\n{text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vivado::PROCESSOR_MHZ;

    #[test]
    fn zynq_boards_have_their_overlay_and_clock() {
        let clock = format!("<{}>", PROCESSOR_MHZ * 1_000_000);
        for (name, shell) in [("pynq-z2", false), ("kv260", true), ("zcu104", true)] {
            let board = crate::find(name, None).unwrap();
            let settings = Settings::of(board, &board.config());
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
        assert!(files(pcie, &Settings::of(pcie, &pcie.config())).is_empty());
    }

    #[test]
    fn addresses_are_those_of_the_settings() {
        let board = crate::find("kv260", None).unwrap();
        let mut settings = Settings::of(board, &board.config());
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

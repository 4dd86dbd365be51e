//! The files of `host/deploy`: the tools that read them take them, and names and addresses are those
//! of the program.
#![cfg(feature = "sim")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::{firebrick, skipped, text};
use serde_json::Value;

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../deploy")
        .join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(deploy(path)).unwrap()
}

/// What a tool says; nothing if it is not there.
fn tool(name: &str, args: &[&str]) -> Option<Output> {
    let output = Command::new(name).args(args).output().ok();
    if output.is_none() {
        skipped(format_args!("there is no {name} here"));
    }
    output
}

/// A value of `settings.tcl`.
fn setting(settings: &str, name: &str) -> u64 {
    let start = format!("set {name} {{");
    let value = settings.lines().find_map(|line| line.strip_prefix(&start));
    let value = value.unwrap_or_else(|| panic!("no {name}"));
    let value = &value[..value.find('}').unwrap()];
    match value.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).unwrap(),
        None => value.parse().unwrap(),
    }
}

/// Each overlay, the board that it is written for, its cells for a number, and the interrupt of the
/// fabric that is its first.
const OVERLAYS: [(&str, &str, usize, u64); 2] =
    [("zynq7000", "pynq-z2", 1, 29), ("zynqmp", "kv260", 2, 89)];

#[test]
fn overlays_have_the_addresses_of_the_block_designs() {
    for (family, board, cells, interrupt) in OVERLAYS {
        let folder = tempfile::tempdir().unwrap();
        firebrick(&["generate", "--board", board, "-o", text(folder.path())]).good();
        let settings = folder.path().join("vivado/settings.tcl");
        let settings = std::fs::read_to_string(settings).unwrap();
        let setting = |name| setting(&settings, name);
        let overlay = read(&format!("device-tree/firebrick-{family}.dtso"));
        let has = |what: &str| assert!(overlay.contains(what), "{family}: {what}");
        let cell = |value: u64| match cells {
            1 => format!("{value:#x}"),
            _ => format!("0x0 {value:#x}"),
        };
        for (name, base, range, number) in [
            ("firebrick", "register_base", "register_range", interrupt),
            // Core, DMA to core, DMA from core.
            ("firebrick-dma", "dma_base", "dma_range", interrupt + 2),
        ] {
            let (base, range) = (setting(base), setting(range));
            has(&format!("\t{name}@{base:x} {{"));
            has(&format!("reg = <{} {}>;", cell(base), cell(range)));
            has(&format!("interrupts = <0 {number} 4>;"));
        }
        let hertz = setting("processor_mhz") * 1_000_000;
        has(&format!("assigned-clock-rates = <{hertz}>;"));
        has("device-name = \"firebrick\";");
        has("xlnx,sg-length-width = <26>;");
    }
}

#[test]
fn overlays_compile() {
    for (family, ..) in OVERLAYS {
        let source = deploy(&format!("device-tree/firebrick-{family}.dtso"));
        let folder = tempfile::tempdir().unwrap();
        let (binary, base) = (folder.path().join("o.dtbo"), folder.path().join("b.dtb"));
        let compile = |from: &Path, to: &Path| {
            let args = [
                "-@",
                "-q",
                "-I",
                "dts",
                "-O",
                "dtb",
                "-o",
                text(to),
                text(from),
            ];
            tool("dtc", &args)
        };
        let Some(output) = compile(&source, &binary) else {
            return;
        };
        assert!(output.status.success(), "{output:?}");
        // It can be put on a tree that has what it refers to.
        let tree = folder.path().join("b.dts");
        let cells = if family == "zynqmp" { 2 } else { 1 };
        let text_of_tree = format!(
            "/dts-v1/;\n/ {{\n#address-cells = <{cells}>; #size-cells = <{cells}>;\n\
             fpga_full: fpga-region {{ }};\n\
             clkc: zynqmp_clk: clocks {{ #clock-cells = <1>; }};\n\
             intc: gic: interrupt-controller {{ interrupt-controller; #interrupt-cells = <3>; }};\n}};\n"
        );
        std::fs::write(&tree, text_of_tree).unwrap();
        let output = compile(&tree, &base).unwrap();
        assert!(output.status.success(), "{output:?}");
        let whole = folder.path().join("whole.dtb");
        let args = ["-i", text(&base), "-o", text(&whole), text(&binary)];
        let Some(output) = tool("fdtoverlay", &args) else {
            return;
        };
        assert!(output.status.success(), "{output:?}");
        let output = tool("dtc", &["-I", "dtb", "-O", "dts", text(&whole)]).unwrap();
        // Now that it is whole, nothing is to be said against it.
        let said = String::from_utf8(output.stderr).unwrap();
        let ours: Vec<_> = said.lines().filter(|l| l.contains("firebrick")).collect();
        assert!(ours.is_empty(), "{ours:?}");
        let tree = String::from_utf8(output.stdout).unwrap();
        assert!(
            tree.contains("firmware-name = \"firebrick.bit.bin\""),
            "{tree}"
        );
    }
}

#[test]
fn udev_takes_the_rules() {
    let rules = deploy("udev/70-firebrick.rules");
    let Some(version) = tool("udevadm", &["--version"]) else {
        return;
    };
    let version = String::from_utf8(version.stdout).unwrap();
    // `verify` came with systemd 254.
    if !version
        .trim()
        .parse()
        .is_ok_and(|version: u32| version >= 254)
    {
        skipped(format_args!("udevadm {} has no verify", version.trim()));
        return;
    }
    let output = tool(
        "udevadm",
        &["verify", "--resolve-names=never", text(&rules)],
    )
    .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn rules_name_the_nodes_that_the_driver_opens() {
    let rules = read("udev/70-firebrick.rules");
    for node in ["_user", "_h2c_*", "_c2h_*", "_events_*"] {
        assert!(
            rules.contains(&format!("KERNEL==\"xdma[0-9]*{node}\"")),
            "{node}"
        );
    }
    for name in ["firebrick", "firebrick-dma"] {
        assert!(
            rules.contains(&format!("ATTR{{name}}==\"{name}\"")),
            "{name}"
        );
    }
    // Every rule gives the same group, which sysusers makes, and no more than it needs.
    for rule in rules
        .replace("\\\n", " ")
        .lines()
        .filter(|l| l.contains("=="))
    {
        assert!(
            rule.contains("GROUP=\"firebrick\", MODE=\"0660\""),
            "{rule}"
        );
    }
    let users = deploy("sysusers.d/firebrick.conf").canonicalize().unwrap();
    assert!(read("sysusers.d/firebrick.conf").contains("\ng firebrick -"));
    if let Some(output) = tool("systemd-sysusers", &["--dry-run", text(&users)]) {
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn modules_are_those_that_the_program_asks_for() {
    let modules = read("modules-load.d/firebrick.conf");
    let advice =
        |uri: &str| -> Vec<Value> { firebrick(&["doctor", "--json", "--device", uri]).objects() };
    for (uri, wanted) in [
        ("xdma:/nowhere/xdma0", &["xdma"][..]),
        ("axidma:/nowhere", &["uio_pdrv_genirq", "u-dma-buf"]),
    ] {
        let text = serde_json::to_string(&advice(uri)).unwrap();
        for module in wanted {
            assert!(modules.contains(module), "{module}");
            assert!(text.contains(module), "{module} is not in {text}");
        }
    }
}

//! What can be seen without opening a device: bus, driver, nodes, permissions.

use std::path::Path;

use firebrick_driver::{Node, Uri, pci_devices};
use rustix::fs::{Access, access};

use super::report::{Check, Report};
use crate::commands::devices::VENDOR;
use crate::error::CliError;

/// Whether this machine is a Zynq, whose engine is reached without a bus.
pub fn is_zynq(root: &Path) -> bool {
    // The names are separated by zero bytes.
    let compatible = std::fs::read(root.join("proc/device-tree/compatible")).unwrap_or_default();
    let mut names = compatible.split(|byte| *byte == 0);
    names.any(|name| name.starts_with(b"xlnx,zynq"))
}

/// The board on the bus, and its driver: no steps for what is not on the bus.
pub fn pci(uri: Option<&Uri>, report: &mut Report<'_>) -> Result<(), CliError> {
    let elsewhere = match uri {
        Some(uri) => uri.transport().off_the_bus(uri.address()).is_some(),
        None => is_zynq(Path::new("/")),
    };
    if elsewhere {
        return Ok(());
    }
    let boards = pci_devices(Path::new("/"), VENDOR);
    report.side_step("PCI device", || match boards.first() {
        None => Check::failed(
            "no device of vendor 10ee is on the bus",
            "check power and seat of the board, load its bitstream, then rescan the bus: echo 1 > \
             /sys/bus/pci/rescan, or reboot without power-off",
        ),
        Some(board) => Check::ok(format!(
            "{} {:04x}:{:04x}",
            board.address, board.id.0, board.id.1
        )),
    })?;
    report.side_step("driver", || {
        let bound = boards.iter().find_map(|board| board.driver.as_deref());
        match (boards.is_empty(), bound) {
            (true, _) => Check::skipped("no board"),
            (false, Some(driver)) => Check::ok(driver),
            (false, None) => Check::failed(
                "no driver is bound to the board",
                "load it: modprobe xdma; if that says nothing, see dmesg",
            ),
        }
    })?;
    Ok(())
}

/// What a node has to allow.
fn wanted(node: &Node) -> Access {
    match (node.read, node.write) {
        (true, true) => Access::READ_OK | Access::WRITE_OK,
        (false, true) => Access::WRITE_OK,
        _ => Access::READ_OK,
    }
}

/// Whether the nodes are there and may be used.
pub fn nodes(uri: &Uri, report: &mut Report<'_>) -> Result<(), CliError> {
    let nodes = uri.transport().nodes(uri.address());
    let nodes: Vec<Node> = nodes.into_iter().filter(|node| !node.optional).collect();
    report.step("nodes", || {
        if nodes.is_empty() {
            return Check::skipped("none are known for this device");
        }
        match nodes.iter().find(|node| !node.path.exists()) {
            Some(node) => Check::failed(
                format!("{} is not there", node.path.display()),
                format!(
                    "{}, or start the emulator; `firebrick devices` lists what there is",
                    uri.transport().advice().unwrap_or("look at the device")
                ),
            ),
            None => Check::ok(format!("{} nodes", nodes.len())),
        }
    })?;
    report.step("permissions", || {
        if nodes.is_empty() {
            return Check::skipped("no nodes");
        }
        match nodes
            .iter()
            .find(|node| access(&node.path, wanted(node)).is_err())
        {
            Some(node) => Check::failed(
                format!("{} may not be read and written", node.path.display()),
                "install host/deploy/udev/70-firebrick.rules, join the group firebrick, and log in \
                 anew",
            ),
            None => Check::ok("the nodes may be read and written"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zynq_is_known_by_its_device_tree() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!is_zynq(dir.path()));
        let tree = dir.path().join("proc/device-tree");
        std::fs::create_dir_all(&tree).unwrap();
        for (names, zynq) in [
            (&b"xlnx,zynqmp-sk-kv260-rev1\0xlnx,zynqmp\0"[..], true),
            (b"tul,pynq-z2\0xlnx,zynq-7000\0", true),
            (b"raspberrypi,4-model-b\0brcm,bcm2711\0", false),
        ] {
            std::fs::write(tree.join("compatible"), names).unwrap();
            assert_eq!(is_zynq(dir.path()), zynq);
        }
    }
}

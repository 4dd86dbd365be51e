//! What can be seen without opening a device: bus, driver, nodes, permissions.

use std::path::Path;

use firebrick_driver::{Node, Uri, pci_devices};
use rustix::fs::{Access, access};

use super::report::{Check, Report};
use crate::commands::devices::VENDOR;
use crate::error::CliError;

/// The board on the bus, and its driver.
pub fn pci(uri: Option<&Uri>, report: &mut Report<'_>) -> Result<(), CliError> {
    let elsewhere = uri.and_then(|uri| uri.transport().off_the_bus(uri.address()));
    let boards = pci_devices(Path::new("/"), VENDOR);
    report.side_step("PCI device", || match (elsewhere, boards.first()) {
        (Some(why), _) => Check::skipped(why),
        (None, None) => Check::failed(
            "no device of vendor 10ee is on the bus",
            "check power and seat of the board, load its bitstream, then rescan the bus: echo 1 > \
             /sys/bus/pci/rescan, or reboot without power-off",
        ),
        (None, Some(board)) => Check::ok(format!(
            "{} {:04x}:{:04x}",
            board.address, board.id.0, board.id.1
        )),
    })?;
    report.side_step("driver", || {
        let bound = boards.iter().find_map(|board| board.driver.as_deref());
        match (elsewhere, boards.is_empty(), bound) {
            (Some(why), _, _) => Check::skipped(why),
            (None, true, _) => Check::skipped("no board"),
            (None, false, Some(driver)) => Check::ok(driver),
            (None, false, None) => Check::failed(
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

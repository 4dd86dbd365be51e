//! What can be seen without opening a device: bus, driver, nodes, permissions.

use std::path::{Path, PathBuf};

use firebrick_driver::{Uri, devices, pci_devices};
use rustix::fs::{Access, access};

use super::report::{Check, Report};
use crate::commands::devices::VENDOR;
use crate::error::CliError;

/// The board on the bus, and its driver.
pub fn pci(uri: Option<&Uri>, report: &mut Report<'_>) -> Result<(), CliError> {
    let elsewhere = match uri {
        Some(Uri::Xdma { prefix }) if !prefix.starts_with("/dev") => {
            Some("its nodes are not in /dev")
        }
        Some(Uri::AxiDma { .. }) => Some("it is not a PCIe board"),
        Some(Uri::Sim { .. }) => Some("it is the simulator"),
        _ => None,
    };
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

/// A node, and what it has to allow.
struct Node(PathBuf, Access);

fn wanted(uri: &Uri) -> Option<Vec<Node>> {
    let both = Access::READ_OK | Access::WRITE_OK;
    match uri {
        Uri::Sim { .. } => None,
        Uri::Xdma { prefix } => {
            let node = |suffix: &str, access| {
                let mut name = prefix.clone().into_os_string();
                name.push(suffix);
                Node(name.into(), access)
            };
            Some(vec![
                node("_user", both),
                node("_h2c_0", Access::WRITE_OK),
                node("_c2h_0", Access::READ_OK),
            ])
        }
        Uri::AxiDma { root, .. } => {
            let found = devices(root).into_iter().find(|found| found.uri == *uri);
            // With names of one's own, opening says more.
            Some(found?.nodes.into_iter().map(|n| Node(n, both)).collect())
        }
    }
}

/// Whether the nodes are there and may be used.
pub fn nodes(uri: &Uri, report: &mut Report<'_>) -> Result<(), CliError> {
    let nodes = wanted(uri).unwrap_or_default();
    report.step("nodes", || {
        if nodes.is_empty() {
            return Check::skipped("none are known for this device");
        }
        match nodes.iter().find(|node| !node.0.exists()) {
            Some(Node(path, _)) => Check::failed(
                format!("{} is not there", path.display()),
                "load the driver (modprobe xdma; on a Zynq: uio_pdrv_genirq, u-dma-buf and the \
                 device tree overlay), or start the emulator; `firebrick devices` lists what there is",
            ),
            None => Check::ok(format!("{} nodes", nodes.len())),
        }
    })?;
    report.step("permissions", || {
        if nodes.is_empty() {
            return Check::skipped("no nodes");
        }
        match nodes.iter().find(|node| access(&node.0, node.1).is_err()) {
            Some(Node(path, _)) => Check::failed(
                format!("{} may not be read and written", path.display()),
                "install host/deploy/udev/70-firebrick.rules, join the group firebrick, and log in \
                 anew",
            ),
            None => Check::ok("the nodes may be read and written"),
        }
    })
}

//! What is there: nodes under `/dev` and devices in `/sys`.

use super::{Node, Uri};
use std::path::{Path, PathBuf};

/// A device that could be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub uri: Uri,
    /// The nodes that it takes, present or not.
    pub nodes: Vec<Node>,
}

impl Found {
    /// Nodes that are not there.
    pub fn missing(&self) -> impl Iterator<Item = &Path> {
        let nodes = self.nodes.iter().map(|node| node.path.as_path());
        nodes.filter(|node| !node.exists())
    }
}

/// A PCI device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PciDevice {
    /// Domain, bus, slot, function.
    pub address: String,
    /// Vendor and device numbers.
    pub id: (u16, u16),
    /// Kernel driver that is bound to it.
    pub driver: Option<String>,
}

/// Lists the PCI devices of a vendor under `root`; Xilinx is 0x10ee.
#[must_use]
pub fn pci_devices(root: &Path, vendor: u16) -> Vec<PciDevice> {
    let number = |path: PathBuf| -> Option<u16> {
        let text = std::fs::read_to_string(path).ok()?;
        u16::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok()
    };
    let entries = std::fs::read_dir(root.join("sys/bus/pci/devices"));
    let mut found: Vec<PciDevice> = entries
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let folder = entry.path();
            let id = (
                number(folder.join("vendor"))?,
                number(folder.join("device"))?,
            );
            let driver = std::fs::canonicalize(folder.join("driver")).ok();
            (id.0 == vendor).then(|| PciDevice {
                address: entry.file_name().to_string_lossy().into_owned(),
                id,
                driver: driver
                    .and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned())),
            })
        })
        .collect();
    found.sort_by(|a, b| a.address.cmp(&b.address));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Transports;

    fn put(path: &Path, text: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn what_is_there_is_listed_in_order() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let devices = |root| Transports::boards().devices(root);
        assert_eq!(devices(root), []);
        for name in [
            "xdma10_user",
            "xdma2_user",
            "xdma2_h2c_0",
            "xdma_user",
            "sda",
        ] {
            put(&root.join("dev").join(name), "");
        }
        let found = devices(root);
        let uris: Vec<String> = found.iter().map(|found| found.uri.to_string()).collect();
        let dev = root.join("dev").display().to_string();
        assert_eq!(
            uris,
            [format!("xdma:{dev}/xdma2"), format!("xdma:{dev}/xdma10")]
        );
        let missing: Vec<&Path> = found[0].missing().collect();
        assert_eq!(
            missing,
            [
                root.join("dev/xdma2_c2h_0"),
                root.join("dev/xdma2_events_0")
            ]
        );
        put(&root.join("sys/class/uio/uio4/name"), "firebrick\n");
        let found = devices(root);
        assert_eq!(found.len(), 3);
        assert_eq!(found[2].uri, Uri::axidma(root));
        assert_eq!(found[2].nodes[0].path, root.join("dev/uio4"));
    }

    #[test]
    fn pci_devices_are_listed_with_their_driver() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let pci = root.join("sys/bus/pci/devices");
        for (address, vendor) in [
            ("0000:02:00.0", "0x10ee"),
            ("0000:01:00.0", "0x10ee"),
            ("0000:00:00.0", "0x8086"),
        ] {
            put(&pci.join(address).join("vendor"), &format!("{vendor}\n"));
            put(&pci.join(address).join("device"), "0x7024\n");
        }
        let driver = root.join("sys/bus/pci/drivers/xdma");
        std::fs::create_dir_all(&driver).unwrap();
        std::os::unix::fs::symlink(&driver, pci.join("0000:02:00.0/driver")).unwrap();
        let found = pci_devices(root, 0x10ee);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].address, "0000:01:00.0");
        assert_eq!(found[0].driver, None);
        assert_eq!(found[1].driver.as_deref(), Some("xdma"));
        assert_eq!(found[1].id, (0x10ee, 0x7024));
        assert_eq!(pci_devices(Path::new("/nowhere"), 0x10ee), []);
    }
}

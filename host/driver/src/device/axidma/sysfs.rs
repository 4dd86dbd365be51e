//! What sysfs says of UIO devices and DMA buffers.

use super::super::DeviceError;
use std::path::{Path, PathBuf};

/// A UIO device's first block of registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Uio {
    /// Its folder in sysfs.
    pub folder: PathBuf,
    /// Its node.
    pub node: PathBuf,
    /// Bytes of the block.
    pub size: usize,
    /// Bytes of the mapped page before the block.
    pub offset: usize,
}

/// A physically contiguous buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DmaBuffer {
    pub node: PathBuf,
    pub folder: PathBuf,
    /// Address for the DMA engine.
    pub address: u64,
    pub size: usize,
    /// Whether the DMA engine sees the processor's caches.
    pub coherent: bool,
}

/// Reads an attribute; none if it is not there.
fn attribute(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned())
}

/// A number as sysfs writes it, in hexadecimal with `0x` or decimal.
fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn numeric(device: &str, path: &Path) -> Result<u64, DeviceError> {
    let text = attribute(path);
    text.as_deref()
        .and_then(number)
        .ok_or_else(|| DeviceError::Link {
            device: device.into(),
            what: match text {
                Some(text) => format!("{} holds {text:?}, which is no number", path.display()),
                None => format!("{} cannot be read", path.display()),
            },
        })
}

fn size(device: &str, path: &Path) -> Result<usize, DeviceError> {
    let value = numeric(device, path)?;
    usize::try_from(value).map_err(|_| DeviceError::Link {
        device: device.into(),
        what: format!("{} holds {value}, which is no size", path.display()),
    })
}

/// UIO devices by number: name and folder.
pub(super) fn uio_names(root: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(root.join("sys/class/uio"));
    for entry in entries.into_iter().flatten().flatten() {
        let file = entry.file_name();
        let number = file.to_str().and_then(|name| name.strip_prefix("uio"));
        let Some(number) = number.and_then(|number| number.parse::<u32>().ok()) else {
            continue;
        };
        if let Some(name) = attribute(&entry.path().join("name")) {
            found.push((number, name, entry.path()));
        }
    }
    found.sort();
    found
        .into_iter()
        .map(|(_, name, folder)| (name, folder))
        .collect()
}

/// Looks a UIO device up by name; the lowest number if there are several.
pub(super) fn uio(device: &str, root: &Path, name: &str) -> Result<Uio, DeviceError> {
    let all = uio_names(root);
    let Some((_, folder)) = all.iter().find(|(found, _)| found == name) else {
        let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
        return Err(DeviceError::Link {
            device: device.into(),
            what: format!(
                "there is no UIO device named {name:?} in {} (there is {}); apply the device-tree \
                 overlay and load uio_pdrv_genirq with of_id=generic-uio",
                root.join("sys/class/uio").display(),
                if names.is_empty() {
                    "none".into()
                } else {
                    names.join(", ")
                }
            ),
        });
    };
    let map = folder.join("maps/map0");
    let offset = match map.join("offset").exists() {
        true => size(device, &map.join("offset"))?,
        false => 0,
    };
    Ok(Uio {
        node: root
            .join("dev")
            .join(folder.file_name().unwrap_or_default()),
        size: size(device, &map.join("size"))?,
        offset,
        folder: folder.clone(),
    })
}

/// Width of the length registers by the device tree, if that is there.
pub(super) fn length_bits(uio: &Uio) -> Option<u32> {
    let path = uio.folder.join("device/of_node/xlnx,sg-length-width");
    let bytes: [u8; 4] = std::fs::read(path).ok()?.try_into().ok()?;
    Some(u32::from_be_bytes(bytes))
}

/// Looks a u-dma-buf up by name.
pub(super) fn dma_buffer(device: &str, root: &Path, name: &str) -> Result<DmaBuffer, DeviceError> {
    let folder = root.join("sys/class/u-dma-buf").join(name);
    if !folder.is_dir() {
        return Err(DeviceError::Link {
            device: device.into(),
            what: format!(
                "there is no u-dma-buf named {name:?} ({} is missing); apply the device-tree \
                 overlay and load the module u-dma-buf",
                folder.display()
            ),
        });
    }
    let coherent = attribute(&folder.join("dma_coherent"));
    Ok(DmaBuffer {
        node: root.join("dev").join(name),
        address: numeric(device, &folder.join("phys_addr"))?,
        size: size(device, &folder.join("size"))?,
        coherent: coherent.as_deref().and_then(number) == Some(1),
        folder,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn devices_are_found_by_name() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        for (number, name) in [(10, "firebrick"), (2, "firebrick"), (0, "other")] {
            put(
                root,
                &format!("sys/class/uio/uio{number}/name"),
                &format!("{name}\n"),
            );
            let map = format!("sys/class/uio/uio{number}/maps/map0");
            put(root, &format!("{map}/size"), "0x0000000000010000\n");
        }
        put(root, "sys/class/uio/uio2/maps/map0/offset", "0x40\n");
        put(root, "sys/class/uio/nonsense/name", "firebrick\n");
        let found = uio("d", root, "firebrick").unwrap();
        assert_eq!(found.node, root.join("dev/uio2"));
        assert_eq!((found.size, found.offset), (0x10000, 0x40));
        assert_eq!(length_bits(&found), None);
        put(
            root,
            "sys/class/uio/uio2/device/of_node/xlnx,sg-length-width",
            "\0\0\0\x0e",
        );
        assert_eq!(length_bits(&found), Some(14));
        let error = uio("d", root, "firebrick-dma").unwrap_err().to_string();
        assert!(error.contains("other, firebrick, firebrick"), "{error}");
        put(root, "sys/class/uio/uio2/maps/map0/size", "much\n");
        let error = uio("d", root, "firebrick").unwrap_err().to_string();
        assert!(error.contains("\"much\", which is no number"), "{error}");
        std::fs::remove_file(root.join("sys/class/uio/uio2/maps/map0/size")).unwrap();
        let error = uio("d", root, "firebrick").unwrap_err().to_string();
        assert!(error.contains("cannot be read"), "{error}");
    }

    #[test]
    fn a_buffer_has_address_size_and_coherence() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let error = dma_buffer("d", root, "buf").unwrap_err().to_string();
        assert!(error.contains("load the module u-dma-buf"), "{error}");
        put(
            root,
            "sys/class/u-dma-buf/buf/phys_addr",
            "0x0000000070000000\n",
        );
        put(root, "sys/class/u-dma-buf/buf/size", "4194304\n");
        let buffer = dma_buffer("d", root, "buf").unwrap();
        assert_eq!((buffer.address, buffer.size), (0x7000_0000, 4 << 20));
        assert!(!buffer.coherent);
        put(root, "sys/class/u-dma-buf/buf/dma_coherent", "1\n");
        assert!(dma_buffer("d", root, "buf").unwrap().coherent);
    }
}

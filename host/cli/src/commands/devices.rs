//! `firebrick devices`: what boards there are.

use std::path::Path;

use firebrick_driver::{Uri, pci_devices};
use schemars::JsonSchema;
use serde::Serialize;

use crate::args::device::Devices;
use crate::device::transports;
use crate::error::CliError;
use crate::output::Output;

/// Vendor number of AMD (Xilinx).
pub const VENDOR: u16 = 0x10ee;

#[derive(JsonSchema, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Object<'a> {
    Device {
        uri: String,
        engines: Vec<String>,
        nodes: Vec<&'a Path>,
        missing: Vec<&'a Path>,
    },
    Pci {
        address: &'a str,
        id: String,
        driver: Option<&'a str>,
    },
}

pub fn run(args: &Devices, output: &mut Output) -> Result<(), CliError> {
    let root = Path::new("/");
    let (found, pci) = (transports().devices(root), pci_devices(root, VENDOR));
    let devices = found.iter().map(|device| Object::Device {
        uri: device.uri.to_string(),
        engines: device.uri.engines().iter().map(Uri::to_string).collect(),
        nodes: device
            .nodes
            .iter()
            .map(|node| node.path.as_path())
            .collect(),
        missing: device.missing().collect(),
    });
    let boards = pci.iter().map(|board| Object::Pci {
        address: &board.address,
        id: format!("{:04x}:{:04x}", board.id.0, board.id.1),
        driver: board.driver.as_deref(),
    });
    for object in devices.chain(boards) {
        if args.json.on {
            output.json(&object)?;
            continue;
        }
        match object {
            Object::Device {
                uri,
                engines,
                missing,
                ..
            } => {
                output.line(&uri)?;
                if engines.len() > 1 {
                    for engine in engines {
                        output.line(format_args!("  engine {engine}"))?;
                    }
                }
                for node in missing {
                    output.line(format_args!("  {} is not there", node.display()))?;
                }
            }
            Object::Pci {
                address,
                id,
                driver,
            } => output.line(format_args!(
                "PCI {address} {id}, {}",
                driver.map_or("no driver".to_owned(), |name| format!("driver {name}"))
            ))?,
        }
    }
    if found.is_empty() && pci.is_empty() {
        crate::progress::note("no device found; `firebrick doctor` says what to look at");
    }
    Ok(())
}

//! Opening a device by its name.

use super::axidma::Names;
use super::{Cancel, Device, DeviceError, Uri, axidma, xdma};
use std::time::Duration;

/// How a device is opened.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// How long to wait for another process that has the device; not at all at first.
    pub wait: Duration,
    /// Gives up what is under way.
    pub cancel: Cancel,
}

/// Opens a board, exclusively. `sim:` is not for this function: the simulated core is another
/// crate's.
pub fn open(uri: &Uri, options: &OpenOptions) -> Result<Box<dyn Device + Send>, DeviceError> {
    let cancel = options.cancel.clone();
    match uri {
        Uri::Xdma { prefix } => Ok(Box::new(xdma::open(prefix, options.wait, cancel)?)),
        Uri::AxiDma {
            root,
            core,
            dma,
            buffer,
            length_bits,
        } => {
            let names = Names {
                root,
                core,
                dma,
                buffer,
                length_bits: *length_bits,
            };
            Ok(Box::new(axidma::open(&names, options.wait, cancel)?))
        }
        Uri::Sim { .. } => Err(DeviceError::Link {
            device: uri.to_string(),
            what: "the simulated core is no board; this build of the program opens boards only"
                .into(),
        }),
    }
}

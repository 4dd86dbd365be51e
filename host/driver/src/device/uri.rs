//! Names of devices: `xdma:/dev/xdma0`, `axidma:`, `sim:fb256`.

use super::Transport;
use super::transport::Transports;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::str::FromStr;

/// Which device, and how to reach it. [`Transports::parse`] reads one; so does [`str::parse`],
/// which knows boards only.
#[derive(Clone)]
pub struct Uri {
    pub(super) transport: &'static dyn Transport,
    pub(super) address: String,
}

/// A text that names no device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{uri:?} names no device: {why}; write {examples}; `firebrick devices` lists what there is"
)]
pub struct UriError {
    pub(super) uri: String,
    pub(super) why: String,
    pub(super) examples: String,
}

impl Uri {
    /// The board behind the XDMA driver whose nodes begin with `prefix`.
    #[must_use]
    pub fn xdma(prefix: impl AsRef<Path>) -> Uri {
        Uri {
            transport: &super::xdma::XDMA,
            address: prefix.as_ref().to_string_lossy().into_owned(),
        }
    }

    /// The AXI DMA under a root, all names as usual.
    #[must_use]
    pub fn axidma(root: impl AsRef<Path>) -> Uri {
        Uri {
            transport: &super::axidma::AXI_DMA,
            address: super::axidma::Names::at(root.as_ref()).to_string(),
        }
    }

    /// How it is reached.
    #[must_use]
    pub fn transport(&self) -> &'static dyn Transport {
        self.transport
    }

    /// The engines that it names, in order: one each, or itself where it is one. For a board that
    /// is what its nodes say now.
    #[must_use]
    pub fn engines(&self) -> Vec<Uri> {
        let transport = self.transport;
        let addresses = transport.engines(&self.address).into_iter();
        let uri = |address| Uri { transport, address };
        addresses.map(uri).collect()
    }

    /// What follows the scheme and its colon.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Uri, UriError> {
        Transports::boards().parse(text)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transport.scheme(), self.address)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uri({self})")
    }
}

impl PartialEq for Uri {
    fn eq(&self, other: &Uri) -> bool {
        self.transport.scheme() == other.transport.scheme() && self.address == other.address
    }
}

impl Eq for Uri {}

impl Hash for Uri {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.transport.scheme().hash(state);
        self.address.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn good_names_are_read_and_written_alike() {
        for text in [
            "xdma:/dev/xdma0",
            "xdma:relative/xdma3",
            "axidma:",
            "axidma:/tmp/board",
            "axidma:/tmp/board?dma=dma1&buffer=udmabuf0&length-bits=14",
            "axidma:?core=core.0",
            "xdma:/dev/xdma0#2",
            "axidma:#3",
            "axidma:/tmp/board?length-bits=14#1",
        ] {
            assert_eq!(text.parse::<Uri>().unwrap().to_string(), text);
        }
        assert_eq!("axidma:/".parse(), Ok(Uri::axidma("/")));
        assert_eq!("axidma:".parse(), Ok(Uri::axidma("/")));
    }

    #[test]
    fn bad_names_are_refused_in_a_sentence() {
        for (text, why) in [
            ("", "no scheme"),
            ("/dev/xdma0", "no scheme"),
            ("usb:1", "unknown"),
            ("xdma:", "path is missing"),
            ("axidma:?core", "KEY=VALUE"),
            ("axidma:?core=", "no name"),
            ("axidma:?core=../x", "no name"),
            ("axidma:?core=..", "no name"),
            ("axidma:?length-bits=7", "8 to 26"),
            ("axidma:?length-bits=27", "8 to 26"),
            ("axidma:?length-bits=x", "8 to 26"),
            ("axidma:?colour=red", "none of"),
            ("xdma:#1", "path is missing"),
            ("xdma:/dev/xdma0#", "0 to 3"),
            ("xdma:/dev/xdma0#+1", "0 to 3"),
            ("xdma:/dev/xdma0#4", "0 to 3"),
            ("axidma:#x", "0 to 3"),
        ] {
            let error = text.parse::<Uri>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
            assert!(
                error.contains("xdma:/dev/xdma0 for a PCIe board"),
                "{error}"
            );
            assert!(error.contains("firebrick devices"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(xdma|axidma|)[:?&=#/a-z0-9.-]{0,30}") {
            if let Ok(uri) = text.parse::<Uri>() {
                prop_assert_eq!(uri.to_string().parse::<Uri>().unwrap(), uri);
            }
        }
    }
}

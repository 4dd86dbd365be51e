//! Names of devices: `xdma:/dev/xdma0`, `axidma:`, `sim:fb256`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Which device, and how to reach it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Uri {
    /// A PCIe board behind the XDMA driver: nodes `PREFIX_user`, `PREFIX_h2c_0` and so on.
    Xdma {
        /// The common start of the nodes' paths.
        prefix: PathBuf,
    },
    /// A Zynq with AXI DMA, through UIO and u-dma-buf.
    AxiDma {
        /// Where `dev` and `sys` lie, `/` on a board.
        root: PathBuf,
        /// Name of the core's UIO device.
        core: String,
        /// Name of the AXI DMA's UIO device.
        dma: String,
        /// Name of the u-dma-buf.
        buffer: String,
        /// Width of the AXI DMA's length registers, if it is not to be found out.
        length_bits: Option<u32>,
    },
    /// The Verilated core in this process.
    Sim {
        /// Its preset.
        preset: String,
    },
}

/// A text that names no device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{uri:?} names no device: {why}; write xdma:/dev/xdma0 for a PCIe board, axidma: for a Zynq, \
     or sim:PRESET for the simulator; `firebrick devices` lists what there is"
)]
pub struct UriError {
    uri: String,
    why: String,
}

impl Uri {
    /// Name of the core's UIO device, if not given.
    pub const CORE: &str = "firebrick";
    /// Name of the AXI DMA's UIO device, if not given.
    pub const DMA: &str = "firebrick-dma";
    /// Name of the u-dma-buf, if not given.
    pub const BUFFER: &str = "firebrick";
    /// Widths that the length registers of an AXI DMA can have.
    pub const LENGTH_BITS: std::ops::RangeInclusive<u32> = 8..=26;

    /// The AXI DMA under a root, all names as usual.
    #[must_use]
    pub fn axidma(root: impl Into<PathBuf>) -> Uri {
        Uri::AxiDma {
            root: root.into(),
            core: Uri::CORE.into(),
            dma: Uri::DMA.into(),
            buffer: Uri::BUFFER.into(),
            length_bits: None,
        }
    }
}

/// A name as sysfs has it: one component of a path, not hidden.
fn name(key: &str, value: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if value.is_empty() || value.starts_with('.') || !value.chars().all(plain) {
        return Err(format!("{key} {value:?} is no name of a device"));
    }
    Ok(value.into())
}

fn parse(text: &str) -> Result<Uri, String> {
    let (scheme, rest) = text.split_once(':').ok_or("it has no scheme")?;
    match scheme {
        "xdma" if rest.is_empty() => Err("the path is missing".into()),
        "xdma" => Ok(Uri::Xdma {
            prefix: rest.into(),
        }),
        "sim" if rest.is_empty() => Err("the preset is missing".into()),
        "sim" => Ok(Uri::Sim {
            preset: rest.into(),
        }),
        "axidma" => axidma(rest),
        other => Err(format!("the scheme {other:?} is unknown")),
    }
}

fn axidma(rest: &str) -> Result<Uri, String> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (mut core, mut dma, mut buffer) = (
        Uri::CORE.to_owned(),
        Uri::DMA.to_owned(),
        Uri::BUFFER.to_owned(),
    );
    let mut length_bits = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| format!("{pair:?} is not KEY=VALUE"))?;
        match key {
            "core" => core = name(key, value)?,
            "dma" => dma = name(key, value)?,
            "buffer" => buffer = name(key, value)?,
            "length-bits" => {
                let bits = value.parse().ok();
                let bits = bits.filter(|bits| Uri::LENGTH_BITS.contains(bits));
                length_bits = Some(bits.ok_or("length-bits is a number from 8 to 26")?);
            }
            _ => return Err(format!("{key:?} is none of core, dma, buffer, length-bits")),
        }
    }
    Ok(Uri::AxiDma {
        root: if path.is_empty() { "/" } else { path }.into(),
        core,
        dma,
        buffer,
        length_bits,
    })
}

impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Uri, UriError> {
        parse(text).map_err(|why| UriError {
            uri: text.into(),
            why,
        })
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Uri::Xdma { prefix } => write!(f, "xdma:{}", prefix.display()),
            Uri::Sim { preset } => write!(f, "sim:{preset}"),
            Uri::AxiDma {
                root,
                core,
                dma,
                buffer,
                length_bits,
            } => {
                f.write_str("axidma:")?;
                if root.as_os_str() != "/" {
                    write!(f, "{}", root.display())?;
                }
                let mut separator = '?';
                for (key, value, usual) in [
                    ("core", core, Uri::CORE),
                    ("dma", dma, Uri::DMA),
                    ("buffer", buffer, Uri::BUFFER),
                ] {
                    if value != usual {
                        write!(f, "{separator}{key}={value}")?;
                        separator = '&';
                    }
                }
                if let Some(bits) = length_bits {
                    write!(f, "{separator}length-bits={bits}")?;
                }
                Ok(())
            }
        }
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
            "sim:fb256",
            "axidma:",
            "axidma:/tmp/board",
            "axidma:/tmp/board?dma=dma1&buffer=udmabuf0&length-bits=14",
            "axidma:?core=core.0",
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
            ("sim:", "preset is missing"),
            ("axidma:?core", "KEY=VALUE"),
            ("axidma:?core=", "no name"),
            ("axidma:?core=../x", "no name"),
            ("axidma:?core=..", "no name"),
            ("axidma:?length-bits=7", "8 to 26"),
            ("axidma:?length-bits=27", "8 to 26"),
            ("axidma:?length-bits=x", "8 to 26"),
            ("axidma:?colour=red", "none of"),
        ] {
            let error = text.parse::<Uri>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
            assert!(error.contains("firebrick devices"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(xdma|axidma|sim|)[:?&=/a-z0-9.-]{0,30}") {
            if let Ok(uri) = text.parse::<Uri>() {
                prop_assert_eq!(uri.to_string().parse::<Uri>().unwrap(), uri);
            }
        }
    }
}

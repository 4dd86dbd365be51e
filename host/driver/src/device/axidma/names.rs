//! What an `axidma:` URI names: `[ROOT][?core=NAME&dma=NAME&buffer=NAME&length-bits=N][#ENGINE]`.

use super::super::engines;
use firebrick_spec::regs;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The parts of one core, by their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Names {
    /// Where `dev` and `sys` lie, `/` on a board.
    pub root: PathBuf,
    /// Name of the core's UIO device.
    pub core: String,
    /// Name of the AXI DMA's UIO device.
    pub dma: String,
    /// Name of the u-dma-buf.
    pub buffer: String,
    /// Width of the AXI DMA's length registers, if it is not to be found out.
    pub length_bits: Option<u32>,
    /// Number of the engine, if it is named.
    pub engine: Option<usize>,
}

impl Names {
    /// Widths that the length registers of an AXI DMA can have.
    pub const LENGTH_BITS: std::ops::RangeInclusive<u32> = 8..=26;
    const CORE: &str = "firebrick";
    const DMA: &str = "firebrick-dma";
    const BUFFER: &str = "firebrick";

    /// All names as usual.
    pub fn at(root: &Path) -> Names {
        Names {
            root: root.into(),
            core: Names::CORE.into(),
            dma: Names::DMA.into(),
            buffer: Names::BUFFER.into(),
            length_bits: None,
            engine: None,
        }
    }

    /// Those of one engine: the first one's are as they stand, `-N` follows those of the others.
    pub fn of_engine(&self, engine: usize) -> Names {
        let name = |name: &str| regs::of_engine(name, '-', engine);
        Names {
            core: name(&self.core),
            dma: name(&self.dma),
            buffer: name(&self.buffer),
            ..self.clone()
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

impl FromStr for Names {
    type Err = String;

    fn from_str(address: &str) -> Result<Names, String> {
        let (address, engine) = engines::split(address)?;
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let mut names = Names::at(Path::new(if path.is_empty() { "/" } else { path }));
        names.engine = engine;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| format!("{pair:?} is not KEY=VALUE"))?;
            match key {
                "core" => names.core = name(key, value)?,
                "dma" => names.dma = name(key, value)?,
                "buffer" => names.buffer = name(key, value)?,
                "length-bits" => {
                    let bits = value.parse().ok();
                    let bits = bits.filter(|bits| Names::LENGTH_BITS.contains(bits));
                    names.length_bits = Some(bits.ok_or("length-bits is a number from 8 to 26")?);
                }
                _ => return Err(format!("{key:?} is none of core, dma, buffer, length-bits")),
            }
        }
        Ok(names)
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.root.as_os_str() != "/" {
            write!(f, "{}", self.root.display())?;
        }
        let mut separator = '?';
        for (key, value, usual) in [
            ("core", &self.core, Names::CORE),
            ("dma", &self.dma, Names::DMA),
            ("buffer", &self.buffer, Names::BUFFER),
        ] {
            if value != usual {
                write!(f, "{separator}{key}={value}")?;
                separator = '&';
            }
        }
        if let Some(bits) = self.length_bits {
            write!(f, "{separator}length-bits={bits}")?;
        }
        if let Some(engine) = self.engine {
            write!(f, "#{engine}")?;
        }
        Ok(())
    }
}

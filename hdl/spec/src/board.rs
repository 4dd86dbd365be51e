//! Boards: parts, what they offer, and how the host reaches them. The boards themselves are folders
//! below `constraints`, which `firebrick-board` reads.

use std::fmt;
use std::str::FromStr;

use crate::config::{Family, HwConfig};

/// How the host reaches the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// PCI Express with XDMA in stream mode.
    Pcie,
    /// A Zynq processor with AXI DMA.
    Zynq,
}

/// A supported board: its part, the part's resources, its link, and what is generated for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Board {
    /// Name as in `--board`.
    pub name: &'static str,
    /// Full part number, as Vivado takes it.
    pub part: &'static str,
    /// LUTs with six inputs.
    pub lut: usize,
    /// Flip-flops.
    pub ff: usize,
    /// DSP slices.
    pub dsp: usize,
    /// Block RAMs of 36 Kibit.
    pub bram: usize,
    /// UltraRAMs of 288 Kibit.
    pub uram: usize,
    /// Link to the host.
    pub link: Link,
    /// The preset that is generated for it.
    pub preset: &'static str,
    /// Clock that the constraints request for the engine, in MHz.
    pub core_mhz: usize,
}

/// Share of a part's UltraRAM up to which memories are put there, in percent.
pub const CLOSURE_PERCENT: usize = 80;

/// Shares of a part's resources that a design may use, in percent: above them tools have trouble
/// closing timing. The default is FINN's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of LUTs.
    pub lut: usize,
    /// Of flip-flops.
    pub ff: usize,
    /// Of DSP slices.
    pub dsp: usize,
    /// Of block RAMs.
    pub bram: usize,
    /// Of UltraRAMs.
    pub uram: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            lut: 70,
            ff: 50,
            dsp: CLOSURE_PERCENT,
            bram: CLOSURE_PERCENT,
            uram: CLOSURE_PERCENT,
        }
    }
}

impl fmt::Display for Limits {
    /// As [`Limits::from_str`] takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Limits {
            lut,
            ff,
            dsp,
            bram,
            uram,
        } = self;
        write!(f, "lut={lut},ff={ff},dsp={dsp},bram={bram},uram={uram}")
    }
}

impl FromStr for Limits {
    type Err = String;

    /// From `dsp=90,bram=100`; those not named keep their default.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut limits = Limits::default();
        for part in text.split(',') {
            let (name, percent) = part
                .split_once('=')
                .ok_or_else(|| format!("{part:?} is not RESOURCE=PERCENT, such as dsp=90"))?;
            let percent = match percent.parse() {
                Ok(percent @ 1..=100) => percent,
                _ => return Err(format!("{percent:?} is not a share of 1 to 100 percent")),
            };
            *match name {
                "lut" => &mut limits.lut,
                "ff" => &mut limits.ff,
                "dsp" => &mut limits.dsp,
                "bram" => &mut limits.bram,
                "uram" => &mut limits.uram,
                _ => {
                    return Err(format!(
                        "there is no resource {name:?}; give lut, ff, dsp, bram or uram"
                    ));
                }
            } = percent;
        }
        Ok(limits)
    }
}

impl Board {
    /// Clocks to try, in MHz: the one that is asked for, and from there down to its half in steps of 25.
    #[must_use]
    pub fn clocks(&self) -> Vec<usize> {
        (self.core_mhz.div_ceil(2)..=self.core_mhz)
            .rev()
            .step_by(25)
            .collect()
    }

    /// Whose DSP slices its part has: UltraScale and UltraScale+ parts are called `xcu`, `xck`, `xczu`
    /// and so on, 7-series parts `xc7`.
    #[must_use]
    pub fn family(&self) -> Family {
        match self.part.get(..3) {
            Some("xc7") => Family::Xc7,
            _ => Family::Xcup,
        }
    }

    /// A configuration as it is built for this board: a packed array of slices of its family. `None`
    /// if it asks for another family's.
    #[must_use]
    pub fn build_of(&self, config: &HwConfig) -> Option<HwConfig> {
        if !config.packed && config.family == Family::Generic {
            return Some(config.clone());
        }
        config.of_family(self.family())
    }

    /// The configuration that is generated for the board.
    ///
    /// # Panics
    ///
    /// If its preset does not exist, which is checked when a board's folder is read.
    #[must_use]
    pub fn config(&self) -> HwConfig {
        HwConfig::preset(self.preset)
            .and_then(|config| self.build_of(&config))
            .expect("a board names an existing preset")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_as_they_are_written() {
        let limits = Limits {
            dsp: 90,
            bram: 100,
            ..Limits::default()
        };
        assert_eq!("dsp=90,bram=100".parse(), Ok(limits));
        assert_eq!(limits.to_string().parse(), Ok(limits));
        for wrong in [
            "",
            "dsp",
            "dsp=",
            "dsp=0",
            "dsp=101",
            "lutram=5",
            "dsp=90;ff=3",
        ] {
            assert!(wrong.parse::<Limits>().is_err(), "{wrong}");
        }
    }
}

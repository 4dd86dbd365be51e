//! LUTs and flip-flops of a configuration: a model fitted to what Yosys takes.
//!
//! What an engine has once, what each lane has, what grows with the lanes' connections, and what the
//! multiply-accumulates take by the kind of their slices. docs/resources.md lists the rows that the
//! numbers were fitted to (`scripts/fit-resources`), and how far each is off.

use crate::config::{Family, HwConfig};

/// Coefficients for LUTs or flip-flops.
struct Fit {
    /// Once.
    once: f64,
    /// For each lane.
    lane: f64,
    /// For lanes x log2(lanes): rotations and choices among lanes.
    between: f64,
    /// For each multiply-accumulate of a plain array, and of a packed one by its family.
    plain: f64,
    generic: f64,
    xc7: f64,
    xcup: f64,
    /// Share of all but the array in an engine with a tile of 8.
    small: f64,
}

const LUT: Fit = Fit {
    once: 8000.0,
    lane: 2600.0,
    between: 300.0,
    plain: 1.8,
    generic: 5.0,
    xc7: 4.9,
    xcup: 1.8,
    small: 0.8,
};

const FF: Fit = Fit {
    once: 7000.0,
    lane: 2400.0,
    between: 200.0,
    plain: 16.1,
    generic: 12.0,
    xc7: 7.8,
    xcup: 5.5,
    small: 0.8,
};

impl Fit {
    fn of(&self, config: &HwConfig) -> usize {
        let lanes = config.lanes as f64;
        let mac = match (config.packed, config.family) {
            (false, _) => self.plain,
            (true, Family::Generic) => self.generic,
            (true, Family::Xc7) => self.xc7,
            (true, Family::Xcup) => self.xcup,
        };
        let size = if config.tile == 8 { self.small } else { 1.0 };
        let rest = self.once + self.lane * lanes + self.between * lanes * lanes.log2();
        (size * rest + mac * config.macs_per_cycle() as f64).round() as usize
    }
}

impl HwConfig {
    /// LUTs, those used as memory or shift register included, and flip-flops, within 8 % of what
    /// Yosys takes of a 7-series or UltraScale+ part.
    #[must_use]
    pub fn fabric(&self) -> (usize, usize) {
        (LUT.of(self), FF.of(self))
    }
}

//! LUTs and flip-flops of a configuration: a model fitted to what Yosys takes.
//!
//! What an engine has once, what each lane has, what grows with the lanes' connections, what chooses
//! among block RAMs, and what the multiply-accumulates take by the kind of their slices.
//! docs/resources.md lists the rows that the numbers were fitted to (`scripts/fit-resources`), and
//! how far each is off.

use crate::config::{Family, HwConfig};
use crate::resources::{Memory, MemoryKind};

/// Words of a block RAM as Yosys uses it for what is deep; beyond that, LUTs choose among several.
const DEEP: usize = 4096;

/// Coefficients for LUTs or flip-flops.
struct Fit {
    /// Once.
    once: f64,
    /// For each lane.
    lane: f64,
    /// For lanes x log2(lanes): rotations and choices among lanes.
    between: f64,
    /// For each bit of features and weights in block RAM, and each block RAM of it but one.
    deep: f64,
    /// For each multiply-accumulate of a plain array, and of a packed one by its family.
    plain: f64,
    generic: f64,
    xc7: f64,
    xcup: f64,
    /// By how much an engine with a tile of 8 takes less.
    small: f64,
}

const LUT: Fit = Fit {
    once: 8439.0,
    lane: 2158.0,
    between: 542.0,
    deep: 0.285,
    plain: 1.8,
    generic: 19.8,
    xc7: 4.9,
    xcup: 1.8,
    small: 1629.0,
};

const FF: Fit = Fit {
    once: 6406.0,
    lane: 5814.0,
    between: -227.0,
    deep: 0.0,
    plain: 16.1,
    generic: 39.8,
    xc7: 7.7,
    xcup: 5.5,
    small: 2257.0,
};

impl Fit {
    fn of(&self, config: &HwConfig, ultra: &[Memory]) -> usize {
        let mac = match (config.packed, config.family) {
            (false, _) => self.plain,
            (true, Family::Generic) => self.generic,
            (true, Family::Xc7) => self.xc7,
            (true, Family::Xcup) => self.xcup,
        };
        let [once, lane, between, deep, small] = config.fabric_terms(ultra);
        let all = self.once * once + self.lane * lane + self.between * between + self.deep * deep
            - self.small * small
            + mac * config.macs_per_cycle() as f64;
        all.round() as usize
    }
}

impl HwConfig {
    /// What the model's coefficients are multiplied by: 1, lanes, lanes x log2(lanes), bits of deep
    /// memories in block RAM, and 1 with a tile of 8.
    #[must_use]
    pub fn fabric_terms(&self, ultra: &[Memory]) -> [f64; 5] {
        let lanes = self.lanes as f64;
        let memories = self.memories().into_iter();
        let chosen: usize = memories
            .filter(|memory| matches!(memory.kind, MemoryKind::Features | MemoryKind::Weights))
            .filter(|memory| !ultra.contains(memory))
            .map(|m| m.number * m.bits * (m.words.div_ceil(DEEP) - 1))
            .sum();
        let small = if self.tile == 8 { 1.0 } else { 0.0 };
        [1.0, lanes, lanes * lanes.log2(), chosen as f64, small]
    }

    /// LUTs, those used as memory or shift register included, and flip-flops, of a 7-series or
    /// UltraScale+ part with the given memories in UltraRAM, within 8 % of what Yosys takes.
    #[must_use]
    pub fn fabric(&self, ultra: &[Memory]) -> (usize, usize) {
        (LUT.of(self, ultra), FF.of(self, ultra))
    }
}

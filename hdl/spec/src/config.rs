//! The hardware configuration: what a bitstream was built for, named presets, and the hash by
//! which host and core recognise each other.

use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// Sizes of one engine. All memories are counted in their own words.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HwConfig {
    /// Preset name.
    pub name: String,
    /// Edge of the systolic tile: input channels down the rows, output channels across.
    pub tile: usize,
    /// Tiles that share weights and take consecutive pixels.
    pub lanes: usize,
    /// Bytes of one AXI4-Stream beat.
    pub bus_bytes: usize,
    /// Feature buffer: words of `tile` bytes (one channel group of one pixel) per lane.
    pub feature_words: usize,
    /// Weight buffer: blocks of `tile * tile` bytes.
    pub weight_blocks: usize,
    /// Requantisation parameters: groups of `tile` channels.
    pub param_groups: usize,
    /// Accumulator memory: vectors of `tile` x i32 in each of its two banks, per lane.
    pub acc_depth: usize,
    /// Pooling line memory: words of `tile` bytes, per lane.
    pub line_words: usize,
    /// Largest kernel of the window unit.
    pub window_kernel: usize,
    /// Widest picture of the window unit, in pixels.
    pub window_width: usize,
    /// Passes descriptors that the engine holds between decoder and sequencer.
    pub block_queue: usize,
    /// Requantisers per lane.
    pub requantisers: usize,
}

/// Accumulator banks: one drains while the other computes.
pub const ACC_BANKS: usize = 2;

/// Names of all presets, in order of size.
pub const PRESETS: &[&str] = &["fb256"];

/// The preset that commands use when none is named.
pub const DEFAULT_PRESET: &str = "fb256";

impl HwConfig {
    /// A preset by name.
    #[must_use]
    pub fn preset(name: &str) -> Option<HwConfig> {
        match name {
            "fb256" => Some(HwConfig {
                name: name.to_owned(),
                tile: 16,
                lanes: 1,
                bus_bytes: 16,
                feature_words: 32_768,
                weight_blocks: 512,
                param_groups: 256,
                acc_depth: 512,
                line_words: 512,
                window_kernel: 3,
                window_width: 256,
                block_queue: 32,
                requantisers: 8,
            }),
            _ => None,
        }
    }

    /// All presets.
    pub fn presets() -> impl Iterator<Item = HwConfig> {
        PRESETS.iter().filter_map(|name| HwConfig::preset(name))
    }

    /// Multiply-accumulates per cycle at full use.
    #[must_use]
    pub fn macs_per_cycle(&self) -> usize {
        self.tile * self.tile * self.lanes
    }

    /// Every figure that the core's behaviour depends on, as `key=value`, one a line, in a fixed
    /// order. The preset's name is not among them.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut text = String::new();
        for (key, value) in [
            ("abi", crate::ABI_VERSION as usize),
            ("tile", self.tile),
            ("lanes", self.lanes),
            ("bus_bytes", self.bus_bytes),
            ("feature_words", self.feature_words),
            ("weight_blocks", self.weight_blocks),
            ("param_groups", self.param_groups),
            ("acc_depth", self.acc_depth),
            ("line_words", self.line_words),
            ("window_kernel", self.window_kernel),
            ("window_width", self.window_width),
            ("block_queue", self.block_queue),
            ("requantisers", self.requantisers),
        ] {
            let _ = writeln!(text, "{key}={value}");
        }
        text
    }

    /// First eight bytes of the SHA-256 of [`HwConfig::canonical`], little-endian.
    #[must_use]
    pub fn hash(&self) -> u64 {
        let digest = Sha256::digest(self.canonical().as_bytes());
        u64::from_le_bytes(
            digest[..8]
                .try_into()
                .expect("a SHA-256 digest has 32 bytes"),
        )
    }

    /// Bytes of all on-chip memories.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let feature = self.feature_words * self.tile * self.lanes;
        let weights = self.weight_blocks * self.tile * self.tile;
        let params = self.param_groups * self.tile * crate::command::PARAM_BYTES;
        let acc = ACC_BANKS * self.acc_depth * self.tile * 4 * self.lanes;
        let lines = self.line_words * self.tile * self.lanes;
        let window = (self.window_kernel - 1) * 3 * self.window_width;
        feature + weights + params + acc + lines + window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_resolves_under_its_own_name_and_hash() {
        let all: Vec<_> = HwConfig::presets().collect();
        assert_eq!(
            all.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
            PRESETS
        );
        let mut hashes: Vec<_> = all.iter().map(HwConfig::hash).collect();
        hashes.dedup();
        assert_eq!(hashes.len(), all.len());
        assert!(HwConfig::preset("nonsense").is_none());
    }
}

//! The hardware configuration: what a bitstream was built for, named presets, and the hash by
//! which host and core recognise each other.

mod parameters;

pub use parameters::{ConfigError, PARAMETERS, Parameter, Values};

use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// Parameters of one engine. The size of each memory is in words of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HwConfig {
    /// Preset name.
    pub name: String,
    /// Edge of the systolic tile: input channels down the rows, output channels across.
    pub tile: usize,
    /// Tiles that share weights and take consecutive pixels.
    pub lanes: usize,
    /// Feature buffer: words of `tile` bytes (one channel group of one pixel), over all lanes. The
    /// word with address a lies in bank a mod `lanes`.
    pub feature_words: usize,
    /// Weight buffer: blocks of `tile * tile` bytes.
    pub weight_blocks: usize,
    /// Requantisation parameters: groups of `tile` channels.
    pub param_groups: usize,
    /// Accumulator memory: vectors of `tile` sums in each of its two banks, per lane.
    pub acc_depth: usize,
    /// Bits of a sum, signed: of every partial sum, and of the last one with its bias.
    pub sum_bits: usize,
    /// Pooling line memory: words of [`HwConfig::line_pixels`] x `tile` bytes.
    pub line_words: usize,
    /// Largest kernel of the window unit.
    pub window_kernel: usize,
    /// Widest picture of the window unit, in pixels.
    pub window_width: usize,
    /// Records that the queue between decoder and sequencer holds.
    pub block_queue: usize,
    /// Requantisers per lane.
    pub requantisers: usize,
    /// Two multiply-accumulates per DSP slice.
    pub packed: bool,
    /// Whose DSP slices the packed array is made of.
    pub family: Family,
}

/// Families of parts whose DSP slices the packed array knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Family {
    /// Any: Verilog from which tools infer what the part has.
    #[default]
    Generic,
    /// 7-series and Zynq-7000: DSP48E1.
    Xc7,
    /// UltraScale and UltraScale+: DSP48E2.
    Xcup,
}

impl Family {
    /// All, in the order of their numbers in [`HwConfig::canonical`].
    pub const ALL: [Family; 3] = [Family::Generic, Family::Xc7, Family::Xcup];

    /// Its name: the option of a preset but for [`Family::Generic`], which needs none.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Family::Generic => "generic",
            Family::Xc7 => "xc7",
            Family::Xcup => "xcup",
        }
    }

    /// A family by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Family> {
        Family::ALL.into_iter().find(|family| family.name() == name)
    }

    /// Bits from one weight to the other in a packed factor, and so of each sum in a chain: a
    /// DSP48E1 multiplies by 25 bits, the others by 27.
    #[must_use]
    pub const fn field_bits(self) -> usize {
        match self {
            Family::Xc7 => 17,
            Family::Generic | Family::Xcup => 19,
        }
    }

    /// Rows whose products fit into a field: 4 for one of 17 bits, else all of a tile.
    #[must_use]
    pub const fn chain_rows(self, tile: usize) -> usize {
        match self {
            Family::Xc7 if tile > 4 => 4,
            _ => tile,
        }
    }
}

/// Bits of a sum: 27 hold those of a layer with 576 inputs a channel, the most that any published
/// SqueezeNet has, whatever its weights are, and a requantiser then takes one DSP slice.
pub const SUM_BITS: usize = 27;

/// Bits of a sum with the option `wide`.
pub const WIDE_SUM_BITS: usize = 32;

/// Accumulator banks: one drains while the other computes.
pub const ACC_BANKS: usize = 2;

/// Names of all presets, in order of size. Each takes the options of [`OPTIONS`].
pub const PRESETS: &[&str] = &["fb64", "fb256-small", "fb256", "fb512", "fb1024", "fb2048"];

/// Options of a preset: appended to its name, in any order, as in `fb256-packed-resident`.
pub const OPTIONS: &[(&str, &str)] = &[
    ("packed", "two multiply-accumulates per DSP slice"),
    ("resident", "a weight buffer that holds a whole SqueezeNet"),
    (
        "wide",
        "sums of 32 bits, for networks that need more than 27",
    ),
    (
        "xc7",
        "packed arrays of DSP48E1 slices (7-series, Zynq-7000)",
    ),
    (
        "xcup",
        "packed arrays of DSP48E2 slices (UltraScale, UltraScale+)",
    ),
];

/// Bytes of weights that an engine with the option `resident` holds: those of SqueezeNet v1.0 or v1.1, padded to whole
/// tiles.
const RESIDENT_WEIGHT_BYTES: usize = 5120 * 256;
/// Channels whose parameters it holds.
const RESIDENT_CHANNELS: usize = 512 * 16;

/// Sizes of a memory, in KiB, that an option of [`MEMORIES`] can ask for: so many whole block RAMs or
/// UltraRAMs that no part of one is wasted.
pub const SIZES_KIB: &[usize] = &[
    16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048,
];

/// Options of a preset with a number, one of [`SIZES_KIB`]: appended as those of [`OPTIONS`] are, as in
/// `fb1024-f512-w128-packed`. Each stands for a size that the preset does not have already.
pub const MEMORIES: &[(&str, &str)] = &[
    ("f", "a feature buffer of so many KiB, at least 64"),
    (
        "w",
        "a weight buffer of so many KiB, at most 768; not with -resident",
    ),
];

/// Smallest feature buffer of an option, in KiB.
const LEAST_FEATURES_KIB: usize = 64;
/// Largest weight buffer of an option, in KiB: a larger one is `resident`.
const MOST_WEIGHTS_KIB: usize = 768;

/// The preset that commands use when none is named.
pub const DEFAULT_PRESET: &str = "fb256";

impl HwConfig {
    /// The preset with this name, options included, as in `fb256-packed`; `None` if there is none.
    #[must_use]
    pub fn preset(name: &str) -> Option<HwConfig> {
        let base = PRESETS.iter().filter(|base| {
            let rest = name.strip_prefix(**base);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        });
        let base = base.max_by_key(|base| base.len())?;
        let mut config = HwConfig::base(base);
        for option in name[base.len()..].split('-').skip(1) {
            config = config.with(option)?;
        }
        name.clone_into(&mut config.name);
        Some(config)
    }

    /// With one option more, which is appended to the name; `None` if there is no such option, or if it changes nothing or
    /// contradicts another.
    #[must_use]
    pub fn with(&self, option: &str) -> Option<HwConfig> {
        let mut config = self.clone();
        let base = HwConfig::base(self.base_name());
        let tile_bytes = config.tile * config.tile;
        match option {
            "packed" if !config.packed => config.packed = true,
            "wide" if config.sum_bits < WIDE_SUM_BITS => config.sum_bits = WIDE_SUM_BITS,
            "xc7" | "xcup" if config.family == Family::Generic => {
                config.family = Family::named(option)?;
            }
            "resident" if config.weight_blocks == base.weight_blocks => {
                config.weight_blocks = RESIDENT_WEIGHT_BYTES / tile_bytes;
                config.param_groups = RESIDENT_CHANNELS / config.tile;
            }
            _ => {
                let (kind, kib) = option.split_at_checked(1)?;
                let plain =
                    kib.bytes().all(|digit| digit.is_ascii_digit()) && !kib.starts_with('0');
                let kib = kib
                    .parse()
                    .ok()
                    .filter(|kib| plain && SIZES_KIB.contains(kib))?;
                let words = (kib << 10) / config.tile;
                let blocks = (kib << 10) / tile_bytes;
                match kind {
                    "f" if config.feature_words == base.feature_words
                        && words != base.feature_words
                        && kib >= LEAST_FEATURES_KIB =>
                    {
                        config.feature_words = words;
                    }
                    "w" if config.weight_blocks == base.weight_blocks
                        && blocks != base.weight_blocks
                        && kib <= MOST_WEIGHTS_KIB =>
                    {
                        config.weight_blocks = blocks;
                    }
                    _ => return None,
                }
            }
        }
        config.name = format!("{}-{option}", config.name);
        Some(config)
    }

    /// Whether it has the memories of the option `resident`.
    #[must_use]
    pub fn is_resident(&self) -> bool {
        self.weight_blocks == RESIDENT_WEIGHT_BYTES / (self.tile * self.tile)
            && self.param_groups == RESIDENT_CHANNELS / self.tile
    }

    /// The preset of [`PRESETS`] that the options were appended to.
    #[must_use]
    pub fn base_name(&self) -> &'static str {
        let named = PRESETS.iter().filter(|base| self.name.starts_with(**base));
        named
            .max_by_key(|base| base.len())
            .copied()
            .unwrap_or(DEFAULT_PRESET)
    }

    /// Each preset with each combination of [`OPTIONS`] that there is, in one order of the options.
    pub fn with_options() -> impl Iterator<Item = HwConfig> {
        let mut all: Vec<HwConfig> = HwConfig::presets().collect();
        for (option, _) in OPTIONS {
            let more: Vec<_> = all
                .iter()
                .filter_map(|config| config.with(option))
                .collect();
            all.extend(more);
        }
        all.into_iter()
    }

    /// The configuration with each other pair of sizes of its memories that [`MEMORIES`] allow.
    pub fn with_sizes(&self) -> impl Iterator<Item = HwConfig> + '_ {
        let features = [None].into_iter().chain(SIZES_KIB.iter().map(Some));
        features.flat_map(move |f| {
            let features = match f {
                None => Some(self.clone()),
                Some(kib) => self.with(&format!("f{kib}")),
            };
            let weights = [None].into_iter().chain(SIZES_KIB.iter().map(Some));
            weights.filter_map(move |w| match w {
                None => features.clone(),
                Some(kib) => features.as_ref()?.with(&format!("w{kib}")),
            })
        })
    }

    /// The preset with the same parameters, by the name with the fewest options: sizes first, then those of [`OPTIONS`] in
    /// their order; `None` if no preset has them.
    #[must_use]
    pub fn as_preset(&self) -> Option<HwConfig> {
        let kib = |bytes: usize| bytes >> 10;
        let features = format!("f{}", kib(self.feature_words * self.tile));
        let weights = format!("w{}", kib(self.weight_blocks * self.tile * self.tile));
        let named = HwConfig::presets().filter_map(|base| {
            let resident = self.is_resident();
            let options: Vec<&str> = [
                (self.feature_words != base.feature_words, &*features),
                (
                    !resident && self.weight_blocks != base.weight_blocks,
                    &*weights,
                ),
                (self.packed, "packed"),
                (resident, "resident"),
                (self.sum_bits != base.sum_bits, "wide"),
                (self.family != Family::Generic, self.family.name()),
            ]
            .into_iter()
            .filter_map(|(differs, option)| differs.then_some(option))
            .collect();
            let with = |config: HwConfig, option: &&str| config.with(option);
            let named = options.iter().try_fold(base, with)?;
            named.is_same(self).then_some((options.len(), named))
        });
        Some(named.min_by_key(|(options, _)| *options)?.1)
    }

    /// The configuration with the DSP slices of a family; `None` if it names another one.
    #[must_use]
    pub fn of_family(&self, family: Family) -> Option<HwConfig> {
        let mut config = self.clone();
        if config.family == family {
            return Some(config);
        }
        if config.family != Family::Generic {
            return None;
        }
        config.family = family;
        config.name = format!("{}-{}", config.name, family.name());
        Some(config)
    }

    /// A preset of [`PRESETS`].
    fn base(name: &str) -> HwConfig {
        // For parts with little memory: the first layers run in strips.
        let small = name.ends_with("-small");
        let (tile, lanes) = match name.trim_end_matches("-small") {
            "fb64" => (8, 1),
            "fb512" => (16, 2),
            "fb1024" => (16, 4),
            "fb2048" => (16, 8),
            _ => (16, 1),
        };
        let (feature_bytes, weight_bytes) = match (tile, lanes) {
            (8, _) => (256 << 10, 64 << 10),
            (_, lanes) if small => (256 << 10, (32 << 10) * lanes),
            (_, 1 | 2) => (1 << 20, 128 << 10),
            _ => (1 << 20, 256 << 10),
        };
        HwConfig {
            name: name.to_owned(),
            tile,
            lanes,
            feature_words: feature_bytes / tile,
            weight_blocks: weight_bytes / (tile * tile),
            param_groups: 4096 / tile,
            acc_depth: 512,
            sum_bits: SUM_BITS,
            line_words: 512,
            window_kernel: 7,
            window_width: 256,
            block_queue: 32,
            requantisers: tile / 2,
            packed: false,
            family: Family::Generic,
        }
    }

    /// All presets, without options.
    pub fn presets() -> impl Iterator<Item = HwConfig> {
        PRESETS.iter().filter_map(|name| HwConfig::preset(name))
    }

    /// Multiply-accumulates per cycle when every vector is useful.
    #[must_use]
    pub fn macs_per_cycle(&self) -> usize {
        self.tile * self.tile * self.lanes
    }

    /// Rows of the array's tiles whose products are summed one after the other, from slice to slice:
    /// all of them, but in a packed array whose fields hold no more. The chains of such a tile
    /// work side by side.
    #[must_use]
    pub const fn chain_rows(&self) -> usize {
        if self.packed {
            self.family.chain_rows(self.tile)
        } else {
            self.tile
        }
    }

    /// Pixels that the drain unit handles in a cycle: half of the lanes, at least one (which a
    /// single lane's drain takes in two cycles).
    #[must_use]
    pub fn drain_pixels(&self) -> usize {
        (self.lanes / 2).max(1)
    }

    /// Pooled columns in a word of the pooling line memory.
    #[must_use]
    pub fn line_pixels(&self) -> usize {
        (self.lanes / 4).max(1)
    }

    /// Columns of the unpooled map that one word of the pooling line memory stands for.
    #[must_use]
    pub fn line_columns(&self) -> usize {
        2 * self.line_pixels()
    }

    /// Pixels of a picture row that the window unit takes per cycle.
    #[must_use]
    pub fn window_pixels(&self) -> usize {
        self.lanes.min(4)
    }

    /// Feature words that the window unit writes per cycle at most.
    #[must_use]
    pub fn window_words(&self) -> usize {
        (self.lanes / 2).max(1)
    }

    /// Every parameter that the core's behaviour depends on, as `key=value`, one per line, in a
    /// fixed order. The name of the preset is not among them.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut text = String::new();
        let mut line = |key: &str, value: usize| {
            let _ = writeln!(text, "{key}={value}");
        };
        line("abi", crate::ABI_VERSION as usize);
        for parameter in PARAMETERS {
            line(parameter.name, parameter.get(self));
            if parameter.name == "lanes" {
                line("bus_bytes", crate::BEAT_BYTES);
            }
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
        let addressed = self.memories().into_iter();
        addressed.map(|m| m.stream_words() * m.word_bytes).sum()
    }
}

/// The preset that is used when none is named.
impl Default for HwConfig {
    fn default() -> Self {
        HwConfig::base(DEFAULT_PRESET)
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
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), all.len());
        assert!(HwConfig::preset("nonsense").is_none());
    }

    #[test]
    fn options_combine_in_any_order_and_once() {
        for base in PRESETS {
            let a = HwConfig::preset(&format!("{base}-packed-resident")).unwrap();
            let b = HwConfig::preset(&format!("{base}-resident-packed")).unwrap();
            assert_eq!((a.hash(), a.packed), (b.hash(), true));
            assert!(a.weight_blocks * a.tile * a.tile >= 1_241_000);
            let wide = HwConfig::preset(&format!("{base}-wide-packed")).unwrap();
            assert_eq!((a.sum_bits, wide.sum_bits), (SUM_BITS, WIDE_SUM_BITS));
            let c = HwConfig::preset(&format!("{base}-xc7-packed")).unwrap();
            let d = HwConfig::preset(&format!("{base}-packed-xc7")).unwrap();
            assert_eq!((c.hash(), c.family), (d.hash(), Family::Xc7));
            let packed = HwConfig::preset(&format!("{base}-packed")).unwrap();
            assert_eq!(packed.of_family(Family::Xc7), Some(d.clone()));
            assert_eq!(d.of_family(Family::Xc7), Some(d.clone()));
            assert_eq!(d.of_family(Family::Xcup), None);
            for wrong in [
                "packed-packed",
                "resident-resident",
                "wide-wide",
                "xc7-xc7",
                "xc7-xcup",
                "generic",
                "fast",
                "",
            ] {
                assert!(
                    HwConfig::preset(&format!("{base}-{wrong}")).is_none(),
                    "{wrong}"
                );
            }
        }
    }

    #[test]
    fn memories_have_the_size_that_is_asked_for() {
        let config = HwConfig::preset("fb1024-f512-w128-packed-xc7").unwrap();
        assert_eq!(config.feature_words * 16, 512 << 10);
        assert_eq!(config.weight_blocks * 256, 128 << 10);
        assert_eq!((config.packed, config.family), (true, Family::Xc7));
        assert_eq!(config.base_name(), "fb1024");
        let other = HwConfig::preset("fb1024-packed-w128-xc7-f512").unwrap();
        assert_eq!(config.hash(), other.hash());
        assert_eq!(
            HwConfig::preset("fb256-small-f512").unwrap().base_name(),
            "fb256-small"
        );
        // What the preset has already, no size of the list, twice, with resident weights.
        for wrong in [
            "f1024",
            "w256",
            "f500",
            "f0512",
            "f+512",
            "f",
            "w",
            "f512-f256",
            "w64-w32",
            "resident-w64",
            "w64-resident",
            "f32",
            "w1024",
            "ü512",
            "f99999999999999999999",
        ] {
            assert!(
                HwConfig::preset(&format!("fb1024-{wrong}")).is_none(),
                "{wrong}"
            );
        }
        let resident = HwConfig::preset("fb1024-f2048-resident").unwrap();
        assert_eq!(resident.feature_words * 16, 2 << 20);
    }

    #[test]
    fn all_configurations_have_names_of_their_own() {
        let mut hashes = std::collections::HashSet::new();
        for config in HwConfig::with_options() {
            assert_eq!(HwConfig::preset(&config.name).unwrap(), config);
            assert!(hashes.insert(config.hash()), "{}", config.name);
        }
        // Packed or not, resident or not, wide or not, three families.
        assert_eq!(hashes.len(), PRESETS.len() * 24);
        let sized: Vec<_> = HwConfig::preset("fb512-resident")
            .unwrap()
            .with_sizes()
            .collect();
        assert!(
            sized
                .iter()
                .all(|config| HwConfig::preset(&config.name).as_ref() == Some(config))
        );
        assert_eq!(
            sized.len(),
            SIZES_KIB.iter().filter(|kib| **kib >= 64).count()
        );
        assert!(HwConfig::preset("fb64").unwrap().with_sizes().count() > 100);
    }

    #[test]
    fn a_preset_is_known_by_its_parameters() {
        for config in HwConfig::with_options() {
            assert_eq!(config.as_preset().as_ref(), Some(&config));
        }
        for (name, usual) in [
            ("fb1024-xc7-w128-packed-f512", "fb1024-f512-w128-packed-xc7"),
            ("fb256-resident-packed", "fb256-packed-resident"),
            // The same engine by two names.
            ("fb256-small-f1024-w128", "fb256"),
        ] {
            let mut config = HwConfig::preset(name).unwrap();
            "mine".clone_into(&mut config.name);
            assert_eq!(config.as_preset().unwrap().name, usual);
            assert_eq!(config.as_preset().unwrap().hash(), config.hash());
        }
        for change in [
            |c: &mut HwConfig| c.feature_words += c.lanes,
            |c: &mut HwConfig| c.weight_blocks += 1,
            |c: &mut HwConfig| c.acc_depth -= 1,
            |c: &mut HwConfig| c.sum_bits = 30,
        ] {
            let mut config = HwConfig::preset("fb1024-resident").unwrap();
            change(&mut config);
            assert_eq!(config.as_preset(), None, "{config:?}");
        }
    }

    #[test]
    fn the_small_preset_has_256_kib_for_features_and_32_for_weights() {
        let config = HwConfig::preset("fb256-small").unwrap();
        let bytes = config.feature_words * config.tile + config.weight_blocks * 256;
        assert_eq!(bytes, (256 + 32) << 10);
    }
}

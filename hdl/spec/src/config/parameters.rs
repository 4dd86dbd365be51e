//! The parameters of a configuration: their names, units and limits, each said once. The hash, the
//! check before Verilog is generated, the files of `--preset FILE` and docs/presets.md follow.

use std::fmt;

use super::{Family, HwConfig};

/// One parameter of a configuration.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Name: that of its field, of its line in [`HwConfig::canonical`] and of its key in a file.
    pub name: &'static str,
    /// What it counts.
    pub unit: &'static str,
    /// What it is, in a sentence.
    pub what: &'static str,
    /// What it can be.
    pub values: Values,
    get: fn(&HwConfig) -> usize,
    set: fn(&mut HwConfig, usize),
}

/// What a parameter can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// One of some numbers.
    OneOf(&'static [usize]),
    /// A number from the first to the second.
    Within(usize, usize),
    /// No or yes: 0 or 1.
    Flag,
    /// A family: its number in [`Family::ALL`].
    Families,
}

impl Values {
    /// Whether a number is among them.
    #[must_use]
    pub fn contain(self, value: usize) -> bool {
        match self {
            Values::OneOf(choices) => choices.contains(&value),
            Values::Within(low, high) => (low..=high).contains(&value),
            Values::Flag => value <= 1,
            Values::Families => value < Family::ALL.len(),
        }
    }
}

impl fmt::Display for Values {
    /// As in "8 or 16", "2 to 512".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or = |choices: &[String]| match choices {
            [] => String::new(),
            [one] => one.clone(),
            [some @ .., last] => format!("{} or {last}", some.join(", ")),
        };
        match self {
            Values::OneOf(choices) => {
                let choices: Vec<String> = choices.iter().map(usize::to_string).collect();
                f.write_str(&or(&choices))
            }
            Values::Within(low, high) => write!(f, "{low} to {high}"),
            Values::Flag => f.write_str("true or false"),
            Values::Families => f.write_str(&or(
                &Family::ALL.map(|family| format!("{:?}", family.name()))
            )),
        }
    }
}

/// Why there is no engine of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A parameter is out of its limits.
    #[error("{} = {value} is not possible; give {} ({})", parameter.name, parameter.values, parameter.unit)]
    Limit {
        /// Which parameter.
        parameter: &'static Parameter,
        /// What it is.
        value: usize,
    },
    /// Parameters that are possible by themselves contradict each other.
    #[error("{0}")]
    Together(String),
}

impl PartialEq for Parameter {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Parameter {}

/// What a parameter is as a number, as the hash has it.
trait Figure {
    fn number(self) -> usize;
    fn of(number: usize) -> Self;
}

impl Figure for usize {
    fn number(self) -> usize {
        self
    }

    fn of(number: usize) -> usize {
        number
    }
}

impl Figure for bool {
    fn number(self) -> usize {
        self.into()
    }

    fn of(number: usize) -> bool {
        number != 0
    }
}

impl Figure for Family {
    fn number(self) -> usize {
        self as usize
    }

    fn of(number: usize) -> Family {
        Family::ALL.get(number).copied().unwrap_or_default()
    }
}

macro_rules! parameters {
    ($($field:ident: $values:expr, $unit:literal, $what:literal;)*) => {
        /// All parameters, in the order of their lines in [`HwConfig::canonical`].
        pub const PARAMETERS: &[Parameter] = &[$(Parameter {
            name: stringify!($field),
            unit: $unit,
            what: $what,
            values: $values,
            get: |config| config.$field.number(),
            set: |config, number| config.$field = Figure::of(number),
        }),*];
    };
}

parameters! {
    tile: Values::OneOf(&[8, 16]), "channels",
        "Edge of the systolic tile: input channels down the rows, output channels across.";
    lanes: Values::OneOf(&[1, 2, 4, 8]), "pixels",
        "Tiles side by side, which take consecutive pixels; 1 with a tile of 8.";
    feature_words: Values::Within(2, 1 << 20), "words of `tile` bytes",
        "Feature buffer, over all lanes: a multiple of `lanes`, at least twice as many. 64 are a KiB with a tile of 16.";
    weight_blocks: Values::Within(1, 1 << 20), "blocks of `tile` x `tile` bytes",
        "Weight buffer. 4 are a KiB with a tile of 16.";
    param_groups: Values::Within(1, 1 << 10), "groups of `tile` channels",
        "Memory of the requantisation parameters.";
    acc_depth: Values::Within(2, 512), "vectors of `tile` sums",
        "Accumulators: each of the two banks, in each lane.";
    sum_bits: Values::Within(24, 32), "bits",
        "A sum, signed: 27 suffice for every published SqueezeNet, and a requantiser then takes one DSP slice.";
    line_words: Values::Within(2, 1 << 10), "words of `tile` bytes for each pooled column of a step",
        "Line memory of the pooling unit.";
    window_kernel: Values::OneOf(&[3, 7]), "pixels",
        "Largest kernel of the first convolution.";
    window_width: Values::Within(8, 1020), "pixels",
        "Widest picture.";
    block_queue: Values::OneOf(&[32]), "records",
        "Queue between decoder and sequencer.";
    requantisers: Values::OneOf(&[4, 8]), "requantisers",
        "In each lane: half of `tile`.";
    packed: Values::Flag, "flag",
        "Whether two multiply-accumulates share a DSP slice.";
    family: Values::Families, "name",
        "Whose DSP slices a packed array is made of: DSP48E1, DSP48E2, or what tools infer.";
}

impl Parameter {
    /// What it is in a configuration, as a number.
    #[must_use]
    pub fn get(&self, config: &HwConfig) -> usize {
        (self.get)(config)
    }

    /// Makes it a number.
    ///
    /// # Errors
    /// If it cannot be that.
    pub fn set(&'static self, config: &mut HwConfig, value: usize) -> Result<(), ConfigError> {
        self.check(value)?;
        (self.set)(config, value);
        Ok(())
    }

    fn check(&'static self, value: usize) -> Result<(), ConfigError> {
        match self.values.contain(value) {
            true => Ok(()),
            false => Err(ConfigError::Limit {
                parameter: self,
                value,
            }),
        }
    }
}

impl HwConfig {
    /// Whether there is an engine of it.
    ///
    /// # Errors
    /// What cannot be, and what can.
    pub fn check(&self) -> Result<(), ConfigError> {
        for parameter in PARAMETERS {
            parameter.check(parameter.get(self))?;
        }
        let HwConfig {
            tile,
            lanes,
            feature_words,
            requantisers,
            ..
        } = self;
        let together = |what| Err(ConfigError::Together(what));
        if *tile == 8 && *lanes != 1 {
            return together(format!(
                "lanes = {lanes} is not possible with tile = 8; give 1 lane, or a tile of 16"
            ));
        }
        if !feature_words.is_multiple_of(*lanes) || *feature_words < 2 * lanes {
            return together(format!(
                "feature_words = {feature_words} is not possible with lanes = {lanes}; give a multiple of \
                 {lanes}, at least {}",
                2 * lanes
            ));
        }
        if *requantisers != tile / 2 {
            return together(format!(
                "requantisers = {requantisers} is not possible with tile = {tile}; give {}",
                tile / 2
            ));
        }
        Ok(())
    }

    /// Whether all parameters are the same, whatever the names are.
    #[must_use]
    pub fn is_same(&self, other: &HwConfig) -> bool {
        PARAMETERS
            .iter()
            .all(|parameter| parameter.get(self) == parameter.get(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_configuration_is_possible() {
        for config in HwConfig::with_options() {
            assert_eq!(config.check(), Ok(()), "{}", config.name);
        }
        for config in HwConfig::presets() {
            for sized in config.with_sizes() {
                assert_eq!(sized.check(), Ok(()), "{}", sized.name);
            }
        }
    }

    #[test]
    fn limits_are_in_the_errors() {
        let refused = |change: fn(&mut HwConfig)| {
            let mut config = HwConfig::default();
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        for (error, part) in [
            (
                refused(|c| c.tile = 12),
                "tile = 12 is not possible; give 8 or 16 (channels)",
            ),
            (
                refused(|c| c.acc_depth = 513),
                "give 2 to 512 (vectors of `tile` sums)",
            ),
            (refused(|c| c.block_queue = 16), "give 32 (records)"),
            (
                refused(|c| c.tile = 8),
                "requantisers = 8 is not possible with tile = 8; give 4",
            ),
            (
                refused(|c| (c.tile, c.lanes) = (8, 2)),
                "give 1 lane, or a tile of 16",
            ),
            (
                refused(|c| (c.lanes, c.feature_words) = (8, 100)),
                "give a multiple of 8, at least 16",
            ),
            (
                refused(|c| (c.lanes, c.feature_words) = (8, 8)),
                "at least 16",
            ),
        ] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_parameter_is_read_and_written() {
        let mut config = HwConfig::default();
        for parameter in PARAMETERS {
            let (before, other) = match parameter.values {
                Values::OneOf(choices) => (parameter.get(&config), choices[0]),
                Values::Within(low, _) => (parameter.get(&config), low),
                Values::Flag | Values::Families => (0, 1),
            };
            assert_eq!(parameter.get(&config), before, "{}", parameter.name);
            parameter.set(&mut config, other).unwrap();
            assert_eq!(parameter.get(&config), other, "{}", parameter.name);
            assert!(parameter.set(&mut config, 1 << 40).is_err());
            assert_eq!(parameter.get(&config), other, "{}", parameter.name);
        }
        assert!(!config.is_same(&HwConfig::default()));
        assert_eq!(
            Values::Families.to_string(),
            "\"generic\", \"xc7\" or \"xcup\""
        );
    }
}

//! Where every MAC-cycle went: useful work, or one cause of idleness.

use std::collections::BTreeMap;

use firebrick_driver::Program;
use firebrick_spec::HwConfig;
use firebrick_spec::regs::{CAUSES, COUNTERS, RAGGED_INDEX};
use serde::Serialize;

/// Index of BUSY among the counters.
const BUSY: usize = CAUSES.start;

/// MAC-cycles: what the array could have multiplied in some cycles. `useful` and all of `idle`
/// add up to `mac_cycles`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Account {
    /// What the array could have multiplied.
    pub mac_cycles: u64,
    /// Useful multiply-accumulates.
    pub useful: u64,
    /// By cause: `padding` (channels and taps that fill up a tile), `ragged` (lanes without a
    /// pixel), and the causes of cycles without a vector.
    pub idle: BTreeMap<String, u64>,
}

impl Account {
    /// Books `counted`, in the order of [`COUNTERS`], of which `macs` were useful.
    #[must_use]
    pub fn of(counted: &[u64], macs: u64, config: &HwConfig) -> Account {
        let at = |index: usize| counted.get(index).copied().unwrap_or(0);
        let lane = (config.tile * config.tile) as u64;
        let peak = config.macs_per_cycle() as u64;
        let ragged = at(RAGGED_INDEX) * lane;
        let mut idle: BTreeMap<String, u64> = CAUSES
            .skip(1)
            .map(|index| (cause(index), at(index) * peak))
            .collect();
        idle.insert(
            "padding".into(),
            (at(BUSY) * peak).saturating_sub(ragged + macs),
        );
        idle.insert("ragged".into(), ragged);
        Account {
            mac_cycles: CAUSES.map(at).sum::<u64>() * peak,
            useful: macs,
            idle,
        }
    }
}

/// Name of a counter for people: `weights` for WEIGHTS_LO.
#[must_use]
pub fn cause(index: usize) -> String {
    COUNTERS
        .get(index)
        .map_or("", |register| register.name)
        .trim_end_matches("_LO")
        .to_lowercase()
}

/// One layer's account.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LayerAccount {
    /// Its name.
    pub name: String,
    /// Useful multiply-accumulates.
    pub macs: u64,
    /// `macs` over the array's peak.
    pub ideal_cycles: f64,
    /// Cycles of its records.
    pub cycles: u64,
    /// In which the array took a vector.
    pub busy_cycles: u64,
    /// `macs` over what the array could do in `cycles`, 0 to 1.
    pub utilization: f64,
    /// Where its MAC-cycles went.
    #[serde(flatten)]
    pub account: Account,
}

/// The accounts of a program's layers, from counters by layer as the engine keeps them.
#[must_use]
pub fn layers(program: &Program, by_layer: &[Vec<u64>], images: u64) -> Vec<LayerAccount> {
    let config = program.config();
    let peak = config.macs_per_cycle() as f64;
    let none = Vec::new();
    program
        .layers()
        .iter()
        .map(|layer| {
            let counted = by_layer.get(layer.layer).unwrap_or(&none);
            let macs = layer.macs * images;
            let cycles: u64 = CAUSES.map(|i| counted.get(i).copied().unwrap_or(0)).sum();
            LayerAccount {
                name: layer.name.clone(),
                macs,
                ideal_cycles: macs as f64 / peak,
                cycles,
                busy_cycles: counted.get(BUSY).copied().unwrap_or(0),
                utilization: macs as f64 / (cycles.max(1) as f64 * peak),
                account: Account::of(counted, macs, config),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mac_cycle_is_booked_once() {
        let config = HwConfig::preset("fb1024").expect("a preset");
        let counted: Vec<u64> = (0..COUNTERS.len() as u64).map(|i| 1000 + i).collect();
        let account = Account::of(&counted, 500_000, &config);
        let idle: u64 = account.idle.values().sum();
        assert_eq!(account.useful + idle, account.mac_cycles);
        assert_eq!(account.idle["ragged"], 1011 * 256);
        assert_eq!(account.idle["weights"], 1003 * 1024);
    }
}

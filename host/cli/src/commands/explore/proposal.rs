//! `--write`: the best configuration as a file, and what limits it.

use firebrick_spec::HwConfig;
use firebrick_spec::board::{Board, Limits};
use firebrick_spec::resources::Share;

use super::Candidate;
use crate::error::Over;

/// What the file says of its configuration, in lines.
pub(super) fn notes(
    best: &Candidate,
    network: &str,
    board: &Board,
    limits: &Limits,
) -> Vec<String> {
    let tightest = best.config.resources(board).tightest(board, limits);
    vec![
        format!(
            "The best of `firebrick explore --board {}` for {network}: {:.1} pictures a second at {} MHz.",
            board.name, best.images_per_second, best.clock_mhz
        ),
        format!(
            "It takes {:.0} % of the {} {}, which are closest to their limit of {} %.",
            tightest.percent(),
            tightest.there,
            tightest.name,
            tightest.limit
        ),
        larger(&best.config, board, limits),
    ]
}

/// Why it is no larger array.
fn larger(best: &HwConfig, board: &Board, limits: &Limits) -> String {
    let mut larger: Vec<HwConfig> = HwConfig::with_options()
        .filter(|config| config.sum_bits == best.sum_bits)
        .filter(|config| config.macs_per_cycle() > best.macs_per_cycle())
        .collect();
    let Some(macs) = larger.iter().map(HwConfig::macs_per_cycle).min() else {
        return "There is no larger array; several engines take more of the part (generate --engines).".into();
    };
    larger.retain(|config| config.macs_per_cycle() == macs);
    let sized = larger.iter().flat_map(HwConfig::with_sizes);
    let over = sized.filter_map(|config| Some(board.build_of(&config)?.over(board, limits)));
    // The one that comes closest to fitting.
    let parts = |over: &Vec<Share>| {
        let percent = over
            .iter()
            .map(|share| share.percent() / share.limit as f64);
        percent.sum::<f64>()
    };
    match over.min_by(|a, b| parts(a).total_cmp(&parts(b))) {
        Some(over) if over.is_empty() => format!(
            "The next larger array, {macs} MACs a cycle, fits, but only with memories in which the \
             network is slower or does not run."
        ),
        Some(over) => format!(
            "The next larger array, {macs} MACs a cycle, takes at least {}.",
            Over(&over)
        ),
        None => format!("The next larger array has {macs} MACs a cycle."),
    }
}

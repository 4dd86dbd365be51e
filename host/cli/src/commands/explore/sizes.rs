//! Which sizes of its memories an array needs.

use firebrick_spec::HwConfig;

/// More cycles than this factor are slower; fewer are not worth more memory.
const AS_FAST: f64 = 1.0005;

/// Bytes of features and of weights.
fn sizes(config: &HwConfig) -> (usize, usize) {
    (
        config.feature_words * config.tile,
        config.weight_blocks * config.tile * config.tile,
    )
}

/// Those with which no other has both memories at least as large.
fn largest(fitting: &[HwConfig]) -> Vec<&HwConfig> {
    let beaten = |a: &HwConfig| {
        fitting.iter().any(|b| {
            let (a, b) = (sizes(a), sizes(b));
            a != b && b.0 >= a.0 && b.1 >= a.1
        })
    };
    fitting.iter().filter(|c| !beaten(c)).collect()
}

/// The array of `config` with the sizes that need the fewest `cycles`, and of those that are [`AS_FAST`] about the
/// smallest: first the feature buffer is made smaller, then the weight buffer. `fit` gives a configuration as it would
/// be built, if it fits; `predict` a prediction, if the network can be compiled. Nothing if none fits.
pub(super) fn best<P>(
    config: &HwConfig,
    fit: impl Fn(&HwConfig) -> Option<HwConfig>,
    predict: impl Fn(&HwConfig) -> Option<P>,
    cycles: impl Fn(&P) -> f64,
) -> Option<(HwConfig, P)> {
    let mut fitting: Vec<HwConfig> = config
        .with_sizes()
        .filter_map(|sized| fit(&sized))
        .collect();
    let predicted = largest(&fitting)
        .into_iter()
        .filter_map(|config| Some((config.clone(), predict(config)?)));
    let mut best = predicted.min_by(|(_, a), (_, b)| cycles(a).total_cmp(&cycles(b)))?;
    let most = cycles(&best.1) * AS_FAST;
    fitting.sort_by_key(|config| std::cmp::Reverse(sizes(config)));
    for features in [true, false] {
        for smaller in &fitting {
            let ((f, w), (best_f, best_w)) = (sizes(smaller), sizes(&best.0));
            let next = if features {
                f < best_f && w == best_w
            } else {
                f == best_f && w < best_w
            };
            if !next {
                continue;
            }
            match predict(smaller).filter(|prediction| cycles(prediction) <= most) {
                Some(prediction) => best = (smaller.clone(), prediction),
                None => break,
            }
        }
    }
    Some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cycles of a made-up network: more below so many KiB.
    fn cycles_below(features: usize, weights: usize) -> impl Fn(&HwConfig) -> Option<f64> {
        move |config| {
            let (f, w) = sizes(config);
            let slow = |size: usize, least: usize| if size < least << 10 { 1.1 } else { 1.0 };
            (f >= 128 << 10).then(|| 1000.0 * slow(f, features) * slow(w, weights))
        }
    }

    fn best_of(kib: usize, features: usize, weights: usize) -> Option<(usize, usize)> {
        let config = HwConfig::preset("fb1024").unwrap();
        let fit = |c: &HwConfig| {
            let (f, w) = sizes(c);
            (f + w <= kib << 10).then(|| c.clone())
        };
        let found = best(&config, fit, cycles_below(features, weights), |c| *c)?;
        let (f, w) = sizes(&found.0);
        Some((f >> 10, w >> 10))
    }

    #[test]
    fn memories_are_as_large_as_they_need_be() {
        // The sizes that the network needs, where they fit.
        assert_eq!(best_of(1280, 512, 96), Some((512, 96)));
        assert_eq!(best_of(608, 512, 96), Some((512, 96)));
        // Both cannot be had: either is as good.
        let (f, w) = best_of(512, 512, 96).unwrap();
        assert!(f + w <= 512 && (f >= 128));
        // The network needs more than fits, or there is no room at all.
        assert_eq!(best_of(64, 512, 96), None);
        assert_eq!(best_of(10, 1, 1), None);
    }
}

//! Ranges of the activations, measured once and kept as a small file of figures.
//!
//! Convolutions whose outputs meet in a concatenation form one group with one range, so that
//! joining them is no arithmetic.

use std::path::Path;
use std::{fs, io};

use ndarray::{Array3, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::float::{FloatError, FloatNetwork, FloatOp};

/// Bins of the histogram from which the figures are taken.
const BINS: usize = 16_384;

/// Measured ranges of a network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The network that was measured.
    pub network: String,
    /// Number of pictures.
    pub pictures: usize,
    /// Height and width to which they were scaled.
    pub size: [usize; 2],
    /// One entry for each group of convolutions.
    pub range: Vec<Range>,
}

/// Range of one group of convolutions after ReLU, in real values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The convolutions that share it.
    pub convs: Vec<String>,
    /// Largest value seen.
    pub max: f64,
    /// 99.9 % of the values that are not zero lie below.
    pub p99_9: f64,
    /// 99.99 % of them.
    pub p99_99: f64,
    /// 99.999 % of them.
    pub p99_999: f64,
    /// Clipping here makes the mean squared error of 8-bit rounding and clipping smallest.
    pub mse: f64,
    /// Mean over pictures and pixels for each channel, of all the group's convolutions in order:
    /// for bias correction.
    pub means: Vec<f32>,
}

/// Why a calibration file was not read.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// The file cannot be read.
    #[error("calibration {path}: {error}; give the path of a calibration.toml")]
    Io {
        /// The file.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// It does not say what it must.
    #[error("calibration {path}: {reason}; measure it again")]
    Format {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
}

impl Calibration {
    /// Reads a calibration file.
    pub fn load(path: impl AsRef<Path>) -> Result<Calibration, CalibrationError> {
        let path = path.as_ref();
        let shown = || path.display().to_string();
        let text = fs::read_to_string(path).map_err(|error| CalibrationError::Io {
            path: shown(),
            error,
        })?;
        toml::from_str(&text).map_err(|e| CalibrationError::Format {
            path: shown(),
            reason: e.to_string(),
        })
    }

    /// The file's text, one line a figure.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }

    /// The group to which a convolution belongs.
    #[must_use]
    pub fn range_of(&self, conv: &str) -> Option<&Range> {
        self.range
            .iter()
            .find(|range| range.convs.iter().any(|name| name == conv))
    }
}

/// Groups of node indices: the convolutions that meet in a concatenation, every other alone.
fn groups(network: &FloatNetwork) -> Vec<Vec<usize>> {
    let is_conv = |i: usize| matches!(network.nodes.get(i).map(|n| &n.op), Some(FloatOp::Conv(_)));
    let joined: Vec<Vec<usize>> = network
        .nodes
        .iter()
        .filter(|node| matches!(node.op, FloatOp::Concat))
        .map(|node| {
            node.inputs
                .iter()
                .map(|id| id.0)
                .filter(|&i| is_conv(i))
                .collect()
        })
        .collect();
    let alone = (0..network.nodes.len())
        .filter(|&i| is_conv(i) && !joined.iter().any(|group| group.contains(&i)))
        .map(|i| vec![i]);
    let mut groups: Vec<_> = alone.chain(joined.iter().cloned()).collect();
    groups.sort();
    groups
}

/// Measures the ranges of a network over input tensors of one size.
pub fn measure(network: &FloatNetwork, inputs: &[Array3<u8>]) -> Result<Calibration, FloatError> {
    let groups = groups(network);
    let per_picture = inputs
        .par_iter()
        .map(|input| {
            let maps = network.forward(input.view())?;
            Ok(groups
                .iter()
                .map(|g| {
                    g.iter()
                        .flat_map(|&i| maps[i].iter())
                        .fold(0.0f32, |m, &v| m.max(v))
                })
                .collect::<Vec<_>>())
        })
        .collect::<Result<Vec<_>, FloatError>>()?;
    let maxima: Vec<f32> = (0..groups.len())
        .map(|g| {
            per_picture
                .iter()
                .fold(0.0f32, |m, maxima| m.max(maxima[g]))
        })
        .collect();
    let figures = inputs
        .par_iter()
        .map(|input| {
            let maps = network.forward(input.view())?;
            Ok(groups
                .iter()
                .zip(&maxima)
                .map(|(group, &max)| {
                    let values = group.iter().flat_map(|&i| maps[i].iter().copied());
                    let means = group.iter().flat_map(|&i| {
                        let pixels = (maps[i].dim().0 * maps[i].dim().1).max(1);
                        let sums = maps[i].mapv(f64::from).sum_axis(Axis(0)).sum_axis(Axis(0));
                        (sums / pixels as f64).to_vec()
                    });
                    (histogram(values, max), means.collect::<Vec<_>>())
                })
                .collect::<Vec<_>>())
        })
        .collect::<Result<Vec<_>, FloatError>>()?;
    let range = groups.iter().enumerate().map(|(g, group)| {
        let mut counts = vec![0u64; BINS];
        let mut means = figures
            .first()
            .map_or(Vec::new(), |f| vec![0.0; f[g].1.len()]);
        for picture in &figures {
            counts
                .iter_mut()
                .zip(&picture[g].0)
                .for_each(|(sum, n)| *sum += n);
            means
                .iter_mut()
                .zip(&picture[g].1)
                .for_each(|(sum, m)| *sum += m);
        }
        let max = f64::from(maxima[g]);
        Range {
            convs: group
                .iter()
                .map(|&i| network.nodes[i].name.clone())
                .collect(),
            max,
            p99_9: percentile(&counts, max, 0.999),
            p99_99: percentile(&counts, max, 0.9999),
            p99_999: percentile(&counts, max, 0.99999),
            mse: best_clip(&counts, max),
            means: means
                .iter()
                .map(|sum| (sum / inputs.len() as f64) as f32)
                .collect(),
        }
    });
    let size = inputs
        .first()
        .map_or([0, 0], |input| [input.dim().0, input.dim().1]);
    Ok(Calibration {
        network: network.name.clone(),
        pictures: inputs.len(),
        size,
        range: range.collect(),
    })
}

/// Counts of the values above zero in equal bins up to `max`.
fn histogram(values: impl Iterator<Item = f32>, max: f32) -> Vec<u64> {
    let mut counts = vec![0; BINS];
    for value in values.filter(|&v| v > 0.0) {
        let bin = (value / max * BINS as f32) as usize;
        counts[bin.min(BINS - 1)] += 1;
    }
    counts
}

fn percentile(counts: &[u64], max: f64, share: f64) -> f64 {
    let wanted = counts.iter().sum::<u64>() as f64 * share;
    let mut seen = 0;
    for (bin, count) in counts.iter().enumerate() {
        seen += count;
        if seen as f64 >= wanted {
            return (bin + 1) as f64 / BINS as f64 * max;
        }
    }
    max
}

/// The clip at which rounding to 256 steps and clipping together cost least.
fn best_clip(counts: &[u64], max: f64) -> f64 {
    let cost = |clip: f64| -> f64 {
        let step = clip / 255.0;
        let error = |value: f64| value - (value / step).round().min(255.0) * step;
        let bins = counts.iter().enumerate().filter(|(_, n)| **n > 0);
        bins.map(|(bin, &n)| {
            let value = (bin as f64 + 0.5) / BINS as f64 * max;
            error(value).powi(2) * n as f64
        })
        .sum()
    };
    let clips = (20..=100).map(|percent| f64::from(percent) / 100.0 * max);
    clips
        .min_by(|a, b| cost(*a).total_cmp(&cost(*b)))
        .unwrap_or(max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_known_distribution() {
        let values = (1..=100_000).map(|i| i as f32 / 1000.0);
        let counts = histogram(values, 100.0);
        assert_eq!(counts.iter().sum::<u64>(), 100_000);
        assert!((percentile(&counts, 100.0, 0.999) - 99.9).abs() < 0.02);
        assert!(best_clip(&counts, 100.0) > 98.0);
    }

    #[test]
    fn a_lonely_outlier_is_clipped() {
        let mut counts = vec![10_000; BINS];
        counts[BINS / 2..].fill(0);
        counts[BINS - 1] = 1;
        assert!((0.95..1.2).contains(&best_clip(&counts, 2.0)));
    }

    #[test]
    fn files_with_errors_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        assert!(
            Calibration::load(&path)
                .unwrap_err()
                .to_string()
                .contains("c.toml")
        );
        fs::write(&path, "pictures = 'many'").unwrap();
        assert!(
            Calibration::load(&path)
                .unwrap_err()
                .to_string()
                .contains("measure it again")
        );
        let calibration = Calibration {
            network: "n".into(),
            ..Calibration::default()
        };
        fs::write(&path, calibration.to_toml().unwrap()).unwrap();
        assert_eq!(Calibration::load(&path).unwrap(), calibration);
    }
}

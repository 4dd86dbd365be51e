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
use crate::sums::Raises;

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
    /// Height and width to which they were scaled, in pixels.
    pub size: [usize; 2],
    /// By how much the classes of a last convolution without ReLU were raised ([`crate::tail`]).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub raised: f32,
    /// By how much the channels of bypasses without ReLU were raised ([`crate::sums`]).
    #[serde(default, skip_serializing_if = "Raises::is_empty")]
    pub sums: Raises,
    /// One entry for each group of convolutions.
    pub range: Vec<Range>,
}

fn is_zero(value: &f32) -> bool {
    *value == 0.0
}

/// Range of one group of convolutions after the ReLU, in real values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The convolutions that share it.
    pub convs: Vec<String>,
    /// Largest value seen.
    pub max: f64,
    /// Value below which 99.9 % of the non-zero values lie.
    pub p99_9: f64,
    /// The same for 99.99 %.
    pub p99_99: f64,
    /// The same for 99.999 %.
    pub p99_999: f64,
    /// Clip with the smallest mean squared error of 8-bit rounding and clipping.
    pub mse: f64,
    /// Mean over pictures and pixels for each channel, of all the group's convolutions in order:
    /// for bias correction.
    pub means: Vec<f32>,
    /// Largest value of each channel, in the same order; empty in older files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peaks: Vec<f32>,
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
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or does not hold a calibration.
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

    /// The text of the calibration file, one line per value.
    ///
    /// # Errors
    ///
    /// If a value cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }

    /// The range of the group to which a convolution belongs; `None` if none was measured.
    #[must_use]
    pub fn range_of(&self, conv: &str) -> Option<&Range> {
        self.range
            .iter()
            .find(|range| range.convs.iter().any(|name| name == conv))
    }
}

/// Groups of nodes that share a scale, by index: convolutions that meet in a concatenation, and
/// whatever meets in an addition, with the addition itself. Every other convolution is alone.
pub(crate) fn groups(network: &FloatNetwork) -> Vec<Vec<usize>> {
    // A node's group is that of the first node in it.
    let mut first: Vec<usize> = (0..network.nodes.len()).collect();
    for (index, node) in network.nodes.iter().enumerate() {
        let joins = if node.op.keeps_scale() {
            node.inputs.as_slice()
        } else {
            &[]
        };
        for input in joins.iter().filter(|id| id.0 < index) {
            let (a, b) = (first[index], first[input.0]);
            let joined = a.min(b);
            first
                .iter_mut()
                .filter(|f| **f == a || **f == b)
                .for_each(|f| *f = joined);
        }
    }
    let has_values = |i: &usize| matches!(network.nodes[*i].op, FloatOp::Conv(_) | FloatOp::Add);
    let mut groups: Vec<Vec<usize>> = (0..network.nodes.len())
        .map(|group| {
            (0..network.nodes.len())
                .filter(|&i| first[i] == group)
                .filter(has_values)
                .collect()
        })
        .filter(|group: &Vec<usize>| !group.is_empty())
        .collect();
    groups.sort();
    groups
}

/// Channel by channel of one convolution over one picture.
struct Channels {
    means: Vec<f64>,
    peaks: Vec<f32>,
}

impl Channels {
    fn of(map: &Array3<f32>) -> Channels {
        let pixels = (map.dim().0 * map.dim().1).max(1) as f64;
        let sums = map.mapv(f64::from).sum_axis(Axis(0)).sum_axis(Axis(0));
        let peak = |channel: ndarray::ArrayView2<f32>| channel.fold(0.0f32, |m, &v| m.max(v));
        Channels {
            means: (sums / pixels).to_vec(),
            peaks: map.axis_iter(Axis(2)).map(peak).collect(),
        }
    }
}

/// Measures the ranges of a network over input tensors of one size (row, column, channel in the
/// network's order). `tick` is called twice for each picture, once after each pass over it.
///
/// # Errors
///
/// If a picture does not pass through the network.
pub fn measure(
    network: &FloatNetwork,
    inputs: &[Array3<u8>],
    tick: &(dyn Fn() + Sync),
) -> Result<Calibration, FloatError> {
    let groups = groups(network);
    let is_conv = |i: &&usize| matches!(network.nodes[**i].op, FloatOp::Conv(_));
    let per_picture = inputs
        .par_iter()
        .map(|input| {
            let maps = network.forward(input.view())?;
            tick();
            let largest = |group: &Vec<usize>| {
                let values = group.iter().flat_map(|&i| maps[i].iter());
                values.fold(0.0f32, |m, &v| m.max(v))
            };
            Ok(groups.iter().map(largest).collect::<Vec<_>>())
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
            tick();
            let figures = groups.iter().zip(&maxima).map(|(group, &max)| {
                let values = group.iter().flat_map(|&i| maps[i].iter().copied());
                let convs = group.iter().filter(is_conv);
                let channels = convs.map(|&i| Channels::of(&maps[i]));
                (histogram(values, max), channels.collect::<Vec<_>>())
            });
            Ok(figures.collect::<Vec<_>>())
        })
        .collect::<Result<Vec<_>, FloatError>>()?;
    let range = groups.iter().enumerate().map(|(g, group)| {
        let mut counts = vec![0u64; BINS];
        let mut means: Vec<f64> = Vec::new();
        let mut peaks: Vec<f32> = Vec::new();
        for picture in &figures {
            let (histogram, channels) = &picture[g];
            counts
                .iter_mut()
                .zip(histogram)
                .for_each(|(sum, n)| *sum += n);
            let all = || channels.iter().flat_map(|c| c.means.iter().zip(&c.peaks));
            means.resize(all().count(), 0.0);
            peaks.resize(all().count(), 0.0);
            for ((sum, peak), (mean, value)) in means.iter_mut().zip(&mut peaks).zip(all()) {
                *sum += mean;
                *peak = peak.max(*value);
            }
        }
        let max = f64::from(maxima[g]);
        let convs = group.iter().filter(is_conv);
        Range {
            convs: convs.map(|&i| network.nodes[i].name.clone()).collect(),
            max,
            p99_9: percentile(&counts, max, 0.999),
            p99_99: percentile(&counts, max, 0.9999),
            p99_999: percentile(&counts, max, 0.99999),
            mse: best_clip(&counts, max),
            means: means
                .iter()
                .map(|sum| (sum / inputs.len() as f64) as f32)
                .collect(),
            peaks,
        }
    });
    let size = inputs
        .first()
        .map_or([0, 0], |input| [input.dim().0, input.dim().1]);
    Ok(Calibration {
        network: network.name.clone(),
        pictures: inputs.len(),
        size,
        raised: 0.0,
        sums: Raises::new(),
        range: range.collect(),
    })
}

/// Counts of the values above zero in equal bins up to `max`.
fn histogram(values: impl Iterator<Item = f32>, max: f32) -> Vec<u64> {
    let mut counts = vec![0; BINS];
    for value in values.filter(|&v| v > 0.0 && v.is_finite()) {
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

//! The last layer in floats: a score for each class, linear in the features.

use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::features::Samples;

/// Weights and biases of the last layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Class, then channel: what one step (of 0 to 255) of a feature adds to a score.
    pub weights: Array2<f32>,
    /// Score of a class if all features are 0.
    pub bias: Array1<f32>,
    /// Mean of each feature in training, in steps.
    pub means: Array1<f32>,
}

impl Head {
    /// Scores of samples: sample, then class.
    #[must_use]
    pub fn scores(&self, features: &ArrayView2<'_, f32>) -> Array2<f32> {
        features.dot(&self.weights.t()) + &self.bias
    }

    /// Share of samples whose best class is theirs, 0 to 1.
    #[must_use]
    pub fn accuracy(&self, samples: &Samples) -> f64 {
        let scores = self.scores(&samples.features.view());
        let rows = scores.outer_iter().zip(&samples.classes);
        let right = rows.filter(|(row, class)| best(row.iter().copied()) == **class);
        right.count() as f64 / samples.len().max(1) as f64
    }
}

/// Class with the largest score; the lowest among equals.
#[must_use]
pub(crate) fn best<T: PartialOrd + Copy>(scores: impl IntoIterator<Item = T>) -> usize {
    let mut best: Option<(usize, T)> = None;
    for (class, score) in scores.into_iter().enumerate() {
        if best.is_none_or(|(_, most)| score > most) {
            best = Some((class, score));
        }
    }
    best.map_or(0, |(class, _)| class)
}

/// Loss and accuracy over samples.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    samples: usize,
    loss: f64,
    right: usize,
}

impl Tally {
    /// Adds the cross-entropy of scores, and turns them into its gradient: probability less what it
    /// should be.
    pub(crate) fn add(&mut self, scores: &mut Array2<f32>, classes: &[usize]) {
        for (mut row, &class) in scores.axis_iter_mut(Axis(0)).zip(classes) {
            self.samples += 1;
            self.right += usize::from(best(row.iter().copied()) == class);
            let most = row.fold(f32::NEG_INFINITY, |most, &s| most.max(s));
            row.mapv_inplace(|score| (score - most).exp());
            row /= row.sum();
            self.loss -= f64::from(row[class].max(f32::MIN_POSITIVE).ln());
            // What is no number does not pass as a small loss.
            if !row[class].is_finite() {
                self.loss = f64::NAN;
            }
            row[class] -= 1.0;
        }
    }

    /// Mean loss in nats, and share of samples whose best class is theirs.
    pub(crate) fn means(&self) -> (f64, f64) {
        let samples = self.samples.max(1) as f64;
        (self.loss / samples, self.right as f64 / samples)
    }
}

/// Weights rounded to 8 bits, with a step for each class, as the pack holds them.
pub(crate) fn rounded(weights: &Array2<f32>) -> Array2<f32> {
    let mut rounded = weights.clone();
    for mut row in rounded.outer_iter_mut() {
        let step = row.fold(0.0f32, |most, w| most.max(w.abs())) / 127.0;
        if step > 0.0 {
            row.mapv_inplace(|w| (w / step).round() * step);
        }
    }
    rounded
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn loss_and_gradient() {
        let mut tally = Tally::default();
        let mut scores = array![[0.0f32, 0.0], [0.0, 100.0], [3.0f32.ln(), 0.0]];
        tally.add(&mut scores, &[0, 1, 1]);
        let (loss, accuracy) = tally.means();
        let wanted = (2.0f64.ln() + 0.0 + 4.0f64.ln()) / 3.0;
        assert!((loss - wanted).abs() < 1e-6, "{loss} {wanted}");
        assert_eq!(accuracy, 2.0 / 3.0);
        assert_eq!(scores.row(0).to_vec(), [-0.5, 0.5]);
        assert!((scores[(2, 0)] - 0.75).abs() < 1e-6);
        let mut scores = array![[f32::NAN, 0.0]];
        tally.add(&mut scores, &[1]);
        assert!(tally.means().0.is_nan());
    }

    #[test]
    fn rounding_keeps_the_largest_weight() {
        let weights = array![[1.27f32, -0.011, 0.0], [0.0, 0.0, 0.0]];
        let rounded = rounded(&weights);
        assert!((rounded[(0, 0)] - 1.27).abs() < 1e-6);
        assert!((rounded[(0, 1)] + 0.01).abs() < 1e-6);
        assert_eq!(rounded.row(1), weights.row(1));
    }

    #[test]
    fn the_lowest_of_equals() {
        assert_eq!(best([1, 3, 3, 2]), 1);
        assert_eq!(best([f32::NAN, 1.0]), 0);
    }
}

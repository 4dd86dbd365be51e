//! What a picture shows: sums of all classes, the best of them, and their probabilities.

use std::sync::Arc;

use firebrick_network::{Network, Scores};
use ndarray::ArrayView1;

/// One class of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// Its number, from 0.
    pub class: usize,
    /// Its label.
    pub label: String,
    /// What Softmax, or in a network of independent classes Sigmoid, makes of the sums, 0 to 1.
    pub probability: f64,
}

/// The sums of all classes of one picture, exact to the last bit on every backend.
#[derive(Clone)]
pub struct Classification {
    network: Arc<Network>,
    scale: f64,
    scores: Vec<i32>,
}

impl Classification {
    pub(crate) fn new(network: Arc<Network>, scale: f64, scores: Vec<i32>) -> Classification {
        Classification {
            network,
            scale,
            scores,
        }
    }

    /// The sum of each class over all pixels of the last map, in the order of the classes. One
    /// step is worth [`scale`](Self::scale).
    #[must_use]
    pub fn scores(&self) -> ArrayView1<'_, i32> {
        ArrayView1::from(&self.scores)
    }

    /// Real value of one step of a score, positive: `scores * scale` are the float network's
    /// logits, as well as eight bits say them.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Probabilities of all classes, 0 to 1, in their order: what Softmax makes of the sums, or of a
    /// network whose classes are independent, Sigmoid of each.
    #[must_use]
    pub fn probabilities(&self) -> Vec<f64> {
        probabilities(&self.network, &self.scores, self.scale)
    }

    /// The best `count` classes, best first; the lower class first among equals.
    #[must_use]
    pub fn top(&self, count: usize) -> Vec<Class> {
        let probabilities = self.probabilities();
        best(&self.scores, count)
            .into_iter()
            .map(|class| Class {
                class,
                label: self.network.labels.get(class).cloned().unwrap_or_default(),
                probability: probabilities[class],
            })
            .collect()
    }
}

impl std::fmt::Debug for Classification {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Classification")
            .field("top", &self.top(1))
            .field("classes", &self.scores.len())
            .finish()
    }
}

/// The classes with the largest sums, largest first; the lower class first among equals.
#[must_use]
pub fn best(logits: &[i32], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by_key(|&class| (std::cmp::Reverse(logits[class]), class));
    order.truncate(count);
    order
}

/// Probabilities of a network's classes, 0 to 1, as [`softmax`], or by Sigmoid of each sum if they
/// are independent. Of a network that ends with a map there are none: the mean of each of its channels.
#[must_use]
pub fn probabilities(network: &Network, logits: &[i32], scale: f64) -> Vec<f64> {
    match network.scores {
        Scores::Softmax => softmax(logits, scale),
        Scores::Sigmoid { raised } => {
            let sigmoid = |&l: &i32| 1.0 / (1.0 + (f64::from(raised) - f64::from(l) * scale).exp());
            logits.iter().map(sigmoid).collect()
        }
        Scores::Map { raised } => {
            let mean = |&l: &i32| f64::from(l) * scale - f64::from(raised);
            logits.iter().map(mean).collect()
        }
    }
}

/// Probabilities of the classes, 0 to 1, by their sums and the real value of one step of a sum
/// ([`Target::logit_scale`](crate::target::Target::logit_scale)).
#[must_use]
pub fn softmax(logits: &[i32], scale: f64) -> Vec<f64> {
    let largest = logits.iter().copied().max().unwrap_or(0);
    // In 64 bits: the difference of two sums can exceed 32.
    let power = |l: &i32| ((i64::from(*l) - i64::from(largest)) as f64 * scale).exp();
    let sum: f64 = logits.iter().map(power).sum();
    logits.iter().map(|l| power(l) / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_classes_in_order() {
        assert_eq!(best(&[3, 9, 9, -1], 3), [1, 2, 0]);
        assert_eq!(best(&[3], 5), [0]);
    }

    #[test]
    fn independent_classes() {
        let mut network = firebrick_network::builtin();
        let sums = [0, 20, 40];
        assert_eq!(probabilities(&network, &sums, 0.1), softmax(&sums, 0.1));
        network.scores = Scores::Sigmoid { raised: 2.0 };
        let p = probabilities(&network, &sums, 0.1);
        assert!((p[1] - 0.5).abs() < 1e-12);
        assert!((p[0] + p[2] - 1.0).abs() < 1e-12 && p[2] > 0.88, "{p:?}");
    }

    #[test]
    fn shares_of_classes() {
        let p = softmax(&[0, i32::MAX, i32::MIN], 1.0);
        assert_eq!(p, [0.0, 1.0, 0.0]);
        let p = softmax(&[10, 10, 0], 0.1);
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((p[0] / p[2] - std::f64::consts::E).abs() < 1e-12);
    }
}

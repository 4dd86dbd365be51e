//! Rounds weights one after the other, and moves the error of each onto those that are still to
//! be rounded, as far as their inputs go together on real pictures (the method of GPTQ). The
//! output's squared error is that of the covariance of the inputs.

use ndarray::{Array1, Array2};

/// Added to the diagonal, relative to its mean: inputs that never vary stay solvable.
const DAMPING: f64 = 0.01;

/// What is needed of the inputs of one convolution, for all its output channels.
pub struct Adaptive {
    /// Taps by falling variance: large errors are made while there is much left to correct them.
    order: Vec<usize>,
    /// Upper triangular; `U' U` is the inverse of the damped covariance in that order.
    factor: Array2<f64>,
}

impl Adaptive {
    /// Prepares a covariance. None if it is not one.
    pub fn new(covariance: &Array2<f64>) -> Option<Adaptive> {
        let taps = covariance.dim().0;
        let mut order: Vec<usize> = (0..taps).collect();
        order.sort_by(|&a, &b| {
            let (a, b) = (covariance[(a, a)], covariance[(b, b)]);
            b.total_cmp(&a)
        });
        let mean = covariance.diag().sum() / taps.max(1) as f64;
        let damping = mean * DAMPING;
        if !(damping.is_finite() && damping > 0.0) {
            return None;
        }
        // Backwards, so that the triangle below is the upper one that is wanted.
        let backward: Vec<usize> = order.iter().rev().copied().collect();
        let damped = Array2::from_shape_fn((taps, taps), |(i, j)| {
            let value = covariance[(backward[i], backward[j])];
            if i == j { value + damping } else { value }
        });
        let inverse = invert(cholesky(damped)?);
        let factor =
            Array2::from_shape_fn((taps, taps), |(i, j)| inverse[(taps - 1 - i, taps - 1 - j)]);
        Some(Adaptive { order, factor })
    }

    /// Whole numbers within `±limit` whose products with the inputs are near those of `weights`,
    /// which are in units of a step. Zeros stay zeros: pruned weights are left out of the pack.
    pub fn round(&self, weights: &Array1<f64>, limit: f64) -> Array1<f64> {
        let taps = self.order.len();
        let mut left: Vec<f64> = self.order.iter().map(|&tap| weights[tap]).collect();
        let mut rounded = Array1::zeros(taps);
        for at in 0..taps {
            let tap = self.order[at];
            let value = if weights[tap] == 0.0 {
                0.0
            } else {
                left[at].round().clamp(-limit, limit)
            };
            rounded[tap] = value;
            let row = self.factor.row(at);
            let error = (left[at] - value) / row[at];
            for (weight, factor) in left[at + 1..].iter_mut().zip(row.iter().skip(at + 1)) {
                *weight -= error * factor;
            }
        }
        rounded
    }
}

/// Lower triangle `L` with `L L'` the matrix; none if that is not positive definite.
fn cholesky(mut matrix: Array2<f64>) -> Option<Array2<f64>> {
    let n = matrix.dim().0;
    for j in 0..n {
        for i in j..n {
            let (a, b) = (matrix.row(i), matrix.row(j));
            let products = a.iter().zip(b).take(j).map(|(x, y)| x * y);
            let value = matrix[(i, j)] - products.sum::<f64>();
            if i == j && !(value.is_finite() && value > 0.0) {
                return None;
            }
            matrix[(i, j)] = if i == j {
                value.sqrt()
            } else {
                value / matrix[(j, j)]
            };
        }
        for i in 0..j {
            matrix[(i, j)] = 0.0;
        }
    }
    Some(matrix)
}

/// Inverse of a lower triangle.
fn invert(lower: Array2<f64>) -> Array2<f64> {
    let n = lower.dim().0;
    // By rows of the transpose, which lie together in memory.
    let mut transposed = Array2::<f64>::zeros((n, n));
    for j in 0..n {
        transposed[(j, j)] = 1.0 / lower[(j, j)];
        for i in j + 1..n {
            let row = lower.row(i);
            let column = transposed.row(j);
            let products = row.iter().zip(column).take(i).skip(j).map(|(x, y)| x * y);
            let value = -products.sum::<f64>() / lower[(i, i)];
            transposed[(j, i)] = value;
        }
    }
    transposed.reversed_axes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    /// Covariance of inputs that go together.
    fn covariance(rng: &mut SmallRng, taps: usize) -> Array2<f64> {
        let mix = Array2::from_shape_simple_fn((taps, 3), || rng.random_range(-1.0..1.0));
        let own = Array2::from_diag(&Array1::from_elem(taps, 0.05));
        mix.dot(&mix.t()) + own
    }

    #[test]
    fn the_factor_is_one_of_the_inverse() {
        let rng = &mut SmallRng::seed_from_u64(1);
        let covariance = covariance(rng, 7);
        let adaptive = Adaptive::new(&covariance).unwrap();
        let damping = covariance.diag().sum() / 7.0 * DAMPING;
        let order = &adaptive.order;
        let damped = Array2::from_shape_fn((7, 7), |(i, j)| {
            covariance[(order[i], order[j])] + if i == j { damping } else { 0.0 }
        });
        let product = damped.dot(&adaptive.factor.t().dot(&adaptive.factor));
        for ((i, j), value) in product.indexed_iter() {
            let wanted = if i == j { 1.0 } else { 0.0 };
            assert!((value - wanted).abs() < 1e-9, "{i} {j} {value}");
            assert!(i <= j || adaptive.factor[(i, j)] == 0.0);
        }
    }

    #[test]
    fn errors_cancel_better_than_by_rounding_to_the_nearest() {
        let rng = &mut SmallRng::seed_from_u64(2);
        let (mut nearest, mut adapted) = (0.0, 0.0);
        for _ in 0..50 {
            let covariance = covariance(rng, 24);
            let weights = Array1::from_shape_simple_fn(24, || rng.random_range(-100.0..100.0));
            let cost = |rounded: &Array1<f64>| {
                let error = &weights - rounded;
                error.dot(&covariance.dot(&error))
            };
            nearest += cost(&weights.mapv(f64::round));
            let rounded = Adaptive::new(&covariance).unwrap().round(&weights, 127.0);
            assert!(rounded.iter().all(|w| w.fract() == 0.0 && w.abs() <= 127.0));
            adapted += cost(&rounded);
        }
        assert!(adapted < nearest / 3.0, "{adapted} of {nearest}");
    }

    #[test]
    fn zeros_stay_zeros() {
        let rng = &mut SmallRng::seed_from_u64(3);
        let adaptive = Adaptive::new(&covariance(rng, 24)).unwrap();
        for _ in 0..20 {
            let weights = Array1::from_shape_fn(24, |tap| match tap % 3 {
                0 => 0.0,
                _ => rng.random_range(-100.0..100.0),
            });
            let rounded = adaptive.round(&weights, 127.0);
            assert!(rounded.iter().step_by(3).all(|&w| w == 0.0), "{rounded}");
        }
    }

    #[test]
    fn what_is_no_covariance_is_refused() {
        assert!(Adaptive::new(&Array2::zeros((3, 3))).is_none());
        assert!(Adaptive::new(&Array2::from_elem((2, 2), f64::NAN)).is_none());
    }
}

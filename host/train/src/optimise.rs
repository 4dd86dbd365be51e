//! How weights follow their gradients.

use ndarray::{Array2, Zip};

/// Decay of Adam's mean of gradients, and of that of their squares.
const BETAS: [f32; 2] = [0.9, 0.999];
const EPSILON: f32 = 1e-8;

/// The rule by which weights move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimiser {
    /// Stochastic gradient descent.
    Sgd {
        /// Share of the last step that is taken again, 0 to below 1.
        momentum: f32,
    },
    /// Adam (Kingma and Ba, 2014), with its usual decays.
    Adam,
}

/// How the learning rate changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Falls linearly to 0 with the last step.
    Linear,
    /// Stays.
    Constant,
}

impl Schedule {
    /// Share of the first rate after a share of all steps.
    #[must_use]
    pub fn at(self, step: usize, steps: usize) -> f32 {
        match self {
            Schedule::Linear => 1.0 - step as f32 / steps.max(1) as f32,
            Schedule::Constant => 1.0,
        }
    }
}

/// What an optimiser remembers of one array of weights.
pub(crate) struct State {
    optimiser: Optimiser,
    mean: Array2<f32>,
    square: Array2<f32>,
    steps: i32,
}

impl State {
    pub(crate) fn new(optimiser: Optimiser, shape: (usize, usize)) -> State {
        State {
            optimiser,
            mean: Array2::zeros(shape),
            square: Array2::zeros(shape),
            steps: 0,
        }
    }

    /// Moves the weights.
    pub(crate) fn step(&mut self, weights: &mut Array2<f32>, gradient: &Array2<f32>, rate: f32) {
        self.steps = self.steps.saturating_add(1);
        match self.optimiser {
            Optimiser::Sgd { momentum } => {
                Zip::from(weights)
                    .and(&mut self.mean)
                    .and(gradient)
                    .for_each(|w, v, g| {
                        *v = momentum * *v - rate * g;
                        *w += *v;
                    });
            }
            Optimiser::Adam => {
                let [first, second] = BETAS;
                // Both means begin at 0 and are too small at first.
                let rate =
                    rate * (1.0 - second.powi(self.steps)).sqrt() / (1.0 - first.powi(self.steps));
                Zip::from(weights)
                    .and(&mut self.mean)
                    .and(&mut self.square)
                    .and(gradient)
                    .for_each(|w, m, s, g| {
                        *m = first * *m + (1.0 - first) * g;
                        *s = second * *s + (1.0 - second) * g * g;
                        *w -= rate * *m / (s.sqrt() + EPSILON);
                    });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Steps until w^2 + 4 v^2 is small, from (1, 1).
    fn minimise(optimiser: Optimiser, rate: f32) -> f32 {
        let mut weights = array![[1.0f32, 1.0]];
        let mut state = State::new(optimiser, (1, 2));
        for _ in 0..500 {
            let gradient = array![[2.0 * weights[(0, 0)], 8.0 * weights[(0, 1)]]];
            state.step(&mut weights, &gradient, rate);
        }
        weights.iter().fold(0.0, |most, w| w.abs().max(most))
    }

    #[test]
    fn they_go_down() {
        assert!(minimise(Optimiser::Sgd { momentum: 0.0 }, 0.05) < 1e-6);
        assert!(minimise(Optimiser::Sgd { momentum: 0.9 }, 0.02) < 1e-6);
        assert!(minimise(Optimiser::Adam, 0.02) < 1e-2);
    }

    #[test]
    fn adams_first_step_is_the_rate() {
        let mut weights = array![[0.0f32, 0.0]];
        let mut state = State::new(Optimiser::Adam, (1, 2));
        state.step(&mut weights, &array![[3.0, -0.01]], 0.1);
        assert!((weights[(0, 0)] + 0.1).abs() < 1e-4, "{weights}");
        assert!((weights[(0, 1)] - 0.1).abs() < 1e-4, "{weights}");
    }

    #[test]
    fn momentum_is_what_it_says() {
        let mut weights = array![[0.0f32]];
        let mut state = State::new(Optimiser::Sgd { momentum: 0.5 }, (1, 1));
        for wanted in [-1.0, -2.5, -4.25] {
            state.step(&mut weights, &array![[1.0]], 1.0);
            assert_eq!(weights[(0, 0)], wanted);
        }
    }

    #[test]
    fn the_rate_falls_to_nothing() {
        assert_eq!(Schedule::Linear.at(0, 10), 1.0);
        assert_eq!(Schedule::Linear.at(5, 10), 0.5);
        assert_eq!(Schedule::Linear.at(10, 10), 0.0);
        assert_eq!(Schedule::Constant.at(9, 10), 1.0);
    }
}

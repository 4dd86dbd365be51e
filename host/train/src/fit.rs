//! Learns the last layer: softmax and cross-entropy, dropout on the features, and after each epoch
//! a look at the validation samples with the weights as the pack will hold them.

use std::ops::ControlFlow;

use ndarray::{Array1, Array2, Axis};
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use serde::Serialize;

use crate::error::TrainError;
use crate::features::Samples;
use crate::head::{Head, Tally, rounded};
use crate::optimise::{Optimiser, Schedule, State};

/// Mean square length of a sample as the optimiser sees it: the features less their means, in a
/// common unit. With this one, rates that are usual for the last layer of SqueezeNet suit it.
const SQUARE: f32 = 32.0;

/// How the last layer is learnt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Most times that all training samples are gone through.
    pub epochs: usize,
    /// Epochs without a better one after which training ends.
    pub patience: usize,
    /// Samples of one step.
    pub batch: usize,
    /// The rule by which weights move.
    pub optimiser: Optimiser,
    /// Learning rate of the first step.
    pub rate: f32,
    /// How it changes.
    pub schedule: Schedule,
    /// Share of the features that are left out in each step, 0 to below 1.
    pub dropout: f32,
    /// What is added to the gradient of a weight, as a share of the weight.
    pub decay: f32,
    /// For the order of the samples and the features that are left out.
    pub seed: u64,
}

/// Figures of one epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Epoch {
    /// From 1.
    pub epoch: usize,
    /// Learning rate of its first step.
    pub rate: f32,
    /// Mean cross-entropy of the training samples, in nats, with dropout, while weights moved.
    pub loss: f64,
    /// Share of the training samples whose best class was theirs, 0 to 1.
    pub accuracy: f64,
    /// The same of the validation samples, without dropout, with the weights rounded to 8 bits.
    pub validation_loss: f64,
    /// Share of the validation samples whose best class is theirs, 0 to 1.
    pub validation_accuracy: f64,
}

/// What was learnt.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// The last layer after the best epoch.
    pub head: Head,
    /// All epochs.
    pub epochs: Vec<Epoch>,
    /// The best one, from 1: of those with the highest validation accuracy that with the least loss.
    pub best: usize,
}

/// Learns a score for each of `classes` classes; `report` is called after each epoch and may end the
/// training there.
///
/// # Errors
///
/// If the features are the same in all samples, or the loss is not finite any more.
pub fn fit(
    training: &Samples,
    validation: &Samples,
    classes: usize,
    options: &Options,
    mut report: impl FnMut(&Epoch) -> ControlFlow<()>,
) -> Result<Fitted, TrainError> {
    let unit = Unit::of(training)?;
    let (samples, held) = (unit.apply(training), unit.apply(validation));
    let channels = samples.ncols();
    let mut rng = SmallRng::seed_from_u64(options.seed);
    let mut weights = Array2::zeros((classes, channels));
    let mut bias = Array2::zeros((1, classes));
    let mut states = [
        State::new(options.optimiser, weights.dim()),
        State::new(options.optimiser, bias.dim()),
    ];
    let mut order: Vec<usize> = (0..training.len()).collect();
    let batch = options.batch.max(1);
    let steps = options.epochs * order.len().div_ceil(batch);
    let (mut step, mut epochs) = (0, Vec::<Epoch>::new());
    let mut best = (0, weights.clone(), bias.clone());
    for epoch in 1..=options.epochs {
        let rate = options.rate * options.schedule.at(step, steps);
        let mut tally = Tally::default();
        order.shuffle(&mut rng);
        for chosen in order.chunks(batch) {
            let mut input = samples.select(Axis(0), chosen);
            drop_out(&mut input, options.dropout, &mut rng);
            let own: Vec<usize> = chosen.iter().map(|&at| training.classes[at]).collect();
            let mut scores = input.dot(&weights.t()) + bias.row(0);
            tally.add(&mut scores, &own);
            scores /= chosen.len() as f32;
            let gradient = scores.t().dot(&input) + &weights * options.decay;
            let of_bias = scores.sum_axis(Axis(0)).insert_axis(Axis(0));
            let rate = options.rate * options.schedule.at(step, steps);
            states[0].step(&mut weights, &gradient, rate);
            states[1].step(&mut bias, &of_bias, rate);
            step += 1;
        }
        let (loss, accuracy) = tally.means();
        let mut tally = Tally::default();
        let mut scores = held.dot(&rounded(&weights).t()) + bias.row(0);
        tally.add(&mut scores, &validation.classes);
        let (validation_loss, validation_accuracy) = tally.means();
        if !(loss.is_finite() && validation_loss.is_finite()) {
            return Err(TrainError::Diverged { epoch });
        }
        epochs.push(Epoch {
            epoch,
            rate,
            loss,
            accuracy,
            validation_loss,
            validation_accuracy,
        });
        let now = &epochs[epoch - 1];
        let is_better = |than: &Epoch| {
            now.validation_accuracy > than.validation_accuracy
                || now.validation_accuracy == than.validation_accuracy
                    && now.validation_loss < than.validation_loss
        };
        if epoch == 1 || is_better(&epochs[best.0 - 1]) {
            best = (epoch, weights.clone(), bias.clone());
        }
        let ended = report(now).is_break();
        if ended || epoch - best.0 >= options.patience.max(1) {
            break;
        }
    }
    let (best, weights, bias) = best;
    Ok(Fitted {
        head: unit.head(&weights, &bias.row(0).to_owned()),
        epochs,
        best,
    })
}

/// Leaves features out, and makes the others as much larger, so that the mean stays. A feature less
/// its mean is 0 where it is left out, as if it were at its mean.
fn drop_out(input: &mut Array2<f32>, share: f32, rng: &mut SmallRng) {
    if share > 0.0 {
        let kept = 1.0 / (1.0 - share);
        input.mapv_inplace(|value| match rng.random::<f32>() < share {
            true => 0.0,
            false => value * kept,
        });
    }
}

/// Features less their means, in one unit for all. A unit for each feature would blow up those that
/// are nearly always 0, and with them the step of the weights.
struct Unit {
    means: Array1<f32>,
    unit: f32,
}

impl Unit {
    fn of(samples: &Samples) -> Result<Unit, TrainError> {
        let means = samples
            .features
            .mean_axis(Axis(0))
            .ok_or(TrainError::NoFeatures)?;
        let centred = &samples.features - &means;
        let square = centred.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
        let unit = (square / samples.len() as f64 / f64::from(SQUARE)).sqrt() as f32;
        match unit.is_normal() {
            true => Ok(Unit { means, unit }),
            false => Err(TrainError::NoFeatures),
        }
    }

    fn apply(&self, samples: &Samples) -> Array2<f32> {
        (&samples.features - &self.means) / self.unit
    }

    /// The last layer in steps of the map.
    fn head(&self, weights: &Array2<f32>, bias: &Array1<f32>) -> Head {
        let weights = weights / self.unit;
        Head {
            bias: bias - &weights.dot(&self.means),
            weights,
            means: self.means.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: Options = Options {
        epochs: 30,
        patience: 30,
        batch: 16,
        optimiser: Optimiser::Sgd { momentum: 0.9 },
        rate: 0.04,
        schedule: Schedule::Linear,
        dropout: 0.5,
        decay: 2e-4,
        seed: 1,
    };

    /// Samples of three classes, each with a few features of its own among noise.
    fn samples(count: usize, seed: u64) -> Samples {
        let mut rng = SmallRng::seed_from_u64(seed);
        let classes: Vec<usize> = (0..count).map(|n| n % 3).collect();
        let features = Array2::from_shape_fn((count, 20), |(sample, channel)| {
            let own = channel / 6 == classes[sample];
            rng.random_range(0.0..60.0) + if own { 40.0 } else { 0.0 }
        });
        Samples { features, classes }
    }

    #[test]
    fn both_optimisers_learn() {
        let (training, validation) = (samples(300, 1), samples(120, 2));
        for (optimiser, rate) in [(OPTIONS.optimiser, 0.04), (Optimiser::Adam, 0.01)] {
            let options = Options {
                optimiser,
                rate,
                ..OPTIONS
            };
            let fitted = fit(&training, &validation, 3, &options, |_| {
                ControlFlow::Continue(())
            })
            .unwrap();
            let found = fitted.head.accuracy(&validation);
            assert!(found > 0.95, "{optimiser:?}: {found}");
            assert_eq!(fitted.epochs.len(), 30);
            let best = &fitted.epochs[fitted.best - 1];
            assert!((best.validation_accuracy - found).abs() < 0.02);
            assert!(fitted.epochs[29].loss < fitted.epochs[0].loss);
        }
    }

    #[test]
    fn it_ends_early_and_on_request() {
        let (training, validation) = (samples(90, 1), samples(30, 2));
        let options = Options {
            epochs: 500,
            patience: 3,
            ..OPTIONS
        };
        let mut seen = 0;
        let fitted = fit(&training, &validation, 3, &options, |_| {
            seen += 1;
            ControlFlow::Continue(())
        });
        let fitted = fitted.unwrap();
        assert_eq!(fitted.epochs.len(), seen);
        assert_eq!(fitted.best + 3, seen);
        let broken = fit(&training, &validation, 3, &options, |_| {
            ControlFlow::Break(())
        });
        assert_eq!(broken.unwrap().epochs.len(), 1);
    }

    #[test]
    fn the_same_seed_gives_the_same_weights() {
        let (training, validation) = (samples(90, 1), samples(30, 2));
        let run = |seed| {
            let options = Options {
                epochs: 3,
                seed,
                ..OPTIONS
            };
            fit(&training, &validation, 3, &options, |_| {
                ControlFlow::Continue(())
            })
            .unwrap()
        };
        assert_eq!(run(1).head, run(1).head);
        assert_ne!(run(1).head, run(2).head);
    }

    #[test]
    fn what_cannot_be_learnt() {
        let mut same = samples(30, 1);
        same.features.fill(7.0);
        let go = |_: &Epoch| ControlFlow::Continue(());
        let error = fit(&same, &same, 3, &OPTIONS, go).unwrap_err();
        assert!(matches!(error, TrainError::NoFeatures), "{error}");
        let (training, validation) = (samples(90, 1), samples(30, 2));
        let wild = Options {
            rate: 1e30,
            ..OPTIONS
        };
        let error = fit(&training, &validation, 3, &wild, go).unwrap_err();
        assert!(error.to_string().contains("smaller --rate"), "{error}");
    }
}

//! What a network makes of pictures of known classes.

use firebrick_model::Model;
use firebrick_network::{Network, Picture};
use ndarray::Array2;
use rayon::prelude::*;
use serde::Serialize;

use crate::data::Item;
use crate::error::TrainError;
use crate::head::best;

/// How often pictures of each class were taken for each class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    /// Class of the picture, then class that was found.
    pub counts: Array2<u32>,
}

/// Figures of one class.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClassFigures {
    /// Pictures of the class.
    pub pictures: u32,
    /// Of these, those that were found to be of it.
    pub right: u32,
    /// Of the pictures that were taken for the class, the share that are of it; 0 if there are none.
    pub precision: f64,
    /// Of the pictures of the class, the share that were taken for it; 0 if there are none.
    pub recall: f64,
    /// Harmonic mean of both; 0 if they are.
    pub f1: f64,
}

impl Confusion {
    /// Classifies pictures with the integer model; `tick` is called after each. Those that cannot be
    /// read are passed over.
    ///
    /// # Errors
    ///
    /// If the network does not run.
    pub fn of(
        network: &Network,
        items: &[Item],
        tick: &(dyn Fn() + Sync),
    ) -> Result<Confusion, TrainError> {
        let model = Model::new(network)?;
        let one = |item: &Item| {
            let input =
                Picture::open(&item.path).and_then(|picture| picture.to_input(&network.input));
            let found = match input {
                Ok(input) => Some(best(model.logits(&input.view())?)),
                Err(_) => None,
            };
            tick();
            Ok(found)
        };
        let found: Vec<Option<usize>> = items
            .par_iter()
            .map(one)
            .collect::<Result<_, TrainError>>()?;
        let classes = network.classes();
        let mut counts = Array2::zeros((classes, classes));
        for (item, found) in items.iter().zip(found) {
            if let Some(found) = found {
                counts[(item.class, found)] += 1;
            }
        }
        Ok(Confusion { counts })
    }

    /// Number of pictures.
    #[must_use]
    pub fn pictures(&self) -> u32 {
        self.counts.sum()
    }

    /// Share of the pictures that were taken for what they are, 0 to 1.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        f64::from(self.counts.diag().sum()) / f64::from(self.pictures().max(1))
    }

    /// Figures of each class.
    #[must_use]
    pub fn classes(&self) -> Vec<ClassFigures> {
        let share = |part: u32, of: u32| match of {
            0 => 0.0,
            of => f64::from(part) / f64::from(of),
        };
        let of_class = |class: usize| {
            let right = self.counts[(class, class)];
            let pictures = self.counts.row(class).sum();
            let precision = share(right, self.counts.column(class).sum());
            let recall = share(right, pictures);
            let f1 = match precision + recall {
                0.0 => 0.0,
                sum => 2.0 * precision * recall / sum,
            };
            ClassFigures {
                pictures,
                right,
                precision,
                recall,
                f1,
            }
        };
        (0..self.counts.nrows()).map(of_class).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn figures_by_class() {
        let confusion = Confusion {
            counts: array![[3, 1, 0], [0, 2, 0], [0, 0, 0]],
        };
        assert_eq!(confusion.accuracy(), 5.0 / 6.0);
        let [a, b, c] = confusion.classes()[..] else {
            panic!()
        };
        assert_eq!(
            (a.pictures, a.right, a.precision, a.recall),
            (4, 3, 1.0, 0.75)
        );
        assert!((b.precision - 2.0 / 3.0).abs() < 1e-12 && b.recall == 1.0);
        assert!((b.f1 - 0.8).abs() < 1e-12);
        assert_eq!(
            (c.pictures, c.precision, c.recall, c.f1),
            (0, 0.0, 0.0, 0.0)
        );
    }
}

//! Float against integer network.

use std::fmt;

use firebrick_network::Network;
use firebrick_network::float::FloatNetwork;
use ndarray::Array3;
use rayon::prelude::*;

use crate::Outcome;

/// Counts over a set of pictures.
#[derive(Default)]
pub struct Comparison {
    pictures: usize,
    float: [usize; 2],
    integer: [usize; 2],
    same: usize,
    differing: Vec<usize>,
}

/// Classes by falling score; the lower index first where scores are equal.
fn ranking<T: PartialOrd>(scores: &[T]) -> Vec<usize> {
    let mut classes: Vec<usize> = (0..scores.len()).collect();
    classes.sort_by(|&a, &b| {
        scores[b]
            .partial_cmp(&scores[a])
            .unwrap_or(std::cmp::Ordering::Equal)
            .then(a.cmp(&b))
    });
    classes
}

/// Runs both networks over all pictures.
pub fn compare(
    float: &FloatNetwork,
    integer: &Network,
    inputs: &[Array3<u8>],
    classes: &[usize],
) -> Outcome<Comparison> {
    let rankings = inputs
        .par_iter()
        .map(|input| {
            let maps = float.forward(input.view()).map_err(|e| e.to_string())?;
            let scores: Vec<f32> = maps
                .last()
                .map_or(Vec::new(), |m| m.iter().copied().collect());
            let sums = crate::integer::logits(integer, input).ok_or("a picture is too small")?;
            Ok((ranking(&scores), ranking(&sums)))
        })
        .collect::<Result<Vec<_>, String>>()?;
    let mut counts = Comparison {
        pictures: inputs.len(),
        ..Comparison::default()
    };
    for (picture, ((float, integer), class)) in rankings.iter().zip(classes).enumerate() {
        for (ranking, count) in [(float, &mut counts.float), (integer, &mut counts.integer)] {
            count[0] += usize::from(ranking[..1].contains(class));
            count[1] += usize::from(ranking[..5].contains(class));
        }
        if float[0] == integer[0] {
            counts.same += 1;
        } else {
            counts.differing.push(picture);
        }
    }
    Ok(counts)
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "of {} pictures: float top-1 {}, top-5 {}; integer top-1 {}, top-5 {}; \
             same top-1 {} (all but pictures {:?})",
            self.pictures,
            self.float[0],
            self.float[1],
            self.integer[0],
            self.integer[1],
            self.same,
            self.differing
        )
    }
}

//! Float against integer network.

use std::fmt;

use firebrick_network::float::FloatNetwork;
use firebrick_network::{Network, Op};
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
    logit_error: f64,
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

/// Root of the squared error of the logits, relative to the float logits.
fn logit_error(scores: &[f32], sums: &[i32], step: f64) -> f64 {
    let pairs = scores
        .iter()
        .zip(sums)
        .map(|(&s, &q)| (f64::from(s), f64::from(q) * step));
    let (error, whole) = pairs.fold((0.0, 0.0), |(error, whole), (s, q)| {
        (error + (s - q).powi(2), whole + s.powi(2))
    });
    (error / whole).sqrt()
}

/// Real value of one step of the sums: the last convolution's scale over the number of pixels.
fn sum_step(network: &Network, input: &Array3<u8>) -> Result<f64, String> {
    let (height, width, _) = input.dim();
    let shapes = network.shapes(height, width).map_err(|e| e.to_string())?;
    let last = network
        .nodes
        .iter()
        .zip(&shapes)
        .rev()
        .find_map(|(node, shape)| match &node.op {
            Op::Conv(conv) => {
                Some(f64::from(conv.output_scale) / (shape.height * shape.width) as f64)
            }
            _ => None,
        });
    last.ok_or_else(|| "the network has no convolution".to_owned())
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
            let error = logit_error(&scores, &sums, sum_step(integer, input)?);
            Ok((ranking(&scores), ranking(&sums), error))
        })
        .collect::<Result<Vec<_>, String>>()?;
    let mut counts = Comparison {
        pictures: inputs.len(),
        ..Comparison::default()
    };
    for (picture, ((float, integer, error), class)) in rankings.iter().zip(classes).enumerate() {
        for (ranking, count) in [(float, &mut counts.float), (integer, &mut counts.integer)] {
            count[0] += usize::from(ranking[..1].contains(class));
            count[1] += usize::from(ranking[..5].contains(class));
        }
        counts.logit_error += error / inputs.len() as f64;
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
             same top-1 {} (all but pictures {:?}); logit error {:.2} %",
            self.pictures,
            self.float[0],
            self.float[1],
            self.integer[0],
            self.integer[1],
            self.same,
            self.differing,
            self.logit_error * 100.0
        )
    }
}

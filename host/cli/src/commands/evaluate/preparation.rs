//! Whether the float network is right far more often with another preparation of pictures: then
//! the comparison with it says nothing, since both get the same wrong pixels.

use std::fmt;
use std::ops::Range;

use firebrick_network::Picture;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::reference::Reference;
use crate::error::CliError;
use crate::pictures::{self, Labelled};
use crate::preparations::Preparation;

/// Labelled pictures that are looked at.
const PICTURES: usize = 48;
/// Pictures below which nothing is said.
const LEAST: usize = 16;
/// Share of the pictures by which another way must be right more often.
const MARGIN: f64 = 0.08;
/// Standard deviations of chance that the difference must have.
const SIGNIFICANT: f64 = 2.0;

/// A better way.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct Better {
    /// Arguments of `firebrick import` that choose it.
    arguments: String,
    /// Pictures that were looked at.
    pictures: usize,
    /// Float top-1 with the packed model's own preparation.
    own_top1: f64,
    /// Float top-1 with this one.
    top1: f64,
}

impl fmt::Display for Better {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the float network is right on {:.0} % of {} pictures as the packed model prepares \
             them, and on {:.0} % with {}: the network was probably trained so. Import it again \
             with these arguments; agreement with the float network says nothing of this, as both \
             get the same pixels.",
            100.0 * self.own_top1,
            self.pictures,
            100.0 * self.top1,
            self.arguments,
        )
    }
}

/// The best other way, if it is much better.
pub fn better(reference: &Reference, listed: &[Labelled]) -> Result<Option<Better>, CliError> {
    // Unreadable pictures were reported already.
    let listed = pictures::spread(listed.to_vec(), PICTURES);
    let (classes, pictures): (Vec<usize>, Vec<Picture>) = listed
        .par_iter()
        .filter_map(|p| Some((p.class, Picture::open(&p.path).ok()?)))
        .unzip();
    if pictures.len() < LEAST {
        return Ok(None);
    }
    let right = |way: &Preparation, part: Range<usize>| {
        let scores = way.scores(reference.network(), &pictures[part.clone()])?;
        let found = scores.iter().zip(&classes[part]);
        let right = found.map(|(scores, &class)| best(scores) == Some(class));
        Ok::<_, CliError>(right.collect::<Vec<bool>>())
    };
    let half = pictures.len() / 2;
    let present = right(&reference.preparation(), 0..pictures.len())?;
    let share = |right: &[bool]| right.iter().filter(|r| **r).count() as f64 / right.len() as f64;
    let mut best: Option<Better> = None;
    for way in reference.other_preparations() {
        let mut other = right(&way, 0..half)?;
        // Only where they differ do they say anything. What is behind halfway stays there.
        let (gained, lost) = differences(&present, &other);
        if gained <= lost {
            continue;
        }
        other.extend(right(&way, half..pictures.len())?);
        let (gained, lost) = differences(&present, &other);
        let far = gained - lost > MARGIN * pictures.len() as f64
            && gained - lost > SIGNIFICANT * (gained + lost).sqrt();
        let found = Better {
            arguments: way.flags,
            pictures: pictures.len(),
            own_top1: share(&present),
            top1: share(&other),
        };
        if far && best.as_ref().is_none_or(|b| found.top1 > b.top1 + MARGIN) {
            best = Some(found);
        }
    }
    Ok(best)
}

/// Pictures on which only the second is right, and on which only the first is.
fn differences(first: &[bool], second: &[bool]) -> (f64, f64) {
    let count = |wanted: (bool, bool)| {
        let pairs = first.iter().zip(second);
        pairs.filter(|(a, b)| (**a, **b) == wanted).count() as f64
    };
    (count((false, true)), count((true, false)))
}

fn best(scores: &[f32]) -> Option<usize> {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    scores.iter().position(|&s| s == most)
}

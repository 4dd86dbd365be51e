//! Counts over pictures, as Markdown and JSON.

use std::collections::BTreeMap;
use std::fmt::Write;

use schemars::JsonSchema;
use serde::Serialize;

use super::preparation::Better;
use crate::output::{percent, table};
use crate::pictures;
use crate::target::Target;

/// What the networks said of one picture.
pub struct Found {
    class: usize,
    ranking: Ranking,
    float: Option<Ranking>,
    /// Mean difference of the scores, relative to the mean size of the float scores.
    error: Option<f64>,
}

/// The five best classes of a picture, best first; the lower class first among equals.
struct Ranking(Vec<usize>);

impl Ranking {
    fn of(scores: &[f64]) -> Ranking {
        let mut classes: Vec<usize> = (0..scores.len()).collect();
        classes.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
        classes.truncate(5);
        Ranking(classes)
    }

    fn first(&self) -> Option<usize> {
        self.0.first().copied()
    }
}

impl Found {
    pub fn of(class: usize, scores: &[f64], float: Option<&[f64]>) -> Found {
        let error = float.map(|float| {
            let difference: f64 = scores.iter().zip(float).map(|(a, b)| (a - b).abs()).sum();
            difference
                / float
                    .iter()
                    .map(|f| f.abs())
                    .sum::<f64>()
                    .max(f64::MIN_POSITIVE)
        });
        Found {
            class,
            ranking: Ranking::of(scores),
            float: float.map(Ranking::of),
            error,
        }
    }
}

/// Shares of pictures for which the right class is the best, or among the best five.
#[derive(Debug, PartialEq, JsonSchema, Serialize)]
pub struct Accuracy {
    top1: f64,
    top5: f64,
}

impl Accuracy {
    fn of<'a>(pictures: impl Iterator<Item = (usize, &'a Ranking)>) -> Accuracy {
        let (mut count, mut first, mut five) = (0usize, 0usize, 0usize);
        for (class, ranking) in pictures {
            count += 1;
            first += usize::from(ranking.first() == Some(class));
            five += usize::from(ranking.0.contains(&class));
        }
        let share = |n: usize| n as f64 / count.max(1) as f64;
        Accuracy {
            top1: share(first),
            top5: share(five),
        }
    }
}

/// A class and what it was taken for.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Worst {
    class: usize,
    label: String,
    pictures: usize,
    right: usize,
    /// Class, label and number of pictures, most first.
    taken_for: Vec<(usize, String, usize)>,
}

/// The whole report.
#[derive(JsonSchema, Serialize)]
pub struct Report {
    network: String,
    model: String,
    backend: String,
    preset: String,
    reference: Option<String>,
    height: usize,
    width: usize,
    pictures: usize,
    failed: usize,
    accuracy: Accuracy,
    float: Option<Accuracy>,
    /// Share of pictures for which both have the same best class.
    same_top1: Option<f64>,
    /// Mean of the scores' relative error.
    score_error: Option<f64>,
    /// A preparation of pictures with which the float network is right far more often.
    pub better_preparation: Option<Better>,
    worst: Vec<Worst>,
    /// Scores of the float model with those of the packed one, of classes over the whole ranking
    /// of pictures that are spread over the list; empty without a float model.
    pub scores: Vec<(f64, f64)>,
}

/// Most pairs of scores.
pub const PAIRS: usize = 500;
/// Classes of a picture that are paired.
const CLASSES: usize = 20;

/// Scores of both models, for classes from the best of the float model to the last.
pub fn pairs(scores: &[f64], float: &[f64]) -> Vec<(f64, f64)> {
    let mut order: Vec<usize> = (0..float.len().min(scores.len())).collect();
    order.sort_by(|&a, &b| float[b].total_cmp(&float[a]).then(a.cmp(&b)));
    let count = order.len().min(CLASSES);
    let last = order.len().saturating_sub(1);
    let places = (0..count).map(|index| index * last / count.saturating_sub(1).max(1));
    places
        .map(|place| (float[order[place]], scores[order[place]]))
        .collect()
}

/// Those of pictures that are spread over the list.
pub fn spread(pairs: &[Vec<(f64, f64)>]) -> Vec<(f64, f64)> {
    let kept = pictures::spread(pairs.iter().collect(), PAIRS / CLASSES);
    kept.into_iter().flatten().copied().collect()
}

impl Report {
    pub fn new(
        target: &Target,
        model: String,
        backend: String,
        reference: Option<String>,
        failed: usize,
        found: &[Found],
        worst: usize,
    ) -> Report {
        let mean = |value: &dyn Fn(&Found) -> f64| {
            found.iter().map(value).sum::<f64>() / found.len().max(1) as f64
        };
        let has_float = reference.is_some() && !found.is_empty();
        let same = |f: &Found| {
            f64::from(
                f.float
                    .as_ref()
                    .is_some_and(|r| r.first() == f.ranking.first()),
            )
        };
        let floats = found
            .iter()
            .filter_map(|f| Some((f.class, f.float.as_ref()?)));
        Report {
            network: target.network.name.clone(),
            model,
            backend,
            preset: target.config().name.clone(),
            reference,
            height: target.size.height,
            width: target.size.width,
            pictures: found.len(),
            failed,
            accuracy: Accuracy::of(found.iter().map(|f| (f.class, &f.ranking))),
            float: has_float.then(|| Accuracy::of(floats)),
            same_top1: has_float.then(|| mean(&same)),
            score_error: has_float.then(|| mean(&|f| f.error.unwrap_or(0.0))),
            better_preparation: None,
            worst: worst_classes(target, found, worst),
            scores: Vec::new(),
        }
    }

    pub fn markdown(&self) -> String {
        let mut text = format!("# {} at {}x{}\n\n", self.network, self.height, self.width);
        let _ = writeln!(
            text,
            "{} pictures; {} on {}.",
            self.pictures,
            self.model,
            match self.backend.as_str() {
                "model" => "the integer model".to_owned(),
                backend => format!("the engine {backend}, {}", self.preset),
            }
        );
        if self.failed > 0 {
            let _ = writeln!(text, "{} pictures could not be read.", self.failed);
        }
        let mut rows = table(&["network", "top-1#", "top-5#"]);
        let mut row = |name: &str, accuracy: &Accuracy| {
            rows.add_row([
                name.to_owned(),
                percent(accuracy.top1),
                percent(accuracy.top5),
            ]);
        };
        if let (Some(name), Some(float)) = (&self.reference, &self.float) {
            row(&format!("float: {name}"), float);
        }
        row("packed", &self.accuracy);
        let _ = writeln!(text, "\n{rows}");
        if let (Some(same), Some(error)) = (self.same_top1, self.score_error) {
            let _ = writeln!(
                text,
                "\nThe same best class as the float network: {}. Mean error of a score: {} of the \
                 mean score.",
                percent(same),
                percent(error)
            );
        }
        if let Some(better) = &self.better_preparation {
            let _ = writeln!(text, "\nWarning: {better}");
        }
        if !self.worst.is_empty() {
            let mut rows = table(&["class", "right#", "taken for"]);
            for worst in &self.worst {
                let taken = worst
                    .taken_for
                    .iter()
                    .map(|(class, label, count)| format!("{count} x {label} ({class})"));
                rows.add_row([
                    format!("{} ({})", worst.label, worst.class),
                    format!("{} of {}", worst.right, worst.pictures),
                    taken.collect::<Vec<_>>().join(", "),
                ]);
            }
            let _ = writeln!(text, "\nThe worst classes:\n\n{rows}");
        }
        text
    }
}

/// The classes with the smallest share of right answers, of those with any wrong one.
fn worst_classes(target: &Target, found: &[Found], most: usize) -> Vec<Worst> {
    let mut classes: BTreeMap<usize, BTreeMap<usize, usize>> = BTreeMap::new();
    for picture in found {
        if let Some(best) = picture.ranking.first() {
            *classes
                .entry(picture.class)
                .or_default()
                .entry(best)
                .or_default() += 1;
        }
    }
    let label = |class: usize| {
        target
            .network
            .labels
            .get(class)
            .cloned()
            .unwrap_or_default()
    };
    let mut worst: Vec<Worst> = classes
        .into_iter()
        .map(|(class, answers)| {
            let right = answers.get(&class).copied().unwrap_or(0);
            let wrong = answers.iter().filter(|(answer, _)| **answer != class);
            let mut taken_for: Vec<_> = wrong
                .map(|(&answer, &count)| (answer, label(answer), count))
                .collect();
            taken_for.sort_by_key(|(answer, _, count)| (std::cmp::Reverse(*count), *answer));
            Worst {
                class,
                label: label(class),
                pictures: answers.values().sum(),
                right,
                taken_for,
            }
        })
        .filter(|w| w.right < w.pictures)
        .collect();
    // Shares as fractions, compared exactly; more pictures first among equals.
    worst.sort_by(|a, b| {
        (a.right * b.pictures)
            .cmp(&(b.right * a.pictures))
            .then(b.pictures.cmp(&a.pictures))
            .then(a.class.cmp(&b.class))
    });
    worst.truncate(most);
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_go_from_the_best_to_the_last() {
        let float: Vec<f64> = (0..100).map(f64::from).collect();
        let scores: Vec<f64> = float.iter().map(|f| f + 0.5).collect();
        let found = pairs(&scores, &float);
        assert_eq!(found.len(), CLASSES);
        assert_eq!((found[0], found[CLASSES - 1]), ((99.0, 99.5), (0.0, 0.5)));
        assert_eq!(pairs(&[1.0], &[2.0]), [(2.0, 1.0)]);
        assert_eq!(spread(&vec![found; 100]).len(), PAIRS);
    }

    #[test]
    fn rankings_and_shares() {
        let found = [
            Found::of(1, &[0.0, 2.0, 1.0], Some(&[0.0, 2.0, 1.0])),
            Found::of(0, &[1.0, 1.0, 3.0], Some(&[4.0, 1.0, 3.0])),
        ];
        assert_eq!(found[1].ranking.0, [2, 0, 1]);
        let accuracy = Accuracy::of(found.iter().map(|f| (f.class, &f.ranking)));
        assert_eq!(
            accuracy,
            Accuracy {
                top1: 0.5,
                top5: 1.0
            }
        );
        assert_eq!(found[0].error, Some(0.0));
        assert_eq!(found[1].error, Some(3.0 / 8.0));
    }
}

//! Other ways to prepare pictures than the chosen one, and what a float network makes of them:
//! weights that were trained with one way lose a third of their accuracy with another, and nothing
//! else shows it.

#[cfg(test)]
mod tests;

use firebrick_network::float::FloatNetwork;
use firebrick_network::{Input, Normalise, Picture, PixelOrder, Preprocess, ResizePolicy};
use ndarray::{ArrayView3, s};
use rayon::prelude::*;

use crate::error::CliError;

/// A way to prepare pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Preparation {
    /// Arguments of `firebrick import` that choose it.
    pub flags: String,
    input: Input,
    normalise: Normalise,
}

impl Preparation {
    /// That of a network.
    pub fn of(network: &FloatNetwork, input: Input) -> Preparation {
        Preparation {
            flags: String::new(),
            input,
            normalise: network.normalise,
        }
    }

    /// The network with this preparation.
    fn prepared(&self, network: &FloatNetwork) -> FloatNetwork {
        FloatNetwork {
            normalise: self.normalise,
            ..network.clone()
        }
    }

    /// The scores of a network that gets its pixels so.
    pub fn scores(
        &self,
        network: &FloatNetwork,
        pictures: &[Picture],
    ) -> Result<Vec<Vec<f32>>, CliError> {
        let network = self.prepared(network);
        pictures
            .par_iter()
            .map(|picture| {
                let pixels = picture.to_input(&self.input)?;
                last_map(&network, pixels.view())
            })
            .collect()
    }

    /// The same for each picture and its mirror image.
    pub fn mirrored_scores(
        &self,
        network: &FloatNetwork,
        pictures: &[Picture],
    ) -> Result<Vec<[Vec<f32>; 2]>, CliError> {
        let network = self.prepared(network);
        pictures
            .par_iter()
            .map(|picture| {
                let pixels = picture.to_input(&self.input)?;
                let mirrored = pixels.slice(s![.., ..;-1, ..]);
                Ok([
                    last_map(&network, pixels.view())?,
                    last_map(&network, mirrored)?,
                ])
            })
            .collect()
    }
}

fn last_map(network: &FloatNetwork, pixels: ArrayView3<'_, u8>) -> Result<Vec<f32>, CliError> {
    let maps = network.forward(pixels)?;
    let last = maps.last().map(|m| m.iter().copied().collect());
    Ok(last.unwrap_or_default())
}

/// The usual ways other than `chosen`, the likeliest first. `own` is what the graph does to its
/// input itself, behind them.
pub fn others(chosen: &Preparation, own: Option<Normalise>) -> Vec<Preparation> {
    let size = chosen
        .input
        .inner([chosen.input.height, chosen.input.width]);
    let flat = |order, std: f32| Preprocess {
        order,
        normalise: Normalise {
            mean: [0.0; 3],
            std: [std; 3],
        },
        resize: chosen.input.resize,
    };
    let units = |order| {
        (
            flat(order, 255.0),
            format!("{} --mean 0,0,0 --std 255,255,255", flag(order)),
        )
    };
    let (rgb, bgr) = (PixelOrder::Rgb, PixelOrder::Bgr);
    let raw = |order| {
        (
            flat(order, 1.0),
            format!("{} --mean 0,0,0 --std 1,1,1", flag(order)),
        )
    };
    let mut ways = match own {
        // A mean would be taken off twice.
        Some(_) => vec![units(rgb), units(bgr), raw(rgb), raw(bgr)],
        None => {
            let symmetric = Preprocess {
                normalise: Normalise {
                    mean: [127.5; 3],
                    std: [127.5; 3],
                },
                ..flat(rgb, 1.0)
            };
            vec![
                (Preprocess::CAFFE, "--preprocess caffe".to_owned()),
                (
                    Preprocess::TORCHVISION.at(size),
                    "--preprocess torchvision".to_owned(),
                ),
                units(rgb),
                (
                    symmetric,
                    "--order rgb --mean 127.5,127.5,127.5 --std 127.5,127.5,127.5".to_owned(),
                ),
                raw(bgr),
            ]
        }
    };
    if own.is_none() {
        ways.push(swapped(chosen));
    }
    let own = own.unwrap_or(Normalise::NONE);
    if chosen.input.order == PixelOrder::Grey {
        // One mean and deviation for all channels, and nothing to swap.
        ways.retain(|(way, _)| way.normalise.mean[0] == way.normalise.mean[2]);
        for (way, flags) in &mut ways {
            way.order = PixelOrder::Grey;
            *flags = flags
                .trim_start_matches("--order rgb ")
                .trim_start_matches("--order bgr ")
                .to_owned();
        }
    }
    ways.into_iter()
        .map(|(way, flags)| {
            let normalise = way.normalise.then(&own);
            Preparation {
                flags,
                input: Input {
                    order: way.order,
                    resize: way.resize,
                    border: chosen.input.border.of(&normalise),
                    ..chosen.input
                },
                normalise,
            }
        })
        .filter(|way| !way.is_like(chosen))
        .filter(|way| match way.input.resize {
            ResizePolicy::CropCenter { short } => short >= size[0].max(size[1]),
            ResizePolicy::Squash => true,
        })
        .collect()
}

/// The same way with red and blue exchanged.
fn swapped(chosen: &Preparation) -> (Preprocess, String) {
    let turn = |v: [f32; 3]| [v[2], v[1], v[0]];
    let way = Preprocess {
        order: match chosen.input.order {
            PixelOrder::Rgb => PixelOrder::Bgr,
            PixelOrder::Bgr => PixelOrder::Rgb,
            PixelOrder::Grey => PixelOrder::Grey,
        },
        normalise: Normalise {
            mean: turn(chosen.normalise.mean),
            std: turn(chosen.normalise.std),
        },
        resize: chosen.input.resize,
    };
    let Normalise { mean, std } = way.normalise;
    let flags = format!(
        "{} --mean {} --std {}",
        flag(way.order),
        list(mean),
        list(std)
    );
    (way, flags)
}

impl Preparation {
    /// Whether both give the same pixels, or nearly.
    fn is_like(&self, other: &Preparation) -> bool {
        let near = |a: &[f32; 3], b: &[f32; 3]| {
            a.iter()
                .zip(b)
                .all(|(a, b)| (a - b).abs() <= 1e-3 * a.abs().max(1.0))
        };
        self.input.order == other.input.order
            && near(&self.normalise.mean, &other.normalise.mean)
            && near(&self.normalise.std, &other.normalise.std)
    }
}

fn flag(order: PixelOrder) -> &'static str {
    match order {
        PixelOrder::Rgb => "--order rgb",
        PixelOrder::Bgr => "--order bgr",
        PixelOrder::Grey => "",
    }
}

fn list(values: [f32; 3]) -> String {
    let rounded = values.map(|v| ((f64::from(v) * 1e4).round() / 1e4).to_string());
    rounded.join(",")
}

/// How far a picture's best class stands out: its score's distance from the mean of all scores,
/// in their standard deviations. A probability would not do: pixels that are 58 times too large
/// make any network sure of whatever it sees.
pub fn prominence(scores: &[f32]) -> f64 {
    let count = scores.len().max(1) as f64;
    let mean = scores.iter().map(|&s| f64::from(s)).sum::<f64>() / count;
    let variance = scores
        .iter()
        .map(|&s| (f64::from(s) - mean).powi(2))
        .sum::<f64>()
        / count;
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    match variance > 0.0 {
        true => (f64::from(most) - mean) / variance.sqrt(),
        false => 0.0,
    }
}

/// Part of the probability that is spread over all classes before its logarithm is taken: one
/// photograph then cannot outweigh all others.
const SPREAD: f64 = 1e-3;

/// What the answer for one view of a picture tells about the answer for the other, in nats, for each
/// picture: the mean gain in log-likelihood over answering with the mean of all answers. It falls
/// below zero if the network is sure and contradicts itself (pixels far too large), and is near
/// zero if it is sure of nothing (far too small) or says the same of every picture.
pub fn information(views: &[[Vec<f32>; 2]]) -> Vec<f64> {
    let answers: Vec<[Vec<f64>; 2]> = views
        .iter()
        .map(|pair| [softmax(&pair[0]), softmax(&pair[1])])
        .collect();
    let classes = answers.first().map_or(0, |[one, _]| one.len());
    let floor = SPREAD / classes.max(1) as f64;
    let blurred = |p: f64| ((1.0 - SPREAD) * p + floor).ln();
    let mut usual = vec![0.0; classes];
    for answer in answers.iter().flatten() {
        for (sum, p) in usual.iter_mut().zip(answer) {
            *sum += p / (2 * answers.len()) as f64;
        }
    }
    let usual: Vec<f64> = usual.into_iter().map(blurred).collect();
    let told = |by: &[f64], of: &[f64]| {
        let parts = by.iter().zip(of).zip(&usual);
        parts
            .map(|((&by, of), usual)| of * (blurred(by) - usual))
            .sum::<f64>()
    };
    answers
        .iter()
        .map(|[one, other]| (told(one, other) + told(other, one)) / 2.0)
        .collect()
}

fn softmax(scores: &[f32]) -> Vec<f64> {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = scores
        .iter()
        .map(|&s| (f64::from(s) - f64::from(most)).exp())
        .collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|p| p / sum).collect()
}

/// The mean of many, and its standard error.
pub fn mean(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let values: Vec<f64> = values.collect();
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let spread = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
    (mean, (spread / (count * (count - 1.0).max(1.0))).sqrt())
}

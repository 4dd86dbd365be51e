//! How pictures are prepared for a model that does not say: what its names and its own figures
//! give away. Other commands measure whether it is right.

use super::{ImportError, Options};
use crate::graph::{Normalise, PixelOrder};
use crate::preprocess::Preprocess;

/// How far a mean in a graph may lie from a known one, in steps of a pixel.
const NEAR: f32 = 3.0;

/// Pixels from 0 to 1, red first, both axes scaled.
const UNITS: Preprocess = Preprocess {
    order: PixelOrder::Rgb,
    normalise: Normalise {
        mean: [0.0; 3],
        std: [255.0; 3],
    },
    resize: crate::graph::ResizePolicy::Squash,
};

/// What the file gives away.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evidence {
    /// Whether its weights bear torchvision's names.
    pub torchvision: bool,
    /// Whether it takes grey pictures.
    pub grey: bool,
    /// Whether its framework has red first and pixels from 0 to 1 by custom, as Keras has.
    pub units: bool,
    /// The order of colours, if the file says it.
    pub order: Option<PixelOrder>,
    /// What the graph does to its input itself.
    pub own: Option<Normalise>,
}

/// The preparation that is usual for a file, and a sentence that says why it was chosen if that is
/// not the default.
pub fn usual(evidence: Evidence) -> (Preprocess, Option<String>) {
    let named = match (evidence.grey, evidence.units, evidence.torchvision) {
        (true, ..) => Preprocess {
            order: PixelOrder::Grey,
            ..UNITS
        },
        (_, true, _) => UNITS,
        (_, _, true) => Preprocess::TORCHVISION,
        (_, _, false) => Preprocess::CAFFE,
    };
    let Some(own) = evidence.own else {
        if evidence.grey {
            let note = "The network takes grey pictures, as pixels from 0 to 1 (--mean and --std say \
                        otherwise, of pixels from 0 to 255: three equal figures each).";
            return (named, Some(note.to_owned()));
        }
        if evidence.units {
            let note = "The model does not normalise its input itself: pictures are prepared as Keras's \
                        examples do, red first, pixels from 0 to 1 (--preprocess, --order, --mean and \
                        --std say otherwise, of pixels from 0 to 255).";
            return (named, Some(note.to_owned()));
        }
        let note = evidence.torchvision.then(|| {
            "The weights bear torchvision's names, so pictures are prepared as torchvision does \
             (--preprocess caffe otherwise)."
                .to_owned()
        });
        return (named, note);
    };
    // The graph does the rest: what it takes are raw pixels, or pixels from 0 to 1.
    let mut before = Normalise::NONE;
    let mut why = Vec::new();
    if own.takes_units() {
        before.std = [255.0; 3];
        why.push(
            "its mean and deviation are of pixels from 0 to 1, so pixels are divided by 255 first \
             (--std 1,1,1 otherwise)",
        );
    }
    let mean = before.then(&own).mean;
    let known = |preset: Preprocess| {
        let turned = |order| match order {
            PixelOrder::Rgb => PixelOrder::Bgr,
            PixelOrder::Bgr => PixelOrder::Rgb,
            PixelOrder::Grey => PixelOrder::Grey,
        };
        let near = |wanted: [f32; 3]| mean.iter().zip(wanted).all(|(a, b)| (a - b).abs() < NEAR);
        let [a, b, c] = preset.normalise.mean;
        match (near([a, b, c]), near([c, b, a])) {
            (true, _) => Some(preset),
            (_, true) => Some(Preprocess {
                order: turned(preset.order),
                ..preset
            }),
            _ => None,
        }
    };
    // The two means are alike; a deviation tells them apart.
    let divides = before.then(&own).std.iter().any(|s| (s - 1.0).abs() > 0.01);
    let likely = match divides {
        true => Preprocess::TORCHVISION,
        false => Preprocess::CAFFE,
    };
    let preset = match known(likely).filter(|_| !evidence.grey) {
        Some(preset) => {
            why.push("its mean is ImageNet's, which tells the order of the colours");
            preset
        }
        None => named,
    };
    let note =
        (!why.is_empty()).then(|| format!("Of the graph's own figures: {}.", why.join("; ")));
    let preset = Preprocess {
        normalise: before,
        ..preset
    };
    (preset, note)
}

/// The preparation of pictures from what was asked for, what the file gives away, and what the
/// graph does itself behind it; for an input of `size`.
pub fn choose(
    options: &Options,
    evidence: Evidence,
    size: [usize; 2],
) -> Result<(Preprocess, Vec<String>), ImportError> {
    let (usual, why) = usual(evidence);
    let mut notes: Vec<String> = why
        .filter(|_| options.preset.is_none())
        .into_iter()
        .collect();
    let mut result = options.preset.unwrap_or(usual).at(size);
    result.order = match evidence.grey {
        true => PixelOrder::Grey,
        false => options.order.or(evidence.order).unwrap_or(result.order),
    };
    result.resize = options.resize.unwrap_or(result.resize);
    result.normalise.mean = options.mean.unwrap_or(result.normalise.mean);
    result.normalise.std = options.std.unwrap_or(result.normalise.std);
    let Normalise { mean, std } = result.normalise;
    if !result.normalise.is_valid() {
        return Err(ImportError::new(
            "the normalisation",
            format!("mean {mean:?} and deviation {std:?} are not usable"),
            "give finite numbers, and positive ones for the deviation",
        ));
    }
    if let Some(own) = evidence.own {
        let subtracts = |mean: &[f32; 3]| mean.iter().any(|&m| m != 0.0);
        if subtracts(&mean) && subtracts(&own.mean) {
            return Err(ImportError::new(
                "the graph",
                format!(
                    "subtracts the mean {:?} itself, and {mean:?} is to be subtracted before: the \
                     mean would be taken off twice",
                    own.mean
                ),
                "leave out --preprocess and --mean (--order and --resize may stay), or take the \
                 subtraction out of the graph",
            ));
        }
        result.normalise = result.normalise.then(&own);
        notes.push(format!(
            "The graph normalises its input itself; of raw pixels, {:?} is taken off in all, and \
             what is left divided by {:?}.",
            result.normalise.mean, result.normalise.std
        ));
    }
    Ok((result, notes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::ResizePolicy;

    fn of(mean: [f32; 3], std: [f32; 3]) -> Preprocess {
        usual(Evidence {
            torchvision: false,
            grey: false,
            units: false,
            order: None,
            own: Some(Normalise { mean, std }),
        })
        .0
    }

    #[test]
    fn figures_of_a_graph_say_what_it_takes() {
        let unit = of([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
        assert_eq!(unit.normalise.std, [255.0; 3]);
        assert_eq!(unit.order, PixelOrder::Rgb);
        assert_eq!(unit.resize, ResizePolicy::CropCenter { short: 256 });
        let turned = of([0.406, 0.456, 0.485], [0.225, 0.224, 0.229]);
        assert_eq!(turned.order, PixelOrder::Bgr);
        let raw = of([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]);
        assert_eq!(
            (raw.normalise, raw.order),
            (Normalise::NONE, PixelOrder::Rgb)
        );
        let caffe = of([104.0, 117.0, 123.0], [1.0; 3]);
        assert_eq!(
            (caffe.normalise, caffe.order),
            (Normalise::NONE, PixelOrder::Bgr)
        );
        let swapped = of([123.0, 117.0, 104.0], [1.0; 3]);
        assert_eq!(swapped.order, PixelOrder::Rgb);
        assert_eq!(swapped.resize, ResizePolicy::Squash);
        // Between -1 and 1, of raw pixels and of pixels from 0 to 1.
        assert_eq!(of([127.5; 3], [127.5; 3]).normalise, Normalise::NONE);
        assert_eq!(of([0.5; 3], [0.5; 3]).normalise.std, [255.0; 3]);
    }
}

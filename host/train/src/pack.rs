//! From the last layer in floats to the packed network.

use std::collections::HashMap;

use firebrick_network::cut::name_beside;
use firebrick_network::quantise::multiplier;
use firebrick_network::{Conv, Network, Node, NodeId, Op, Picture};
use firebrick_spec::arith::{Requant, WEIGHT_MAX};
use ndarray::Array4;
use rayon::prelude::*;
use safetensors::tensor::{Dtype, TensorView};
use serde::Serialize;

use crate::data::Item;
use crate::error::TrainError;
use crate::features::Samples;
use crate::head::Head;
use crate::trunk::Trunk;

/// How much further than on the pictures that were measured scores may go in one pixel.
const MARGIN: f32 = 0.1;
/// Largest bias in steps of the sum, so that it leaves the engine's sums room for the products.
const BIAS_LIMIT: f32 = (1 << 24) as f32;
/// Largest step of the output in steps of the sum.
const COARSEST: f32 = (1 << 20) as f32;

/// The trained network.
#[derive(Clone, Debug)]
pub struct Packed {
    /// The trunk with the new layer behind it.
    pub network: Network,
    /// What was added to all scores, since the engine's maps hold nothing below 0; it changes neither
    /// the order of the classes nor Softmax.
    pub raised: f32,
}

/// Puts the last layer behind the trunk, as a 1x1 convolution whose map is summed. Its scale comes
/// from the scores of all pixels of `pictures`, of which none is clipped; `tick` is called after each.
///
/// # Errors
///
/// If the network does not run, or the result is not one that the engine can run. Pictures that cannot
/// be read are passed over.
pub fn pack(
    trunk: &Trunk,
    head: &Head,
    pictures: &[Item],
    name: &str,
    labels: &[String],
    tick: &(dyn Fn() + Sync),
) -> Result<Packed, TrainError> {
    let (least, most) = range(trunk, head, pictures, tick)?;
    let raised = (-least * (1.0 + MARGIN)).max(0.0);
    let step = ((most + raised).max(f32::MIN_POSITIVE) * (1.0 + MARGIN)) / 255.0;
    let (classes, channels) = head.weights.dim();
    let mut weights = Array4::zeros((classes, 1, 1, channels));
    let mut requant = Vec::with_capacity(classes);
    let rows = head.weights.outer_iter().zip(weights.outer_iter_mut());
    for (class, (real, mut quantised)) in rows.enumerate() {
        let bias = head.bias[class] + raised;
        let largest = real.fold(0.0f32, |most, w| most.max(w.abs()));
        let unit = (largest / f32::from(WEIGHT_MAX))
            .max(bias.abs() / BIAS_LIMIT)
            .max(step / COARSEST);
        // What rounding takes from the mean score is given back.
        let mut lost = 0.0;
        for ((&w, q), mean) in real.iter().zip(quantised.iter_mut()).zip(&head.means) {
            let whole = (w / unit).round();
            *q = whole as i8;
            lost += (w - whole * unit) * mean;
        }
        let scale = f64::from(unit) / f64::from(step);
        let (mult, shift) = multiplier(scale).ok_or(TrainError::Scale { class, scale })?;
        let bias = ((bias + lost) / unit).round() as i32;
        requant.push(Requant { bias, mult, shift });
    }
    let mut network = trunk.network().clone();
    // The sum over the trunk's own map.
    network.nodes.pop();
    let mut add = |name, op, input| {
        let name = name_beside(&network.nodes, name);
        network.nodes.push(Node {
            name,
            op,
            inputs: vec![input],
        });
        NodeId(network.nodes.len() - 1)
    };
    let conv = Conv {
        kernel: 1,
        stride: 1,
        pad: 0,
        weights,
        requant,
        output_scale: step,
    };
    let last = add("classifier", Op::Conv(conv), trunk.map());
    add("logits", Op::Global, last);
    name.clone_into(&mut network.name);
    network.labels = labels.to_vec();
    network.validate()?;
    Ok(Packed { network, raised })
}

/// Least and largest score of a class in a pixel.
fn range(
    trunk: &Trunk,
    head: &Head,
    pictures: &[Item],
    tick: &(dyn Fn() + Sync),
) -> Result<(f32, f32), TrainError> {
    let one = |item: &Item| {
        let input =
            Picture::open(&item.path).and_then(|picture| picture.to_input(&trunk.network().input));
        tick();
        // Those are known from before.
        let Ok(input) = input else {
            return Ok((0.0, 0.0));
        };
        let scores = head.scores(&trunk.pixels(&input.view())?.view());
        let bounds = |(least, most): (f32, f32), &s: &f32| (least.min(s), most.max(s));
        Ok(scores.iter().fold((0.0, 0.0), bounds))
    };
    pictures
        .par_iter()
        .map(one)
        .try_reduce(|| (0.0, 0.0), |a, b| Ok((a.0.min(b.0), a.1.max(b.1))))
}

/// What is written beside the weights.
#[derive(Serialize)]
struct Metadata<'a> {
    base: &'a str,
    input: &'a str,
    classes: &'a [String],
}

/// Key of the metadata in the file of float weights.
pub(crate) const METADATA_KEY: &str = "firebrick_train";

/// The last layer as a safetensors file: `classifier.weight` (class, channel, 1, 1), what one step of
/// the trunk's last map adds to a score, and `classifier.bias`; the classes and the name of the base
/// network are in its metadata.
///
/// # Errors
///
/// If the file cannot be made.
pub fn float_weights(
    trunk: &Trunk,
    base: &str,
    head: &Head,
    labels: &[String],
) -> Result<Vec<u8>, TrainError> {
    let fail = |e: &dyn std::fmt::Display| TrainError::Container(e.to_string());
    let bytes = |values: &mut dyn Iterator<Item = &f32>| -> Vec<u8> {
        values.flat_map(|v| v.to_le_bytes()).collect()
    };
    let (classes, channels) = head.weights.dim();
    let (weight, bias) = (
        bytes(&mut head.weights.iter()),
        bytes(&mut head.bias.iter()),
    );
    let view =
        |shape: Vec<usize>, data| TensorView::new(Dtype::F32, shape, data).map_err(|e| fail(&e));
    let tensors = [
        ("classifier.bias", view(vec![classes], &bias)?),
        (
            "classifier.weight",
            view(vec![classes, channels, 1, 1], &weight)?,
        ),
    ];
    let input = trunk.network().nodes.get(trunk.map().0);
    let metadata = Metadata {
        base,
        input: input.map_or("", |node| &node.name),
        classes: labels,
    };
    let metadata = serde_json::to_string(&metadata).map_err(|e| fail(&e))?;
    // One key only: the order in which a HashMap is written differs from run to run.
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), metadata)]);
    safetensors::serialize(tensors, Some(metadata)).map_err(|e| fail(&e))
}

/// Key of the metadata in a file of features.
const FEATURES_KEY: &str = "firebrick_features";

/// Features as a safetensors file: `training.features` (view, channel; means of the last map in its
/// steps), `training.classes`, and the same of `validation`.
///
/// # Errors
///
/// If the file cannot be made.
pub fn features_file(training: &Samples, validation: &Samples) -> Result<Vec<u8>, TrainError> {
    let fail = |e: &dyn std::fmt::Display| TrainError::Container(e.to_string());
    let bytes = |samples: &Samples| {
        let features: Vec<u8> = samples
            .features
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        let classes = samples
            .classes
            .iter()
            .flat_map(|&c| (c as u64).to_le_bytes());
        (
            samples.features.shape().to_vec(),
            features,
            classes.collect::<Vec<u8>>(),
        )
    };
    let parts = [
        ("training", bytes(training)),
        ("validation", bytes(validation)),
    ];
    let mut tensors = Vec::new();
    for (name, (shape, features, classes)) in &parts {
        for (what, dtype, shape, data) in [
            ("features", Dtype::F32, shape.clone(), features),
            ("classes", Dtype::U64, vec![shape[0]], classes),
        ] {
            let view = TensorView::new(dtype, shape, data).map_err(|e| fail(&e))?;
            tensors.push((format!("{name}.{what}"), view));
        }
    }
    let metadata = HashMap::from([(FEATURES_KEY.to_owned(), "1".to_owned())]);
    safetensors::serialize(tensors, Some(metadata)).map_err(|e| fail(&e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebrick_network::random;
    use ndarray::{Array1, Array2, Axis};
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    /// A picture as a file.
    fn item(dir: &std::path::Path, seed: u64) -> Item {
        let pixels = random::picture(20, 20, seed);
        let path = dir.join(format!("{seed}.png"));
        let bytes = pixels.iter().copied().collect();
        image::RgbImage::from_raw(20, 20, bytes)
            .unwrap()
            .save(&path)
            .unwrap();
        Item { path, class: 0 }
    }

    #[test]
    fn the_packed_layer_gives_the_float_scores() {
        let dir = tempfile::tempdir().unwrap();
        let (network, _, _) = random::tiny(5);
        let trunk = Trunk::of(&network).unwrap();
        let channels = trunk.shape().channels;
        let mut rng = SmallRng::seed_from_u64(3);
        let head = Head {
            weights: Array2::from_shape_fn((4, channels), |_| rng.random_range(-0.1..0.1)),
            bias: Array1::from_shape_fn(4, |_| rng.random_range(-3.0..3.0)),
            means: Array1::from_elem(channels, 60.0),
        };
        let items: Vec<Item> = (0..6).map(|seed| item(dir.path(), seed)).collect();
        let labels: Vec<String> = (0..4).map(|n| n.to_string()).collect();
        let packed = pack(&trunk, &head, &items, "own", &labels, &|| ()).unwrap();
        let bytes = packed.network.to_bytes().unwrap();
        assert_eq!(Network::from_bytes(&bytes).unwrap(), packed.network);
        let model = firebrick_model::Model::new(&packed.network).unwrap();
        let step = packed.network.nodes[packed.network.nodes.len() - 2]
            .op
            .conv()
            .unwrap()
            .output_scale;
        let shape = trunk.shape();
        let pixels = (shape.height * shape.width) as f32;
        for item in &items {
            let input = Picture::open(&item.path).unwrap();
            let input = input.to_input(&packed.network.input).unwrap();
            let features = Array1::from(trunk.features(&input.view()).unwrap());
            let wanted = head.scores(&features.insert_axis(Axis(0)).view());
            let sums = model.logits(&input.view()).unwrap();
            for (&sum, wanted) in sums.iter().zip(&wanted) {
                let got = sum as f32 * step / pixels - packed.raised;
                assert!(
                    (got - wanted).abs() < 2.0 * step,
                    "{got} {wanted}, step {step}"
                );
            }
        }
    }

    #[test]
    fn the_weights_can_be_read() {
        let (network, _, _) = random::tiny(5);
        let trunk = Trunk::of(&network).unwrap();
        let channels = trunk.shape().channels;
        let head = Head {
            weights: Array2::from_elem((2, channels), 0.25),
            bias: Array1::from(vec![1.0, -1.0]),
            means: Array1::zeros(channels),
        };
        let labels = ["a".to_owned(), "b\"".to_owned()];
        let bytes = float_weights(&trunk, "base", &head, &labels).unwrap();
        assert_eq!(
            bytes,
            float_weights(&trunk, "base", &head, &labels).unwrap()
        );
        let read = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let weight = read.tensor("classifier.weight").unwrap();
        assert_eq!(weight.shape(), [2, channels, 1, 1]);
        assert_eq!(
            read.tensor("classifier.bias").unwrap().data(),
            [1.0f32, -1.0].map(f32::to_le_bytes).as_flattened()
        );
    }
}

//! Named tensors in the order in which a file holds them, and the convolutions that they make.
//!
//! A BatchNormalization is folded into the convolution before it. Names that are neither
//! torchvision's nor Caffe's are no hindrance as long as the order and the shapes are those of a
//! SqueezeNet: a first convolution, then squeeze and two expands a module, then the last.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use ndarray::Array4;

use super::{ImportError, Layer};
use crate::squeezenet::SqueezeNet;

/// Most values of all tensors together. SqueezeNet has 1.25 million.
pub const MAX_VALUES: usize = 16 << 20;
/// What PyTorch and Caffe add to the variance unless told otherwise; files of tensors do not say.
const EPSILON: f32 = 1e-5;

/// A tensor of floats.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Lengths of its axes.
    pub shape: Vec<usize>,
    /// Values, the last axis the fastest.
    pub values: Vec<f32>,
}

/// Layers of a file of tensors.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// By name: the file's, or Firebrick's if they follow from the order.
    pub layers: BTreeMap<String, Layer>,
    /// Whether the last one is fully connected, behind the mean over all pixels.
    pub dense: bool,
    /// What is worth knowing, a sentence each.
    pub notes: Vec<String>,
}

fn fail(place: impl Into<String>, reason: impl Into<String>) -> ImportError {
    ImportError::new(
        place,
        reason,
        "of files of tensors a SqueezeNet is read: NAME.weight (output, input, row, column) and \
         NAME.bias of a first convolution, of a squeeze and two expands for each module, and of the \
         last convolution or fully connected layer; export other networks to ONNX",
    )
}

/// What stands under one name.
struct Group {
    name: String,
    parts: BTreeMap<String, Tensor>,
}

/// Words before every name that say nothing.
const WRAPPERS: [&str; 5] = ["module.", "_orig_mod.", "model.", "net.", "network."];

/// The layers of named tensors. `epsilon` is what is added to variances, if the file says it.
pub fn layers(tensors: Vec<(String, Tensor)>, epsilon: Option<f32>) -> Result<Layers, ImportError> {
    let mut found = Layers::default();
    let mut convs: Vec<(String, Layer)> = Vec::new();
    // Those that follow each other directly, and how many convolutions came right before them.
    let mut norms: Vec<(String, Norm)> = Vec::new();
    let (mut run, mut folded) = (0, 0);
    for group in groups(tensors)? {
        let Group { name, mut parts } = group;
        let place = format!("layer {name:?}");
        let weight = parts.remove("weight");
        let bias = parts.remove("bias");
        if let (Some(mean), Some(variance)) =
            (parts.remove("running_mean"), parts.remove("running_var"))
        {
            let norm = Norm {
                scale: weight,
                shift: bias,
                mean,
                variance,
                epsilon: epsilon.unwrap_or(EPSILON),
            };
            norms.push((name, norm));
            continue;
        }
        if !norms.is_empty() {
            folded += fold(&mut convs, run, std::mem::take(&mut norms))?;
            run = 0;
        }
        let weight = weight.ok_or_else(|| fail(&place, "has no weight"))?;
        if found.dense {
            return Err(fail(place, "comes behind a fully connected layer"));
        }
        found.dense = weight.shape.len() == 2;
        let layer = conv(weight, bias).map_err(|reason| fail(place, reason))?;
        convs.push((name, layer));
        run += 1;
    }
    folded += fold(&mut convs, run, norms)?;
    if folded > 0 {
        let epsilon = match epsilon {
            Some(_) => String::new(),
            None => format!(
                " (taken as right behind it, before its ReLU, with epsilon {EPSILON:e}: the file \
                 says neither)"
            ),
        };
        found.notes.push(format!(
            "{folded} BatchNormalizations were folded, each into the convolution before it{epsilon}."
        ));
    }
    let named = |known: &str| convs.iter().any(|(name, _)| name == known);
    let known = named("features.0")
        && (named("features.3.squeeze") || named("features.3.expand1x1"))
        || named("conv1") && named("fire2/squeeze1x1");
    if !known {
        convs = renamed(convs, &mut found.notes)?;
    }
    for (name, layer) in convs {
        if found.layers.insert(name.clone(), layer).is_some() {
            return Err(fail(format!("layer {name:?}"), "occurs twice"));
        }
    }
    Ok(found)
}

/// Folds normalisations that follow each other into as many of the last convolutions, in their order:
/// some define all convolutions of a module first. `run` is how many of those came since the
/// normalisations before. How many were folded.
fn fold(
    convs: &mut [(String, Layer)],
    run: usize,
    norms: Vec<(String, Norm)>,
) -> Result<usize, ImportError> {
    let count = norms.len();
    if let Some((name, _)) = norms.get(run) {
        return Err(fail(
            format!("layer {name:?}"),
            match convs.is_empty() {
                true => "normalises the picture itself".to_owned(),
                false => format!("is one of {count} BatchNormalizations behind {run} convolutions"),
            },
        ));
    }
    let first = convs.len() - count;
    for ((_, layer), (name, norm)) in convs[first..].iter_mut().zip(norms) {
        norm.fold(layer)
            .map_err(|reason| fail(format!("layer {name:?}"), reason))?;
    }
    Ok(count)
}

/// Tensors by the part of their names before the last dot, in the order of the first of each.
fn groups(tensors: Vec<(String, Tensor)>) -> Result<Vec<Group>, ImportError> {
    let mut names: Vec<&str> = tensors.iter().map(|(name, _)| name.as_str()).collect();
    while let Some(wrapper) = WRAPPERS
        .iter()
        .find(|w| !names.is_empty() && names.iter().all(|n| n.starts_with(**w)))
    {
        names.iter_mut().for_each(|n| *n = &n[wrapper.len()..]);
    }
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    let mut groups: Vec<Group> = Vec::new();
    for (name, (_, tensor)) in names.into_iter().zip(tensors) {
        let (layer, part) = name.rsplit_once('.').unwrap_or((&name, "weight"));
        let place = match groups.iter().position(|g| g.name == layer) {
            Some(place) => place,
            None => {
                groups.push(Group {
                    name: layer.to_owned(),
                    parts: BTreeMap::new(),
                });
                groups.len() - 1
            }
        };
        if groups[place]
            .parts
            .insert(part.to_owned(), tensor)
            .is_some()
        {
            return Err(fail(format!("tensor {name:?}"), "occurs twice"));
        }
    }
    Ok(groups)
}

/// A convolution, or a fully connected layer as a 1x1 one.
fn conv(weight: Tensor, bias: Option<Tensor>) -> Result<Layer, String> {
    let shape = match weight.shape[..] {
        [outputs, inputs, rows, columns] => (outputs, inputs, rows, columns),
        [outputs, inputs] => (outputs, inputs, 1, 1),
        _ => {
            return Err(format!(
                "has a weight of shape {:?}, neither a convolution nor fully connected",
                weight.shape
            ));
        }
    };
    let weights = Array4::from_shape_vec(shape, weight.values).map_err(|e| e.to_string())?;
    let bias = match bias {
        Some(bias) if bias.shape == [shape.0] => bias.values,
        Some(bias) => {
            return Err(format!(
                "has a bias of shape {:?} for {} outputs",
                bias.shape, shape.0
            ));
        }
        None => vec![0.0; shape.0],
    };
    if weights.iter().chain(&bias).any(|v| !v.is_finite()) {
        return Err("holds values that are not finite".into());
    }
    let kernel = weights.permuted_axes([2, 3, 1, 0]);
    Ok(Layer {
        kernel: kernel.as_standard_layout().into_owned(),
        bias,
    })
}

struct Norm {
    scale: Option<Tensor>,
    shift: Option<Tensor>,
    mean: Tensor,
    variance: Tensor,
    epsilon: f32,
}

impl Norm {
    fn fold(self, layer: &mut Layer) -> Result<(), String> {
        let outputs = layer.bias.len();
        let mean = self.mean.values;
        let scale = self.scale.map_or(vec![1.0; outputs], |t| t.values);
        let shift = self.shift.map_or(vec![0.0; outputs], |t| t.values);
        let variance = self.variance.values;
        if [&scale, &shift, &mean, &variance]
            .iter()
            .any(|v| v.len() != outputs)
        {
            return Err(format!(
                "normalises {} channels, the convolution before it has {outputs}",
                mean.len()
            ));
        }
        for c in 0..outputs {
            let deviation = (f64::from(variance[c]) + f64::from(self.epsilon)).sqrt();
            let factor = f64::from(scale[c]) / deviation;
            if !factor.is_finite() {
                return Err(format!("has the variance {} for channel {c}", variance[c]));
            }
            let bias = &mut layer.bias[c];
            *bias = ((f64::from(*bias) - f64::from(mean[c])) * factor + f64::from(shift[c])) as f32;
            layer
                .kernel
                .slice_mut(ndarray::s![.., .., .., c])
                .mapv_inplace(|w| (f64::from(w) * factor) as f32);
        }
        match layer
            .kernel
            .iter()
            .chain(&layer.bias)
            .all(|v| v.is_finite())
        {
            true => Ok(()),
            false => Err("makes weights that are no finite numbers".into()),
        }
    }
}

/// Firebrick's names for layers in the order of a SqueezeNet.
fn renamed(
    convs: Vec<(String, Layer)>,
    notes: &mut Vec<String>,
) -> Result<Vec<(String, Layer)>, ImportError> {
    let count = convs.len();
    if count < 5 || !(count - 2).is_multiple_of(3) {
        return Err(fail(
            "the layers",
            format!(
                "there are {count}, where a SqueezeNet has a first and a last one and three for \
                 each module"
            ),
        ));
    }
    let mut channels = None;
    let mut result = Vec::with_capacity(count);
    let mut rest = convs.into_iter();
    let mut first_name = String::new();
    let misfit = |name: &str, layer: &Layer, wanted: String| {
        let (rows, columns, inputs, outputs) = layer.kernel.dim();
        fail(
            format!("layer {name:?}"),
            format!(
                "is {rows}x{columns} from {inputs} to {outputs} channels, where the order of the \
                 layers wants {wanted}"
            ),
        )
    };
    if let Some((name, layer)) = rest.next() {
        channels = Some(layer.bias.len());
        first_name.clone_from(&name);
        result.push(("conv1".to_owned(), layer));
    }
    let fits = |layer: &Layer, side: usize, inputs: Option<usize>| {
        let (rows, columns, channels, _) = layer.kernel.dim();
        (rows, columns) == (side, side) && Some(channels) == inputs
    };
    for number in 2..2 + (count - 2) / 3 {
        let (Some(squeeze), Some(one), Some(other)) = (rest.next(), rest.next(), rest.next())
        else {
            break;
        };
        let (name, layer) = squeeze;
        if !fits(&layer, 1, channels) {
            let inputs = channels.unwrap_or(0);
            return Err(misfit(
                &name,
                &layer,
                format!("a squeeze 1x1 of {inputs} channels"),
            ));
        }
        let squeezed = Some(layer.bias.len());
        result.push((format!("fire{number}/squeeze1x1"), layer));
        let ((_, one), (name, three)) = match one.1.kernel.dim().0 {
            3 => (other, one),
            _ => (one, other),
        };
        if !fits(&one, 1, squeezed) || !fits(&three, 3, squeezed) {
            return Err(misfit(
                &name,
                &three,
                "expands 1x1 and 3x3 of the squeeze".into(),
            ));
        }
        channels = Some(one.bias.len() + three.bias.len());
        result.push((format!("fire{number}/expand1x1"), one));
        result.push((format!("fire{number}/expand3x3"), three));
    }
    if let Some((name, layer)) = rest.next() {
        if !fits(&layer, 1, channels) {
            let inputs = channels.unwrap_or(0);
            return Err(misfit(
                &name,
                &layer,
                format!("a last 1x1 of {inputs} channels"),
            ));
        }
        notes.push(format!(
            "The names of the layers ({first_name:?} to {name:?}) are neither torchvision's nor \
             Caffe's: their order and shapes were taken for those of a SqueezeNet of {} modules.",
            (count - 2) / 3
        ));
        result.push((SqueezeNet::LAST.to_owned(), layer));
    }
    Ok(result)
}

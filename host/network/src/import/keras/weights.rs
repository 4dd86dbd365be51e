//! Where each layer's arrays lie.

use std::collections::HashMap;

use super::fail;
use super::hdf5::Hdf5;
use crate::import::ImportError;
use crate::import::tensors::Tensor;

/// The arrays of a model's layers.
pub struct Weights {
    file: Hdf5,
    places: Places,
}

enum Places {
    /// By the name of the layer, as `.h5` has them: a group with the list of its arrays.
    Named { root: &'static str },
    /// By the kind of layer and its number among those, as `.keras` has them.
    Counted { counts: HashMap<String, usize> },
}

impl Weights {
    pub fn of_whole_model(file: Hdf5) -> Result<Weights, ImportError> {
        let root = match file.has_group("model_weights") {
            true => "model_weights",
            false => "",
        };
        Ok(Weights {
            file,
            places: Places::Named { root },
        })
    }

    pub fn of_archive(file: Hdf5) -> Weights {
        Weights {
            file,
            places: Places::Counted {
                counts: HashMap::new(),
            },
        }
    }

    /// The arrays of the next layer, which is asked for in the model's order. `path` are the groups
    /// of the models around it, `class` its class in Keras's words.
    pub fn of_layer(
        &mut self,
        path: &[String],
        class: &str,
        name: &str,
    ) -> Result<Vec<Tensor>, ImportError> {
        match &mut self.places {
            Places::Named { root } => {
                // A model within a model keeps the arrays of all its layers together.
                let outer = path.first().map_or(name, String::as_str);
                let group = join(root, outer);
                let names = named(&self.file, &group)?;
                let own =
                    |array: &&String| path.is_empty() || array.split('/').any(|part| part == name);
                let own: Vec<String> = names.iter().filter(own).cloned().collect();
                let read = |array: &String| self.file.array(&join(&group, array));
                own.iter().map(read).collect()
            }
            Places::Counted { counts } => {
                let folder = counted(counts, path, class);
                let group = format!("{folder}/vars");
                if !self.file.has_group(&group) {
                    return Ok(Vec::new());
                }
                let mut arrays = self.file.arrays(&group)?;
                arrays.sort_by_key(|array| number(array));
                arrays.iter().map(|array| self.file.array(array)).collect()
            }
        }
    }

    /// The group of a model within the model, which takes a number as a layer does.
    pub fn of_model(&mut self, path: &[String], class: &str, name: &str) -> String {
        match &mut self.places {
            Places::Named { .. } => name.to_owned(),
            Places::Counted { counts } => counted(counts, path, class),
        }
    }
}

fn join(group: &str, name: &str) -> String {
    match group.is_empty() {
        true => name.to_owned(),
        false => format!("{group}/{name}"),
    }
}

/// Arrays of a layer's group, in the order in which Keras lists them.
fn named(file: &Hdf5, group: &str) -> Result<Vec<String>, ImportError> {
    match file.has_group(group) {
        true => Ok(file
            .list_attribute(group, "weight_names")?
            .unwrap_or_default()),
        false => Ok(Vec::new()),
    }
}

/// `layers/conv2d`, `layers/conv2d_1`, and so on.
fn counted(counts: &mut HashMap<String, usize>, path: &[String], class: &str) -> String {
    let base = match path.last() {
        Some(outer) => format!("{outer}/layers/{}", snake(class)),
        None => format!("layers/{}", snake(class)),
    };
    let count = counts.entry(base.clone()).or_insert(0);
    *count += 1;
    match *count {
        1 => base,
        n => format!("{base}_{}", n - 1),
    }
}

/// `MaxPooling2D` as Keras names its group: `max_pooling2d`.
fn snake(class: &str) -> String {
    let letters: Vec<char> = class.chars().collect();
    let mut result = String::new();
    for (i, &letter) in letters.iter().enumerate() {
        let before = i.checked_sub(1).map(|i| letters[i]);
        let after = letters.get(i + 1);
        let begins = letter.is_uppercase()
            && before.is_some_and(|b| {
                b.is_lowercase()
                    || b.is_ascii_digit() && after.is_some_and(|a| a.is_lowercase())
                    || b.is_uppercase() && after.is_some_and(|a| a.is_lowercase())
            });
        if begins {
            result.push('_');
        }
        result.extend(letter.to_lowercase());
    }
    result
}

/// The number at the end of a name, 0 if there is none.
fn number(name: &str) -> usize {
    let digits = name.trim_end_matches(|c: char| c.is_ascii_digit());
    name[digits.len()..].parse().unwrap_or(0)
}

/// All tensors of a file of weights alone, in the model's order, with PyTorch's axes and names.
pub fn tensors(file: &Hdf5) -> Result<Vec<(String, Tensor)>, ImportError> {
    let mut tensors = Vec::new();
    if let Some(layers) = file.list_attribute("", "layer_names")? {
        for layer in layers {
            let mut arrays = Vec::new();
            for array in named(file, &layer)? {
                arrays.push((array.clone(), file.array(&join(&layer, &array))?));
            }
            let names: Vec<String> = arrays.iter().map(|(name, _)| name.clone()).collect();
            for (name, array) in arrays {
                tensors.push((torch_name(&layer, &name, names.len())?, turned(array)));
            }
        }
        return Ok(tensors);
    }
    // Version 3: a group for each layer, named by its class and number.
    let mut layers: Vec<(String, Vec<String>)> = Vec::new();
    for array in file.arrays("layers")? {
        let Some((layer, _)) = array.split_once("/vars/") else {
            continue;
        };
        match layers.iter_mut().find(|(name, _)| name == layer) {
            Some((_, arrays)) => arrays.push(array),
            None => layers.push((layer.to_owned(), vec![array])),
        }
    }
    if layers.is_empty() {
        return Err(fail(
            "the HDF5 file",
            "holds neither a Keras model nor its weights",
        ));
    }
    if let Some((name, _)) = layers
        .iter()
        .find(|(name, _)| !name.contains("/conv2d") && !name.contains("/dense"))
    {
        return Err(fail(
            "the HDF5 file",
            format!(
                "holds weights alone, with those of {name:?}, and does not say behind which \
                 convolution that stands"
            ),
        ));
    }
    layers.sort_by_key(|(name, _)| (name.contains("/dense"), number_of_layer(name)));
    for (layer, mut arrays) in layers {
        arrays.sort_by_key(|array| number(array));
        for (part, array) in ["weight", "bias"].iter().zip(&arrays) {
            let name = layer.rsplit('/').next().unwrap_or(&layer);
            tensors.push((format!("{name}.{part}"), turned(file.array(array)?)));
        }
    }
    Ok(tensors)
}

/// `conv2d` comes before `conv2d_1`.
fn number_of_layer(name: &str) -> usize {
    match name.rsplit_once('_') {
        Some((_, digits)) => digits.parse::<usize>().map_or(0, |n| n + 1),
        None => 0,
    }
}

/// PyTorch's name for an array of a layer.
fn torch_name(layer: &str, array: &str, count: usize) -> Result<String, ImportError> {
    let last = array.rsplit('/').next().unwrap_or(array);
    let last = last.split(':').next().unwrap_or(last);
    let parts = [
        ("kernel", "weight"),
        ("W", "weight"),
        ("gamma", "weight"),
        ("bias", "bias"),
        ("b", "bias"),
        ("beta", "bias"),
        ("moving_mean", "running_mean"),
        ("running_mean", "running_mean"),
        ("moving_variance", "running_var"),
        ("running_std", "running_var"),
    ];
    let ends = |part: &str| last == part || last.ends_with(&format!("_{part}"));
    match parts.iter().find(|(theirs, _)| ends(theirs)) {
        Some((_, ours)) => Ok(format!("{layer}.{ours}")),
        None => Err(fail(
            format!("array {array:?}"),
            format!("is one of {count} of the layer {layer:?}, of a kind that is not known"),
        )),
    }
}

/// Row, column, input, output become output, input, row, column.
fn turned(tensor: Tensor) -> Tensor {
    let axes: Vec<usize> = match tensor.shape.len() {
        4 => vec![3, 2, 0, 1],
        2 => vec![1, 0],
        _ => return tensor,
    };
    match ndarray::ArrayD::from_shape_vec(tensor.shape.clone(), tensor.values) {
        Ok(values) => {
            let values = values.permuted_axes(axes);
            Tensor {
                shape: values.shape().to_vec(),
                values: values.iter().copied().collect(),
            }
        }
        // The reader made both.
        Err(_) => Tensor {
            shape: tensor.shape,
            values: Vec::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_named_as_keras_names_them() {
        for (class, group) in [
            ("Conv2D", "conv2d"),
            ("MaxPooling2D", "max_pooling2d"),
            ("GlobalAveragePooling2D", "global_average_pooling2d"),
            ("BatchNormalization", "batch_normalization"),
            ("InputLayer", "input_layer"),
            ("ReLU", "re_lu"),
            ("ZeroPadding2D", "zero_padding2d"),
        ] {
            assert_eq!(snake(class), group);
        }
        let mut counts = HashMap::new();
        let mut next = |class| counted(&mut counts, &[], class);
        assert_eq!(next("Conv2D"), "layers/conv2d");
        assert_eq!(next("Dense"), "layers/dense");
        assert_eq!(next("Conv2D"), "layers/conv2d_1");
    }
}

//! Walks a model's configuration: layers, what each reads, and models within the model.

use std::collections::HashMap;

use serde_json::Value;

use super::fail;
use super::layers;
use super::weights::Weights;
use crate::import::ImportError;
use crate::import::onnx::{Lowered, Sketch};
use crate::validate::MAX_NODES;

/// Deepest nesting of models.
const DEPTH: usize = 4;
/// Input of a model that does not say its size.
const DEFAULT: [usize; 2] = [224; 2];

/// The walk's state.
pub struct Walk {
    pub sketch: Sketch,
    pub weights: Weights,
    layers: usize,
}

/// A layer as the walk knows it.
pub struct Layer<'a> {
    pub class: &'a str,
    /// Its name in the configuration.
    pub name: &'a str,
    /// The name of its output in the graph.
    pub output: String,
    pub config: &'a Value,
    /// Names of what it reads.
    pub inputs: Vec<String>,
    /// Groups of the models around it.
    pub path: &'a [String],
}

/// Reads a model; `size` replaces the size of its input.
pub fn lower(
    config: &Value,
    weights: Weights,
    size: Option<[usize; 2]>,
) -> Result<Lowered, ImportError> {
    let mut walk = Walk {
        sketch: Sketch::default(),
        weights,
        layers: 0,
    };
    let output = walk.model(config, None, &[])?;
    walk.sketch.lower(&output, size, DEFAULT)
}

impl Walk {
    /// A model that reads `input`, or the picture; gives the name of its output.
    fn model(
        &mut self,
        model: &Value,
        input: Option<&str>,
        path: &[String],
    ) -> Result<String, ImportError> {
        let class = model["class_name"].as_str().unwrap_or_default();
        if path.len() > DEPTH {
            return Err(fail("the model", "holds models within models too deeply"));
        }
        let config = &model["config"];
        // Before version 2.2 a Sequential is the list itself.
        let list = config["layers"].as_array().or(config.as_array());
        let Some(list) = list else {
            return Err(fail(
                "the model",
                format!("of the class {class:?} lists no layers"),
            ));
        };
        self.layers += list.len();
        if self.layers > MAX_NODES {
            let reason = format!("has more than {MAX_NODES} layers");
            return Err(fail("the model", reason));
        }
        match class {
            "Sequential" => self.sequence(list, input, path),
            "Functional" | "Model" => self.graph(config, list, input, path),
            _ => Err(fail(
                "the model",
                format!(
                    "is of the class {class:?}: what it computes is program code, which is not in \
                     the file"
                ),
            )),
        }
    }

    fn sequence(
        &mut self,
        list: &[Value],
        input: Option<&str>,
        path: &[String],
    ) -> Result<String, ImportError> {
        let mut last = input.map(str::to_owned);
        for layer in list {
            let is_input = layer["class_name"] == "InputLayer";
            if last.is_none() && !is_input {
                let name = output_name(path, "input");
                layers::picture(&mut self.sketch, &name, &layer["config"])?;
                last = Some(name);
            }
            if is_input && last.is_some() {
                continue;
            }
            let inputs = last.into_iter().collect();
            last = Some(self.layer(layer, inputs, path)?);
        }
        last.ok_or_else(|| fail("the model", "has no layers"))
    }

    fn graph(
        &mut self,
        config: &Value,
        list: &[Value],
        input: Option<&str>,
        path: &[String],
    ) -> Result<String, ImportError> {
        let mut outputs: HashMap<&str, String> = HashMap::new();
        for layer in list {
            let name = name_of(layer);
            let mut sources = Vec::new();
            let inbound = layer["inbound_nodes"].as_array();
            if inbound.is_some_and(|nodes| nodes.len() > 1) {
                return Err(fail(
                    format!("layer {name:?}"),
                    "is used more than once, with the same weights",
                ));
            }
            inbound_names(&layer["inbound_nodes"], &mut sources, 0);
            if sources.is_empty()
                && layer["class_name"] == "InputLayer"
                && let Some(input) = input
            {
                self.weights.of_model(path, "InputLayer", name);
                outputs.insert(name, input.to_owned());
                continue;
            }
            let inputs = sources
                .iter()
                .map(|source| {
                    outputs.get(source).cloned().ok_or_else(|| {
                        let reason = format!("reads {source:?}, which no layer before it yields");
                        fail(format!("layer {name:?}"), reason)
                    })
                })
                .collect::<Result<Vec<_>, _>>()?;
            let output = self.layer(layer, inputs, path)?;
            if outputs.insert(name, output).is_some() {
                return Err(fail(format!("layer {name:?}"), "occurs twice"));
            }
        }
        let mut names = Vec::new();
        let ends = &config["output_layers"];
        match ends[0].as_str() {
            // Version 3 with one output.
            Some(name) => names.push(name),
            None => names.extend(
                ends.as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|e| e[0].as_str()),
            ),
        }
        let [name] = names[..] else {
            return Err(fail(
                "the model",
                format!("has {} outputs, must have one", names.len()),
            ));
        };
        outputs
            .remove(name)
            .ok_or_else(|| fail("the model", format!("has no layer {name:?}, its output")))
    }

    fn layer(
        &mut self,
        layer: &Value,
        inputs: Vec<String>,
        path: &[String],
    ) -> Result<String, ImportError> {
        let class = layer["class_name"].as_str().unwrap_or_default();
        let name = name_of(layer);
        if matches!(class, "Sequential" | "Functional" | "Model") {
            let [input] = &inputs[..] else {
                return Err(fail(format!("model {name:?}"), "does not read one map"));
            };
            let group = self.weights.of_model(path, class, name);
            let inner = [path, &[group]].concat();
            return self.model(layer, Some(input), &inner);
        }
        let layer = Layer {
            class,
            name,
            output: output_name(path, name),
            config: &layer["config"],
            inputs,
            path,
        };
        layers::add(self, &layer)
    }
}

fn name_of(layer: &Value) -> &str {
    layer["config"]["name"]
        .as_str()
        .or(layer["name"].as_str())
        .unwrap_or_default()
}

fn output_name(path: &[String], name: &str) -> String {
    match path.last() {
        Some(model) => format!("{model}/{name}"),
        None => name.to_owned(),
    }
}

/// Names of the layers that a layer reads: `[[["name", 0, 0, {}]]]` in versions 1 and 2, objects with
/// `keras_history` in version 3.
fn inbound_names<'a>(value: &'a Value, found: &mut Vec<&'a str>, depth: usize) {
    if depth > 12 {
        return;
    }
    match value {
        Value::Array(list) => match &list[..] {
            [Value::String(name), Value::Number(_), Value::Number(_), ..] => found.push(name),
            _ => list.iter().for_each(|v| inbound_names(v, found, depth + 1)),
        },
        Value::Object(map) => match map.get("keras_history") {
            Some(history) => inbound_names(history, found, depth + 1),
            None => map
                .values()
                .for_each(|v| inbound_names(v, found, depth + 1)),
        },
        _ => {}
    }
}

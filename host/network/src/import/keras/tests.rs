//! Small models in files that are written by the test.

use std::io::Write;

use ::zip::ZipWriter;
use ::zip::write::SimpleFileOptions;
use hdf5_writer::{AttributeBuilder, DatasetBuilder, Hdf5Builder, WriteOptions};
use serde_json::json;

use super::*;
use crate::float::FloatNetwork;
use crate::graph::PixelOrder;
use crate::import::{Format, Imported, Options, read as import};

/// Layers of a padded SqueezeNet of one module: class, configuration, what it reads.
fn layers() -> Vec<(&'static str, Value, Vec<&'static str>)> {
    let conv = |name: &str, size: usize, stride: usize, padding: &str| {
        json!({"name": name, "kernel_size": [size, size], "strides": [stride, stride],
               "padding": padding, "activation": "relu", "data_format": "channels_last"})
    };
    vec![
        (
            "InputLayer",
            json!({"name": "in", "batch_shape": [null, 15, 15, 3]}),
            vec![],
        ),
        (
            "Rescaling",
            json!({"name": "scale", "scale": 0.00390625, "offset": -0.5}),
            vec!["in"],
        ),
        ("Conv2D", conv("c1", 5, 2, "same"), vec!["scale"]),
        (
            "MaxPooling2D",
            json!({"name": "p1", "pool_size": [3, 3], "strides": 2, "padding": "valid"}),
            vec!["c1"],
        ),
        ("Conv2D", conv("s", 1, 1, "valid"), vec!["p1"]),
        ("Conv2D", conv("e1", 1, 1, "valid"), vec!["s"]),
        ("Conv2D", conv("e3", 3, 1, "same"), vec!["s"]),
        (
            "Concatenate",
            json!({"name": "cat", "axis": -1}),
            vec!["e1", "e3"],
        ),
        ("Dropout", json!({"name": "drop", "rate": 0.5}), vec!["cat"]),
        (
            "GlobalAveragePooling2D",
            json!({"name": "mean"}),
            vec!["drop"],
        ),
        (
            "Dense",
            json!({"name": "d", "activation": "softmax"}),
            vec!["mean"],
        ),
    ]
}

/// Kernels and biases by layer.
fn weights() -> Vec<(&'static str, &'static str, Vec<u64>, f32)> {
    vec![
        ("c1", "conv2d", vec![5, 5, 3, 4], 0.01),
        ("s", "conv2d_1", vec![1, 1, 4, 2], 0.1),
        ("e1", "conv2d_2", vec![1, 1, 2, 3], 0.2),
        ("e3", "conv2d_3", vec![3, 3, 2, 3], 0.3),
        ("d", "dense", vec![6, 5], 0.4),
    ]
}

/// Version 2's way to say what a layer reads, or version 3's.
fn config(version: u32, layers: &[(&str, Value, Vec<&str>)]) -> String {
    let layers: Vec<Value> = layers
        .iter()
        .map(|(class, config, inputs)| {
            let inbound = match (version, inputs.is_empty()) {
                (_, true) => json!([]),
                (2, _) => {
                    let inputs = inputs.iter().map(|i| json!([i, 0, 0, {}]));
                    json!([inputs.collect::<Vec<_>>()])
                }
                _ => {
                    let tensor = |i: &&str| json!({"config": {"keras_history": [i, 0, 0]}});
                    let args: Vec<Value> = inputs.iter().map(tensor).collect();
                    json!([{"args": args, "kwargs": {}}])
                }
            };
            json!({"class_name": class, "config": config, "name": config["name"],
                   "inbound_nodes": inbound})
        })
        .collect();
    let config = json!({"name": "m", "layers": layers, "input_layers": [["in", 0, 0]],
                        "output_layers": [["d", 0, 0]]});
    json!({"class_name": "Functional", "config": config}).to_string()
}

fn dataset(path: String, shape: &[u64], value: f32) -> DatasetBuilder {
    let count: u64 = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|i| value * ((i % 7) as f32 - 2.0)).collect();
    DatasetBuilder::typed_data(path, shape.to_vec(), &values).unwrap()
}

fn encode(builder: Hdf5Builder) -> Vec<u8> {
    builder
        .into_plan()
        .unwrap()
        .encode(WriteOptions::default())
        .unwrap()
}

/// As `model.save("x.h5")` writes, or without a configuration as `save_weights`.
fn h5(config: Option<&str>) -> Vec<u8> {
    let root = if config.is_some() {
        "model_weights/"
    } else {
        ""
    };
    let mut builder = Hdf5Builder::new();
    if let Some(text) = config {
        builder = builder.attribute(AttributeBuilder::fixed_string("model_config", text));
    }
    let mut names = Vec::new();
    for (layer, _, shape, value) in weights() {
        let arrays = [format!("{layer}/kernel:0"), format!("{layer}/bias:0")];
        builder = builder
            .dataset(dataset(
                format!("{root}{layer}/{}", arrays[0]),
                &shape,
                value,
            ))
            .dataset(dataset(
                format!("{root}{layer}/{}", arrays[1]),
                &shape[shape.len() - 1..],
                value,
            ))
            .group_attribute(
                format!("{root}{layer}"),
                AttributeBuilder::fixed_string_vector("weight_names", &arrays).unwrap(),
            );
        names.push(layer);
    }
    let names = AttributeBuilder::fixed_string_vector("layer_names", &names).unwrap();
    encode(match config {
        Some(_) => builder.group_attribute("model_weights", names),
        None => builder.attribute(names),
    })
}

/// As `model.save("x.keras")` writes.
fn archive(config: &str) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut put = |name: &str, data: &[u8]| {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(data).unwrap();
    };
    put("metadata.json", b"{}");
    put("config.json", config.as_bytes());
    put("model.weights.h5", &weights_h5());
    zip.finish().unwrap().into_inner()
}

/// As version 3 writes weights.
fn weights_h5() -> Vec<u8> {
    let builder = weights()
        .into_iter()
        .fold(Hdf5Builder::new(), |b, (_, group, shape, value)| {
            let path = |n: usize| format!("layers/{group}/vars/{n}");
            b.dataset(dataset(path(0), &shape, value)).dataset(dataset(
                path(1),
                &shape[shape.len() - 1..],
                value,
            ))
        });
    encode(builder)
}

fn open(bytes: Vec<u8>) -> Result<Imported, ImportError> {
    let options = Options {
        pools: Some(vec![1]),
        ceil: Some(false),
        ..Options::default()
    };
    import(bytes, "file", &options)
}

fn model() -> FloatNetwork {
    open(h5(Some(&config(2, &layers())))).unwrap().network
}

#[test]
fn every_form_is_the_same_network() {
    let network = model();
    // Same padding of a 5x5 at stride 2 over 15 pixels is 2 a side; a 7x7 kernel has one more.
    let border = network.input.border;
    assert_eq!(
        [border.top, border.left, border.bottom, border.right],
        [3; 4]
    );
    // What rescales to 0.
    assert_eq!(border.pixel, [128; 3]);
    assert_eq!(network.input.order, PixelOrder::Rgb);
    assert_eq!(network.normalise.std, [256.0; 3]);
    let convs: Vec<_> = network.nodes.iter().filter_map(|n| n.op.conv()).collect();
    assert_eq!(convs.len(), 5);
    assert_eq!(convs[0].weights.dim(), (4, 7, 7, 3));
    // Row 1, column 2, channel 1, output 3: 3 + 4 * (1 + 3 * (2 + 5)) is 91, and 91 % 7 is 0.
    assert!((convs[0].weights[(3, 2, 3, 1)] + 0.02).abs() < 1e-6);
    assert_eq!(convs[0].weights[(3, 0, 3, 1)], 0.0);
    assert!(convs[0].relu && !convs[4].relu);
    for file in [
        h5(Some(&config(3, &layers()))),
        archive(&config(2, &layers())),
        archive(&config(3, &layers())),
    ] {
        let other = open(file).unwrap();
        assert_eq!(other.format, Format::Keras);
        assert_eq!(other.network, network);
    }
    // Weights alone do not say how the picture is padded and scaled.
    for file in [h5(None), weights_h5()] {
        let other = open(file).unwrap();
        assert_eq!(other.format, Format::Hdf5);
        let pairs = other.network.nodes.iter().zip(&network.nodes);
        for (a, b) in pairs.filter_map(|(a, b)| Some((a.op.conv()?, b.op.conv()?))) {
            assert_eq!((&a.weights, &a.bias, a.relu), (&b.weights, &b.bias, b.relu));
        }
    }
}

#[test]
fn what_cannot_be_run_is_named() {
    let refused = |at: usize, class: &'static str, key: &str, value: Value| {
        let mut layers = layers();
        layers[at].0 = class;
        layers[at].1[key] = value;
        open(h5(Some(&config(3, &layers))))
            .expect_err("must be refused")
            .to_string()
    };
    let error = refused(2, "DepthwiseConv2D", "name", json!("c1"));
    assert!(
        error.contains("\"c1\"") && error.contains("DepthwiseConv2D"),
        "{error}"
    );
    let error = refused(2, "Conv2D", "activation", json!("elu"));
    assert!(
        error.contains("\"elu\"") && error.contains("ReLU"),
        "{error}"
    );
    let error = refused(2, "Conv2D", "data_format", json!("channels_first"));
    assert!(error.contains("channels first"), "{error}");
    let error = refused(3, "MaxPooling2D", "pool_size", json!([4, 4]));
    assert!(error.contains("3x3 or 2x2"), "{error}");
    let error = refused(7, "Concatenate", "axis", json!(1));
    assert!(error.contains("axis 3"), "{error}");
    let error = refused(0, "InputLayer", "batch_shape", json!([null, 15, 15]));
    assert!(error.contains("\"in\""), "{error}");
    let mut missing = layers();
    missing[4].2 = vec!["gone"];
    let error = open(h5(Some(&config(2, &missing))))
        .unwrap_err()
        .to_string();
    assert!(error.contains("\"gone\""), "{error}");
    let subclassed = json!({"class_name": "Squeeze", "config": {"layers": []}}).to_string();
    let error = open(h5(Some(&subclassed))).unwrap_err().to_string();
    assert!(error.contains("program code"), "{error}");
    assert!(
        open(h5(Some("{")))
            .unwrap_err()
            .to_string()
            .contains("no JSON")
    );
}

#[test]
fn damaged_files_are_refused() {
    let good = h5(Some(&config(2, &layers())));
    for length in (9..good.len()).step_by(61) {
        assert!(
            read_h5(good[..length].to_vec(), None).is_err(),
            "{length} bytes"
        );
    }
    for offset in (0..good.len()).step_by(7) {
        let mut bytes = good.clone();
        bytes[offset] ^= [1, 0x80, 0xff][offset % 3];
        let _ = read_h5(bytes, None); // must return, whatever it says
    }
    let good = archive(&config(3, &layers()));
    for length in (0..good.len()).step_by(211) {
        assert!(
            read_archive(&good[..length], None).is_err(),
            "{length} bytes"
        );
    }
    let empty = encode(Hdf5Builder::new());
    let error = open(empty).unwrap_err().to_string();
    assert!(
        error.contains("neither") || error.contains("\"layers\""),
        "{error}"
    );
}

#[test]
fn a_sigmoid_makes_classes_independent() {
    let open = |activation: &str| {
        let mut layers = layers();
        layers[10].1["activation"] = activation.into();
        open(h5(Some(&config(2, &layers)))).unwrap()
    };
    assert!(open("sigmoid").sigmoid && !open("softmax").sigmoid);
    assert!(
        open("sigmoid")
            .notes
            .concat()
            .contains("probability of its own")
    );
}

/// Good files: models of version 2 and 3, weights alone.
pub fn samples() -> Vec<(Format, Vec<u8>)> {
    vec![
        (Format::Hdf5, h5(Some(&config(2, &layers())))),
        (Format::Hdf5, h5(None)),
        (Format::Hdf5, weights_h5()),
        (Format::Keras, archive(&config(3, &layers()))),
    ]
}

//! Forms of the same network that exporters write: each gives the very same nodes, or says why not.

use super::*;
use crate::graph::{PixelOrder, ResizePolicy};
use crate::preprocess::Preprocess;
use proto::{Attribute, BFLOAT16, BOOL, DOUBLE, FLOAT16};

fn same(model: &Model) -> Imported {
    let imported = read(model).unwrap();
    assert_eq!(imported.network.nodes, network().nodes);
    imported
}

fn refused(model: &Model, words: &[&str]) {
    let error = read(model).unwrap_err().to_string();
    assert!(
        words.iter().all(|word| error.contains(word)),
        "{words:?}: {error}"
    );
}

fn float(name: &str, value: f32) -> Attribute {
    Attribute {
        name: name.into(),
        float: value,
        ..Attribute::default()
    }
}

/// A Constant of one attribute, in front of all nodes.
fn constant(model: &mut Model, output: &str, attribute: Attribute) {
    let mut new = op("Constant");
    new.outputs = vec![output.into()];
    new.attributes = vec![attribute];
    graph(model).nodes.insert(0, new);
}

/// Puts a node behind the output of the graph.
fn at_the_end(model: &mut Model, new: Node) {
    let last = graph(model).outputs[0].name.clone();
    insert(model, &last, new);
    graph(model).outputs[0].name = format!("{last}'");
}

#[test]
fn a_clip_without_an_upper_bound_is_a_relu() {
    let mut model = good();
    node(&mut model, "conv1").op = "Clip".into();
    node(&mut model, "conv1").attributes = vec![float("min", 0.0)];
    same(&model);
    node(&mut model, "conv1")
        .attributes
        .push(float("max", f32::MAX));
    same(&model);
    node(&mut model, "conv1").attributes[1].float = 6.0;
    refused(&model, &["clips from 0 to 6", "Relu"]);
    let clip = node(&mut model, "conv1");
    clip.attributes.clear();
    clip.inputs.push("low".into());
    constant(&mut model, "low", float("value_float", 0.0));
    same(&model);
    graph(&mut model).nodes[0].attributes[0].float = -1.0;
    refused(&model, &["clips from -1 to no bound"]);
}

#[test]
fn constants_may_be_plain_numbers() {
    let mut model = good();
    constant(&mut model, "sizes", ints("value_ints", &[1, 12]));
    let mut reshape = op("Reshape");
    reshape.inputs = vec!["sizes".into()];
    at_the_end(&mut model, reshape);
    at_the_end(&mut model, op("Softmax"));
    same(&model);
    // A mean that is a number and not a tensor.
    let mut model = good();
    constant(&mut model, "mean", float("value_float", 128.0));
    let mut sub = op("Sub");
    sub.inputs = vec!["mean".into()];
    insert(&mut model, "data", sub);
    let nodes = &mut graph(&mut model).nodes;
    nodes.swap(0, 1);
    assert_eq!(same(&model).own.unwrap().mean, [128.0; 3]);
}

#[test]
fn newer_opsets_are_read_as_the_last_known_one() {
    for version in 7..=25 {
        let mut model = good();
        model.opsets[0].version = version;
        let notes = same(&model).notes;
        assert!(notes.iter().all(|n| !n.contains("opset")), "{notes:?}");
    }
    let mut model = good();
    model.opsets[0].version = 26;
    assert!(same(&model).notes.iter().any(|n| n.contains("opset 26")));
}

#[test]
fn a_dropout_s_flag_is_found_wherever_it_lies() {
    let flags = |value: u8| {
        let tensor = Tensor {
            data_type: BOOL,
            ..Tensor::default()
        };
        [
            Tensor {
                raw: vec![value].into(),
                ..tensor.clone()
            },
            Tensor {
                packed: vec![vec![value].into()],
                ..tensor
            },
        ]
    };
    for (value, active) in [(0, false), (1, true)] {
        for flag in flags(value) {
            let mut model = good();
            let mut dropout = op("Dropout");
            dropout.inputs = vec![String::new(), "flag".into()];
            insert(&mut model, "pool1", dropout);
            let flag = Tensor {
                name: "flag".into(),
                ..flag
            };
            graph(&mut model).initializers.push(flag);
            match active {
                false => drop(same(&model)),
                true => refused(&model, &["is active"]),
            }
        }
    }
}

#[test]
fn an_average_that_pads_is_not_the_mean_of_the_map() {
    let shapes = network().shapes(48, 48).unwrap();
    let last = shapes[shapes.len() - 2];
    let mut model = good();
    let mean = node(&mut model, "logits");
    mean.op = "AveragePool".into();
    mean.attributes = vec![
        ints("kernel_shape", &[last.height, last.width]),
        Attribute {
            name: "auto_pad".into(),
            string: "SAME_UPPER".into(),
            ..Attribute::default()
        },
    ];
    refused(&model, &["logits", "averages"]);
    // With strides as long as the map there is one window, without padding.
    let strides = ints("strides", &[last.height, last.width]);
    node(&mut model, "logits").attributes.push(strides);
    same(&model);
}

/// The end of the graph as tf2onnx writes it from opset 18 on: channels last, axes as an input.
fn turned(keep: bool) -> Model {
    let mut model = good();
    model.opsets[0].version = 18;
    let mean = node(&mut model, "logits");
    mean.op = "ReduceMean".into();
    mean.inputs.push("axes".into());
    mean.attributes = vec![int("keepdims", keep.into())];
    constant(&mut model, "axes", ints("value_ints", &[1, 2]));
    let mut turn = op("Transpose");
    turn.attributes = vec![ints("perm", &[0, 2, 3, 1])];
    insert(&mut model, "conv10", turn);
    // Without the Flatten behind it.
    graph(&mut model).nodes.retain(|n| n.op != "Flatten");
    graph(&mut model).outputs[0].name = "logits".into();
    model
}

#[test]
fn channels_may_be_last_at_the_end() {
    for keep in [false, true] {
        same(&turned(keep));
        let mut model = turned(keep);
        let mut softmax = op("Softmax");
        softmax.attributes = vec![int("axis", -1)];
        at_the_end(&mut model, softmax);
        same(&model);
    }
    let mut model = turned(true);
    let mut softmax = op("Softmax");
    softmax.attributes = vec![int("axis", 1)];
    at_the_end(&mut model, softmax);
    refused(&model, &["axis 1 of 4", "axis 3"]);
    // Rectified while turned, and turned back.
    let mut model = turned(false);
    node(&mut model, "conv10").op = "Identity".into();
    insert(&mut model, "conv10'", op("Relu"));
    same(&model);
    let mut model = good();
    for (after, perm) in [("conv1", [0, 2, 3, 1]), ("conv1'", [0, 3, 1, 2])] {
        let mut turn = op("Transpose");
        turn.attributes = vec![ints("perm", &perm)];
        insert(&mut model, after, turn);
    }
    same(&model);
    // Rows and columns are not where they were.
    let mut model = turned(false);
    graph(&mut model).nodes[0].attributes = vec![ints("value_ints", &[2, 3])];
    refused(&model, &["axes [2, 3]", "axes 1 and 2"]);
    let mut model = turned(false);
    let turn = node(&mut model, "new Transpose");
    turn.attributes = vec![ints("perm", &[0, 3, 2, 1])];
    refused(&model, &["Transpose", "channels turned last"]);
}

/// The nearest binary16 below in size, of values that are not too small for it.
fn halved(value: f32) -> u16 {
    let bits = value.to_bits();
    let exponent = (bits >> 23 & 0xff) as i32 - 112;
    let sign = (bits >> 16 & 0x8000) as u16;
    match exponent {
        1.. => sign | (exponent as u16) << 10 | (bits >> 13 & 0x3ff) as u16,
        _ => sign,
    }
}

fn varint(mut value: u32, to: &mut Vec<u8>) {
    while value > 0x7f {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

/// The model with its weights in another type; raw, or as a list of integers.
fn narrowed(data_type: i32, listed: bool) -> Model {
    let mut model = good();
    for tensor in &mut graph(&mut model).initializers {
        let raw = tensor.raw.as_chunks().0;
        let values: Vec<f32> = raw.iter().map(|b| f32::from_le_bytes(*b)).collect();
        tensor.data_type = data_type;
        let bits = |v: &f32| match data_type {
            FLOAT16 => halved(*v),
            _ => (v.to_bits() >> 16) as u16,
        };
        tensor.raw = match (data_type, listed) {
            (DOUBLE, false) => values
                .iter()
                .flat_map(|&v| f64::from(v).to_le_bytes())
                .collect(),
            (DOUBLE, true) => {
                tensor.doubles = values.iter().map(|&v| v.into()).collect();
                Bytes::new()
            }
            (_, false) => values.iter().flat_map(|v| bits(v).to_le_bytes()).collect(),
            (_, true) => {
                let mut list = Vec::new();
                values
                    .iter()
                    .for_each(|v| varint(bits(v).into(), &mut list));
                tensor.packed = vec![list.into()];
                Bytes::new()
            }
        };
    }
    model
}

#[test]
fn weights_may_have_other_widths() {
    for listed in [false, true] {
        same(&narrowed(DOUBLE, listed));
        for (kind, part) in [(FLOAT16, 1e-3), (BFLOAT16, 8e-3)] {
            let imported = read(&narrowed(kind, listed)).unwrap().network;
            for (ours, theirs) in network().nodes.iter().zip(&imported.nodes) {
                let (FloatOp::Conv(a), FloatOp::Conv(b)) = (&ours.op, &theirs.op) else {
                    continue;
                };
                assert!(a.weights != b.weights);
                for (a, b) in a.weights.iter().zip(&b.weights) {
                    assert!((a - b).abs() <= part * a.abs() + 1e-4, "{kind}: {a} {b}");
                }
            }
        }
    }
    let mut model = narrowed(FLOAT16, true);
    initializer(&mut model, "conv1.w").packed = vec![vec![0x80].into()];
    refused(&model, &["conv1.w", "ends within a number"]);
}

#[test]
fn casts_between_floats_are_dissolved() {
    let cast = |to: i32| {
        let mut cast = op("Cast");
        cast.attributes = vec![int("to", to.into())];
        cast
    };
    let mut model = good();
    for after in ["data", "conv1.w", "conv1", "pool1", "scores"] {
        insert(&mut model, after, cast(FLOAT16));
        insert(&mut model, &format!("{after}'"), cast(1));
    }
    // Those of the picture and of the weights come first.
    let nodes = &mut graph(&mut model).nodes;
    nodes.sort_by_key(|n| match n.inputs[0].as_str() {
        "data" | "conv1.w" => 0,
        "data'" | "conv1.w'" => 1,
        _ => 2,
    });
    graph(&mut model).outputs[0].name = "scores''".into();
    same(&model);
    let kind = graph(&mut model).inputs[0].kind.as_mut().unwrap();
    kind.tensor.as_mut().unwrap().element = FLOAT16;
    same(&model);
    let kind = graph(&mut model).inputs[0].kind.as_mut().unwrap();
    kind.tensor.as_mut().unwrap().element = 2;
    refused(&model, &["is uint8"]);
}

#[test]
fn nodes_of_one_name_are_told_apart() {
    let mut model = good();
    // Not a SqueezeNet of the table, which has names of its own.
    node(&mut model, "fire2/squeeze1x1.conv").attributes[2].ints = vec![1; 4];
    for (index, node) in graph(&mut model).nodes.iter_mut().enumerate() {
        node.name = ["input", "same", ""][index % 3].into();
    }
    let imported = read(&model).unwrap();
    assert!(imported.table.is_none());
    let mut names: Vec<_> = imported.network.nodes.iter().map(|n| &n.name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), imported.network.nodes.len(), "{names:?}");
    assert!(
        names
            .iter()
            .all(|name| *name != "input" && !name.is_empty())
    );
}

#[test]
fn torchvision_s_names_ask_for_its_preparation() {
    for prefix in ["", "module.", "backbone."] {
        let mut model = good();
        let name = format!("{prefix}features.0.weight");
        initializer(&mut model, "conv1.w").name = name.clone();
        node(&mut model, "conv1.conv").inputs[1] = name;
        let imported = same(&model);
        assert_eq!(
            imported.network.normalise,
            Preprocess::TORCHVISION.normalise
        );
        assert_eq!(imported.network.input.order, PixelOrder::Rgb);
        // As large a share of the picture as 224 of 256.
        let short = ResizePolicy::CropCenter { short: 55 };
        assert_eq!(imported.network.input.resize, short);
        assert!(
            imported
                .notes
                .iter()
                .any(|n| n.contains("torchvision's names"))
        );
        let caffe = Options {
            preset: Some(Preprocess::CAFFE),
            ..Options::default()
        };
        let asked = import::read(model.encode_to_vec(), "kinds", &caffe).unwrap();
        assert_eq!(asked.network.normalise, Preprocess::CAFFE.normalise);
        assert!(
            asked
                .notes
                .iter()
                .all(|n| !n.contains("torchvision's names"))
        );
    }
    assert_eq!(same(&good()).network.normalise, Preprocess::CAFFE.normalise);
}

#[test]
fn figures_of_pixels_from_0_to_1_are_recognised() {
    let mut model = good();
    for (name, op_type, values) in [
        ("mean", "Sub", [0.485, 0.456, 0.406]),
        ("deviation", "Div", [0.229, 0.224, 0.225]),
    ] {
        let values = tensor(name.into(), &[1, 3, 1, 1], &values);
        graph(&mut model).initializers.push(values);
        let mut new = op(op_type);
        new.inputs.push(name.into());
        insert(
            &mut model,
            if op_type == "Sub" { "data" } else { "data'" },
            new,
        );
    }
    let nodes = &mut graph(&mut model).nodes;
    nodes.sort_by_key(|n| match n.op.as_str() {
        "Sub" => 0,
        "Div" => 1,
        _ => 2,
    });
    let imported = same(&model);
    let Normalise { mean, std } = imported.network.normalise;
    let wanted = Preprocess::TORCHVISION.normalise;
    for c in 0..3 {
        assert!((mean[c] - wanted.mean[c]).abs() < 1e-3, "{mean:?}");
        assert!((std[c] - wanted.std[c]).abs() < 1e-3, "{std:?}");
    }
    assert_eq!(imported.network.input.order, PixelOrder::Rgb);
    assert!(imported.notes.iter().any(|n| n.contains("divided by 255")));
    // What is asked for counts.
    let raw = Options {
        std: Some([1.0; 3]),
        ..Options::default()
    };
    let asked = import::read(model.encode_to_vec(), "kinds", &raw).unwrap();
    assert!((asked.network.normalise.std[0] - 0.229).abs() < 1e-6);
}

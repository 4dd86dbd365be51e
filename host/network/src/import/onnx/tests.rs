mod exporters;
mod paths;

use super::export::{int, ints, model, tensor};
use super::proto::{Entry, Model, Node, Tensor};
use super::*;
use crate::float::{FloatNetwork, FloatOp};
use crate::graph::Normalise;
use crate::import::{self, Format, Imported, Options};
use crate::random;
use crate::squeezenet::{Fire, SqueezeNet};
use ndarray::Array3;

/// Twelve classes and modules of sizes of its own.
fn table() -> SqueezeNet {
    SqueezeNet {
        name: "kinds".into(),
        outputs: 12,
        fires: vec![
            Fire {
                squeeze: 5,
                expand1: 8,
                expand3: 6,
            },
            Fire {
                squeeze: 6,
                expand1: 7,
                expand3: 7,
            },
        ],
        pools: vec![1, 2],
        bypass: Vec::new(),
        classes: 12,
        side: 48,
        ..SqueezeNet::v1_1()
    }
}

fn network() -> FloatNetwork {
    random::float(&table(), 3)
}

fn good() -> Model {
    model(&network())
}

fn read(model: &Model) -> Result<Imported, ImportError> {
    import::read(model.encode_to_vec(), "kinds", &Options::default())
}

fn graph(model: &mut Model) -> &mut proto::Graph {
    model.graph.as_mut().unwrap()
}

/// Sets a dimension of the first input's shape.
fn input_side(model: &mut Model, dimension: usize, value: i64) {
    let kind = graph(model).inputs[0].kind.as_mut().unwrap();
    let shape = kind.tensor.as_mut().unwrap().shape.as_mut().unwrap();
    shape.dims[dimension].value = Some(value);
}

/// The node of a name.
fn node<'a>(model: &'a mut Model, name: &str) -> &'a mut Node {
    let nodes = &mut graph(model).nodes;
    nodes.iter_mut().find(|n| n.name == name).unwrap()
}

fn initializer<'a>(model: &'a mut Model, name: &str) -> &'a mut Tensor {
    let tensors = &mut graph(model).initializers;
    tensors.iter_mut().find(|t| t.name == name).unwrap()
}

/// Puts a node behind the one that yields `after`, whose readers then read it instead.
fn insert(model: &mut Model, after: &str, mut new: Node) {
    let output = format!("{after}'");
    for node in &mut graph(model).nodes {
        for input in node.inputs.iter_mut().filter(|i| *i == after) {
            *input = output.clone();
        }
    }
    new.inputs.insert(0, after.to_owned());
    new.outputs = vec![output];
    let nodes = &mut graph(model).nodes;
    let at = nodes.iter().position(|n| n.outputs[0] == after);
    nodes.insert(at.map_or(0, |at| at + 1), new);
}

fn op(op: &str) -> Node {
    Node {
        op: op.into(),
        name: format!("new {op}"),
        ..Node::default()
    }
}

#[test]
fn a_model_comes_back_as_it_was() {
    let imported = read(&good()).unwrap();
    assert_eq!(imported.format, Format::Onnx);
    assert_eq!(imported.network.nodes, network().nodes);
    let found = imported.table.unwrap();
    assert_eq!(found, SqueezeNet { ..table() });
}

#[test]
fn a_bypass_is_recognised() {
    let table = SqueezeNet {
        fires: vec![Fire::even(4, 6), Fire::even(4, 6), Fire::even(5, 6)],
        bypass: vec![3, 4],
        pools: vec![1, 3],
        ..table()
    };
    let network = random::float(&table, 1);
    let adds = |n: &FloatNetwork| {
        n.nodes
            .iter()
            .filter(|n| matches!(n.op, FloatOp::Add))
            .count()
    };
    assert_eq!(adds(&network), 2);
    let imported = read(&model(&network)).unwrap();
    assert_eq!(imported.table.unwrap().bypass, [3, 4]);
    assert_eq!(imported.network.nodes, network.nodes);
}

#[test]
fn what_changes_nothing_is_dissolved() {
    let same = |change: &dyn Fn(&mut Model)| {
        let mut model = good();
        change(&mut model);
        assert_eq!(read(&model).unwrap().network.nodes, network().nodes);
    };
    for name in ["Identity", "Dropout"] {
        for after in ["conv1", "pool1", "fire2/concat", "conv10.conv", "scores"] {
            same(&|m| {
                insert(m, after, op(name));
                if after == "scores" {
                    graph(m).outputs[0].name = "scores'".into();
                }
            });
        }
    }
    // Names and the order of independent nodes.
    same(&|m| {
        for (index, node) in graph(m).nodes.iter_mut().enumerate() {
            node.name = format!("{index}");
        }
        let at = graph(m)
            .nodes
            .iter()
            .position(|n| n.op == "Conv" && n.outputs[0] == "fire2/expand1x1.conv");
        graph(m).nodes.swap(at.unwrap(), at.unwrap() + 2);
        graph(m).nodes.swap(at.unwrap() + 1, at.unwrap() + 3);
    });
    // Padding at the end is ceil mode.
    same(&|m| {
        node(m, "pool1").attributes = vec![
            ints("kernel_shape", &[3, 3]),
            ints("strides", &[2, 2]),
            ints("pads", &[0, 0, 1, 1]),
        ]
    });
    // Defaults that exporters write down.
    same(&|m| {
        for name in ["conv1.conv", "pool1"] {
            let attributes = &mut node(m, name).attributes;
            attributes.push(ints("dilations", &[1, 1]));
            attributes.push(proto::Attribute {
                name: "auto_pad".into(),
                string: "NOTSET".into(),
                ..proto::Attribute::default()
            });
        }
        node(m, "pool1").attributes.push(int("storage_order", 0));
        node(m, "conv1.conv").attributes.push(int("group", 1));
    });
    // A Dropout that says, by a node, that it is not active.
    same(&|m| {
        let mut off = op("Constant");
        off.outputs = vec!["off".into()];
        off.attributes = vec![proto::Attribute {
            name: "value".into(),
            tensor: Some(Tensor {
                data_type: 9,
                raw: vec![0].into(),
                ..Tensor::default()
            }),
            ..proto::Attribute::default()
        }];
        let mut dropout = op("Dropout");
        dropout.inputs = vec![String::new(), "off".into()];
        insert(m, "pool1", dropout);
        graph(m).nodes.insert(0, off);
    });
    // A pool of the whole map, Reshape and Softmax.
    same(&|m| {
        let shapes = network().shapes(48, 48).unwrap();
        let last = shapes[shapes.len() - 2];
        let mean = node(m, "logits");
        mean.op = "AveragePool".into();
        mean.attributes = vec![ints("kernel_shape", &[last.height, last.width])];
        insert(m, "scores", op("Softmax"));
        graph(m).outputs[0].name = "scores'".into();
    });
    // A ReLU behind the concatenation.
    same(&|m| {
        for part in ["1x1", "3x3"] {
            let relu = node(m, &format!("fire2/expand{part}"));
            relu.op = "Identity".into();
        }
        insert(m, "fire2/concat", op("Relu"));
    });
    // Old files list their weights among the inputs.
    same(&|m| {
        let weights = graph(m).initializers.iter().map(|t| t.name.clone());
        let inputs: Vec<_> = weights
            .map(|name| proto::ValueInfo { name, kind: None })
            .collect();
        graph(m).inputs.extend(inputs);
    });
}

#[test]
fn batch_normalisation_is_folded() {
    let mut model = good();
    let mut new = op("BatchNormalization");
    let channels = 12;
    for (name, value) in [
        ("scale", 2.0),
        ("shift", 0.5),
        ("mean", 0.25),
        ("variance", 4.0),
    ] {
        let part = tensor(name.into(), &[channels], &vec![value; channels]);
        graph(&mut model).initializers.push(part);
        new.inputs.push(name.into());
    }
    new.attributes.push(proto::Attribute {
        name: "epsilon".into(),
        ..proto::Attribute::default()
    });
    insert(&mut model, "conv1.conv", new);
    let folded = read(&model).unwrap().network;
    let (FloatOp::Conv(before), FloatOp::Conv(after)) =
        (&network().nodes[0].op, &folded.nodes[0].op)
    else {
        panic!("conv1 comes first");
    };
    // 2 / sqrt(4) = 1, so only the bias moves.
    assert_eq!(before.weights, after.weights);
    for (a, b) in before.bias.iter().zip(&after.bias) {
        assert!((a + 0.25 - b).abs() < 1e-6);
    }
}

#[test]
fn a_normalisation_in_the_graph_is_taken_over() {
    let normalised = |options: &Options| {
        let mut model = good();
        for (name, op_type, values) in [
            ("mean", "Sub", [1.0, 2.0, 3.0]),
            ("deviation", "Div", [4.0, 5.0, 8.0]),
        ] {
            graph(&mut model)
                .initializers
                .push(tensor(name.into(), &[1, 3, 1, 1], &values));
            let mut new = op(op_type);
            new.inputs.push(name.into());
            let after = if op_type == "Sub" { "data" } else { "data'" };
            insert(&mut model, after, new);
            let nodes = &mut graph(&mut model).nodes;
            if op_type == "Div" {
                nodes.swap(0, 1);
                nodes.sort_by_key(|n| n.op != "Sub");
            }
        }
        import::read(model.encode_to_vec(), "kinds", options)
    };
    let imported = normalised(&Options::default()).unwrap();
    let Normalise { mean, std } = imported.network.normalise;
    for c in 0..3 {
        assert!((mean[c] - [1.0, 2.0, 3.0][c]).abs() < 1e-6);
        assert!((std[c] - [4.0, 5.0, 8.0][c]).abs() < 1e-6);
    }
    let twice = normalised(&Options {
        mean: Some([104.0, 117.0, 123.0]),
        ..Options::default()
    });
    assert!(twice.unwrap_err().to_string().contains("taken off twice"));
}

#[test]
fn what_cannot_be_run_is_refused_by_name() {
    type Change = fn(&mut Model);
    let cases: &[(Change, &[&str])] = &[
        (|m| m.opsets[0].version = 6, &["opset 6", "from 7 on"]),
        (|m| m.graph = None, &["no graph"]),
        (
            |m| {
                node(m, "conv1.conv")
                    .attributes
                    .push(ints("dilations", &[2, 2]))
            },
            &["conv1.conv", "dilations [2, 2]"],
        ),
        (
            |m| node(m, "conv1.conv").attributes.push(int("group", 3)),
            &["conv1.conv", "group 3"],
        ),
        (
            |m| {
                let pads = &mut node(m, "conv1.conv").attributes[2];
                pads.ints = vec![-1; 4];
            },
            &["conv1.conv", "pads [-1, -1, -1, -1]"],
        ),
        (
            |m| node(m, "fire2/expand3x3.conv").attributes[2].ints = vec![0, 0, 1, 1],
            &["pads [0, 0, 1, 1]", "all four sides"],
        ),
        (
            |m| node(m, "conv1.conv").attributes[2].ints = vec![i64::MAX; 4],
            &["pads"],
        ),
        (
            |m| node(m, "conv1.conv").attributes[1].ints = vec![1, 2],
            &["strides [1, 2]"],
        ),
        (
            |m| node(m, "conv1.conv").attributes[1].ints = vec![0, 0],
            &["strides 0"],
        ),
        (
            |m| node(m, "conv1.conv").attributes.push(int("wings", 2)),
            &["attribute \"wings\""],
        ),
        (|m| initializer(m, "conv1.w").dims.truncate(3), &["conv1"]),
        (
            |m| initializer(m, "conv1.w").dims = vec![12, 27],
            &["weights of shape [12, 27]"],
        ),
        (
            |m| initializer(m, "conv1.w").dims = vec![12, 1_000_000_000, 3, 3],
            &["conv1.w", "1000000000"],
        ),
        (
            |m| initializer(m, "conv1.w").dims = vec![i64::MAX; 4],
            &["conv1.w", "more values than fit"],
        ),
        (
            |m| initializer(m, "conv1.w").dims[0] = -12,
            &["conv1.w", "negative"],
        ),
        (
            |m| {
                let nan = f32::NAN.to_le_bytes();
                let weights = initializer(m, "conv1.w");
                let mut raw = weights.raw.to_vec();
                raw[8..12].copy_from_slice(&nan);
                weights.raw = raw.into();
            },
            &["conv1.w", "value 2 is NaN"],
        ),
        (
            |m| initializer(m, "conv1.w").data_type = 10,
            &["conv1.w", "wants 324 values, the file has 648"],
        ),
        (|m| initializer(m, "conv1.w").data_type = 3, &["int8"]),
        (
            |m| {
                initializer(m, "conv1.w").location = 1;
                initializer(m, "conv1.w").external.push(Entry {
                    key: "location".into(),
                    value: "../../etc/passwd".into(),
                });
            },
            &["../../etc/passwd", "not read"],
        ),
        (
            |m| node(m, "pool1").inputs[0] = "fire2/concat".into(),
            &["pool1", "cycle"],
        ),
        (
            |m| node(m, "pool1").inputs[0] = "nothing".into(),
            &["pool1", "nothing yields"],
        ),
        (
            |m| node(m, "pool1").inputs.clear(),
            &["pool1", "no input 0"],
        ),
        (
            |m| node(m, "pool1").outputs.clear(),
            &["pool1", "no output"],
        ),
        (
            |m| node(m, "conv1").op = "LeakyRelu".into(),
            &["conv1", "LeakyRelu", "only activation"],
        ),
        (
            |m| node(m, "conv1").op = "Identity".into(),
            &["\"pool1\"", "no Relu"],
        ),
        (
            |m| node(m, "conv1.conv").op = "QLinearConv".into(),
            &["quantised already"],
        ),
        (
            |m| node(m, "conv1.conv").domain = "com.example".into(),
            &["com.example"],
        ),
        (
            |m| node(m, "logits").op = "GlobalMaxPool".into(),
            &["GlobalMaxPool"],
        ),
        (
            |m| node(m, "scores").op = "Gemm".into(),
            &["scores", "no input 1"],
        ),
        (
            |m| node(m, "pool1").attributes[0].ints = vec![2, 2],
            &["pool1", "pools 2x2"],
        ),
        (
            |m| {
                node(m, "pool1")
                    .attributes
                    .push(ints("pads", &[1, 1, 1, 1]))
            },
            &["pool1", "pads [1, 1, 1, 1]"],
        ),
        (
            |m| node(m, "fire2/squeeze1x1.conv").op = "ConvTranspose".into(),
            &["fire2/squeeze1x1.conv", "\"ConvTranspose\" cannot be run"],
        ),
        (
            |m| insert(m, "conv1", op("LRN")),
            &["new LRN", "\"LRN\" cannot be run"],
        ),
        (|m| node(m, "conv1").op = "Clip".into(), &["Clip", "Relu"]),
        (
            |m| {
                node(m, "conv1.conv").attributes[0].ints = vec![9, 9];
                initializer(m, "conv1.w").dims = vec![12, 3, 9, 9];
                let values = vec![0; 12 * 3 * 81 * 4];
                initializer(m, "conv1.w").raw = values.into();
            },
            &["conv1.conv", "kernel of 9x9"],
        ),
        (
            |m| node(m, "pool1").op = "AveragePool".into(),
            &["pool1", "averages 3x3 of a map of"],
        ),
        (
            |m| {
                let first = graph(m).inputs[0].clone();
                graph(m).inputs.push(proto::ValueInfo {
                    name: "other".into(),
                    ..first
                });
            },
            &["2 inputs", "other"],
        ),
        (
            |m| {
                let first = graph(m).outputs[0].clone();
                graph(m).outputs.push(first);
            },
            &["2 outputs"],
        ),
        (
            |m| graph(m).initializers.retain(|t| t.name != "conv1.w"),
            &["conv1.conv", "\"conv1.w\", which nothing yields"],
        ),
        (
            |m| node(m, "pool1").outputs[0] = "conv1".into(),
            &["\"conv1\", which is there already"],
        ),
        (
            |m| node(m, "fire2/concat").attributes[0].int = 2,
            &["fire2/concat", "axis 2"],
        ),
        (
            |m| {
                node(m, "logits").op = "AveragePool".into();
                node(m, "logits").attributes = vec![ints("kernel_shape", &[2, 2])];
            },
            &["logits", "averages 2x2 of a map of"],
        ),
        (
            |m| graph(m).outputs[0].name = "conv1.w".into(),
            &["output \"conv1.w\" is not one score"],
        ),
        (|m| graph(m).outputs.clear(), &["0 outputs"]),
        (|m| graph(m).inputs.clear(), &["0 inputs"]),
        (|m| graph(m).nodes.clear(), &["no node yields its output"]),
        (
            |m| input_side(m, 1, 1),
            &["weights for 3 channels, its input has 1"],
        ),
        (|m| input_side(m, 1, 28), &["? x 28 x 48 x 48"]),
        (
            |m| {
                let mut softmax = op("Softmax");
                softmax.attributes = vec![int("axis", 2)];
                insert(m, "logits", softmax);
            },
            &["axis 2 of 4"],
        ),
        (|m| input_side(m, 2, 1 << 40), &["pixels"]),
        (
            |m| graph(m).sparse_initializers.push(Bytes::new()),
            &["sparse"],
        ),
        (
            |m| {
                let many = vec![op("Identity"); 5000];
                graph(m).nodes.extend(many);
            },
            &["at most 4096"],
        ),
    ];
    for (change, words) in cases {
        let mut model = good();
        change(&mut model);
        let error = match read(&model) {
            Ok(_) => panic!("not refused: {words:?}"),
            Err(error) => error.to_string(),
        };
        assert!(
            words.iter().all(|word| error.contains(word)),
            "{words:?}: {error}"
        );
        assert!(error.contains("; "), "no hint: {error}");
        // People do not read Rust.
        assert!(
            !error.contains("Some(") && !error.contains("None"),
            "{error}"
        );
    }
}

#[test]
fn every_truncation_is_refused() {
    let whole = good().encode_to_vec();
    for length in (0..whole.len()).step_by(whole.len() / 97) {
        let cut = whole[..length].to_vec();
        assert!(
            import::read(cut, "cut", &Options::default()).is_err(),
            "{length}"
        );
    }
}

#[test]
fn a_read_network_computes_the_same() {
    let imported = read(&good()).unwrap().network;
    let picture: Array3<u8> = random::picture(48, 48, 1);
    let ours = FloatNetwork {
        normalise: imported.normalise,
        ..network()
    };
    assert_eq!(
        imported.forward(picture.view()).unwrap(),
        ours.forward(picture.view()).unwrap()
    );
}

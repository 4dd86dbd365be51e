//! Pictures prepared in another way than the network was trained with: `import` and `evaluate` say
//! so, with figures. The network is v1.1 as it is packed, made float again and rewritten so that it
//! wants what torchvision's networks want, which changes nothing of what it computes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Run, firebrick, text};
use firebrick_network::float::{FloatConv, FloatNetwork, FloatNode, FloatOp};
use firebrick_network::import::to_onnx;
use firebrick_network::{Normalise, Op, Preprocess, builtin};
use tempfile::TempDir;

/// Views of the sample photograph.
const VIEWS: u32 = 24;
/// Side of the network's input: small, to be soon done.
const SIDE: usize = 96;

/// The packed network with steps of a map as its real values, which takes raw pixels.
fn float() -> FloatNetwork {
    let packed = builtin();
    let scale = packed.nodes.iter().rev().find_map(|node| match &node.op {
        Op::Conv(conv) => Some(conv.output_scale),
        _ => None,
    });
    let op = |op: Op| match op {
        Op::Conv(conv) => {
            let scale = |o: usize| {
                let requant = conv.requant[o];
                (f64::from(requant.mult) / 2f64.powi(requant.shift.into())) as f32
            };
            FloatOp::Conv(FloatConv {
                stride: conv.stride,
                pad: conv.pad,
                weights: ndarray::Array4::from_shape_fn(conv.weights.dim(), |(o, y, x, i)| {
                    f32::from(conv.weights[(o, y, x, i)]) * scale(o)
                }),
                bias: (0..conv.out_channels())
                    .map(|o| conv.requant[o].bias as f32 * scale(o))
                    .collect(),
                relu: true,
            })
        }
        Op::MaxPool(pool) => FloatOp::MaxPool(pool),
        Op::Concat => FloatOp::Concat,
        Op::Add => FloatOp::Add,
        Op::Global => FloatOp::Global,
    };
    let nodes = packed.nodes.into_iter().map(|node| FloatNode {
        name: node.name,
        op: op(node.op),
        inputs: node.inputs,
    });
    let mut nodes: Vec<FloatNode> = nodes.collect();
    // The scores in their real values: how sure the network is counts.
    let last = nodes.iter_mut().rev().find_map(|node| match &mut node.op {
        FloatOp::Conv(conv) => Some(conv),
        _ => None,
    });
    let (last, scale) = last.zip(scale).expect("a network has convolutions");
    last.weights *= scale;
    last.bias.iter_mut().for_each(|b| *b *= scale);
    FloatNetwork {
        name: "views".into(),
        input: Preprocess::CAFFE.input(SIDE, SIDE),
        normalise: Normalise::NONE,
        nodes,
    }
}

/// The same network for pixels prepared in another way: conv1 takes up the difference.
fn rewritten(way: Preprocess) -> FloatNetwork {
    let mut network = float();
    let Normalise { mean, std } = way.normalise;
    let FloatOp::Conv(conv) = &mut network.nodes[0].op else {
        panic!("conv1 comes first");
    };
    let turned = way.order != network.input.order;
    let old = conv.weights.clone();
    for ((o, y, x, i), weight) in conv.weights.indexed_iter_mut() {
        let raw = old[(o, y, x, if turned { 2 - i } else { i })];
        conv.bias[o] += raw * mean[i];
        *weight = raw * std[i];
    }
    network
}

/// The network as `net.onnx`, views in `photos`, and labels for the classes that the network gives
/// them with its own preparation.
fn folder(way: Preprocess) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let photos = dir.path().join("photos");
    fs::create_dir(&photos).unwrap();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../weights/samples/cat.png");
    let whole = image::open(sample).unwrap();
    let mut labels = String::new();
    let network = builtin();
    let model = firebrick_model::Model::new(&network).unwrap();
    // Cut as the way does, in the colours of the packed network.
    let input = Preprocess {
        order: network.input.order,
        ..way.at([SIDE, SIDE])
    }
    .input(SIDE, SIDE);
    for view in 0..VIEWS {
        let (side, room) = (9 - view % 3, 10 + view % 3 - 9);
        let part = |n: u32, place: u32| (place % (room + 1) * n / 10, side * n / 10);
        let ((x, width), (y, height)) = (part(whole.width(), view), part(whole.height(), view / 2));
        let mut picture = whole.crop_imm(x, y, width, height);
        if view % 2 == 1 {
            picture = picture.fliph();
        }
        if view % 8 > 3 {
            picture = picture.brighten(20);
        }
        let path = photos.join(format!("{view:02}.png"));
        picture.save(&path).unwrap();
        let pixels = firebrick_network::Picture::open(&path).unwrap();
        let input = pixels.to_input_of(&input, SIDE, SIDE).unwrap();
        let logits = model.logits(&input.view()).unwrap();
        let best = (0..logits.len()).max_by_key(|&c| (logits[c], std::cmp::Reverse(c)));
        labels += &format!("{view:02}.png,{}\n", best.unwrap());
    }
    fs::write(photos.join("labels.csv"), labels).unwrap();
    fs::write(dir.path().join("net.onnx"), to_onnx(&rewritten(way))).unwrap();
    dir
}

fn import(dir: &Path, more: &[&str]) -> (PathBuf, Run) {
    let (model, photos, pack) = (dir.join("net.onnx"), dir.join("photos"), dir.join("net.fb"));
    let mut args = vec![
        "import",
        text(&model),
        "-o",
        text(&pack),
        "--calibrate",
        text(&photos),
    ];
    args.extend([
        "--rounding",
        "nearest",
        "--no-mirror",
        "--no-bias-correction",
    ]);
    args.push("--json");
    args.extend(more);
    (pack.clone(), firebrick(&args).good())
}

fn evaluate(dir: &Path, pack: &Path) -> Run {
    let (list, model) = (dir.join("photos/labels.csv"), dir.join("net.onnx"));
    let args = [
        "evaluate",
        text(&list),
        "--model",
        text(pack),
        "--reference",
        text(&model),
    ];
    firebrick(&[&args[..], &["--json"]].concat()).good()
}

#[test]
fn a_wrong_preparation_is_noticed() {
    let dir = folder(Preprocess::TORCHVISION);
    let (pack, run) = import(dir.path(), &["--preprocess", "caffe"]);
    println!("{}", run.stderr);
    assert!(run.stderr.contains("may not be the one"), "{run:?}");
    assert!(
        run.stderr
            .contains("with --preprocess torchvision it would be"),
        "{run:?}"
    );
    let run = evaluate(dir.path(), &pack);
    println!("{}", run.stderr);
    assert!(
        run.stderr
            .contains("warning: the float network is right on"),
        "{run:?}"
    );
    let better = &run.objects()[0]["better_preparation"];
    assert_eq!(better["arguments"], "--preprocess torchvision");
    let (own, other) = (better["own_top1"].as_f64(), better["top1"].as_f64());
    assert!(other.unwrap() > own.unwrap() + 0.08, "{better}");
}

#[test]
fn the_right_preparation_is_left_alone() {
    let dir = folder(Preprocess::CAFFE);
    let (pack, run) = import(dir.path(), &[]);
    assert!(!run.stderr.contains("may not be the one"), "{run:?}");
    let run = evaluate(dir.path(), &pack);
    assert!(!run.stderr.contains("warning"), "{run:?}");
    assert!(run.objects()[0]["better_preparation"].is_null());
}

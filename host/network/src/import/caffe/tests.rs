//! A training graph, message by message.

use super::*;
use crate::float::FloatOp;
use crate::import::wire::writer::Writer;
use crate::import::{Format, Imported, Options, read as import};

fn blob(shape: &[u8], values: &[f32]) -> Writer {
    let shape = Writer::default().bytes(1, shape);
    Writer::default().message(7, shape).floats(5, values)
}

fn layer(name: &str, kind: &str, bottoms: &[&str], top: &str) -> Writer {
    let named = Writer::default().text(1, name).text(2, kind);
    let read = bottoms.iter().fold(named, |w, bottom| w.text(3, bottom));
    read.text(4, top)
}

fn conv(name: &str, bottom: &str, shape: [u8; 4]) -> Writer {
    let count: usize = shape.iter().map(|&n| usize::from(n)).product();
    let values: Vec<f32> = (0..count).map(|i| i as f32 * 0.01 - 0.2).collect();
    let window = Writer::default()
        .number(1, shape[0].into())
        .number(4, shape[2].into());
    layer(name, "Convolution", &[bottom], name)
        .message(7, blob(&shape, &values))
        .message(7, blob(&[shape[0]], &vec![0.5; shape[0].into()]))
        .message(106, window)
}

/// Data, conv padded by 1, ReLU in place, pool, module, conv, ReLU, dropout, mean, loss.
fn layers() -> Vec<Writer> {
    let data = layer("data", "Data", &[], "data")
        .text(4, "label")
        .message(100, Writer::default().number(3, 17));
    let mut first = conv("conv1", "data", [4, 3, 3, 3]);
    first = first.message(
        106,
        Writer::default().number(3, 1).number(4, 3).number(6, 2),
    );
    let relu = |blob: &str| layer(&format!("relu_{blob}"), "ReLU", &[blob], blob);
    let pool = Writer::default().number(2, 3).number(3, 2);
    let mean = Writer::default().number(1, 1).number(12, 1);
    vec![
        data,
        first,
        relu("conv1"),
        layer("pool1", "Pooling", &["conv1"], "pool1").message(121, pool),
        conv("squeeze", "pool1", [2, 4, 1, 1]),
        relu("squeeze"),
        conv("left", "squeeze", [3, 2, 1, 1]),
        relu("left"),
        conv("right", "squeeze", [3, 2, 3, 3]).message(106, Writer::default().number(3, 1)),
        relu("right"),
        layer("concat", "Concat", &["left", "right"], "concat"),
        layer("drop", "Dropout", &["concat"], "concat"),
        conv("last", "concat", [5, 6, 1, 1]),
        relu("last"),
        layer("mean", "Pooling", &["last"], "mean").message(121, mean),
        layer("loss", "SoftmaxWithLoss", &["mean", "label"], "loss"),
    ]
}

fn model(layers: Vec<Writer>) -> Vec<u8> {
    let named = Writer::default().text(1, "net");
    layers
        .into_iter()
        .fold(named, |w, layer| w.message(100, layer))
        .0
}

fn open(bytes: Vec<u8>) -> Result<Imported, ImportError> {
    import(bytes, "file", &Options::default())
}

#[test]
fn the_graph_is_taken_from_the_file() {
    let imported = open(model(layers())).unwrap();
    assert_eq!(imported.format, Format::Caffe);
    let network = &imported.network;
    let table = imported.table.as_ref().unwrap();
    assert_eq!(
        (table.classes, table.pools.as_slice(), table.ceil),
        (5, &[1][..], true)
    );
    assert_eq!(network.input.order, PixelOrder::Bgr);
    // 227 and a border of 1.
    assert_eq!((network.input.height, network.input.border.top), (229, 1));
    assert_eq!(network.input.border.pixel, [104, 117, 123]);
    let FloatOp::Conv(conv1) = &network.nodes[0].op else {
        panic!("a convolution");
    };
    assert_eq!((conv1.stride, conv1.pad), (2, 0));
    assert!((conv1.weights[(1, 0, 1, 2)] - 0.26).abs() < 1e-6);
    assert!(
        imported.notes.iter().any(|n| n.contains("cut 17x17")),
        "{:?}",
        imported.notes
    );
}

#[test]
fn batch_norm_and_scale_are_folded() {
    let mut layers = layers();
    layers[2] = layer("bn", "BatchNorm", &["conv1"], "conv1")
        .message(7, blob(&[4], &[2.0; 4]))
        .message(7, blob(&[4], &[8.0; 4]))
        .message(7, blob(&[1], &[2.0]))
        .message(139, Writer::default().float(3, 0.0));
    layers.insert(
        3,
        layer("scale", "Scale", &["conv1"], "conv1")
            .message(7, blob(&[4], &[3.0; 4]))
            .message(7, blob(&[4], &[1.0; 4])),
    );
    layers.insert(4, layer("relu", "ReLU", &["conv1"], "conv1"));
    let imported = open(model(layers)).unwrap();
    let conv = imported.network.nodes[0].op.conv().unwrap();
    // (0.5 - 2 / 2) / sqrt(8 / 2) * 3 + 1.
    assert!(
        conv.bias.iter().all(|b| (b - 0.25).abs() < 1e-6),
        "{:?}",
        conv.bias
    );
}

#[test]
fn what_cannot_be_run_is_named() {
    let refused = |at: usize, layer: Writer| {
        let mut layers = layers();
        layers[at] = layer;
        open(model(layers))
            .expect_err("must be refused")
            .to_string()
    };
    let error = refused(2, layer("relu", "PReLU", &["conv1"], "conv1"));
    assert!(error.contains("\"relu\" (PReLU)"), "{error}");
    let leaky = layer("relu", "ReLU", &["conv1"], "conv1");
    let error = refused(2, leaky.message(123, Writer::default().float(1, 0.1)));
    assert!(error.contains("slope below 0"), "{error}");
    let error = refused(4, conv("squeeze", "gone", [2, 4, 1, 1]));
    assert!(error.contains("\"gone\""), "{error}");
    let lacking = layer("squeeze", "Convolution", &["pool1"], "squeeze");
    assert!(refused(4, lacking).contains("lacks weights"));
    let short = layer("squeeze", "Convolution", &["pool1"], "squeeze");
    let short = short.message(7, blob(&[2, 4, 1, 1], &[0.0; 3]));
    assert!(refused(4, short).contains("3 values for the shape"));
    let old = Writer::default().text(1, "net").bytes(2, &[]).bytes(2, &[]);
    assert!(
        open(old.0)
            .unwrap_err()
            .to_string()
            .contains("upgrade_net_proto_binary")
    );
}

#[test]
fn damaged_files_are_refused() {
    let good = model(layers());
    for length in 1..good.len() {
        let cut = read(&good[..length], None);
        // Where a layer ends, what is left may be a network too.
        if let Ok(lowered) = cut {
            assert!(lowered.nodes.len() <= 8, "{length} bytes");
        }
    }
    for offset in 0..good.len() {
        for flip in [1, 0x40, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[offset] ^= flip;
            let _ = read(&bytes, None); // must return, whatever it says
        }
    }
}

/// A good file.
pub fn sample() -> Vec<u8> {
    model(layers())
}

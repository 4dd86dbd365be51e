//! A small network, message by message.

use super::*;
use crate::float::FloatOp;
use crate::import::wire::writer::Writer;
use crate::import::{Format, Imported, Options, read as import};

fn weights(values: &[f32]) -> Writer {
    Writer::default().floats(1, values)
}

fn layer(name: &str, inputs: &[&str], kind: u64, part: Writer) -> Writer {
    let named = Writer::default().text(1, name);
    let read = inputs.iter().fold(named, |w, input| w.text(2, input));
    read.text(3, name).message(kind, part)
}

fn conv(outputs: u64, channels: u64, side: u64, values: &[f32]) -> Writer {
    let sides = [side as u8; 2];
    Writer::default()
        .number(1, outputs)
        .number(2, channels)
        .bytes(20, &sides)
        .message(50, Writer::default())
        .number(70, 1)
        .message(90, weights(values))
        .message(91, weights(&vec![0.25; outputs as usize]))
}

/// Grey, RGB or BGR pictures of 8x8; conv, ReLU, mean, fully connected.
fn layers() -> Vec<Writer> {
    let kernel: Vec<f32> = (0..4 * 27).map(|i| i as f32 * 0.01).collect();
    let relu = || Writer::default().message(10, Writer::default());
    let mean = Writer::default().number(1, 1).number(60, 1);
    let full = Writer::default()
        .number(1, 4)
        .number(2, 3)
        .number(10, 1)
        .message(20, weights(&(0..12).map(|i| i as f32).collect::<Vec<_>>()))
        .message(21, weights(&[1.0, 2.0, 3.0]));
    vec![
        layer("conv", &["image"], 100, conv(4, 3, 3, &kernel)),
        layer("relu", &["conv"], 130, relu()),
        layer("mean", &["relu"], 120, mean),
        layer("flat", &["mean"], 301, Writer::default()),
        layer("full", &["flat"], 140, full),
        layer("prob", &["full"], 175, Writer::default()),
    ]
}

fn model(layers: Vec<Writer>) -> Vec<u8> {
    let image = Writer::default().number(1, 8).number(2, 8).number(3, 30);
    let input = Writer::default()
        .text(1, "image")
        .message(3, Writer::default().message(4, image));
    let scaler = Writer::default()
        .float(10, 1.0)
        .float(20, -104.0)
        .float(21, -117.0)
        .float(22, -123.0);
    let names = ["ash", "beech", "cedar"];
    let names = names
        .iter()
        .fold(Writer::default(), |w, name| w.text(1, name));
    let network = layers
        .into_iter()
        .fold(Writer::default(), |w, layer| w.message(1, layer))
        .message(2, Writer::default().message(10, scaler))
        .message(100, names);
    Writer::default()
        .number(1, 1)
        .message(2, Writer::default().message(1, input))
        .message(403, network)
        .0
}

fn open(bytes: Vec<u8>) -> Result<Imported, ImportError> {
    import(bytes, "file", &Options::default())
}

#[test]
fn layers_preparation_and_names_are_read() {
    let imported = open(model(layers())).unwrap();
    assert_eq!(imported.format, Format::CoreMl);
    assert_eq!(imported.labels, ["ash", "beech", "cedar"]);
    let network = &imported.network;
    assert_eq!(network.input.order, PixelOrder::Bgr);
    assert_eq!(network.normalise.mean, [104.0, 117.0, 123.0]);
    assert_eq!((network.input.height, network.input.width), (8, 8));
    let convs: Vec<_> = network.nodes.iter().filter_map(|n| n.op.conv()).collect();
    assert_eq!(convs[0].weights.dim(), (4, 3, 3, 3));
    // Output 1, channel 2, row 0, column 1: 1 * 27 + 2 * 9 + 1.
    assert!((convs[0].weights[(1, 0, 1, 2)] - 0.46).abs() < 1e-6);
    assert_eq!(convs[0].bias, [0.25; 4]);
    // The fully connected layer stands before the mean, without ReLU.
    assert_eq!(convs[1].weights[(2, 0, 0, 1)], 9.0);
    assert_eq!(
        (convs[1].bias.as_slice(), convs[1].relu),
        (&[1.0, 2.0, 3.0][..], false)
    );
    assert!(matches!(network.nodes.last().unwrap().op, FloatOp::Global));
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
    let tanh = Writer::default().message(30, Writer::default());
    let error = refused(1, layer("relu", &["conv"], 130, tanh));
    assert!(
        error.contains("\"relu\"") && error.contains("other than ReLU"),
        "{error}"
    );
    let lstm = refused(1, layer("relu", &["conv"], 420, Writer::default()));
    assert!(lstm.contains("kind 420"), "{lstm}");
    let short = refused(0, layer("conv", &["image"], 100, conv(4, 3, 3, &[0.0; 9])));
    assert!(short.contains("9 weights for 4 x 3 x 3 x 3"), "{short}");
    let endless = refused(
        0,
        layer("conv", &["image"], 100, conv(4, 3, 3, &[f32::NAN; 108])),
    );
    assert!(endless.contains("not finite"), "{endless}");
    let large = conv(4, 3, 3, &[0.0; 9]);
    let large = Writer(large.0).number(1, 1 << 40);
    let error = refused(0, layer("conv", &["image"], 100, large));
    assert!(error.contains("9 weights"), "{error}");
    let program = Writer::default()
        .number(1, 5)
        .message(2, Writer::default())
        .message(502, Writer::default());
    assert!(
        open(program.0)
            .unwrap_err()
            .to_string()
            .contains("ML program")
    );
    let trees = Writer::default()
        .number(1, 1)
        .message(2, Writer::default())
        .message(400, Writer::default());
    assert!(open(trees.0).unwrap_err().to_string().contains("kind 400"));
}

#[test]
fn damaged_files_are_refused() {
    let good = model(layers());
    for length in 1..good.len() {
        assert!(read(&good[..length], None).is_err(), "{length} bytes");
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

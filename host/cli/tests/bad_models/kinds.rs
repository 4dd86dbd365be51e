//! Malformed files of the kinds that other frameworks write.

use std::io::{Cursor, Write};

use hdf5_writer::{AttributeBuilder, DatasetBuilder, Hdf5Builder, WriteOptions};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::message::Message;

/// Bytes of the long files.
const LONG: usize = 40 << 20;
/// How files of PyTorch begin that were written before version 1.6.
const LEGACY: &[u8] =
    b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.";
const HDF5: &[u8] = b"\x89HDF\r\n\x1a\n";

/// An archive of files.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, data) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(data).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn field(tag: u32, inner: &[u8]) -> Vec<u8> {
    let mut message = Message::default();
    message.push_bytes(tag, inner);
    message.bytes()
}

fn number(tag: u32, value: i64) -> Vec<u8> {
    let mut message = Message::default();
    message.push_number(tag, value);
    message.bytes()
}

/// A state dict of a weight and a bias, whose storage has this key, class and count, in a pickle.
fn dict(storage: &str, key: &str, count: u32) -> Vec<u8> {
    let text = |text: &str| {
        let length = (text.len() as u32).to_le_bytes();
        [b"X", &length[..], text.as_bytes()].concat()
    };
    let mut p = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
    for name in ["features.0.weight", "features.0.bias"] {
        p.extend(text(name));
        p.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        p.extend(text("storage"));
        p.extend(format!("ctorch\n{storage}\n").bytes());
        p.extend(text(key));
        p.extend(text("cpu"));
        p.push(b'J');
        p.extend(count.to_le_bytes());
        p.extend(b"tQK\0(K\x02K\x02t(K\x02K\x01t\x89ccollections\nOrderedDict\n)RtR");
    }
    p.extend(b"u.");
    p
}

fn torch(pickle: &[u8], more: &[(&str, &[u8])]) -> Vec<u8> {
    zip(&[&[("a/data.pkl", pickle)], more].concat())
}

fn torches() -> Vec<(&'static str, Vec<u8>)> {
    let good = dict("FloatStorage", "0", 4);
    let data: (&str, &[u8]) = ("a/data/0", &[0; 16]);
    vec![
        ("torch: empty pickle", torch(b"", &[data])),
        ("torch: text", torch(b"no pickle", &[data])),
        (
            "torch: half a pickle",
            torch(&good[..good.len() / 2], &[data]),
        ),
        (
            "torch: a command",
            torch(b"\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R.", &[data]),
        ),
        (
            "torch: a module",
            torch(b"\x80\x02c__main__\nNet\n)\x81}b.", &[data]),
        ),
        (
            "torch: marks",
            torch(
                &[&b"\x80\x02"[..], &vec![b'('; 1 << 20], b"."].concat(),
                &[data],
            ),
        ),
        (
            "torch: deep lists",
            torch(
                &[&b"\x80\x02"[..], &b"](".repeat(1 << 19), b"."].concat(),
                &[data],
            ),
        ),
        (
            "torch: a long string",
            torch(b"\x80\x02X\xff\xff\xff\x7fabc", &[data]),
        ),
        ("torch: an empty dict", torch(b"\x80\x02}.", &[data])),
        ("torch: a number", torch(b"\x80\x02K\x07.", &[data])),
        ("torch: no storage", torch(&good, &[])),
        (
            "torch: a short storage",
            torch(&good, &[("a/data/0", &[0; 7])]),
        ),
        (
            "torch: many values",
            torch(&dict("FloatStorage", "0", u32::MAX / 2), &[data]),
        ),
        (
            "torch: a bomb of values",
            torch(&good, &[("a/data/0", &vec![0; 256 << 20])]),
        ),
        (
            "torch: a bomb of a pickle",
            torch(&vec![0; 256 << 20], &[data]),
        ),
        (
            "torch: an unknown storage",
            torch(&dict("StrangeStorage", "0", 4), &[data]),
        ),
        (
            "torch: integers",
            torch(&dict("LongStorage", "0", 2), &[data]),
        ),
        (
            "torch: a way out",
            torch(&dict("FloatStorage", "../../etc/passwd", 4), &[data]),
        ),
        ("legacy: the beginning", LEGACY.to_vec()),
        ("legacy: zeros", [LEGACY, &vec![0; LONG]].concat()),
        ("legacy: marks", [LEGACY, &vec![b'('; LONG]].concat()),
        (
            "legacy: a command",
            [LEGACY, b"}.\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R."].concat(),
        ),
        (
            "legacy: no storages",
            [LEGACY, b"\x80\x02}.", &good, b"\x80\x02]."].concat(),
        ),
        (
            "legacy: a lying count",
            [
                LEGACY,
                b"\x80\x02}.",
                &good,
                b"\x80\x02](X\x01\0\0\x000e.",
                &[0xff; 8],
            ]
            .concat(),
        ),
    ]
}

/// An HDF5 file with a model's configuration, or with a dataset alone.
fn hdf5(config: Option<&str>) -> Vec<u8> {
    let mut builder = Hdf5Builder::new();
    if let Some(text) = config {
        builder = builder.attribute(AttributeBuilder::fixed_string("model_config", text));
    }
    let values = DatasetBuilder::typed_data("model_weights/a/kernel:0", vec![2, 2], &[0.5f32; 4]);
    builder
        .dataset(values.unwrap())
        .into_plan()
        .unwrap()
        .encode(WriteOptions::default())
        .unwrap()
}

fn keras(config: &[u8], weights: &[u8]) -> Vec<u8> {
    zip(&[
        ("metadata.json", b"{}"),
        ("config.json", config),
        ("model.weights.h5", weights),
    ])
}

fn kerases() -> Vec<(&'static str, Vec<u8>)> {
    let plain = hdf5(None);
    let layers = |inner: &str| {
        format!("{{\"class_name\": \"Sequential\", \"config\": {{\"layers\": {inner}}}}}")
    };
    let deep = "[".repeat(1 << 15);
    let half = hdf5(Some(&layers("[]")));
    vec![
        ("hdf5: the signature", HDF5.to_vec()),
        ("hdf5: zeros", [HDF5, &vec![0; LONG]].concat()),
        ("hdf5: ones", [HDF5, &vec![0xff; LONG]].concat()),
        ("hdf5: half", half[..half.len() / 2].to_vec()),
        (
            "hdf5: a strange version",
            [&plain[..8], &[9], &plain[9..]].concat(),
        ),
        (
            "hdf5: addresses beyond",
            [&plain[..24], &[0xee; 64], &plain[88..]].concat(),
        ),
        ("hdf5: other weights", plain.clone()),
        ("hdf5: no JSON", hdf5(Some("{"))),
        ("hdf5: deep JSON", hdf5(Some(&deep))),
        ("hdf5: no layers", hdf5(Some(&layers("[]")))),
        ("hdf5: layers of numbers", hdf5(Some(&layers("[1, 2, 3]")))),
        ("hdf5: no model", hdf5(Some("{\"class_name\": 3}"))),
        ("keras: no JSON", keras(b"{", &plain)),
        ("keras: an empty object", keras(b"{}", &plain)),
        ("keras: deep JSON", keras(deep.as_bytes(), &plain)),
        (
            "keras: no weights in it",
            keras(layers("[]").as_bytes(), b""),
        ),
        (
            "keras: weights of zeros",
            keras(layers("[]").as_bytes(), &[0; 4096]),
        ),
        (
            "keras: a bomb of JSON",
            keras(&vec![b' '; 256 << 20], &plain),
        ),
        (
            "keras: a bomb of weights",
            keras(b"{}", &vec![0; 256 << 20]),
        ),
        (
            "keras: no configuration",
            zip(&[("model.weights.h5", &plain)]),
        ),
    ]
}

fn tflites() -> Vec<(&'static str, Vec<u8>)> {
    let file = |root: u32, rest: &[u8]| [&root.to_le_bytes()[..], b"TFL3", rest].concat();
    vec![
        ("tflite: the beginning", file(8, &[])),
        ("tflite: beyond the end", file(u32::MAX, &[0; 64])),
        ("tflite: itself", file(0, &[0; 64])),
        ("tflite: zeros", file(8, &vec![0; LONG])),
        ("tflite: ones", file(8, &vec![0xff; LONG])),
        // A table whose fields lie before the file, and vectors of as many entries as there can be.
        (
            "tflite: before the file",
            file(16, &[0xff, 0x7f, 0, 0, 0, 0, 0, 0x80, 1, 2, 3, 4]),
        ),
        (
            "tflite: many of everything",
            file(
                28,
                &[
                    &[
                        14, 0, 8, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0,
                        4, 0, 0, 0,
                    ][..],
                    &[0xff; 64],
                ]
                .concat(),
            ),
        ),
    ]
}

fn messages() -> Vec<(&'static str, Vec<u8>)> {
    // Core ML: version, description, and a neural network that classifies.
    let core =
        |network: &[u8]| [number(1, 4), field(2, &field(1, &[])), field(403, network)].concat();
    let caffe = |layers: &[u8]| [field(1, b"net"), layers.to_vec()].concat();
    let layer = |kind: &[u8], more: &[u8]| {
        field(
            100,
            &[
                field(1, b"conv1"),
                field(2, kind),
                field(3, b"data"),
                field(4, b"conv1"),
                more.to_vec(),
            ]
            .concat(),
        )
    };
    let shape = |dimension: i64| {
        let dims = [dimension; 4].map(|n| number(1, n)).concat();
        field(7, &field(7, &dims))
    };
    vec![
        ("coreml: no network", core(&[])),
        ("coreml: empty layers", core(&[0x0a, 0x00].repeat(LONG / 2))),
        ("coreml: a cut layer", core(&[0x0a, 0xff, 0xff, 0xff, 0x7f])),
        ("coreml: ones", core(&vec![0xff; 4096])),
        (
            "coreml: a strange layer",
            core(&field(1, &[field(1, b"a"), field(9999, &[])].concat())),
        ),
        (
            "caffe: empty layers",
            caffe(&[0xa2, 0x06, 0x00].repeat(LONG / 3)),
        ),
        ("caffe: no weights", caffe(&layer(b"Convolution", &[]))),
        ("caffe: a strange layer", caffe(&layer(b"Python", &[]))),
        (
            "caffe: a large shape",
            caffe(&layer(b"Convolution", &shape(1 << 40))),
        ),
        (
            "caffe: a negative shape",
            caffe(&layer(b"Convolution", &shape(-1))),
        ),
        (
            "caffe: a cut layer",
            caffe(&[0xa2, 0x06, 0xff, 0xff, 0xff, 0x7f]),
        ),
        (
            "caffe: layers of before 2015",
            caffe(&field(2, &field(4, b"conv1"))),
        ),
    ]
}

fn mxnets() -> Vec<(&'static str, Vec<u8>)> {
    let file = |rest: &[u8]| [&0x112u64.to_le_bytes()[..], &[0; 8], rest].concat();
    let eight = |n: u64| n.to_le_bytes();
    let array = |dimensions: u32, size: u64| {
        let mut bytes = 0xf993_fac9_u32.to_le_bytes().to_vec();
        bytes.extend(0u32.to_le_bytes());
        bytes.extend(dimensions.to_le_bytes());
        bytes.extend(eight(size));
        bytes
    };
    vec![
        ("mxnet: the beginning", file(&[])),
        ("mxnet: many arrays", file(&eight(u64::MAX))),
        ("mxnet: no arrays", file(&[eight(0), eight(0)].concat())),
        (
            "mxnet: many axes",
            file(&[&eight(1)[..], &array(u32::MAX, 1)].concat()),
        ),
        (
            "mxnet: a large axis",
            file(&[&eight(1)[..], &array(1, u64::MAX), &[0; 64]].concat()),
        ),
        ("mxnet: zeros", file(&vec![0; LONG])),
        ("mxnet: ones", file(&vec![0xff; LONG])),
    ]
}

/// Files that no reader takes, or takes far.
pub fn malformed() -> Vec<(&'static str, Vec<u8>)> {
    [torches(), kerases(), tflites(), messages(), mxnets()].concat()
}

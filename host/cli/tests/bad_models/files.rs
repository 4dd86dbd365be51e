//! The bad models: a good one with one thing changed, and files that are no model at all.

use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::message::{Message, tag};

/// Names a node in a graph.
fn node(model: &mut Message, name: &str, change: impl FnOnce(&mut Message)) {
    model.inner(tag::MODEL_GRAPH, (0, ""), |graph| {
        graph.inner(tag::GRAPH_NODE, (tag::NODE_NAME, name), change);
    });
}

/// Names an initialiser in a graph.
fn tensor(model: &mut Message, name: &str, change: impl FnOnce(&mut Message)) {
    model.inner(tag::MODEL_GRAPH, (0, ""), |graph| {
        graph.inner(tag::GRAPH_TENSOR, (tag::TENSOR_NAME, name), change);
    });
}

/// Gives a node a list of numbers as an attribute, in place of what it has.
fn ints(model: &mut Message, name: &str, attribute: &str, values: &[i64]) {
    node(model, name, |node| {
        let mut new = Message::default();
        new.push_bytes(tag::ATTRIBUTE_NAME, attribute);
        for &value in values {
            new.push_number(tag::ATTRIBUTE_INTS, value);
        }
        node.remove(tag::NODE_ATTRIBUTE, (tag::ATTRIBUTE_NAME, attribute));
        node.push_bytes(tag::NODE_ATTRIBUTE, new.bytes());
    });
}

/// Gives a node a number as a new attribute.
fn int(model: &mut Message, name: &str, attribute: &str, value: i64) {
    node(model, name, |node| {
        let mut new = Message::default();
        new.push_bytes(tag::ATTRIBUTE_NAME, attribute);
        new.push_number(tag::ATTRIBUTE_INT, value);
        node.push_bytes(tag::NODE_ATTRIBUTE, new.bytes());
    });
}

/// Gives an initialiser another shape.
fn dims(model: &mut Message, name: &str, dims: &[i64]) {
    tensor(model, name, |tensor| {
        tensor.clear(tag::TENSOR_DIM);
        for &dim in dims {
            tensor.push_number(tag::TENSOR_DIM, dim);
        }
    });
}

fn opset(model: &mut Message, version: i64) {
    model.inner(tag::MODEL_OPSET, (0, ""), |opset| {
        opset.clear(tag::OPSET_VERSION);
        opset.push_number(tag::OPSET_VERSION, version);
    });
}

/// Makes a node read another value as its first input.
fn reads(model: &mut Message, name: &str, input: &str) {
    node(model, name, |node| {
        node.clear(tag::NODE_INPUT);
        node.push_bytes(tag::NODE_INPUT, input);
    });
}

fn operator(model: &mut Message, name: &str, operator: &str) {
    node(model, name, |node| {
        node.clear(tag::NODE_OPERATOR);
        node.push_bytes(tag::NODE_OPERATOR, operator);
    });
}

/// Sets one value of an initialiser.
fn value(model: &mut Message, name: &str, index: usize, value: f32) {
    tensor(model, name, |tensor| {
        let mut raw = tensor.text(tag::TENSOR_RAW).to_vec();
        raw[4 * index..4 * index + 4].copy_from_slice(&value.to_le_bytes());
        tensor.clear(tag::TENSOR_RAW);
        tensor.push_bytes(tag::TENSOR_RAW, raw);
    });
}

/// Makes an initialiser's data lie in another file.
fn external(model: &mut Message, name: &str, place: &str) {
    tensor(model, name, |tensor| {
        let mut entry = Message::default();
        entry.push_bytes(tag::ENTRY_KEY, "location");
        entry.push_bytes(tag::ENTRY_VALUE, place);
        tensor.clear(tag::TENSOR_RAW);
        tensor.push_bytes(tag::TENSOR_EXTERNAL, entry.bytes());
        tensor.push_number(tag::TENSOR_LOCATION, 1);
    });
}

/// Well-formed models that cannot be run, and what the error says.
pub fn changed(good: &[u8]) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    type Change = fn(&mut Message);
    assert!(Message::parse(good).bytes() == good);
    let cases: Vec<(&str, Change, &str)> = vec![
        ("old opset", |m| opset(m, 6), "opset 6"),
        (
            "no graph",
            |m| {
                m.clear(tag::MODEL_GRAPH);
            },
            "no graph",
        ),
        ("cycle", |m| reads(m, "pool1", "fire2/concat"), "a cycle"),
        (
            "input from nowhere",
            |m| reads(m, "pool1", "nothing"),
            "nothing yields",
        ),
        (
            "dilation",
            |m| ints(m, "conv1.conv", "dilations", &[2, 2]),
            "dilations [2, 2]",
        ),
        ("groups", |m| int(m, "conv1.conv", "group", 3), "group 3"),
        (
            "negative pads",
            |m| ints(m, "conv1.conv", "pads", &[-1; 4]),
            "pads [-1, -1, -1, -1]",
        ),
        (
            "uneven pads",
            |m| ints(m, "fire2/expand3x3.conv", "pads", &[0, 0, 1, 1]),
            "all four sides",
        ),
        (
            "huge pads",
            |m| ints(m, "conv1.conv", "pads", &[i64::MAX; 4]),
            "pads",
        ),
        (
            "uneven strides",
            |m| ints(m, "conv1.conv", "strides", &[1, 2]),
            "strides [1, 2]",
        ),
        (
            "strides of 0",
            |m| ints(m, "conv1.conv", "strides", &[0, 0]),
            "strides 0",
        ),
        (
            "unknown attribute",
            |m| int(m, "conv1.conv", "wings", 2),
            "\"wings\"",
        ),
        ("rank of 2", |m| dims(m, "conv1.w", &[16, 27]), "[16, 27]"),
        (
            "rank of 5",
            |m| dims(m, "conv1.w", &[16, 3, 3, 3, 1]),
            "conv1",
        ),
        (
            "a billion values",
            |m| dims(m, "conv1.w", &[1_000_000_000, 3, 3, 3]),
            "1000000000",
        ),
        (
            "more values than fit",
            |m| dims(m, "conv1.w", &[i64::MAX; 4]),
            "conv1.w",
        ),
        (
            "negative dimension",
            |m| dims(m, "conv1.w", &[-16, 3, 3, 3]),
            "negative",
        ),
        ("NaN", |m| value(m, "conv1.w", 2, f32::NAN), "NaN"),
        (
            "infinity",
            |m| value(m, "conv1.b", 0, f32::INFINITY),
            "conv1.b",
        ),
        (
            "half floats",
            |m| {
                tensor(m, "conv1.w", |t| {
                    t.clear(tag::TENSOR_TYPE).push_number(tag::TENSOR_TYPE, 10);
                });
            },
            "the file has",
        ),
        (
            "data elsewhere",
            |m| external(m, "conv1.w", "../../../etc/passwd"),
            "../../../etc/passwd",
        ),
        (
            "another operator",
            |m| operator(m, "pool1", "LpPool"),
            "LpPool",
        ),
        (
            "transposed convolution",
            |m| operator(m, "fire2/squeeze1x1.conv", "ConvTranspose"),
            "ConvTranspose",
        ),
        (
            "clipped activation",
            |m| operator(m, "conv1", "Clip"),
            "only activation function is Relu",
        ),
        (
            "average in the middle",
            |m| operator(m, "pool1", "AveragePool"),
            "averages 3x3",
        ),
        (
            "no weights",
            |m| {
                m.inner(tag::MODEL_GRAPH, (0, ""), |graph| {
                    graph.remove(tag::GRAPH_TENSOR, (tag::TENSOR_NAME, "conv1.w"));
                });
            },
            "nothing yields",
        ),
        (
            "another activation",
            |m| operator(m, "conv1", "LeakyRelu"),
            "LeakyRelu",
        ),
        (
            "quantised already",
            |m| operator(m, "conv1.conv", "QLinearConv"),
            "quantised already",
        ),
        (
            "pool of 4x4",
            |m| ints(m, "pool1", "kernel_shape", &[4, 4]),
            "4x4",
        ),
        (
            "padded pool",
            |m| ints(m, "pool1", "pads", &[1; 4]),
            "pads [1, 1, 1, 1]",
        ),
    ];
    let changed = cases.into_iter().map(|(name, change, words)| {
        let mut model = Message::parse(good);
        change(&mut model);
        (name, model.bytes(), words)
    });
    changed.collect()
}

/// A field of bytes alone.
fn field(tag: u32, inner: &[u8]) -> Vec<u8> {
    let mut message = Message::default();
    message.push_bytes(tag, inner);
    message.bytes()
}

/// A header alone.
fn safetensors(header: &str) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat()
}

/// A small archive of many megabytes.
fn zip_of_zeros(name: &str, megabytes: usize) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(name, SimpleFileOptions::default()).unwrap();
    for _ in 0..megabytes {
        zip.write_all(&vec![0; 1 << 20]).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Files that are no model.
pub fn malformed(good: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let large = 40 << 20;
    let graph = |inner: &[u8]| field(tag::MODEL_GRAPH, inner);
    vec![
        ("empty", Vec::new()),
        ("cut", good[..good.len() / 2].to_vec()),
        ("cut early", good[..20].to_vec()),
        ("zeros", vec![0; large]),
        ("ones", vec![0xff; large]),
        ("text", b"not a model at all".to_vec()),
        ("empty nodes", graph(&[0x0a, 0x00].repeat(large / 2))),
        ("empty tensors", graph(&[0x2a, 0x00].repeat(large / 2))),
        ("empty opsets", [0x42, 0x00].repeat(large / 2)),
        (
            "dimensions",
            graph(&field(
                tag::GRAPH_TENSOR,
                &field(tag::TENSOR_DIM, &vec![1; large]),
            )),
        ),
        (
            "longer than it is",
            [&[0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f][..], good].concat(),
        ),
        (
            "safetensors header",
            [&(1u64 << 60).to_le_bytes()[..], b"{}"].concat(),
        ),
        (
            "safetensors empty",
            [&2u64.to_le_bytes()[..], b"{}"].concat(),
        ),
        (
            "safetensors brackets",
            [&1000u64.to_le_bytes()[..], &[b'{'; 1000]].concat(),
        ),
        (
            "safetensors offsets",
            safetensors(
                r#"{"conv1.weight":{"dtype":"F32","shape":[1099511627776,3,3,3],"data_offsets":[0,118747255799808]}}"#,
            ),
        ),
        ("zip bomb", zip_of_zeros("conv1.weight.npy", 256)),
        ("zip", b"PK\x03\x04 and no more".to_vec()),
        (
            "zip end",
            [&b"PK\x05\x06\0\0\0\0"[..], &[0xff; 12], &[0; 2]].concat(),
        ),
        ("pickle", b"\x80\x02cos\nsystem\nU\x02lsR.".to_vec()),
        ("pickle length", b"\x80\x03X\xff\xff\xff\x7fabc".to_vec()),
        (
            "pickle marks",
            [&b"\x80\x02"[..], &vec![b'('; 1 << 20]].concat(),
        ),
        ("one byte", vec![0x3a]),
    ]
}

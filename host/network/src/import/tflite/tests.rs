//! A small model, table by table.

use super::*;
use crate::float::FloatOp;
use crate::import::{Format, Imported, Options, read as import};

/// A field of a table.
#[derive(Clone)]
enum Field {
    Byte(u8),
    Int(i32),
    Bytes(Vec<u8>),
    Ints(Vec<i32>),
    Tables(Vec<Fields>),
    Table(Fields),
}

type Fields = Vec<(usize, Field)>;

/// Appends a table and what it refers to; gives its place.
fn table(file: &mut Vec<u8>, fields: &Fields) -> usize {
    let slots = fields.iter().map(|f| f.0 + 1).max().unwrap_or(0);
    let list = file.len();
    let (mut offsets, mut size) = (vec![0u16; slots], 4);
    for (number, _) in fields {
        offsets[*number] = size;
        size += 4;
    }
    file.extend((4 + 2 * slots as u16).to_le_bytes());
    file.extend(size.to_le_bytes());
    offsets.iter().for_each(|o| file.extend(o.to_le_bytes()));
    let at = file.len();
    file.extend(((at - list) as i32).to_le_bytes());
    file.resize(at + usize::from(size), 0);
    for (number, field) in fields {
        let place = at + usize::from(offsets[*number]);
        let target = match field {
            Field::Byte(value) => {
                file[place] = *value;
                continue;
            }
            Field::Int(value) => {
                file[place..place + 4].copy_from_slice(&value.to_le_bytes());
                continue;
            }
            Field::Bytes(bytes) => {
                let target = file.len();
                file.extend((bytes.len() as u32).to_le_bytes());
                file.extend(bytes);
                target
            }
            Field::Ints(values) => {
                let target = file.len();
                file.extend((values.len() as u32).to_le_bytes());
                values.iter().for_each(|v| file.extend(v.to_le_bytes()));
                target
            }
            Field::Tables(tables) => {
                let target = file.len();
                file.extend((tables.len() as u32).to_le_bytes());
                file.resize(file.len() + 4 * tables.len(), 0);
                for (i, fields) in tables.iter().enumerate() {
                    let entry = target + 4 + 4 * i;
                    let inner = table(file, fields);
                    file[entry..entry + 4].copy_from_slice(&((inner - entry) as u32).to_le_bytes());
                }
                target
            }
            Field::Table(fields) => table(file, fields),
        };
        file[place..place + 4].copy_from_slice(&((target - place) as u32).to_le_bytes());
    }
    at
}

fn floats(values: impl IntoIterator<Item = f32>) -> Vec<u8> {
    values.into_iter().flat_map(f32::to_le_bytes).collect()
}

/// A tensor and its data; `kind` is its type.
struct Given {
    name: &'static str,
    shape: Vec<i32>,
    kind: u8,
    data: Vec<u8>,
    scale: Vec<f32>,
}

/// Picture 9x9, conv 3x3 to 4 channels with ReLU and padding, conv 1x1 to 2, mean.
fn given(quantised: bool) -> Vec<Given> {
    let plain = |name, shape: &[i32], data| Given {
        name,
        shape: shape.to_vec(),
        kind: 0,
        data,
        scale: Vec::new(),
    };
    let mut all = vec![
        plain("in", &[1, 9, 9, 3], Vec::new()),
        plain(
            "w1",
            &[4, 3, 3, 3],
            floats((0..108).map(|i| (i % 100) as f32 * 0.5)),
        ),
        plain("b1", &[4], floats([1.0, 2.0, 3.0, 4.0])),
        plain("conv", &[1, 9, 9, 4], Vec::new()),
        plain("w2", &[2, 1, 1, 4], floats((0..8).map(|i| i as f32))),
        plain("last", &[1, 9, 9, 2], Vec::new()),
        Given {
            kind: 2,
            ..plain(
                "axes",
                &[2],
                [1i32, 2].iter().flat_map(|v| v.to_le_bytes()).collect(),
            )
        },
        plain("mean", &[1, 2], Vec::new()),
    ];
    if quantised {
        all[1].kind = 9;
        all[1].data = (0..108).map(|i| i % 100).collect();
        all[1].scale = vec![0.5, 0.25, 1.0, 2.0];
        all[2].kind = 2;
        all[2].data = [2i32; 4].iter().flat_map(|v| v.to_le_bytes()).collect();
        all[2].scale = vec![0.5];
    }
    all
}

fn operators() -> Vec<Fields> {
    let operator = |code: i32, inputs: &[i32], output: i32, options: Fields| {
        vec![
            (0, Field::Int(code)),
            (1, Field::Ints(inputs.to_vec())),
            (2, Field::Ints(vec![output])),
            (4, Field::Table(options)),
        ]
    };
    let conv = |activation| {
        vec![
            (0, Field::Byte(0)),
            (1, Field::Int(1)),
            (2, Field::Int(1)),
            (3, Field::Byte(activation)),
        ]
    };
    vec![
        operator(0, &[0, 1, 2], 3, conv(1)),
        operator(0, &[3, 4, -1], 5, conv(0)),
        operator(1, &[5, 6], 7, vec![(0, Field::Byte(0))]),
    ]
}

fn model(given: &[Given], operators: Vec<Fields>, codes: &[u8]) -> Vec<u8> {
    let mut buffers = vec![Vec::new()];
    let tensors = given.iter().enumerate().map(|(i, tensor)| {
        buffers.push(vec![(0, Field::Bytes(tensor.data.clone()))]);
        let scale: Vec<u8> = floats(tensor.scale.iter().copied());
        let scale: Vec<i32> = scale
            .as_chunks()
            .0
            .iter()
            .map(|b| i32::from_le_bytes(*b))
            .collect();
        vec![
            (0, Field::Ints(tensor.shape.clone())),
            (1, Field::Byte(tensor.kind)),
            (2, Field::Int(i as i32 + 1)),
            (3, Field::Bytes(tensor.name.into())),
            (4, Field::Table(vec![(2, Field::Ints(scale))])),
        ]
    });
    let graph = vec![
        (0, Field::Tables(tensors.collect())),
        (1, Field::Ints(vec![0])),
        (2, Field::Ints(vec![7])),
        (3, Field::Tables(operators)),
    ];
    let codes = codes
        .iter()
        .map(|&code| vec![(0, Field::Byte(code)), (3, Field::Int(code.into()))]);
    let root = vec![
        (0, Field::Int(3)),
        (1, Field::Tables(codes.collect())),
        (2, Field::Tables(vec![graph])),
        (4, Field::Tables(buffers)),
    ];
    let mut file = b"\0\0\0\0TFL3".to_vec();
    let at = table(&mut file, &root) as u32;
    file[..4].copy_from_slice(&at.to_le_bytes());
    file
}

fn open(bytes: Vec<u8>) -> Result<Imported, ImportError> {
    import(bytes, "file", &Options::default())
}

#[test]
fn floats_and_halves_of_integers_are_read() {
    let imported = open(model(&given(false), operators(), &[3, 40])).unwrap();
    assert_eq!(imported.format, Format::Tflite);
    let network = &imported.network;
    assert_eq!((network.input.height, network.input.border.top), (11, 1));
    let convs: Vec<_> = network.nodes.iter().filter_map(|n| n.op.conv()).collect();
    assert_eq!(convs[0].weights.dim(), (4, 3, 3, 3));
    // Output 1, row 0, column 1, channel 2 is the 27 + 3 + 2nd.
    assert_eq!(convs[0].weights[(1, 0, 1, 2)], 16.0);
    assert_eq!(convs[0].bias, [1.0, 2.0, 3.0, 4.0]);
    assert_eq!((convs[0].relu, convs[1].relu), (true, false));
    assert!(matches!(network.nodes.last().unwrap().op, FloatOp::Global));

    let imported = open(model(&given(true), operators(), &[3, 40])).unwrap();
    let conv = imported.network.nodes[0].op.conv().unwrap();
    assert_eq!(conv.weights[(0, 0, 1, 2)], 2.5);
    assert_eq!(conv.weights[(1, 0, 1, 2)], 8.0);
    assert_eq!(conv.bias, [1.0; 4]);
    assert!(
        imported
            .notes
            .iter()
            .any(|n| n.contains("quantised already"))
    );
}

#[test]
fn what_cannot_be_run_is_named() {
    let refused = |given: &[Given], operators, codes: &[u8]| {
        open(model(given, operators, codes))
            .expect_err("must be refused")
            .to_string()
    };
    let depthwise = refused(&given(false), operators(), &[4, 40]);
    assert!(
        depthwise.contains("DEPTHWISE_CONV_2D") && depthwise.contains("\"conv\""),
        "{depthwise}"
    );
    let mut relu6 = operators();
    relu6[0][3].1 = Field::Table(vec![
        (1, Field::Int(1)),
        (2, Field::Int(1)),
        (3, Field::Byte(3)),
    ]);
    assert!(refused(&given(false), relu6, &[3, 40]).contains("RELU6"));
    let mut short = given(false);
    short[1].data.truncate(40);
    assert!(refused(&short, operators(), &[3, 40]).contains("has 10 values"));
    let mut scales = given(true);
    scales[1].scale.pop();
    assert!(refused(&scales, operators(), &[3, 40]).contains("3 scales for 4 channels"));
    let mut gone = operators();
    gone[0][1].1 = Field::Ints(vec![99, 1, 2]);
    assert!(refused(&given(false), gone, &[3, 40]).contains("tensor 99 is not there"));
    let mut endless = given(false);
    endless[2].data = floats([f32::NAN; 4]);
    assert!(refused(&endless, operators(), &[3, 40]).contains("not finite"));
}

#[test]
fn damaged_files_are_refused() {
    let good = model(&given(true), operators(), &[3, 40]);
    for length in 8..good.len() {
        let _ = read(&good[..length], None); // must return, whatever it says
    }
    assert!(read(&good[..good.len() / 2], None).is_err());
    for offset in 0..good.len() {
        for flip in [1, 0x10, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[offset] ^= flip;
            let _ = read(&bytes, None);
        }
    }
}

/// Good files: floats, and integers of 8 bits.
pub fn samples() -> Vec<Vec<u8>> {
    [false, true]
        .map(|quantised| model(&given(quantised), operators(), &[3, 40]))
        .into()
}

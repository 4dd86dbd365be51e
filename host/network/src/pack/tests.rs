use std::collections::HashMap;
use std::fs;

use firebrick_spec::arith::Requant;
use ndarray::Array4;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;

use super::*;
use crate::fixture::{conv, tiny};
use crate::graph::{Border, NodeId, Op, PixelOrder, Pool, Scores};

fn message(bytes: &[u8]) -> String {
    Network::from_bytes(bytes)
        .expect_err("must be refused")
        .to_string()
}

/// Writes the file again with another description, checksum and tensors untouched.
fn with_header(bytes: &[u8], edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    let (_, metadata) = safetensors::SafeTensors::read_metadata(bytes).unwrap();
    let text = metadata.metadata().as_ref().unwrap()[METADATA_KEY].clone();
    let mut header: Value = serde_json::from_str(&text).unwrap();
    edit(&mut header);
    let tensors = safetensors::SafeTensors::deserialize(bytes).unwrap();
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), header.to_string())]);
    safetensors::serialize(tensors.iter(), Some(metadata)).unwrap()
}

fn first_conv(network: &mut Network) -> &mut Conv {
    match &mut network.nodes[0].op {
        Op::Conv(conv) => conv,
        _ => unreachable!(),
    }
}

#[test]
fn round_trip_is_exact_and_deterministic() {
    let network = tiny();
    let bytes = network.to_bytes().unwrap();
    assert_eq!(Network::from_bytes(&bytes).unwrap(), network);
    for _ in 0..8 {
        assert_eq!(network.to_bytes().unwrap(), bytes);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.safetensors");
    network.save(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert_eq!(Network::load(&path).unwrap(), network);
}

/// The small network, three quarters of its weights zero.
fn pruned() -> Network {
    let mut network = tiny();
    crate::random::thin(&mut network, 0.75, 5);
    network
}

#[test]
fn zeros_are_left_out_where_that_is_shorter() {
    let plain = tiny().to_bytes().unwrap();
    let network = pruned();
    let bytes = network.to_bytes().unwrap();
    assert!(bytes.len() < plain.len());
    assert_eq!(Network::from_bytes(&bytes).unwrap(), network);
    // A file from before is the same network.
    let older = write::bytes_again(&network, crate::description::version_of(&network)).unwrap();
    assert!(older.len() > bytes.len());
    assert_eq!(Network::from_bytes(&older).unwrap(), network);
}

/// The small network with a border around its picture, the last 3 rows of which nothing sees.
fn bordered(mut network: Network) -> Network {
    network.input.border = Border {
        top: 1,
        left: 0,
        bottom: 3,
        right: 2,
        pixel: [104, 117, 123],
    };
    network
}

#[test]
fn borders_and_grey_pictures_take_the_fourth_version() {
    let mut grey = tiny();
    grey.input.order = PixelOrder::Grey;
    for network in [bordered(tiny()), bordered(pruned()), grey] {
        let bytes = network.to_bytes().unwrap();
        assert_eq!(Network::from_bytes(&bytes).unwrap(), network);
        with_header(&bytes, |header| {
            assert_eq!(header["format_version"], 4);
            // An older program refuses the version, and this one a version that cannot hold it.
            header["format_version"] = 3.into();
        });
        let older = with_header(&bytes, |header| header["format_version"] = 3.into());
        let error = message(&older);
        assert!(error.contains("damaged"), "{error}");
    }
    let mut wide = bordered(tiny());
    wide.input.border.left = 17;
    assert!(
        wide.to_bytes()
            .unwrap_err()
            .to_string()
            .contains("at most 16 a side")
    );
    let mut all = bordered(tiny());
    (all.input.height, all.input.border.bottom) = (17, 16);
    assert!(
        all.to_bytes()
            .unwrap_err()
            .to_string()
            .contains("at least one pixel")
    );
}

#[test]
fn every_flipped_byte_is_found() {
    for network in [tiny(), pruned(), bordered(tiny())] {
        flipped_bytes_are_found(&network.to_bytes().unwrap());
    }
}

fn flipped_bytes_are_found(bytes: &[u8]) {
    for offset in 0..bytes.len() {
        let mut damaged = bytes.to_vec();
        // 0x29 turns the padding's spaces into tabs, which JSON allows.
        for mask in [0x01, 0x20, 0x29, 0x80] {
            damaged[offset] = bytes[offset] ^ mask;
            assert!(
                Network::from_bytes(&damaged).is_err(),
                "byte {offset} ^ {mask:#x}"
            );
        }
    }
}

#[test]
fn every_truncation_is_found() {
    let bytes = tiny().to_bytes().unwrap();
    for length in 0..bytes.len() {
        assert!(
            Network::from_bytes(&bytes[..length]).is_err(),
            "{length} bytes"
        );
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(message(&longer).contains("damaged"));
    assert!(message(&bytes[..100]).contains("truncated"));
}

#[test]
fn absurd_header_lengths_are_refused_without_allocation() {
    let bytes = tiny().to_bytes().unwrap();
    for length in [u64::MAX, u64::MAX - 7, 1 << 40, bytes.len() as u64] {
        let mut damaged = bytes.clone();
        damaged[..8].copy_from_slice(&length.to_le_bytes());
        assert!(
            message(&damaged).contains("header is said to take"),
            "{length}"
        );
    }
}

#[test]
fn files_that_are_no_models_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.safetensors");
    let text = Network::load(&missing).unwrap_err().to_string();
    assert!(
        text.contains("missing.safetensors") && text.contains("give the path"),
        "{text}"
    );
    let text = Network::load(folder.path()).unwrap_err().to_string();
    assert!(text.contains("not a regular file"), "{text}");

    let large = folder.path().join("large");
    fs::File::create(&large)
        .unwrap()
        .set_len(MAX_FILE_BYTES + 1)
        .unwrap();
    assert!(
        Network::load(&large)
            .unwrap_err()
            .to_string()
            .contains("larger than 64 MiB")
    );

    let view = TensorView::new(Dtype::U8, vec![1], &[0]).unwrap();
    let other = safetensors::serialize([("x", view)], None).unwrap();
    assert!(message(&other).contains("another program's file"));
}

#[test]
fn independent_classes_take_the_fifth_version() {
    let mut network = tiny();
    network.scores = Scores::Sigmoid { raised: 2.5 };
    let bytes = network.to_bytes().unwrap();
    assert_eq!(Network::from_bytes(&bytes).unwrap(), network);
    with_header(&bytes, |header| assert_eq!(header["format_version"], 5));
    network.scores = Scores::Sigmoid { raised: f32::NAN };
    let error = network.to_bytes().unwrap_err().to_string();
    assert!(error.contains("must be finite"), "{error}");
}

#[test]
fn pools_of_2x2_and_maps_as_outputs_take_the_sixth_version() {
    let mut network = tiny();
    network.scores = Scores::Map { raised: 1.5 };
    let mut pooled = tiny();
    let pool = pooled.nodes.iter_mut().find_map(|node| match &mut node.op {
        Op::MaxPool(pool) => Some(pool),
        _ => None,
    });
    *pool.unwrap() = Pool::PAIRS;
    for network in [&network, &pooled] {
        let bytes = network.to_bytes().unwrap();
        assert_eq!(Network::from_bytes(&bytes).unwrap(), *network);
        with_header(&bytes, |header| assert_eq!(header["format_version"], 6));
    }
    for node in &mut pooled.nodes {
        if let Op::MaxPool(pool) = &mut node.op {
            pool.ceil = true;
        }
    }
    let error = pooled.to_bytes().unwrap_err().to_string();
    assert!(error.contains("2x2"), "{error}");
}

#[test]
fn other_versions_are_refused_before_anything_else_is_read() {
    let bytes = with_header(&tiny().to_bytes().unwrap(), |header| {
        *header = serde_json::json!({ "format_version": 7, "something": "new" });
    });
    assert!(message(&bytes).contains("format version 7, this program reads versions 1 to 6"));
}

#[test]
fn descriptions_that_do_not_fit_are_refused() {
    let bytes = tiny().to_bytes().unwrap();
    let cases: [(&str, &str, Value); 9] = [
        (
            "/network/nodes/1/op",
            "unknown variant `softmax`",
            "softmax".into(),
        ),
        (
            "/network/nodes/2/inputs/0",
            "which does not exist",
            "nowhere".into(),
        ),
        (
            "/network/nodes/2/inputs/0",
            "not computed before it",
            "conv10".into(),
        ),
        (
            "/network/nodes/2/inputs/0",
            "not computed before it",
            "fire2/squeeze1x1".into(),
        ),
        (
            "/network/nodes/0/out_channels",
            "the description says",
            17.into(),
        ),
        (
            "/network/nodes/0/in_channels",
            "the description says",
            u64::MAX.into(),
        ),
        ("/network/nodes/0/pad", "have SHA-256", u64::MAX.into()),
        ("/network/labels/0", "have SHA-256", "oak".into()),
        (
            "/network/nodes/0/name",
            "is not in the file",
            "conv0".into(),
        ),
    ];
    for (pointer, expected, value) in cases {
        let edited = with_header(&bytes, |header| {
            *header.pointer_mut(pointer).unwrap() = value.clone();
        });
        let text = message(&edited);
        assert!(text.contains(expected), "{pointer} = {value}: {text}");
    }
}

#[test]
fn an_unknown_field_is_not_passed_over() {
    let bytes = with_header(&tiny().to_bytes().unwrap(), |header| {
        header["network"]["nodes"][0]["dilation"] = 2.into();
    });
    assert!(message(&bytes).contains("damaged"));
}

#[test]
fn networks_that_cannot_run_are_neither_written_nor_read() {
    type Case = (&'static str, fn(&mut Network));
    let cases: [Case; 20] = [
        ("weight of -128", |n| {
            first_conv(n).weights[(3, 0, 0, 0)] = -128
        }),
        ("multiplier 0", |n| first_conv(n).requant[0].mult = 0),
        ("multiplier 32768", |n| {
            first_conv(n).requant[0].mult = 32_768
        }),
        ("shift 0", |n| first_conv(n).requant[0].shift = 0),
        ("shift 49", |n| first_conv(n).requant[0].shift = 49),
        ("more than 32 bits", |n| {
            first_conv(n).requant[2].bias = i32::MAX
        }),
        ("more than 32 bits", |n| {
            first_conv(n).requant[2].bias = i32::MIN
        }),
        ("15 requantisers for 16", |n| {
            first_conv(n).requant.pop();
        }),
        ("not a positive number", |n| {
            first_conv(n).output_scale = f32::NAN
        }),
        ("kernel 2x2", |n| {
            *first_conv(n) = Conv {
                kernel: 2,
                ..conv(1, 1, 0, 3, 16)
            }
        }),
        ("do not fit a 3x3 kernel", |n| {
            first_conv(n).weights = Array4::zeros((16, 3, 1, 3))
        }),
        ("stride 0", |n| first_conv(n).stride = 0),
        ("padding", |n| first_conv(n).pad = usize::MAX),
        ("weights take 4 channels", |n| {
            first_conv(n).weights = Array4::zeros((16, 3, 3, 4))
        }),
        ("not an earlier node", |n| n.nodes[2].inputs[0] = NodeId(6)),
        ("not an earlier node", |n| n.nodes[2].inputs[0] = NodeId(2)),
        ("same name", |n| n.nodes[1].name = "conv1".into()),
        ("this name is reserved", |n| {
            n.nodes[1].name = "input".into()
        }),
        ("4 for 5 classes", |n| {
            n.labels.pop();
        }),
        ("must be the global sum", |n| {
            n.nodes.pop();
        }),
    ];
    for (expected, edit) in cases {
        let mut network = tiny();
        edit(&mut network);
        let text = network.to_bytes().expect_err(expected).to_string();
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn reading_proves_the_weights_again() {
    // A well-formed file, checksum included, whose weights the writer would have refused.
    let mut network = tiny();
    let good = network.to_bytes().unwrap();
    first_conv(&mut network).requant[0] = Requant {
        bias: 0,
        mult: 40_000,
        shift: 20,
    };
    let description = serde_json::to_string(&crate::description::Description::of(&network));
    let sum = content_sha256(&network, &description.unwrap());
    let mut bytes = with_header(&good, |header| header["content_sha256"] = sum.into());
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let position = |name: &str| {
        let data = tensors.tensor(name).unwrap().data();
        data.as_ptr() as usize - bytes.as_ptr() as usize
    };
    let at = [
        position("conv1.bias"),
        position("conv1.mult"),
        position("conv1.shift"),
    ];
    bytes[at[0]..][..4].copy_from_slice(&0i32.to_le_bytes());
    bytes[at[1]..][..2].copy_from_slice(&40_000u16.to_le_bytes());
    bytes[at[2]] = 20;
    let text = message(&bytes);
    assert!(text.contains("multiplier 40000"), "{text}");
}

#[test]
fn channels_that_double_at_every_node_do_not_overflow() {
    let mut network = tiny();
    let last = network.nodes.pop().unwrap();
    for i in 0..100 {
        let inputs = vec![NodeId(6 + i); 2];
        network.nodes.push(crate::Node {
            name: format!("double{i}"),
            op: Op::Concat,
            inputs,
        });
    }
    network.nodes.push(crate::Node {
        inputs: vec![NodeId(106)],
        ..last
    });
    assert!(
        network
            .to_bytes()
            .unwrap_err()
            .to_string()
            .contains("channels")
    );
}

#[test]
fn header_checksum_is_compared_as_written() {
    let bytes = with_header(&tiny().to_bytes().unwrap(), |header| {
        let sum = header["content_sha256"].as_str().unwrap().to_uppercase();
        header["content_sha256"] = sum.into();
    });
    assert!(message(&bytes).contains("SHA-256"));
}

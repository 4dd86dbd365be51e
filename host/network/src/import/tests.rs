//! Files of tensors, and that every way ends in the same network.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use ndarray::Array4;
use safetensors::tensor::{Dtype, TensorView};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::float::FloatOp;
use crate::graph::{PixelOrder, ResizePolicy};
use crate::random;
use crate::squeezenet::Fire;

/// Weights (output, input, row, column) and bias of each layer.
type Layers = BTreeMap<String, (Array4<f32>, Vec<f32>)>;

/// Weights of a network.
fn layers(table: &SqueezeNet) -> Layers {
    let network = random::float(table, 5);
    let conv = |node: &crate::float::FloatNode| match &node.op {
        FloatOp::Conv(c) => {
            let weights = c.weights.view().permuted_axes([0, 3, 1, 2]);
            let weights = weights.as_standard_layout().into_owned();
            Some((node.name.clone(), (weights, c.bias.clone())))
        }
        _ => None,
    };
    network.nodes.iter().filter_map(conv).collect()
}

fn bytes(values: impl IntoIterator<Item = f32>) -> Vec<u8> {
    values.into_iter().flat_map(f32::to_le_bytes).collect()
}

fn safetensors(layers: &Layers) -> Vec<u8> {
    let data: Vec<(String, Vec<usize>, Vec<u8>)> = layers
        .iter()
        .flat_map(|(name, (weight, bias))| {
            [
                (
                    format!("{name}.weight"),
                    weight.shape().to_vec(),
                    bytes(weight.iter().copied()),
                ),
                (
                    format!("{name}.bias"),
                    vec![bias.len()],
                    bytes(bias.iter().copied()),
                ),
            ]
        })
        .collect();
    let views = data.iter().map(|(name, shape, data)| {
        (
            name.as_str(),
            TensorView::new(Dtype::F32, shape.clone(), data).unwrap(),
        )
    });
    safetensors::serialize(views, None).unwrap()
}

fn npy(shape: &[usize], values: &[u8], descr: &str) -> Vec<u8> {
    let sizes: Vec<String> = shape.iter().map(|n| format!("{n},")).collect();
    let mut header = format!(
        "{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}), }}",
        sizes.concat()
    );
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(values);
    file
}

fn archive(arrays: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, data) in arrays {
        zip.start_file(format!("{name}.npy"), SimpleFileOptions::default())
            .unwrap();
        zip.write_all(data).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn npz(layers: &Layers) -> Vec<u8> {
    let arrays: Vec<_> = layers
        .iter()
        .flat_map(|(name, (weight, bias))| {
            let weights = bytes(weight.iter().copied());
            [
                (
                    format!("{name}.weight"),
                    npy(weight.shape(), &weights, "<f4"),
                ),
                (
                    format!("{name}.bias"),
                    npy(&[bias.len()], &bytes(bias.iter().copied()), "<f4"),
                ),
            ]
        })
        .collect();
    archive(&arrays)
}

/// torchvision's name of a layer: it counts convolution, ReLU and pools as well.
fn torchvision(table: &SqueezeNet, name: &str) -> String {
    let Some((module, part)) = name.strip_prefix("fire").and_then(|r| r.split_once('/')) else {
        return if name == "conv1" {
            "features.0"
        } else {
            "classifier.1"
        }
        .into();
    };
    let module: usize = module.parse().unwrap();
    let pools = table.pools.iter().filter(|&&p| p < module).count();
    let part = if part == "squeeze1x1" {
        "squeeze"
    } else {
        part
    };
    format!("features.{}.{part}", module + pools)
}

fn import(bytes: Vec<u8>) -> Imported {
    read(bytes, "file", &Options::default()).unwrap()
}

#[test]
fn every_way_ends_in_the_same_network() {
    for table in [SqueezeNet::v1_0(), SqueezeNet::v1_1()] {
        let layers = layers(&table);
        let reference = random::float(&table, 5);
        let options = Options {
            size: Some([table.side; 2]),
            ..Options::default()
        };
        let files = [safetensors(&layers), npz(&layers), to_onnx(&reference)];
        for file in files {
            let imported = read(file, "file", &options).unwrap();
            assert_eq!(imported.network, reference, "{:?}", imported.format);
            assert_eq!(imported.table.unwrap(), table);
        }
    }
}

#[test]
fn torchvision_s_names_say_where_the_pools_are() {
    for table in [SqueezeNet::v1_0(), SqueezeNet::v1_1()] {
        let renamed: BTreeMap<_, _> = layers(&table)
            .into_iter()
            .map(|(name, layer)| (torchvision(&table, &name), layer))
            .collect();
        assert!(renamed.contains_key("features.3.squeeze"));
        let imported = import(safetensors(&renamed));
        assert_eq!(imported.network.nodes, random::float(&table, 5).nodes);
        let input = imported.network.input;
        assert_eq!((input.height, input.order), (224, PixelOrder::Rgb));
        assert_eq!(input.resize, ResizePolicy::CropCenter { short: 256 });
        assert_eq!(
            imported.network.normalise,
            Preprocess::TORCHVISION.normalise
        );
        assert_eq!(imported.network.name, table.name);
    }
}

#[test]
fn what_is_asked_for_replaces_the_preset() {
    let options = Options {
        name: Some("mine".into()),
        order: Some(PixelOrder::Rgb),
        mean: Some([1.0, 2.0, 3.0]),
        std: Some([4.0, 5.0, 6.0]),
        size: Some([100, 120]),
        last_pad: Some(1),
        ceil: Some(false),
        ..Options::default()
    };
    let imported = read(safetensors(&layers(&SqueezeNet::v1_0())), "file", &options).unwrap();
    let network = imported.network;
    assert_eq!(network.name, "mine");
    assert_eq!((network.input.height, network.input.width), (100, 120));
    assert_eq!(network.input.order, PixelOrder::Rgb);
    assert_eq!(network.normalise.mean, [1.0, 2.0, 3.0]);
    assert_eq!(network.normalise.std, [4.0, 5.0, 6.0]);
    // The traps that this walks into.
    assert!(
        imported
            .notes
            .iter()
            .any(|n| n.contains("conv10") && n.contains("Caffe"))
    );
    assert!(imported.notes.iter().any(|n| n.contains("floor mode")));
}

#[test]
fn files_of_tensors_that_do_not_fit_are_refused_by_name() {
    let table = SqueezeNet::v1_1();
    let refused = |change: &dyn Fn(&mut Layers)| {
        let mut layers = layers(&table);
        change(&mut layers);
        let error = read(safetensors(&layers), "file", &Options::default());
        error.expect_err("must be refused").to_string()
    };
    let missing = refused(&|l| drop(l.remove("fire5/expand3x3")));
    assert!(missing.contains("fire5/expand3x3"), "{missing}");
    let unknown = refused(&|l| {
        let layer = l["conv1"].clone();
        l.insert("dense".into(), layer);
    });
    assert!(unknown.contains("dense"), "{unknown}");
    let wrong = refused(&|l| {
        let layer = l["fire2/expand3x3"].clone();
        l.insert("fire3/squeeze1x1".into(), layer);
    });
    assert!(wrong.contains("fire3/squeeze1x1"), "{wrong}");
    let pools = refused(&|l| l.retain(|name, _| !name.starts_with("fire9")));
    assert!(pools.contains("--pools"), "{pools}");
}

#[test]
fn damaged_archives_are_refused() {
    let refused = |bytes: Vec<u8>| {
        let error = read(bytes, "file", &Options::default());
        error.expect_err("must be refused").to_string()
    };
    let one = |name: &str, data: Vec<u8>| refused(archive(&[(name.to_owned(), data)]));
    assert!(refused(Vec::new()).contains("empty"));
    assert!(refused(b"PK\x03\x04".to_vec()).contains("damaged"));
    assert!(one("a.weight", b"text".to_vec()).contains("not a NumPy array"));
    assert!(one("a.else", npy(&[1], &[0; 4], "<f4")).contains("neither a weight nor a bias"));
    assert!(one("a.weight", npy(&[1, 1, 1, 1], &[0; 8], "<f8")).contains("float32"));
    assert!(one("a.weight", npy(&[1, 1, 1, 1], &[0; 4], "<f4")).contains("has no bias"));
    assert!(one("a.weight", npy(&[1_000_000_000; 4], &[0; 4], "<f4")).contains("does not fit"));
    assert!(one("a.weight", npy(&[9, 1, 1, 1], &[0; 4], "<f4")).contains("does not fit"));
    assert!(one("a.bias", npy(&[1], &f32::NAN.to_le_bytes(), "<f4")).contains("finite"));
    assert!(one("a.bias", npy(&[1], &[0; 4], "<f4")).contains("has no weight"));
    // 64 MiB of zeros in some 64 KiB.
    assert!(one("a.weight", vec![0; 64 << 20]).contains("more than 48 MiB"));
    let mut long = (1u64 << 40).to_le_bytes().to_vec();
    long.extend(b"{}");
    assert!(refused(long).contains("truncated or not an ONNX model"));
}

/// Good files as ONNX, safetensors and NumPy's archive.
pub fn samples() -> [Vec<u8>; 3] {
    let table = SqueezeNet::tiny();
    let layers = layers(&table);
    let network = random::float(&table, 5);
    [to_onnx(&network), safetensors(&layers), npz(&layers)]
}

#[test]
fn pruned_modules_may_have_one_expand() {
    let fire = |squeeze, expand1, expand3| Fire {
        squeeze,
        expand1,
        expand3,
    };
    let table = SqueezeNet {
        fires: vec![fire(2, 4, 0), fire(3, 0, 5)],
        ..SqueezeNet::tiny()
    };
    let left = layers(&table);
    let options = Options {
        pools: Some(vec![1]),
        ..Options::default()
    };
    let without = read(safetensors(&left), "file", &options).unwrap();
    let mut whole = left.clone();
    let empty = |kernel: usize, inputs: usize| {
        (
            ndarray::Array4::zeros((0, inputs, kernel, kernel)),
            Vec::new(),
        )
    };
    whole.insert("fire2/expand3x3".into(), empty(3, 2));
    whole.insert("fire3/expand1x1".into(), empty(1, 3));
    let with = read(safetensors(&whole), "file", &options).unwrap();
    assert_eq!(with.network, without.network);
    assert_eq!(with.table.unwrap().fires, table.fires);
    let names: Vec<&str> = with.network.nodes.iter().map(|n| n.name.as_str()).collect();
    assert!(
        !names.iter().any(|name| name.ends_with("concat")),
        "{names:?}"
    );
    let mut gone = left;
    gone.remove("fire2/expand1x1");
    let error = read(safetensors(&gone), "file", &options).unwrap_err();
    assert!(error.to_string().contains("fire2/expand1x1"), "{error}");
}

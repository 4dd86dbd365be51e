//! The committed files in `weights/` are what their manifest says, and the program's own model.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use firebrick_network::calibration::Calibration;
use firebrick_network::{Network, Op, Picture, Shape, builtin};
use serde::Deserialize;
use sha2::{Digest, Sha256};

#[derive(Deserialize)]
struct Manifest {
    source: Vec<Source>,
    file: Vec<Entry>,
}

#[derive(Deserialize)]
struct Source {
    archive_sha256: String,
    license: String,
    member: Vec<Member>,
}

#[derive(Deserialize)]
struct Member {
    sha256: String,
    r#as: String,
}

#[derive(Deserialize)]
struct Entry {
    path: String,
    sha256: String,
    license: String,
    origin: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../weights")
}

fn manifest() -> Manifest {
    toml::from_str(&fs::read_to_string(folder().join("MANIFEST.toml")).unwrap()).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn files_in(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            files_in(&entry.path(), &format!("{name}/"), found);
        } else {
            found.insert(name);
        }
    }
}

#[test]
fn every_file_has_its_checksum_and_no_other_file_is_there() {
    let manifest = manifest();
    for entry in &manifest.file {
        let bytes = fs::read(folder().join(&entry.path)).expect(&entry.path);
        assert_eq!(
            sha256(&bytes),
            entry.sha256,
            "{}: run scripts/build-weights",
            entry.path
        );
        assert!(
            !entry.license.is_empty() && !entry.origin.is_empty(),
            "{}",
            entry.path
        );
    }
    let mut present = BTreeSet::new();
    files_in(&folder(), "", &mut present);
    let mut listed: BTreeSet<_> = manifest.file.iter().map(|e| e.path.clone()).collect();
    listed.extend(["MANIFEST.toml".into(), "README.md".into()]);
    assert_eq!(present, listed);
}

#[test]
fn files_taken_as_they_are_are_the_sources() {
    let manifest = manifest();
    for source in &manifest.source {
        assert_eq!(source.archive_sha256.len(), 64);
        assert!(!source.license.is_empty());
        for member in &source.member {
            assert_eq!(member.sha256.len(), 64);
            if let Some(entry) = manifest.file.iter().find(|e| e.path == member.r#as) {
                assert_eq!(entry.sha256, member.sha256, "{}", entry.path);
            }
        }
    }
}

#[test]
fn the_built_in_model_is_the_committed_one() {
    let network = builtin();
    assert_eq!(
        network,
        Network::load(folder().join("squeezenet_v1.1.safetensors")).unwrap()
    );
    assert_eq!(
        (network.name.as_str(), network.classes()),
        ("squeezenet-v1.1", 1000)
    );
    assert_eq!(network.macs(224, 224).unwrap(), 349_151_936);
    for (side, last) in [(224, 13), (227, 14)] {
        let shapes = network.shapes(side, side).unwrap();
        let shape = Shape {
            height: last,
            width: last,
            channels: 1000,
        };
        assert_eq!(shapes[shapes.len() - 2], shape);
    }
    let labels = fs::read_to_string(folder().join("labels.txt")).unwrap();
    assert_eq!(network.labels, labels.lines().collect::<Vec<_>>());
    assert_eq!(network.labels[285], "Egyptian cat");
}

#[test]
fn every_convolution_has_a_calibrated_range() {
    let calibration = Calibration::load(folder().join("calibration.toml")).unwrap();
    let network = builtin();
    let convs = network
        .nodes
        .iter()
        .filter(|node| matches!(node.op, Op::Conv(_)));
    for node in convs {
        let range = calibration.range_of(&node.name).expect(&node.name);
        assert!(range.p99_9 <= range.p99_99 && range.p99_99 <= range.p99_999);
        assert!(range.p99_999 <= range.max && range.mse <= range.max);
    }
}

#[test]
fn the_sample_photograph_becomes_an_input() {
    let picture = Picture::open(folder().join("samples/cat.png")).unwrap();
    assert_eq!(picture.size(), (451, 300));
    assert_eq!(
        picture.to_input(&builtin().input).unwrap().dim(),
        (224, 224, 3)
    );
}

#[test]
fn shared_photographs_are_read_when_they_are_there() {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/images");
    let Ok(list) = fs::read_to_string(images.join("labels.csv")) else {
        let _ = writeln!(
            std::io::stderr(),
            "skipped: there are no photographs beside the repository"
        );
        return;
    };
    let network = builtin();
    for line in list.lines().skip(1) {
        let mut columns = line.split(',');
        let file = images.join(columns.next().unwrap());
        let class: usize = columns.next().unwrap().parse().unwrap();
        let label = columns.next().unwrap();
        let input = Picture::open(&file)
            .unwrap()
            .to_input(&network.input)
            .unwrap();
        assert_eq!(input.dim(), (224, 224, 3));
        assert!(
            network.labels[class].contains(label),
            "class {class} is {label}"
        );
    }
}

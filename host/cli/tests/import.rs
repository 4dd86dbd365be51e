//! `firebrick import`, `evaluate` and `maps`: from a float model to figures, and what they refuse.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Run, firebrick, picture, text};
use firebrick_network::import::to_onnx;
use firebrick_network::squeezenet::{Fire, SqueezeNet};
use firebrick_network::{Network, random};
use tempfile::TempDir;

/// Twelve classes, modules of other sizes, 96x96 pixels.
fn own() -> SqueezeNet {
    SqueezeNet {
        name: "own".into(),
        outputs: 24,
        fires: vec![
            Fire {
                squeeze: 8,
                expand1: 20,
                expand3: 12,
            },
            Fire::even(12, 24),
            Fire::even(16, 32),
        ],
        pools: vec![1, 2],
        classes: 12,
        side: 96,
        ..SqueezeNet::v1_1()
    }
}

/// A folder with the model as `own.onnx`, photographs in `photos`, and a `labels.csv` beside them.
fn folder(table: &SqueezeNet) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("own.onnx"),
        to_onnx(&random::float(table, 7)),
    )
    .unwrap();
    let photos = dir.path().join("photos");
    fs::create_dir(&photos).unwrap();
    let mut labels = String::from("file,class,label\n");
    for index in 0..6u32 {
        let name = format!("{index}.png");
        picture(&photos, &name, 100 + 17 * index, 90 + 11 * index);
        labels += &format!("{name},{},\"a, b\"\n", index % 12);
    }
    fs::write(photos.join("labels.csv"), labels).unwrap();
    dir
}

/// Imports `own.onnx` with more arguments; the pack.
fn import(dir: &Path, more: &[&str]) -> (PathBuf, Run) {
    let pack = dir.join("own.fb");
    let (model, photos) = (dir.join("own.onnx"), dir.join("photos"));
    let mut args = vec!["import", text(&model), "-o", text(&pack)];
    if !more.contains(&"--calibration") {
        args.extend(["--calibrate", text(&photos)]);
    }
    args.extend(more);
    let run = firebrick(&args).good();
    (pack, run)
}

#[test]
fn a_network_of_ones_own_goes_from_onnx_to_the_engine() {
    let dir = folder(&own());
    let (pack, run) = import(dir.path(), &["--json", "--resize", "squash"]);
    let report = &run.objects()[0];
    assert_eq!(report["classes"], 12);
    assert_eq!(report["layers"].as_array().unwrap().len(), 11);
    for layer in report["layers"].as_array().unwrap() {
        assert!(layer["sqnr_db"].as_f64().unwrap() > 10.0, "{layer}");
        assert!(layer["saturated"].as_f64().unwrap() < 0.05, "{layer}");
    }
    let photo = dir.path().join("photos/0.png");
    let backends: &[&str] = if cfg!(feature = "sim") {
        &["software", "sim"]
    } else {
        &["software"]
    };
    for backend in backends {
        let args = [
            "verify",
            text(&photo),
            "--model",
            text(&pack),
            "--backend",
            backend,
        ];
        firebrick(&args).good();
    }
}

#[test]
fn accuracy_is_measured_and_reported() {
    let dir = folder(&own());
    let (pack, _) = import(dir.path(), &[]);
    let (list, base) = (
        dir.path().join("photos/labels.csv"),
        dir.path().join("report"),
    );
    let model = dir.path().join("own.onnx");
    let run = firebrick(&[
        "evaluate",
        text(&list),
        "--model",
        text(&pack),
        "--reference",
        text(&model),
        "--report",
        text(&base),
        "--json",
    ])
    .good();
    let report = &run.objects()[0];
    assert_eq!(report["pictures"], 6);
    assert_eq!(report["same_top1"], 1.0);
    assert!(report["score_error"].as_f64().unwrap() < 0.05, "{report}");
    let markdown = fs::read_to_string(dir.path().join("report.md")).unwrap();
    assert!(markdown.contains("| packed"), "{markdown}");
    assert!(dir.path().join("report.json").exists());
    let by_engine = firebrick(&[
        "evaluate",
        text(&list),
        "--model",
        text(&pack),
        "--backend",
        "software",
        "--json",
    ])
    .good();
    assert_eq!(by_engine.objects()[0]["accuracy"], report["accuracy"]);
    fs::write(&list, "0.png,0\nmissing.png,1\n").unwrap();
    let args = ["evaluate", text(&list), "--model", text(&pack)];
    firebrick(&args).fails("missing.png");
    fs::write(&list, "0.png,12\n").unwrap();
    firebrick(&args).fails("class 12, the model has 12");
}

#[test]
fn measured_ranges_can_be_kept() {
    let dir = folder(&own());
    let file = dir.path().join("ranges.toml");
    let nearest = ["--rounding", "nearest"];
    let (pack, _) = import(
        dir.path(),
        &[&nearest[..], &["--save-calibration", text(&file)]].concat(),
    );
    let measured = fs::read(&pack).unwrap();
    import(dir.path(), &["--calibration", text(&file)]);
    assert!(fs::read(&pack).unwrap() == measured, "the packs differ");
    import(
        dir.path(),
        &["--calibration", text(&file), "--pack-version", "1"],
    );
    assert_eq!(Network::load(&pack).unwrap().normalise, None);

    // Ranges of another network, by its name or by its layers, are no ranges of this one.
    let ranges = fs::read_to_string(&file).unwrap();
    let with = |more: &[&str]| {
        let (model, pack) = (dir.path().join("own.onnx"), text(&pack));
        let on = [
            "import",
            text(&model),
            "-o",
            pack,
            "--calibration",
            text(&file),
        ];
        firebrick(&[&on[..], more].concat())
    };
    with(&["--name", "other"]).fails("holds the ranges of");
    fs::write(&file, ranges.replacen("/squeeze1x1\"", "/squash1x1\"", 1)).unwrap();
    with(&[]).fails("/squash1x1");
}

#[test]
fn a_network_with_bypasses_goes_from_onnx_to_the_engine() {
    let table = SqueezeNet {
        fires: vec![
            Fire::even(8, 16),
            Fire::even(8, 16),
            Fire::even(8, 20),
            Fire {
                squeeze: 8,
                expand1: 24,
                expand3: 16,
            },
        ],
        pools: vec![1, 3],
        bypass: vec![3, 5],
        ..own()
    };
    let dir = folder(&table);
    let (pack, run) = import(dir.path(), &["--json"]);
    assert_eq!(run.objects()[0]["layers"].as_array().unwrap().len(), 14);
    let photo = dir.path().join("photos/0.png");
    let with = |command: &str, more: &[&str]| {
        let args = [command, text(&photo), "--model", text(&pack), "--json"];
        firebrick(&[&args[..], more].concat()).good().objects()
    };
    let sums = |objects: Vec<serde_json::Value>| objects[0]["logits_sha256"].clone();
    let model = sums(with("classify", &[]));
    assert_eq!(sums(with("classify", &["--backend", "software"])), model);
    let backends: &[&str] = if cfg!(feature = "sim") {
        &["software", "sim"]
    } else {
        &["software"]
    };
    for backend in backends {
        for preset in ["fb64", "fb256"] {
            with("verify", &["--backend", backend, "--preset", preset]);
        }
    }
}

#[test]
fn maps_are_numpy_files() {
    let dir = tempfile::tempdir().unwrap();
    let photo = picture(dir.path(), "a.png", 50, 40);
    let out = dir.path().join("maps");
    let args = ["maps", text(&photo), "-o", text(&out), "--model"];
    let pack = crate::common::small_pack(dir.path());
    firebrick(&[&args[..], &[text(&pack)]].concat()).good();
    let map = fs::read(out.join("pool1.npy")).unwrap();
    assert!(map.starts_with(b"\x93NUMPY"));
    assert!(out.join("picture.npy").exists() && out.join("logits.npy").exists());
}

#[test]
fn arguments_are_checked() {
    let dir = folder(&own());
    let model = dir.path().join("own.onnx");
    firebrick(&["import", text(&model), "-o", "x"]).misused("--calibrate");
    let photos = dir.path().join("photos");
    let args = [
        "import",
        text(&model),
        "-o",
        "x",
        "--calibrate",
        text(&photos),
    ];
    let with = |more: &[&str]| firebrick(&[&args[..], more].concat());
    with(&["--mean", "1,2"]).misused("three numbers");
    with(&["--resize", "stretch"]).misused("squash, crop");
    with(&["--labels", text(&model)]).fails("own.onnx");
    with(&["--std", "0,1,1"]).fails("positive");
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    firebrick(&[
        "import",
        text(&model),
        "-o",
        "x",
        "--calibrate",
        text(&empty),
    ])
    .misused("no JPEG or PNG");
}

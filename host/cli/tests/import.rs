//! `firebrick import`, `evaluate` and `maps`: from a float model to figures, and what they refuse.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use common::{Run, firebrick, picture, text};
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
    assert_eq!(fs::read(&pack).unwrap(), measured);
    import(
        dir.path(),
        &["--calibration", text(&file), "--pack-version", "1"],
    );
    assert_eq!(Network::load(&pack).unwrap().normalise, None);
}

#[test]
fn a_bypass_runs_on_the_model_and_is_refused_by_the_scheduler() {
    let table = SqueezeNet {
        fires: vec![Fire::even(8, 16), Fire::even(8, 16)],
        bypass: vec![3],
        ..own()
    };
    let dir = folder(&table);
    let (pack, _) = import(dir.path(), &[]);
    let photo = dir.path().join("photos/0.png");
    let args = ["classify", text(&photo), "--model", text(&pack)];
    firebrick(&args).good();
    firebrick(&[&args[..], &["--backend", "software"]].concat()).fails("adds two feature maps");
}

#[test]
fn maps_are_numpy_files() {
    let dir = tempfile::tempdir().unwrap();
    let photo = picture(dir.path(), "a.png", 50, 40);
    let out = dir.path().join("maps");
    let args = ["maps", text(&photo), "-o", text(&out), "--model"];
    let pack = common::small_pack(dir.path());
    firebrick(&[&args[..], &[text(&pack)]].concat()).good();
    let map = fs::read(out.join("pool1.npy")).unwrap();
    assert!(map.starts_with(b"\x93NUMPY"));
    assert!(out.join("picture.npy").exists() && out.join("logits.npy").exists());
}

/// Imports a file with at most 200 MB of memory of its own; the time that it took.
fn bounded(model: &Path, dir: &Path) -> (Run, Duration) {
    let begin = Instant::now();
    let output = Command::new("sh")
        .args(["-c", "ulimit -d 200000 && exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_firebrick"))
        .args(["import", text(model), "-o", text(&dir.join("out.fb"))])
        .args(["--calibrate", text(&dir.join("photos"))])
        .output()
        .unwrap();
    (Run::of(output), begin.elapsed())
}

/// A field of a protobuf message.
fn field(tag: u8, inner: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag << 3 | 2];
    let mut length = inner.len();
    while length > 0x7f {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend(inner);
    bytes
}

#[test]
fn malformed_files_cost_neither_time_nor_memory() {
    let dir = folder(&own());
    let good = fs::read(dir.path().join("own.onnx")).unwrap();
    let replaced = |from: &[u8], to: &[u8]| {
        assert_eq!(from.len(), to.len());
        let mut bytes = good.clone();
        let at = bytes.windows(from.len()).position(|w| w == from).unwrap();
        bytes[at..at + to.len()].copy_from_slice(to);
        bytes
    };
    let large = 40 << 20;
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("cut", good[..good.len() / 2].to_vec()),
        ("cut early", good[..20].to_vec()),
        ("zeros", vec![0; large]),
        ("ones", vec![0xff; large]),
        ("text", b"not a model at all".to_vec()),
        ("empty nodes", field(7, &[0x0a, 0x00].repeat(large / 2))),
        ("empty tensors", field(7, &[0x2a, 0x00].repeat(large / 2))),
        ("empty opsets", [0x42, 0x00].repeat(large / 2)),
        ("dims", field(7, &field(5, &field(1, &vec![1; large])))),
        (
            "longer than it is",
            [&[0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f][..], &good].concat(),
        ),
        ("another operator", replaced(b"MaxPool", b"LpPool2")),
        ("another input", replaced(b"conv1.w", b"conv1.x")),
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
        ("zip", b"PK\x03\x04 and no more".to_vec()),
        (
            "zip end",
            b"PK\x05\x06\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0".to_vec(),
        ),
        ("pickle", b"\x80\x02cos\nsystem\nU\x02lsR.".to_vec()),
        ("pickle length", b"\x80\x03X\xff\xff\xff\x7fabc".to_vec()),
        (
            "pickle marks",
            [&b"\x80\x02"[..], &vec![b'('; 1 << 20]].concat(),
        ),
    ];
    assert!(files.len() > 20);
    for (name, bytes) in files {
        let path = dir.path().join("bad.onnx");
        fs::write(&path, bytes).unwrap();
        let (run, took) = bounded(&path, dir.path());
        println!("{name}: {:.2} s: {}", took.as_secs_f32(), run.stderr.trim());
        run.fails("bad.onnx");
        // Twice a second, for machines that do something else as well.
        assert!(took < Duration::from_secs(2), "{name}: {took:?}");
    }
    let (run, _) = bounded(&dir.path().join("photos"), dir.path());
    run.fails("not a regular file");
    let huge = fs::File::create(dir.path().join("huge.onnx")).unwrap();
    huge.set_len(1 << 40).unwrap();
    let (run, _) = bounded(&dir.path().join("huge.onnx"), dir.path());
    run.fails("larger than");
    let (run, _) = bounded(&dir.path().join("own.onnx"), dir.path());
    run.good();
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
    .fails("holds no JPEG or PNG");
}

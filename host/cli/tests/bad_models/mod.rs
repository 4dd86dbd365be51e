//! Malformed and unsupported models: one clear error each, in little time and memory.

mod files;
mod kinds;
mod message;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::{Run, picture, text};
use firebrick_network::import::to_onnx;
use firebrick_network::random;
use firebrick_network::squeezenet::{Fire, SqueezeNet};

/// Most memory of the program, in kilobytes.
const MEMORY: u32 = 200_000;
/// Most time of one error.
const TIME: Duration = Duration::from_secs(1);
/// Attempts, for machines that do something else as well: the fastest counts.
const ATTEMPTS: usize = 3;

/// A model that is good until it is changed.
fn good() -> Vec<u8> {
    let table = SqueezeNet {
        name: "own".into(),
        outputs: 16,
        fires: vec![Fire::even(8, 16)],
        pools: vec![1],
        classes: 12,
        side: 64,
        ..SqueezeNet::v1_1()
    };
    to_onnx(&random::float(&table, 7))
}

/// Imports a file with at most [`MEMORY`] of memory, all that is the program's own counted; the
/// time that it took.
fn bounded(model: &Path, dir: &Path) -> (Run, Duration) {
    let begin = Instant::now();
    let limited = format!("ulimit -d {MEMORY} && exec \"$@\"");
    let output = Command::new("sh")
        .args(["-c", &limited, "sh"])
        .arg(env!("CARGO_BIN_EXE_firebrick"))
        .args(["import", text(model), "-o", text(&dir.join("out.fb"))])
        .args(["--calibrate", text(&dir.join("photos"))])
        .output()
        .unwrap();
    (Run::of(output), begin.elapsed())
}

/// One error that says `words`, in time.
fn refused(model: &Path, dir: &Path, name: &str, words: &str) {
    let mut fastest = Duration::MAX;
    for _ in 0..ATTEMPTS {
        let (run, took) = bounded(model, dir);
        println!("{name}: {:.2} s: {}", took.as_secs_f32(), run.stderr.trim());
        let file = model.file_name().unwrap().to_str().unwrap();
        run.fails(file).fails(words);
        fastest = fastest.min(took);
        if fastest < TIME {
            break;
        }
    }
    assert!(fastest < TIME, "{name}: {fastest:?}");
    assert!(!dir.join("out.fb").exists(), "{name}: a pack was left");
}

/// A folder with a photograph in `photos`.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let photos = dir.path().join("photos");
    fs::create_dir(&photos).unwrap();
    picture(&photos, "0.png", 100, 90);
    dir
}

#[test]
fn unsupported_models_are_refused_by_name() {
    let dir = folder();
    let path = dir.path().join("bad.onnx");
    let cases = files::changed(&good());
    assert!(cases.len() >= 20);
    for (name, bytes, words) in cases {
        fs::write(&path, bytes).unwrap();
        refused(&path, dir.path(), name, words);
    }
}

#[test]
fn malformed_files_cost_neither_time_nor_memory() {
    let dir = folder();
    let path = dir.path().join("bad.onnx");
    let cases = files::malformed(&good());
    assert!(cases.len() >= 20);
    for (name, bytes) in cases {
        fs::write(&path, bytes).unwrap();
        refused(&path, dir.path(), name, "");
    }
    let sparse = dir.path().join("huge.onnx");
    fs::File::create(&sparse).unwrap().set_len(1 << 40).unwrap();
    refused(&sparse, dir.path(), "huge", "larger than");
    refused(
        &dir.path().join("photos"),
        dir.path(),
        "folder",
        "not a regular file",
    );
    refused(
        &dir.path().join("none.onnx"),
        dir.path(),
        "missing",
        "give the path of a model",
    );
}

#[test]
fn malformed_files_of_other_frameworks_too() {
    let dir = folder();
    let path = dir.path().join("bad.model");
    let cases = kinds::malformed();
    assert!(cases.len() >= 60, "{}", cases.len());
    for (name, bytes) in cases {
        fs::write(&path, bytes).unwrap();
        refused(&path, dir.path(), name, "");
    }
}

#[test]
fn the_limits_let_a_good_model_through() {
    let dir = folder();
    let path = dir.path().join("good.onnx");
    fs::write(&path, good()).unwrap();
    bounded(&path, dir.path()).0.good();
}

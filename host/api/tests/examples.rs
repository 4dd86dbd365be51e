//! The examples, as a user runs them.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::skipped;

const CAT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../weights/samples/cat.png");

/// An example's program. Cargo builds them with all tests, but not with one that is named.
fn example(name: &str) -> Option<PathBuf> {
    let test = std::env::current_exe().unwrap();
    let path = test.parent()?.parent()?.join("examples").join(name);
    if !path.exists() {
        skipped(format_args!("example {name}: it was not built"));
        return None;
    }
    Some(path)
}

fn run(example: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(example);
    command.args(args).env_remove("OUT_DIR");
    command.output().unwrap()
}

fn good(example: &Path, args: &[&str]) -> String {
    let output = run(example, args);
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn classify() {
    let Some(example) = example("classify") else {
        return;
    };
    // The first is the model; a photograph in software takes no longer than on the simulator.
    for engine in ["model", "software:fb256"] {
        let text = good(&example, &[CAT, engine]);
        let first = text.lines().next().unwrap();
        assert_eq!(first, " 59.71 %  Egyptian cat (class 285)");
        assert_eq!(text.contains("cycles"), engine != "model");
    }
    for args in [&[][..], &["no such file.png", "model"], &[CAT, "fb256"]] {
        let output = run(&example, args);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn batch() {
    let Some(example) = example("batch") else {
        return;
    };
    let text = good(&example, &["software:fb64", CAT, "no such file.png", CAT]);
    let line = format!("{CAT}: Egyptian cat\n");
    assert_eq!(text, line.repeat(2));
    assert!(
        !run(&example, &["xdma:/no/such/device", CAT])
            .status
            .success()
    );
}

#[test]
fn compare_layers() {
    let Some(example) = example("compare_layers") else {
        return;
    };
    for engine in ["model", "software:fb64"] {
        let text = good(&example, &[CAT, engine]);
        assert_eq!(
            text.lines().filter(|line| line.ends_with("equal")).count(),
            37
        );
    }
}

#[cfg(feature = "sim")]
#[test]
fn build_script() {
    let Some(example) = example("build_script") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(example)
        .env("OUT_DIR", dir.path())
        .env("FIREBRICK_PRESET", "fb64")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = std::fs::read_to_string(dir.path().join("firebrick_top.v")).unwrap();
    assert!(text.contains("module firebrick_top"));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("cargo::rustc-env=FIREBRICK_VERILOG="),
        "{said}"
    );
}

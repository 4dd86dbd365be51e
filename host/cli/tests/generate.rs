//! `generate`.
#![cfg(feature = "sim")]

mod common;

use std::fs;

use common::{firebrick, text};
use firebrick_spec::HwConfig;
use serde_json::Value;

#[test]
fn the_same_bytes_every_time() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("new/one"), dir.path().join("two"));
    for folder in [&one, &two, &one] {
        let run = firebrick(&["generate", "--preset", "fb256", "-o", text(folder)]).good();
        assert_eq!(run.stdout.lines().count(), 2, "{run:?}");
    }
    for name in ["firebrick_top.v", "config.json"] {
        assert_eq!(
            fs::read(one.join(name)).unwrap(),
            fs::read(two.join(name)).unwrap()
        );
        assert_eq!(fs::read_dir(&one).unwrap().count(), 2);
    }
    let verilog = fs::read_to_string(one.join("firebrick_top.v")).unwrap();
    assert!(verilog.contains("module firebrick_top ("));
    let config: Value =
        serde_json::from_slice(&fs::read(one.join("config.json")).unwrap()).unwrap();
    let preset = HwConfig::preset("fb256").unwrap();
    assert_eq!(config["preset"], "fb256");
    assert_eq!(config["hash"], format!("{:016x}", preset.hash()));
    assert_eq!(config["macs_per_cycle"], 256);
}

#[test]
fn files_of_others_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.json");
    fs::write(&file, "mine").unwrap();
    let args = ["generate", "-o", text(dir.path())];
    firebrick(&args).fails("--force");
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    assert!(!dir.path().join("firebrick_top.v").exists());
    firebrick(&[&args[..], &["--force"]].concat()).good();
    assert_ne!(fs::read(&file).unwrap(), b"mine");
}

#[test]
fn folders_that_cannot_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    firebrick(&["generate", "-o", text(&file)]).fails("output folder");
    firebrick(&["generate", "-o", text(&file.join("below"))]).fails("output folder");
    firebrick(&["generate", "-o", "/proc/firebrick"]).fails("output folder");
}

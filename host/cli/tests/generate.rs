//! `generate`.
#![cfg(feature = "sim")]

use std::fs;

use crate::common::{firebrick, text};
use firebrick_spec::HwConfig;
use serde_json::Value;

#[test]
fn the_same_bytes_every_time() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("new/one"), dir.path().join("two"));
    for folder in [&one, &two, &one] {
        let run = firebrick(&["generate", "--preset", "fb256", "-o", text(folder)]).good();
        assert!(run.stdout.contains("firebrick_top.v"), "{run:?}");
    }
    let list = fs::read_to_string(one.join("firebrick.f")).unwrap();
    let sources: Vec<&str> = list.lines().skip(1).collect();
    assert_eq!(sources.last(), Some(&"rtl/firebrick_top.v"));
    assert_eq!(
        fs::read_dir(one.join("rtl")).unwrap().count(),
        sources.len()
    );
    assert_eq!(fs::read_dir(&one).unwrap().count(), 3);
    for name in sources.iter().chain(&["firebrick.f", "config.json"]) {
        assert_eq!(
            fs::read(one.join(name)).unwrap(),
            fs::read(two.join(name)).unwrap()
        );
    }
    for source in &sources {
        let name = source
            .strip_prefix("rtl/")
            .and_then(|s| s.strip_suffix(".v"));
        let text = fs::read_to_string(one.join(source)).unwrap();
        let modules: Vec<&str> = text.lines().filter(|l| l.starts_with("module ")).collect();
        assert_eq!(modules, [format!("module {} (", name.unwrap())]);
        assert!(text.ends_with("`default_nettype wire\n"), "{source}");
    }
    let config: Value =
        serde_json::from_slice(&fs::read(one.join("config.json")).unwrap()).unwrap();
    let preset = HwConfig::preset("fb256").unwrap();
    assert_eq!(config["preset"], "fb256");
    assert_eq!(config["hash"], format!("{:016x}", preset.hash()));
    assert_eq!(config["macs_per_cycle"], 256);
}

#[test]
fn one_file_and_another_top() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["generate", "--preset", "fb64", "-o", text(dir.path())];
    firebrick(&args).good();
    assert!(dir.path().join("rtl/fb64_engine.v").exists());
    firebrick(&[&args[..], &["--single-file", "--top", "second"]].concat()).good();
    let verilog = fs::read_to_string(dir.path().join("second.v")).unwrap();
    assert!(verilog.contains("\nmodule fb64_engine (") && verilog.contains("\nmodule second ("));
    let list = fs::read_to_string(dir.path().join("firebrick.f")).unwrap();
    assert_eq!(list.lines().skip(1).collect::<Vec<_>>(), ["second.v"]);
    // What went before is not left to tools that read whole folders.
    assert_eq!(fs::read_dir(dir.path().join("rtl")).unwrap().count(), 0);
    firebrick(&[&args[..], &["--top", "2nd"]].concat()).misused("2nd");
    firebrick(&[&args[..], &["--top", "a", "--board", "kc705"]].concat()).misused("--board");
}

#[test]
fn files_of_others_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.json");
    fs::write(&file, "mine").unwrap();
    let args = ["generate", "-o", text(dir.path())];
    firebrick(&args).fails("--force");
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    assert!(!dir.path().join("firebrick.f").exists());
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

//! docs/json.md lists every field that a command prints with `--json`.

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use common::{Run, firebrick, picture, small_pack, text};

/// The names in backticks below the heading of a command.
fn documented(command: &str) -> BTreeSet<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/json.md");
    let page = std::fs::read_to_string(page).unwrap();
    let heading = format!("\n## `{command}`\n");
    let section = page.split_once(&heading).expect(command).1;
    let section = section.split("\n## ").next().unwrap();
    let names = section.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

fn check(command: &str, run: &Run) {
    let known = documented(command);
    let objects = run.objects();
    assert!(!objects.is_empty(), "{command}: {run:?}");
    for object in objects {
        assert_eq!(object["schema"], 1, "{command}: {object}");
        for key in object.as_object().unwrap().keys() {
            assert!(
                key == "schema" || known.contains(key),
                "docs/json.md does not list {key:?} of {command}"
            );
        }
    }
}

#[test]
fn every_field_is_documented() {
    let dir = tempfile::tempdir().unwrap();
    let pack = small_pack(dir.path());
    let cat = picture(dir.path(), "cat.png", 30, 20);
    let at = |name: &str| dir.path().join(name);
    let (transfer, recording) = (at("transfer.bin"), at("run.fbr"));
    let labels = at("labels.csv");
    std::fs::write(&labels, "cat.png,3\n").unwrap();
    let (cat, labels) = (text(&cat), text(&labels));
    let on = ["--json", "--model", text(&pack)];
    let software = ["--json", "--model", text(&pack), "--backend", "software"];
    let run = |words: &[&str], more: &[&str]| {
        let run = firebrick(&[words, more].concat()).good();
        check(words[0], &run);
    };
    run(&["presets"], &["--json"]);
    run(&["info", "--board", "kv260"], &on);
    run(&["predict"], &on);
    run(&["explore", "--board", "litefury"], &on);
    run(
        &[
            "compile",
            cat,
            "--weights",
            "streamed",
            "-o",
            text(&transfer),
        ],
        &on,
    );
    run(&["classify", cat], &on);
    run(&["classify", cat], &software);
    run(&["classify", cat, "--record", text(&recording)], &software);
    run(&["verify", cat], &software);
    run(&["evaluate", labels], &on);
    run(&["features", cat, "-o", text(&at("features.npy"))], &on);
    run(&["bench", "--images", "2", "--clock", "100"], &software);
    run(
        &["replay", text(&recording), "--backend", "software"],
        &["--json"],
    );
    let data = at("data");
    for class in ["a", "b"] {
        std::fs::create_dir_all(data.join(class)).unwrap();
        for number in 0..4 {
            picture(&data.join(class), &format!("{number}.png"), 30 + number, 20);
        }
    }
    let own = at("own.fb");
    run(
        &["train", text(&data), "-o", text(&own), "--epochs", "2"],
        &on,
    );
    std::fs::write(at("bad.png"), "no picture").unwrap();
    let bad = at("bad.png");
    let failed = firebrick(&[&["classify", text(&bad)], &on[..]].concat());
    assert_eq!(failed.code, 1);
    check("classify", &failed);
    let doctor = ["doctor", "--json", "--device", "xdma:/nowhere/xdma0"];
    check("doctor", &firebrick(&doctor));
}

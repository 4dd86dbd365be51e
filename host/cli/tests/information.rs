//! `presets`, `info` and `disasm`.

mod common;

use common::{firebrick, small_pack, text};
use firebrick_spec::HwConfig;
use firebrick_spec::config::OPTIONS;

#[test]
fn presets_are_those_of_the_specification() {
    let objects = firebrick(&["presets", "--json"]).good().objects();
    let expected: Vec<HwConfig> = HwConfig::presets().collect();
    assert_eq!(objects.len(), expected.len());
    for (object, config) in objects.iter().zip(&expected) {
        assert_eq!(object["name"], config.name.as_str());
        assert_eq!(object["macs"], config.macs_per_cycle());
        assert_eq!(object["memory_bytes"], config.memory_bytes());
        assert_eq!(object["configuration"]["tile"], config.tile);
    }
    let text = firebrick(&["presets"]).good().stdout;
    assert!(expected.iter().all(|config| text.contains(&config.name)));
    for (option, what) in OPTIONS {
        assert!(text.contains(&format!("-{option}: {what}")), "{text}");
    }
}

#[test]
fn info_adds_up() {
    let first = firebrick(&["info", "--json"]).good();
    let object = &first.objects()[0];
    let layers = object["layers"].as_array().unwrap();
    let sum = |key: &str| layers.iter().map(|l| l[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!(object["macs"], sum("macs"));
    assert_eq!(object["predicted"]["busy_cycles"], sum("busy_cycles"));
    assert_eq!((layers.len(), &object["height"]), (26, &224.into()));
    let memories = object["memories"].as_array().unwrap();
    let bytes: u64 = memories.iter().map(|m| m["bytes"].as_u64().unwrap()).sum();
    assert_eq!(object["memory_bytes"], bytes);
    assert_eq!(first.stdout, firebrick(&["info", "--json"]).good().stdout);
    let larger = firebrick(&["info", "--json", "--size", "227"]).good();
    assert_eq!(larger.objects()[0]["width"], 227);
}

#[test]
fn info_of_a_board_is_what_is_generated_for_it() {
    let object = firebrick(&["info", "--json", "--board", "alveo-u50"]).good();
    let object = &object.objects()[0];
    assert_eq!(object["preset"], "fb2048-packed-resident-xcup");
    let parts = &object["resources"];
    assert_eq!((&parts["dsp"], &parts["bram"]), (&1088.into(), &150.into()));
    assert_eq!(
        (&parts["uram"], &parts["uram_shared"]),
        (&72.into(), &68.into())
    );
    assert_eq!(parts["uram_available"], 640);
    let text = firebrick(&["info", "--board", "litefury", "--preset", "fb64"]).good();
    assert!(text.stdout.starts_with("preset fb64,"));
    assert!(
        text.stdout.contains("; 72 of 240 DSP slices, "),
        "{}",
        text.stdout
    );
    let plain = firebrick(&["info", "--json"]).good();
    assert_eq!(plain.objects()[0]["resources"]["uram"], 0);
}

#[test]
fn info_for_people_names_every_layer() {
    let text = firebrick(&["info"]).good().stdout;
    for name in [
        "conv1",
        "fire2/squeeze1x1",
        "fire9/expand3x3",
        "conv10",
        "weight buffer",
    ] {
        assert!(text.contains(name), "{name} is not in\n{text}");
    }
}

#[test]
fn disasm_begins_and_ends_as_every_stream() {
    let dir = tempfile::tempdir().unwrap();
    let pack = small_pack(dir.path());
    for check in [&[][..], &["--check"]] {
        let run = firebrick(&[&["disasm", "--model", text(&pack)], check].concat()).good();
        let lines: Vec<&str> = run.stdout.lines().collect();
        assert!(lines[0].contains("hello"), "{run:?}");
        assert!(lines[lines.len() - 1].contains("end"), "{run:?}");
    }
}

//! `presets`, `info` and `disasm`.

use std::fs;
use std::path::Path;

use crate::common::{firebrick, picture, small_pack, text};
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

/// The file of a preset, under a name of its own.
fn file_of(preset: &str, dir: &Path) -> String {
    let file = dir.join("mine.toml");
    firebrick(&["info", "--preset", preset, "--write", text(&file)]).good();
    let content = fs::read_to_string(&file).unwrap();
    let named = content.replace(&format!("{preset:?}"), "\"mine\"");
    fs::write(&file, &named).unwrap();
    text(&file).to_owned()
}

#[test]
fn a_file_is_a_preset_for_every_command() {
    let dir = tempfile::tempdir().unwrap();
    let pack = small_pack(dir.path());
    let image = picture(dir.path(), "a.png", 40, 50);
    let labels = dir.path().join("labels.csv");
    fs::write(&labels, "file,class\na.png,3\n").unwrap();
    let preset = "fb512-f384-packed";
    let file = file_of(preset, dir.path());
    let beats = dir.path().join("a.bin");
    for (json, args) in [
        (true, &["info"][..]),
        (true, &["predict"]),
        (false, &["disasm"]),
        (
            true,
            &[
                "compile",
                text(&image),
                "-o",
                text(&beats),
                "--weights",
                "streamed",
            ],
        ),
        (true, &["classify", text(&image), "--backend", "software"]),
        (true, &["verify", text(&image), "--backend", "software"]),
        (true, &["evaluate", text(&labels), "--backend", "software"]),
        (true, &["bench", "--images", "1", "--backend", "software"]),
    ] {
        let run = |preset: &str| {
            let mut all = args.to_vec();
            all.extend(["--preset", preset, "--model", text(&pack)]);
            all.extend(json.then_some("--json"));
            let mut objects = match json {
                true => firebrick(&all).good().objects(),
                false => vec![firebrick(&all).good().stdout.into()],
            };
            let mut names = Vec::new();
            // Times differ, and the seed that `verify` chooses.
            let others = [
                "seed",
                "seconds",
                "images_per_second",
                "packing",
                "send",
                "latency",
            ];
            for object in objects.iter_mut().filter_map(|o| o.as_object_mut()) {
                names.extend(object.remove("preset"));
                object.retain(|key, _| !others.contains(&key.as_str()));
            }
            (objects, names)
        };
        let ((by_name, names), (by_file, own)) = (run(preset), run(&file));
        assert!(by_name == by_file, "{args:?}");
        assert_eq!(names.len(), own.len());
        assert!(own.iter().all(|name| name == "mine"), "{args:?}: {own:?}");
        assert!(
            names.iter().all(|name| name == preset),
            "{args:?}: {names:?}"
        );
    }
}

#[cfg(feature = "sim")]
#[test]
fn the_name_in_a_file_is_that_of_its_verilog() {
    let dir = tempfile::tempdir().unwrap();
    let file = file_of("fb64-packed", dir.path());
    let out = dir.path().join("out");
    let args = [
        "generate",
        "--preset",
        &file,
        "--board",
        "litefury",
        "-o",
        text(&out),
    ];
    firebrick(&args).good();
    let config: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(out.join("config.json")).unwrap()).unwrap();
    let built = HwConfig::preset("fb64-packed-xc7").unwrap();
    assert_eq!(config["preset"], "mine-xc7");
    assert_eq!(config["hash"], format!("{:016x}", built.hash()));
    assert!(out.join("rtl/mine_xc7_engine.v").is_file());
    let over = [
        "generate",
        "--preset",
        &file_of("fb2048-packed", dir.path()),
    ];
    firebrick(&[&over[..], &["--board", "litefury", "-o", text(&out)]].concat())
        .fails("mine-xc7 does not fit litefury: it takes");
}

#[test]
fn what_is_wrong_with_a_file_is_a_wrong_argument() {
    let dir = tempfile::tempdir().unwrap();
    let file = file_of("fb64", dir.path());
    let content = fs::read_to_string(&file).unwrap();
    for (from, to, what) in [
        (
            "acc_depth",
            "acc_deepth",
            "there is no parameter \"acc_deepth\"; did you mean acc_depth?",
        ),
        (
            "lanes = 1",
            "lanes = 2",
            "lanes = 2 is not possible with tile = 8",
        ),
        (
            "lanes = 1",
            "lanes = 5",
            "lanes = 5 is not possible; give 1, 2, 4 or 8 (pixels)",
        ),
        ("\"mine\"", "\"fb256\"", "is a preset with other parameters"),
    ] {
        fs::write(&file, content.replace(from, to)).unwrap();
        for command in ["info", "predict", "disasm"] {
            firebrick(&[command, "--preset", &file]).misused(what);
        }
    }
    firebrick(&["predict", "--preset", "./none"]).misused("./none: No such file");
    firebrick(&["predict", "--preset", "fb265"]).misused("did you mean fb256?");
}

#[test]
fn explore_writes_its_best_proposal_and_what_limits_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("litefury.toml");
    let explore = [
        "explore",
        "--board",
        "litefury",
        "--json",
        "--write",
        text(&file),
    ];
    let run = firebrick(&explore).good();
    let best = &run.objects()[0];
    let content = fs::read_to_string(&file).unwrap();
    for what in [
        "pictures a second at 200 MHz.",
        "% of the 135 block RAMs, which are closest to their limit of 80 %.",
        "512 MACs a cycle, takes at least 272 of 240 DSP slices",
    ] {
        let noted = run.stderr.lines().filter(|line| line.contains(what));
        assert_eq!(noted.count(), 1, "{what}: {}", run.stderr);
        assert!(content.contains(what), "{content}");
    }
    // The same file again, and the same figures of it.
    firebrick(&explore).good();
    assert_eq!(fs::read_to_string(&file).unwrap(), content);
    let info = [
        "info",
        "--json",
        "--board",
        "litefury",
        "--preset",
        text(&file),
    ];
    let info = &firebrick(&info).good().objects()[0];
    assert_eq!(info["preset"], best["preset"]);
    for part in ["lut", "dsp", "bram"] {
        assert_eq!(info["resources"][part], best[part]);
    }
    fs::write(&file, "mine").unwrap();
    firebrick(&explore).fails("no configuration of this program");
    firebrick(&[
        "explore",
        "--board",
        "litefury",
        "--limits",
        "bram=1",
        "--write",
        text(&dir.path().join("x")),
    ])
    .fails("no configuration fits litefury");
}

//! The commands that pages show, run where that is cheap; outputs that pages show, compared.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::common::{Run, command, firebrick, picture, small_network, text};
use crate::shown::{Shown, in_blocks, root};

/// Why a command is not run here; none if it is.
fn why_not(shown: &Shown) -> Option<&'static str> {
    let sub = shown.words.get(1).map_or("", String::as_str);
    let has = |word: &str| shown.words.iter().any(|other| other == word);
    match sub {
        _ if shown.has_placeholder() => Some("it names what there is not"),
        "import" | "evaluate" => Some("there is no float model"),
        "train" => Some("there are no classes of pictures"),
        "emulate" => Some("it runs until it is ended"),
        "verify" => Some("it builds a simulation"),
        "doctor" | "bench" => Some("it needs a device"),
        _ if has("--device") => Some("it needs a device"),
        _ if shown.option("--backend") == Some("sim") => Some("it builds a simulation"),
        "generate" | "compile" if !cfg!(feature = "sim") => Some("it needs the simulator"),
        _ => None,
    }
}

#[test]
fn cheap_commands_run_as_they_are_shown() {
    let dir = tempfile::tempdir().unwrap();
    picture(dir.path(), "photo.jpg", 60, 50);
    small_network().save(dir.path().join("model.fb")).unwrap();
    let weights = root().join("weights").canonicalize().unwrap();
    symlink(weights, dir.path().join("weights")).unwrap();
    let mut ran = 0;
    for shown in in_blocks() {
        let Some(arguments) = shown.arguments() else {
            continue;
        };
        if why_not(&shown).is_some() {
            continue;
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let run = Run::of(
            command(&arguments)
                .current_dir(dir.path())
                .output()
                .unwrap(),
        );
        assert_eq!(run.code, 0, "{}: {:?}: {run:?}", shown.at, shown.words);
        // Shown without options that pages leave out: whole, as it is shown.
        if !shown.output.is_empty() {
            let output: Vec<&str> = run.stdout.lines().collect();
            assert_eq!(output, shown.output, "{}", shown.at);
        }
        ran += 1;
    }
    assert!(ran >= 8, "{ran}");
}

/// Whether a crate of this name has such a test or example.
fn has(krate: &Path, folder: &str, name: &str) -> bool {
    let folder = krate.join(folder);
    folder.join(format!("{name}.rs")).exists() || folder.join(name).join("main.rs").exists()
}

#[test]
fn scripts_crates_and_tests_are_where_pages_say() {
    let root = root();
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(&root)
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let mut looked = 0;
    for shown in in_blocks() {
        let at = &shown.at;
        let program = shown.words[0].trim_start_matches("./");
        if program.starts_with("scripts/") {
            assert!(root.join(program).is_file(), "{at}: no {program}");
            looked += 1;
        }
        let Some(name) = shown.option("-p").filter(|_| program == "cargo") else {
            continue;
        };
        let package = packages.iter().find(|package| package["name"] == name);
        let package = package.unwrap_or_else(|| panic!("{at}: no crate {name}"));
        let krate = Path::new(package["manifest_path"].as_str().unwrap());
        let krate = krate.parent().unwrap();
        for (option, folder) in [("--test", "tests"), ("--example", "examples")] {
            if let Some(target) = shown.option(option) {
                assert!(has(krate, folder, target), "{at}: {name}: no {target}");
            }
        }
        looked += 1;
    }
    assert!(looked > 20, "{looked}");
}

/// What README shows of the demo: the program says the same but for seconds and the seed.
#[test]
fn the_demo_of_the_readme_is_todays() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let photograph = "weights/samples/cat.png";
    let begin = readme.find(&format!("```\n{photograph}\n")).unwrap() + 4;
    let shown = &readme[begin..];
    let shown = &shown[..shown.find("```").unwrap()];
    let run = |args: &[&str]| {
        let run = command(args).current_dir(root()).output().unwrap();
        Run::of(run).good().stdout
    };
    // The classes, which are the model's on every engine.
    let classes = run(&["classify", photograph]);
    assert!(
        shown.starts_with(&classes),
        "README:\n{shown}\nnow:\n{classes}"
    );
    // The cycles, which are as predicted.
    let predicted = firebrick(&["predict", "--json"]).good().objects();
    let figure = |key: &str| predicted[0][key].as_u64().unwrap();
    let line = format!(
        "{} cycles, {} of them busy, {} MACs at {} a cycle: utilization {:.2} %",
        figure("cycles"),
        figure("busy_cycles"),
        figure("macs"),
        figure("mac_peak_per_cycle"),
        100.0 * predicted[0]["utilization"].as_f64().unwrap()
    );
    assert_eq!(shown.matches(&line).count(), 2, "README:\n{shown}\n{line}");
    let stalls = predicted[0]["stall_cycles"].as_object().unwrap();
    for (cause, cycles) in stalls.iter().filter(|(_, n)| n.as_u64() > Some(0)) {
        assert!(
            shown.contains(&format!("{cause} {cycles}")),
            "{cause} {cycles}"
        );
    }
    let bytes = |key: &str| figure(key).to_string();
    let (sent, back) = (bytes("dma_bytes_in"), bytes("dma_bytes_out"));
    assert!(
        shown.contains(&format!("; {sent} bytes in, {back} out;")),
        "{sent}, {back}"
    );
    // What verify compares, which is the same in software.
    let verify = [
        "verify",
        "--backend",
        "software",
        photograph,
        "--preset",
        "fb256",
    ];
    for line in run(&verify)
        .lines()
        .filter(|line| line.contains("bit-exact"))
    {
        assert!(shown.contains(line), "README:\n{shown}\nnow: {line}");
    }
}

#[test]
fn a_missing_option_is_noticed() {
    let shown = Shown {
        at: "here".into(),
        words: ["firebrick", "info", "--board", "BOARD"]
            .map(str::to_owned)
            .into(),
        output: Vec::new(),
    };
    assert!(shown.has_placeholder());
    assert_eq!(shown.option("--board"), Some("BOARD"));
    assert_eq!(text(Path::new("a")), "a");
}

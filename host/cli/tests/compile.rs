//! `compile`, and the test bench of `generate --testbench`.

use std::fs;

use crate::common::{firebrick, picture, small_pack, text};
use firebrick_driver::{Executor, hex};
use firebrick_spec::HwConfig;

#[test]
fn a_transfer_gives_its_result() {
    let dir = tempfile::tempdir().unwrap();
    let (pack, photo) = (small_pack(dir.path()), picture(dir.path(), "a.png", 40, 30));
    let at = |name: &str| dir.path().join(name);
    let (transfer, expect, setup) = (at("t.bin"), at("r.bin"), at("s.bin"));
    let base = ["compile", text(&photo), "--model", text(&pack)];
    for (preset, weights) in [("fb64", "streamed"), ("fb256", "resident")] {
        let names = [
            "--preset",
            preset,
            "--weights",
            weights,
            "--check",
            "--json",
        ];
        let files = ["-o", text(&transfer), "--expect", text(&expect), "--force"];
        let mut args = [&base[..], &names, &files].concat();
        if weights == "resident" {
            firebrick(&args).fails("--setup");
            args.extend(["--setup", text(&setup)]);
        }
        let object = &firebrick(&args).good().objects()[0];
        assert_eq!(object["preset"], preset);
        let config = HwConfig::preset(preset).unwrap();
        let mut engine = Executor::new(&config);
        if weights == "resident" {
            engine.run(&fs::read(&setup).unwrap()).unwrap();
        }
        let bytes = fs::read(&transfer).unwrap();
        let result = engine.run(&bytes).unwrap();
        let expected = fs::read(&expect).unwrap();
        let compared = result.len() - 4;
        assert_eq!(result[..compared], expected[..compared]);
        assert_eq!(expected[compared..], [0; 4]);
        let files = object["files"].as_array().unwrap();
        assert_eq!(files.last().unwrap()["beats"], result.len() / 16);
        assert!(object["cycles"].as_u64().unwrap() > 100);

        // The same as text.
        args.push("--hex");
        firebrick(&args).good();
        let written = fs::read_to_string(&transfer).unwrap();
        let title = format!("Firebrick, configuration {preset}: transfer");
        assert_eq!(written, hex::beats(&title, &bytes, 16));
    }
}

#[test]
fn files_of_others_and_the_picture_stay() {
    let dir = tempfile::tempdir().unwrap();
    let (pack, photo) = (small_pack(dir.path()), picture(dir.path(), "a.png", 40, 30));
    let other = dir.path().join("other");
    fs::write(&other, "mine").unwrap();
    let streamed = ["--weights", "streamed", "-o"];
    let base = ["compile", text(&photo), "--model", text(&pack)];
    let base = [&base[..], &streamed].concat();
    firebrick(&[&base[..], &[text(&other)]].concat()).fails("other");
    firebrick(&[&base[..], &[text(&photo), "--force"]].concat()).fails("a.png");
    assert_eq!(fs::read(&other).unwrap(), b"mine");
    // One of its own is written over.
    let own = dir.path().join("own");
    for _ in 0..2 {
        firebrick(&[&base[..], &[text(&own)]].concat()).good();
    }
}

#[cfg(feature = "sim")]
mod bench {
    use std::path::Path;
    use std::process::Command;

    use super::*;

    fn tool(name: &str) -> bool {
        let found = Command::new(name).arg("-V").output().is_ok();
        if !found {
            println!("skipped: {name} is not installed");
        }
        found
    }

    /// Exit code and output of `make TARGET` in the bench's folder.
    fn make(folder: &Path, target: &str, arguments: &str) -> (bool, String) {
        let output = Command::new("make")
            .args([target, &format!("ARGS={arguments}")])
            .current_dir(folder.join("testbench"))
            .output()
            .unwrap();
        let both = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&both).into_owned();
        (output.status.success(), text)
    }

    /// The models of the slices that a family's core instantiates are among the files.
    #[test]
    fn the_bench_of_a_family_brings_its_slices() {
        for preset in ["fb64-packed-xc7", "fb64-packed-xcup"] {
            let dir = tempfile::tempdir().unwrap();
            let out = text(dir.path());
            firebrick(&["generate", "--preset", preset, "--testbench", "-o", out]).good();
            if tool("iverilog") {
                let (good, text) = make(dir.path(), "icarus", "+idle=30 +pause=30");
                assert!(good && text.contains("PASS"), "{preset}: {text}");
            }
        }
    }

    #[test]
    fn the_bench_passes_and_finds_a_wrong_bit() {
        let dir = tempfile::tempdir().unwrap();
        let args = ["generate", "--preset", "fb64", "--testbench", "-o"];
        let args = [&args[..], &[text(dir.path()), "--top", "my_core"]].concat();
        firebrick(&args).good();
        // Again, over its own files.
        firebrick(&args).good();
        if tool("iverilog") {
            for arguments in ["", "+idle=100 +pause=150 +seed=7"] {
                let (good, text) = make(dir.path(), "icarus", arguments);
                assert!(good && text.contains("PASS"), "{text}");
            }
            let (good, text) = make(dir.path(), "icarus", "+limit=50");
            assert!(!good && text.contains("did not come in time"), "{text}");
            let (good, text) = make(dir.path(), "icarus", "+transfer=none.hex");
            assert!(!good && text.contains("FAIL: a file is missing"), "{text}");
        }
        let expect = dir.path().join("testbench/expect.hex");
        let right = fs::read_to_string(&expect).unwrap();
        if tool("verilator") {
            let (good, text) = make(dir.path(), "verilator", "+idle=30 +pause=60 +seed=3");
            assert!(good && text.contains("PASS"), "{text}");
            // A wrong bit in the middle of the result.
            let line = right.lines().nth(20).unwrap();
            let last = if line.ends_with('0') { '1' } else { '0' };
            let wrong = format!("{}{last}", &line[..line.len() - 1]);
            fs::write(&expect, right.replace(line, &wrong)).unwrap();
            let (good, text) = make(dir.path(), "verilator", "");
            assert!(!good && text.contains("FAIL: a result differs"), "{text}");
            fs::write(&expect, right).unwrap();
        }
    }
}

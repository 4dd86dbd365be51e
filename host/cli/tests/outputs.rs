//! What commands write and what they begin with: nothing is lost, nothing is green for nothing.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::Path;
use std::process::Stdio;

use crate::common::{Run, command, firebrick, picture, small_network, small_pack, text};

/// The program with nothing, or these lines, on standard input.
fn with_list(args: &[&str], lines: &str) -> Run {
    let mut child = command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(lines.as_bytes()).unwrap();
    drop(stdin);
    Run::of(child.wait_with_output().unwrap())
}

#[test]
fn no_input_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let pack = small_pack(dir.path());
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    for command in [
        &["classify"][..],
        &["classify", "--json"],
        &["classify", "--backend", "software"],
        &["classify", "--device", "sim:fb64"],
        &["verify", "--backend", "software"],
        &["verify", "--backend", "software", "--json"],
    ] {
        let args = [command, &["--model", text(&pack)]].concat();
        for lines in ["", "\n\n"] {
            let run = with_list(&[&args[..], &["-"]].concat(), lines).misused("--allow-empty");
            assert!(!run.stdout.contains("exact"), "{run:?}");
        }
        with_list(&[&args[..], &["-", "--allow-empty"]].concat(), "").good();
        let folder = [&args[..], &[text(&empty)]].concat();
        firebrick(&folder).misused("no JPEG or PNG file");
        firebrick(&[&folder[..], &["--allow-empty"]].concat()).good();
    }
    let labels = dir.path().join("labels.csv");
    fs::write(&labels, "file,class\n").unwrap();
    firebrick(&["evaluate", text(&labels), "--model", text(&pack)]).misused("lists no picture");
}

/// A folder of so many pictures and so many files that are none.
fn folder(dir: &Path, good: usize, bad: usize) {
    fs::create_dir(dir).unwrap();
    for index in 0..good {
        picture(dir, &format!("{index}.png"), 30, 20);
    }
    for index in 0..bad {
        let name = format!("._{index}.jpg");
        fs::write(dir.join(name), "<!DOCTYPE html><html></html>").unwrap();
    }
}

/// Pictures that have a result; the others have a line that says why not.
fn results(run: &Run) -> usize {
    let objects = run.objects();
    objects.iter().filter(|o| o["error"].is_null()).count()
}

#[test]
fn unreadable_files_of_a_folder_are_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let pack = small_pack(dir.path());
    for device in [&[][..], &["--device", "sim:fb64"]] {
        let args = [&["classify", "--json", "--model", text(&pack)], device].concat();
        for (good, bad, enough) in [(3, 1, true), (2, 2, true), (2, 3, false), (0, 1, false)] {
            let photos = dir.path().join(format!("{good}{bad}{}", device.len()));
            folder(&photos, good, bad);
            let run = firebrick(&[&args[..], &[text(&photos)]].concat());
            assert!(run.stderr.contains("warning: skipped: "), "{run:?}");
            if enough {
                let run = run.good();
                assert_eq!(run.objects().len(), good);
                let count = format!("{bad} of {} files were skipped", good + bad);
                assert!(run.stderr.contains(&count), "{run:?}");
            } else {
                run.fails("fewer than 50 % can");
            }
        }
        // Named, it is an error, and the others are classified all the same.
        let photos = dir.path().join(format!("31{}", device.len()));
        let named = photos.join("._0.jpg");
        let last = photos.join("2.png");
        let run = firebrick(&[&args[..], &[text(&named), text(&last)]].concat());
        assert_eq!(results(&run.fails("._0.jpg")), 1);
        let run = firebrick(&[&args[..], &[text(&named), text(&photos)]].concat());
        assert_eq!(run.code, 1, "{run:?}");
        assert_eq!(results(&run), 3);
    }
}

#[test]
fn outputs_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let (pack, image) = (small_pack(dir.path()), picture(dir.path(), "a.png", 40, 50));
    let labels = at("labels.csv");
    fs::write(&labels, "a.png,1\n").unwrap();
    fs::write(at("notes"), "notes of mine").unwrap();
    fs::write(at("r.json"), "notes of mine").unwrap();
    fs::create_dir(at("photos")).unwrap();
    let before = fs::read(&pack).unwrap();
    let photos = at("photos");

    // The float model, over itself, by a link, and over something else.
    symlink(&pack, at("link")).unwrap();
    let import = |output: &Path, more: &[&str]| {
        let args = ["import", text(&pack), "--calibrate", text(&photos), "-o"];
        firebrick(&[&args[..], &[text(output)], more].concat())
    };
    import(&pack, &["--force"]).fails("an input of the same command");
    import(&at("link"), &["--force"]).fails("an input of the same command");
    import(&at("notes"), &[]).fails("--force");
    import(&photos, &[]).fails("a folder");
    let new = at("new");
    import(&new, &["--save-calibration", text(&at("notes"))]).fails("--save-calibration");
    assert!(!new.exists());
    assert_eq!(fs::read(&pack).unwrap(), before);

    let model = ["--model", text(&pack)];
    let evaluate = ["evaluate", text(&labels), "--report", text(&at("r"))].map(str::to_owned);
    let evaluate: Vec<&str> = evaluate.iter().map(String::as_str).chain(model).collect();
    firebrick(&evaluate).fails("r.json");
    assert!(!at("r.md").exists());
    firebrick(&[&evaluate[..], &["--force"]].concat()).good();
    firebrick(&evaluate).good();

    let classify = ["classify", "--device", "sim:fb64", text(&image)];
    let record =
        |file: &Path| firebrick(&[&classify[..], &model, &["--record", text(file)]].concat());
    record(&image).fails("an input of the same command");
    record(&at("notes")).fails("--force");
    record(&at("new")).good();
    record(&at("new")).good();
    record(Path::new("/dev/null")).good();
    let null = fs::metadata("/dev/null").unwrap();
    assert!(null.file_type().is_char_device());
    assert_eq!(fs::read(at("notes")).unwrap(), b"notes of mine");
    let parts = fs::read_dir(dir.path()).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().ends_with(".part")
    });
    assert_eq!(parts.count(), 0);
}

#[test]
fn maps_of_any_name_have_files_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let image = picture(dir.path(), "a.png", 40, 50);
    let mut network = small_network();
    let long = "n".repeat(300);
    let names = ["a/b", "a.b", ".\n./..", &long];
    for (node, name) in network.nodes.iter_mut().zip(names) {
        node.name = name.to_owned();
    }
    let pack = dir.path().join("names.safetensors");
    network.save(&pack).unwrap();
    let out = dir.path().join("maps");
    let args = [
        "maps",
        text(&image),
        "-o",
        text(&out),
        "--model",
        text(&pack),
    ];
    firebrick(&args).good();
    // Four maps, picture, logits and the list.
    assert_eq!(fs::read_dir(&out).unwrap().count(), 7);
    let list: serde_json::Value =
        serde_json::from_slice(&fs::read(out.join("maps.json")).unwrap()).unwrap();
    let list = list.as_object().unwrap();
    for name in names {
        let file = list.iter().find(|(_, value)| *value == name).unwrap().0;
        assert!(out.join(file).exists() && !file.starts_with('.'), "{file}");
    }
    firebrick(&args).good();
    fs::write(out.join("logits.npy"), "notes of mine").unwrap();
    firebrick(&args).fails("--force");
}

/// 11000 x 11000 black pixels in 1.6 MB.
#[cfg(target_os = "linux")]
#[test]
fn a_picture_without_memory_does_not_end_the_batch() {
    let dir = tempfile::tempdir().unwrap();
    let pack = small_pack(dir.path());
    let (big, small) = (
        dir.path().join("big.png"),
        picture(dir.path(), "a.png", 40, 50),
    );
    image::GrayImage::new(11_000, 11_000).save(&big).unwrap();
    let program = env!("CARGO_BIN_EXE_firebrick");
    let script = "ulimit -v 400000; exec \"$@\"";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script, "sh", program, "classify", "--json", "--model"]);
    command.args([&pack, &big, &small]);
    let run = Run::of(command.output().unwrap()).fails("no memory for this picture");
    assert_eq!(results(&run), 1);
}

#[cfg(feature = "sim")]
mod waveforms {
    use super::*;

    #[test]
    fn are_whole_or_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let (pack, image) = (small_pack(dir.path()), picture(dir.path(), "a.png", 40, 50));
        let wave = dir.path().join("w.fst");
        let args = [
            "verify",
            "--model",
            text(&pack),
            "--preset",
            "fb64",
            text(&image),
        ];
        let args = [&args[..], &["--waveform", text(&wave), "--cycles"]].concat();
        let run = |cycles: &str| firebrick(&[&args[..], &[cycles]].concat());

        // A window that the run does not reach, and one that it reaches in part.
        let late = run("50000000..50000100").good();
        assert!(late.stderr.contains("holds no cycle"), "{late:?}");
        fs::remove_file(&wave).ok();
        let part = run("100..1000000").good();
        assert!(part.stderr.contains("ended before the rest"), "{part:?}");
        assert!(part.stderr.contains("MB expected"), "{part:?}");
        let whole = fs::metadata(&wave).unwrap().len();

        // The disk is full before, and in the middle.
        let limited = |kib: u64| {
            let script = format!("ulimit -f {}; exec \"$@\"", kib * 2);
            let mut command = std::process::Command::new("sh");
            command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_firebrick")]);
            command.args(&args).arg("0..2000");
            Run::of(command.output().unwrap())
        };
        fs::remove_file(&wave).unwrap();
        for kib in [64, 1100] {
            let run = limited(kib);
            assert_eq!(run.code, 1, "{run:?}");
            assert!(run.stderr.contains("room"), "{run:?}");
            let left: Vec<_> = fs::read_dir(dir.path())
                .unwrap()
                .map(|e| e.unwrap().file_name().into_string().unwrap())
                .filter(|name| name.contains("fst"))
                .collect();
            assert_eq!(left, Vec::<String>::new(), "{whole}");
        }
        let vcd = dir.path().join("w.vcd");
        let more = ["verify", text(&image), "--waveform", text(&vcd)];
        firebrick(&more).misused("FST");
        let pipe = ["verify", text(&image), "--waveform", "/dev/null"];
        firebrick(&pipe).fails("regular file");
        File::create(&wave)
            .unwrap()
            .write_all(b"notes of mine")
            .unwrap();
        run("0..10").fails("--force");
    }
}

#[test]
fn two_outputs_of_one_command_are_two_files() {
    let dir = tempfile::tempdir().unwrap();
    let (pack, image) = (small_pack(dir.path()), picture(dir.path(), "a.png", 40, 50));
    let at = |name: &str| dir.path().join(name);
    let (one, linked) = (at("t.bin"), at("./t.bin"));
    let args = [
        "compile",
        "--model",
        text(&pack),
        text(&image),
        "--weights",
        "streamed",
        "-o",
        text(&one),
    ];
    let run = firebrick(&[&args[..], &["--expect", text(&linked)]].concat());
    run.fails("-o of the same command goes there too");
    assert!(!one.exists());
    firebrick(&[&args[..], &["--expect", text(&at("r.bin"))]].concat()).good();
}

#[test]
fn a_file_that_was_meant_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (pack, image) = (
        small_pack(dir.path()),
        picture(dir.path(), "cat.png", 40, 50),
    );
    let wrong = dir.path().join("cta.png");
    let run = firebrick(&["classify", "--model", text(&pack), text(&wrong)]);
    run.fails(&format!("did you mean {}?", image.display()));
    let wrong = dir.path().join("smal.safetensors");
    let run = firebrick(&["info", "--model", text(&wrong)]);
    run.fails(&format!("did you mean {}?", pack.display()));
    let run = firebrick(&["info", "--model", "squeezenet-v1.1"]);
    run.fails("v1.1 is built in: leave --model out");
    // One that is there and no picture was meant.
    let run = firebrick(&["classify", text(&pack)]).fails("small.safetensors");
    assert!(!run.stderr.contains("did you mean"), "{run:?}");
}

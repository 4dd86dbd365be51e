//! Commands on devices, against the emulated board in a process of its own.
#![cfg(feature = "sim")]

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::board::{Board, Kind};
use crate::common::{Run, command, firebrick, picture, small_pack, text};
use rustix::process::{Pid, Signal, kill_process};

/// What the model says of the same pictures.
fn sums(run: &Run) -> Vec<String> {
    let objects = run.objects();
    let with_result = objects.iter().filter(|o| o["error"].is_null());
    let sums = with_result.map(|o| o["logits_sha256"].to_string());
    sums.collect()
}

fn pictures(dir: &Path, count: u32) {
    for n in 0..count {
        picture(dir, &format!("{n}.png"), 30 + n, 25);
    }
}

#[test]
fn classify_verify_doctor_and_bench_on_boards() {
    for kind in Kind::all() {
        commands_on(kind);
    }
}

fn commands_on(kind: Kind) {
    let dir = tempfile::tempdir().unwrap();
    let pack = small_pack(dir.path());
    let folder = dir.path().join("pictures");
    std::fs::create_dir(&folder).unwrap();
    pictures(&folder, 5);
    std::fs::write(folder.join("notes.txt"), "no picture").unwrap();
    let board = Board::start(kind, &[]);
    let model = ["--model", text(&pack), "--json", "-q"];

    let want = firebrick(&[&["classify", text(&folder)], &model[..]].concat()).good();
    assert_eq!(sums(&want).len(), 5);
    // The preset is found by the device's hash.
    let on = ["--device", board.uri.as_str()];
    let got = firebrick(&[&["classify", text(&folder)], &on[..], &model].concat()).good();
    assert_eq!(sums(&got), sums(&want));
    assert_eq!(got.objects()[0]["preset"], crate::board::PRESET);
    assert_eq!(got.objects()[0]["backend"], board.uri.as_str());
    for (number, object) in got.objects_of("classify").into_iter().enumerate() {
        assert!(object["latency_ms"].as_f64() > Some(0.0), "{object}");
        // The weights are loaded before the first picture, in cycles that are not its own.
        let counted = object["cycles"].as_u64() > Some(100);
        assert_eq!(counted, number > 0, "{object}");
    }

    // A list on standard input, one line of it wrong.
    let mut child = command(&[&["classify", "-"], &on[..], &model].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let list = format!("{0}/0.png\n{0}/none.png\n\n{0}/3.png\n", text(&folder));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(list.as_bytes()).unwrap();
    drop(stdin);
    let listed = Run::of(child.wait_with_output().unwrap()).fails("none.png");
    let all = sums(&want);
    assert_eq!(sums(&listed), [all[0].clone(), all[3].clone()]);

    let verified = firebrick(&[&["verify", text(&folder)], &on[..], &model].concat()).good();
    assert_eq!(
        verified.objects_of("verify").last().unwrap()["images_exact"],
        5
    );

    let doctor = firebrick(&[&["doctor", "--json"], &on[..]].concat()).good();
    let steps = doctor.objects_of("doctor");
    assert!(steps.iter().all(|step| step["outcome"] != "failed"));
    let last = steps.last().unwrap();
    assert_eq!(
        (&last["step"], &last["outcome"]),
        (&"self test".into(), &"ok".into())
    );

    let bench = firebrick(
        &[
            &["bench", "--images", "6", "--clock", "100"],
            &on[..],
            &model,
        ]
        .concat(),
    );
    let bench = bench.good().objects_of("bench").remove(0);
    assert_eq!(bench["images"], 6);
    let cycles = bench["mean_cycles"].as_f64().unwrap();
    assert!(cycles > 100.0, "{bench}");
    assert!((bench["compute_ms"].as_f64().unwrap() - cycles / 1e5).abs() < 1e-9);
    let latency = &bench["latency"];
    assert!(latency["p50_ms"].as_f64() > Some(0.0), "{bench}");
    assert!(
        latency["p50_ms"].as_f64() <= latency["p99_ms"].as_f64(),
        "{bench}"
    );

    // The wrong preset is told.
    let wrong = [
        &["classify", text(&folder), "--preset", "fb256"],
        &on[..],
        &model,
    ]
    .concat();
    firebrick(&wrong).fails("hash");
    board.stop();
}

#[test]
fn a_damaged_core_is_told_by_the_doctor() {
    let board = Board::start(Kind::XdmaFifo, &["--fault", "abi=newer"]);
    let run = firebrick(&["doctor", "--json", "--device", &board.uri]);
    assert_eq!(run.code, 1, "{run:?}");
    let steps = run.objects();
    let failed: Vec<_> = steps.iter().filter(|s| s["outcome"] == "failed").collect();
    assert_eq!(failed.len(), 1, "{run:?}");
    assert_eq!(failed[0]["step"], "ABI version");
    assert!(failed[0]["advice"].as_str().unwrap().contains("newer"));
    board.stop();
}

#[test]
fn an_absent_device_and_its_advice() {
    let dir = tempfile::tempdir().unwrap();
    let uri = format!("xdma:{}/xdma0", text(dir.path()));
    let image = picture(dir.path(), "a.png", 30, 25);
    firebrick(&["classify", text(&image), "--device", &uri]).fails("firebrick doctor");
    let run = firebrick(&["doctor", "--json", "--device", &uri]);
    assert_eq!(run.code, 1, "{run:?}");
    let steps = run.objects();
    let nodes = steps.iter().find(|step| step["step"] == "nodes").unwrap();
    assert_eq!(nodes["outcome"], "failed");
    assert!(nodes["advice"].as_str().unwrap().contains("modprobe"));
    assert_eq!(steps.last().unwrap()["outcome"], "skipped");
    let both = [
        "classify",
        text(&image),
        "--device",
        &uri,
        "--backend",
        "model",
    ];
    firebrick(&both).misused("cannot be used with");
    firebrick(&["classify", text(&image), "--device", "usb:1"]).misused("names no device");
}

#[test]
fn recordings_are_run_again() {
    let dir = tempfile::tempdir().unwrap();
    let pack = small_pack(dir.path());
    let folder = dir.path().join("pictures");
    std::fs::create_dir(&folder).unwrap();
    pictures(&folder, 3);
    let file = dir.path().join("run.rec");
    let board = Board::start(Kind::XdmaFifo, &[]);
    let args = [
        "classify",
        text(&folder),
        "--device",
        &board.uri,
        "--model",
        text(&pack),
    ];
    firebrick(&[&args[..], &["--record", text(&file)]].concat()).good();
    board.stop();
    // The configuration comes from the recording.
    for backend in ["software", "sim"] {
        let run = firebrick(&["replay", text(&file), "--json", "--backend", backend]).good();
        let report = run.objects().remove(0);
        // The weights once, then three pictures.
        assert_eq!(
            (&report["equal"], &report["packets"]),
            (&true.into(), &4.into()),
            "{run:?}"
        );
    }
    // On other boards than the one that was recorded.
    for kind in Kind::all() {
        let board = Board::start(kind, &[]);
        let args = ["replay", text(&file), "--json", "--device", &board.uri];
        let report = firebrick(&args).good().objects().remove(0);
        assert_eq!(
            (&report["equal"], &report["packets"]),
            (&true.into(), &4.into()),
            "{kind:?} {report}"
        );
        // A board that computes something else is found out.
        board.stop();
        let board = Board::start(kind, &["--fault", "c2h-flip=40@transfer=3"]);
        let run = firebrick(&["replay", text(&file), "--device", &board.uri]);
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.stdout.contains("differs at byte 4"), "{run:?}");
        board.stop();
    }
    let mut bytes = std::fs::read(&file).unwrap();
    let last = bytes.len() - 30;
    bytes[last] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    firebrick(&["replay", text(&file), "--backend", "software"]).fails("is damaged");
}

#[test]
fn an_interrupt_ends_a_batch_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let pack = small_pack(dir.path());
    let image = picture(dir.path(), "a.png", 30, 25);
    let board = Board::start(Kind::XdmaFifo, &[]);
    let mut child = command(&[
        "classify",
        "-",
        "--device",
        &board.uri,
        "--model",
        text(&pack),
    ])
    .stdin(Stdio::piped())
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{}", text(&image)).unwrap();
    // Its first result: now it waits for more.
    let mut stdout = child.stdout.take().unwrap();
    std::io::Read::read_exact(&mut stdout, &mut [0]).unwrap();
    // Who comes second is told who has the device.
    let holder = format!("in use by process {}", child.id());
    firebrick(&["bench", "--device", &board.uri]).fails(&holder);
    let begin = Instant::now();
    kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::INT).unwrap();
    assert_eq!(crate::board::wait(&mut child).code(), Some(130));
    assert!(begin.elapsed() < Duration::from_secs(20));
    drop(stdin);
    // The device is free and clean.
    firebrick(&["doctor", "--device", &board.uri]).good();
    board.stop();
}

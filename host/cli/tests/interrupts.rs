//! SIGINT while a device works: what is under way is given up, the engine is reset, the exit code is
//! 130; a second SIGINT leaves at once.
#![cfg(feature = "sim")]

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::board::{Board, Kind, PRESET};
use crate::common::{Run, command, firebrick, picture, small_pack, text};
use rustix::process::{Pid, Signal, kill_process};

/// How long a program may take to get ready, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How soon it has to be over then.
const SOON: Duration = Duration::from_secs(8);

/// After the probe of the session nothing comes back: commands wait in mid transfer, and a reset
/// ends that.
const HELD: &str = "c2h-late=600@transfer=2";

/// The files that commands need.
struct Files {
    folder: tempfile::TempDir,
    pack: PathBuf,
    image: PathBuf,
}

impl Files {
    fn new() -> Files {
        let folder = tempfile::tempdir().unwrap();
        Files {
            pack: small_pack(folder.path()),
            image: picture(folder.path(), "a.png", 30, 25),
            folder,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command lines that use a device, by name, without the device.
    fn commands(&self) -> Vec<Vec<&str>> {
        let (pack, image) = (text(&self.pack), text(&self.image));
        vec![
            vec!["classify", image, "--model", pack],
            vec!["verify", image, "--model", pack],
            vec!["bench", "--images", "100000", "--model", pack],
            vec!["doctor"],
        ]
    }
}

/// Whether a process has a handler for SIGINT: then it says itself what happens.
fn listens(child: &Child) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
    let status = status.unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_some_and(|mask| mask & 1 << (Signal::INT.as_raw() - 1) != 0)
}

fn start(args: &[&str], uri: &str) -> Child {
    command(&[args, &["-q", "--device", uri]].concat())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn interrupt(child: &Child) {
    kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::INT).unwrap();
}

/// Waits until it listens and a little longer, interrupts, and waits for its end.
fn interrupted(child: Child, ready: impl Fn() -> bool) -> Run {
    let begin = Instant::now();
    while !listens(&child) || !ready() {
        assert!(begin.elapsed() < PATIENCE, "it never began");
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(200));
    interrupt(&child);
    let begin = Instant::now();
    let run = Run::of(child.wait_with_output().unwrap());
    assert!(begin.elapsed() < SOON, "{:?} {run:?}", begin.elapsed());
    assert_eq!(run.code, 130, "{run:?}");
    run
}

fn fired(board: &Board) -> bool {
    let state = std::fs::read_to_string(board.dir.join("state")).unwrap_or_default();
    state.contains("fired 1\n")
}

fn good_again(board: &Board, files: &Files) {
    let (pack, image) = (text(&files.pack), text(&files.image));
    let on = ["--device", board.uri.as_str(), "--model", pack, "--json"];
    let got = firebrick(&[&["classify", image], &on[..]].concat()).good();
    let want = firebrick(&["classify", image, "--model", pack, "--json"]).good();
    let sum = |run: &Run| run.objects()[0]["logits_sha256"].clone();
    assert_eq!(sum(&got), sum(&want));
}

#[test]
fn every_command_gives_up_in_mid_image_and_resets() {
    let files = Files::new();
    for kind in [Kind::XdmaFifo, Kind::AxiDma] {
        for args in files.commands() {
            let board = Board::start(kind, &["--fault", HELD]);
            let run = interrupted(start(&args, &board.uri), || fired(&board));
            assert!(
                run.stderr.contains("interrupted") && run.stderr.contains("the device is reset"),
                "{args:?} {run:?}"
            );
            good_again(&board, &files);
            board.stop();
        }
    }
}

#[test]
fn a_session_that_is_being_opened_is_given_up() {
    let files = Files::new();
    for kind in [Kind::XdmaFifo, Kind::AxiDma] {
        for args in files.commands() {
            let board = Board::start(kind, &["--fault", "stall"]);
            let begin = Instant::now();
            interrupted(start(&args, &board.uri), || {
                begin.elapsed() > Duration::from_secs(1)
            });
            good_again(&board, &files);
            board.stop();
        }
    }
}

#[test]
fn a_second_interrupt_leaves_at_once() {
    let files = Files::new();
    for args in files.commands() {
        let mut board = Board::start(Kind::XdmaFifo, &["--fault", HELD]);
        let child = start(&args, &board.uri);
        let begin = Instant::now();
        while !listens(&child) || !fired(&board) {
            assert!(begin.elapsed() < PATIENCE, "{args:?}: it never began");
            std::thread::sleep(Duration::from_millis(5));
        }
        // Not even the reset after the first one ends.
        board.tell("frozen");
        interrupt(&child);
        std::thread::sleep(Duration::from_secs(1));
        interrupt(&child);
        let begin = Instant::now();
        let run = Run::of(child.wait_with_output().unwrap());
        assert!(begin.elapsed() < Duration::from_secs(2), "{args:?}");
        assert_eq!(run.code, 130, "{args:?} {run:?}");
        board.tell("clear");
        good_again(&board, &files);
        board.stop();
    }
}

#[test]
fn a_replay_gives_up() {
    let files = Files::new();
    let record = files.path("run.rec");
    let board = Board::start(Kind::XdmaFifo, &[]);
    let args = files.commands().remove(0);
    let more = ["--device", board.uri.as_str(), "--record", text(&record)];
    firebrick(&[&args[..], &more].concat()).good();
    board.stop();
    let board = Board::start(Kind::AxiDma, &["--fault", HELD]);
    let run = interrupted(start(&["replay", text(&record)], &board.uri), || {
        fired(&board)
    });
    assert!(run.stderr.contains("the device is reset"), "{run:?}");
    good_again(&board, &files);
    board.stop();
}

#[test]
fn the_simulator_gives_up_too() {
    let files = Files::new();
    let uri = format!("sim:{PRESET}");
    let bench = ["bench", "--images", "100000", "--model", text(&files.pack)];
    let run = interrupted(start(&bench, &uri), || true);
    assert!(run.stderr.contains("interrupted") || run.stderr.contains("cancelled"));
}

#[test]
fn what_was_recorded_of_a_failed_opening_can_be_read() {
    let files = Files::new();
    let read = |record: &Path| {
        let args = ["replay", text(record), "--json", "--backend", "software"];
        let run = firebrick(&[&args[..], &["--preset", PRESET]].concat());
        let report = run.objects().remove(0);
        assert_eq!(report["truncated"], false, "{run:?}");
        report
    };
    let args = files.commands().remove(0);
    // Another engine than the one asked for.
    let record = files.path("hash.rec");
    let board = Board::start(Kind::XdmaFifo, &["--fault", "hash=0123456789abcdef"]);
    let more = ["--device", board.uri.as_str(), "--record", text(&record)];
    let more = [&more[..], &["--preset", PRESET]].concat();
    firebrick(&[&args[..], &more].concat()).fails("0123456789abcdef");
    let report = read(&record);
    assert!(report["entries"].as_u64() > Some(3), "{report}");
    let difference = report["difference"].as_str().unwrap();
    assert!(difference.contains("register HASH_LO"), "{report}");
    board.stop();
    // Given up.
    let record = files.path("given-up.rec");
    let board = Board::start(Kind::XdmaFifo, &["--fault", "stall"]);
    let begin = Instant::now();
    let more = [&args[..], &["--record", text(&record)]].concat();
    interrupted(start(&more, &board.uri), || {
        begin.elapsed() > Duration::from_secs(1)
    });
    let report = read(&record);
    assert!(report["entries"].as_u64() > Some(5), "{report}");
    board.stop();
}

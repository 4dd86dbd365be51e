//! Nodes come and go with the process, and nothing else does.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::board::{Board, Kind, PRESET, check, program, wait};
use crate::common::{Run, command, firebrick, text};

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn is_mounted(dir: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    mounts.contains(text(dir))
}

#[test]
fn signals_end_it_and_its_nodes() {
    for kind in Kind::all() {
        for signal in [Signal::INT, Signal::TERM] {
            let dir = tempfile::tempdir().unwrap();
            let mut board = Board::start_in(dir.path(), kind, &[]);
            assert!(names(dir.path()).len() > 3);
            // Also while a client has everything open.
            let client = board.session();
            board.signal(signal);
            assert!(board.wait().success(), "{kind:?}");
            assert!(names(dir.path()).is_empty(), "{:?}", names(dir.path()));
            assert!(!is_mounted(dir.path()));
            drop(client);
        }
    }
}

#[test]
fn the_next_one_cleans_up_after_a_killed_one() {
    let program = program();
    for kind in Kind::all() {
        let dir = tempfile::tempdir().unwrap();
        let mut board = Board::start_in(dir.path(), kind, &[]);
        fs::write(dir.path().join("foreign"), "mine").unwrap();
        board.signal(Signal::KILL);
        assert!(!board.wait().success());
        assert!(names(dir.path()).len() > 4);
        let board = Board::start_in(dir.path(), kind, &[]);
        check(&mut board.session(), &program, 1);
        board.stop();
        assert_eq!(names(dir.path()), ["foreign"], "{kind:?}");
        assert!(!is_mounted(dir.path()));
    }
}

#[test]
fn foreign_files_and_other_emulators_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let args = |kind: &'static str| {
        let dir = text(dir.path());
        [
            "emulate", "-q", "--kind", kind, "--preset", PRESET, "--dir", dir,
        ]
    };
    fs::write(dir.path().join("xdma0_user"), "mine").unwrap();
    firebrick(&args("xdma")).fails("not made by an emulator");
    assert_eq!(names(dir.path()), ["xdma0_user"]);
    let board = Board::start_in(dir.path(), Kind::AxiDma, &[]);
    let process = format!("process {}", board.pid());
    firebrick(&args("axidma")).fails(&process);
    board.stop();
    assert_eq!(names(dir.path()), ["xdma0_user"]);
    firebrick(&["emulate", "--kind", "xdma", "--dir", "/proc/nowhere"]).fails("/proc/nowhere");
}

#[test]
fn it_does_not_outlive_its_parent() {
    let dir = tempfile::tempdir().unwrap();
    let board = dir.path().join("board");
    // A shell that starts it, waits until it is ready and ends.
    let program = env!("CARGO_BIN_EXE_firebrick");
    let script = format!(
        "'{program}' emulate -q --kind xdma --preset {PRESET} --dir '{}' > '{}' &\n\
         while ! [ -s '{}' ]; do sleep 0.05; done",
        text(&board),
        text(&dir.path().join("uri")),
        text(&dir.path().join("uri")),
    );
    let mut shell = std::process::Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    assert!(wait(&mut shell).success());
    let begin = Instant::now();
    while !names(&board).is_empty() {
        let late = begin.elapsed() > Duration::from_secs(20);
        assert!(!late, "{:?}", names(&board));
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn bad_faults_are_refused_in_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let emulate = |kind: &str, fault: &str| {
        let args = ["emulate", "-q", "--kind", kind, "--dir", text(dir.path())];
        let more = ["--preset", PRESET, "--fault", fault];
        Run::of(command(&[&args[..], &more].concat()).output().unwrap())
    };
    emulate("xdma", "nonsense").misused("there is no such fault");
    emulate("xdma", "h2c-errno=512").misused("cannot pass through FUSE");
    emulate("axidma", "h2c-short=3").fails("--streams fuse");
    emulate("xdma", "dma=s2mm:int").fails("--kind axidma");
    assert!(names(dir.path()).is_empty());
}

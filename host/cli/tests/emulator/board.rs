//! An emulated board in a folder of its own, and what is run on it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use firebrick_driver::{
    CompileOptions, Device, OpenOptions, Program, Session, SessionError, Uri, compile,
};
use firebrick_model::Model;
use firebrick_spec::HwConfig;
use ndarray::Array3;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::common::{command, small_network, text};

/// The preset that builds fastest.
pub const PRESET: &str = "fb64";
/// How long anything of the emulator may take; building the core takes longest.
const PATIENCE: Duration = Duration::from_secs(300);

/// The kinds of boards and streams that are tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    XdmaFifo,
    XdmaFuse,
    AxiDma,
}

impl Kind {
    /// Those that can be had on this machine.
    pub fn all() -> Vec<Kind> {
        let mut kinds = vec![Kind::XdmaFifo, Kind::AxiDma];
        match fuse() {
            true => kinds.push(Kind::XdmaFuse),
            false => crate::common::skipped("FUSE cannot be used here"),
        }
        kinds
    }

    fn args(self) -> &'static [&'static str] {
        match self {
            Kind::XdmaFifo => &["--kind", "xdma", "--streams", "fifo"],
            Kind::XdmaFuse => &["--kind", "xdma", "--streams", "fuse"],
            Kind::AxiDma => &["--kind", "axidma"],
        }
    }
}

/// Whether FUSE file systems can be mounted here.
pub fn fuse() -> bool {
    static FUSE: LazyLock<bool> = LazyLock::new(|| {
        let device = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/fuse");
        let helper = || std::process::Command::new("fusermount3").arg("-V").output();
        device.is_ok() && (rustix::process::geteuid().is_root() || helper().is_ok())
    });
    *FUSE
}

/// A running emulator.
pub struct Board {
    child: Child,
    pub uri: String,
    folder: Option<TempDir>,
    pub dir: PathBuf,
    commands: u64,
}

impl Board {
    /// Starts one and waits until it is ready.
    pub fn start(kind: Kind, more: &[&str]) -> Board {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("board");
        let mut board = Board::start_in(&dir, kind, more);
        board.folder = Some(folder);
        board
    }

    /// The same in a folder that stays.
    pub fn start_in(dir: &Path, kind: Kind, more: &[&str]) -> Board {
        let mut args = vec!["emulate", "-q", "--preset", PRESET, "--dir", text(dir)];
        // Short, so that tests of what never comes are short.
        args.extend(["--timeout", "0.3"]);
        args.extend(kind.args());
        args.extend(more);
        let mut child = command(&args)
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut uri = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut uri).unwrap();
        if uri.is_empty() {
            panic!("the emulator {args:?} ended: {:?}", child.wait());
        }
        Board {
            child,
            uri: uri.trim().to_owned(),
            folder: None,
            dir: dir.to_owned(),
            commands: 0,
        }
    }

    /// Writes a line to the control pipe and waits until it was read.
    pub fn tell(&mut self, line: &str) {
        std::fs::write(self.dir.join("control"), format!("{line}\n")).unwrap();
        self.commands += 1;
        let state =
            self.await_state(|state| state.contains(&format!("commands {}\n", self.commands)));
        assert!(!state.contains("error"), "{line}: {state}");
    }

    /// The same for one engine of several.
    pub fn tell_engine(&mut self, engine: usize, line: &str) {
        let name = |name: &str| match engine {
            0 => self.dir.join(name),
            engine => self.dir.join(format!("{name}_{engine}")),
        };
        let commands = |state: &str| -> u64 {
            let line = state
                .lines()
                .find_map(|line| line.strip_prefix("commands "));
            line.and_then(|count| count.parse().ok()).unwrap_or(0)
        };
        let read = || std::fs::read_to_string(name("state")).unwrap_or_default();
        let (before, begin) = (commands(&read()), Instant::now());
        std::fs::write(name("control"), format!("{line}\n")).unwrap();
        while commands(&read()) == before {
            assert!(
                begin.elapsed() < Duration::from_secs(20),
                "{line}: {}",
                read()
            );
            std::thread::sleep(Duration::from_millis(1));
        }
        self.commands += u64::from(engine == 0);
    }

    /// Waits for something in the state file.
    pub fn await_state(&self, there: impl Fn(&str) -> bool) -> String {
        let begin = Instant::now();
        loop {
            let state = std::fs::read_to_string(self.dir.join("state")).unwrap_or_default();
            if state.ends_with(".\n") && there(&state) {
                return state;
            }
            assert!(begin.elapsed() < Duration::from_secs(20), "{state}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until so many faults have happened.
    pub fn await_fired(&self, count: u64) {
        self.await_state(|state| state.contains(&format!("fired {count}\n")));
    }

    /// A session with the device.
    pub fn session(&self) -> TestSession {
        session(&self.uri).unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id() as i32).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        wait(&mut self.child)
    }

    /// Ends it in an orderly way.
    pub fn stop(mut self) {
        self.signal(Signal::TERM);
        assert!(self.wait().success());
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.signal(Signal::TERM);
            wait(&mut self.child);
        }
    }
}

/// Waits for the end of a process, but not for ever.
pub fn wait(child: &mut Child) -> ExitStatus {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(begin.elapsed() < PATIENCE, "the process does not end");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub type TestSession = Session<Box<dyn Device + Send>>;

/// A session with short deadlines.
pub fn session(uri: &str) -> Result<TestSession, SessionError> {
    let uri: Uri = uri.parse().unwrap();
    let device = firebrick_driver::open(&uri, &OpenOptions::default())?;
    let mut session = Session::open(device, &config())?;
    session.deadline = Duration::from_secs(3);
    session.reset_deadline = Duration::from_secs(5);
    Ok(session)
}

pub fn config() -> HwConfig {
    HwConfig::preset(PRESET).unwrap()
}

/// The small network for the preset.
pub fn program() -> Program {
    compile(
        &small_network(),
        &config(),
        21,
        23,
        &CompileOptions::default(),
    )
    .unwrap()
}

/// One of many pictures.
pub fn picture(number: usize) -> Array3<u8> {
    Array3::from_shape_fn((21, 23, 3), |(y, x, c)| {
        (y * 11 + x * (5 + number) + c * 70 + number * 13) as u8
    })
}

/// What the integer model says of it.
pub fn want(number: usize) -> Vec<i32> {
    static MODEL: LazyLock<Model> = LazyLock::new(|| Model::new(&small_network()).unwrap());
    MODEL.logits(&picture(number).view()).unwrap()
}

/// Runs a picture and compares.
pub fn check(session: &mut TestSession, program: &Program, number: usize) {
    let result = session.run(program, &picture(number).view());
    assert_eq!(result.unwrap().logits, want(number), "picture {number}");
}

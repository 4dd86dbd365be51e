//! Runs a tool with a deadline and collects what it says.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How a run ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The tool came to its end.
    Exit(ProcessOutput),
    /// The deadline passed; the tool and its children were killed.
    Deadline,
}

/// What a tool said.
#[derive(Debug)]
pub(crate) struct ProcessOutput {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl ProcessOutput {
    /// Standard error, then standard output, for messages.
    pub fn all(&self) -> String {
        format!("{}{}", self.stderr, self.stdout)
    }
}

/// A tool that runs. It is killed, with its children, if dropped before its end.
pub(crate) struct Running {
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
    ended: bool,
}

impl Running {
    /// Starts `command` in a process group of its own, with no standard input.
    pub fn start(command: &mut Command) -> std::io::Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let stdout = child.stdout.take().map(collect);
        let stderr = child.stderr.take().map(collect);
        Ok(Self {
            child,
            stdout,
            stderr,
            ended: false,
        })
    }

    /// The output if the tool has ended.
    pub fn poll(&mut self) -> std::io::Result<Option<ProcessOutput>> {
        let Some(status) = self.child.try_wait()? else {
            return Ok(None);
        };
        self.ended = true;
        let text = |handle: Option<JoinHandle<String>>| {
            handle.and_then(|h| h.join().ok()).unwrap_or_default()
        };
        let (stdout, stderr) = (text(self.stdout.take()), text(self.stderr.take()));
        Ok(Some(ProcessOutput {
            status,
            stdout,
            stderr,
        }))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        if let Some(pid) = rustix::process::Pid::from_raw(self.child.id().cast_signed()) {
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Runs `command` to its end, or kills it at `deadline`.
pub(crate) fn run(command: &mut Command, deadline: Instant) -> std::io::Result<Ended> {
    let mut running = Running::start(command)?;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(output) = running.poll()? {
            return Ok(Ended::Exit(output));
        }
        if Instant::now() >= deadline {
            return Ok(Ended::Deadline);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

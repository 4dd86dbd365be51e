//! Faults set while the board runs: lines written to a pipe, and a file that says what came of
//! them.

use firebrick_spec::regs;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::error::EmulatorError;
use super::fault::Fault;
use super::faults::Faults;
use super::fifo::Fifo;
use super::nodes::Nodes;

/// The pipe that takes commands; `_N` follows it for engine N but the first.
pub const CONTROL: &str = "control";
/// The file that tells, likewise.
pub const STATE: &str = "state";
/// A line longer than this is dropped.
const LINE_MAX: usize = 4096;

/// The way to set faults.
#[derive(Debug)]
pub struct Control {
    fifo: Fifo,
    state: PathBuf,
    /// What was read of a line.
    line: Vec<u8>,
    commands: u64,
    last_error: Option<String>,
    shown: String,
}

impl Control {
    /// Makes pipe and file of an engine: the first one's have the plain names.
    pub fn new(nodes: &mut Nodes, engine: usize) -> Result<Control, EmulatorError> {
        let name = |name: &str| regs::of_engine(name, '_', engine);
        let path = nodes.fifo(&name(CONTROL))?;
        let fifo = Fifo::open(&path).map_err(EmulatorError::node("open", path))?;
        nodes.memory(&name(STATE), 0)?;
        Ok(Control {
            fifo,
            state: nodes.dir().join(name(STATE)),
            line: Vec::new(),
            commands: 0,
            last_error: None,
            shown: String::new(),
        })
    }

    /// Carries out the lines that came; `possible` says whether this board can have a fault.
    /// Returns whether the emulator is to end.
    pub fn serve(
        &mut self,
        faults: &mut Faults,
        possible: &dyn Fn(&Fault) -> Result<(), EmulatorError>,
    ) -> Result<bool, EmulatorError> {
        let mut room = [0; 1024];
        let mut stop = false;
        loop {
            let read = self.fifo.read(&mut room);
            let read = read.map_err(EmulatorError::node("read", CONTROL))?;
            if read == 0 {
                break;
            }
            for byte in &room[..read] {
                match byte {
                    b'\n' => {
                        let line = std::mem::take(&mut self.line);
                        stop |= self.command(&String::from_utf8_lossy(&line), faults, possible);
                    }
                    _ if self.line.len() < LINE_MAX => self.line.push(*byte),
                    _ => {}
                }
            }
        }
        Ok(stop)
    }

    fn command(
        &mut self,
        line: &str,
        faults: &mut Faults,
        possible: &dyn Fn(&Fault) -> Result<(), EmulatorError>,
    ) -> bool {
        let line = line.trim();
        if line.is_empty() {
            return false;
        }
        self.commands += 1;
        self.last_error = None;
        match line {
            "stop" => return true,
            "clear" => faults.clear(),
            text => match text.parse::<Fault>() {
                Ok(fault) => match possible(&fault) {
                    Ok(()) => faults.arm(fault),
                    Err(error) => self.last_error = Some(error.to_string()),
                },
                Err(error) => self.last_error = Some(error.to_string()),
            },
        }
        false
    }

    /// Writes the state file anew if it would say something else. That comes after registers and
    /// nodes show what the lines asked for, so that whoever waits for it finds them so.
    pub fn tell(&mut self, faults: &Faults) -> Result<(), EmulatorError> {
        let mut text = format!("commands {}\nfired {}\n", self.commands, faults.fired());
        faults.texts().for_each(|fault| {
            text += &format!("armed {fault}\n");
        });
        if let Some(error) = &self.last_error {
            text += &format!("error {error}\n");
        }
        if text != self.shown {
            write_over(&self.state, &text).map_err(EmulatorError::node("write", &self.state))?;
            self.shown = text;
        }
        Ok(())
    }
}

/// Writes a short text into a file that stays the same file, so that whoever made it can say so;
/// the last line, `.`, says that it is complete.
fn write_over(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(path)?;
    file.write_all(format!("{text}.\n").as_bytes())
}

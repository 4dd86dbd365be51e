//! Runs the same Verilog under Icarus Verilog: a second, independent simulator.
//!
//! The engine's interface is expected: `aclk`, `aresetn`, `s_axis_*`, `m_axis_*`, and `s_axil_*`
//! if the text mentions it. A small test bench in Verilog is generated; it reads its
//! stimulus from hex files and writes the output beats to a file.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::design::is_plain;
use crate::environment::Environment;
use crate::error::BuildError;
use crate::process::{Ended, ProcessOutput, run};
use crate::temporary::Temporary;

mod bench;

/// What is done to the design.
#[derive(Debug, Clone)]
pub struct Stimulus {
    /// Width of both streams in bits (a multiple of 32; default 128).
    pub width: u32,
    /// Width of register addresses in bits (default 12).
    pub address_width: u32,
    /// Register writes, done in this order before the stream starts: address and value.
    pub writes: Vec<(u32, u32)>,
    /// Beats to send: words, least significant first, and last.
    pub beats: Vec<(Vec<u32>, bool)>,
    /// How often valid is low before a beat is offered, in 256ths (0: never).
    pub idle: u8,
    /// How often ready is low, in 256ths (0: never).
    pub back_pressure: u8,
    /// The seed of both.
    pub seed: u32,
    /// The run ends when so many beats came out.
    pub expected_beats: usize,
    /// The run ends with an error after so many cycles.
    pub cycle_limit: u64,
    /// The limit in time, for compiling and running each.
    pub limit: Duration,
}

impl Default for Stimulus {
    fn default() -> Self {
        Self {
            width: 128,
            address_width: 12,
            writes: Vec::new(),
            beats: Vec::new(),
            idle: 0,
            back_pressure: 0,
            seed: 1,
            expected_beats: 0,
            cycle_limit: 1_000_000,
            limit: Duration::from_secs(15 * 60),
        }
    }
}

impl Stimulus {
    /// Appends bytes as beats, the first byte lowest, the last beat filled with zeros and
    /// marked as the last.
    pub fn push_packet(&mut self, bytes: &[u8]) {
        let beat = (self.width / 8).max(4) as usize;
        let count = bytes.len().div_ceil(beat);
        self.beats
            .extend(bytes.chunks(beat).enumerate().map(|(index, chunk)| {
                let words = chunk.chunks(4).map(|four| {
                    let mut word = [0; 4];
                    word[..four.len()].copy_from_slice(four);
                    u32::from_le_bytes(word)
                });
                (words.collect(), index + 1 == count)
            }));
    }
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Output beats: words, least significant first, and last.
    pub beats: Vec<(Vec<u32>, bool)>,
    /// Cycles after reset.
    pub cycles: u64,
}

impl Outcome {
    /// The output as bytes, the lowest of each beat first.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let words = self.beats.iter().flat_map(|(words, _)| words);
        words.flat_map(|word| word.to_le_bytes()).collect()
    }
}

/// An error of a run under Icarus.
#[derive(Debug, thiserror::Error)]
pub enum IcarusError {
    /// `iverilog` or `vvp` is not on PATH.
    #[error("{program} was not found on PATH; install it with: apt-get install iverilog")]
    Missing {
        /// The program.
        program: &'static str,
    },
    /// A tool could not be started, or temporary files not written.
    #[error(transparent)]
    Tool(#[from] BuildError),
    /// The stimulus cannot be used.
    #[error("stimulus for Icarus: {0}")]
    Stimulus(String),
    /// Icarus refused the design.
    #[error("iverilog refused the design {top}:\n{messages}")]
    Verilog {
        /// The top module.
        top: String,
        /// Its messages.
        messages: String,
    },
    /// A tool did not end in time.
    #[error("{program} did not end within {} s on design {top} and was stopped; allow more time, or use a smaller network", .limit.as_secs_f32())]
    Deadline {
        /// The program.
        program: &'static str,
        /// The top module.
        top: String,
        /// The limit.
        limit: Duration,
    },
    /// The design did not send as many beats as expected.
    #[error(
        "design {top} under Icarus: {got} of {expected} beats came out within {cycles} cycles, {sent} of {to_send} went in, {writes} register writes were answered"
    )]
    CycleLimit {
        /// The top module.
        top: String,
        /// Beats out.
        got: usize,
        /// Beats expected.
        expected: usize,
        /// Cycles.
        cycles: u64,
        /// Beats in.
        sent: u64,
        /// Beats to send.
        to_send: usize,
        /// Register writes answered.
        writes: u64,
    },
    /// The design answered a register write with an error, or the run ended oddly.
    #[error("design {top} under Icarus: {problem}")]
    Run {
        /// The top module.
        top: String,
        /// What happened.
        problem: String,
    },
}

/// Runs module `top` of `verilog` with `stimulus` and gives what came out.
///
/// # Errors
/// If Icarus is missing or refuses the design, or not all expected beats come out in time.
pub fn run_icarus(
    verilog: &str,
    top: &str,
    stimulus: &Stimulus,
    environment: &Environment,
) -> Result<Outcome, IcarusError> {
    check(top, stimulus)?;
    let iverilog = find(environment, "iverilog")?;
    let vvp = find(environment, "vvp")?;
    let scratch = Temporary::new("icarus")?;
    let dir = scratch.path();
    let files = [
        ("design.v", verilog.to_owned()),
        ("bench.v", bench::source(verilog, top, stimulus)),
        ("beats.hex", bench::beats(stimulus)),
        ("writes.hex", bench::writes(stimulus)),
    ];
    for (name, text) in files {
        std::fs::write(dir.join(name), text).map_err(|e| scratch.error(e))?;
    }
    let mut command = Command::new(iverilog);
    command.args([
        "-g2005-sv",
        "-s",
        "firebrick_bench",
        "-o",
        "bench.vvp",
        "design.v",
        "bench.v",
    ]);
    let output = finish("iverilog", top, stimulus, command.current_dir(dir))?;
    if !output.status.success() {
        let messages: Vec<&str> = output.stderr.lines().take(40).collect();
        return Err(IcarusError::Verilog {
            top: top.to_owned(),
            messages: messages.join("\n"),
        });
    }
    let mut command = Command::new(vvp);
    let output = finish(
        "vvp",
        top,
        stimulus,
        command.args(["-n", "bench.vvp"]).current_dir(dir),
    )?;
    let beats = std::fs::read_to_string(dir.join("out.txt")).unwrap_or_default();
    outcome(top, stimulus, &output, &beats)
}

fn check(top: &str, stimulus: &Stimulus) -> Result<(), IcarusError> {
    let bad = |text: String| Err(IcarusError::Stimulus(text));
    if !is_plain(top) {
        return bad(format!(
            "the top module's name {top:?} is not a plain identifier"
        ));
    }
    if !(32..=1024).contains(&stimulus.width) || !stimulus.width.is_multiple_of(32) {
        return bad(format!(
            "the width {} is not a multiple of 32 up to 1024",
            stimulus.width
        ));
    }
    if !(1..=32).contains(&stimulus.address_width) {
        return bad(format!(
            "the address width {} is not 1 to 32",
            stimulus.address_width
        ));
    }
    let most = (stimulus.width / 32) as usize;
    match stimulus
        .beats
        .iter()
        .position(|(words, _)| words.len() > most)
    {
        Some(at) => bad(format!("beat {at} has more than {most} words")),
        None => Ok(()),
    }
}

fn find(environment: &Environment, program: &'static str) -> Result<PathBuf, IcarusError> {
    environment
        .find(program)
        .ok_or(IcarusError::Missing { program })
}

fn finish(
    program: &'static str,
    top: &str,
    stimulus: &Stimulus,
    command: &mut Command,
) -> Result<ProcessOutput, IcarusError> {
    let limit = stimulus.limit;
    match run(command, Instant::now() + limit) {
        Ok(Ended::Exit(output)) => Ok(output),
        Ok(Ended::Deadline) => Err(IcarusError::Deadline {
            program,
            top: top.to_owned(),
            limit,
        }),
        Err(source) => Err(BuildError::Start {
            program: program.to_owned(),
            source,
        }
        .into()),
    }
}

/// Reads the bench's last line and the beats that it wrote.
fn outcome(
    top: &str,
    stimulus: &Stimulus,
    output: &ProcessOutput,
    text: &str,
) -> Result<Outcome, IcarusError> {
    let problem = |problem: String| IcarusError::Run {
        top: top.to_owned(),
        problem,
    };
    let end = output
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("bench: "));
    let Some(end) = end else {
        let said: Vec<&str> = output
            .stderr
            .lines()
            .chain(output.stdout.lines())
            .take(10)
            .collect();
        return Err(problem(format!(
            "the run ended without a result\n{}",
            said.join("\n")
        )));
    };
    let mut words = end.split_whitespace();
    let how = words.next().unwrap_or_default();
    let numbers: Vec<u64> = words.filter_map(|word| word.parse().ok()).collect();
    let &[cycles, sent, writes] = numbers.as_slice() else {
        return Err(problem(format!("the bench said {end:?}")));
    };
    match how {
        "done" => {
            let beats = text
                .lines()
                .map(|line| beat(line, stimulus.width))
                .collect();
            let undefined = || problem("an output beat holds undefined bits (x or z)".to_owned());
            Option::ok_or_else(beats, undefined).map(|beats| Outcome { beats, cycles })
        }
        "response" => Err(problem(format!(
            "register write {writes} was answered with an error"
        ))),
        "unknown" => Err(problem(format!(
            "m_axis_tvalid is undefined (x or z) at cycle {cycles}"
        ))),
        _ => Err(IcarusError::CycleLimit {
            top: top.to_owned(),
            got: text.lines().count(),
            expected: stimulus.expected_beats,
            cycles,
            sent,
            to_send: stimulus.beats.len(),
            writes,
        }),
    }
}

/// "1 0123...cdef": last, then the data in hexadecimal.
fn beat(line: &str, width: u32) -> Option<(Vec<u32>, bool)> {
    let (last, data) = line.split_once(' ')?;
    if data.len() != (width / 4) as usize || !data.is_ascii() {
        return None;
    }
    let starts = (0..data.len()).step_by(8).rev();
    let words = starts.map(|at| u32::from_str_radix(&data[at..at + 8], 16).ok());
    let last = match last {
        "0" => false,
        "1" => true,
        _ => return None,
    };
    Some((words.collect::<Option<_>>()?, last))
}

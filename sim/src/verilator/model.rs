//! A running model: ports, evaluation, clock cycles, waveforms.

use std::collections::HashMap;
use std::ffi::CString;
use std::path::Path;
use std::sync::Arc;

use crate::design::Design;
use crate::error::{BuildError, ModelError};
use crate::verilator::ffi::Instance;
use crate::verilator::ports::{Direction, PortInfo};
use crate::verilator::verilate::{Builder, VerilatedModel};
use crate::verilator::waveform::Waveform;

/// One port of a [`Model`], found by name once and then used in each cycle. It belongs to the
/// models of one design.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    index: u32,
    width: u32,
    direction: Direction,
}

impl Port {
    /// Width in bits.
    #[must_use]
    pub fn width(self) -> u32 {
        self.width
    }

    /// Width in 32-bit words.
    #[must_use]
    pub fn words(self) -> usize {
        self.width.div_ceil(32) as usize
    }

    /// Direction.
    #[must_use]
    pub fn direction(self) -> Direction {
        self.direction
    }
}

/// One live simulation. Several of one design may live side by side, in several threads.
///
/// A cycle is: set inputs; [`Model::eval`] (outputs that depend on inputs without a register
/// are then right); read outputs; [`Model::tick`] (the rising edge). [`Model::step`] does both.
/// After the edge, outputs show the new state with the inputs of the cycle that ended.
pub struct Model {
    instance: Instance,
    top: Arc<str>,
    ports: Arc<[PortInfo]>,
    by_name: HashMap<String, u32>,
    clock: Result<usize, String>,
    cycle: u64,
    settled: bool,
    traced: bool,
    stopped: Option<String>,
    window: Option<Waveform>,
    /// Cycles in the last waveform, if there is one that did not fail.
    recorded: Option<u64>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model")
            .field("top", &self.top)
            .field("cycle", &self.cycle)
            .finish()
    }
}

impl Model {
    /// Builds `design` with the default builder (or finds it in the cache) and opens it.
    ///
    /// # Errors
    /// If it cannot be built or loaded.
    pub fn open(design: &Design) -> Result<Self, ModelError> {
        Self::load(&Builder::new().build(design)?, 0)
    }

    /// Opens a built model. `seed` matters only to designs built with
    /// [`Design::random_reset`]: it chooses the values of uninitialised state.
    ///
    /// # Errors
    /// If the library cannot be loaded.
    pub fn load(built: &VerilatedModel, seed: u32) -> Result<Self, ModelError> {
        // Verilator takes a seed of 0 for "choose one yourself".
        let seed = i32::try_from(seed % 0x7fff_ffff).unwrap_or(0) + 1;
        let mut instance = Instance::load(&built.library, &built.ports, built.random_reset, seed)
            .map_err(|reason| BuildError::load(&built.library, reason))?;
        let names = built.ports.iter().map(|p| p.name.clone());
        let clock = built
            .ports
            .iter()
            .position(|p| p.name == built.clock && p.width == 1 && p.direction == Direction::Input);
        if let Some(clock) = clock {
            // Of random state as well, or the first rising edge would be none.
            instance.write(clock, 0);
        }
        Ok(Self {
            instance,
            top: built.top.as_str().into(),
            ports: built.ports.clone(),
            by_name: names.zip(0..).collect(),
            clock: clock.ok_or_else(|| built.clock.clone()),
            cycle: 0,
            settled: false,
            traced: built.traced,
            stopped: None,
            window: None,
            recorded: None,
        })
    }

    /// The ports of the top module.
    #[must_use]
    pub fn ports(&self) -> &[PortInfo] {
        &self.ports
    }

    /// The name of the top module.
    #[must_use]
    pub fn top(&self) -> &str {
        &self.top
    }

    /// Whether there is a port of this name.
    #[must_use]
    pub fn has_port(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The port of this name.
    ///
    /// # Errors
    /// If there is none; the message lists those that exist.
    pub fn port(&self, name: &str) -> Result<Port, ModelError> {
        let Some(&index) = self.by_name.get(name) else {
            let known: Vec<&str> = self.ports.iter().map(|p| p.name.as_str()).collect();
            return Err(ModelError::NoSuchPort {
                top: self.top.to_string(),
                name: name.to_owned(),
                known: known.join(", "),
            });
        };
        let info = &self.ports[index as usize];
        Ok(Port {
            index,
            width: info.width,
            direction: info.direction,
        })
    }

    /// The input port of this name.
    ///
    /// # Errors
    /// If there is none, or it is an output.
    pub fn input(&self, name: &str) -> Result<Port, ModelError> {
        self.port(name).and_then(|port| match port.direction {
            Direction::Output => Err(self.wrong_port(name, "is an output, not an input")),
            Direction::Input | Direction::Inout => Ok(port),
        })
    }

    /// The output port of this name.
    ///
    /// # Errors
    /// If there is none, or it is an input.
    pub fn output(&self, name: &str) -> Result<Port, ModelError> {
        self.port(name).and_then(|port| match port.direction {
            Direction::Input => Err(self.wrong_port(name, "is an input, not an output")),
            Direction::Output | Direction::Inout => Ok(port),
        })
    }

    /// An error about a port of this model.
    pub(crate) fn wrong_port(&self, name: &str, problem: impl Into<String>) -> ModelError {
        ModelError::WrongPort {
            top: self.top.to_string(),
            name: name.to_owned(),
            problem: problem.into(),
        }
    }

    /// Sets an input: `value` is cut to the port's width, or extended with zeros.
    ///
    /// # Panics
    /// If `port` is an output or of another design: a mistake in the test bench.
    #[inline]
    pub fn set(&mut self, port: Port, value: u64) {
        assert!(
            port.direction != Direction::Output,
            "an output of {} cannot be set",
            self.top
        );
        self.settled = false;
        self.instance.write(port.index as usize, value);
    }

    /// Sets an input from 32-bit words, least significant first: cut to the port's width, or
    /// extended with zeros.
    ///
    /// # Panics
    /// If `port` is an output or of another design: a mistake in the test bench.
    #[inline]
    pub fn set_words(&mut self, port: Port, words: &[u32]) {
        assert!(
            port.direction != Direction::Output,
            "an output of {} cannot be set",
            self.top
        );
        self.settled = false;
        self.instance.write_words(port.index as usize, words);
    }

    /// The low 64 bits of a port.
    ///
    /// # Panics
    /// If `port` is of another design: a mistake in the test bench.
    #[inline]
    #[must_use]
    pub fn get(&self, port: Port) -> u64 {
        self.instance.read(port.index as usize)
    }

    /// Reads a port into 32-bit words, least significant first; words beyond it become zero.
    ///
    /// # Panics
    /// If `port` is of another design: a mistake in the test bench.
    #[inline]
    pub fn read_words(&self, port: Port, words: &mut [u32]) {
        self.instance.read_words(port.index as usize, words);
    }

    /// A port as 32-bit words, least significant first.
    ///
    /// # Panics
    /// If `port` is of another design: a mistake in the test bench.
    #[must_use]
    pub fn get_words(&self, port: Port) -> Vec<u32> {
        let mut words = vec![0; port.words()];
        self.read_words(port, &mut words);
        words
    }

    /// Reads a register inside the design by the path of its instance, the top module first, and
    /// its name: `("top.core.queue", "level")`. Nothing unless it is there, has at most 64 bits,
    /// and was made readable by a `public_flat_rd` line of [`Design::waivers`]. Slow: by name.
    #[must_use]
    pub fn signal(&self, path: &str, name: &str) -> Option<u64> {
        let scope = CString::new(format!("TOP.{path}")).ok()?;
        self.instance.signal(&scope, &CString::new(name).ok()?)
    }

    /// Sets an input by name; for set-up code, not for each cycle.
    ///
    /// # Errors
    /// If there is no such input, or `value` does not fit its width.
    pub fn poke(&mut self, name: &str, value: u64) -> Result<(), ModelError> {
        let port = self.input(name)?;
        if port.width < 64 && value >> port.width != 0 {
            let problem = format!("has {} bits, too few for {value:#x}", port.width);
            return Err(self.wrong_port(name, problem));
        }
        self.set(port, value);
        Ok(())
    }

    /// Reads a port by name; for set-up code, not for each cycle.
    ///
    /// # Errors
    /// If there is no such port, or it is wider than 64 bits.
    pub fn peek(&self, name: &str) -> Result<u64, ModelError> {
        let port = self.port(name)?;
        if port.width > 64 {
            return Err(self.wrong_port(name, format!("has {} bits; read words", port.width)));
        }
        Ok(self.get(port))
    }

    /// Lets changed inputs take effect on outputs that depend on them without a register. Does
    /// nothing if no input changed since the last time.
    ///
    /// # Errors
    /// If Verilator's runtime stops the simulation, for instance at a combinational loop.
    #[inline]
    pub fn eval(&mut self) -> Result<(), ModelError> {
        if self.settled {
            return Ok(());
        }
        self.check_running()?;
        self.settled = true;
        match self.instance.eval() {
            Ok(()) => Ok(()),
            Err(message) => Err(self.stop(message)),
        }
    }

    /// The rising edge of the clock, after [`Model::eval`].
    ///
    /// # Errors
    /// If there is no clock port, or Verilator's runtime stops the simulation.
    #[inline]
    pub fn tick(&mut self) -> Result<(), ModelError> {
        self.eval()?;
        self.check_running()?;
        let clock = self.clock_index()?;
        if self.window.is_some() {
            self.dump(false)?;
        }
        self.settled = false;
        if let Err(message) = self.instance.tick(clock) {
            return Err(self.stop(message));
        }
        if self.window.is_some() {
            self.dump(true)?;
        }
        self.cycle += 1;
        Ok(())
    }

    /// One whole cycle: [`Model::eval`] and [`Model::tick`].
    ///
    /// # Errors
    /// As those.
    #[inline]
    pub fn step(&mut self) -> Result<(), ModelError> {
        self.tick()
    }

    /// So many whole cycles with unchanged inputs, or fewer if the design calls `$finish`.
    ///
    /// # Errors
    /// As [`Model::step`].
    pub fn step_many(&mut self, cycles: u64) -> Result<(), ModelError> {
        self.check_running()?;
        let clock = self.clock_index()?;
        let end = self.cycle.saturating_add(cycles);
        while self.cycle < end && self.window.is_some() {
            self.tick()?;
        }
        self.settled = false;
        let (done, result) = self.instance.step(clock, end - self.cycle);
        self.cycle += done;
        result.map_err(|message| self.stop(message))
    }

    /// The number of rising edges so far.
    #[inline]
    #[must_use]
    pub fn cycle(&self) -> u64 {
        self.cycle
    }

    /// Whether the design called `$finish`.
    #[must_use]
    pub fn finished(&self) -> bool {
        self.instance.finished()
    }

    /// Writes a waveform (FST) of the cycles from `from` up to, not including, `to`. One cycle
    /// is two units of time. A new call ends the waveform of the call before. The file is written
    /// beside its place and put there when it ends; what was under its name stays until then.
    ///
    /// # Errors
    /// If the design was built without [`Design::trace`], the window is empty or over, the file
    /// cannot be written, or there is no room for it.
    pub fn trace(&mut self, path: impl AsRef<Path>, from: u64, to: u64) -> Result<(), ModelError> {
        if !self.traced {
            return Err(ModelError::NotTraced {
                top: self.top.to_string(),
            });
        }
        if from >= to || to <= self.cycle {
            return Err(ModelError::BadWindow {
                from,
                to,
                now: self.cycle,
            });
        }
        self.end_trace()?;
        let path = path.as_ref();
        let fail = |reason: String| ModelError::TraceFile {
            path: path.to_owned(),
            reason,
        };
        let waveform = Waveform::create(path, from, to).map_err(&fail)?;
        let name = CString::new(waveform.part.as_os_str().as_encoded_bytes())
            .map_err(|_| fail("its name holds a zero byte".to_owned()))?;
        self.instance.trace_open(&name).map_err(&fail)?;
        self.recorded = Some(0);
        self.window = Some(waveform);
        Ok(())
    }

    /// Ends the waveform now, if one is being written. Only then does the file appear under its
    /// name, whole.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn end_trace(&mut self) -> Result<(), ModelError> {
        let Some(waveform) = self.window.take() else {
            return Ok(());
        };
        let path = waveform.path.clone();
        let closed = self.instance.trace_close();
        closed.and_then(|()| waveform.finish()).map_err(|reason| {
            self.recorded = None;
            ModelError::TraceFile { path, reason }
        })
    }

    /// Cycles that were written into the last waveform so far: fewer than asked for if the run
    /// ended before, `None` if there is no waveform or it failed.
    #[must_use]
    pub fn recorded(&self) -> Option<u64> {
        self.recorded
    }

    fn dump(&mut self, after_edge: bool) -> Result<(), ModelError> {
        let Some(waveform) = &mut self.window else {
            return Ok(());
        };
        if (waveform.from..waveform.to).contains(&self.cycle) {
            let time = 2 * self.cycle + u64::from(after_edge);
            let counted = match after_edge {
                true => waveform.count(),
                false => Ok(()),
            };
            self.recorded = Some(waveform.cycles);
            let dumped = counted.and_then(|()| self.instance.trace_dump(time));
            if let Err(reason) = dumped {
                // What was written is of no use, and in the way of what needs the room.
                let path = waveform.path.clone();
                let _ = self.instance.trace_close();
                self.window = None;
                self.recorded = None;
                return Err(ModelError::TraceFile { path, reason });
            }
        }
        let over = |waveform: &Waveform| self.cycle + 1 >= waveform.to;
        if after_edge && self.window.as_ref().is_some_and(over) {
            self.end_trace()
        } else {
            Ok(())
        }
    }

    #[inline]
    fn clock_index(&self) -> Result<usize, ModelError> {
        match &self.clock {
            Ok(index) => Ok(*index),
            Err(name) => Err(ModelError::NoClock {
                top: self.top.to_string(),
                clock: name.clone(),
            }),
        }
    }

    #[inline]
    fn check_running(&self) -> Result<(), ModelError> {
        match &self.stopped {
            None => Ok(()),
            Some(message) => Err(self.stopped_error(message)),
        }
    }

    #[cold]
    fn stop(&mut self, message: String) -> ModelError {
        let error = self.stopped_error(&message);
        self.stopped = Some(message);
        error
    }

    fn stopped_error(&self, message: &str) -> ModelError {
        ModelError::Stopped {
            top: self.top.to_string(),
            cycle: self.cycle,
            message: message.to_owned(),
        }
    }
}

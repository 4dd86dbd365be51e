//! Ties a model and its bus models together, cycle by cycle.

use super::error::{BusError, StreamReport, Violation};
use super::lite::{AxiLiteMaster, Completed, Operation};
use super::names::StreamNames;
use super::random::Random;
use super::sink::AxiStreamSink;
use super::source::AxiStreamSource;
use crate::error::ModelError;
use crate::verilator::model::{Model, Port};

/// A source of a test bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceId(usize);

/// A sink of a test bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SinkId(usize);

/// A register master of a test bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiteId(usize);

/// How long a register access may take, in cycles, unless said otherwise.
pub const LITE_LIMIT: u64 = 10_000;

/// A model with bus models on its ports. All randomness comes from one seed, which every error
/// names.
#[derive(Debug)]
pub struct Testbench {
    model: Model,
    seed: u64,
    sources: Vec<AxiStreamSource>,
    sinks: Vec<AxiStreamSink>,
    lites: Vec<AxiLiteMaster>,
    reset: Option<Port>,
    lite_limit: u64,
    disturbance: (f64, f64),
}

impl Testbench {
    /// A test bench without bus models. An input `aresetn` (active low) is taken as the reset
    /// and starts inactive.
    ///
    /// # Errors
    /// If `aresetn` is of the wrong kind.
    pub fn new(mut model: Model, seed: u64) -> Result<Self, ModelError> {
        let reset = if model.has_port("aresetn") {
            Some(model.input("aresetn")?)
        } else {
            None
        };
        if let Some(port) = reset {
            model.set(port, 1);
        }
        Ok(Self {
            model,
            seed,
            sources: Vec::new(),
            sinks: Vec::new(),
            lites: Vec::new(),
            reset,
            lite_limit: LITE_LIMIT,
            disturbance: (0.0, 0.0),
        })
    }

    /// The whole interface of the engine: reset, `s_axis`, `m_axis`, `s_axil`; then a reset.
    ///
    /// # Errors
    /// If a port is missing or of the wrong kind.
    pub fn engine(model: Model, seed: u64) -> Result<(Self, SourceId, SinkId, LiteId), BusError> {
        let mut bench = Self::new(model, seed)?;
        let source = bench.add_source("s_axis")?;
        let sink = bench.add_sink("m_axis")?;
        let lite = bench.add_lite("s_axil")?;
        bench.reset(4)?;
        Ok((bench, source, sink, lite))
    }

    fn random(&self, kind: u64, index: usize) -> Random {
        Random::new(self.seed, kind << 32 | index as u64)
    }

    /// Adds a source on an AXI4-Stream input such as `s_axis`.
    ///
    /// # Errors
    /// If a port is missing or of the wrong kind.
    pub fn add_source(&mut self, prefix: &str) -> Result<SourceId, ModelError> {
        self.add_source_on(StreamNames::axi(prefix))
    }

    /// Adds a source on ports of any names.
    ///
    /// # Errors
    /// If a port is missing or of the wrong kind.
    pub fn add_source_on(&mut self, names: StreamNames) -> Result<SourceId, ModelError> {
        let random = self.random(1, self.sources.len());
        self.sources
            .push(AxiStreamSource::new(&mut self.model, names, random)?);
        Ok(SourceId(self.sources.len() - 1))
    }

    /// Adds a sink on an AXI4-Stream output such as `m_axis`.
    ///
    /// # Errors
    /// If a port is missing or of the wrong kind.
    pub fn add_sink(&mut self, prefix: &str) -> Result<SinkId, ModelError> {
        self.add_sink_on(StreamNames::axi(prefix))
    }

    /// Adds a sink on ports of any names.
    ///
    /// # Errors
    /// If a port is missing or of the wrong kind.
    pub fn add_sink_on(&mut self, names: StreamNames) -> Result<SinkId, ModelError> {
        let random = self.random(2, self.sinks.len());
        self.sinks
            .push(AxiStreamSink::new(&mut self.model, names, random)?);
        Ok(SinkId(self.sinks.len() - 1))
    }

    /// Adds a register master on an AXI4-Lite port such as `s_axil`.
    ///
    /// # Errors
    /// If a port is missing or of the wrong kind.
    pub fn add_lite(&mut self, prefix: &str) -> Result<LiteId, ModelError> {
        let random = self.random(3, self.lites.len());
        self.lites
            .push(AxiLiteMaster::new(&mut self.model, prefix, random)?);
        Ok(LiteId(self.lites.len() - 1))
    }

    /// A source.
    ///
    /// # Panics
    /// If `id` is of another test bench, as the other look-ups do.
    #[must_use]
    pub fn source(&self, id: SourceId) -> &AxiStreamSource {
        &self.sources[id.0]
    }

    /// A source, to queue beats.
    #[must_use]
    pub fn source_mut(&mut self, id: SourceId) -> &mut AxiStreamSource {
        &mut self.sources[id.0]
    }

    /// A sink.
    #[must_use]
    pub fn sink(&self, id: SinkId) -> &AxiStreamSink {
        &self.sinks[id.0]
    }

    /// A sink, to take beats.
    #[must_use]
    pub fn sink_mut(&mut self, id: SinkId) -> &mut AxiStreamSink {
        &mut self.sinks[id.0]
    }

    /// A register master, to set it up.
    #[must_use]
    pub fn lite_mut(&mut self, id: LiteId) -> &mut AxiLiteMaster {
        &mut self.lites[id.0]
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The model, for ports that no bus model drives, and for waveforms.
    #[must_use]
    pub fn model_mut(&mut self) -> &mut Model {
        &mut self.model
    }

    /// The model again, without the bus models.
    #[must_use]
    pub fn into_model(self) -> Model {
        self.model
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The number of cycles so far.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.model.cycle()
    }

    /// Sets the idle probability of all sources, the back-pressure of all sinks, and the waits
    /// of all register masters.
    pub fn set_disturbance(&mut self, idle: f64, back_pressure: f64, wait: f64) {
        self.disturbance = (idle, back_pressure);
        self.sources.iter_mut().for_each(|s| s.set_idle(idle));
        self.sinks
            .iter_mut()
            .for_each(|s| s.set_back_pressure(back_pressure));
        self.lites.iter_mut().for_each(|l| l.set_wait(wait));
    }

    /// Idle and back-pressure probability, as last set for all.
    #[must_use]
    pub fn disturbance(&self) -> (f64, f64) {
        self.disturbance
    }

    /// Limits how many cycles one register access may take.
    pub fn set_lite_limit(&mut self, cycles: u64) {
        self.lite_limit = cycles;
    }

    /// Holds the design in reset for so many cycles. Streams keep their queues: a beat on offer
    /// is offered again afterwards. Register accesses under way are dropped.
    ///
    /// # Errors
    /// If the model stops.
    pub fn reset(&mut self, cycles: u64) -> Result<(), ModelError> {
        let model = &mut self.model;
        self.sources.iter_mut().for_each(|s| s.enter_reset(model));
        self.sinks.iter_mut().for_each(|s| s.enter_reset(model));
        self.lites.iter_mut().for_each(|l| l.enter_reset(model));
        if let Some(port) = self.reset {
            model.set(port, 0);
            model.step_many(cycles)?;
            model.set(port, 1);
        }
        Ok(())
    }

    /// One clock cycle with all bus models.
    ///
    /// # Errors
    /// If the design breaks a protocol, or the model stops.
    #[inline]
    pub fn cycle(&mut self) -> Result<(), BusError> {
        let model = &mut self.model;
        for source in &mut self.sources {
            source.drive(model);
        }
        for sink in &mut self.sinks {
            sink.drive(model);
        }
        for lite in &mut self.lites {
            lite.drive(model);
        }
        model.eval()?;
        let mut violation = None;
        for source in &mut self.sources {
            source.sample(model);
        }
        for sink in &mut self.sinks {
            violation = violation.or(sink.sample(model).err());
        }
        for lite in &mut self.lites {
            violation = violation.or(lite.sample(model).err());
        }
        if let Some(violation) = violation {
            return Err(self.protocol(violation));
        }
        self.model.tick()?;
        Ok(())
    }

    #[cold]
    fn protocol(&self, violation: Violation) -> BusError {
        BusError::Protocol {
            cycle: self.now(),
            violation,
            seed: self.seed,
        }
    }

    /// So many cycles.
    ///
    /// # Errors
    /// As [`Testbench::cycle`].
    pub fn run(&mut self, cycles: u64) -> Result<(), BusError> {
        (0..cycles).try_for_each(|_| self.cycle())
    }

    /// Cycles until `done`, at most `limit`; says how many. `what` is named in the error, for
    /// example "the logits of image 3".
    ///
    /// # Errors
    /// As [`Testbench::cycle`], or when the limit is reached: the error then says where each
    /// stream stands.
    pub fn run_until(
        &mut self,
        what: &str,
        limit: u64,
        mut done: impl FnMut(&Self) -> bool,
    ) -> Result<u64, BusError> {
        let start = self.now();
        while !done(self) {
            if self.now() - start >= limit {
                return Err(self.timeout(what, limit));
            }
            self.cycle()?;
        }
        Ok(self.now() - start)
    }

    /// Cycles until `sink` has collected `beats` beats, at most `limit`.
    ///
    /// # Errors
    /// As [`Testbench::run_until`].
    pub fn run_until_beats(
        &mut self,
        sink: SinkId,
        beats: usize,
        limit: u64,
    ) -> Result<u64, BusError> {
        let what = format!("{beats} beats on {}", self.sink(sink).report().stream);
        self.run_until(&what, limit, |bench| bench.sink(sink).len() >= beats)
    }

    /// Writes a register and waits for the answer.
    ///
    /// # Errors
    /// As [`Testbench::cycle`]; if the design answers with an error, or not in time.
    pub fn write(&mut self, id: LiteId, address: u32, data: u32) -> Result<(), BusError> {
        let operation = Operation::Write {
            address,
            data,
            strobes: 0xf,
        };
        let completed = self.access(id, operation)?;
        self.check_response("write", completed).map(|_| ())
    }

    /// Reads a register.
    ///
    /// # Errors
    /// As [`Testbench::write`].
    pub fn read(&mut self, id: LiteId, address: u32) -> Result<u32, BusError> {
        let completed = self.access(id, Operation::Read { address })?;
        self.check_response("read", completed)
    }

    /// Queues a register access, which then goes on beside all else.
    ///
    /// # Errors
    /// If the address does not fit the design's address port.
    pub fn submit(&mut self, id: LiteId, operation: Operation) -> Result<(), ModelError> {
        self.lites[id.0].submit(&self.model, operation)
    }

    /// Any register access, whatever the design answers. Accesses queued before are done
    /// first, and their answers dropped.
    ///
    /// # Errors
    /// As [`Testbench::cycle`]; if the design does not answer in time.
    pub fn access(&mut self, id: LiteId, operation: Operation) -> Result<Completed, BusError> {
        self.submit(id, operation)?;
        let what = format!("the answer to {operation}");
        self.run_until(&what, self.lite_limit, |bench| bench.lites[id.0].is_idle())?;
        let mut last = None;
        while let Some(completed) = self.lites[id.0].take_completed() {
            last = Some(completed);
        }
        last.ok_or_else(|| self.timeout(&what, self.lite_limit))
    }

    fn check_response(&self, what: &'static str, completed: Completed) -> Result<u32, BusError> {
        let response = match completed.response & 3 {
            0 => return Ok(completed.data),
            1 => "EXOKAY",
            2 => "SLVERR",
            _ => "DECERR",
        };
        Err(BusError::Response {
            cycle: completed.cycle,
            what,
            address: completed.operation.address(),
            response,
            seed: self.seed,
        })
    }

    /// Where each stream and register bus stands.
    #[must_use]
    pub fn report(&self) -> Vec<StreamReport> {
        let sources = self.sources.iter().map(AxiStreamSource::report);
        let sinks = self.sinks.iter().map(AxiStreamSink::report);
        sources
            .chain(sinks)
            .chain(self.lites.iter().map(AxiLiteMaster::report))
            .collect()
    }

    /// A time-out, for waits of one's own.
    #[must_use]
    pub fn timeout(&self, what: &str, limit: u64) -> BusError {
        BusError::Timeout {
            what: what.to_owned(),
            limit,
            cycle: self.now(),
            seed: self.seed,
            streams: self.report(),
        }
    }
}

//! Reads and writes registers of a design.

use std::collections::VecDeque;

use super::channel::{Answer, Answered, Request};
use super::error::{StreamReport, Violation};
use super::random::{Chance, Random};
use crate::error::ModelError;
use crate::verilator::model::{Model, Port};

/// A register access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A write.
    Write {
        /// The address.
        address: u32,
        /// The value.
        data: u32,
        /// Which bytes are written, one bit each.
        strobes: u8,
    },
    /// A read.
    Read {
        /// The address.
        address: u32,
    },
}

impl Operation {
    /// Its address.
    #[must_use]
    pub fn address(&self) -> u32 {
        match *self {
            Self::Write { address, .. } | Self::Read { address } => address,
        }
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Write { address, data, .. } => {
                write!(f, "the write of {data:#x} to {address:#x}")
            }
            Self::Read { address } => write!(f, "the read of {address:#x}"),
        }
    }
}

/// An access that came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completed {
    /// The access.
    pub operation: Operation,
    /// The response: 0 is OKAY, 2 SLVERR, 3 DECERR.
    pub response: u8,
    /// What was read (0 after a write).
    pub data: u32,
    /// The cycle of the answer.
    pub cycle: u64,
}

/// The order in which a write offers its address and its data. Neither waits for the other to
/// be accepted, as AXI demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOrder {
    /// In the same cycle.
    Together,
    /// The address one to four cycles before the data.
    AddressFirst,
    /// The data one to four cycles before the address.
    DataFirst,
    /// One of these, drawn for each write.
    Random,
}

/// An AXI4-Lite master with 32-bit data: a queue of accesses, one at a time.
#[derive(Debug)]
pub struct AxiLiteMaster {
    prefix: String,
    aw: Request,
    w: Request,
    b: Answer,
    ar: Request,
    r: Answer,
    awaddr: Port,
    wdata: Port,
    wstrb: Option<Port>,
    araddr: Port,
    order: WriteOrder,
    wait: Chance,
    random: Random,
    queue: VecDeque<Operation>,
    current: Option<Operation>,
    completed: VecDeque<Completed>,
    done: u64,
    last_cycle: Option<u64>,
}

impl AxiLiteMaster {
    /// A master on the ports `PREFIX_awaddr` and so on. `wstrb`, `awprot` and `arprot` may be
    /// missing.
    ///
    /// # Errors
    /// If another port is missing or of the wrong kind.
    pub fn new(model: &mut Model, prefix: &str, random: Random) -> Result<Self, ModelError> {
        let name = |end: &str| format!("{prefix}_{end}");
        for port in ["awprot", "arprot"] {
            if model.has_port(&name(port)) {
                model.poke(&name(port), 0)?;
            }
        }
        for port in ["wdata", "rdata"] {
            let width = model.port(&name(port))?.width();
            if width != 32 {
                return Err(model.wrong_port(&name(port), format!("has {width} bits, not 32")));
            }
        }
        let strobes = name("wstrb");
        Ok(Self {
            aw: Request::new(model, name("aw"))?,
            w: Request::new(model, name("w"))?,
            b: Answer::new(model, name("b"), None)?,
            ar: Request::new(model, name("ar"))?,
            r: Answer::new(model, name("r"), Some(&name("rdata")))?,
            awaddr: model.input(&name("awaddr"))?,
            wdata: model.input(&name("wdata"))?,
            wstrb: model
                .has_port(&strobes)
                .then(|| model.input(&strobes))
                .transpose()?,
            araddr: model.input(&name("araddr"))?,
            prefix: prefix.to_owned(),
            order: WriteOrder::Together,
            wait: Chance::NEVER,
            random,
            queue: VecDeque::new(),
            current: None,
            completed: VecDeque::new(),
            done: 0,
            last_cycle: None,
        })
    }

    /// Sets the order of a write's address and data.
    pub fn set_order(&mut self, order: WriteOrder) {
        self.order = order;
    }

    /// Delays requests and answers at random (a probability per cycle).
    pub fn set_wait(&mut self, probability: f64) {
        self.wait = Chance::of(probability);
    }

    /// Queues an access.
    ///
    /// # Errors
    /// If the address does not fit the design's address port.
    pub fn submit(&mut self, model: &Model, operation: Operation) -> Result<(), ModelError> {
        let width = self.awaddr.width().min(self.araddr.width());
        let address = operation.address();
        if u64::from(address) >> width.min(63) != 0 {
            let name = format!("{}_awaddr", self.prefix);
            let problem = format!("has {width} bits, too few for address {address:#x}");
            return Err(model.wrong_port(&name, problem));
        }
        self.queue.push_back(operation);
        Ok(())
    }

    /// The oldest access that came to its end and was not asked for yet.
    pub fn take_completed(&mut self) -> Option<Completed> {
        self.completed.pop_front()
    }

    /// Whether no access is queued or under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.current.is_none() && self.queue.is_empty()
    }

    /// Where it stands.
    #[must_use]
    pub fn report(&self) -> StreamReport {
        let requests = [&self.aw, &self.w, &self.ar];
        let mut states: Vec<String> = requests.iter().filter_map(|r| r.state()).collect();
        if let (true, Some(operation)) = (states.is_empty(), self.current) {
            states.push(format!("waits for the answer to {operation}"));
        }
        if states.is_empty() {
            states.push("idle".to_owned());
        }
        StreamReport {
            stream: self.prefix.clone(),
            beats: self.done,
            waiting: self.queue.len() as u64 + u64::from(self.current.is_some()),
            last_beat: self.last_cycle,
            state: states.join(", "),
        }
    }

    /// Sets the design's inputs for this cycle.
    #[inline]
    pub(super) fn drive(&mut self, model: &mut Model) {
        if self.current.is_none() {
            match self.queue.pop_front() {
                Some(operation) => self.start(model, operation),
                None if self.is_at_rest() => return,
                None => {}
            }
        }
        self.aw.drive(model);
        self.w.drive(model);
        self.ar.drive(model);
        let write = matches!(self.current, Some(Operation::Write { .. }));
        let read = matches!(self.current, Some(Operation::Read { .. }));
        self.b.drive(model, write, self.wait, &mut self.random);
        self.r.drive(model, read, self.wait, &mut self.random);
    }

    #[inline]
    fn is_at_rest(&self) -> bool {
        self.aw.is_idle()
            && self.w.is_idle()
            && self.ar.is_idle()
            && !self.b.is_ready()
            && !self.r.is_ready()
    }

    fn start(&mut self, model: &mut Model, operation: Operation) {
        let mut delay = 0;
        while delay < 16 && self.wait.draw(&mut self.random) {
            delay += 1;
        }
        match operation {
            Operation::Read { address } => {
                model.set(self.araddr, u64::from(address));
                self.ar.start(model, delay);
            }
            Operation::Write {
                address,
                data,
                strobes,
            } => {
                model.set(self.awaddr, u64::from(address));
                model.set(self.wdata, u64::from(data));
                if let Some(wstrb) = self.wstrb {
                    model.set(wstrb, u64::from(strobes));
                }
                let (aw, w) = self.stagger();
                self.aw.start(model, delay + aw);
                self.w.start(model, delay + w);
            }
        }
        self.current = Some(operation);
    }

    /// How much later than the other the address and the data of a write are offered.
    fn stagger(&mut self) -> (u32, u32) {
        let later = 1 + self.random.below(4);
        let order = match self.order {
            WriteOrder::Random => self.random.below(3),
            WriteOrder::Together => 0,
            WriteOrder::AddressFirst => 1,
            WriteOrder::DataFirst => 2,
        };
        match order {
            0 => (0, 0),
            1 => (0, later),
            _ => (later, 0),
        }
    }

    /// Looks at the design's outputs before the clock rises.
    #[inline]
    pub(super) fn sample(&mut self, model: &Model) -> Result<(), Violation> {
        let Some(operation) = self.current else {
            let why = Some("no access is under way");
            self.b.sample(model, why)?;
            self.r.sample(model, why)?;
            return Ok(());
        };
        self.aw.sample(model);
        self.w.sample(model);
        self.ar.sample(model);
        let (b_refuse, r_refuse) = match operation {
            Operation::Write { .. } if self.aw.is_accepted() && self.w.is_accepted() => {
                (None, Some("no read is under way"))
            }
            Operation::Write { .. } => (
                Some("address and data were not both accepted"),
                Some("no read is under way"),
            ),
            Operation::Read { .. } if self.ar.is_accepted() => {
                (Some("no write is under way"), None)
            }
            Operation::Read { .. } => (
                Some("no write is under way"),
                Some("the address was not accepted"),
            ),
        };
        let written = self.b.sample(model, b_refuse)?;
        let read = self.r.sample(model, r_refuse)?;
        if let Some(Answered { response, data }) = written.or(read) {
            let cycle = model.cycle();
            self.completed.push_back(Completed {
                operation,
                response,
                data,
                cycle,
            });
            self.current = None;
            self.done += 1;
            self.last_cycle = Some(cycle);
        }
        Ok(())
    }

    /// Drops what is under way or queued, for a reset.
    pub(super) fn enter_reset(&mut self, model: &mut Model) {
        for request in [&mut self.aw, &mut self.w, &mut self.ar] {
            request.enter_reset(model);
        }
        self.b.enter_reset(model);
        self.r.enter_reset(model);
        self.current = None;
        self.queue.clear();
        self.completed.clear();
    }
}

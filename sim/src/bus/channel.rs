//! The two halves of a register access: a request channel and an answer channel.

use super::error::Violation;
use super::random::{Chance, Random};
use crate::error::ModelError;
use crate::verilator::model::{Model, Port};

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing to ask.
    Idle,
    /// Valid rises after so many cycles.
    Delay(u32),
    /// Valid is high since this cycle.
    Offered(u64),
    /// Accepted; valid falls with the next cycle.
    Accepted,
}

/// A valid and ready pair of requests to the design (AW, W, AR).
#[derive(Debug)]
pub(super) struct Request {
    pub name: String,
    valid: Port,
    ready: Port,
    phase: Phase,
}

impl Request {
    pub fn new(model: &mut Model, name: String) -> Result<Self, ModelError> {
        let valid = model.input(&format!("{name}valid"))?;
        let ready = model.output(&format!("{name}ready"))?;
        model.set(valid, 0);
        Ok(Self {
            name,
            valid,
            ready,
            phase: Phase::Idle,
        })
    }

    /// Lets valid rise after `delay` cycles.
    pub fn start(&mut self, model: &mut Model, delay: u32) {
        model.set(self.valid, 0);
        self.phase = Phase::Delay(delay);
    }

    #[inline]
    pub fn drive(&mut self, model: &mut Model) {
        match self.phase {
            Phase::Idle | Phase::Offered(_) => {}
            Phase::Delay(0) => {
                model.set(self.valid, 1);
                self.phase = Phase::Offered(model.cycle());
            }
            Phase::Delay(cycles) => self.phase = Phase::Delay(cycles - 1),
            Phase::Accepted => {
                model.set(self.valid, 0);
                self.phase = Phase::Idle;
            }
        }
    }

    #[inline]
    pub fn sample(&mut self, model: &Model) {
        if matches!(self.phase, Phase::Offered(_)) && model.get(self.ready) != 0 {
            self.phase = Phase::Accepted;
        }
    }

    /// Whether nothing is left to be accepted.
    pub fn is_accepted(&self) -> bool {
        matches!(self.phase, Phase::Idle | Phase::Accepted)
    }

    /// Whether the channel has come to rest, valid low.
    pub fn is_idle(&self) -> bool {
        self.phase == Phase::Idle
    }

    /// What it waits for, if it does.
    pub fn state(&self) -> Option<String> {
        match self.phase {
            Phase::Offered(since) => Some(format!(
                "{0}valid is high since cycle {since}, {0}ready low",
                self.name
            )),
            _ => None,
        }
    }

    pub fn enter_reset(&mut self, model: &mut Model) {
        model.set(self.valid, 0);
        self.phase = Phase::Idle;
    }
}

/// An answer as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answered {
    pub response: u8,
    pub data: u32,
}

/// A valid and ready pair of answers from the design (B, R).
#[derive(Debug)]
pub(super) struct Answer {
    pub name: String,
    valid: Port,
    ready: Port,
    response: Port,
    data: Option<Port>,
    is_ready: bool,
    held: Option<(u64, Answered)>,
}

impl Answer {
    pub fn new(model: &mut Model, name: String, data: Option<&str>) -> Result<Self, ModelError> {
        let ready = model.input(&format!("{name}ready"))?;
        model.set(ready, 0);
        Ok(Self {
            valid: model.output(&format!("{name}valid"))?,
            response: model.output(&format!("{name}resp"))?,
            data: data.map(|data| model.output(data)).transpose()?,
            ready,
            name,
            is_ready: false,
            held: None,
        })
    }

    /// Sets ready: high at random while an answer is due, else low.
    #[inline]
    pub fn drive(&mut self, model: &mut Model, due: bool, wait: Chance, random: &mut Random) {
        let ready = due && !wait.draw(random);
        if ready != self.is_ready {
            model.set(self.ready, u64::from(ready));
            self.is_ready = ready;
        }
    }

    /// Looks for an answer. `refuse` says why none may come now.
    #[inline]
    pub fn sample(
        &mut self,
        model: &Model,
        refuse: Option<&'static str>,
    ) -> Result<Option<Answered>, Violation> {
        let valid = model.get(self.valid) != 0;
        if !valid && self.held.is_none() {
            return Ok(None);
        }
        let signal = |end: &str| format!("{}{end}", self.name);
        if let (true, Some(why)) = (valid, refuse) {
            return Err(Violation::Unasked {
                signal: signal("valid"),
                why,
            });
        }
        let now = Answered {
            response: model.get(self.response) as u8,
            data: self.data.map_or(0, |data| model.get(data) as u32),
        };
        if let Some((since, was)) = self.held {
            if !valid {
                return Err(Violation::ValidDropped {
                    signal: signal("valid"),
                    since,
                });
            }
            if now != was {
                let (end, was, now) = if now.response != was.response {
                    ("resp", u32::from(was.response), u32::from(now.response))
                } else {
                    ("data", was.data, now.data)
                };
                let (was, now) = (format!("{was:#x}"), format!("{now:#x}"));
                return Err(Violation::Changed {
                    signal: signal(end),
                    was,
                    now,
                    since,
                });
            }
        }
        if self.is_ready {
            self.held = None;
            return Ok(Some(now));
        }
        self.held.get_or_insert((model.cycle(), now));
        Ok(None)
    }

    /// Whether ready is high.
    pub fn is_ready(&self) -> bool {
        self.is_ready
    }

    pub fn enter_reset(&mut self, model: &mut Model) {
        model.set(self.ready, 0);
        self.is_ready = false;
        self.held = None;
    }
}

//! The way into the core: bytes become beats, with the faults of the way.

use firebrick_driver::{Framed, Framer};
use firebrick_spec::HwConfig;

use super::engine::Engine;
use super::fault::Effect;
use super::faults::Faults;

/// The way in.
#[derive(Debug)]
pub struct Input {
    framer: Framer,
    config: HwConfig,
    /// Whether nobody knows any more where the transfer ends. The core then drops everything
    /// until a reset.
    lost: bool,
    /// Whether the transfer has begun whose bytes go by.
    begun: bool,
    /// Bytes of a beat that is not complete.
    rest: Vec<u8>,
}

/// Where a piece of input ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Nobody knows: the records say it.
    InRecords,
    /// With the last byte.
    Here,
    /// Later.
    Later,
}

impl Input {
    /// The way into a core of this configuration.
    pub fn new(config: &HwConfig) -> Input {
        Input {
            framer: Framer::new(config),
            config: config.clone(),
            lost: false,
            begun: false,
            rest: Vec::new(),
        }
    }

    /// Begins anew.
    pub fn reset(&mut self) {
        self.framer = Framer::new(&self.config);
        self.lost = false;
        self.begun = false;
        self.rest.clear();
    }

    /// Offers bytes to the core; says how many were taken.
    pub fn offer(
        &mut self,
        engine: &mut Engine,
        faults: &mut Faults,
        bytes: &[u8],
        end: End,
    ) -> usize {
        if bytes.is_empty() || faults.stalled() {
            return 0;
        }
        if !self.begun {
            self.begun = true;
            faults.transfer_begins();
            if faults.stalled() || faults.is(&Effect::LinkLost) {
                return 0;
            }
        }
        let room = engine.room().saturating_sub(self.rest.len());
        let limit = bytes.len().min(room).min(faults.input_until_next());
        if limit == 0 {
            return 0;
        }
        let swallowed = faults.swallow(limit);
        let now = match swallowed {
            0 => limit,
            bytes => bytes,
        };
        let (taken, last) = match end {
            End::InRecords => self.frame(&bytes[..now]),
            End::Here => (now, now == bytes.len()),
            End::Later => (now, false),
        };
        let before = self.rest.len();
        if swallowed == 0 {
            self.rest.extend_from_slice(&bytes[..taken]);
            faults.flip(&mut self.rest[before..]);
        }
        faults.input_passes(taken);
        let whole = match last {
            true => self.rest.len(),
            false => self.rest.len() - self.rest.len() % engine.beat(),
        };
        if whole > 0 {
            engine.push(&self.rest[..whole], last);
            self.rest.drain(..whole);
        }
        if last {
            self.begun = false;
        }
        taken
    }

    /// How much of a piece belongs to the transfer, and whether it ends there.
    fn frame(&mut self, piece: &[u8]) -> (usize, bool) {
        if self.lost {
            return (piece.len(), false);
        }
        match self.framer.push(piece) {
            Framed::End(at) => (at, true),
            Framed::More => (piece.len(), false),
            Framed::Lost(_) => {
                self.lost = true;
                (piece.len(), false)
            }
        }
    }
}

//! Sends beats into a design.

use super::error::StreamReport;
use super::names::{StreamNames, StreamPorts};
use super::random::{Chance, Random};
use crate::error::ModelError;
use crate::verilator::model::Model;

/// An AXI4-Stream master: a queue of beats.
///
/// Once valid, a beat stays, with its data, until it is accepted. With idle cycles, data and
/// last hold junk while valid is low, so that a design that does not look at valid is found.
#[derive(Debug)]
pub struct AxiStreamSource {
    names: StreamNames,
    ports: StreamPorts,
    words: usize,
    data: Vec<u32>,
    lasts: Vec<bool>,
    /// The beat that is offered, or will be next.
    next: usize,
    offered: Option<u64>,
    valid: bool,
    idle: Chance,
    random: Random,
    sent: u64,
    last_beat: Option<u64>,
    first_beat: Option<u64>,
}

impl AxiStreamSource {
    /// A source on these ports.
    ///
    /// # Errors
    /// If a port is missing or of the wrong kind.
    pub fn new(model: &mut Model, names: StreamNames, random: Random) -> Result<Self, ModelError> {
        let ports = StreamPorts::into_design(model, &names)?;
        model.set(ports.valid, 0);
        Ok(Self {
            words: ports.data.words(),
            names,
            ports,
            data: Vec::new(),
            lasts: Vec::new(),
            next: 0,
            offered: None,
            valid: false,
            idle: Chance::NEVER,
            random,
            sent: 0,
            last_beat: None,
            first_beat: None,
        })
    }

    /// Leaves so much of the time before each beat idle (a probability per cycle).
    pub fn set_idle(&mut self, probability: f64) {
        self.idle = Chance::of(probability);
    }

    /// The width of a beat in 32-bit words.
    #[must_use]
    pub fn words_per_beat(&self) -> usize {
        self.words
    }

    /// Queues one beat: words, least significant first; missing ones are zero, further ones
    /// are left out.
    pub fn push(&mut self, words: &[u32], last: bool) {
        self.forget_sent();
        let count = words.len().min(self.words);
        self.data.extend_from_slice(&words[..count]);
        self.data.resize(self.data.len() + self.words - count, 0);
        self.lasts.push(last);
    }

    /// Queues bytes as beats, the first byte lowest, the last beat filled with zeros; sets
    /// last on the last beat.
    pub fn push_packet(&mut self, bytes: &[u8]) {
        self.push_bytes(bytes, true);
    }

    /// Queues bytes as beats, with `last` on the last beat or none.
    pub fn push_bytes(&mut self, bytes: &[u8], last: bool) {
        self.forget_sent();
        let beat = self.words * 4;
        self.data.reserve(bytes.len().div_ceil(beat) * self.words);
        for chunk in bytes.chunks(beat) {
            let start = self.data.len();
            self.data.extend(chunk.chunks(4).map(|four| {
                let mut word = [0; 4];
                word[..four.len()].copy_from_slice(four);
                u32::from_le_bytes(word)
            }));
            self.data.resize(start + self.words, 0);
            self.lasts.push(false);
        }
        if let (Some(end), false) = (self.lasts.last_mut(), bytes.is_empty()) {
            *end = last;
        }
    }

    /// Throws away what waits, the beat on offer included. Only right in reset.
    pub fn clear(&mut self) {
        self.data.clear();
        self.lasts.clear();
        self.next = 0;
        self.offered = None;
    }

    /// Beats that wait, the one on offer included.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        (self.lasts.len() - self.next) as u64
    }

    /// Beats that were accepted.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// The cycle in which the first beat was accepted, since [`AxiStreamSource::mark`].
    #[must_use]
    pub fn first_beat(&self) -> Option<u64> {
        self.first_beat
    }

    /// The cycle in which the last beat was accepted.
    #[must_use]
    pub fn last_beat(&self) -> Option<u64> {
        self.last_beat
    }

    /// Starts a new measurement of [`AxiStreamSource::first_beat`].
    pub fn mark(&mut self) {
        self.first_beat = None;
    }

    /// Where it stands.
    #[must_use]
    pub fn report(&self) -> StreamReport {
        let state = match self.offered {
            Some(since) => format!(
                "{} is high since cycle {since}, {} low",
                self.valid_name(),
                self.names.ready
            ),
            None if self.waiting() > 0 => "about to offer a beat".to_owned(),
            None => "nothing to send".to_owned(),
        };
        StreamReport {
            stream: self.names.stream.clone(),
            beats: self.sent,
            waiting: self.waiting(),
            last_beat: self.last_beat,
            state,
        }
    }

    fn valid_name(&self) -> &str {
        &self.names.valid
    }

    /// Keeps the queue from growing over many packets.
    fn forget_sent(&mut self) {
        // Not before half of it is, so that what remains is not moved too often.
        if self.next > 0 && self.next >= self.lasts.len() / 2 {
            self.data.drain(..self.next * self.words);
            self.lasts.drain(..self.next);
            self.next = 0;
        }
    }

    /// Sets the design's inputs for this cycle.
    #[inline]
    pub(super) fn drive(&mut self, model: &mut Model) {
        if self.offered.is_some() {
            return;
        }
        if self.next < self.lasts.len() && !self.idle.draw(&mut self.random) {
            let start = self.next * self.words;
            model.set_words(self.ports.data, &self.data[start..start + self.words]);
            if let Some(last) = self.ports.last {
                model.set(last, u64::from(self.lasts[self.next]));
            }
            self.offered = Some(model.cycle());
            if !self.valid {
                model.set(self.ports.valid, 1);
                self.valid = true;
            }
        } else if self.valid {
            model.set(self.ports.valid, 0);
            self.valid = false;
            if self.idle != Chance::NEVER {
                self.drive_junk(model);
            }
        }
    }

    fn drive_junk(&mut self, model: &mut Model) {
        let junk: Vec<u32> = (0..self.words).map(|_| self.random.next_u32()).collect();
        model.set_words(self.ports.data, &junk);
        if let Some(last) = self.ports.last {
            model.set(last, self.random.next_u64() & 1);
        }
    }

    /// Looks at the design's outputs before the clock rises.
    #[inline]
    pub(super) fn sample(&mut self, model: &Model) {
        if self.offered.is_some() && model.get(self.ports.ready) != 0 {
            self.offered = None;
            self.next += 1;
            self.sent += 1;
            self.last_beat = Some(model.cycle());
            if self.first_beat.is_none() {
                self.first_beat = self.last_beat;
            }
        }
    }

    /// Takes a beat on offer back, for a reset; it is offered again afterwards.
    pub(super) fn enter_reset(&mut self, model: &mut Model) {
        self.offered = None;
        self.valid = false;
        model.set(self.ports.valid, 0);
    }
}

//! Takes beats from a design.

use super::error::{StreamReport, Violation, hex};
use super::names::{StreamNames, StreamPorts};
use super::random::{Chance, Random};
use crate::error::ModelError;
use crate::verilator::model::Model;

/// One beat that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat<'a> {
    /// Data words, least significant first.
    pub words: &'a [u32],
    /// Whether it ended a packet (false for streams without last).
    pub last: bool,
    /// The cycle in which it was taken.
    pub cycle: u64,
}

/// An AXI4-Stream slave: collects beats, with seeded back-pressure.
#[derive(Debug)]
pub struct AxiStreamSink {
    names: StreamNames,
    ports: StreamPorts,
    words: usize,
    data: Vec<u32>,
    lasts: Vec<bool>,
    cycles: Vec<u64>,
    ready: bool,
    paused: bool,
    back_pressure: Chance,
    random: Random,
    /// The beat that the design offers and that was not yet taken.
    held: Vec<u32>,
    held_last: bool,
    held_since: Option<u64>,
    taken: u64,
    packets: u64,
    last_beat: Option<u64>,
    /// The cycles of the beats of the packet that was handed out last.
    packet_cycles: Vec<u64>,
}

impl AxiStreamSink {
    /// A sink on these ports.
    ///
    /// # Errors
    /// If a port is missing or of the wrong kind.
    pub fn new(model: &mut Model, names: StreamNames, random: Random) -> Result<Self, ModelError> {
        let ports = StreamPorts::out_of_design(model, &names)?;
        model.set(ports.ready, 0);
        Ok(Self {
            words: ports.data.words(),
            held: vec![0; ports.data.words()],
            names,
            ports,
            data: Vec::new(),
            lasts: Vec::new(),
            cycles: Vec::new(),
            ready: false,
            paused: false,
            back_pressure: Chance::NEVER,
            random,
            held_last: false,
            held_since: None,
            taken: 0,
            packets: 0,
            last_beat: None,
            packet_cycles: Vec::new(),
        })
    }

    /// Holds ready low in so much of the time (a probability per cycle).
    pub fn set_back_pressure(&mut self, probability: f64) {
        self.back_pressure = Chance::of(probability);
    }

    /// Takes nothing until called with `false`.
    pub fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// The width of a beat in 32-bit words.
    #[must_use]
    pub fn words_per_beat(&self) -> usize {
        self.words
    }

    /// Beats collected and not yet cleared.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cycles.len()
    }

    /// Whether nothing is collected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cycles.is_empty()
    }

    /// All beats taken, ever.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// All ends of packets, ever.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// The cycle of the last beat.
    #[must_use]
    pub fn last_beat(&self) -> Option<u64> {
        self.last_beat
    }

    /// One collected beat.
    #[must_use]
    pub fn beat(&self, index: usize) -> Option<Beat<'_>> {
        let start = index * self.words;
        Some(Beat {
            cycle: *self.cycles.get(index)?,
            last: self.lasts[index],
            words: &self.data[start..start + self.words],
        })
    }

    /// All collected beats.
    pub fn beats(&self) -> impl Iterator<Item = Beat<'_>> {
        (0..self.len()).filter_map(|index| self.beat(index))
    }

    /// All collected words.
    #[must_use]
    pub fn words(&self) -> &[u32] {
        &self.data
    }

    /// All collected data as bytes, the lowest of each beat first; forgets the beats.
    pub fn take_bytes(&mut self) -> Vec<u8> {
        let bytes = self
            .data
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        self.clear();
        bytes
    }

    /// Whether a whole packet is collected.
    #[must_use]
    pub fn has_packet(&self) -> bool {
        self.lasts.contains(&true)
    }

    /// The bytes of the first packet that is whole; forgets its beats.
    pub fn take_packet(&mut self) -> Option<Vec<u8>> {
        let beats = self.lasts.iter().position(|last| *last)? + 1;
        self.lasts.drain(..beats);
        self.packet_cycles.clear();
        self.packet_cycles.extend(self.cycles.drain(..beats));
        let words = self.data.drain(..beats * self.words);
        Some(words.flat_map(u32::to_le_bytes).collect())
    }

    /// The cycle of each beat of the packet that [`take_packet`](Self::take_packet) gave last.
    #[must_use]
    pub fn packet_cycles(&self) -> &[u64] {
        &self.packet_cycles
    }

    /// Forgets the collected beats.
    pub fn clear(&mut self) {
        self.data.clear();
        self.lasts.clear();
        self.cycles.clear();
    }

    /// Where it stands.
    #[must_use]
    pub fn report(&self) -> StreamReport {
        let state = match self.held_since {
            Some(since) => format!(
                "{} is high since cycle {since}, held back by the sink",
                self.names.valid
            ),
            None => format!("{} is low", self.names.valid),
        };
        StreamReport {
            stream: self.names.stream.clone(),
            beats: self.taken,
            waiting: 0,
            last_beat: self.last_beat,
            state,
        }
    }

    /// Sets the design's inputs for this cycle.
    #[inline]
    pub(super) fn drive(&mut self, model: &mut Model) {
        let ready = !self.paused && !self.back_pressure.draw(&mut self.random);
        if ready != self.ready {
            self.ready = ready;
            model.set(self.ports.ready, u64::from(ready));
        }
    }

    /// Looks at the design's outputs before the clock rises.
    #[inline]
    pub(super) fn sample(&mut self, model: &Model) -> Result<(), Violation> {
        let valid = model.get(self.ports.valid) != 0;
        if let Some(since) = self.held_since {
            self.check_held(model, valid, since)?;
        }
        if !valid {
            return Ok(());
        }
        if !self.ready {
            if self.held_since.is_none() {
                self.held_since = Some(model.cycle());
                model.read_words(self.ports.data, &mut self.held);
                self.held_last = self.last(model);
            }
            return Ok(());
        }
        self.held_since = None;
        let start = self.data.len();
        self.data.resize(start + self.words, 0);
        model.read_words(self.ports.data, &mut self.data[start..]);
        let last = self.last(model);
        self.lasts.push(last);
        self.cycles.push(model.cycle());
        self.taken += 1;
        self.packets += u64::from(last);
        self.last_beat = Some(model.cycle());
        Ok(())
    }

    #[inline]
    fn last(&self, model: &Model) -> bool {
        self.ports.last.is_some_and(|last| model.get(last) != 0)
    }

    fn check_held(&mut self, model: &Model, valid: bool, since: u64) -> Result<(), Violation> {
        if !valid {
            self.held_since = None;
            return Err(Violation::ValidDropped {
                signal: self.names.valid.clone(),
                since,
            });
        }
        let now = model.get_words(self.ports.data);
        if now != self.held {
            let (was, now) = (hex(&self.held), hex(&now));
            return Err(Violation::Changed {
                signal: self.names.data.clone(),
                was,
                now,
                since,
            });
        }
        let last = self.last(model);
        if last != self.held_last {
            return Err(Violation::Changed {
                signal: self.names.last.clone().unwrap_or_default(),
                was: u8::from(self.held_last).to_string(),
                now: u8::from(last).to_string(),
                since,
            });
        }
        Ok(())
    }

    /// Starts anew after a reset; what was collected stays.
    pub(super) fn enter_reset(&mut self, model: &mut Model) {
        self.held_since = None;
        self.ready = false;
        model.set(self.ports.ready, 0);
    }
}

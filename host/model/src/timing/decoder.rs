//! The decoder: record by record, in order, a beat a cycle.

use firebrick_spec::command::Command;
use firebrick_spec::latency::CHECK_CYCLES;

use super::loader::NEVER;
use super::stream::Record;

/// Mirrors the states of `decoder.rs` of the hardware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Words 0 to 3 of a record.
    Header0,
    /// Words 4 to 7.
    Header1,
    /// Checks the record; so many cycles are left.
    Check(usize),
    /// Waits for earlier records.
    Hold,
    /// Copies weights or parameters.
    Payload,
    /// Feeds the unit for sparse weights.
    Sparse,
    /// Feeds the window unit.
    Picture,
    /// Waits for room in the queue.
    Push,
}

/// What the decoder does in a cycle.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DecoderStep {
    /// A beat enters.
    pub beat: bool,
    /// It is a stream's first.
    pub begins: bool,
    /// The record at hand enters the queue.
    pub push: bool,
    /// The window unit starts with the record at hand.
    pub window_start: bool,
    /// A beat for the window unit.
    pub window_beat: bool,
}

/// Inputs of a cycle.
#[derive(Clone, Copy, Debug)]
pub(super) struct DecoderInputs {
    pub queue_full: bool,
    pub reads_done: bool,
    pub drained: bool,
    pub store_done: bool,
    pub window_ready: bool,
    pub window_busy: bool,
}

/// Mirrors `decoder.rs` of the hardware.
#[derive(Clone, Debug)]
pub(super) struct Decoder {
    pub state: State,
    /// Index of the record at hand.
    pub record: usize,
    /// First and last cycle of the payload, in states `Payload` and `Sparse`.
    from: u64,
    until: u64,
    /// The stream's first beat has been taken.
    started: bool,
    reads: u8,
    drains: u8,
    stores: u8,
    /// The record may go on from state `Hold`, as it was known a cycle ago.
    free: bool,
}

impl Decoder {
    pub fn new() -> Decoder {
        Decoder {
            state: State::Header0,
            record: 0,
            from: 0,
            until: 0,
            started: false,
            reads: 0,
            drains: 0,
            stores: 0,
            free: false,
        }
    }

    /// Whether the record at hand may go on from state `Hold`.
    fn released(&self, records: &[Record]) -> bool {
        let Some(record) = records.get(self.record) else {
            return false;
        };
        match record.command {
            Command::LoadParams(load) => self.drains <= load.wait,
            Command::LoadWeights(load) => self.reads <= load.wait,
            Command::LoadSparse(load) => self.reads <= load.wait,
            Command::Rows(rows) => {
                self.reads <= rows.wait && self.drains <= rows.drains && self.stores == 0
            }
            _ => true,
        }
    }

    pub fn next(&self, now: u64, records: &[Record], queue_full: bool, window_busy: bool) -> u64 {
        match self.state {
            State::Header0 if self.record == records.len() => NEVER,
            State::Header0 | State::Header1 | State::Check(_) => now,
            State::Hold if self.free || self.released(records) => now,
            State::Push if !queue_full => now,
            State::Payload | State::Sparse => self.until,
            // The window unit says when it takes beats.
            State::Picture if !window_busy => now,
            State::Hold | State::Push | State::Picture => NEVER,
        }
    }

    /// Whether the decoder copies weights or parameters, or waits to; and whether it feeds the
    /// window unit, or waits to.
    pub fn late(&self, records: &[Record]) -> (bool, bool) {
        if !matches!(
            self.state,
            State::Hold | State::Payload | State::Sparse | State::Picture
        ) {
            return (false, false);
        }
        let rows = matches!(records[self.record].command, Command::Rows(_));
        (!rows, rows)
    }

    /// Cycles of `now` to `now + cycles - 1` with a beat, if nothing else happens in them.
    pub fn beats(&self, now: u64, cycles: u64, records: &[Record]) -> u64 {
        match self.state {
            State::Payload => cycles,
            State::Sparse => records[self.record].sparse.as_ref().map_or(0, |sparse| {
                let at = now - self.from;
                sparse.before(at + cycles) - sparse.before(at)
            }),
            _ => 0,
        }
    }

    /// One cycle.
    pub fn step(&mut self, now: u64, records: &[Record], inputs: DecoderInputs) -> DecoderStep {
        let mut step = DecoderStep::default();
        let free = self.released(records);
        let (mut adds_read, mut adds_drain, mut adds_store) = (false, false, false);
        match self.state {
            State::Header0 => {
                if self.record < records.len() {
                    step.beat = true;
                    step.begins = !self.started;
                    self.started = true;
                    self.state = State::Header1;
                }
            }
            State::Header1 => {
                step.beat = true;
                self.state = State::Check(CHECK_CYCLES - 1);
            }
            State::Check(left @ 1..) => self.state = State::Check(left - 1),
            State::Check(0) => match records[self.record].command {
                Command::Hello(_) => self.finish(),
                Command::Block(_) | Command::Store(_) | Command::End(_) => {
                    self.state = State::Push;
                }
                Command::LoadWeights(_)
                | Command::LoadSparse(_)
                | Command::LoadParams(_)
                | Command::Rows(_) => self.state = State::Hold,
            },
            State::Hold => {
                if self.free {
                    if matches!(records[self.record].command, Command::Rows(_)) {
                        step.window_start = true;
                        self.state = State::Picture;
                    } else if let Some(sparse) = &records[self.record].sparse {
                        self.from = now + 1;
                        self.until = self.from + sparse.end();
                        self.state = State::Sparse;
                    } else {
                        self.until = now + records[self.record].beats;
                        self.state = State::Payload;
                    }
                }
            }
            State::Payload => {
                step.beat = true;
                if now == self.until {
                    self.finish();
                }
            }
            State::Sparse => {
                step.beat = self.beats(now, 1, records) > 0;
                if now == self.until {
                    self.finish();
                }
            }
            State::Picture => {
                step.beat = inputs.window_ready;
                step.window_beat = inputs.window_ready;
                if !inputs.window_busy {
                    self.finish();
                }
            }
            State::Push => {
                if !inputs.queue_full {
                    step.push = true;
                    match records[self.record].command {
                        Command::Block(block) => {
                            adds_read = true;
                            adds_drain = block.last;
                        }
                        Command::Store(_) => adds_store = true,
                        Command::End(_) => self.started = false,
                        _ => {}
                    }
                    self.finish();
                }
            }
        }
        self.free = free;
        self.reads = count(self.reads, adds_read, inputs.reads_done);
        self.drains = count(self.drains, adds_drain, inputs.drained);
        self.stores = count(self.stores, adds_store, inputs.store_done);
        step
    }

    fn finish(&mut self) {
        self.record += 1;
        self.state = State::Header0;
    }
}

/// A counter that goes up and down, as in the hardware.
pub(super) fn count(value: u8, up: bool, down: bool) -> u8 {
    match (up, down) {
        (true, false) => value.wrapping_add(1),
        (false, true) => value.wrapping_sub(1),
        _ => value,
    }
}

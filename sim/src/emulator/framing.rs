//! Finds where transfers end in a stream of bytes that has lost its packet ends.

use firebrick_spec::HwConfig;
use firebrick_spec::command::{Command, Opcode, RECORD_BYTES, RECORD_WORDS};

/// Where in a transfer the stream stands.
#[derive(Debug)]
enum State {
    /// In a record, of which this much is there.
    Record(Vec<u8>),
    /// In a payload, of which so many bytes are to come.
    Payload(usize),
    /// In something that the engine refuses, too: it drops everything until a reset, and so the
    /// end no longer matters.
    Lost,
}

/// Reads the records that go by, as the engine does, up to each end record.
#[derive(Debug)]
pub struct Framer {
    config: HwConfig,
    state: State,
}

impl Framer {
    /// A framer before the first transfer.
    pub fn new(config: &HwConfig) -> Framer {
        Framer {
            config: config.clone(),
            state: State::Record(Vec::new()),
        }
    }

    /// Begins anew, as the engine does after a reset.
    pub fn reset(&mut self) {
        self.state = State::Record(Vec::new());
    }

    /// Takes bytes up to the end of a transfer, or all; says how many, and whether the transfer
    /// ends there.
    pub fn take(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut rest = bytes;
        while !rest.is_empty() {
            match &mut self.state {
                State::Lost => return (bytes.len(), false),
                State::Payload(left) => {
                    let now = rest.len().min(*left);
                    *left -= now;
                    rest = &rest[now..];
                    if *left == 0 {
                        self.reset();
                    }
                }
                State::Record(begun) => {
                    let now = rest.len().min(RECORD_BYTES - begun.len());
                    begun.extend_from_slice(&rest[..now]);
                    rest = &rest[now..];
                    if begun.len() < RECORD_BYTES {
                        break;
                    }
                    let record = std::mem::take(begun);
                    let (next, end) = self.after(&record);
                    self.state = next;
                    if end {
                        return (bytes.len() - rest.len(), true);
                    }
                }
            }
        }
        (bytes.len(), false)
    }

    /// What follows a record, and whether it is the last.
    fn after(&self, record: &[u8]) -> (State, bool) {
        let mut words = [0; RECORD_WORDS];
        for (word, four) in words.iter_mut().zip(record.chunks_exact(4)) {
            *word = u32::from_le_bytes([four[0], four[1], four[2], four[3]]);
        }
        let Ok(command) = Command::decode(&words) else {
            return (State::Lost, false);
        };
        if command.check(&self.config).is_err() {
            return (State::Lost, false);
        }
        let payload = command.payload_bytes(&self.config);
        let whole = payload.next_multiple_of(self.config.bus_bytes);
        let next = match whole {
            0 => State::Record(Vec::new()),
            bytes => State::Payload(bytes),
        };
        (next, command.opcode() == Opcode::End)
    }
}

//! A recording run against another device.

use super::format::{Event, RecordError, RecordReader};
use crate::device::{Device, DeviceError};
use firebrick_spec::regs::{self, Register};
use firebrick_spec::result::Trailer;
use std::collections::VecDeque;
use std::fmt;
use std::io::Read;
use std::time::Duration;

/// Registers that read the same on any device that was treated the same.
const STEADY: [Register; 10] = [
    regs::MAGIC,
    regs::ABI,
    regs::HASH_LO,
    regs::HASH_HI,
    regs::SHAPE,
    regs::FEATURE_WORDS,
    regs::WEIGHT_BLOCKS,
    regs::PARAM_GROUPS,
    regs::ERROR,
    regs::SCRATCH,
];

/// The first thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// A register.
    Register {
        /// Entry in the file.
        entry: u64,
        /// Its byte offset.
        offset: u32,
        /// In the recording.
        want: u32,
        /// Now.
        got: u32,
    },
    /// A word of a result packet.
    Packet {
        /// Entry in the file.
        entry: u64,
        /// Place of the packet among all, from 0.
        packet: u64,
        /// Byte position of the word.
        byte: usize,
        /// In the recording.
        want: u32,
        /// Now.
        got: u32,
    },
    /// One of them gave no result, or another error.
    Outcome {
        /// Entry in the file.
        entry: u64,
        /// In the recording.
        want: String,
        /// Now.
        got: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Register {
                entry,
                offset,
                want,
                got,
            } => {
                let register = regs::ALL.iter().find(|register| register.offset == *offset);
                let name = register.map_or("no register", |register| register.name);
                write!(
                    f,
                    "entry {entry}: register {name} ({offset:#05x}) was {want:#010x} in the \
                     recording, is {got:#010x} now"
                )
            }
            Difference::Packet {
                entry,
                packet,
                byte,
                want,
                got,
            } => write!(
                f,
                "entry {entry}: result packet {packet} differs at byte {byte}: {want:#010x} in the \
                 recording, {got:#010x} now"
            ),
            Difference::Outcome { entry, want, got } => {
                write!(f, "entry {entry}: in the recording {want}; now {got}")
            }
        }
    }
}

/// What a replay found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// Device of the recording.
    pub device: String,
    /// Entries read.
    pub entries: u64,
    /// Packets compared.
    pub packets: u64,
    /// Register reads compared.
    pub registers: u64,
    /// The first difference; nothing after it was run.
    pub difference: Option<Difference>,
    /// A warning: the file ends in the middle of an entry.
    pub truncated: Option<String>,
}

/// A transfer that has no packet yet.
struct Sent {
    result: u32,
    bytes: Vec<u8>,
}

/// The run under way.
struct Run<'a, D> {
    device: &'a mut D,
    deadline: Duration,
    sent: VecDeque<Sent>,
    /// Sequence numbers of the recording less those of the device.
    ahead: Option<u32>,
    replay: Replay,
}

/// Runs a recording against a device, up to the first word that differs. Cycle counts, states and
/// counters differ from device to device and are not compared; sequence numbers are, from the
/// first packet after a reset on. The deadline is for each transfer.
pub fn replay<D: Device>(
    from: impl Read,
    device: &mut D,
    deadline: Duration,
) -> Result<Replay, RecordError> {
    let mut reader = RecordReader::new(from)?;
    let mut run = Run {
        device,
        deadline,
        sent: VecDeque::new(),
        ahead: None,
        replay: Replay::default(),
    };
    while let Some(entry) = reader.next_entry()? {
        run.replay.entries += 1;
        let difference = match run.event(entry.number, entry.event) {
            Ok(difference) => difference,
            Err(error) => Some(Difference::Outcome {
                entry: entry.number,
                want: "that worked".into(),
                got: error.to_string(),
            }),
        };
        if difference.is_some() {
            run.replay.difference = difference;
            return Ok(run.replay);
        }
    }
    run.replay.truncated = reader.truncated().map(str::to_owned);
    Ok(run.replay)
}

impl<D: Device> Run<'_, D> {
    fn event(&mut self, entry: u64, event: Event) -> Result<Option<Difference>, DeviceError> {
        match event {
            Event::Device(name) => self.replay.device = name,
            Event::Write { offset, value } => self.device.write_reg(offset, value)?,
            Event::Read { offset, value } => {
                if STEADY.iter().any(|register| register.offset == offset) {
                    let got = self.device.read_reg(offset)?;
                    self.replay.registers += 1;
                    return Ok((got != value).then_some(Difference::Register {
                        entry,
                        offset,
                        want: value,
                        got,
                    }));
                }
            }
            Event::Transfer { result, bytes } => self.sent.push_back(Sent { result, bytes }),
            Event::Packet(want) => return self.packet(entry, &want),
            Event::Reset => {
                self.sent.clear();
                self.ahead = None;
                self.device.reset(self.deadline)?;
            }
            Event::Probe { next, bytes, .. } => {
                // Whatever this device does to synchronise, it has to count the same packets.
                if let Some(next) = next {
                    let packet = self.device.run(&bytes, Trailer::BYTES, self.deadline)?;
                    if let Some(tail) = packet.last_chunk() {
                        let got = Trailer::from_bytes(tail).sequence.wrapping_add(1);
                        self.ahead = Some(next.wrapping_sub(got));
                    }
                }
            }
            Event::Fault(held) => {
                let want = format!("the engine reported error {held:#x}");
                return Ok(self.failure(entry, want, Some(held)));
            }
            Event::Failure(text) => return Ok(self.failure(entry, text, None)),
        }
        Ok(None)
    }

    /// The transfer whose turn it is gave a packet.
    fn packet(&mut self, entry: u64, want: &[u8]) -> Result<Option<Difference>, DeviceError> {
        let Some(sent) = self.sent.pop_front() else {
            return Ok(Some(Difference::Outcome {
                entry,
                want: "a packet came without a transfer".into(),
                got: "none can".into(),
            }));
        };
        let got = self
            .device
            .run(&sent.bytes, sent.result as usize, self.deadline)?;
        self.replay.packets += 1;
        let mut want_words = words(want);
        let got_words = words(&got);
        // The trailer's sequence number counts from somewhere else, its cycles depend on the bus.
        if let (Some(last), true) = (want_words.len().checked_sub(4), want.len() == got.len()) {
            let ahead = want_words[last + 1].wrapping_sub(got_words[last + 1]);
            let ahead = *self.ahead.get_or_insert(ahead);
            want_words[last + 1] = want_words[last + 1].wrapping_sub(ahead);
            want_words[last + 3] = got_words[last + 3];
        }
        let first = (0..want_words.len().max(got_words.len()))
            .find(|&word| want_words.get(word) != got_words.get(word));
        Ok(
            first.map(|word| match (want_words.get(word), got_words.get(word)) {
                (Some(&want), Some(&got)) => Difference::Packet {
                    entry,
                    packet: self.replay.packets - 1,
                    byte: 4 * word,
                    want,
                    got,
                },
                _ => Difference::Outcome {
                    entry,
                    want: format!("the packet had {} bytes", want.len()),
                    got: format!("it has {}", got.len()),
                },
            }),
        )
    }

    /// The transfer whose turn it is gave no packet.
    fn failure(&mut self, entry: u64, want: String, held: Option<u32>) -> Option<Difference> {
        let sent = self.sent.pop_front()?;
        self.sent.clear();
        let got = match self
            .device
            .run(&sent.bytes, sent.result as usize, self.deadline)
        {
            Ok(packet) => format!("the transfer gives a packet of {} bytes", packet.len()),
            Err(DeviceError::Engine { fault, .. }) => {
                let now = fault.code as u32 | fault.record << 8;
                if Some(now) == held {
                    return None;
                }
                format!("the engine reports error {now:#x}")
            }
            Err(error) => error.to_string(),
        };
        Some(Difference::Outcome { entry, want, got })
    }
}

/// Little-endian words; a last piece that is none counts as one.
fn words(bytes: &[u8]) -> Vec<u32> {
    let word = |chunk: &[u8]| {
        let mut word = [0; 4];
        word[..chunk.len()].copy_from_slice(chunk);
        u32::from_le_bytes(word)
    };
    bytes.chunks(4).map(word).collect()
}

//! The file: a header, then entries with a CRC each. Lengths in it are not believed: nothing is
//! allocated before its bytes are there.

use std::io::{self, Read, Write};
use std::time::Duration;

/// First bytes of the file.
pub(super) const MAGIC: [u8; 8] = *b"FBRKREC\n";
/// Version of the format.
pub(super) const VERSION: u32 = 1;
/// Longest content of an entry; no transfer of any preset comes near.
pub(super) const LONGEST: u32 = 256 << 20;
/// Bytes of an entry before its content: kind, length, time.
const HEAD: usize = 16;

/// Something that crossed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Name of the device; first in the file.
    Device(String),
    /// A register was read.
    Read {
        /// Byte offset.
        offset: u32,
        /// What it read.
        value: u32,
    },
    /// A register was written.
    Write {
        /// Byte offset.
        offset: u32,
        /// What was written.
        value: u32,
    },
    /// A transfer was handed to the device.
    Transfer {
        /// Length of the packet that is expected back.
        result: u32,
        /// The whole transfer.
        bytes: Vec<u8>,
    },
    /// A packet came back.
    Packet(Vec<u8>),
    /// The device was reset.
    Reset,
    /// A probe was sent and its trailer came.
    Probe {
        /// Sequence number after it, if the device told.
        next: Option<u32>,
        /// Bytes that came before the trailer.
        dropped: u32,
        /// The transfer.
        bytes: Vec<u8>,
    },
    /// The engine reported an error, as in register ERROR.
    Fault(u32),
    /// Something else failed.
    Failure(String),
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Place in the file, from 0.
    pub number: u64,
    /// Since the recording began, in microseconds.
    pub time: Duration,
    /// What happened.
    pub event: Event,
}

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It is something else.
    #[error("this is no recording of a device: it does not begin with FBRKREC")]
    Magic,
    /// It is of another version.
    #[error("the recording has format version {got}, this program reads version {VERSION}")]
    Version {
        /// Its version.
        got: u32,
    },
    /// An entry is damaged.
    #[error("entry {entry} of the recording is damaged: {what}")]
    Damaged {
        /// Which entry.
        entry: u64,
        /// What is wrong with it.
        what: String,
    },
    /// It cannot be read.
    #[error("cannot read the recording: {0}")]
    Io(#[from] io::Error),
}

impl Event {
    fn kind(&self) -> u32 {
        match self {
            Event::Device(_) => 1,
            Event::Read { .. } => 2,
            Event::Write { .. } => 3,
            Event::Transfer { .. } => 4,
            Event::Packet(_) => 5,
            Event::Reset => 6,
            Event::Probe { .. } => 7,
            Event::Fault(_) => 8,
            Event::Failure(_) => 9,
        }
    }

    fn parse(kind: u32, content: Vec<u8>) -> Result<Event, String> {
        let word = |at: usize| -> Result<u32, String> {
            let bytes = content.get(4 * at..4 * at + 4);
            let bytes: Option<[u8; 4]> = bytes.and_then(|bytes| bytes.try_into().ok());
            bytes
                .map(u32::from_le_bytes)
                .ok_or_else(|| "its content is too short".to_owned())
        };
        let exactly = |words: usize| match content.len() == 4 * words {
            true => Ok(()),
            false => Err(format!("it has {} bytes of content", content.len())),
        };
        let text = |content: Vec<u8>| String::from_utf8_lossy(&content).into_owned();
        Ok(match kind {
            1 => Event::Device(text(content)),
            2 | 3 => {
                exactly(2)?;
                let (offset, value) = (word(0)?, word(1)?);
                match kind {
                    2 => Event::Read { offset, value },
                    _ => Event::Write { offset, value },
                }
            }
            4 => Event::Transfer {
                result: word(0)?,
                bytes: content[4..].to_vec(),
            },
            5 => Event::Packet(content),
            6 => {
                exactly(0)?;
                Event::Reset
            }
            7 => {
                let known = word(0)? & 1 != 0;
                Event::Probe {
                    next: known.then_some(word(1)?),
                    dropped: word(2)?,
                    bytes: content[12..].to_vec(),
                }
            }
            8 => {
                exactly(1)?;
                Event::Fault(word(0)?)
            }
            9 => Event::Failure(text(content)),
            other => return Err(format!("its kind {other} is unknown")),
        })
    }
}

/// Writes the header.
pub(super) fn write_header(to: &mut impl Write) -> io::Result<()> {
    to.write_all(&MAGIC)?;
    to.write_all(&VERSION.to_le_bytes())?;
    to.write_all(&[0; 4])
}

/// Writes one entry, whose content is given in pieces.
fn write_pieces(
    to: &mut impl Write,
    kind: u32,
    time: Duration,
    pieces: &[&[u8]],
) -> io::Result<()> {
    let length: usize = pieces.iter().map(|piece| piece.len()).sum();
    let length = u32::try_from(length)
        .ok()
        .filter(|length| *length <= LONGEST);
    let length = length.ok_or_else(|| io::Error::other("a transfer is too long to be recorded"))?;
    let mut head = [0; HEAD];
    head[..4].copy_from_slice(&kind.to_le_bytes());
    head[4..8].copy_from_slice(&length.to_le_bytes());
    head[8..].copy_from_slice(&(time.as_micros() as u64).to_le_bytes());
    let mut crc = crc32fast::Hasher::new();
    for piece in [&head[..]].iter().chain(pieces) {
        crc.update(piece);
        to.write_all(piece)?;
    }
    to.write_all(&crc.finalize().to_le_bytes())
}

/// Writes one entry.
pub(super) fn write_entry(to: &mut impl Write, time: Duration, event: &Event) -> io::Result<()> {
    let words = |values: &[u32]| -> Vec<u8> {
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect()
    };
    let (front, back): (Vec<u8>, &[u8]) = match event {
        Event::Device(text) | Event::Failure(text) => (Vec::new(), text.as_bytes()),
        Event::Read { offset, value } | Event::Write { offset, value } => {
            (words(&[*offset, *value]), &[])
        }
        Event::Transfer { result, bytes } => (words(&[*result]), bytes),
        Event::Packet(bytes) => (Vec::new(), bytes),
        Event::Reset => (Vec::new(), &[]),
        Event::Probe {
            next,
            dropped,
            bytes,
        } => {
            let known = u32::from(next.is_some());
            (words(&[known, next.unwrap_or(0), *dropped]), bytes)
        }
        Event::Fault(held) => (words(&[*held]), &[]),
    };
    write_pieces(to, event.kind(), time, &[&front, back])
}

/// Reads a file entry by entry.
#[derive(Debug)]
pub struct RecordReader<R> {
    from: R,
    number: u64,
    /// Why the file ends in the middle of an entry, if it does.
    truncated: Option<String>,
}

impl<R: Read> RecordReader<R> {
    /// Reads the header.
    pub fn new(mut from: R) -> Result<RecordReader<R>, RecordError> {
        let mut header = Vec::new();
        from.by_ref().take(16).read_to_end(&mut header)?;
        if !header.starts_with(&MAGIC) || header.len() < 16 {
            return Err(RecordError::Magic);
        }
        let version = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
        if version != VERSION {
            return Err(RecordError::Version { got: version });
        }
        Ok(RecordReader {
            from,
            number: 0,
            truncated: None,
        })
    }

    /// Exactly `count` bytes, or none and a note.
    fn bytes(&mut self, count: usize, what: &str) -> Result<Option<Vec<u8>>, RecordError> {
        let mut bytes = Vec::new();
        self.from
            .by_ref()
            .take(count as u64)
            .read_to_end(&mut bytes)?;
        if bytes.len() == count {
            return Ok(Some(bytes));
        }
        if !bytes.is_empty() || what != "head" {
            self.truncated = Some(format!(
                "the recording ends in the middle of entry {}: {} of {count} bytes of its {what} \
                 are there; the entries before it are whole",
                self.number,
                bytes.len()
            ));
        }
        Ok(None)
    }

    /// The next entry; none at the end, also when the last one is cut off: see
    /// [`truncated`](Self::truncated).
    pub fn next_entry(&mut self) -> Result<Option<Entry>, RecordError> {
        if self.truncated.is_some() {
            return Ok(None);
        }
        let entry = self.number;
        let damaged = |what: String| RecordError::Damaged { entry, what };
        let Some(head) = self.bytes(HEAD, "head")? else {
            return Ok(None);
        };
        let word =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let length = word(4);
        if length > LONGEST {
            return Err(damaged(format!("it claims {length} bytes")));
        }
        let Some(content) = self.bytes(length as usize, "content")? else {
            return Ok(None);
        };
        let Some(crc) = self.bytes(4, "CRC")? else {
            return Ok(None);
        };
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&head);
        hasher.update(&content);
        if hasher.finalize().to_le_bytes() != crc[..] {
            return Err(damaged("its CRC does not match".into()));
        }
        let time = u64::from(word(8)) | u64::from(word(12)) << 32;
        self.number += 1;
        Ok(Some(Entry {
            number: entry,
            time: Duration::from_micros(time),
            event: Event::parse(word(0), content).map_err(damaged)?,
        }))
    }

    /// What to tell about an end in the middle of an entry.
    #[must_use]
    pub fn truncated(&self) -> Option<&str> {
        self.truncated.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn events() -> Vec<Event> {
        vec![
            Event::Device("fake:".into()),
            Event::Read {
                offset: 4,
                value: 5,
            },
            Event::Write {
                offset: 8,
                value: u32::MAX,
            },
            Event::Transfer {
                result: 16,
                bytes: vec![1; 64],
            },
            Event::Packet(vec![2; 16]),
            Event::Reset,
            Event::Probe {
                next: Some(3),
                dropped: 16,
                bytes: vec![3; 64],
            },
            Event::Probe {
                next: None,
                dropped: 0,
                bytes: Vec::new(),
            },
            Event::Fault(0x101),
            Event::Failure("because".into()),
        ]
    }

    fn file() -> Vec<u8> {
        let mut file = Vec::new();
        write_header(&mut file).unwrap();
        for (number, event) in events().iter().enumerate() {
            let time = Duration::from_micros(1 << (4 * number));
            write_entry(&mut file, time, event).unwrap();
        }
        file
    }

    /// All whole entries, and whether the file was cut off.
    fn read(file: &[u8]) -> Result<(Vec<Entry>, bool), RecordError> {
        let mut reader = RecordReader::new(file)?;
        let mut entries = Vec::new();
        while let Some(entry) = reader.next_entry()? {
            entries.push(entry);
        }
        Ok((entries, reader.truncated().is_some()))
    }

    #[test]
    fn what_is_written_is_read() {
        let (entries, truncated) = read(&file()).unwrap();
        assert!(!truncated);
        for (number, entry) in entries.iter().enumerate() {
            assert_eq!(entry.number, number as u64);
            assert_eq!(entry.time, Duration::from_micros(1 << (4 * number)));
        }
        let read: Vec<Event> = entries.into_iter().map(|entry| entry.event).collect();
        assert_eq!(read, events());
    }

    #[test]
    fn a_file_cut_anywhere_gives_its_whole_entries() {
        let whole = file();
        let mut before = 0;
        for length in 16..whole.len() {
            let (entries, truncated) = read(&whole[..length]).unwrap();
            let mut again = Vec::new();
            write_header(&mut again).unwrap();
            for entry in &entries {
                write_entry(&mut again, entry.time, &entry.event).unwrap();
            }
            assert!(whole.starts_with(&again), "{length}");
            assert_eq!(truncated, again.len() != length, "{length}");
            assert!(entries.len() >= before);
            before = entries.len();
        }
        assert_eq!(before, events().len() - 1);
        assert!(matches!(read(&whole[..15]), Err(RecordError::Magic)));
    }

    #[test]
    fn a_flipped_bit_anywhere_is_found() {
        let whole = file();
        let (want, _) = read(&whole).unwrap();
        for bit in 0..8 * whole.len() {
            let mut file = whole.clone();
            file[bit / 8] ^= 1 << (bit % 8);
            match read(&file) {
                // A longer length may look like an end.
                Ok((entries, truncated)) if bit >= 96 + 32 => {
                    assert!(truncated, "bit {bit}");
                    assert!(want.starts_with(&entries), "bit {bit}");
                }
                // The reserved word of the header.
                Ok((entries, _)) => {
                    assert!((96..128).contains(&bit), "bit {bit}");
                    assert_eq!(entries, want);
                }
                Err(_) => {}
            }
        }
    }

    #[test]
    fn a_claimed_length_is_not_believed() {
        let mut file = Vec::new();
        write_header(&mut file).unwrap();
        for length in [LONGEST, LONGEST + 1, u32::MAX] {
            let mut file = file.clone();
            file.extend(5u32.to_le_bytes());
            file.extend(length.to_le_bytes());
            file.extend([0; 8]);
            match read(&file) {
                Ok((entries, truncated)) => {
                    assert!(length <= LONGEST && entries.is_empty() && truncated);
                }
                Err(error) => {
                    assert!(length > LONGEST, "{error}");
                    assert!(error.to_string().contains("claims"), "{error}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(tail in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut file = Vec::new();
            write_header(&mut file).unwrap();
            file.extend(tail);
            let _ = read(&file);
        }
    }
}

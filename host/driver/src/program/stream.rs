//! The transfer under construction: records, payloads, and holes for the picture's rows.

use super::{Hole, RecordInfo, Segment, TileInfo};
use firebrick_spec::command::Command;
use firebrick_spec::fields::FieldOverflow;

/// Bytes in host order, with what is known about them.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    pub bytes: Vec<u8>,
    pub records: Vec<RecordInfo>,
    pub holes: Vec<Hole>,
    pub segments: Vec<Segment>,
    pub tiles: Vec<TileInfo>,
}

impl Stream {
    /// Appends a record without payload, or one whose payload is not known yet.
    pub fn record(&mut self, command: Command) -> Result<(), FieldOverflow> {
        self.load(command, &[])
    }

    /// Appends a record and its payload.
    pub fn load(&mut self, command: Command, payload: &[u8]) -> Result<(), FieldOverflow> {
        let words = command.encode_with(payload)?;
        self.records.push(RecordInfo {
            command,
            offset: self.bytes.len(),
        });
        for word in words {
            self.bytes.extend(word.to_le_bytes());
        }
        self.bytes.extend(payload);
        Ok(())
    }

    /// Leaves room for one row of the picture.
    pub fn hole(&mut self, row: usize, row_bytes: usize) {
        self.holes.push(Hole {
            offset: self.bytes.len(),
            row,
        });
        self.bytes.resize(self.bytes.len() + row_bytes, 0);
    }
}

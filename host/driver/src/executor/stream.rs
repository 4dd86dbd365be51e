//! The stream as the decoder sees it: beats, records, payloads, TLAST on the last beat.

use super::fault::{EngineFault, ExecError};
use firebrick_spec::HwConfig;
use firebrick_spec::command::{
    Command, ErrorCode, Opcode, RECORD_BYTES, RECORD_WORDS, common, payload_crc,
};

/// A transfer being decoded.
#[derive(Debug)]
pub(super) struct Beats<'a> {
    rest: &'a [u8],
    beat: usize,
    /// Records decoded.
    records: u32,
    /// CRC-32 that the last record gives for its payload.
    payload_crc: u32,
}

impl<'a> Beats<'a> {
    pub fn new(transfer: &'a [u8], beat: usize) -> Beats<'a> {
        Beats {
            rest: transfer,
            beat,
            records: 0,
            payload_crc: 0,
        }
    }

    /// Index of the last record decoded.
    pub fn index(&self) -> u32 {
        self.records.saturating_sub(1)
    }

    /// The next record, checked in the order in which the hardware's decoder does it.
    pub fn record(&mut self, config: &HwConfig) -> Result<Command, ExecError> {
        let record = self.records;
        if self.rest.len() < RECORD_BYTES {
            return Err(EngineFault::early(record).into());
        }
        let (bytes, rest) = self.rest.split_at(RECORD_BYTES);
        self.rest = rest;
        self.records += 1;
        let mut words = [0; RECORD_WORDS];
        for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(4)) {
            *word = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
        }
        let fault = |code| EngineFault { code, record };
        let decoded = Command::decode(&words);
        if let Err(error) = &decoded
            && error.code != ErrorCode::BadField
        {
            return Err(fault(error.code).into());
        }
        let opcode = common::OPCODE.get(&words) as u8;
        if (record == 0) != (opcode == Opcode::Hello as u8) {
            return Err(fault(ErrorCode::NoHello).into());
        }
        match (rest.is_empty(), opcode == Opcode::End as u8) {
            (true, false) => return Err(fault(ErrorCode::EarlyEnd).into()),
            (false, true) => return Err(fault(ErrorCode::LateEnd).into()),
            _ => {}
        }
        self.payload_crc = common::PAYLOAD_CRC.get(&words);
        let command = decoded.map_err(|error| fault(error.code))?;
        command.check(config).map_err(|error| fault(error.code))?;
        Ok(command)
    }

    /// The payload of the last record; the stream must not end with it.
    pub fn payload(&mut self, bytes: usize) -> Result<&'a [u8], ExecError> {
        let whole = bytes.next_multiple_of(self.beat);
        if whole > 0 && self.rest.len() <= whole {
            return Err(EngineFault::early(self.index()).into());
        }
        let (payload, rest) = self.rest.split_at(whole);
        self.rest = rest;
        Ok(&payload[..bytes])
    }

    /// Whether the last record's payload arrived as it was sent.
    pub fn intact(&self, payload: &[u8]) -> Result<(), ExecError> {
        if payload_crc(payload) == self.payload_crc {
            return Ok(());
        }
        Err(EngineFault {
            code: ErrorCode::BadPayload,
            record: self.index(),
        }
        .into())
    }
}

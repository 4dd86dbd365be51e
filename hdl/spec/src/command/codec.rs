//! From records to words and back, with their CRCs.

use super::{Command, CommandError, ErrorCode, Opcode, RECORD_BYTES, RECORD_WORDS, common};
use crate::fields::FieldOverflow;

/// CRC-32 of words 0 to 6, as word 7 holds it.
#[must_use]
pub fn record_crc(words: &[u32; RECORD_WORDS]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    for word in &words[..RECORD_WORDS - 1] {
        crc.update(&word.to_le_bytes());
    }
    crc.finalize()
}

/// CRC-32 of a payload of whole beats, as word 5 of its record holds it.
#[must_use]
pub fn payload_crc(payload: &[u8]) -> u32 {
    crc32fast::hash(payload)
}

/// Replaces the payload's CRC in a record by that of `payload`, and renews the record's own.
pub fn seal(record: &mut [u8; RECORD_BYTES], payload: &[u8]) {
    let mut words = [0; RECORD_WORDS];
    for (word, bytes) in words.iter_mut().zip(record.chunks_exact(4)) {
        *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    words[common::PAYLOAD_CRC.word] = payload_crc(payload);
    words[common::CRC.word] = record_crc(&words);
    for (bytes, word) in record.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
}

impl Command {
    /// Encodes a record without payload, with its CRC.
    ///
    /// # Errors
    ///
    /// If a value does not fit its field.
    pub fn encode(&self) -> Result<[u32; RECORD_WORDS], FieldOverflow> {
        self.encode_with(&[])
    }

    /// Encodes the record of a payload, with both CRCs.
    ///
    /// # Errors
    ///
    /// If a value does not fit its field.
    pub fn encode_with(&self, payload: &[u8]) -> Result<[u32; RECORD_WORDS], FieldOverflow> {
        let mut words = [0; RECORD_WORDS];
        self.write(&mut words)?;
        if self.has_payload() {
            common::PAYLOAD_CRC.set(&mut words, payload_crc(payload).into())?;
        }
        words[common::CRC.word] = record_crc(&words);
        Ok(words)
    }

    /// Decodes a record; [`Command::check`] checks the ranges that depend on a configuration.
    ///
    /// # Errors
    ///
    /// If the CRC is wrong, the opcode is unknown, or a field has a value that no configuration
    /// allows (drain mode 3).
    pub fn decode(words: &[u32; RECORD_WORDS]) -> Result<Command, CommandError> {
        if common::CRC.get(words) != record_crc(words) {
            return Err(CommandError::new(ErrorCode::BadCrc));
        }
        let opcode = Opcode::from_bits(common::OPCODE.get(words) as u8)
            .ok_or(CommandError::at(ErrorCode::BadOpcode, common::OPCODE))?;
        Command::read(opcode, words)
    }
}

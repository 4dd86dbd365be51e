//! The transfers as the decoder sees them: records, and how many beats follow each.

use firebrick_spec::BEAT_BYTES;
use firebrick_spec::HwConfig;
use firebrick_spec::command::{
    Command, CommandError, ErrorCode, RECORD_BYTES, RECORD_WORDS, common, payload_crc,
};

use super::error::TimingError;
use super::sparse::Unpacking;

/// A record and what its payload means for the time it takes.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub command: Command,
    pub beats: u64,
    /// When the beats of a sparse payload are taken.
    pub sparse: Option<Unpacking>,
}

/// Reads and checks all transfers, as the decoder does.
pub(super) fn parse(config: &HwConfig, transfers: &[&[u8]]) -> Result<Vec<Record>, TimingError> {
    let mut records = Vec::new();
    for (transfer, bytes) in transfers.iter().enumerate() {
        parse_transfer(config, transfer, bytes, &mut records)?;
    }
    Ok(records)
}

fn parse_transfer(
    config: &HwConfig,
    transfer: usize,
    bytes: &[u8],
    records: &mut Vec<Record>,
) -> Result<(), TimingError> {
    let truncated = TimingError::Truncated {
        transfer,
        bytes: bytes.len(),
    };
    let first = records.len();
    let mut offset = 0;
    loop {
        let Some(raw) = bytes.get(offset..offset + RECORD_BYTES) else {
            return Err(truncated);
        };
        let mut words = [0; RECORD_WORDS];
        for (word, raw) in words.iter_mut().zip(raw.chunks_exact(4)) {
            *word = raw
                .iter()
                .rev()
                .fold(0, |word, byte| word << 8 | u32::from(*byte));
        }
        let bad = |source| TimingError::Record {
            transfer,
            offset,
            source,
        };
        let command = Command::decode(&words).map_err(bad)?;
        if matches!(command, Command::Hello(_)) != (records.len() == first) {
            return Err(TimingError::Hello { transfer, offset });
        }
        command.check(config).map_err(bad)?;
        let begin = offset + RECORD_BYTES;
        let end = begin + command.payload_bytes(config);
        let payload = bytes.get(begin..end).ok_or_else(|| truncated.clone())?;
        let refused = |code| bad(CommandError { code, field: None });
        let sparse = match command {
            Command::LoadSparse(load) => {
                let weights = load.count as usize * config.tile * config.tile;
                let unpacking = Unpacking::new(payload, weights);
                Some(unpacking.ok_or_else(|| refused(ErrorCode::BadField))?)
            }
            _ => None,
        };
        if command.has_payload() && payload_crc(payload) != common::PAYLOAD_CRC.get(&words) {
            return Err(refused(ErrorCode::BadPayload));
        }
        records.push(Record {
            command,
            beats: (payload.len() / BEAT_BYTES) as u64,
            sparse,
        });
        offset = end;
        if matches!(command, Command::End(_)) {
            if offset != bytes.len() {
                return Err(TimingError::Trailing { transfer, offset });
            }
            return Ok(());
        }
    }
}

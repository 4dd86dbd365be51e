//! From the beats that the engine has taken to the records that its units are at.

use crate::program::{Program, RecordInfo};
use firebrick_spec::HwConfig;
use firebrick_spec::command::{Block, Command, RECORD_BYTES, RECORD_WORDS};
use std::fmt;

/// A record of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    /// Its index in the transfer, from 0.
    pub record: usize,
    /// What it says.
    pub command: Command,
    /// Its layer's name, number of its tile among those of the layer from 1, and their count.
    pub layer: Option<(String, usize, usize)>,
}

/// What a unit has to do with its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitWork {
    /// Which unit, and what it does.
    pub unit: &'static str,
    /// The record.
    pub at: At,
}

/// The records that decoder, array and drain are at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places(pub Vec<UnitWork>);

/// What is known of the queues between the units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queues {
    /// Records that wait for the sequencer.
    pub queued: usize,
    /// Tiles and ends given to the drain that have not drained.
    pub draining: usize,
    /// Whether the sequencer holds a record of which passes are still to begin.
    pub held: Option<bool>,
    /// Whether the decoder is known to have its record in hand still.
    pub in_hand: bool,
}

/// The records of a transfer, up to the first that is none.
#[must_use]
pub fn records_of(transfer: &[u8], config: &HwConfig) -> Vec<RecordInfo> {
    let mut records = Vec::new();
    let mut offset = 0;
    while let Some(bytes) = transfer.get(offset..offset + RECORD_BYTES) {
        let mut words = [0; RECORD_WORDS];
        for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(4)) {
            *word = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
        }
        let Ok(command) = Command::decode(&words) else {
            break;
        };
        records.push(RecordInfo { command, offset });
        offset += RECORD_BYTES + command.payload_bytes(config);
    }
    records
}

fn goes_to_queue(command: &Command) -> bool {
    matches!(
        command,
        Command::Block(_) | Command::Store(_) | Command::End(_)
    )
}

fn goes_to_drain(command: &Command) -> bool {
    match command {
        Command::Block(block) => block.last,
        command => matches!(command, Command::End(_)),
    }
}

impl Places {
    /// `taken` bytes of a transfer of these records are in the engine.
    #[must_use]
    pub fn find(records: &[RecordInfo], taken: usize, queues: Queues) -> Places {
        let at = |record: usize| At {
            record,
            command: records[record].command,
            layer: None,
        };
        let mut jobs = Vec::new();
        // The one with the last byte taken: the next has not begun.
        let decoder = records.iter().rposition(|record| record.offset < taken);
        if let Some(decoder) = decoder {
            let unit = match taken >= records[decoder].offset + RECORD_BYTES {
                true => "decoder, which has it",
                false => "decoder, which has half of it",
            };
            let at = at(decoder);
            jobs.push(UnitWork { unit, at });
        }
        // The decoder's own is in the queue if that has room: it goes there in a cycle.
        let pushed = decoder.map_or(0, |decoder| {
            let complete = taken >= records[decoder].offset + RECORD_BYTES;
            decoder + usize::from(complete && !queues.in_hand && queues.queued < QUEUE)
        });
        let queue: Vec<usize> = (0..pushed)
            .filter(|&record| goes_to_queue(&records[record].command))
            .collect();
        let popped = &queue[..queue.len().saturating_sub(queues.queued)];
        if let Some(&record) = popped.last() {
            let unit = match queues.held {
                Some(true) => "array, whose next pass is one of it",
                Some(false) => "array, which has begun all its passes",
                None => "array, which took it last",
            };
            let at = at(record);
            jobs.push(UnitWork { unit, at });
        }
        let given = match queues.held {
            Some(true) => &popped[..popped.len().saturating_sub(1)],
            _ => popped,
        };
        let drains: Vec<usize> = given
            .iter()
            .copied()
            .filter(|&record| goes_to_drain(&records[record].command))
            .collect();
        let waiting = drains.len().saturating_sub(queues.draining);
        if queues.draining > 0
            && let Some(&record) = drains.get(waiting)
        {
            let (unit, at) = ("drain, which has not drained its tile", at(record));
            jobs.push(UnitWork { unit, at });
        }
        Places(jobs)
    }

    pub(crate) fn name_layers(&mut self, program: &Program) {
        for job in &mut self.0 {
            let Command::Block(block) = job.at.command else {
                continue;
            };
            let number = block.layer as usize;
            let Some(layer) = program.layers().iter().find(|l| l.layer == number) else {
                continue;
            };
            let ends_tile = |record: &&RecordInfo| {
                matches!(record.command, Command::Block(Block { layer, last: true, .. })
                    if layer as usize == number)
            };
            let before = program.records()[..job.at.record].iter();
            let tile = before.filter(ends_tile).count() + 1;
            job.at.layer = Some((layer.name.clone(), tile, layer.tiles));
        }
    }

    /// The record of a unit, by the start of its name.
    #[must_use]
    pub fn of(&self, unit: &str) -> Option<&At> {
        let job = self.0.iter().find(|job| job.unit.starts_with(unit));
        job.map(|job| &job.at)
    }
}

/// Records that the engine's queue holds.
const QUEUE: usize = 32;

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, tile, tiles)) = &self.layer {
            write!(f, "{name}, tile {tile} of {tiles}, ")?;
        }
        write!(f, "record {}: {}", self.record, self.command)
    }
}

impl fmt::Display for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for job in &self.0 {
            write!(f, "\n  {}: {}", job.unit, job.at)?;
        }
        Ok(())
    }
}

//! Who uses which memory last: what waits are computed from, within a picture and from one
//! picture to the next.

use super::ring::Ring;
use crate::program::Stream;
use firebrick_spec::HwConfig;
use firebrick_spec::command::{Command, MAX_OUTSTANDING, WAIT_NONE};
use firebrick_spec::config::ACC_BANKS;
use std::ops::Range;

/// Last users of all memories. Blocks and tiles are numbered from 0; -1 is the picture before.
#[derive(Clone, Debug)]
pub(crate) struct Users {
    /// By block.
    pub weights: Ring,
    /// By tile.
    pub params: Ring,
    /// By accumulator vector of each bank: the tile that used it last.
    pub accumulators: Vec<Vec<i64>>,
    /// By feature word: the tile that wrote it last.
    pub writer: Vec<i64>,
    /// Feature words of the window unit's strips.
    strips: Range<usize>,
    /// By word of [`Users::strips`]: the block that read it last.
    reader: Vec<i64>,
    /// Blocks issued, tiles handed to the drain unit.
    pub blocks: i64,
    pub tiles: i64,
}

impl Users {
    /// Memories that nothing has used yet.
    pub fn new(config: &HwConfig, strips: Range<usize>) -> Users {
        Users {
            weights: Ring::new(config.weight_blocks),
            params: Ring::new(config.param_groups),
            accumulators: vec![vec![-1; config.acc_depth]; ACC_BANKS],
            writer: vec![-1; config.feature_words],
            reader: vec![-1; strips.len()],
            strips,
            blocks: 0,
            tiles: 0,
        }
    }

    /// The tile that used accumulators last.
    pub fn accumulator(&self, bank: usize, vectors: Range<usize>) -> i64 {
        latest(&self.accumulators[bank][vectors])
    }

    /// The tile that wrote feature words last.
    pub fn written(&self, words: Range<usize>) -> i64 {
        latest(&self.writer[words])
    }

    /// The next block reads feature words.
    pub fn read(&mut self, words: Range<usize>) {
        let from = words.start.max(self.strips.start);
        let to = words.end.min(self.strips.end);
        if from < to {
            self.reader[from - self.strips.start..to - self.strips.start].fill(self.blocks);
        }
    }

    /// The block that read words of the strips last.
    pub fn read_by(&self, words: Range<usize>) -> i64 {
        latest(&self.reader[words.start - self.strips.start..words.end - self.strips.start])
    }

    fn last(&self, memory: &MemoryUse) -> i64 {
        match memory {
            MemoryUse::Weights(base, len) => self.weights.last_user(*base, *len),
            MemoryUse::Params(base, len) => self.params.last_user(*base, *len),
            MemoryUse::Strip(words) => self.read_by(words.clone()),
            MemoryUse::Accumulators(bank, vectors) => self.accumulator(*bank, vectors.clone()),
        }
    }
}

fn latest(users: &[i64]) -> i64 {
    users.iter().copied().max().unwrap_or(-1)
}

/// `wait` for a user that came `pending` items before the last.
pub(crate) fn wait(pending: i64) -> u8 {
    pending.clamp(0, i64::from(WAIT_NONE) - 1) as u8
}

/// `outstanding` for a tile that came `later` tiles before the last.
pub(crate) fn outstanding(later: i64) -> u8 {
    later.clamp(0, i64::from(MAX_OUTSTANDING)) as u8
}

/// Entries of a memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MemoryUse {
    Weights(usize, usize),
    Params(usize, usize),
    Strip(Range<usize>),
    Accumulators(usize, Range<usize>),
}

/// A record that overwrites what was last used by the picture before.
#[derive(Clone, Debug)]
pub(crate) struct Deferred {
    /// Its index.
    pub record: usize,
    pub memory: MemoryUse,
    /// Blocks or tiles issued before it.
    pub issued: i64,
    /// Tiles issued before it.
    pub tiles: i64,
    /// What a block's inputs allow.
    pub data: u8,
}

/// Rewrites the deferred records for a stream that follows one of the same program, whose
/// users of all memories are known now. Returns index and command of each.
pub(crate) fn following(
    deferred: &[Deferred],
    users: &Users,
    stream: &Stream,
) -> Vec<(usize, Command)> {
    let mut changed = Vec::new();
    for item in deferred {
        let total = match item.memory {
            MemoryUse::Weights(..) | MemoryUse::Strip(_) => users.blocks,
            MemoryUse::Params(..) | MemoryUse::Accumulators(..) => users.tiles,
        };
        // The last user of the picture before, in the numbers of this one.
        let user = users.last(&item.memory) - total;
        let pending = item.issued - 1 - user;
        let command = match stream.records[item.record].command {
            Command::LoadWeights(mut load) => {
                load.wait = wait(pending);
                Command::LoadWeights(load)
            }
            Command::LoadSparse(mut load) => {
                load.wait = wait(pending);
                Command::LoadSparse(load)
            }
            Command::LoadParams(mut load) => {
                load.wait = wait(pending);
                Command::LoadParams(load)
            }
            Command::Rows(mut rows) => {
                rows.wait = wait(pending);
                if let MemoryUse::Strip(words) = &item.memory {
                    let writer = users.written(words.clone()) - users.tiles;
                    rows.drains = wait(item.tiles - 1 - writer);
                }
                Command::Rows(rows)
            }
            Command::Block(mut block) => {
                let slot = outstanding(pending);
                block.outstanding = slot.min(item.data);
                block.data = item.data < slot;
                Command::Block(block)
            }
            other => other,
        };
        changed.push((item.record, command));
    }
    changed
}

//! The engine's memories, and for each entry who used it last.

use firebrick_spec::HwConfig;
use firebrick_spec::command::PARAM_BYTES;
use firebrick_spec::config::ACC_BANKS;

/// Contents after power-up: not zero, so that reading too early shows.
const JUNK: u8 = 0xa5;
const JUNK_WORD: i32 = i32::from_le_bytes([JUNK; 4]);

/// Who wrote a feature word last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Writer {
    #[default]
    Nobody,
    /// The drain of this tile.
    Tile(i64),
    /// The window unit, as part of this strip.
    Strip(i64),
}

/// History of a feature word. Blocks and tiles are numbered from 0 through all streams.
#[derive(Clone, Copy, Debug)]
pub(super) struct FeatureUse {
    pub writer: Writer,
    /// Last block that read it, -1 if none.
    pub reader: i64,
}

/// History of a weight block or parameter group.
#[derive(Clone, Copy, Debug)]
pub(super) struct LoadUse {
    pub loaded: bool,
    /// Last block (or tile) that used it, -1 if none.
    pub user: i64,
}

/// History of an accumulator vector: `lanes` positions.
#[derive(Clone, Copy, Debug)]
pub(super) struct AccUse {
    /// Last tile that drained from it, -1 if none.
    pub tile: i64,
    /// Sum under way in it, -1 if none.
    pub sum: i64,
}

/// All memories.
#[derive(Clone, Debug)]
pub(super) struct Memories {
    tile: usize,
    pub features: Vec<u8>,
    pub feature_use: Vec<FeatureUse>,
    pub weights: Vec<u8>,
    pub weight_use: Vec<LoadUse>,
    pub params: Vec<u8>,
    pub param_use: Vec<LoadUse>,
    /// By bank, in each by position.
    pub acc: Vec<Vec<i32>>,
    pub acc_use: Vec<Vec<AccUse>>,
    /// By pooled column.
    pub lines: Vec<u8>,
}

impl Memories {
    pub fn new(config: &HwConfig) -> Memories {
        let tile = config.tile;
        let unused = LoadUse {
            loaded: false,
            user: -1,
        };
        Memories {
            tile,
            features: vec![JUNK; config.feature_words * tile],
            feature_use: vec![
                FeatureUse {
                    writer: Writer::Nobody,
                    reader: -1
                };
                config.feature_words
            ],
            weights: vec![JUNK; config.weight_blocks * tile * tile],
            weight_use: vec![unused; config.weight_blocks],
            params: vec![JUNK; config.param_groups * tile * PARAM_BYTES],
            param_use: vec![unused; config.param_groups],
            acc: vec![vec![JUNK_WORD; config.acc_depth * config.lanes * tile]; ACC_BANKS],
            acc_use: vec![vec![AccUse { tile: -1, sum: -1 }; config.acc_depth]; ACC_BANKS],
            lines: vec![JUNK; config.line_words * config.line_pixels() * tile],
        }
    }

    /// Bytes of a parameter group.
    pub fn param_bytes(&self) -> usize {
        self.tile * PARAM_BYTES
    }

    /// A feature word.
    pub fn word(&self, address: usize) -> &[u8] {
        &self.features[address * self.tile..][..self.tile]
    }

    /// A feature word, for writing.
    pub fn word_mut(&mut self, address: usize) -> &mut [u8] {
        &mut self.features[address * self.tile..][..self.tile]
    }
}

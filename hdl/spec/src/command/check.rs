//! What a configuration can do: the checks of the engine's decoder.

use super::{Command, CommandError, ErrorCode, Mode, block, load, load_sparse, rows, store};
use crate::config::HwConfig;
use crate::fields::Field;

impl Command {
    /// Makes the checks that the engine's decoder makes before a record has any effect.
    ///
    /// # Errors
    ///
    /// The first violation, with the code that the engine reports and the field at fault.
    pub fn check(&self, config: &HwConfig) -> Result<(), CommandError> {
        let range = |field: Field, ok: bool| {
            if ok {
                Ok(())
            } else {
                Err(CommandError::at(ErrorCode::BadField, field))
            }
        };
        let within = |field: Field, end: u32, limit: usize| {
            if u64::from(end) <= limit as u64 {
                Ok(())
            } else {
                Err(CommandError::at(ErrorCode::BadAddress, field))
            }
        };
        match *self {
            Command::Hello(h) => {
                let code = if h.magic != crate::MAGIC {
                    ErrorCode::BadMagic
                } else if h.abi != crate::ABI_VERSION {
                    ErrorCode::BadAbi
                } else if h.hash() != config.hash() {
                    ErrorCode::BadHash
                } else {
                    return Ok(());
                };
                Err(CommandError::new(code))
            }
            Command::LoadWeights(l) => {
                range(load::COUNT, l.count >= 1)?;
                within(load::BASE, l.base + l.count, config.weight_blocks)
            }
            Command::LoadSparse(l) => {
                range(load_sparse::COUNT, l.count >= 1)?;
                range(load_sparse::BEATS, l.beats >= 1)?;
                within(load::BASE, l.base + l.count, config.weight_blocks)
            }
            Command::LoadParams(l) => {
                range(load::COUNT, l.count >= 1)?;
                within(load::BASE, l.base + l.count, config.param_groups)
            }
            Command::Rows(r) => {
                range(rows::ROWS, r.rows >= 1)?;
                range(
                    rows::KERNEL,
                    (r.kernel == 3 || r.kernel == 7) && r.kernel as usize <= config.window_kernel,
                )?;
                range(rows::STRIDE, r.stride == 1 || r.stride == 2)?;
                range(rows::WIDTH, r.width >= r.kernel)?;
                within(rows::WIDTH, r.width, config.window_width)?;
                within(rows::BASE, r.base + 1, config.feature_words)
            }
            Command::Block(b) => {
                range(block::COUNT, b.count >= 1)?;
                range(block::GROUPS, b.groups >= 1)?;
                range(block::WIDTH, b.width >= 1)?;
                range(block::IN_GAP, b.pitch() as usize >= config.lanes)?;
                range(
                    block::OUT_GAP,
                    config.lanes == 1
                        || b.mode != Mode::Write
                        || b.out_gap as usize <= b.in_gap as usize + config.lanes / 2,
                )?;
                within(
                    block::COUNT,
                    b.acc_base + b.vectors(config.lanes),
                    config.acc_depth,
                )?;
                within(block::IN_BASE, b.in_base + 1, config.feature_words)?;
                within(block::WEIGHT_BASE, b.weight_base + 1, config.weight_blocks)?;
                within(block::PARAM, b.param + 1, config.param_groups)?;
                within(block::LINE_BASE, b.line_base + 1, config.line_words)?;
                within(block::OUT_BASE, b.out_base + 1, config.feature_words)
            }
            Command::Store(s) => {
                range(store::COUNT, s.count >= 1)?;
                within(store::BASE, s.base + s.count, config.feature_words)
            }
            Command::End(_) => Ok(()),
        }
    }
}

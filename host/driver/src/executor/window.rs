//! The window unit: rows of a picture in, vectors of taps out.

use super::memory::Writer;
use super::place::ring_word;
use super::{EngineFault, ExecError, Executor, HazardKind};
use firebrick_spec::HwConfig;
use firebrick_spec::command::Rows;
use std::collections::VecDeque;

/// The rows that the unit remembers.
#[derive(Clone, Debug)]
pub(super) struct RowHistory {
    /// Rows of the picture seen.
    row: usize,
    lines: VecDeque<Vec<u8>>,
}

impl RowHistory {
    pub fn new(config: &HwConfig) -> RowHistory {
        let line = vec![0xa5; 3 * config.window_width];
        RowHistory {
            row: 0,
            lines: vec![line; config.window_kernel].into(),
        }
    }

    pub fn reset(&mut self) {
        self.row = 0;
    }
}

impl Executor {
    pub(super) fn rows(
        &mut self,
        record: u32,
        rows: &Rows,
        payload: &[u8],
    ) -> Result<(), ExecError> {
        self.order.wait_blocks(rows.wait);
        self.order.wait_tiles(rows.drains);
        self.order.wait_stores();
        if rows.first {
            self.window.row = 0;
        }
        let (width, kernel, stride) = (
            rows.width as usize,
            rows.kernel as usize,
            rows.stride as usize,
        );
        let row_bytes = Rows::row_bytes(width);
        let groups = (kernel * kernel * 3).div_ceil(self.config.tile);
        let mut taps = vec![0; groups * self.config.tile];
        let mut pixel = 0i64;
        for bytes in payload.chunks_exact(row_bytes) {
            if let Some(mut line) = self.window.lines.pop_front() {
                line[..3 * width].copy_from_slice(&bytes[..3 * width]);
                self.window.lines.push_back(line);
            }
            let row = self.window.row;
            self.window.row += 1;
            if row + 1 < kernel || !(row + 1 - kernel).is_multiple_of(stride) {
                continue;
            }
            for x in (0..=width - kernel).step_by(stride) {
                let recent = self.window.lines.len() - kernel;
                for (ky, line) in self.window.lines.iter().skip(recent).enumerate() {
                    taps[ky * 3 * kernel..][..3 * kernel]
                        .copy_from_slice(&line[3 * x..][..3 * kernel]);
                }
                for (group, word) in taps.chunks_exact(self.config.tile).enumerate() {
                    let address =
                        i64::from(rows.base) + group as i64 * i64::from(rows.plane) + pixel;
                    let address = ring_word(address, address, 0);
                    if address >= self.config.feature_words {
                        return Err(EngineFault::range(record).into());
                    }
                    let before = self.memories.feature_use[address];
                    let known = self.order.read_by(before.reader)
                        && match before.writer {
                            Writer::Tile(tile) => self.order.drained_for_decoder(tile),
                            _ => true,
                        };
                    self.require(known, record, HazardKind::FeatureInUse, address)?;
                    self.memories.feature_use[address].writer = Writer::Strip(self.order.strips);
                    self.memories.word_mut(address).copy_from_slice(word);
                }
                pixel += 1;
            }
            pixel += i64::from(rows.gap);
        }
        if rows.strip_end {
            self.order.strips += 1;
        }
        Ok(())
    }
}

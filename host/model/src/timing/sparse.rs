//! The unit that puts the zeros of sparse weights back: when it takes beats, and when it is done.

use firebrick_spec::{latency, sparse};

/// Rows of 16 weights in a group.
const ROWS: u64 = latency::SPARSE_ROWS as u64;
/// Cycles from a mask to the group's first value.
const COUNTING: u64 = latency::SPARSE_COUNT_LATENCY as u64;

/// A payload in the unit, in cycles from the first in which the decoder feeds it.
#[derive(Clone, Debug)]
pub(super) struct Unpacking {
    /// Cycles with a beat, ascending.
    beats: Vec<u32>,
    /// The cycle in which the decoder sees that the unit is done.
    end: u64,
}

impl Unpacking {
    /// Mirrors `sparse.rs` of the hardware, as long as a beat is always there. `None` if the
    /// payload is not as long as its masks say.
    pub fn new(payload: &[u8], weights: usize) -> Option<Unpacking> {
        let (groups, needed) = sparse::value_beats(payload, weights);
        if needed * 16 != payload.len() {
            return None;
        }
        let mut beats = Vec::with_capacity(needed);
        let (mut mask, mut issued) = (0, 0);
        let mut rows = weights as u64 / 16;
        let mut last = 0;
        for values in groups {
            beats.push(mask as u32);
            let first = mask + COUNTING;
            let full = first + u64::from(values);
            beats.extend(first as u32..full as u32);
            // The group before lets go in the cycle of its last row.
            let take = full.max(issued);
            last = rows.min(ROWS);
            rows -= last;
            issued = take + ROWS;
            mask = take + 1;
        }
        // The last group's first row follows its mask's end.
        Some(Unpacking {
            beats,
            end: mask + last,
        })
    }

    pub fn end(&self) -> u64 {
        self.end
    }

    /// Beats taken in the cycles before `cycle`.
    pub fn before(&self, cycle: u64) -> u64 {
        self.beats.partition_point(|&at| u64::from(at) < cycle) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_hand() {
        // Two groups of 8 rows; 3 and 130 - 128 = 2 values, in one beat.
        let mut weights = vec![0; 256];
        weights[5] = 1;
        weights[6] = 1;
        weights[7] = 1;
        weights[200] = 1;
        weights[255] = 1;
        let unpacking = Unpacking::new(&sparse::encode(&weights), 256).unwrap();
        // Mask 0, values 3, full and taken 4, rows 5 to 12; mask 5, full 8, taken 12, rows 13 to
        // 20, done 21.
        assert_eq!(unpacking.beats, [0, 3, 5]);
        assert_eq!(unpacking.end(), 21);
        assert_eq!((unpacking.before(3), unpacking.before(4)), (1, 2));
    }

    #[test]
    fn dense_groups_hold_the_rows_up() {
        let unpacking = Unpacking::new(&sparse::encode(&[1; 384]), 384).unwrap();
        // Full 11, 23, 35: a group takes 12 cycles.
        assert_eq!(unpacking.end(), 35 + 9);
        assert_eq!(unpacking.before(u64::MAX), 27);
    }
}

//! Latencies of the engine in cycles, once. The blocks in Verilog are built from them or assert
//! that they have them, the timing model and the scheduler count with them.
//!
//! The latency of a unit is the number of cycles from what it takes to what it gives: 1 means in
//! the next cycle. `lanes` and `tile` are those of a configuration.

use crate::config::HwConfig;

/// From a feature address to its word at the array: the bank, the bank's output register, the word in
/// its lane.
pub const FEATURE_LATENCY: usize = 3;

/// From a write into the feature buffer to the first address that reads it. Who waits for a tile or
/// a strip reads no earlier: the streamer knows of it in the next cycle, and its vectors come from
/// the one after that.
pub const FEATURE_WRITE_LATENCY: usize = 2;

/// From the loader's decision to the first row of weights: as long as the feature path, so that
/// loads and swaps keep their distance on the way to the array.
pub const WEIGHT_LATENCY: usize = FEATURE_LATENCY;

/// From a processing element's activation to its sum: operand, product, sum.
pub const PE_LATENCY: usize = 3;

/// From a vector at a tile to its sums: down the rows of a chain, one partial sum a cycle, then
/// across the columns, of which a packed tile has half, then the chains are added two by two.
#[must_use]
pub const fn tile_latency(config: &HwConfig) -> usize {
    let columns = if config.packed {
        config.tile / 2
    } else {
        config.tile
    };
    let rows = config.chain_rows();
    systolic(rows, columns) + (config.tile / rows).ilog2() as usize
}

const fn systolic(rows: usize, columns: usize) -> usize {
    (rows - 1) + PE_LATENCY + (columns - 1)
}

/// Fewest cycles from the first row of a weight block at a tile to the vector that it is for.
/// Rows of weights come one a cycle, and a chain wants its vector one row a cycle: with one chain
/// the weights stay ahead from the first, with several they all have to be there but for a chain's.
#[must_use]
pub const fn load_lead(config: &HwConfig) -> usize {
    config.tile - config.chain_rows() + 1
}

/// From a vector's address to its sums at the accumulators.
#[must_use]
pub const fn array_latency(config: &HwConfig) -> usize {
    FEATURE_LATENCY + tile_latency(config)
}

/// By how much the tag of a vector's sums comes before them at the accumulators, so that the old
/// sums are read while the new ones are on their way.
pub const TAG_LEAD: usize = 2;

/// From a vector's address to the tag of its sums, with which the accumulators read.
#[must_use]
pub const fn tag_latency(config: &HwConfig) -> usize {
    array_latency(config) - TAG_LEAD
}

/// Fewest cycles between two accumulations into the same word: read, the memory's output register,
/// add, write.
pub const ACC_REUSE: usize = 4;

/// Fewest cycles from one pass to the next: a short pass may be followed by one that adds to the
/// same sums.
pub const PASS_INTERVAL: usize = ACC_REUSE;

/// From a tile's last sum at the accumulators until it can be read back.
pub const SETTLE_LATENCY: usize = 1;

/// From there ([`SETTLE_LATENCY`]) until the drain can take the tile's job.
pub const RELEASE_LATENCY: usize = 1;

/// From the cycle in which a job is taken to its first request for accumulators.
pub const JOB_LATENCY: usize = 1;

/// From a tile's last vector's address to the first request for its accumulators, if the drain
/// unit has nothing else to do.
#[must_use]
pub const fn handover_latency(config: &HwConfig) -> usize {
    array_latency(config) + RELEASED
}

const RELEASED: usize = SETTLE_LATENCY + RELEASE_LATENCY + JOB_LATENCY;

/// The longest [`handover_latency`], that of a plain tile of 16. The scheduler estimates with it
/// for all, so that engines that differ in nothing but their slices get the same schedule.
pub const LONGEST_HANDOVER: usize = FEATURE_LATENCY + systolic(16, 16) + RELEASED;

/// From a granted drain read to its data, and from a parameter's address to the parameters: the
/// memory and its output register.
pub const ACC_READ_LATENCY: usize = 2;

/// From a requantiser's factors to their product.
pub const MUL_LATENCY: usize = 2;

/// From an accumulator at a requantiser to its activation: the sum with the bias, the product, two
/// shifts and the rounding.
pub const REQUANT_LATENCY: usize = 1 + MUL_LATENCY + 3;

/// From a granted request to the last requantised words of the vector: the read, the requantisers,
/// the second part, the register that holds the words. With several lanes, the
/// words of the lower half of the lanes are there one cycle before.
pub const VECTOR_LATENCY: usize = ACC_READ_LATENCY + REQUANT_LATENCY + 2;

/// From a step's words to their maxima; words that are not pooled take as long.
pub const POOL_LATENCY: usize = 3;

/// From a step to the addresses of its words: as long as the words take.
pub const ADDRESS_LATENCY: usize = POOL_LATENCY;

/// From a granted request to the last write into the feature buffer that follows from it, and,
/// for the last vector of a job, to `drained` or `ended` (but for tiles with taps or whose sums
/// are sent).
pub const DRAIN_LATENCY: usize = VECTOR_LATENCY + POOL_LATENCY;

/// From a granted request to the beat of the vector's first position, if it is tapped (the others
/// follow, one position a cycle), or to the trailer.
pub const TAP_LATENCY: usize = VECTOR_LATENCY + 1;

/// Cycles from one vector to the next in the drain unit.
pub const DRAIN_PACE: usize = 2;

/// Cycles from a vector with taps to the next vector.
#[must_use]
pub const fn tap_pace(lanes: usize) -> usize {
    if lanes > 2 { lanes } else { DRAIN_PACE }
}

/// Cycles from the last vector of a tile whose sums are sent to the next vector.
#[must_use]
pub const fn sums_pace(lanes: usize) -> usize {
    tap_pace(lanes) + 4
}

/// From the last step of a tile to the first beat of its sums: the tile's taps go first.
#[must_use]
pub const fn sums_latency(lanes: usize) -> usize {
    tap_pace(lanes) + 1
}

/// Cycles by which `drained` comes later for a tile with taps, so that it comes with the last tap.
#[must_use]
pub const fn tap_delay(lanes: usize) -> usize {
    // The last word goes `tap_pace` cycles after the last step; without taps a tile is drained
    // when the step's words are in the feature buffer.
    tap_pace(lanes).saturating_sub(POOL_LATENCY)
}

/// From the last granted request of a tile whose sums are sent to the first beat of them;
/// `drained` comes with the last beat.
#[must_use]
pub const fn sums_beat_latency(lanes: usize) -> usize {
    VECTOR_LATENCY + sums_latency(lanes)
}

/// From the last granted request of a tile with taps to `drained`, if its sums are not sent: with
/// the beat of the vector's last position, but not before [`DRAIN_LATENCY`].
#[must_use]
pub const fn tapped_latency(lanes: usize) -> usize {
    DRAIN_LATENCY + tap_delay(lanes)
}

/// From the read of a stored word to its beat at the output queue: the feature path.
pub const STORE_LATENCY: usize = FEATURE_LATENCY;

/// From the request for a reset until it reaches the units.
pub const RESET_LATENCY: usize = 2;

/// Words that a register slice holds.
pub const SLICE_WORDS: usize = 2;

/// From a beat at the core's input to the decoder.
pub const INPUT_LATENCY: usize = 1;

/// From a beat at the output stage until it enters the queue.
pub const OUTPUT_LATENCY: usize = 2;

/// Number of beats that the output queue holds.
pub const OUTPUT_QUEUE: usize = 64;

/// Most cycles between a change of the output queue's level and the drain unit's reaction to it.
pub const ROOM_LATENCY: usize = 5;

/// Beats that must still fit into the output queue when the drain unit starts a vector that
/// sends: at most one a cycle until the first beat of that vector, then eight words and four beats
/// of sums.
pub const OUT_MARGIN: usize = 32;

const _: () = assert!(OUT_MARGIN >= ROOM_LATENCY + TAP_LATENCY + OUTPUT_LATENCY + 8 + 4);

/// Rows of 16 weights in a group of a sparse payload.
pub const SPARSE_ROWS: usize = crate::sparse::GROUP / 16;

/// From a group's mask to its first beat of values: the values are counted first.
pub const SPARSE_COUNT_LATENCY: usize = 3;

/// From the issue of a row to its write, in the unit that restores the zeros of sparse weights.
pub const SPARSE_LATENCY: usize = 3;

/// From a statistic's index to its value; register STATS_AT follows the index with the same delay.
pub const STATS_LATENCY: usize = 2;

/// Most cycles from the request for a counter to its value: one adder serves all counters and visits each
/// of them in 16 cycles.
pub const COUNTER_LATENCY: usize = 18;

/// Cycles in which the decoder checks a record: sums of its fields, what is wrong with them, and
/// the verdict.
pub const CHECK_CYCLES: usize = 3;

/// Cycles that the decoder takes for a record that waits for nothing: two beats, the checks, the
/// queue. The beats of a payload are added.
pub const RECORD_CYCLES: usize = 3 + CHECK_CYCLES;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_of_every_kind() {
        let of = |name| HwConfig::preset(name).expect("a preset");
        for (name, latency, lead) in [
            ("fb256", 33, 1),
            ("fb64", 17, 1),
            ("fb256-packed", 25, 1),
            ("fb64-packed", 13, 1),
            ("fb256-packed-xcup", 25, 1),
            ("fb256-packed-xc7", 15, 13),
            ("fb64-packed-xc7", 10, 5),
            ("fb256-xc7", 33, 1),
        ] {
            let config = of(name);
            assert_eq!(
                (tile_latency(&config), load_lead(&config)),
                (latency, lead),
                "{name}"
            );
            assert_eq!(array_latency(&config), FEATURE_LATENCY + latency, "{name}");
            assert!(handover_latency(&config) <= LONGEST_HANDOVER, "{name}");
        }
        assert_eq!(handover_latency(&of("fb2048")), LONGEST_HANDOVER);
    }

    #[test]
    fn sums_for_every_number_of_lanes() {
        let of = |name| HwConfig::preset(name).expect("a preset");
        assert_eq!(
            (array_latency(&of("fb256")), tag_latency(&of("fb256"))),
            (36, 34)
        );
        assert_eq!([1, 2, 4, 8].map(tap_pace), [2, 2, 4, 8]);
        assert_eq!([1, 2, 4, 8].map(sums_pace), [6, 6, 8, 12]);
        assert_eq!([1, 2, 4, 8].map(sums_latency), [3, 3, 5, 9]);
        assert_eq!([1, 2, 4, 8].map(tap_delay), [0, 0, 1, 5]);
    }
}

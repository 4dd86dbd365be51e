//! The counters that the model keeps, as the core's registers do.

use firebrick_spec::regs::{self, COUNTERS, RAGGED_INDEX, STATS_LAYERS};

/// Number of counters.
pub const COUNTER_COUNT: usize = COUNTERS.len();

/// One value for each of [`regs::COUNTERS`].
pub type CounterValues = [u64; COUNTER_COUNT];

/// Index of CYCLES.
pub(super) const CYCLES: usize = 0;
/// Index of BEATS_IN.
pub(super) const BEATS_IN: usize = RAGGED_INDEX + 1;
/// Index of BEATS_OUT.
pub(super) const BEATS_OUT: usize = RAGGED_INDEX + 2;

/// What a cycle is; the value is the index of its counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Cause {
    Busy = 1,
    Fill = 2,
    Weights = 3,
    Input = 4,
    Accumulator = 5,
    Dependency = 6,
    Output = 7,
    Command = 8,
    Start = 9,
    Finish = 10,
}

const _: () = assert!(
    regs::CAUSES.start == Cause::Busy as usize && regs::CAUSES.end == Cause::Finish as usize + 1
);

/// All counters, in total and by layer.
#[derive(Clone, Debug)]
pub(super) struct Counters {
    pub total: CounterValues,
    pub layers: Vec<CounterValues>,
}

impl Counters {
    pub fn new() -> Counters {
        Counters {
            total: [0; COUNTER_COUNT],
            layers: vec![[0; COUNTER_COUNT]; STATS_LAYERS],
        }
    }

    /// `cycles` cycles of one cause and layer.
    pub fn cycles(&mut self, cycles: u64, cause: Cause, layer: usize) {
        self.total[CYCLES] += cycles;
        self.total[cause as usize] += cycles;
        self.layers[layer][cause as usize] += cycles;
    }

    /// Positions without a pixel.
    pub fn ragged(&mut self, positions: u64, layer: usize) {
        self.total[RAGGED_INDEX] += positions;
        self.layers[layer][RAGGED_INDEX] += positions;
    }
}

//! An estimate of when things happen in the engine, kept while the stream is being written. It
//! decides how early weights are fetched and where a tile is split; no correctness depends on it.

use super::margins;
use firebrick_spec::HwConfig;
use firebrick_spec::latency::RECORD_CYCLES;

/// Rows of the picture that complete a strip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strip {
    /// First row, and one past the last.
    pub begin: usize,
    pub end: usize,
    /// Pixels of a row.
    pub width: usize,
    /// Rows of output pixels.
    pub rows: usize,
    /// Words of such a row.
    pub row_words: usize,
}

/// Decoder, array and drain unit, each at its own time.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    queue: usize,
    window_pixels: usize,
    window_words: usize,
    /// Cycles in which a requantised vector leaves.
    drain_cycles: u64,
    /// When the decoder takes the next beat.
    decoder: u64,
    /// When the sequencer is free.
    sequencer: u64,
    strip_ready: u64,
    /// When the drain unit is free.
    drain_free: u64,
    block_start: Vec<u64>,
    block_end: Vec<u64>,
    tile_end: Vec<u64>,
    /// Cycles in which the array takes a vector.
    pub busy: u64,
}

impl Timeline {
    pub fn new(config: &HwConfig) -> Timeline {
        Timeline {
            queue: config.block_queue.max(1),
            window_pixels: config.window_pixels(),
            window_words: config.window_words(),
            drain_cycles: config.tile.div_ceil(config.requantisers) as u64,
            decoder: 0,
            sequencer: 0,
            strip_ready: 0,
            drain_free: 0,
            block_start: Vec::new(),
            block_end: Vec::new(),
            tile_end: Vec::new(),
            busy: 0,
        }
    }

    /// When at most `pending` of the items that end at `ends` are left.
    fn left(ends: &[u64], pending: usize) -> u64 {
        ends.len().checked_sub(pending + 1).map_or(0, |i| ends[i])
    }

    /// When the decoder would be done with a load of `beats` that waits for `pending` blocks.
    pub fn load_end(&self, pending: usize, beats: usize) -> u64 {
        self.decoder.max(Self::left(&self.block_end, pending)) + beats as u64
    }

    /// When the array runs out of the blocks issued so far.
    pub fn work_until(&self) -> u64 {
        self.sequencer
    }

    /// When the next block could start, were it to wait for nothing but blocks before it.
    pub fn next_start(&self) -> u64 {
        self.sequencer.max(self.decoder)
    }

    /// When all tiles but the last `outstanding` have drained.
    pub fn drained(&self, outstanding: usize) -> u64 {
        Self::left(&self.tile_end, outstanding)
    }

    /// A load of weights.
    pub fn weights(&mut self, pending: usize, beats: usize) {
        self.decoder = self.load_end(pending, beats);
    }

    /// A load of parameters, which waits for tiles.
    pub fn params(&mut self, pending: usize, beats: usize) {
        self.decoder = self.decoder.max(self.drained(pending)) + beats as u64;
    }

    /// Begins anew, with what has been loaded.
    pub fn restart(&mut self) {
        self.decoder = 0;
    }

    /// Cycles of the window unit for a strip.
    pub fn strip(&self, strip: &Strip) -> u64 {
        let steps = strip.width.div_ceil(self.window_pixels);
        let words = strip.row_words.div_ceil(self.window_words);
        let silent = (strip.end - strip.begin).saturating_sub(strip.rows);
        (silent * steps + strip.rows * steps.max(words)) as u64
    }

    /// Rows of the picture.
    pub fn rows(&mut self, pending: usize, strip: &Strip) {
        self.decoder = self.load_end(pending, 0) + self.strip(strip);
        self.strip_ready = self.decoder + margins::WINDOW;
    }

    /// A block; `outstanding` as in its record.
    pub fn block(&mut self, cycles: usize, busy: usize, outstanding: usize, strip: bool) {
        let room = self.block_start.len().checked_sub(self.queue);
        self.decoder =
            (self.decoder + RECORD_CYCLES as u64).max(room.map_or(0, |i| self.block_start[i]));
        let mut start = self
            .sequencer
            .max(self.decoder)
            .max(self.drained(outstanding));
        if strip {
            start = start.max(self.strip_ready);
        }
        self.sequencer = start + cycles as u64;
        self.busy += busy as u64;
        self.block_start.push(start);
        self.block_end.push(self.sequencer);
    }

    /// The last block handed its tile to the drain unit.
    pub fn drain(&mut self, vectors: usize) {
        let start = self
            .drain_free
            .max(self.sequencer + margins::HANDOVER as u64);
        self.drain_free = start + self.drain_cycles * vectors as u64;
        self.tile_end
            .push(self.drain_free + margins::DRAINED as u64);
    }

    /// Words sent to the host once everything has drained.
    pub fn store(&mut self, beats: usize) {
        self.sequencer = self.sequencer.max(self.drained(0)) + beats as u64;
    }

    /// When everything is done.
    pub fn end(&self) -> u64 {
        self.sequencer.max(self.drained(0)).max(self.decoder)
    }
}

//! What is known to have happened. The decoder runs ahead of the sequencer, the sequencer ahead
//! of the drain unit; only the waits in the records say how far at most.

/// Progress that is guaranteed whatever the timing. Blocks, tiles and strips are numbered from 0
/// through all streams.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// Blocks decoded.
    pub blocks: i64,
    /// Tiles handed to the drain unit by the blocks decoded.
    pub tiles: i64,
    /// Sums begun in the accumulators: a tile is one, unless it was given up.
    pub sums: i64,
    /// Blocks that the decoder knows to have read all their pixels.
    reads_done: i64,
    /// Tiles that the decoder knows to have drained.
    decoder_drained: i64,
    /// Tiles that the sequencer knows to have drained.
    drained: i64,
    /// For each block: the tiles that had drained when it started.
    drained_before: Vec<i64>,
    /// For each tile: the block that finished it.
    tile_block: Vec<i64>,
    /// Bank, first vector and positions of the sum under way.
    pub sum_place: Option<(u8, u32, u32)>,
    /// Blocks and tiles before the last store.
    stored: Option<(i64, i64)>,
    /// Strips complete, strips taken.
    pub strips: i64,
    pub taken: i64,
}

impl Progress {
    /// A soft reset: nothing is under way any more.
    pub fn reset(&mut self) {
        self.stored = None;
        self.sums += 1;
        self.reads_done = self.blocks;
        self.decoder_drained = self.tiles;
        self.drained = self.tiles;
        self.taken = self.strips;
    }

    /// The decoder waits until at most `wait` blocks have pixels to read.
    pub fn wait_blocks(&mut self, wait: u8) {
        if wait != firebrick_spec::command::WAIT_NONE {
            self.blocks_done(self.blocks - i64::from(wait));
        }
    }

    /// The decoder waits until at most `wait` tiles have to drain.
    pub fn wait_tiles(&mut self, wait: u8) {
        if wait == firebrick_spec::command::WAIT_NONE {
            return;
        }
        let drained = self.tiles - i64::from(wait);
        self.decoder_drained = self.decoder_drained.max(drained);
        if let Some(&block) = usize::try_from(drained - 1)
            .ok()
            .and_then(|i| self.tile_block.get(i))
        {
            self.blocks_done(block + 1);
        }
    }

    fn blocks_done(&mut self, done: i64) {
        self.reads_done = self.reads_done.max(done);
        let last = usize::try_from(self.reads_done - 1).ok();
        if let Some(&drained) = last.and_then(|i| self.drained_before.get(i)) {
            self.decoder_drained = self.decoder_drained.max(drained);
        }
    }

    /// A block starts once at most `outstanding` tiles have to drain.
    pub fn start_block(&mut self, outstanding: u8) {
        let drained = self.tiles - i64::from(outstanding);
        self.drained = self.drained.max(drained).max(self.decoder_drained);
        self.drained_before.push(self.drained);
        self.blocks += 1;
    }

    /// The block just started is the last of its tile.
    pub fn finish_tile(&mut self) {
        self.tile_block.push(self.blocks - 1);
        self.tiles += 1;
        self.sums += 1;
    }

    /// The sequencer waits for everything.
    pub fn flush(&mut self) {
        self.drained = self.tiles;
    }

    /// A store: the sequencer waits for everything, and then sends.
    pub fn store(&mut self) {
        self.flush();
        self.stored = Some((self.blocks, self.tiles));
    }

    /// The decoder waits until every store has read its words.
    pub fn wait_stores(&mut self) {
        if let Some((blocks, tiles)) = self.stored {
            self.blocks_done(blocks);
            self.decoder_drained = self.decoder_drained.max(tiles);
        }
    }

    /// Whether the decoder knows that a block has read its pixels.
    pub fn read_by(&self, block: i64) -> bool {
        block < self.reads_done
    }

    /// Whether the decoder knows that a tile has drained.
    pub fn drained_for_decoder(&self, tile: i64) -> bool {
        tile < self.decoder_drained
    }

    /// Whether the sequencer knows that a tile has drained.
    pub fn drained(&self, tile: i64) -> bool {
        tile < self.drained
    }
}

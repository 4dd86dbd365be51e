//! Max-pool datapath: 3x3/2 and 2x2/2.

use crate::common::words::Word;
pub use firebrick_spec::latency::POOL_LATENCY;
use rust_hdl::prelude::*;

use crate::common::mem::{Ram, RamStyle};
use crate::drain::byte_max::ByteMax;

const _: () = assert!(
    POOL_LATENCY == 3,
    "three registers from `vector` to `pooled`"
);

/// Running maximum along a row, then down the rows through a line memory.
///
/// A step of consecutive words (sixteen u8 each, channel 0 in the low byte) arrives with `valid`
/// and the flags that describe it, in any cycles; what is no pixel must be 0. [`POOL_LATENCY`]
/// cycles later `pooled` of each even entry is the maximum of the window that ends in it; it
/// means something where both a row's and a column's window end. With `plain`, `pooled` is
/// `vector`.
///
/// With one word a step, a window ends in the columns 2, 4, ... and, if windows are cut, in an odd
/// last one. With 2 or 4, column 0 must lie in the first entry, so that windows end in even
/// entries, a cut one in the column behind the last.
///
/// With `pairs` windows end in the same places, but leave out the even column and the even row in
/// which they end: 2x2 windows.
///
/// With `line_write` the word `line_address` of the line memory takes the maximum down the rows,
/// for all windows of the step. An even row restarts it for the window below, so row 0 needs no
/// mark. With one word a step, consecutive uses of a word of the line memory must lie four cycles
/// apart; with several, what is on its way to the memory is taken from there. No back-pressure.
#[derive(LogicBlock)]
pub struct Pool {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// A step arrives.
    pub valid: Signal<In, Bit>,
    /// Its words.
    pub vector: Vec<Signal<In, Word>>,
    /// Passes the words as they are.
    pub plain: Signal<In, Bit>,
    /// With one word a step: its column is even.
    pub x_even: Signal<In, Bit>,
    /// The row is even.
    pub y_even: Signal<In, Bit>,
    /// Windows leave out the even column and row in which they end.
    pub pairs: Signal<In, Bit>,
    /// Changes the line memory.
    pub line_write: Signal<In, Bit>,
    /// Word of the line memory.
    pub line_address: Signal<In, Bits<10>>,
    /// Results.
    pub pooled: Vec<Signal<Out, Word>>,
    pair: Vec<ByteMax>,
    along: Vec<ByteMax>,
    run: ByteMax,
    down: Vec<ByteMax>,
    line: Vec<Ram<128, 10>>,
    kept_3: Vec<DFF<Word>>,
    stored: Vec<Signal<Local, Word>>,
    stored_4: Vec<DFF<Word>>,
    upper: Vec<Signal<Local, Word>>,
    // What the line memories read, in their output registers, and what was written after they were
    // read, by the step three or two before.
    read_2: Vec<DFF<Word>>,
    written_2: Vec<DFF<Word>>,
    // Where the maximum of the rows before comes from: 0 the memory, 1 what was written, 2 and 3
    // what is being written, by the step before, of which 2 begins a window.
    new_2: DFF<Bit>,
    newer_2: DFF<Bit>,
    near: Signal<Local, Bit>,
    far: Signal<Local, Bit>,
    farther: Signal<Local, Bit>,
    address_4: DFF<Bits<10>>,
    store_4: DFF<Bit>,
    valid_1: DFF<Bit>,
    valid_2: DFF<Bit>,
    plain_1: DFF<Bit>,
    plain_2: DFF<Bit>,
    x_even_1: DFF<Bit>,
    // A window leaves out the column in which it ends, then the row.
    pairs_1: DFF<Bit>,
    short_1: DFF<Bit>,
    short_2: DFF<Bit>,
    y_even_1: DFF<Bit>,
    y_even_2: DFF<Bit>,
    y_even_3: DFF<Bit>,
    store_1: DFF<Bit>,
    store_2: DFF<Bit>,
    store_3: DFF<Bit>,
    address_1: DFF<Bits<10>>,
    address_2: DFF<Bits<10>>,
    address_3: DFF<Bits<10>>,
    several: Constant<Bit>,
    _pixels: usize,
    _windows: usize,
    _pairs: usize,
}

impl Pool {
    /// For 1, 2 or 4 words a step and a line memory of `line_words` words, each of one vector for
    /// each window of a step.
    #[must_use]
    pub fn new(pixels: usize, line_words: usize) -> Self {
        let windows = (pixels / 2).max(1);
        let maxima = || (0..pixels).map(|_| ByteMax::default()).collect();
        block! {
            clock, valid, plain, x_even, y_even, pairs, line_write, line_address, run, new_2, newer_2, near, far, farther, address_4, store_4,
            valid_1, valid_2, plain_1, plain_2, x_even_1, pairs_1, short_1, short_2, y_even_1,
            y_even_2, y_even_3, store_1, store_2, store_3, address_1, address_2, address_3;
            vector: (0..pixels).map(|_| Signal::default()).collect(),
            pooled: (0..pixels).map(|_| Signal::default()).collect(),
            pair: maxima(),
            along: maxima(),
            down: maxima(),
            line: (0..windows).map(|_| Ram::new(line_words)).collect(),
            kept_3: (0..windows).map(|_| DFF::default()).collect(),
            stored: (0..windows).map(|_| Signal::default()).collect(),
            stored_4: (0..windows).map(|_| DFF::default()).collect(),
            read_2: (0..windows).map(|_| DFF::default()).collect(),
            written_2: (0..windows).map(|_| DFF::default()).collect(),
            upper: (0..windows).map(|_| Signal::default()).collect(),
            several: Constant::new(pixels > 1),
            _pixels: pixels,
            _windows: windows,
            _pairs: pixels / 2,
        }
    }
}

impl Pool {
    /// Puts the line memories into UltraRAM.
    pub fn in_ultra_ram(&mut self) {
        for line in &mut self.line {
            line.place(RamStyle::Ultra);
        }
    }
}

impl Logic for Pool {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, valid_1, valid_2, plain_1, plain_2, x_even_1, pairs_1, short_1, short_2,
            y_even_1, y_even_2, y_even_3, store_1, store_2, store_3, address_1, address_2,
            address_3, new_2, newer_2, address_4, store_4
        );
        self.run.clock.next = self.clock.val();
        for i in 0..self._pixels {
            self.pair[i].clock.next = self.clock.val();
            self.along[i].clock.next = self.clock.val();
            self.down[i].clock.next = self.clock.val();
        }
        for i in 0..self._windows {
            self.line[i].clock.next = self.clock.val();
            self.kept_3[i].clock.next = self.clock.val();
            self.stored_4[i].clock.next = self.clock.val();
            self.read_2[i].clock.next = self.clock.val();
            self.written_2[i].clock.next = self.clock.val();
        }

        // Cycle 0: the line memory is read; pairs of an even and the odd column that follows, in the odd
        // one's place.
        for i in 0..self._windows {
            self.line[i].read_enable.next = self.valid.val();
            self.line[i].read_address.next = self.line_address.val();
        }
        for i in 0..self._pixels {
            self.pair[i].first.next = false;
        }
        for i in 0..self._windows {
            self.pair[i * 2].enable.next = self.valid.val();
            self.pair[i * 2].bypass.next = true;
            self.pair[i * 2].a.next = self.vector[i * 2].val();
            self.pair[i * 2].b.next = self.vector[i * 2].val();
        }
        for i in 0..self._pairs {
            self.pair[i * 2 + 1].enable.next = self.valid.val();
            self.pair[i * 2 + 1].bypass.next = self.plain.val();
            self.pair[i * 2 + 1].a.next = self.vector[i * 2].val();
            self.pair[i * 2 + 1].b.next = self.vector[i * 2 + 1].val();
        }
        self.valid_1.d.next = self.valid.val();
        self.plain_1.d.next = self.plain.val();
        self.x_even_1.d.next = self.x_even.val();
        self.y_even_1.d.next = self.y_even.val();
        self.pairs_1.d.next = self.pairs.val();
        self.short_1.d.next = self.pairs.val() & self.x_even.val();
        self.store_1.d.next = self.valid.val() & self.line_write.val();
        self.address_1.d.next = self.line_address.val();

        // Cycle 3: the line memory is written. An even row ends a window and starts the next.
        for i in 0..self._windows {
            self.stored[i].next = self.down[i * 2].q.val();
            if self.y_even_3.q.val() {
                self.stored[i].next = self.kept_3[i].q.val();
            }
            self.line[i].write_enable.next = self.store_3.q.val();
            self.line[i].write_address.next = self.address_3.q.val();
            self.line[i].write_data.next = self.stored[i].val();
            self.stored_4[i].d.next = self.stored[i].val();
        }

        // Cycle 1: with the column before. The run is the maximum since the last even column.
        self.run.enable.next = self.valid_1.q.val();
        self.run.first.next = false;
        self.run.bypass.next = self.x_even_1.q.val() | self.several.val();
        self.run.a.next = self.run.q.val();
        for i in 0..self._pixels {
            self.run.b.next = self.pair[i].q.val();
            self.along[i].enable.next = self.valid_1.q.val();
            self.along[i].bypass.next = true;
            self.along[i].first.next = false;
            self.along[i].a.next = self.pair[i].q.val();
            self.along[i].b.next = self.pair[i].q.val();
        }
        self.along[0].bypass.next = self.plain_1.q.val();
        self.along[0].first.next = self.short_1.q.val();
        self.along[0].a.next = self.run.q.val();
        for i in 1..self._windows {
            self.along[i * 2].bypass.next = self.plain_1.q.val();
            self.along[i * 2].first.next = self.short_1.q.val();
            self.along[i * 2].a.next = self.pair[i * 2 - 1].q.val();
        }
        // The same word was on its way to the memory when it was read, or was just being written.
        self.near.next = self.several.val()
            & self.store_2.q.val()
            & (self.address_2.q.val() == self.address_1.q.val());
        self.far.next = self.several.val()
            & self.store_3.q.val()
            & (self.address_3.q.val() == self.address_1.q.val());
        for i in 0..self._windows {
            self.read_2[i].d.next = self.line[i].read_data.val();
            self.written_2[i].d.next = self.stored_4[i].q.val();
            if self.far.val() {
                self.written_2[i].d.next = self.stored[i].val();
            }
        }
        self.newer_2.d.next = self.near.val();
        self.farther.next = self.several.val()
            & self.store_4.q.val()
            & (self.address_4.q.val() == self.address_1.q.val());
        self.new_2.d.next = self.far.val() | self.farther.val();
        if self.near.val() {
            self.new_2.d.next = !self.y_even_2.q.val();
        }
        self.valid_2.d.next = self.valid_1.q.val();
        self.plain_2.d.next = self.plain_1.q.val();
        self.y_even_2.d.next = self.y_even_1.q.val();
        self.short_2.d.next = self.pairs_1.q.val() & self.y_even_1.q.val();
        self.store_2.d.next = self.store_1.q.val();
        self.address_2.d.next = self.address_1.q.val();

        // Cycle 2: down the rows.
        for i in 0..self._pixels {
            self.down[i].enable.next = self.valid_2.q.val();
            self.down[i].bypass.next = true;
            self.down[i].first.next = false;
            self.down[i].a.next = self.along[i].q.val();
            self.down[i].b.next = self.along[i].q.val();
            self.pooled[i].next = self.down[i].q.val();
        }
        for i in 0..self._windows {
            self.down[i * 2].bypass.next = self.plain_2.q.val();
            self.down[i * 2].first.next = self.short_2.q.val();
            self.upper[i].next = self.read_2[i].q.val();
            if self.new_2.q.val() {
                self.upper[i].next = self.written_2[i].q.val();
            }
            if self.newer_2.q.val() {
                self.upper[i].next = self.kept_3[i].q.val();
                if self.new_2.q.val() {
                    self.upper[i].next = self.down[i * 2].q.val();
                }
            }
            self.down[i * 2].a.next = self.upper[i].val();
            self.kept_3[i].d.next = self.along[i * 2].q.val();
        }
        self.y_even_3.d.next = self.y_even_2.q.val();
        self.store_3.d.next = self.store_2.q.val();
        self.address_3.d.next = self.address_2.q.val();
        self.store_4.d.next = self.store_3.q.val();
        self.address_4.d.next = self.address_3.q.val();
    }
}

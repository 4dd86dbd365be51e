//! Feature buffer: all feature maps of an image, one channel group of one pixel a word.

use crate::common::words::Word;
use firebrick_spec::HwConfig;
pub use firebrick_spec::latency::{FEATURE_LATENCY, FEATURE_WRITE_LATENCY};
use rust_hdl::prelude::*;

use crate::common::mem::{Ram, RamStyle};
use crate::store::rotate::Rotate;

const _: () = assert!(
    FEATURE_LATENCY == 3,
    "a read has three registers: two of the bank, and the word's"
);
const _: () = assert!(FEATURE_WRITE_LATENCY == 2, "a register, and the bank");

/// One memory bank per lane; the word with address a lies in bank a mod `lanes`. One read of
/// `lanes` consecutive words and one write per bank and cycle.
///
/// Reads: `read_data[l]` is the word at `read_address + l`, taken into the ring (address bits of
/// `ring_mask` count, the others are those of `ring_base`), [`FEATURE_LATENCY`] cycles later, or zero if
/// `read_mask[l]` was low; a masked address may be anything. Rings begin and end at a multiple of
/// `lanes`. Writes: the drain's always go through, and lie in different banks; a word of the
/// window unit is taken (`window_taken`) if neither the drain nor an earlier word of the window
/// unit needs its bank. An unmasked read beyond the depth raises `range_error` for a cycle, two
/// cycles later; so does a word that the window unit marks as `window_beyond` with `window_error`,
/// and it is dropped. The drain never writes beyond the depth. A word written in
/// cycle t is seen by a read whose address comes in cycle t + 2 or later
/// ([`FEATURE_WRITE_LATENCY`]).
#[derive(LogicBlock)]
pub struct FeatureBuffer {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets errors; the words stay.
    pub reset: Signal<In, Bit>,
    /// Read address of lane 0.
    pub read_address: Signal<In, Bits<20>>,
    /// First word of the ring.
    pub ring_base: Signal<In, Bits<20>>,
    /// Address bits within the ring.
    pub ring_mask: Signal<In, Bits<20>>,
    /// A read; without one the masks must be low.
    pub read_valid: Signal<In, Bit>,
    /// Low for a position outside the map.
    pub read_mask: Vec<Signal<In, Bit>>,
    /// Words read, channel 0 lowest.
    pub read_data: Vec<Signal<Out, Word>>,
    /// The drain writes.
    pub drain_valid: Vec<Signal<In, Bit>>,
    /// At this address.
    pub drain_address: Vec<Signal<In, Bits<20>>>,
    /// This word.
    pub drain_data: Vec<Signal<In, Word>>,
    /// The window unit writes.
    pub window_valid: Vec<Signal<In, Bit>>,
    /// And has written.
    pub window_taken: Vec<Signal<Out, Bit>>,
    /// At this address.
    pub window_address: Vec<Signal<In, Bits<20>>>,
    /// Which lies beyond the depth.
    pub window_beyond: Vec<Signal<In, Bit>>,
    /// This word.
    pub window_data: Vec<Signal<In, Word>>,
    /// A read beyond the depth.
    pub range_error: Signal<Out, Bit>,
    /// A write of the window unit beyond the depth.
    pub window_error: Signal<Out, Bit>,
    bank: Vec<Ram<128, 20>>,
    rotate: Rotate,
    amount_1: DFF<Bits<3>>,
    amount_2: DFF<Bits<3>>,
    // Outside the map: registers are cleared by a signal as it is, an inverted one costs a LUT each.
    outside_1: Vec<DFF<Bit>>,
    outside_2: Vec<DFF<Bit>>,
    // What the banks read, in their output registers; then in its lane.
    read_2: Vec<DFF<Word>>,
    data_3: Vec<DFF<Word>>,
    // The write of each bank, on its way.
    writes_1: Vec<DFF<Bit>>,
    write_row_1: Vec<DFF<Bits<20>>>,
    write_word_1: Vec<DFF<Word>>,
    error: DFF<Bit>,
    input_error: DFF<Bit>,
    last: Constant<Bits<20>>,
    number: Vec<Constant<Bits<20>>>,
    bank_bits: Constant<Bits<20>>,
    shift: Constant<Bits<3>>,
    first_bank: Signal<Local, Bits<20>>,
    row: Signal<Local, Bits<20>>,
    row_mask: Signal<Local, Bits<20>>,
    row_base: Signal<Local, Bits<20>>,
    read_row: Vec<Signal<Local, Bits<20>>>,
    lane_address: Vec<Signal<Local, Bits<20>>>,
    // Beyond the depth, wherever it lies on the map.
    beyond_1: Vec<DFF<Bit>>,
    window_beyond_1: Vec<DFF<Bit>>,
    takes: Vec<Signal<Local, Bit>>,
    _lanes: usize,
    _drain: usize,
    _window: usize,
}

impl FeatureBuffer {
    /// The buffer of a configuration: at most 2^20 words.
    #[must_use]
    pub fn new(config: &HwConfig) -> Self {
        fn each<T: Default>(number: usize) -> Vec<T> {
            (0..number).map(|_| T::default()).collect()
        }
        let (lanes, drain, window) = (config.lanes, config.drain_pixels(), config.window_words());
        block! {
            clock, reset, read_address, ring_base, ring_mask, read_valid, range_error,
            window_error, amount_1, amount_2, error, input_error, first_bank, row, row_mask, row_base;
            read_mask: each(lanes),
            read_data: each(lanes),
            drain_valid: each(drain),
            drain_address: each(drain),
            drain_data: each(drain),
            window_valid: each(window),
            window_taken: each(window),
            window_address: each(window),
            window_beyond: each(window),
            window_data: each(window),
            bank: (0..lanes)
                .map(|_| Ram::narrow(config.feature_words / lanes, 8 * config.tile))
                .collect(),
            rotate: Rotate::new(lanes),
            outside_1: each(lanes),
            outside_2: each(lanes),
            read_2: each(lanes),
            data_3: each(lanes),
            writes_1: each(lanes),
            write_row_1: each(lanes),
            write_word_1: each(lanes),
            last: Constant::new((config.feature_words as u64 - 1).into()),
            number: (0..lanes)
                .map(|i| Constant::new((i as u64).into()))
                .collect(),
            bank_bits: Constant::new((lanes as u64 - 1).into()),
            shift: Constant::new(u64::from(lanes.trailing_zeros()).into()),
            read_row: each(lanes),
            lane_address: each(lanes),
            beyond_1: each(lanes),
            window_beyond_1: each(window),
            takes: each(window),
            _lanes: lanes,
            _drain: drain,
            _window: window,
        }
    }
}

impl FeatureBuffer {
    /// Puts the words into UltraRAM.
    pub fn in_ultra_ram(&mut self) {
        for bank in &mut self.bank {
            bank.place(RamStyle::Ultra);
        }
    }
}

impl Logic for FeatureBuffer {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, amount_1, amount_2, error, input_error);
        self.error.d.next = false;
        self.input_error.d.next = false;

        // Reads: banks before the first one's lie a row further.
        self.first_bank.next = self.read_address.val() & self.bank_bits.val();
        self.row.next = self.read_address.val() >> self.shift.val();
        self.row_mask.next = self.ring_mask.val() >> self.shift.val();
        self.row_base.next = self.ring_base.val() >> self.shift.val();
        self.amount_1.d.next = self.first_bank.val().get_bits::<3>(0);
        self.amount_2.d.next = self.amount_1.q.val();
        self.rotate.amount.next = self.amount_2.q.val();
        for i in 0..self._lanes {
            self.outside_1[i].clock.next = self.clock.val();
            self.outside_2[i].clock.next = self.clock.val();
            self.read_2[i].clock.next = self.clock.val();
            self.data_3[i].clock.next = self.clock.val();
            self.bank[i].clock.next = self.clock.val();
            self.read_row[i].next = self.row.val();
            if self.number[i].val() < self.first_bank.val() {
                self.read_row[i].next = self.row.val() + 1;
            }
            self.bank[i].read_address.next =
                (self.read_row[i].val() & self.row_mask.val()) | self.row_base.val();
            // Not the masks, which come late and would have to reach every memory.
            self.bank[i].read_enable.next = self.read_valid.val();
            self.read_2[i].d.next = self.bank[i].read_data.val();
            self.rotate.words[i].next = self.read_2[i].q.val();
            self.outside_1[i].d.next = !self.read_mask[i].val();
            self.outside_2[i].d.next = self.outside_1[i].q.val();
            self.data_3[i].d.next = self.rotate.out[i].val();
            if self.outside_2[i].q.val() {
                self.data_3[i].d.next = 0.into();
            }
            self.read_data[i].next = self.data_3[i].q.val();
            self.lane_address[i].next = ((self.read_address.val() + self.number[i].val())
                & self.ring_mask.val())
                | self.ring_base.val();
            self.beyond_1[i].clock.next = self.clock.val();
            self.beyond_1[i].d.next = self.lane_address[i].val() > self.last.val();
            if self.beyond_1[i].q.val() & !self.outside_1[i].q.val() {
                self.error.d.next = true;
            }
        }

        // Writes: the window unit's first words first, the drain before all of them.
        for w in 0..self._window {
            self.takes[w].next = self.window_valid[w].val();
            for d in 0..self._drain {
                if self.drain_valid[d].val()
                    & (((self.drain_address[d].val() ^ self.window_address[w].val())
                        & self.bank_bits.val())
                        == 0)
                {
                    self.takes[w].next = false;
                }
            }
            for v in 0..self._window {
                if self.window_valid[v].val()
                    & (self.number[v].val() < self.number[w].val())
                    & (((self.window_address[v].val() ^ self.window_address[w].val())
                        & self.bank_bits.val())
                        == 0)
                {
                    self.takes[w].next = false;
                }
            }
            self.window_taken[w].next = self.takes[w].val();
            self.window_beyond_1[w].clock.next = self.clock.val();
            self.window_beyond_1[w].d.next = self.takes[w].val() & self.window_beyond[w].val();
            if self.window_beyond_1[w].q.val() {
                self.input_error.d.next = true;
            }
        }
        for i in 0..self._lanes {
            self.writes_1[i].clock.next = self.clock.val();
            self.write_row_1[i].clock.next = self.clock.val();
            self.write_word_1[i].clock.next = self.clock.val();
            self.bank[i].write_enable.next = self.writes_1[i].q.val();
            self.bank[i].write_address.next = self.write_row_1[i].q.val();
            self.bank[i].write_data.next = self.write_word_1[i].q.val();
            self.writes_1[i].d.next = false;
            self.write_row_1[i].d.next = self.window_address[0].val() >> self.shift.val();
            self.write_word_1[i].d.next = self.window_data[0].val();
            for w in 0..self._window {
                if self.takes[w].val()
                    & ((self.window_address[w].val() & self.bank_bits.val())
                        == self.number[i].val())
                {
                    self.writes_1[i].d.next = !self.window_beyond[w].val();
                    self.write_row_1[i].d.next = self.window_address[w].val() >> self.shift.val();
                    self.write_word_1[i].d.next = self.window_data[w].val();
                }
            }
            for d in 0..self._drain {
                if self.drain_valid[d].val()
                    & ((self.drain_address[d].val() & self.bank_bits.val()) == self.number[i].val())
                {
                    self.writes_1[i].d.next = true;
                    self.write_row_1[i].d.next = self.drain_address[d].val() >> self.shift.val();
                    self.write_word_1[i].d.next = self.drain_data[d].val();
                }
            }
        }
        self.range_error.next = self.error.q.val();
        self.window_error.next = self.input_error.q.val();
        if self.reset.val() {
            self.error.d.next = false;
            self.input_error.d.next = false;
            for i in 0..self._lanes {
                self.beyond_1[i].d.next = false;
            }
            for w in 0..self._window {
                self.window_beyond_1[w].d.next = false;
            }
        }
    }
}

//! Addresses of the output words.

pub use firebrick_spec::latency::ADDRESS_LATENCY;
use rust_hdl::prelude::*;

const _: () = assert!(
    ADDRESS_LATENCY == 3,
    "three registers from a step to its writes"
);

/// Gives each output word its place: one after the other from the job's base on, with a gap after
/// each row, wrapped in the ring.
///
/// `valid` brings a step; `emit` marks its entries with which an output word is complete,
/// `row_end` those that complete a row. With `opens` the addresses start at the base in bits 19:0
/// of `word`; bits 23:20 are the gap, bits 27:24 the ring. [`ADDRESS_LATENCY`] cycles later
/// `write` and `address` are registers. A word from `feature_words` on is not written, but sets
/// `range_error` in that cycle. No back-pressure.
#[derive(LogicBlock)]
pub struct DrainAddress {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset.
    pub reset: Signal<In, Bit>,
    /// There is a step.
    pub valid: Signal<In, Bit>,
    /// First step of its job.
    pub opens: Signal<In, Bit>,
    /// Base, gap and ring.
    pub word: Signal<In, Bits<32>>,
    /// An output word is complete.
    pub emit: Vec<Signal<In, Bit>>,
    /// So is its row.
    pub row_end: Vec<Signal<In, Bit>>,
    /// Writes the word.
    pub write: Vec<Signal<Out, Bit>>,
    /// At this address.
    pub address: Vec<Signal<Out, Bits<20>>>,
    /// A word lies beyond the memory.
    pub range_error: Signal<Out, Bit>,
    // Words before each entry, and behind the last, as three bits: at most four in logic take a LUT
    // a bit, where adders would be carry chains one behind the other. And row ends. Of the sums with gaps
    // five bits are used.
    ones: Vec<Signal<Local, Bit>>,
    twos: Vec<Signal<Local, Bit>>,
    fours: Vec<Signal<Local, Bit>>,
    before: Vec<Signal<Local, Bits<21>>>,
    gap_before: Vec<Signal<Local, Bits<21>>>,
    passed: Vec<Signal<Local, Bit>>,
    gap: Signal<Local, Bits<21>>,
    offset: Vec<DFF<Bits<21>>>,
    total: DFF<Bits<21>>,
    emit_1: Vec<DFF<Bit>>,
    valid_1: DFF<Bit>,
    opens_1: DFF<Bit>,
    word_1: DFF<Bits<32>>,
    out: DFF<Bits<21>>,
    current: Signal<Local, Bits<21>>,
    base: Signal<Local, Bits<21>>,
    ring: Signal<Local, Bits<4>>,
    linear: Vec<DFF<Bits<21>>>,
    emit_2: Vec<DFF<Bit>>,
    base_2: DFF<Bits<21>>,
    mask_2: DFF<Bits<21>>,
    wrapped: Vec<Signal<Local, Bits<21>>>,
    inside: Vec<Signal<Local, Bit>>,
    missed_3: Vec<DFF<Bit>>,
    write_3: Vec<DFF<Bit>>,
    address_3: Vec<DFF<Bits<20>>>,
    feature_words: Constant<Bits<21>>,
    // Of a depth that is a power of two only the bits above it count, which takes no carry chain.
    whole: Constant<Bit>,
    above: Constant<Bits<21>>,
    smallest_ring: Constant<Bits<21>>,
    all_ones: Constant<Bits<21>>,
    _pixels: usize,
    _ends: usize,
}

impl DrainAddress {
    /// For `pixels` entries a step, at most 4, and a feature buffer of `feature_words` words.
    #[must_use]
    pub fn new(pixels: usize, feature_words: usize) -> Self {
        block! {
            clock, reset, valid, opens, word, range_error, gap, total, valid_1, opens_1, word_1,
            out, current, base, ring, base_2, mask_2;
            emit: (0..pixels).map(|_| Signal::default()).collect(),
            row_end: (0..pixels).map(|_| Signal::default()).collect(),
            write: (0..pixels).map(|_| Signal::default()).collect(),
            address: (0..pixels).map(|_| Signal::default()).collect(),
            ones: (0..=pixels).map(|_| Signal::default()).collect(),
            twos: (0..=pixels).map(|_| Signal::default()).collect(),
            fours: (0..=pixels).map(|_| Signal::default()).collect(),
            before: (0..=pixels).map(|_| Signal::default()).collect(),
            gap_before: (0..=pixels).map(|_| Signal::default()).collect(),
            passed: (0..=pixels).map(|_| Signal::default()).collect(),
            offset: (0..pixels).map(|_| DFF::default()).collect(),
            emit_1: (0..pixels).map(|_| DFF::default()).collect(),
            linear: (0..pixels).map(|_| DFF::default()).collect(),
            emit_2: (0..pixels).map(|_| DFF::default()).collect(),
            wrapped: (0..pixels).map(|_| Signal::default()).collect(),
            inside: (0..pixels).map(|_| Signal::default()).collect(),
            missed_3: (0..pixels).map(|_| DFF::default()).collect(),
            write_3: (0..pixels).map(|_| DFF::default()).collect(),
            address_3: (0..pixels).map(|_| DFF::default()).collect(),
            feature_words: Constant::new((feature_words as u64).into()),
            whole: Constant::new(feature_words.is_power_of_two()),
            above: Constant::new((0x20_0000 - feature_words.next_power_of_two() as u64).into()),
            smallest_ring: Constant::new(16.into()),
            all_ones: Constant::new(0x1f_ffff.into()),
            _pixels: pixels,
            _ends: pixels + 1,
        }
    }
}

impl Logic for DrainAddress {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, total, valid_1, opens_1, word_1, out, base_2, mask_2
        );
        for i in 0..self._pixels {
            self.offset[i].clock.next = self.clock.val();
            self.emit_1[i].clock.next = self.clock.val();
            self.linear[i].clock.next = self.clock.val();
            self.emit_2[i].clock.next = self.clock.val();
            self.write_3[i].clock.next = self.clock.val();
            self.missed_3[i].clock.next = self.clock.val();
            self.address_3[i].clock.next = self.clock.val();
        }

        // Cycle 0: where the words lie from the first one on.
        self.gap.next = bit_cast::<21, 4>(self.word.val().get_bits::<4>(20));
        self.ones[0].next = false;
        self.twos[0].next = false;
        self.fours[0].next = false;
        self.passed[0].next = false;
        for i in 0..self._pixels {
            self.ones[i + 1].next = self.ones[i].val() ^ self.emit[i].val();
            self.twos[i + 1].next = self.twos[i].val() ^ (self.ones[i].val() & self.emit[i].val());
            self.fours[i + 1].next = self.fours[i].val()
                ^ (self.twos[i].val() & self.ones[i].val() & self.emit[i].val());
            self.passed[i + 1].next = self.passed[i].val() | self.row_end[i].val();
            self.emit_1[i].d.next = self.emit[i].val() & self.valid.val();
        }
        for i in 0..self._ends {
            self.before[i].next = 0.into();
            if self.ones[i].val() {
                self.before[i].next = self.before[i].val() | 1;
            }
            if self.twos[i].val() {
                self.before[i].next = self.before[i].val() | 2;
            }
            if self.fours[i].val() {
                self.before[i].next = self.before[i].val() | 4;
            }
            self.gap_before[i].next = 0.into();
            if self.passed[i].val() {
                self.gap_before[i].next = self.gap.val();
            }
        }
        for i in 0..self._pixels {
            self.offset[i].d.next = (self.before[i].val() + self.gap_before[i].val()) & 0x1f;
        }
        for i in self._pixels..self._ends {
            self.total.d.next = (self.before[i].val() + self.gap_before[i].val()) & 0x1f;
        }
        self.valid_1.d.next = self.valid.val();
        self.opens_1.d.next = self.opens.val();
        self.word_1.d.next = self.word.val();

        // Cycle 1: from the word that is next.
        self.base.next = bit_cast::<21, 20>(self.word_1.q.val().get_bits::<20>(0));
        self.current.next = self.out.q.val();
        if self.opens_1.q.val() {
            self.current.next = self.base.val();
        }
        if self.valid_1.q.val() {
            self.out.d.next = self.current.val() + self.total.q.val();
        }
        for i in 0..self._pixels {
            self.linear[i].d.next = self.current.val() + self.offset[i].q.val();
            self.emit_2[i].d.next = self.emit_1[i].q.val();
        }
        self.base_2.d.next = self.base.val();
        self.ring.next = self.word_1.q.val().get_bits::<4>(24);
        self.mask_2.d.next = self.all_ones.val();
        if self.ring.val().any() {
            self.mask_2.d.next = (self.smallest_ring.val() << self.ring.val()) - 1;
        }

        // Cycle 2: in the ring, and in the memory.
        for i in 0..self._pixels {
            self.wrapped[i].next = (self.base_2.q.val() & !self.mask_2.q.val())
                | (self.linear[i].q.val() & self.mask_2.q.val());
            self.inside[i].next = self.wrapped[i].val() < self.feature_words.val();
            if self.whole.val() {
                self.inside[i].next = !(self.wrapped[i].val() & self.above.val()).any();
            }
            self.write_3[i].d.next = self.emit_2[i].q.val() & self.inside[i].val();
            self.address_3[i].d.next = self.wrapped[i].val().get_bits::<20>(0);
            self.missed_3[i].d.next = self.emit_2[i].q.val() & !self.inside[i].val();
        }
        if self.reset.val() {
            self.valid_1.d.next = false;
            for i in 0..self._pixels {
                self.emit_1[i].d.next = false;
                self.emit_2[i].d.next = false;
                self.write_3[i].d.next = false;
                self.missed_3[i].d.next = false;
            }
        }

        self.range_error.next = false;
        for i in 0..self._pixels {
            self.write[i].next = self.write_3[i].q.val();
            self.address[i].next = self.address_3[i].q.val();
            if self.missed_3[i].q.val() {
                self.range_error.next = true;
            }
        }
    }
}

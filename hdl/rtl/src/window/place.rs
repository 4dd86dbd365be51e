//! The window unit's output: which words of the windows at hand are offered, and where they go.

use firebrick_spec::HwConfig;
use rust_hdl::prelude::*;

/// Offers the words of one window, or of two neighbouring ones, with their addresses.
///
/// `start` takes the record's `base`, `plane`, `gap` and `kernel7`. `load` begins with the next
/// window, with `pair` also with the one after it. Its words are offered in groups: one word, or
/// two (numbers g and g + 1) of each window. An entry is offered until it is taken; the cycle in
/// which the last one of a group is taken pulses `onward`, and the next group is offered in the cycle
/// after it. `free` is high without windows and in the cycle in which their last word is taken.
/// `row_end`, with `load` or later, leaves out `gap` words.
#[derive(LogicBlock)]
pub struct WindowPlace {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops everything.
    pub reset: Signal<In, Bit>,
    /// Begins a record.
    pub start: Signal<In, Bit>,
    /// Address of the first window's word 0.
    pub base: Signal<In, Bits<20>>,
    /// Words from one word of a window to the next.
    pub plane: Signal<In, Bits<20>>,
    /// Words left out after a row.
    pub gap: Signal<In, Bits<4>>,
    /// Windows are 7x7.
    pub kernel7: Signal<In, Bit>,
    /// Begins with the next window.
    pub load: Signal<In, Bit>,
    /// And with the one after it.
    pub pair: Signal<In, Bit>,
    /// The row of windows ends with those loaded so far.
    pub row_end: Signal<In, Bit>,
    /// May load.
    pub free: Signal<Out, Bit>,
    /// On to the next group.
    pub onward: Signal<Out, Bit>,
    /// Words are offered.
    pub busy: Signal<Out, Bit>,
    /// Word offered.
    pub out_valid: Vec<Signal<Out, Bit>>,
    /// Word taken.
    pub out_taken: Vec<Signal<In, Bit>>,
    /// Feature address.
    pub out_address: Vec<Signal<Out, Bits<20>>>,
    pending: Vec<DFF<Bit>>,
    address: Vec<DFF<Bits<20>>>,
    // Words of a window from this group on, and of a whole one.
    left: DFF<Bits<5>>,
    words: DFF<Bits<5>>,
    // No group after this one.
    final_group: DFF<Bit>,
    paired: DFF<Bit>,
    // Addresses of words 0 and 1 of the next window, but for the words since the window before.
    ahead_0: DFF<Bits<20>>,
    ahead_1: DFF<Bits<20>>,
    // Words from one window to the next: within a row, none, one or two; over the end of a row, the
    // gap besides.
    skips: Vec<DFF<Bits<5>>>,
    stride: DFF<Bits<20>>,
    any: Signal<Local, Bit>,
    waits: Signal<Local, Bit>,
    goes_on: Signal<Local, Bit>,
    two_left: Signal<Local, Bit>,
    hop: Signal<Local, Bits<5>>,
    // Words to add, and one more, for the second of two windows.
    hop_1: DFF<Bits<5>>,
    hop_more: DFF<Bits<5>>,
    next_0: Signal<Local, Bits<20>>,
    next_1: Signal<Local, Bits<20>>,
    second_0: Signal<Local, Bits<20>>,
    second_1: Signal<Local, Bits<20>>,
    wide_gap: Signal<Local, Bits<5>>,
    steps: Vec<Constant<Bits<5>>>,
    group: Constant<Bits<5>>,
    two_groups: Constant<Bits<5>>,
    two_words: Constant<Bit>,
    words_3: Constant<Bits<5>>,
    words_7: Constant<Bits<5>>,
    // Ends of the ranges of entries: words 0 and 1 of the first window, of the second one.
    _entries: usize,
    _second: usize,
    _third: usize,
    _fourth: usize,
}

/// Words of a window.
fn words(kernel: usize, tile: usize) -> u64 {
    (3 * kernel * kernel).div_ceil(tile) as u64
}

impl WindowPlace {
    /// An output of `config.window_words()` entries.
    #[must_use]
    pub fn new(config: &HwConfig) -> Self {
        let entries = config.window_words();
        assert!(
            [1, 2, 4].contains(&entries),
            "one word, two, or two of two windows"
        );
        block! {
            clock, reset, start, base, plane, gap, kernel7, load, pair, row_end, free, onward, busy,
            left, words, paired, ahead_0, ahead_1, stride, any, waits, final_group, goes_on,
            two_left, hop, hop_1, hop_more, next_0, next_1, second_0, second_1, wide_gap;
            out_valid: (0..entries).map(|_| Signal::default()).collect(),
            out_taken: (0..entries).map(|_| Signal::default()).collect(),
            out_address: (0..entries).map(|_| Signal::default()).collect(),
            pending: (0..entries).map(|_| DFF::default()).collect(),
            address: (0..entries).map(|_| DFF::default()).collect(),
            skips: (0..3).map(|_| DFF::default()).collect(),
            steps: (0..3).map(|i| Constant::new(i.into())).collect(),
            group: Constant::new((entries.min(2) as u64).into()),
            two_groups: Constant::new((2 * entries.min(2) as u64).into()),
            two_words: Constant::new(entries >= 2),
            words_3: Constant::new(words(3, config.tile).into()),
            words_7: Constant::new(words(7, config.tile).into()),
            _entries: entries,
            _second: entries.min(2),
            _third: entries.clamp(2, 3),
            _fourth: entries.max(3),
        }
    }
}

impl Logic for WindowPlace {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            left,
            words,
            final_group,
            paired,
            ahead_0,
            ahead_1,
            hop_1,
            hop_more,
            stride
        );

        // A group is done when each entry is taken, now or before.
        self.any.next = false;
        self.waits.next = false;
        for i in 0..self._entries {
            self.pending[i].clock.next = self.clock.val();
            self.address[i].clock.next = self.clock.val();
            self.address[i].d.next = self.address[i].q.val();
            self.out_valid[i].next = self.pending[i].q.val();
            self.out_address[i].next = self.address[i].q.val();
            self.pending[i].d.next = self.pending[i].q.val() & (!self.out_taken[i].val());
            if self.pending[i].q.val() {
                self.any.next = true;
                if !self.out_taken[i].val() {
                    self.waits.next = true;
                }
            }
        }
        self.busy.next = self.any.val();
        self.goes_on.next = self.any.val() & (!self.waits.val()) & (!self.final_group.q.val());
        self.onward.next = self.goes_on.val();
        self.free.next = (!self.any.val()) | ((!self.waits.val()) & self.final_group.q.val());

        self.next_0.next = self.ahead_0.q.val() + bit_cast::<20, 5>(self.hop_1.q.val());
        self.next_1.next = self.ahead_1.q.val() + bit_cast::<20, 5>(self.hop_1.q.val());
        self.second_0.next = self.ahead_0.q.val() + bit_cast::<20, 5>(self.hop_more.q.val());
        self.second_1.next = self.ahead_1.q.val() + bit_cast::<20, 5>(self.hop_more.q.val());
        self.two_left.next = self.left.q.val() >= 4;
        if self.goes_on.val() {
            self.left.d.next = self.left.q.val() - self.group.val();
            self.final_group.d.next = self.left.q.val() <= self.two_groups.val();
            for i in 0..self._entries {
                self.address[i].d.next = self.address[i].q.val() + self.stride.q.val();
            }
            for i in 0..1 {
                self.pending[i].d.next = true;
            }
            for i in 1..self._second {
                self.pending[i].d.next = self.two_left.val();
            }
            for i in 2..self._third {
                self.pending[i].d.next = self.paired.q.val();
            }
            for i in 3..self._fourth {
                self.pending[i].d.next = self.paired.q.val() & self.two_left.val();
            }
        }
        // Every window has two words or more.
        if self.load.val() {
            self.left.d.next = self.words.q.val();
            self.final_group.d.next = self.words.q.val() <= self.group.val();
            self.paired.d.next = self.pair.val();
            for i in 0..1 {
                self.pending[i].d.next = true;
                self.address[i].d.next = self.next_0.val();
            }
            for i in 1..self._second {
                self.pending[i].d.next = true;
                self.address[i].d.next = self.next_1.val();
            }
            for i in 2..self._third {
                self.pending[i].d.next = self.pair.val();
                self.address[i].d.next = self.second_0.val();
            }
            for i in 3..self._fourth {
                self.pending[i].d.next = self.pair.val();
                self.address[i].d.next = self.second_1.val();
            }
        }

        self.hop.next = 0.into();
        if self.row_end.val() {
            self.hop.next = self.skips[0].q.val();
        }
        if self.load.val() {
            self.hop.next = 1.into();
            if self.row_end.val() {
                self.hop.next = self.skips[1].q.val();
            }
            if self.pair.val() {
                self.hop.next = 2.into();
                if self.row_end.val() {
                    self.hop.next = self.skips[2].q.val();
                }
            }
        }
        self.hop_1.d.next = self.hop.val();
        self.hop_more.d.next = self.hop.val() + 1;
        self.ahead_0.d.next = self.next_0.val();
        self.ahead_1.d.next = self.next_1.val();

        self.wide_gap.next = bit_cast::<5, 4>(self.gap.val());
        for i in 0..3 {
            self.skips[i].clock.next = self.clock.val();
            self.skips[i].d.next = self.skips[i].q.val();
            if self.start.val() {
                self.skips[i].d.next = self.wide_gap.val() + self.steps[i].val();
            }
        }
        if self.start.val() {
            self.hop_1.d.next = 0.into();
            self.hop_more.d.next = 1.into();
            self.ahead_0.d.next = self.base.val();
            self.ahead_1.d.next = self.base.val() + self.plane.val();
            self.stride.d.next = self.plane.val();
            if self.two_words.val() {
                self.stride.d.next = self.plane.val() << 1;
            }
            self.words.d.next = self.words_3.val();
            if self.kernel7.val() {
                self.words.d.next = self.words_7.val();
            }
        }
        if self.reset.val() {
            for i in 0..self._entries {
                self.pending[i].d.next = false;
            }
        }
    }
}

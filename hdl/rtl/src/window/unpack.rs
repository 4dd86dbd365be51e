//! The window unit's input: beats of a picture's rows become steps of pixels.

use firebrick_spec::HwConfig;
use rust_hdl::prelude::*;

/// Holds up to three beats and offers the pixels of a row, `window_pixels` at a time.
///
/// `start` takes `width` and `rows`; a row has `ceil(3 * width / 16)` beats and
/// `ceil(width / window_pixels)` steps, the last one possibly of fewer pixels. A beat is taken
/// when `in_valid` and `in_ready`, which is high while beats of the rows are missing and fewer
/// than three are held. A step is offered (`valid`) when all its pixels are held, and leaves with
/// `take`; the last one of a row drops what remains of its beats.
#[derive(LogicBlock)]
pub struct WindowUnpack {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops everything.
    pub reset: Signal<In, Bit>,
    /// Begins with `rows` rows of `width` pixels.
    pub start: Signal<In, Bit>,
    /// Pixels of a row.
    pub width: Signal<In, Bits<10>>,
    /// Rows, from 1.
    pub rows: Signal<In, Bits<10>>,
    /// Beat offered.
    pub in_valid: Signal<In, Bit>,
    /// Beat taken.
    pub in_ready: Signal<Out, Bit>,
    /// Beat: the next 16 bytes of the row.
    pub in_data: Signal<In, Bits<128>>,
    /// Steps are left.
    pub active: Signal<Out, Bit>,
    /// The next step is here.
    pub valid: Signal<Out, Bit>,
    /// It leaves; only with `valid`.
    pub take: Signal<In, Bit>,
    /// Its pixels, the first in the low bits; those beyond the row are anything.
    pub pixels: Signal<Out, Bits<96>>,
    /// Its number in the row, from 0.
    pub step: Signal<Out, Bits<10>>,
    /// Pixels from here to the end of the row.
    pub left: Signal<Out, Bits<10>>,
    /// It is the last one of its row.
    pub last: Signal<Out, Bit>,
    // Beats still to come: of this row, of each row; rows.
    row_beats: DFF<Bits<8>>,
    beats: DFF<Bits<8>>,
    rows_in: DFF<Bits<10>>,
    // Beats held, the oldest first, and the bytes of the oldest that have left.
    beat_0: DFF<Bits<128>>,
    beat_1: DFF<Bits<128>>,
    beat_2: DFF<Bits<128>>,
    held: DFF<Bits<2>>,
    offset: DFF<Bits<4>>,
    // Steps.
    row_pixels: DFF<Bits<10>>,
    rows_out: DFF<Bits<10>>,
    pixels_left: DFF<Bits<10>>,
    number: DFF<Bits<10>>,
    // The step at hand is its row's last; the bytes of the oldest beats up to its end.
    last_step: DFF<Bit>,
    reach: DFF<Bits<5>>,
    row_bytes: Signal<Local, Bits<12>>,
    accepts: Signal<Local, Bit>,
    ready: Signal<Local, Bit>,
    next_left: Signal<Local, Bits<10>>,
    next_last: Signal<Local, Bit>,
    tail: Signal<Local, Bits<5>>,
    need: Signal<Local, Bits<5>>,
    next_offset: Signal<Local, Bits<5>>,
    pops: Signal<Local, Bits<2>>,
    kept: Signal<Local, Bits<2>>,
    // Where each beat comes from: 0 to 2 of those held, 3 the input.
    source_0: Signal<Local, Bits<2>>,
    source_1: Signal<Local, Bits<2>>,
    source_2: Signal<Local, Bits<2>>,
    joined: Signal<Local, Bits<216>>,
    amount: Signal<Local, Bits<7>>,
    shifted: Signal<Local, Bits<216>>,
    step_pixels: Constant<Bits<10>>,
    step_bytes: Constant<Bits<5>>,
    grid: Constant<Bits<4>>,
}

impl WindowUnpack {
    /// An input for steps of `config.window_pixels()` pixels.
    #[must_use]
    pub fn new(config: &HwConfig) -> Self {
        let pixels = config.window_pixels();
        block! {
            clock, reset, start, width, rows, in_valid, in_ready, in_data, active, valid, take,
            pixels, step, left, last, row_beats, beats, rows_in, beat_0, beat_1, beat_2, held,
            offset, row_pixels, rows_out, pixels_left, number, last_step, reach, row_bytes,
            accepts, ready, next_left, next_last, tail, need, next_offset, pops, kept, source_0,
            source_1, source_2, joined, amount, shifted;
            step_pixels: Constant::new((pixels as u64).into()),
            step_bytes: Constant::new((3 * pixels as u64).into()),
            // All steps but a row's last have the same length: multiples of it, modulo 16.
            grid: Constant::new((16 - pixels as u64).into()),
        }
    }
}

impl Logic for WindowUnpack {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            row_beats,
            beats,
            rows_in,
            beat_0,
            beat_1,
            beat_2,
            held,
            offset,
            row_pixels,
            rows_out,
            pixels_left,
            number,
            last_step,
            reach
        );

        // Input: count the beats, so that none of what follows the rows is taken.
        self.ready.next = self.rows_in.q.val().any() & (self.held.q.val() != 3);
        self.in_ready.next = self.ready.val();
        self.accepts.next = self.ready.val() & self.in_valid.val();
        if self.accepts.val() {
            self.beats.d.next = self.beats.q.val() - 1;
            if self.beats.q.val() == 1 {
                self.beats.d.next = self.row_beats.q.val();
                self.rows_in.d.next = self.rows_in.q.val() - 1;
            }
        }

        // The step after the one at hand, or the first one.
        self.next_left.next = self.pixels_left.q.val() - self.step_pixels.val();
        self.next_offset.next = bit_cast::<5, 4>(self.reach.q.val().get_bits::<4>(0));
        if self.last_step.q.val() {
            self.next_left.next = self.row_pixels.q.val();
            self.next_offset.next = 0.into();
        }
        if self.start.val() {
            self.next_left.next = self.width.val();
            self.next_offset.next = 0.into();
        }
        self.next_last.next = self.next_left.val() <= self.step_pixels.val();
        self.tail.next = bit_cast::<5, 3>(self.next_left.val().get_bits::<3>(0));
        self.need.next = self.step_bytes.val();
        if self.next_last.val() {
            self.need.next = self.tail.val() + (self.tail.val() << 1);
        }

        // The step at hand.
        self.active.next = self.rows_out.q.val().any();
        self.valid.next = self.rows_out.q.val().any()
            & (self.held.q.val().get_bit(1)
                | (self.held.q.val().get_bit(0) & (self.reach.q.val() <= 16)));
        self.step.next = self.number.q.val();
        self.left.next = self.pixels_left.q.val();
        self.last.next = self.last_step.q.val();
        self.joined.next = bit_cast::<216, 128>(self.beat_0.q.val())
            | (bit_cast::<216, 88>(self.beat_1.q.val().get_bits::<88>(0)) << 128);
        self.amount.next = bit_cast::<7, 4>(self.offset.q.val() & self.grid.val()) << 3;
        self.shifted.next = self.joined.val() >> self.amount.val();
        self.pixels.next = self.shifted.val().get_bits::<96>(0);

        // It leaves, and with it the beats that it has used up. `take` comes late: all that follows
        // from it is made ready both ways.
        self.pops.next = 0.into();
        if self.reach.q.val().get_bit(4) {
            self.pops.next = 1.into();
        }
        if self.last_step.q.val() {
            self.pops.next = 1.into();
            if self.reach.q.val() > 16 {
                self.pops.next = 2.into();
            }
        }
        if self.take.val() {
            self.number.d.next = self.number.q.val() + 1;
            if self.last_step.q.val() {
                self.number.d.next = 0.into();
                self.rows_out.d.next = self.rows_out.q.val() - 1;
            }
        }
        if self.take.val() | self.start.val() {
            self.pixels_left.d.next = self.next_left.val();
            self.last_step.d.next = self.next_last.val();
            self.offset.d.next = self.next_offset.val().get_bits::<4>(0);
            self.reach.d.next = self.next_offset.val() + self.need.val();
        }
        self.kept.next = self.held.q.val() - self.pops.val();
        self.source_0.next = 0.into();
        self.source_1.next = 1.into();
        self.source_2.next = 2.into();
        if self.accepts.val() {
            self.held.d.next = self.held.q.val() + 1;
            if self.held.q.val() == 0 {
                self.source_0.next = 3.into();
            } else if self.held.q.val() == 1 {
                self.source_1.next = 3.into();
            } else {
                self.source_2.next = 3.into();
            }
        }
        if self.take.val() {
            self.held.d.next = self.kept.val();
            self.source_0.next = self.pops.val();
            self.source_1.next = 1.into();
            if self.pops.val() == 1 {
                self.source_1.next = 2.into();
            }
            self.source_2.next = 2.into();
            if self.accepts.val() {
                self.held.d.next = self.kept.val() + 1;
                if self.kept.val() == 0 {
                    self.source_0.next = 3.into();
                } else if self.kept.val() == 1 {
                    self.source_1.next = 3.into();
                } else {
                    self.source_2.next = 3.into();
                }
            }
        }
        if self.source_0.val() == 1 {
            self.beat_0.d.next = self.beat_1.q.val();
        } else if self.source_0.val() == 2 {
            self.beat_0.d.next = self.beat_2.q.val();
        } else if self.source_0.val() == 3 {
            self.beat_0.d.next = self.in_data.val();
        }
        if self.source_1.val() == 2 {
            self.beat_1.d.next = self.beat_2.q.val();
        } else if self.source_1.val() == 3 {
            self.beat_1.d.next = self.in_data.val();
        }
        if self.source_2.val() == 3 {
            self.beat_2.d.next = self.in_data.val();
        }

        self.row_bytes.next =
            bit_cast::<12, 10>(self.width.val()) + (bit_cast::<12, 10>(self.width.val()) << 1) + 15;
        if self.start.val() {
            self.row_beats.d.next = self.row_bytes.val().get_bits::<8>(4);
            self.beats.d.next = self.row_bytes.val().get_bits::<8>(4);
            self.rows_in.d.next = self.rows.val();
            self.row_pixels.d.next = self.width.val();
            self.rows_out.d.next = self.rows.val();
            self.number.d.next = 0.into();
            self.held.d.next = 0.into();
        }
        if self.reset.val() {
            self.rows_in.d.next = 0.into();
            self.rows_out.d.next = 0.into();
            self.held.d.next = 0.into();
        }
    }
}

//! The window unit's input: beats of a picture's rows become steps of pixels.

use crate::common::words::Beat;
use firebrick_spec::HwConfig;
use rust_hdl::prelude::*;

use crate::common::mem::LutRam;

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
    pub in_data: Signal<In, Beat>,
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
    // What counts down is inverted, so that it counts up.
    row_beats: DFF<Bits<8>>,
    beats: DFF<Bits<8>>,
    rows_in: DFF<Bits<10>>,
    // Beats held.
    held: DFF<Bits<2>>,
    // Bytes from the step at hand on: the rest of the oldest beat and, if the step goes beyond it,
    // the next one.
    front: DFF<Bits<192>>,
    // A beat is missing there, and how much of the one before it stays: nothing, `tail_1` or
    // `tail_2`.
    wants: DFF<Bit>,
    phase: DFF<Bits<2>>,
    // Beats behind it.
    behind: LutRam<128, 5>,
    waiting: DFF<Bits<2>>,
    oldest: DFF<Bits<5>>,
    newest: DFF<Bits<5>>,
    // Steps.
    row_pixels: DFF<Bits<10>>,
    // A row is a single step.
    row_single: DFF<Bit>,
    rows_out: DFF<Bits<10>>,
    // Rows are still to come in.
    wanting: DFF<Bit>,
    // The step at hand: its number, pixels from it on, whether it is its row's last, the
    // beats that it uses up.
    number: DFF<Bits<10>>,
    pixels_left: DFF<Bits<10>>,
    last_step: DFF<Bit>,
    pops: DFF<Bits<2>>,
    // The cycle after the start, in which the steps move up without one that leaves.
    fresh: DFF<Bit>,
    // The step after it, made ready: the bytes of the oldest beats up to its end, whether a beat
    // will be missing for it, and how much of the beat before will stay.
    left_1: DFF<Bits<10>>,
    last_1: DFF<Bit>,
    reach_1: DFF<Bits<5>>,
    wants_1: DFF<Bit>,
    phase_1: DFF<Bits<2>>,
    // And the one after that: its bytes.
    left_2: DFF<Bits<10>>,
    last_2: DFF<Bit>,
    need_2: DFF<Bits<5>>,
    row_bytes: Signal<Local, Bits<12>>,
    accepts: Signal<Local, Bit>,
    ready: Signal<Local, Bit>,
    moves: Signal<Local, Bit>,
    offset: Signal<Local, Bits<5>>,
    reach_next: Signal<Local, Bits<5>>,
    phase_next: Signal<Local, Bits<2>>,
    less_two: Signal<Local, Bits<10>>,
    less_one: Signal<Local, Bits<10>>,
    lasts: Signal<Local, Bit>,
    narrow: Signal<Local, Bit>,
    kept: Signal<Local, Bits<2>>,
    // Kept whole: mappers repeat the choice for each phase otherwise, to save a level.
    #[cfg_attr(any(), verilog(keep = "true"))]
    phase_now: Signal<Local, Bits<2>>,
    #[cfg_attr(any(), verilog(keep = "true"))]
    joins: Signal<Local, Bit>,
    enters: Signal<Local, Bit>,
    moved: Signal<Local, Bits<192>>,
    rest: Signal<Local, Bits<192>>,
    #[cfg_attr(any(), verilog(keep = "true"))]
    beat: Signal<Local, Bits<192>>,
    joined: Signal<Local, Bits<192>>,
    step_bits: Constant<Bits<7>>,
    tail_1: Constant<Bits<7>>,
    tail_2: Constant<Bits<7>>,
    keeps_1: Constant<Bits<192>>,
    keeps_2: Constant<Bits<192>>,
    odd: Constant<Bits<4>>,
    step_pixels: Constant<Bits<10>>,
    step_bytes: Constant<Bits<5>>,
    two_steps: Constant<Bits<10>>,
}

impl WindowUnpack {
    /// An input for steps of `config.window_pixels()` pixels.
    #[must_use]
    pub fn new(config: &HwConfig) -> Self {
        let pixels = config.window_pixels();
        block! {
            clock, reset, start, width, rows, in_valid, in_ready, in_data, active, valid, take,
            pixels, step, left, last, row_beats, beats, rows_in, held, front, wants, phase, behind,
            waiting, oldest, newest, row_pixels, row_single, rows_out, wanting, number, pixels_left,
            last_step, pops, fresh, left_1, last_1, reach_1, wants_1, phase_1, left_2, last_2,
            need_2, row_bytes, accepts, ready, moves, offset, reach_next, phase_next, less_two,
            less_one, lasts, narrow, kept, phase_now, joins, enters, moved, rest, beat, joined;
            two_steps: Constant::new((2 * pixels as u64).into()),
            step_pixels: Constant::new((pixels as u64).into()),
            step_bytes: Constant::new((3 * pixels as u64).into()),
            step_bits: Constant::new((24 * pixels as u64).into()),
            // A step of 3, 6 or 12 bytes goes beyond its beat with 1 or 2, 2 or 4, 4 or 8 bytes of
            // it left: with the lesser number of them, this bit of its offset is set.
            tail_1: Constant::new((8 * pixels as u64).into()),
            tail_2: Constant::new((16 * pixels as u64).into()),
            keeps_1: Constant::new(((1u128 << (8 * pixels)) - 1).to_bits()),
            keeps_2: Constant::new(((1u128 << (16 * pixels)) - 1).to_bits()),
            odd: Constant::new((pixels as u64).into()),
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
            held,
            front,
            wants,
            phase,
            waiting,
            oldest,
            newest,
            row_pixels,
            row_single,
            rows_out,
            wanting,
            number,
            pixels_left,
            last_step,
            pops,
            fresh,
            left_1,
            last_1,
            reach_1,
            wants_1,
            phase_1,
            left_2,
            last_2,
            need_2
        );

        self.behind.clock.next = self.clock.val();

        // Input: count the beats, so that none of what follows the rows is taken.
        self.ready.next = self.wanting.q.val() & (self.held.q.val() != 3);
        self.in_ready.next = self.ready.val();
        self.accepts.next = self.ready.val() & self.in_valid.val();
        if self.accepts.val() {
            self.beats.d.next = self.beats.q.val() + 1;
            if self.beats.q.val() == 0xfe {
                self.beats.d.next = self.row_beats.q.val();
                self.rows_in.d.next = self.rows_in.q.val() + 1;
                if self.rows_in.q.val() == 0x3fe {
                    self.wanting.d.next = false;
                }
            }
        }

        // The step at hand.
        self.active.next = self.rows_out.q.val() != 0x3ff;
        self.valid.next = (self.rows_out.q.val() != 0x3ff) & (!self.wants.q.val());
        self.step.next = self.number.q.val();
        self.left.next = self.pixels_left.q.val();
        self.last.next = self.last_step.q.val();
        self.pixels.next = self.front.q.val().get_bits::<96>(0);

        // It leaves, and with it the beats that it has used up; the next ones move up. `take` comes
        // late: nothing has to be found out then.
        self.moves.next = self.take.val() | self.fresh.q.val();
        self.fresh.d.next = false;
        if self.take.val() {
            self.number.d.next = self.number.q.val() + 1;
            if self.last_step.q.val() {
                self.number.d.next = 0.into();
                self.rows_out.d.next = self.rows_out.q.val() + 1;
            }
        }
        self.offset.next = 0.into();
        if !self.last_1.q.val() {
            self.offset.next = bit_cast::<5, 4>(self.reach_1.q.val().get_bits::<4>(0));
        }
        self.reach_next.next = self.offset.val() + self.need_2.q.val();
        self.phase_next.next = 0.into();
        if self.offset.val().any() {
            self.phase_next.next = 2.into();
            if (self.offset.val().get_bits::<4>(0) & self.odd.val()).any() {
                self.phase_next.next = 1.into();
            }
        }
        // After the second step: of this row, or the next row's first.
        self.less_two.next = self.left_2.q.val() - self.step_pixels.val();
        self.lasts.next = self.left_2.q.val() <= self.two_steps.val();
        if self.last_2.q.val() {
            self.less_two.next = self.row_pixels.q.val();
            self.lasts.next = self.row_single.q.val();
        }
        if self.moves.val() {
            self.pixels_left.d.next = self.left_1.q.val();
            self.last_step.d.next = self.last_1.q.val();
            self.pops.d.next = 0.into();
            if self.reach_1.q.val().get_bit(4) {
                self.pops.d.next = 1.into();
            }
            if self.last_1.q.val() {
                self.pops.d.next = 1.into();
                if self.reach_1.q.val() > 16 {
                    self.pops.d.next = 2.into();
                }
            }
            self.phase.d.next = self.phase_1.q.val();
            self.left_1.d.next = self.left_2.q.val();
            self.last_1.d.next = self.last_2.q.val();
            self.reach_1.d.next = self.reach_next.val();
            self.wants_1.d.next = (!self.offset.val().any()) | (self.reach_next.val() > 16);
            self.phase_1.d.next = self.phase_next.val();
            self.left_2.d.next = self.less_two.val();
            self.last_2.d.next = self.lasts.val();
            self.need_2.d.next = self.step_bytes.val();
            if self.lasts.val() {
                self.need_2.d.next = bit_cast::<5, 3>(self.less_two.val().get_bits::<3>(0))
                    + (bit_cast::<5, 3>(self.less_two.val().get_bits::<3>(0)) << 1);
            }
        }
        self.kept.next = self.held.q.val() - self.pops.q.val();
        if self.take.val() {
            self.held.d.next = self.kept.val();
            if self.accepts.val() {
                self.held.d.next = self.kept.val() + 1;
            }
        } else if self.accepts.val() {
            self.held.d.next = self.held.q.val() + 1;
        }

        // A beat goes to the front when one is missing there: the oldest of those behind, or, if
        // there is none, the one that comes.
        self.joins.next = (self.moves.val()
            & self.wants_1.q.val()
            & (self.waiting.q.val().any() | self.accepts.val()))
            | ((!self.moves.val()) & self.wants.q.val() & self.accepts.val());
        if self.moves.val() {
            self.wants.d.next = self.wants_1.q.val();
        }
        self.phase_now.next = self.phase.q.val();
        if self.moves.val() {
            self.phase_now.next = self.phase_1.q.val();
        }
        self.behind.read_address.next = self.oldest.q.val();
        self.beat.next = bit_cast::<192, 128>(self.in_data.val());
        if self.waiting.q.val().any() {
            self.beat.next = bit_cast::<192, 128>(self.behind.read_data.val());
        }
        self.moved.next = self.front.q.val() >> self.step_bits.val();
        // Apart from the registers' inputs below, so that no process reads what it decides.
        self.rest.next = self.front.q.val();
        if self.take.val() {
            self.rest.next = self.moved.val();
        }
        self.front.d.next = self.rest.val();
        self.joined.next = self.beat.val();
        if self.phase_now.val() == 1 {
            self.joined.next =
                (self.rest.val() & self.keeps_1.val()) | (self.beat.val() << self.tail_1.val());
        }
        if self.phase_now.val() == 2 {
            self.joined.next =
                (self.rest.val() & self.keeps_2.val()) | (self.beat.val() << self.tail_2.val());
        }
        if self.joins.val() {
            self.front.d.next = self.joined.val();
            self.wants.d.next = false;
        }
        // Others go behind.
        self.enters.next = self.accepts.val() & ((!self.joins.val()) | self.waiting.q.val().any());
        self.behind.write_enable.next = self.enters.val();
        self.behind.write_address.next = self.newest.q.val();
        self.behind.write_data.next = self.in_data.val();
        if self.enters.val() {
            self.newest.d.next = self.newest.q.val() + 1;
        }
        if self.joins.val() & self.waiting.q.val().any() {
            self.oldest.d.next = self.oldest.q.val() + 1;
            if !self.enters.val() {
                self.waiting.d.next = self.waiting.q.val() - 1;
            }
        } else if self.enters.val() {
            self.waiting.d.next = self.waiting.q.val() + 1;
        }

        self.row_bytes.next =
            bit_cast::<12, 10>(self.width.val()) + (bit_cast::<12, 10>(self.width.val()) << 1) + 15;
        self.narrow.next = self.width.val() <= self.step_pixels.val();
        self.less_one.next = self.width.val() - self.step_pixels.val();
        if self.start.val() {
            self.row_beats.d.next = !self.row_bytes.val().get_bits::<8>(4);
            self.beats.d.next = !self.row_bytes.val().get_bits::<8>(4);
            self.rows_in.d.next = !self.rows.val();
            self.wanting.d.next = true;
            self.row_pixels.d.next = self.width.val();
            self.row_single.d.next = self.narrow.val();
            self.rows_out.d.next = !self.rows.val();
            self.number.d.next = 0.into();
            self.held.d.next = 0.into();
            self.wants.d.next = true;
            self.phase.d.next = 0.into();
            self.waiting.d.next = 0.into();
            self.oldest.d.next = 0.into();
            self.newest.d.next = 0.into();
            // The first step and the second.
            self.fresh.d.next = true;
            self.left_1.d.next = self.width.val();
            self.last_1.d.next = self.narrow.val();
            self.reach_1.d.next = self.step_bytes.val();
            self.wants_1.d.next = true;
            self.phase_1.d.next = 0.into();
            self.left_2.d.next = self.less_one.val();
            self.last_2.d.next = self.less_one.val() <= self.step_pixels.val();
            self.need_2.d.next = self.step_bytes.val();
            if self.less_one.val() <= self.step_pixels.val() {
                self.need_2.d.next = bit_cast::<5, 3>(self.less_one.val().get_bits::<3>(0))
                    + (bit_cast::<5, 3>(self.less_one.val().get_bits::<3>(0)) << 1);
            }
            if self.narrow.val() {
                self.reach_1.d.next = bit_cast::<5, 3>(self.width.val().get_bits::<3>(0))
                    + (bit_cast::<5, 3>(self.width.val().get_bits::<3>(0)) << 1);
                self.left_2.d.next = self.width.val();
                self.last_2.d.next = true;
                self.need_2.d.next = bit_cast::<5, 3>(self.width.val().get_bits::<3>(0))
                    + (bit_cast::<5, 3>(self.width.val().get_bits::<3>(0)) << 1);
            }
        }
        if self.reset.val() {
            self.rows_in.d.next = 0x3ff.into();
            self.rows_out.d.next = 0x3ff.into();
            self.wanting.d.next = false;
            self.fresh.d.next = false;
            self.held.d.next = 0.into();
        }
    }
}

//! Window unit: turns rows of raw RGB pixels into the vectors of the first convolution.

pub mod offer;
pub mod place;
pub mod taps;
pub mod unpack;

use crate::common::words::{Beat, Word};
use firebrick_spec::HwConfig;
use rust_hdl::prelude::*;

use crate::common::mem::Ram;
use crate::common::slice::RegisterSlice;
use crate::decode::record::RowsFields;
use crate::window::offer::WindowOffer;
use crate::window::place::WindowPlace;
use crate::window::taps::WindowTaps;
use crate::window::unpack::WindowUnpack;

/// Takes the payload of a rows record and writes, for each output pixel, the bytes of its 3x3 or
/// 7x7 window in the order (row, column, colour), zero-padded to whole words of `tile` bytes.
///
/// `start` takes the record at `record`; it may come in any cycle in which `busy` is low. Beats
/// enter when `in_valid` and `in_ready`; each row begins on a beat. Entry i of the output is
/// offered with `out_valid[i]` until `out_taken[i]`, each on its own; once all entries are taken,
/// the next ones may come in the cycle after. `busy` falls, with a pulse on `strip_done` if asked
/// for, in the cycle after the last word of the rows was taken.
///
/// The pipeline, from a beat to its words, if nothing waits: a beat taken in cycle t is held in
/// t + 1 (see [`WindowUnpack`]), where its pixels leave as a step, which waits in a register slice
/// in t + 2; in t + 3 the step is beside the rows above it, from the line memories; from t + 4 on it
/// is in the columns, where windows end; in t + 5 the words of the first of them are there (see
/// [`WindowPlace`]), and in t + 6 they are offered, through a register slice for each entry ([`WindowOffer`]). Windows
/// leave the columns when no words are there or the last ones of the windows before go on, one at a
/// time, or two if there are four entries. A step that brings windows stays until the last of them
/// leaves, and those behind it stand still meanwhile.
#[derive(LogicBlock)]
pub struct Window {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Stops and drops everything but the line memories.
    pub reset: Signal<In, Bit>,
    /// Begins with the rows of `record`.
    pub start: Signal<In, Bit>,
    /// Rows record, words 0 to 6.
    pub record: Signal<In, Bits<224>>,
    /// Not done.
    pub busy: Signal<Out, Bit>,
    /// The strip is complete.
    pub strip_done: Signal<Out, Bit>,
    /// Beat offered.
    pub in_valid: Signal<In, Bit>,
    /// Beat taken.
    pub in_ready: Signal<Out, Bit>,
    /// Beat: the next 16 bytes of the row.
    pub in_data: Signal<In, Beat>,
    /// Word offered.
    pub out_valid: Vec<Signal<Out, Bit>>,
    /// Word taken.
    pub out_taken: Vec<Signal<In, Bit>>,
    /// Feature address.
    pub out_address: Vec<Signal<Out, Bits<20>>>,
    /// The address lies beyond the feature buffer.
    pub out_beyond: Vec<Signal<Out, Bit>>,
    /// Word, in the low `tile` bytes.
    pub out_data: Vec<Signal<Out, Word>>,
    fields: RowsFields,
    unpack: WindowUnpack,
    // Steps on their way to the columns: their pixels, and above them their number, how many pixels
    // there are from them on (2, 3 or 4 at least), whether they are their row's last.
    steps: RegisterSlice<110>,
    mark: Signal<Local, Bits<14>>,
    mark_0: Signal<Local, Bits<14>>,
    step: Signal<Local, Bits<10>>,
    last: Signal<Local, Bit>,
    // The six rows above, for the pixels of a step: the oldest in the low bits.
    lines: Vec<Ram<144, 10>>,
    taps: WindowTaps,
    place: WindowPlace,
    // Words on their way out.
    offers: Vec<WindowOffer>,
    leaving: Signal<Local, Bit>,
    strip_end: DFF<Bit>,
    stride2: DFF<Bit>,
    kernel7: DFF<Bit>,
    single: DFF<Bit>,
    // Stage 0: the step that enters, in row y. From 7 on y goes back to 6.
    y: DFF<Bits<3>>,
    // Stage 1: the step beside the rows above it; the pixels at which windows end.
    valid_1: DFF<Bit>,
    pixels_1: DFF<Bits<96>>,
    step_1: DFF<Bits<10>>,
    ends_1: DFF<Bits<4>>,
    row_end_1: DFF<Bit>,
    // Stage 2: the step in the columns; the pixels at which windows end that have not left.
    ends_2: DFF<Bits<4>>,
    row_end_2: DFF<Bit>,
    advance: Signal<Local, Bit>,
    moves: Signal<Local, Bit>,
    enters: Signal<Local, Bit>,
    x: Signal<Local, Bits<12>>,
    border: Signal<Local, Bits<3>>,
    row_emits: Signal<Local, Bit>,
    early: Signal<Local, Bit>,
    late: Signal<Local, Bit>,
    on_grid: Signal<Local, Bit>,
    end_0: Signal<Local, Bits<4>>,
    end_1: Signal<Local, Bits<4>>,
    end_2: Signal<Local, Bits<4>>,
    end_3: Signal<Local, Bits<4>>,
    loads: Signal<Local, Bit>,
    after_one: Signal<Local, Bits<4>>,
    after_all: Signal<Local, Bits<4>>,
    first: Signal<Local, Bits<2>>,
    second: Signal<Local, Bits<2>>,
    working: Signal<Local, Bit>,
    zero: Constant<Bits<3>>,
    step_pixels: Constant<Bits<10>>,
    step_bits: Constant<Bits<2>>,
    in_step: Constant<Bits<4>>,
    two: Constant<Bit>,
    _pixels: usize,
    _words: usize,
}

impl Window {
    /// A window unit for pictures up to `config.window_width` pixels wide and windows of up to
    /// `config.window_kernel` rows, 3 or 7.
    #[must_use]
    pub fn new(config: &HwConfig) -> Self {
        let (pixels, words) = (config.window_pixels(), config.window_words());
        assert!(
            [1, 2, 4].contains(&pixels),
            "steps of one pixel, two or four"
        );
        let depth = config.window_width.div_ceil(pixels).max(2);
        block! {
            clock, reset, start, record, busy, strip_done, in_valid, in_ready, in_data, fields,
            strip_end, stride2, kernel7, single, y, valid_1, pixels_1, step_1, ends_1, row_end_1,
            ends_2, row_end_2, advance, moves, enters, x, border, row_emits, early, late, on_grid,
            end_0, end_1, end_2, end_3, loads, after_one, after_all, first, second, leaving,
            working, steps, mark, mark_0, step, last;
            out_valid: (0..words).map(|_| Signal::default()).collect(),
            out_taken: (0..words).map(|_| Signal::default()).collect(),
            out_address: (0..words).map(|_| Signal::default()).collect(),
            out_beyond: (0..words).map(|_| Signal::default()).collect(),
            out_data: (0..words).map(|_| Signal::default()).collect(),
            unpack: WindowUnpack::new(config),
            lines: (0..pixels).map(|_| Ram::new(depth)).collect(),
            taps: WindowTaps::new(config),
            place: WindowPlace::new(config),
            offers: (0..words).map(|_| WindowOffer::new(config)).collect(),
            zero: Constant::new(0.into()),
            step_pixels: Constant::new((pixels as u64).into()),
            step_bits: Constant::new(u64::from(pixels.ilog2()).into()),
            in_step: Constant::new(((1u64 << pixels) - 1).into()),
            two: Constant::new(words == 4),
            _pixels: pixels,
            _words: words,
        }
    }
}

impl Logic for Window {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, strip_end, stride2, kernel7, single, y, valid_1, pixels_1, step_1, ends_1,
            row_end_1, ends_2, row_end_2
        );
        clock!(self, clock, unpack, steps);
        self.steps.reset.next = self.reset.val();
        self.taps.clock.next = self.clock.val();
        self.place.clock.next = self.clock.val();
        self.unpack.reset.next = self.reset.val();
        self.place.reset.next = self.reset.val();

        // Input.
        self.unpack.in_valid.next = self.in_valid.val();
        self.unpack.in_data.next = self.in_data.val();
        self.in_ready.next = self.unpack.in_ready.val();

        // Steps.
        self.steps.in_valid.next = self.unpack.valid.val();
        self.mark.next = bit_cast::<14, 10>(self.unpack.step.val());
        if self.unpack.left.val() >= 2 {
            self.mark.next = self.mark.val() | 0x400;
        }
        if self.unpack.left.val() >= 3 {
            self.mark.next = self.mark.val() | 0x800;
        }
        if self.unpack.left.val() >= 4 {
            self.mark.next = self.mark.val() | 0x1000;
        }
        if self.unpack.last.val() {
            self.mark.next = self.mark.val() | 0x2000;
        }
        self.steps.in_data.next = bit_cast::<110, 96>(self.unpack.pixels.val())
            | (bit_cast::<110, 14>(self.mark.val()) << 96);
        self.unpack.take.next = self.unpack.valid.val() & self.steps.in_ready.val();
        self.mark_0.next = self.steps.out_data.val().get_bits::<14>(96);
        self.step.next = self.mark_0.val().get_bits::<10>(0);
        self.last.next = self.mark_0.val().get_bit(13);

        // Stage 2: windows leave, the first ones first. The step moves on with the last of them.
        self.loads.next = self.place.free.val() & self.ends_2.q.val().any();
        self.after_one.next = self.ends_2.q.val() & (self.ends_2.q.val() - 1);
        self.after_all.next = self.after_one.val();
        if self.two.val() {
            self.after_all.next = self.after_one.val() & (self.after_one.val() - 1);
        }
        self.first.next = 3.into();
        if self.ends_2.q.val().get_bit(0) {
            self.first.next = 0.into();
        } else if self.ends_2.q.val().get_bit(1) {
            self.first.next = 1.into();
        } else if self.ends_2.q.val().get_bit(2) {
            self.first.next = 2.into();
        }
        self.second.next = 3.into();
        if self.after_one.val().get_bit(1) {
            self.second.next = 1.into();
        } else if self.after_one.val().get_bit(2) {
            self.second.next = 2.into();
        }
        self.advance.next =
            (!self.ends_2.q.val().any()) | (self.place.free.val() & (!self.after_all.val().any()));
        self.moves.next = self.advance.val() & self.valid_1.q.val();
        if self.loads.val() {
            self.ends_2.d.next = self.after_all.val();
        }
        if self.advance.val() {
            self.ends_2.d.next = 0.into();
            self.row_end_2.d.next = false;
            if self.valid_1.q.val() {
                self.ends_2.d.next = self.ends_1.q.val();
                self.row_end_2.d.next = self.row_end_1.q.val();
            }
        }
        self.taps.load.next = self.loads.val();
        self.taps.kernel7.next = self.kernel7.q.val();
        self.taps.first.next = self.first.val();
        self.taps.second.next = self.second.val();
        self.taps.onward.next = self.place.onward.val();
        self.taps.shift.next = self.moves.val();
        self.place.load.next = self.loads.val();
        self.place.pair.next = self.two.val() & self.after_one.val().any();
        self.place.row_end.next = self.advance.val() & self.row_end_2.q.val();
        for i in 0..self._words {
            self.offers[i].clock.next = self.clock.val();
            self.offers[i].reset.next = self.reset.val();
            self.offers[i].in_valid.next = self.place.out_valid[i].val();
            self.offers[i].in_word.next = self.taps.word[i].val();
            self.offers[i].in_address.next = self.place.out_address[i].val();
            self.offers[i].out_ready.next = self.out_taken[i].val();
            self.place.out_taken[i].next =
                self.place.out_valid[i].val() & self.offers[i].in_ready.val();
            self.out_valid[i].next = self.offers[i].out_valid.val();
            self.out_address[i].next = self.offers[i].out_address.val();
            self.out_beyond[i].next = self.offers[i].out_beyond.val();
            self.out_data[i].next = self.offers[i].out_word.val();
        }

        // Stage 1: the line memories drop the oldest of their rows and take the new one.
        for i in 0..self._pixels {
            self.taps.above[i].next = self.lines[i].read_data.val();
            self.taps.pixel[i].next = self.pixels_1.q.val().get_bits::<24>(i * 24);
            self.lines[i].clock.next = self.clock.val();
            self.lines[i].write_enable.next = self.moves.val();
            self.lines[i].write_address.next = self.step_1.q.val();
            self.lines[i].write_data.next = self.taps.below[i].val();
            self.lines[i].read_enable.next = self.advance.val();
            self.lines[i].read_address.next = self.step.val();
        }

        // Stage 0: which pixels end a window. The line memories read what the row above has
        // written: a row of a single step must have left stage 1.
        self.enters.next = self.advance.val()
            & self.steps.out_valid.val()
            & (!(self.single.q.val() & self.valid_1.q.val()));
        self.steps.out_ready.next = self.enters.val();
        self.x.next = bit_cast::<12, 10>(self.step.val()) << self.step_bits.val();
        self.border.next = 2.into();
        if self.kernel7.q.val() {
            self.border.next = 6.into();
        }
        self.row_emits.next = (self.y.q.val() >= self.border.val())
            & ((!self.stride2.q.val()) | (!self.y.q.val().get_bit(0)));
        self.early.next =
            self.row_emits.val() & (self.x.val() >= bit_cast::<12, 3>(self.border.val()));
        self.late.next =
            self.row_emits.val() & ((self.x.val() + 2) >= bit_cast::<12, 3>(self.border.val()));
        self.on_grid.next = (!self.stride2.q.val()) | (!self.x.val().get_bit(0));
        self.end_0.next = 0.into();
        if self.early.val() & self.on_grid.val() {
            self.end_0.next = 1.into();
        }
        self.end_1.next = 0.into();
        if self.early.val() & (!self.stride2.q.val()) & self.mark_0.val().get_bit(10) {
            self.end_1.next = 2.into();
        }
        self.end_2.next = 0.into();
        if self.late.val() & self.on_grid.val() & self.mark_0.val().get_bit(11) {
            self.end_2.next = 4.into();
        }
        self.end_3.next = 0.into();
        if self.late.val() & (!self.stride2.q.val()) & self.mark_0.val().get_bit(12) {
            self.end_3.next = 8.into();
        }
        if self.advance.val() {
            self.valid_1.d.next = self.enters.val();
            self.pixels_1.d.next = self.steps.out_data.val().get_bits::<96>(0);
            self.step_1.d.next = self.step.val();
            self.ends_1.d.next =
                (self.end_0.val() | self.end_1.val() | self.end_2.val() | self.end_3.val())
                    & self.in_step.val();
            self.row_end_1.d.next = self.row_emits.val() & self.last.val();
        }
        if self.enters.val() & self.last.val() {
            self.y.d.next = self.y.q.val() + 1;
            if self.y.q.val() == 7 {
                self.y.d.next = 6.into();
            }
        }

        self.leaving.next = false;
        for i in 0..self._words {
            if self.offers[i].out_valid.val() {
                self.leaving.next = true;
            }
        }
        self.working.next = self.leaving.val()
            | self.unpack.active.val()
            | self.steps.out_valid.val()
            | self.valid_1.q.val()
            | self.ends_2.q.val().any()
            | self.place.busy.val();
        self.busy.next = self.working.val();
        self.strip_done.next = self.strip_end.q.val() & (!self.working.val());
        if !self.working.val() {
            self.strip_end.d.next = false;
        }

        self.unpack.start.next = self.start.val();
        self.fields.record.next = self.record.val();
        self.unpack.width.next = self.fields.width.val();
        self.unpack.rows.next = self.fields.rows.val();
        self.place.start.next = self.start.val();
        self.place.base.next = self.fields.base.val();
        self.place.plane.next = self.fields.plane.val();
        self.place.gap.next = self.fields.gap.val();
        self.place.kernel7.next = self.fields.kernel.val() == 7;
        if self.start.val() {
            self.strip_end.d.next = self.fields.strip_end.val();
            self.kernel7.d.next = self.fields.kernel.val() == 7;
            self.stride2.d.next = self.fields.stride.val() == 2;
            self.single.d.next = self.fields.width.val() <= self.step_pixels.val();
            if self.fields.first.val() {
                self.y.d.next = self.zero.val();
            }
        }
        if self.reset.val() {
            self.valid_1.d.next = false;
            self.ends_2.d.next = 0.into();
            self.row_end_2.d.next = false;
            self.strip_end.d.next = false;
        }
    }
}

//! Where one entry of a step lies, and what ends in it.

use rust_hdl::prelude::*;

use crate::common::delay::DelayLine;
use crate::drain::step::STEP_DELAY;

/// Follows entry `number` of each step.
///
/// `x`, `pitch`, `not_left` and `allowed` belong to the step's first position; the other inputs come a
/// cycle later. `belongs` says without a register whether the entry belongs to the tile, `column`
/// and `ends` a cycle later where it lies and whether a pooling window ends in its column. `keep`
/// (the entry is a pixel) comes [`STEP_DELAY`] + 1 cycles after `x`, and `kept` (the same),
/// `emit` (an output word is complete) and `row_end` (so is its row) another cycle later.
#[derive(LogicBlock)]
pub struct DrainColumn {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Column of the step's first position.
    pub x: Signal<In, Bits<11>>,
    /// Positions from row to row.
    pub pitch: Signal<In, Bits<11>>,
    /// Positions that the tile still has, from the step's first on.
    pub not_left: Signal<In, Bits<13>>,
    /// A window may end here: the position that completes it belongs to the tile.
    pub allowed: Signal<In, Bit>,
    /// A cycle later: width of the map.
    pub width: Signal<In, Bits<10>>,
    /// A cycle later: column of a row's last output.
    pub row_last: Signal<In, Bits<11>>,
    /// A cycle later: mode write.
    pub plain: Signal<In, Bit>,
    /// A cycle later: mode pool, and windows end in this row.
    pub down: Signal<In, Bit>,
    /// The entry belongs to the tile.
    pub belongs: Signal<Out, Bit>,
    /// Column of the entry.
    pub column: Signal<Out, Bits<11>>,
    /// With the step's first entry: the step reaches the tile's pixels or a window that they
    /// complete.
    pub reaches: Signal<Out, Bit>,
    /// A window ends in this column.
    pub ends: Signal<Out, Bit>,
    /// The entry is a pixel.
    pub keep: Signal<Out, Bit>,
    /// The same, a cycle later.
    pub kept: Signal<Out, Bit>,
    /// An output word is complete with this entry.
    pub emit: Signal<Out, Bit>,
    /// It is the last of its row.
    pub row_end: Signal<Out, Bit>,
    at: DFF<Bits<11>>,
    belongs_1: DFF<Bit>,
    allowed_1: DFF<Bit>,
    keep_2: DFF<Bit>,
    kept_2: DFF<Bit>,
    emit_2: DFF<Bit>,
    at_last_2: DFF<Bit>,
    keep_line: DelayLine<1>,
    emit_line: DelayLine<1>,
    row_end_line: DelayLine<1>,
    raw: Signal<Local, Bits<11>>,
    pixel: Signal<Local, Bit>,
    at_last: Signal<Local, Bit>,
    even: Signal<Local, Bit>,
    window: Signal<Local, Bit>,
    emits: Signal<Local, Bit>,
    number_x: Constant<Bits<11>>,
    not_number: Constant<Bits<13>>,
}

impl DrainColumn {
    /// Entry `number` of each step.
    #[must_use]
    pub fn new(number: usize) -> Self {
        block! {
            clock, x, pitch, not_left, allowed, width, row_last, plain, down, belongs, column, reaches,
            ends, keep, kept, emit, row_end, at, belongs_1, allowed_1, keep_2, kept_2, emit_2,
            at_last_2, raw, pixel, at_last, even, window, emits;
            keep_line: DelayLine::new(STEP_DELAY - 1),
            emit_line: DelayLine::new(STEP_DELAY),
            row_end_line: DelayLine::new(STEP_DELAY),
            number_x: Constant::new((number as u64).into()),
            not_number: Constant::new((0x1fff - number as u64).into()),
        }
    }
}

impl Logic for DrainColumn {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, at, belongs_1, allowed_1, keep_2, kept_2, emit_2, at_last_2
        );
        clock!(self, clock, keep_line, emit_line, row_end_line);
        self.keep_line.reset.next = false;
        self.emit_line.reset.next = false;
        self.row_end_line.reset.next = false;

        // The column; at most one row begins belongs a step.
        self.belongs.next = self.not_left.val() < self.not_number.val();
        self.raw.next = self.x.val() + self.number_x.val();
        self.at.d.next = self.raw.val();
        if self.raw.val() >= self.pitch.val() {
            self.at.d.next = self.raw.val() - self.pitch.val();
        }
        self.belongs_1.d.next = self.not_left.val() < self.not_number.val();
        self.allowed_1.d.next = self.allowed.val();

        // What it means. Windows end in even columns, and in the last one of cut windows.
        self.pixel.next =
            self.belongs_1.q.val() & (self.at.q.val() < bit_cast::<11, 10>(self.width.val()));
        self.at_last.next = self.at.q.val() == self.row_last.val();
        self.even.next = !self.at.q.val().get_bit(0);
        self.window.next = self.allowed_1.q.val()
            & self.at.q.val().any()
            & (self.at.q.val() <= self.row_last.val())
            & (self.even.val() | self.at_last.val());
        self.emits.next =
            (self.plain.val() & self.pixel.val()) | (self.down.val() & self.window.val());
        self.keep_2.d.next = self.pixel.val();
        self.emit_2.d.next = self.emits.val();
        self.at_last_2.d.next = self.at_last.val();
        self.column.next = self.at.q.val();
        self.ends.next = self.window.val();
        self.reaches.next =
            self.belongs_1.q.val() | (self.allowed_1.q.val() & self.at.q.val().any());

        // Until the words come.
        self.keep_line.d.next = bit_cast::<1, 1>(self.keep_2.q.val().into());
        self.emit_line.d.next = bit_cast::<1, 1>(self.emit_2.q.val().into());
        self.row_end_line.d.next =
            bit_cast::<1, 1>((self.emit_2.q.val() & self.at_last_2.q.val()).into());
        self.kept_2.d.next = self.keep_line.q.val().any();
        self.keep.next = self.keep_line.q.val().any();
        self.kept.next = self.kept_2.q.val();
        self.emit.next = self.emit_line.q.val().any();
        self.row_end.next = self.row_end_line.q.val().any();
    }
}

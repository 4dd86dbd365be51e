//! Where one entry of a step lies, and what ends in it.

use rust_hdl::prelude::*;

use crate::delay::Delay;
use crate::drain_place::STEP_DELAY;

/// Follows entry `number` of each step.
///
/// `x`, `pitch`, `left` and `before` belong to the step's first position; the other inputs come a
/// cycle later. `within` says without a register whether the entry belongs to the tile, `column`
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
    pub left: Signal<In, Bits<13>>,
    /// A window may end here: the position that completes it belongs to the tile.
    pub before: Signal<In, Bit>,
    /// A cycle later: width of the map.
    pub width: Signal<In, Bits<10>>,
    /// A cycle later: column of a row's last output.
    pub row_last: Signal<In, Bits<11>>,
    /// A cycle later: mode write.
    pub plain: Signal<In, Bit>,
    /// A cycle later: mode pool, and windows end in this row.
    pub down: Signal<In, Bit>,
    /// The entry belongs to the tile.
    pub within: Signal<Out, Bit>,
    /// Column of the entry.
    pub column: Signal<Out, Bits<11>>,
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
    within_1: DFF<Bit>,
    before_1: DFF<Bit>,
    keep_2: DFF<Bit>,
    kept_2: DFF<Bit>,
    emit_2: DFF<Bit>,
    row_end_2: DFF<Bit>,
    keep_line: Delay<1, { STEP_DELAY - 1 }>,
    emit_line: Delay<1, STEP_DELAY>,
    row_end_line: Delay<1, STEP_DELAY>,
    raw: Signal<Local, Bits<11>>,
    pixel: Signal<Local, Bit>,
    at_last: Signal<Local, Bit>,
    even: Signal<Local, Bit>,
    window: Signal<Local, Bit>,
    emits: Signal<Local, Bit>,
    number_x: Constant<Bits<11>>,
    number_left: Constant<Bits<13>>,
}

impl DrainColumn {
    /// Entry `number` of each step.
    #[must_use]
    pub fn new(number: usize) -> Self {
        Self {
            clock: Default::default(),
            x: Default::default(),
            pitch: Default::default(),
            left: Default::default(),
            before: Default::default(),
            width: Default::default(),
            row_last: Default::default(),
            plain: Default::default(),
            down: Default::default(),
            within: Default::default(),
            column: Default::default(),
            ends: Default::default(),
            keep: Default::default(),
            kept: Default::default(),
            emit: Default::default(),
            row_end: Default::default(),
            at: Default::default(),
            within_1: Default::default(),
            before_1: Default::default(),
            keep_2: Default::default(),
            kept_2: Default::default(),
            emit_2: Default::default(),
            row_end_2: Default::default(),
            keep_line: Default::default(),
            emit_line: Default::default(),
            row_end_line: Default::default(),
            raw: Default::default(),
            pixel: Default::default(),
            at_last: Default::default(),
            even: Default::default(),
            window: Default::default(),
            emits: Default::default(),
            number_x: Constant::new((number as u64).into()),
            number_left: Constant::new((number as u64).into()),
        }
    }
}

impl Logic for DrainColumn {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, at, within_1, before_1, keep_2, kept_2, emit_2, row_end_2
        );
        clock!(self, clock, keep_line, emit_line, row_end_line);
        self.keep_line.reset.next = false;
        self.emit_line.reset.next = false;
        self.row_end_line.reset.next = false;

        // The column; at most one row begins within a step.
        self.within.next = self.left.val() > self.number_left.val();
        self.raw.next = self.x.val() + self.number_x.val();
        self.at.d.next = self.raw.val();
        if self.raw.val() >= self.pitch.val() {
            self.at.d.next = self.raw.val() - self.pitch.val();
        }
        self.within_1.d.next = self.left.val() > self.number_left.val();
        self.before_1.d.next = self.before.val();

        // What it means. Windows end in even columns, and in the last one of cut windows.
        self.pixel.next =
            self.within_1.q.val() & (self.at.q.val() < bit_cast::<11, 10>(self.width.val()));
        self.at_last.next = self.at.q.val() == self.row_last.val();
        self.even.next = !self.at.q.val().get_bit(0);
        self.window.next = self.before_1.q.val()
            & self.at.q.val().any()
            & (self.at.q.val() <= self.row_last.val())
            & (self.even.val() | self.at_last.val());
        self.emits.next =
            (self.plain.val() & self.pixel.val()) | (self.down.val() & self.window.val());
        self.keep_2.d.next = self.pixel.val();
        self.emit_2.d.next = self.emits.val();
        self.row_end_2.d.next = self.emits.val() & self.at_last.val();
        self.column.next = self.at.q.val();
        self.ends.next = self.window.val();

        // Until the words come.
        self.keep_line.d.next = bit_cast::<1, 1>(self.keep_2.q.val().into());
        self.emit_line.d.next = bit_cast::<1, 1>(self.emit_2.q.val().into());
        self.row_end_line.d.next = bit_cast::<1, 1>(self.row_end_2.q.val().into());
        self.kept_2.d.next = self.keep_line.q.val().get_bit(0);
        self.keep.next = self.keep_line.q.val().get_bit(0);
        self.kept.next = self.kept_2.q.val();
        self.emit.next = self.emit_line.q.val().get_bit(0);
        self.row_end.next = self.row_end_line.q.val().get_bit(0);
    }
}

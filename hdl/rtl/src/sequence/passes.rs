//! Pass generator: turns a queued record into the passes that the streamer runs one by one.

use firebrick_spec::command::ring_words;
use rust_hdl::prelude::*;

use crate::decode::record::{BlockFields, RecordKind};

/// Takes records from the queue (`record_*`) and offers their passes (`pass_*`), one at a time,
/// in the order of the record's definition: channel groups outside, taps inside.
///
/// `block`, `store` or `mark` (an end) holds until `pass_pop`: registers, since much follows from them in one
/// cycle. Block-wide values are those of `record`, which stays
/// until its last pass (`final_pass`) is taken; the next record takes its place in the same cycle.
#[derive(LogicBlock)]
pub struct Passes {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops the current record.
    pub reset: Signal<In, Bit>,
    /// A record waits in the queue.
    pub record_valid: Signal<In, Bit>,
    /// It has a single pass, or is no block.
    pub record_single: Signal<In, Bit>,
    /// The waiting record.
    pub record_data: Signal<In, Bits<224>>,
    /// Takes it.
    pub record_pop: Signal<Out, Bit>,
    /// A block's pass is offered.
    pub block: Signal<Out, Bit>,
    /// A store is offered.
    pub store: Signal<Out, Bit>,
    /// An end is offered.
    pub mark: Signal<Out, Bit>,
    /// Its record.
    pub record: Signal<Out, Bits<224>>,
    /// It is its record's first.
    pub first_pass: Signal<Out, Bit>,
    /// It is its record's last.
    pub final_pass: Signal<Out, Bit>,
    /// Feature word of its first position; may lie outside the map, where it is masked.
    pub address: Signal<Out, Bits<20>>,
    /// First word of the ring in which its words lie.
    pub ring_base: Signal<Out, Bits<20>>,
    /// Address bits that count within the ring; all of them if there is none.
    pub ring_mask: Signal<Out, Bits<20>>,
    /// Positions from row to row.
    pub pitch: Signal<Out, Bits<11>>,
    /// Tap row 0 to 2; 1 is the middle.
    pub tap_row: Signal<Out, Bits<2>>,
    /// Tap column 0 to 2.
    pub tap_column: Signal<Out, Bits<2>>,
    /// Takes the pass.
    pub pass_pop: Signal<In, Bit>,
    have: DFF<Bit>,
    is_block: DFF<Bit>,
    is_store: DFF<Bit>,
    is_end: DFF<Bit>,
    is_final: DFF<Bit>,
    held: DFF<Bits<224>>,
    fresh: DFF<Bit>,
    row: DFF<Bits<2>>,
    column: DFF<Bits<2>>,
    // Inverted, so that it counts up.
    groups: DFF<Bits<12>>,
    group_base: DFF<Bits<20>>,
    tap_offset: DFF<Bits<20>>,
    // Of the record at hand, and of the one that waits.
    now: BlockFields,
    coming: BlockFields,
    kind: RecordKind,
    last_tap: Signal<Local, Bit>,
    take: Signal<Local, Bit>,
    next_pitch: Signal<Local, Bits<20>>,
    row_pitch: DFF<Bits<20>>,
    // From the right end of a row of taps to the left end of the next.
    row_step: DFF<Bits<20>>,
    tap_step: Signal<Local, Bits<20>>,
    mask: DFF<Bits<20>>,
    // Bits of the mask, and the least ring that each is of.
    one: Vec<Constant<Bits<20>>>,
    least: Vec<Constant<Bits<4>>>,
    ring: Signal<Local, Bits<20>>,
}

impl Default for Passes {
    fn default() -> Self {
        block! {
            clock, reset, record_valid, record_data, record_single, record_pop, block, store, mark,
            record, first_pass, final_pass, address, ring_base, ring_mask, pitch, tap_row,
            tap_column, pass_pop, have, is_block, is_store, is_end, is_final, held, fresh, row,
            column, groups, group_base, tap_offset, now, coming, kind, last_tap, take, next_pitch,
            row_pitch, row_step, tap_step, mask, ring;
            one: (0..20).map(|bit| Constant::new((1u64 << bit).into())).collect(),
            least: (0..20)
                .map(|bit| (1..16).find(|&ring| ring_words(ring) > 1 << bit).unwrap_or(15))
                .map(|ring| Constant::new(u64::from(ring).into()))
                .collect(),
        }
    }
}

impl Logic for Passes {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, have, is_block, is_store, is_end, is_final, held, fresh, row, column,
            groups, group_base, tap_offset, row_pitch, row_step, mask
        );
        self.now.record.next = self.held.q.val();
        self.coming.record.next = self.record_data.val();
        self.kind.record.next = self.record_data.val();
        self.last_tap.next =
            (!self.now.kernel3.val()) | ((self.row.q.val() == 2) & (self.column.q.val() == 2));

        self.block.next = self.is_block.q.val();
        self.store.next = self.is_store.q.val();
        self.mark.next = self.is_end.q.val();
        self.record.next = self.held.q.val();
        self.first_pass.next = self.fresh.q.val();
        self.final_pass.next = self.is_final.q.val();
        self.address.next = self.group_base.q.val() + self.tap_offset.q.val();
        self.ring_base.next = self.group_base.q.val() & (!self.mask.q.val());
        self.ring_mask.next = self.mask.q.val();
        self.pitch.next = self.row_pitch.q.val().get_bits::<11>(0);
        self.tap_row.next = self.row.q.val();
        self.tap_column.next = self.column.q.val();

        self.tap_step.next = 1.into();
        if self.pass_pop.val() {
            self.fresh.d.next = false;
            // Of the pass after this one.
            self.is_final.d.next = self.groups.q.val() == 0xffd;
            if self.now.kernel3.val() {
                self.is_final.d.next = (self.row.q.val() == 2)
                    & (self.column.q.val() == 1)
                    & (self.groups.q.val() == 0xffe);
                if self.column.q.val() == 2 {
                    self.column.d.next = 0.into();
                    // From the right end of a row of taps to the left end of the next.
                    self.tap_step.next = self.row_step.q.val();
                    if self.row.q.val() == 2 {
                        self.row.d.next = 0.into();
                    } else {
                        self.row.d.next = self.row.q.val() + 1;
                    }
                } else {
                    self.column.d.next = self.column.q.val() + 1;
                }
                self.tap_offset.d.next = self.tap_offset.q.val() + self.tap_step.val();
                if self.last_tap.val() {
                    self.tap_offset.d.next = !self.row_pitch.q.val();
                }
            }
            if self.last_tap.val() {
                self.groups.d.next = self.groups.q.val() + 1;
                self.group_base.d.next = self.group_base.q.val() + self.now.plane.val();
            }
        }

        // All bits without a ring. A cycle after the record: no block begins sooner.
        self.ring.next = 0.into();
        for i in 0..20 {
            if (!self.now.in_ring.val().any()) | (self.now.in_ring.val() >= self.least[i].val()) {
                self.ring.next = self.ring.val() | self.one[i].val();
            }
        }
        self.mask.d.next = self.ring.val();
        self.take.next = self.record_valid.val()
            & ((!self.have.q.val()) | (self.pass_pop.val() & self.is_final.q.val()));
        self.record_pop.next = self.take.val();
        self.next_pitch.next = bit_cast::<20, 10>(self.coming.width.val())
            + bit_cast::<20, 4>(self.coming.in_gap.val());
        if self.pass_pop.val() & self.is_final.q.val() {
            self.have.d.next = false;
            self.is_block.d.next = false;
            self.is_store.d.next = false;
            self.is_end.d.next = false;
        }
        if self.take.val() {
            self.have.d.next = true;
            self.is_block.d.next = self.kind.is_block.val();
            self.is_store.d.next = self.kind.is_store.val();
            self.is_end.d.next = self.kind.is_end.val();
            self.is_final.d.next = self.record_single.val();
            self.held.d.next = self.record_data.val();
            self.fresh.d.next = true;
            self.row_pitch.d.next = self.next_pitch.val();
            self.row_step.d.next = self.next_pitch.val() - 2;
            self.groups.d.next = !self.coming.groups.val();
            self.group_base.d.next = self.coming.in_base.val();
            if self.coming.kernel3.val() {
                self.row.d.next = 0.into();
                self.column.d.next = 0.into();
                self.tap_offset.d.next = !self.next_pitch.val();
            } else {
                self.row.d.next = 1.into();
                self.column.d.next = 1.into();
                self.tap_offset.d.next = 0.into();
            }
        }
        if self.reset.val() {
            self.have.d.next = false;
            self.is_block.d.next = false;
            self.is_store.d.next = false;
            self.is_end.d.next = false;
        }
    }
}

//! Pass generator: turns a queued record into the passes that the streamer runs one by one.

use rust_hdl::prelude::*;

/// Takes records from the queue (`record_*`) and offers their passes (`pass_*`), one at a time,
/// in the order of the record's definition: channel groups outside, taps inside.
///
/// `pass_valid` holds until `pass_pop`. Block-wide values are those of `record`, which stays
/// until its last pass (`final_pass`) is taken; the next record takes its place in the same cycle.
#[derive(LogicBlock, Default)]
pub struct Passes {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops the current record.
    pub reset: Signal<In, Bit>,
    /// A record waits in the queue.
    pub record_valid: Signal<In, Bit>,
    /// The waiting record.
    pub record_data: Signal<In, Bits<224>>,
    /// Takes it.
    pub record_pop: Signal<Out, Bit>,
    /// A pass is offered.
    pub pass_valid: Signal<Out, Bit>,
    /// Its record.
    pub record: Signal<Out, Bits<224>>,
    /// It is its record's first.
    pub first_pass: Signal<Out, Bit>,
    /// It is its record's last.
    pub final_pass: Signal<Out, Bit>,
    /// Feature word of its first pixel; may lie outside the map, where it is masked.
    pub address: Signal<Out, Bits<20>>,
    /// Tap row 0 to 2; 1 is the middle.
    pub tap_row: Signal<Out, Bits<2>>,
    /// Tap column 0 to 2.
    pub tap_column: Signal<Out, Bits<2>>,
    /// Takes the pass.
    pub pass_pop: Signal<In, Bit>,
    have: DFF<Bit>,
    held: DFF<Bits<224>>,
    fresh: DFF<Bit>,
    row: DFF<Bits<2>>,
    column: DFF<Bits<2>>,
    groups: DFF<Bits<12>>,
    group_base: DFF<Bits<20>>,
    tap_offset: DFF<Bits<20>>,
    kernel3: Signal<Local, Bit>,
    is_block: Signal<Local, Bit>,
    last_tap: Signal<Local, Bit>,
    last_group: Signal<Local, Bit>,
    done: Signal<Local, Bit>,
    take: Signal<Local, Bit>,
    width: Signal<Local, Bits<20>>,
    next_width: Signal<Local, Bits<20>>,
}

impl Logic for Passes {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, have, held, fresh, row, column, groups, group_base, tap_offset
        );
        self.is_block.next = self.held.q.val().get_bits::<8>(0) == 0x10;
        self.kernel3.next = self.held.q.val().get_bit(8);
        self.width.next = bit_cast::<20, 10>(self.held.q.val().get_bits::<10>(96));
        self.last_tap.next =
            (!self.kernel3.val()) | ((self.row.q.val() == 2) & (self.column.q.val() == 2));
        self.last_group.next = self.groups.q.val() == 1;
        self.done.next = (!self.is_block.val()) | (self.last_tap.val() & self.last_group.val());

        self.pass_valid.next = self.have.q.val();
        self.record.next = self.held.q.val();
        self.first_pass.next = self.fresh.q.val();
        self.final_pass.next = self.done.val();
        self.address.next = self.group_base.q.val() + self.tap_offset.q.val();
        self.tap_row.next = self.row.q.val();
        self.tap_column.next = self.column.q.val();

        if self.pass_pop.val() {
            self.fresh.d.next = false;
            if self.kernel3.val() {
                if self.column.q.val() == 2 {
                    self.column.d.next = 0.into();
                    // From the right end of a row of taps to the left end of the next.
                    self.tap_offset.d.next = (self.tap_offset.q.val() + self.width.val()) - 2;
                    if self.row.q.val() == 2 {
                        self.row.d.next = 0.into();
                        self.tap_offset.d.next =
                            ((self.tap_offset.q.val() - self.width.val()) - self.width.val()) - 2;
                    } else {
                        self.row.d.next = self.row.q.val() + 1;
                    }
                } else {
                    self.column.d.next = self.column.q.val() + 1;
                    self.tap_offset.d.next = self.tap_offset.q.val() + 1;
                }
            }
            if self.last_tap.val() {
                self.groups.d.next = self.groups.q.val() - 1;
                self.group_base.d.next =
                    self.group_base.q.val() + self.held.q.val().get_bits::<20>(64);
            }
        }

        self.take.next = self.record_valid.val()
            & ((!self.have.q.val()) | (self.pass_pop.val() & self.done.val()));
        self.record_pop.next = self.take.val();
        self.next_width.next = bit_cast::<20, 10>(self.record_data.val().get_bits::<10>(96));
        if self.pass_pop.val() & self.done.val() {
            self.have.d.next = false;
        }
        if self.take.val() {
            self.have.d.next = true;
            self.held.d.next = self.record_data.val();
            self.fresh.d.next = true;
            self.groups.d.next = self.record_data.val().get_bits::<12>(52);
            self.group_base.d.next = self.record_data.val().get_bits::<20>(32);
            if self.record_data.val().get_bit(8) {
                self.row.d.next = 0.into();
                self.column.d.next = 0.into();
                self.tap_offset.d.next = !self.next_width.val();
            } else {
                self.row.d.next = 1.into();
                self.column.d.next = 1.into();
                self.tap_offset.d.next = 0.into();
            }
        }
        if self.reset.val() {
            self.have.d.next = false;
        }
    }
}

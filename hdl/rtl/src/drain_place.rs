//! Where a drained vector belongs: counters behind the requantisers.

use rust_hdl::prelude::*;

use crate::drain_job::DrainJob;

/// Follows the vectors of the jobs and tells where each lies and what ends in it.
///
/// `push` notes a job (up to two, while `room`). `step` announces a vector for the next cycle,
/// never in two consecutive cycles; with `first` it opens the oldest job noted. The outputs
/// describe the vector from the cycle after `step` to the next `step`. `column_end` and `emit`
/// are for a window that ends in the vector's column, and for an output vector that is complete
/// with it. Addresses may leave the memory: 21 bits, checked elsewhere. Latency 1.
#[derive(LogicBlock, Default)]
pub struct DrainPlace {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset.
    pub reset: Signal<In, Bit>,
    /// Notes `job`.
    pub push: Signal<In, Bit>,
    /// A job to come.
    pub job: Signal<In, DrainJob>,
    /// Another job can be noted.
    pub room: Signal<Out, Bit>,
    /// A vector comes in the next cycle.
    pub step: Signal<In, Bit>,
    /// It is the first of its job.
    pub first: Signal<In, Bit>,
    /// Job of the vector.
    pub current: Signal<Out, DrainJob>,
    /// Mode write.
    pub plain: Signal<Out, Bit>,
    /// Even column.
    pub x_even: Signal<Out, Bit>,
    /// Even row.
    pub y_even: Signal<Out, Bit>,
    /// Mode pool: a window ends in this column.
    pub column_end: Signal<Out, Bit>,
    /// An output vector is complete.
    pub emit: Signal<Out, Bit>,
    /// Word of the pooling line memory.
    pub line_address: Signal<Out, Bits<12>>,
    /// Feature word of the output vector.
    pub out_address: Signal<Out, Bits<21>>,
    slot: [DFF<DrainJob>; 2],
    write: DFF<Bit>,
    read: DFF<Bit>,
    used: DFF<Bits<2>>,
    held: DFF<DrainJob>,
    x: DFF<Bits<10>>,
    y: DFF<Bits<10>>,
    line: DFF<Bits<12>>,
    out: DFF<Bits<21>>,
    oldest: Signal<Local, DrainJob>,
    open: Signal<Local, Bit>,
    x_next: Signal<Local, Bits<10>>,
    y_next: Signal<Local, Bits<10>>,
    x_odd: Signal<Local, Bit>,
    y_odd: Signal<Local, Bit>,
    row_ends: Signal<Local, Bit>,
    writes: Signal<Local, Bit>,
    pools: Signal<Local, Bit>,
    ends_across: Signal<Local, Bit>,
    ends_down: Signal<Local, Bit>,
    emits: Signal<Local, Bit>,
}

impl Logic for DrainPlace {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, write, read, used, held, x, y, line, out);
        for i in 0..2 {
            self.slot[i].clock.next = self.clock.val();
            self.slot[i].d.next = self.slot[i].q.val();
        }

        // Jobs on their way.
        self.open.next = self.step.val() & self.first.val();
        if self.push.val() {
            self.write.d.next = !self.write.q.val();
            if self.write.q.val() {
                self.slot[1].d.next = self.job.val();
            } else {
                self.slot[0].d.next = self.job.val();
            }
        }
        if self.push.val() & !self.open.val() {
            self.used.d.next = self.used.q.val() + 1;
        }
        if self.open.val() & !self.push.val() {
            self.used.d.next = self.used.q.val() - 1;
        }
        self.room.next = !self.used.q.val().get_bit(1);
        self.oldest.next = self.slot[0].q.val();
        if self.read.q.val() {
            self.oldest.next = self.slot[1].q.val();
        }

        // What ends in the present vector.
        self.x_next.next = self.x.q.val() + 1;
        self.y_next.next = self.y.q.val() + 1;
        self.x_odd.next = self.x.q.val().get_bit(0);
        self.y_odd.next = self.y.q.val().get_bit(0);
        self.row_ends.next = self.x_next.val() == self.held.q.val().width;
        self.writes.next = (self.held.q.val().mode == 0) & !self.held.q.val().end_image;
        self.pools.next = (self.held.q.val().mode == 1) & !self.held.q.val().end_image;
        self.ends_across.next = (!self.x_odd.val() & self.x.q.val().any())
            | (self.x_odd.val() & self.row_ends.val() & self.held.q.val().partial);
        self.ends_down.next = (!self.y_odd.val() & self.y.q.val().any())
            | (self.y_odd.val()
                & (self.y_next.val() == self.held.q.val().height)
                & self.held.q.val().partial);
        self.emits.next =
            self.writes.val() | (self.pools.val() & self.ends_across.val() & self.ends_down.val());

        // On to the next vector.
        if self.step.val() {
            self.x.d.next = self.x_next.val();
            if self.ends_across.val() {
                self.line.d.next = self.line.q.val() + 1;
            }
            if self.row_ends.val() {
                self.x.d.next = 0.into();
                self.y.d.next = self.y_next.val();
                self.line.d.next = self.held.q.val().line_base;
            }
            if self.emits.val() {
                self.out.d.next = self.out.q.val() + 1;
            }
        }
        if self.open.val() {
            self.read.d.next = !self.read.q.val();
            self.held.d.next = self.oldest.val();
            self.x.d.next = 0.into();
            self.y.d.next = self.oldest.val().y0;
            self.line.d.next = self.oldest.val().line_base;
            self.out.d.next = bit_cast::<21, 20>(self.oldest.val().out_base);
        }
        if self.reset.val() {
            self.write.d.next = false;
            self.read.d.next = false;
            self.used.d.next = 0.into();
        }

        self.current.next = self.held.q.val();
        self.plain.next = self.writes.val();
        self.x_even.next = !self.x_odd.val();
        self.y_even.next = !self.y_odd.val();
        self.column_end.next = self.pools.val() & self.ends_across.val();
        self.emit.next = self.emits.val();
        self.line_address.next = self.line.q.val();
        self.out_address.next = self.out.q.val();
    }
}

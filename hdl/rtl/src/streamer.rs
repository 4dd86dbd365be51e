//! Streamer: runs passes, one pixel vector a cycle, and keeps the order of things.

use rust_hdl::prelude::*;

/// Runs the passes that `Passes` offers.
///
/// A pass starts when its weights are there (`weights_ready`) and, for a record's first pass,
/// when few enough tiles wait to drain and the window unit has completed a strip, if asked for.
/// From then on it takes a cycle for each pixel vector without a pause: the feature address and
/// mask, and the tag that follows the vector through the array to the accumulators. The next
/// pass follows without a gap. A store runs when all tiles have drained, a word a cycle while
/// `store_room`. An end goes to the drain in order, like a tile without pixels.
///
/// In every cycle exactly one of `busy` and the `stall_*` outputs is high.
#[derive(LogicBlock, Default)]
pub struct Streamer {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops what runs.
    pub reset: Signal<In, Bit>,
    /// A pass is offered.
    pub pass_valid: Signal<In, Bit>,
    /// Its record, words 0 to 6.
    pub record: Signal<In, Bits<224>>,
    /// First pass of its record.
    pub first_pass: Signal<In, Bit>,
    /// Last pass of its record.
    pub final_pass: Signal<In, Bit>,
    /// Feature word of its first pixel.
    pub address: Signal<In, Bits<20>>,
    /// Tap row 0 to 2.
    pub tap_row: Signal<In, Bits<2>>,
    /// Tap column 0 to 2.
    pub tap_column: Signal<In, Bits<2>>,
    /// Takes the pass.
    pub pass_pop: Signal<Out, Bit>,
    /// The array has the weights of the next pass.
    pub weights_ready: Signal<In, Bit>,
    /// The next pass begins: its vectors come from the next cycle on.
    pub swap: Signal<Out, Bit>,
    /// The window unit completed a strip.
    pub strip_done: Signal<In, Bit>,
    /// A tile (or an end) has drained.
    pub drained: Signal<In, Bit>,
    /// A trailer has left the engine.
    pub trailer_sent: Signal<In, Bit>,
    /// Feature address.
    pub read_address: Signal<Out, Bits<20>>,
    /// The pixel lies within the map.
    pub read_mask: Signal<Out, Bit>,
    /// First vector of a pass.
    pub tag_swap: Signal<Out, Bit>,
    /// A vector.
    pub tag_valid: Signal<Out, Bit>,
    /// It starts the sum.
    pub tag_first: Signal<Out, Bit>,
    /// Accumulator bank.
    pub tag_bank: Signal<Out, Bit>,
    /// Accumulator address.
    pub tag_address: Signal<Out, Bits<11>>,
    /// The drain may have the next job once this has passed the array.
    pub tag_job: Signal<Out, Bit>,
    /// A record goes to the drain.
    pub job_push: Signal<Out, Bit>,
    /// The record.
    pub job_record: Signal<Out, Bits<224>>,
    /// A block has read all its pixels.
    pub reads_done: Signal<Out, Bit>,
    /// A word of a store is being read.
    pub store_read: Signal<Out, Bit>,
    /// The output queue has room for it.
    pub store_room: Signal<In, Bit>,
    /// Tiles given to the drain and not drained.
    pub outstanding: Signal<Out, Bits<4>>,
    /// A vector is issued.
    pub busy: Signal<Out, Bit>,
    /// Nothing queued.
    pub stall_command: Signal<Out, Bit>,
    /// Weights not there.
    pub stall_weights: Signal<Out, Bit>,
    /// Strip not complete.
    pub stall_window: Signal<Out, Bit>,
    /// Too many tiles wait to drain.
    pub stall_drain: Signal<Out, Bit>,
    /// A store runs or waits.
    pub stall_store: Signal<Out, Bit>,
    /// Nothing follows an end whose trailer is not sent.
    pub stall_finish: Signal<Out, Bit>,
    running: DFF<Bit>,
    storing: DFF<Bit>,
    finishing: DFF<Bit>,
    remaining: DFF<Bits<20>>,
    word: DFF<Bits<20>>,
    x: DFF<Bits<10>>,
    y: DFF<Bits<10>>,
    width: DFF<Bits<10>>,
    height: DFF<Bits<10>>,
    row: DFF<Bits<2>>,
    column: DFF<Bits<2>>,
    begins: DFF<Bit>,
    sum_starts: DFF<Bit>,
    ends_record: DFF<Bit>,
    ends_tile: DFF<Bit>,
    bank: DFF<Bit>,
    sum_address: DFF<Bits<11>>,
    strips: DFF<Bits<4>>,
    tiles: DFF<Bits<4>>,
    opcode: Signal<Local, Bits<8>>,
    is_block: Signal<Local, Bit>,
    is_store: Signal<Local, Bit>,
    is_end: Signal<Local, Bit>,
    tiles_ok: Signal<Local, Bit>,
    strip_ok: Signal<Local, Bit>,
    free: Signal<Local, Bit>,
    last_word: Signal<Local, Bit>,
    start_block: Signal<Local, Bit>,
    start_store: Signal<Local, Bit>,
    start_end: Signal<Local, Bit>,
    adds_tile: Signal<Local, Bit>,
    takes_strip: Signal<Local, Bit>,
    issue_store: Signal<Local, Bit>,
    x_tap: Signal<Local, Bits<11>>,
    y_tap: Signal<Local, Bits<11>>,
    width_wide: Signal<Local, Bits<11>>,
    height_wide: Signal<Local, Bits<11>>,
    x_next: Signal<Local, Bits<10>>,
    limit: Signal<Local, Bits<4>>,
}

impl Logic for Streamer {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            running,
            storing,
            finishing,
            remaining,
            word,
            x,
            y,
            width,
            height,
            row,
            column,
            begins,
            sum_starts,
            ends_record,
            ends_tile,
            bank,
            sum_address,
            strips,
            tiles
        );
        self.opcode.next = self.record.val().get_bits::<8>(0);
        self.is_block.next = self.pass_valid.val() & (self.opcode.val() == 0x10);
        self.is_store.next = self.pass_valid.val() & (self.opcode.val() == 0x40);
        self.is_end.next = self.pass_valid.val() & (self.opcode.val() == 0x50);
        self.limit.next = bit_cast::<4, 3>(self.record.val().get_bits::<3>(16));
        self.tiles_ok.next = (!self.first_pass.val()) | (self.tiles.q.val() <= self.limit.val());
        self.takes_strip.next = self.first_pass.val() & self.record.val().get_bit(11);
        self.strip_ok.next = (!self.takes_strip.val()) | self.strips.q.val().any();

        self.last_word.next = self.remaining.q.val() == 1;
        self.issue_store.next = self.storing.q.val() & self.store_room.val();
        self.free.next = ((!self.running.q.val()) | self.last_word.val()) & (!self.storing.q.val());
        self.start_block.next = self.free.val()
            & self.is_block.val()
            & self.weights_ready.val()
            & self.tiles_ok.val()
            & self.strip_ok.val();
        self.start_store.next = (!self.running.q.val())
            & self.free.val()
            & self.is_store.val()
            & (!self.tiles.q.val().any());
        self.start_end.next = (!self.running.q.val())
            & self.free.val()
            & self.is_end.val()
            & (self.tiles.q.val() <= 7);
        self.pass_pop.next = self.start_block.val() | self.start_store.val() | self.start_end.val();
        self.swap.next = self.start_block.val();

        // What is issued in this cycle.
        self.x_tap.next =
            bit_cast::<11, 10>(self.x.q.val()) + bit_cast::<11, 2>(self.column.q.val());
        self.y_tap.next = bit_cast::<11, 10>(self.y.q.val()) + bit_cast::<11, 2>(self.row.q.val());
        self.width_wide.next = bit_cast::<11, 10>(self.width.q.val());
        self.height_wide.next = bit_cast::<11, 10>(self.height.q.val());
        self.read_address.next = self.word.q.val();
        self.read_mask.next = self.issue_store.val()
            | (self.running.q.val()
                & self.x_tap.val().any()
                & (self.x_tap.val() <= self.width_wide.val())
                & self.y_tap.val().any()
                & (self.y_tap.val() <= self.height_wide.val()));
        self.tag_valid.next = self.running.q.val();
        self.tag_swap.next = self.running.q.val() & self.begins.q.val();
        self.tag_first.next = self.sum_starts.q.val();
        self.tag_bank.next = self.bank.q.val();
        self.tag_address.next = self.sum_address.q.val();
        self.tag_job.next = (self.running.q.val() & self.last_word.val() & self.ends_tile.q.val())
            | self.start_end.val();
        self.reads_done.next =
            self.running.q.val() & self.last_word.val() & self.ends_record.q.val();
        self.store_read.next = self.issue_store.val();

        // Where the pixel after it lies.
        self.x_next.next = self.x.q.val() + 1;
        if self.running.q.val() | self.issue_store.val() {
            self.begins.d.next = false;
            self.word.d.next = self.word.q.val() + 1;
            self.remaining.d.next = self.remaining.q.val() - 1;
            self.sum_address.d.next = self.sum_address.q.val() + 1;
            if self.x_next.val() == self.width.q.val() {
                self.x.d.next = 0.into();
                self.y.d.next = self.y.q.val() + 1;
            } else {
                self.x.d.next = self.x_next.val();
            }
            if self.last_word.val() {
                self.running.d.next = false;
                self.storing.d.next = false;
            }
        }

        // What starts.
        if self.start_block.val() {
            self.running.d.next = true;
            self.begins.d.next = true;
            self.remaining.d.next = bit_cast::<20, 13>(self.record.val().get_bits::<13>(19));
            self.word.d.next = self.address.val();
            self.width.d.next = self.record.val().get_bits::<10>(96);
            self.height.d.next = self.record.val().get_bits::<10>(106);
            self.y.d.next = self.record.val().get_bits::<10>(128);
            self.x.d.next = self.record.val().get_bits::<10>(138);
            self.row.d.next = self.tap_row.val();
            self.column.d.next = self.tap_column.val();
            self.sum_starts.d.next = self.first_pass.val() & self.record.val().get_bit(9);
            self.ends_record.d.next = self.final_pass.val();
            self.ends_tile.d.next = self.final_pass.val() & self.record.val().get_bit(10);
            self.bank.d.next = self.record.val().get_bit(95);
            self.sum_address.d.next = self.record.val().get_bits::<11>(84);
        }
        if self.start_store.val() {
            self.storing.d.next = true;
            self.word.d.next = self.record.val().get_bits::<20>(32);
            self.remaining.d.next = self.record.val().get_bits::<20>(64);
        }
        self.adds_tile.next = self.start_end.val()
            | (self.start_block.val() & self.final_pass.val() & self.record.val().get_bit(10));
        self.job_push.next = self.adds_tile.val();
        self.job_record.next = self.record.val();
        if self.start_block.val() | self.start_store.val() | self.trailer_sent.val() {
            self.finishing.d.next = false;
        }
        if self.start_end.val() {
            self.finishing.d.next = true;
        }

        // Tiles and strips under way.
        if self.adds_tile.val() & (!self.drained.val()) {
            self.tiles.d.next = self.tiles.q.val() + 1;
        }
        if (!self.adds_tile.val()) & self.drained.val() {
            self.tiles.d.next = self.tiles.q.val() - 1;
        }
        if (self.start_block.val() & self.takes_strip.val()) & (!self.strip_done.val()) {
            self.strips.d.next = self.strips.q.val() - 1;
        }
        if (!(self.start_block.val() & self.takes_strip.val())) & self.strip_done.val() {
            self.strips.d.next = self.strips.q.val() + 1;
        }
        self.outstanding.next = self.tiles.q.val();

        // Why no vector is issued, if none is.
        self.busy.next = false;
        self.stall_command.next = false;
        self.stall_weights.next = false;
        self.stall_window.next = false;
        self.stall_drain.next = false;
        self.stall_store.next = false;
        self.stall_finish.next = false;
        if self.running.q.val() {
            self.busy.next = true;
        } else if self.storing.q.val() | self.is_store.val() {
            self.stall_store.next = true;
        } else if self.is_end.val() | (self.is_block.val() & (!self.tiles_ok.val())) {
            self.stall_drain.next = true;
        } else if self.is_block.val() & (!self.strip_ok.val()) {
            self.stall_window.next = true;
        } else if self.is_block.val() {
            self.stall_weights.next = true;
        } else if self.finishing.q.val() {
            self.stall_finish.next = true;
        } else {
            self.stall_command.next = true;
        }
        if self.reset.val() {
            self.running.d.next = false;
            self.storing.d.next = false;
            self.finishing.d.next = false;
            self.strips.d.next = 0.into();
            self.tiles.d.next = 0.into();
        }
    }
}

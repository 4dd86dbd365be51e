//! Streamer: runs passes, one vector of pixels a cycle, and keeps the order of things.

use firebrick_spec::HwConfig;
use firebrick_spec::regs::{self, Register};
use rust_hdl::prelude::*;

use crate::decode::record::{BlockFields, StoreFields};

/// Runs the passes that `Passes` offers.
///
/// A pass starts when its weights are there (`weights_ready`) and, for a record's first pass,
/// when few enough tiles wait to drain and the window unit has completed a strip, if asked for.
/// From then on it takes a cycle for each vector of `lanes` positions without a pause: the
/// feature address of lane 0, a mask for each lane, and the tag that follows the vector through
/// the array to the accumulators. The next pass follows without a gap. A store runs when all
/// tiles have drained, a word a cycle (in lane 0) while `store_room`. An end goes to the drain in
/// order, like a tile without pixels. A block's first pass does not start in the first cycle in
/// which its record is offered: what it waits for is looked at a cycle ahead.
///
/// `cause` says of every cycle why it has a vector or not: an index into
/// `firebrick_spec::regs::COUNTERS`.
#[derive(LogicBlock)]
pub struct Streamer {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops what runs.
    pub reset: Signal<In, Bit>,
    /// A block's pass is offered.
    pub block: Signal<In, Bit>,
    /// A store is offered.
    pub store: Signal<In, Bit>,
    /// An end is offered.
    pub mark: Signal<In, Bit>,
    /// Its record, words 0 to 6.
    pub record: Signal<In, Bits<224>>,
    /// The record is taken: it is offered from the next cycle on.
    pub taken: Signal<In, Bit>,
    /// First pass of its record.
    pub first_pass: Signal<In, Bit>,
    /// Last pass of its record.
    pub final_pass: Signal<In, Bit>,
    /// Feature word of its first position.
    pub address: Signal<In, Bits<20>>,
    /// First word of its ring; this and the mask are a block's, in the second cycle of its record.
    pub ring_base: Signal<In, Bits<20>>,
    /// Address bits within the ring.
    pub ring_mask: Signal<In, Bits<20>>,
    /// Positions from row to row.
    pub pitch: Signal<In, Bits<11>>,
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
    /// The drain waits for room in the result stream.
    pub drain_blocked: Signal<In, Bit>,
    /// The decoder copies weights or parameters, or waits to.
    pub late_weights: Signal<In, Bit>,
    /// The decoder feeds the window unit, or waits to.
    pub late_input: Signal<In, Bit>,
    /// A trailer has left the engine.
    pub trailer_sent: Signal<In, Bit>,
    /// Feature address of lane 0, before it is taken into the ring.
    pub read_address: Signal<Out, Bits<20>>,
    /// First word of the ring.
    pub read_ring_base: Signal<Out, Bits<20>>,
    /// Address bits within the ring.
    pub read_ring_mask: Signal<Out, Bits<20>>,
    /// A vector or a store is under way.
    pub read_valid: Signal<Out, Bit>,
    /// The lane's pixel lies within the map.
    pub read_mask: Vec<Signal<Out, Bit>>,
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
    /// That word is the last of its store.
    pub store_done: Signal<Out, Bit>,
    /// An end goes to the drain.
    pub end_begun: Signal<Out, Bit>,
    /// The output queue has room for it.
    pub store_room: Signal<In, Bit>,
    /// Tiles given to the drain and not drained.
    pub outstanding: Signal<Out, Bits<4>>,
    /// What this cycle is.
    pub cause: Signal<Out, Bits<4>>,
    /// Layer that it counts for.
    pub layer: Signal<Out, Bits<6>>,
    /// Lanes of the vector of the cycle before without a pixel of their own; 0 without a vector.
    pub ragged: Signal<Out, Bits<4>>,
    of_block: BlockFields,
    of_store: StoreFields,
    // A pass or a store is under way; the same, but for a pass's last vector.
    engaged: DFF<Bit>,
    occupied: DFF<Bit>,
    running: DFF<Bit>,
    storing: DFF<Bit>,
    finishing: DFF<Bit>,
    begun: DFF<Bit>,
    // Inverted, so that it counts up: what counts down inverts each bit in a LUT.
    not_remaining: DFF<Bits<20>>,
    last: DFF<Bit>,
    not_in_last: Signal<Local, Bits<4>>,
    word: DFF<Bits<20>>,
    base: DFF<Bits<20>>,
    mask: DFF<Bits<20>>,
    x: Vec<DFF<Bits<11>>>,
    y: Vec<DFF<Bits<11>>>,
    pitch_now: DFF<Bits<11>>,
    width: DFF<Bits<11>>,
    // The tap reads where the position is less than these, and not 0 with the first row or column.
    edge_x: DFF<Bits<11>>,
    edge_y: DFF<Bits<11>>,
    first_row: DFF<Bit>,
    first_column: DFF<Bit>,
    begins: DFF<Bit>,
    sum_starts: DFF<Bit>,
    ends_record: DFF<Bit>,
    ends_tile: DFF<Bit>,
    bank: DFF<Bit>,
    sum_address: DFF<Bits<11>>,
    strips: DFF<Bits<4>>,
    tiles: DFF<Bits<4>>,
    layer_now: DFF<Bits<6>>,
    // The record has been offered for a cycle; what its first pass waits for has come. A later
    // pass cannot begin so soon that these would be those of the first.
    settled: DFF<Bit>,
    tiles_ok: DFF<Bit>,
    strip_ok: DFF<Bit>,
    start_block: Signal<Local, Bit>,
    start_store: Signal<Local, Bit>,
    start_end: Signal<Local, Bit>,
    adds_tile: Signal<Local, Bit>,
    takes_strip: Signal<Local, Bit>,
    issue_store: Signal<Local, Bit>,
    limit: Signal<Local, Bits<4>>,
    x_next: Vec<Signal<Local, Bits<11>>>,
    x_first: Vec<Signal<Local, Bits<11>>>,
    // 1 of a lane that had no pixel of its own in the cycle before, and their sums.
    idle: Vec<DFF<Bits<4>>>,
    idle_to: Vec<Signal<Local, Bits<4>>>,
    lane: Vec<Constant<Bits<11>>>,
    not_lane: Vec<Constant<Bits<4>>>,
    lanes: Constant<Bits<20>>,
    no_ring: Constant<Bits<20>>,
    not_two_vectors: Constant<Bits<20>>,
    lanes_x: Constant<Bits<11>>,
    // Numbers of the causes.
    because_busy: Constant<Bits<4>>,
    because_fill: Constant<Bits<4>>,
    because_weights: Constant<Bits<4>>,
    because_input: Constant<Bits<4>>,
    because_accumulator: Constant<Bits<4>>,
    because_dependency: Constant<Bits<4>>,
    because_output: Constant<Bits<4>>,
    because_command: Constant<Bits<4>>,
    because_start: Constant<Bits<4>>,
    because_finish: Constant<Bits<4>>,
    _lanes: usize,
}

/// Number of a cause: its counter's place among the counters.
///
/// # Panics
/// If the register is no counter's low half: a mistake in the program.
fn number(counter: &Register) -> Constant<Bits<4>> {
    let place = regs::COUNTERS.iter().position(|low| low == counter);
    Constant::new((place.expect("a counter") as u64).into())
}

impl Streamer {
    /// A streamer for a configuration of 1 to 8 lanes.
    #[must_use]
    pub fn new(config: &HwConfig) -> Self {
        fn each<T: Default>(lanes: usize) -> Vec<T> {
            (0..lanes).map(|_| T::default()).collect()
        }
        let lanes = config.lanes;
        block! {
            clock, reset, block, store, mark, record, taken, settled, first_pass, final_pass,
            address, ring_base, ring_mask, pitch, tap_row, tap_column, pass_pop, weights_ready,
            swap, strip_done, drained, drain_blocked, late_weights, late_input, trailer_sent,
            read_address, read_ring_base, read_ring_mask, read_valid, tag_swap, tag_valid,
            tag_first, tag_bank, tag_address, tag_job, job_push, job_record, reads_done, store_read,
            store_done, end_begun, store_room, outstanding, cause, layer, ragged, of_block,
            of_store, engaged, occupied, running, storing, finishing, begun, not_remaining, last,
            not_in_last, word, base, mask, pitch_now, width, edge_x, edge_y, first_row,
            first_column, begins, sum_starts, ends_record, ends_tile, bank, sum_address, strips,
            tiles, layer_now, tiles_ok, strip_ok, start_block, start_store, start_end, adds_tile,
            takes_strip, issue_store, limit;
            read_mask: each(lanes),
            x: each(lanes),
            y: each(lanes),
            x_next: each(lanes),
            x_first: each(lanes),
            idle: each(lanes),
            idle_to: each(lanes + 1),
            lane: (0..lanes)
                .map(|i| Constant::new((i as u64).into()))
                .collect(),
            not_lane: (0..lanes)
                .map(|i| Constant::new((15 - i as u64).into()))
                .collect(),
            lanes: Constant::new((lanes as u64).into()),
            no_ring: Constant::new(0xf_ffff.into()),
            not_two_vectors: Constant::new((0xf_ffff - 2 * lanes as u64).into()),
            lanes_x: Constant::new((lanes as u64).into()),
            because_busy: number(&regs::BUSY_LO),
            because_fill: number(&regs::FILL_LO),
            because_weights: number(&regs::WEIGHTS_LO),
            because_input: number(&regs::INPUT_LO),
            because_accumulator: number(&regs::ACCUMULATOR_LO),
            because_dependency: number(&regs::DEPENDENCY_LO),
            because_output: number(&regs::OUTPUT_LO),
            because_command: number(&regs::COMMAND_LO),
            because_start: number(&regs::START_LO),
            because_finish: number(&regs::FINISH_LO),
            _lanes: lanes,
        }
    }
}

impl Logic for Streamer {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            engaged,
            occupied,
            running,
            storing,
            finishing,
            begun,
            not_remaining,
            last,
            word,
            base,
            mask,
            pitch_now,
            width,
            edge_x,
            edge_y,
            first_row,
            first_column,
            begins,
            sum_starts,
            ends_record,
            ends_tile,
            bank,
            sum_address,
            strips,
            tiles,
            layer_now,
            settled,
            tiles_ok,
            strip_ok
        );
        for i in 0..self._lanes {
            self.x[i].clock.next = self.clock.val();
            self.y[i].clock.next = self.clock.val();
            self.x[i].d.next = self.x[i].q.val();
            self.y[i].d.next = self.y[i].q.val();
        }
        self.of_block.record.next = self.record.val();
        self.of_store.record.next = self.record.val();
        self.limit.next = bit_cast::<4, 3>(self.of_block.outstanding.val());
        self.settled.d.next = !self.taken.val();
        self.tiles_ok.d.next = (!self.first_pass.val()) | (self.tiles.q.val() <= self.limit.val());
        if self.drained.val() {
            self.tiles_ok.d.next =
                (!self.first_pass.val()) | (self.tiles.q.val() <= (self.limit.val() + 1));
        }
        self.takes_strip.next = self.first_pass.val() & self.of_block.take_strip.val();
        self.strip_ok.d.next =
            (!self.takes_strip.val()) | self.strips.q.val().any() | self.strip_done.val();

        self.issue_store.next = self.storing.q.val() & self.store_room.val();
        self.start_block.next = (!self.occupied.q.val())
            & self.block.val()
            & self.weights_ready.val()
            & self.settled.q.val()
            & self.tiles_ok.q.val()
            & self.strip_ok.q.val();
        self.start_store.next =
            (!self.engaged.q.val()) & self.store.val() & (!self.tiles.q.val().any());
        self.start_end.next = (!self.engaged.q.val()) & self.mark.val() & (self.tiles.q.val() <= 7);
        self.pass_pop.next = self.start_block.val() | self.start_store.val() | self.start_end.val();
        self.swap.next = self.start_block.val();

        // What is issued in this cycle.
        self.read_valid.next = self.running.q.val() | self.storing.q.val();
        self.read_address.next = self.word.q.val();
        self.read_ring_base.next = self.base.q.val();
        self.read_ring_mask.next = self.mask.q.val();
        self.idle_to[0].next = 0.into();
        // Only the last vector has fewer positions than lanes.
        self.not_in_last.next = self.not_remaining.q.val().get_bits::<4>(0);
        for i in 0..self._lanes {
            self.idle[i].clock.next = self.clock.val();
            self.idle[i].d.next = 0.into();
            if self.running.q.val()
                & ((self.last.q.val() & (self.not_in_last.val() >= self.not_lane[i].val()))
                    | (self.x[i].q.val() >= self.width.q.val()))
            {
                self.idle[i].d.next = 1.into();
            }
            self.idle_to[i + 1].next = self.idle_to[i].val() + self.idle[i].q.val();
            self.ragged.next = self.idle_to[i + 1].val();
            self.read_mask[i].next = self.running.q.val()
                & ((!self.last.q.val()) | (self.not_in_last.val() < self.not_lane[i].val()))
                & (self.x[i].q.val().any() | !self.first_column.q.val())
                & (self.x[i].q.val() < self.edge_x.q.val())
                & (self.y[i].q.val().any() | !self.first_row.q.val())
                & (self.y[i].q.val() < self.edge_y.q.val());
        }
        if self.issue_store.val() {
            self.read_mask[0].next = true;
        }
        self.tag_valid.next = self.running.q.val();
        self.tag_swap.next = self.running.q.val() & self.begins.q.val();
        self.tag_first.next = self.sum_starts.q.val();
        self.tag_bank.next = self.bank.q.val();
        self.tag_address.next = self.sum_address.q.val();
        self.tag_job.next = (self.running.q.val() & self.last.q.val() & self.ends_tile.q.val())
            | self.start_end.val();
        self.reads_done.next = self.running.q.val() & self.last.q.val() & self.ends_record.q.val();
        self.store_read.next = self.issue_store.val();
        self.store_done.next = self.issue_store.val() & self.last.q.val();
        self.end_begun.next = self.start_end.val();

        // Where the vector after it lies. A row is at least as long as there are lanes.
        for i in 0..self._lanes {
            self.x_next[i].next = self.x[i].q.val() + self.lanes_x.val();
        }
        if self.running.q.val() {
            self.begins.d.next = false;
            self.word.d.next = self.word.q.val() + self.lanes.val();
            self.not_remaining.d.next = self.not_remaining.q.val() + self.lanes.val();
            self.last.d.next = self.not_remaining.q.val() >= self.not_two_vectors.val();
            self.sum_address.d.next = self.sum_address.q.val() + 1;
            for i in 0..self._lanes {
                if self.x_next[i].val() >= self.pitch_now.q.val() {
                    self.x[i].d.next = self.x_next[i].val() - self.pitch_now.q.val();
                    self.y[i].d.next = self.y[i].q.val() + 1;
                } else {
                    self.x[i].d.next = self.x_next[i].val();
                }
            }
            self.occupied.d.next = self.not_remaining.q.val() < self.not_two_vectors.val();
            if self.last.q.val() {
                self.running.d.next = false;
                self.engaged.d.next = false;
            }
        }
        if self.issue_store.val() {
            self.word.d.next = self.word.q.val() + 1;
            self.not_remaining.d.next = self.not_remaining.q.val() + 1;
            self.last.d.next = self.not_remaining.q.val() == 0xf_fffd;
            if self.last.q.val() {
                self.storing.d.next = false;
                self.engaged.d.next = false;
                self.occupied.d.next = false;
            }
        }

        // What starts.
        for i in 0..self._lanes {
            self.x_first[i].next = bit_cast::<11, 10>(self.of_block.x0.val()) + self.lane[i].val();
        }
        // Whether the pass on offer starts comes late; what it would need is loaded as soon as
        // there is room, and means nothing until it starts.
        if !self.occupied.q.val() {
            self.begins.d.next = true;
            self.not_remaining.d.next = !bit_cast::<20, 13>(self.of_block.count.val());
            self.last.d.next = bit_cast::<20, 13>(self.of_block.count.val()) <= self.lanes.val();
            self.word.d.next = self.address.val();
            self.base.d.next = self.ring_base.val();
            self.mask.d.next = self.ring_mask.val();
            self.pitch_now.d.next = self.pitch.val();
            self.width.d.next = bit_cast::<11, 10>(self.of_block.width.val());
            self.edge_x.d.next = bit_cast::<11, 10>(self.of_block.width.val()) + 1
                - bit_cast::<11, 2>(self.tap_column.val());
            self.edge_y.d.next = bit_cast::<11, 10>(self.of_block.height.val()) + 1
                - bit_cast::<11, 2>(self.tap_row.val());
            for i in 0..self._lanes {
                self.y[i].d.next = bit_cast::<11, 10>(self.of_block.y0.val());
                self.x[i].d.next = self.x_first[i].val();
                if self.x_first[i].val() >= self.pitch.val() {
                    self.x[i].d.next = self.x_first[i].val() - self.pitch.val();
                    self.y[i].d.next = bit_cast::<11, 10>(self.of_block.y0.val()) + 1;
                }
            }
            self.first_row.d.next = !self.tap_row.val().any();
            self.first_column.d.next = !self.tap_column.val().any();
            self.sum_starts.d.next = self.first_pass.val() & self.of_block.first.val();
            self.ends_record.d.next = self.final_pass.val();
            self.ends_tile.d.next = self.final_pass.val() & self.of_block.last.val();
            self.bank.d.next = self.of_block.acc_bank.val();
            self.sum_address.d.next = self.of_block.acc_base.val();
            if self.store.val() {
                self.base.d.next = 0.into();
                self.mask.d.next = self.no_ring.val();
                self.word.d.next = self.of_store.base.val();
                self.not_remaining.d.next = !self.of_store.count.val();
                self.last.d.next = self.of_store.count.val() == 1;
            }
        }
        if self.start_block.val() {
            self.running.d.next = true;
            self.engaged.d.next = true;
            self.occupied.d.next = bit_cast::<20, 13>(self.of_block.count.val()) > self.lanes.val();
            self.begun.d.next = true;
            self.layer_now.d.next = self.of_block.layer.val();
        }
        if self.start_store.val() {
            self.storing.d.next = true;
            self.engaged.d.next = true;
            self.occupied.d.next = true;
        }
        self.adds_tile.next = self.start_end.val()
            | (self.start_block.val() & self.final_pass.val() & self.of_block.last.val());
        self.job_push.next = self.adds_tile.val();
        self.job_record.next = self.record.val();
        if self.start_block.val() | self.start_store.val() | self.trailer_sent.val() {
            self.finishing.d.next = false;
        }
        if self.start_end.val() {
            self.finishing.d.next = true;
            self.begun.d.next = false;
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

        // Why a vector is issued or not.
        self.layer.next = self.layer_now.q.val();
        if self.running.q.val() {
            self.cause.next = self.because_busy.val();
        } else if self.storing.q.val() | self.store.val() {
            self.cause.next = self.because_output.val();
        } else if self.mark.val() {
            self.cause.next = self.because_finish.val();
        } else if self.block.val() {
            self.layer.next = self.of_block.layer.val();
            if self.settled.q.val() & !self.tiles_ok.q.val() {
                if self.drain_blocked.val() {
                    self.cause.next = self.because_output.val();
                } else if self.of_block.data.val() {
                    self.cause.next = self.because_dependency.val();
                } else {
                    self.cause.next = self.because_accumulator.val();
                }
            } else if !self.begun.q.val() {
                self.cause.next = self.because_start.val();
            } else if self.settled.q.val() & !self.strip_ok.q.val() {
                self.cause.next = self.because_input.val();
            } else {
                self.cause.next = self.because_fill.val();
            }
        } else if self.finishing.q.val() {
            self.cause.next = self.because_finish.val();
        } else if !self.begun.q.val() {
            self.layer.next = 0.into();
            self.cause.next = self.because_start.val();
        } else if self.late_weights.val() {
            self.cause.next = self.because_weights.val();
        } else if self.late_input.val() {
            self.cause.next = self.because_input.val();
        } else {
            self.cause.next = self.because_command.val();
        }
        if self.reset.val() {
            for i in 0..self._lanes {
                self.idle[i].d.next = 0.into();
            }
            self.engaged.d.next = false;
            self.occupied.d.next = false;
            self.running.d.next = false;
            self.storing.d.next = false;
            self.finishing.d.next = false;
            self.begun.d.next = false;
            self.strips.d.next = 0.into();
            self.tiles.d.next = 0.into();
            self.layer_now.d.next = 0.into();
        }
    }
}

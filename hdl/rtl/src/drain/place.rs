//! Where the entries of a vector belong: counters beside the requantisers.

use firebrick_spec::HwConfig;
use firebrick_spec::command::Mode;
use rust_hdl::prelude::*;

use crate::drain::column::DrainColumn;
use crate::drain::job::DrainJob;
use crate::drain::step::{DrainStep, STEP_DELAY};

/// Registers of a step's valid bit behind its counters.
const VALIDS: usize = STEP_DELAY + 2;
const AT_STEP: usize = VALIDS - 1;
const AT_HIGH: usize = VALIDS - 2;
const AT_LOW: usize = VALIDS - 3;
const STEP_END: usize = STEP_DELAY - 1;

/// Follows the vectors of the jobs and tells where their entries lie and what ends in them.
///
/// `fire` brings a vector of `job`, never in two consecutive cycles, `first` and `last` its place
/// in the job; `job` must hold in the cycle after as well. With one lane a vector is one step,
/// [`VECTOR_LATENCY`](firebrick_spec::latency::VECTOR_LATENCY) cycles after `fire`; with more it is
/// two steps of half the lanes each,
/// `VECTOR_LATENCY` - 1 and `VECTOR_LATENCY` cycles after. `step`, `kept`, `emit` and `row_end`
/// describe the step in the cycle of `valid`; `high` and `keep` come one cycle before `valid`,
/// `low` two.
#[derive(LogicBlock)]
pub struct DrainPlace {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset.
    pub reset: Signal<In, Bit>,
    /// A vector starts.
    pub fire: Signal<In, Bit>,
    /// It is the first of its job.
    pub first: Signal<In, Bit>,
    /// It is the last of its job.
    pub last: Signal<In, Bit>,
    /// Its job.
    pub job: Signal<In, DrainJob>,
    /// `valid`, two cycles early.
    pub low: Signal<Out, Bit>,
    /// `valid`, a cycle early.
    pub high: Signal<Out, Bit>,
    /// With `high`: the entries that are pixels.
    pub keep: Vec<Signal<Out, Bit>>,
    /// There is a step.
    pub valid: Signal<Out, Bit>,
    /// The step.
    pub step: Signal<Out, DrainStep>,
    /// Its entries that are pixels.
    pub kept: Vec<Signal<Out, Bit>>,
    /// Its entries with which an output word is complete.
    pub emit: Vec<Signal<Out, Bit>>,
    /// Those with which a row of output words is complete.
    pub row_end: Vec<Signal<Out, Bit>>,
    fire_1: DFF<Bit>,
    fire_2: DFF<Bit>,
    first_1: DFF<Bit>,
    first_2: DFF<Bit>,
    last_1: DFF<Bit>,
    last_2: DFF<Bit>,
    held: DFF<DrainJob>,
    x: DFF<Bits<11>>,
    y: DFF<Bits<10>>,
    // Inverted, so that it counts up.
    not_left: DFF<Bits<13>>,
    pitch: DFF<Bits<11>>,
    row_last: DFF<Bits<11>>,
    reached: DFF<Bit>,
    valid_a: DFF<Bit>,
    opens_a: DFF<Bit>,
    second_a: DFF<Bit>,
    last_a: DFF<Bit>,
    column: Vec<DrainColumn>,
    held_b: DFF<DrainJob>,
    row_last_b: DFF<Bits<11>>,
    down_b: DFF<Bit>,
    y_even_b: DFF<Bit>,
    opens_b: DFF<Bit>,
    second_b: DFF<Bit>,
    last_b: DFF<Bit>,
    known: DFF<DrainStep>,
    stage: Vec<DFF<DrainStep>>,
    valids: Vec<DFF<Bit>>,
    open: Signal<Local, Bit>,
    advance: Signal<Local, Bit>,
    width: Signal<Local, Bits<10>>,
    pools_new: Signal<Local, Bit>,
    last_column: Signal<Local, Bits<11>>,
    x_next: Signal<Local, Bits<11>>,
    y_next: Signal<Local, Bits<10>>,
    y_odd: Signal<Local, Bit>,
    down: Signal<Local, Bit>,
    plain: Signal<Local, Bit>,
    pools: Signal<Local, Bit>,
    line_offset: Signal<Local, Bits<11>>,
    now: Signal<Local, DrainStep>,
    write_mode: Constant<Bits<2>>,
    pool_mode: Constant<Bits<2>>,
    sum_mode: Constant<Bits<2>>,
    paired: Constant<Bit>,
    several: Constant<Bit>,
    pixels_x: Constant<Bits<11>>,
    pixels_left: Constant<Bits<13>>,
    not_pixels: Constant<Bits<13>>,
    line_lead: Constant<Bits<11>>,
    line_shift: Constant<Bits<2>>,
    _pixels: usize,
}

impl DrainPlace {
    /// Counters for the lanes of `config`.
    #[must_use]
    pub fn new(config: &HwConfig) -> Self {
        let pixels = config.drain_pixels();
        let outputs = || (0..pixels).map(|_| Signal::default()).collect();
        block! {
            clock, reset, fire, first, last, job, low, high, valid, step, fire_1, fire_2, first_1,
            first_2, last_1, last_2, held, x, y, not_left, pitch, row_last, reached, valid_a, opens_a,
            second_a, last_a, held_b, row_last_b, down_b, y_even_b, opens_b, second_b, last_b,
            known, open, advance, width, pools_new, last_column, x_next, y_next, y_odd, down,
            plain, pools, line_offset, now;
            keep: outputs(),
            kept: outputs(),
            emit: outputs(),
            row_end: outputs(),
            column: (0..pixels).map(DrainColumn::new).collect(),
            stage: (0..STEP_DELAY).map(|_| DFF::default()).collect(),
            valids: (0..VALIDS).map(|_| DFF::default()).collect(),
            write_mode: Constant::new((Mode::Write as u64).into()),
            pool_mode: Constant::new((Mode::Pool as u64).into()),
            sum_mode: Constant::new((Mode::Sum as u64).into()),
            paired: Constant::new(config.lanes > 1),
            several: Constant::new(pixels > 1),
            pixels_x: Constant::new((pixels as u64).into()),
            pixels_left: Constant::new((pixels as u64).into()),
            not_pixels: Constant::new((0x1fff - pixels as u64).into()),
            // A window that ends in column 2 or, cut, in column 1 is the first.
            line_lead: Constant::new(u64::from(pixels == 1).into()),
            line_shift: Constant::new(if pixels == 4 { 2u64 } else { 1 }.into()),
            _pixels: pixels,
        }
    }
}

impl Logic for DrainPlace {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, fire_1, fire_2, first_1, first_2, last_1, last_2, held, x, y, not_left,
            pitch, row_last, reached, valid_a, opens_a, second_a, last_a, held_b, row_last_b,
            down_b, y_even_b, opens_b, second_b, last_b, known
        );
        for i in 0..STEP_DELAY {
            self.stage[i].clock.next = self.clock.val();
        }
        for i in 0..VALIDS {
            self.valids[i].clock.next = self.clock.val();
        }
        for i in 0..self._pixels {
            self.column[i].clock.next = self.clock.val();
        }

        // Vectors come in. With one lane the step comes a cycle later, when both halves are there.
        self.fire_1.d.next = self.fire.val();
        self.first_1.d.next = self.first.val();
        self.last_1.d.next = self.last.val();
        self.fire_2.d.next = self.fire_1.q.val();
        self.first_2.d.next = self.first_1.q.val();
        self.last_2.d.next = self.last_1.q.val();
        self.open.next = self.fire_1.q.val() & self.first_1.q.val();
        self.advance.next = (self.fire_1.q.val() & !self.first_1.q.val())
            | (self.fire_2.q.val() & self.paired.val());
        self.valid_a.d.next = self.fire_2.q.val() | (self.fire_1.q.val() & self.paired.val());
        self.opens_a.d.next = (self.fire_1.q.val() & self.first_1.q.val() & self.paired.val())
            | (self.fire_2.q.val() & self.first_2.q.val() & !self.paired.val());
        self.second_a.d.next = self.fire_2.q.val();
        self.last_a.d.next = self.fire_2.q.val() & self.last_2.q.val();

        // The step's first position.
        self.x_next.next = self.x.q.val() + self.pixels_x.val();
        self.y_next.next = self.y.q.val() + 1;
        if self.advance.val() {
            self.reached.d.next = self.not_left.q.val() <= self.not_pixels.val();
            self.not_left.d.next = 0x1fff.into();
            if self.not_left.q.val() < self.not_pixels.val() {
                self.not_left.d.next = self.not_left.q.val() + self.pixels_left.val();
            }
            self.x.d.next = self.x_next.val();
            if self.x_next.val() >= self.pitch.q.val() {
                self.x.d.next = self.x_next.val() - self.pitch.q.val();
                self.y.d.next = self.y_next.val();
            }
        }

        // A new job. Its rows end with the last pixel or the last whole window; with several
        // entries a step, a cut window ends in the gap.
        self.width.next = self.job.val().width;
        self.pools_new.next = self.job.val().mode == self.pool_mode.val();
        self.last_column.next = bit_cast::<11, 10>(self.width.val()) - 1;
        if self.pools_new.val() & !self.width.val().get_bit(0) {
            if self.job.val().partial {
                if self.several.val() {
                    self.last_column.next = bit_cast::<11, 10>(self.width.val());
                }
            } else {
                self.last_column.next = bit_cast::<11, 10>(self.width.val()) - 2;
            }
        }
        if self.open.val() {
            self.held.d.next = self.job.val();
            self.x.d.next = bit_cast::<11, 10>(self.job.val().x0);
            self.y.d.next = self.job.val().y0;
            self.not_left.d.next = !self.job.val().count;
            self.pitch.d.next =
                bit_cast::<11, 10>(self.job.val().width) + bit_cast::<11, 4>(self.job.val().in_gap);
            self.row_last.d.next = self.last_column.val();
            self.reached.d.next = false;
        }

        // Its entries. A window that ends in the gap needs the pixel before it.
        self.plain.next =
            (self.held_b.q.val().mode == self.write_mode.val()) & !self.held_b.q.val().end_image;
        for i in 0..self._pixels {
            self.column[i].x.next = self.x.q.val();
            self.column[i].pitch.next = self.pitch.q.val();
            self.column[i].not_left.next = self.not_left.q.val();
            self.column[i].width.next = self.held_b.q.val().width;
            self.column[i].row_last.next = self.row_last_b.q.val();
            self.column[i].plain.next = self.plain.val();
            self.column[i].down.next = self.down_b.q.val();
            self.keep[i].next = self.column[i].keep.val();
            self.kept[i].next = self.column[i].kept.val();
            self.emit[i].next = self.column[i].emit.val();
            self.row_end[i].next = self.column[i].row_end.val();
        }
        self.column[0].allowed.next = self.not_left.q.val() != 0x1fff;
        if self.several.val() {
            self.column[0].allowed.next = self.reached.q.val();
        }
        for i in 1..self._pixels {
            self.column[i].allowed.next = self.column[i - 1].belongs.val();
        }
        self.y_odd.next = self.y.q.val().get_bit(0);
        self.down.next = (!self.y_odd.val() & self.y.q.val().any())
            | (self.y_odd.val()
                & (self.y_next.val() == self.held.q.val().height)
                & self.held.q.val().partial);

        // A cycle later: what the step is.
        self.held_b.d.next = self.held.q.val();
        self.row_last_b.d.next = self.row_last.q.val();
        self.down_b.d.next = self.down.val()
            & (self.held.q.val().mode == self.pool_mode.val())
            & !self.held.q.val().end_image;
        self.y_even_b.d.next = !self.y_odd.val();
        self.opens_b.d.next = self.opens_a.q.val();
        self.second_b.d.next = self.second_a.q.val();
        self.last_b.d.next = self.last_a.q.val();
        self.pools.next =
            (self.held_b.q.val().mode == self.pool_mode.val()) & !self.held_b.q.val().end_image;
        self.line_offset.next =
            (self.column[0].column.val() - self.line_lead.val()) >> self.line_shift.val();
        self.now.next.opens = self.opens_b.q.val();
        self.now.next.last = self.last_b.q.val();
        self.now.next.second = self.second_b.q.val();
        self.now.next.end_image = self.held_b.q.val().end_image;
        self.now.next.plain = self.plain.val();
        self.now.next.adds =
            (self.held_b.q.val().mode == self.sum_mode.val()) & !self.held_b.q.val().end_image;
        self.now.next.sum_first = self.held_b.q.val().sum_first;
        self.now.next.sends_sums =
            (self.held_b.q.val().mode == self.sum_mode.val()) & self.held_b.q.val().sum_last;
        self.now.next.more_beats = self.held_b.q.val().more_beats;
        self.now.next.tap = self.held_b.q.val().tap & !self.held_b.q.val().end_image;
        self.now.next.x_even = !self.column[0].column.val().get_bit(0);
        self.now.next.y_even = self.y_even_b.q.val();
        self.now.next.pairs = self.held_b.q.val().pairs & self.pools.val();
        // With several entries every step has its word; what follows the tile must not touch it.
        self.now.next.line_write = self.pools.val()
            & ((self.several.val() & self.column[0].reaches.val()) | self.column[0].ends.val());
        self.now.next.line =
            self.held_b.q.val().line_base + self.line_offset.val().get_bits::<10>(0);
        self.now.next.word = bit_cast::<32, 20>(self.held_b.q.val().out_base)
            | (bit_cast::<32, 4>(self.held_b.q.val().out_gap) << 20)
            | (bit_cast::<32, 4>(self.held_b.q.val().out_ring) << 24);
        if self.held_b.q.val().end_image {
            self.now.next.word = self.held_b.q.val().tag;
        }
        self.known.d.next = self.now.val();

        // Until the words come.
        self.stage[0].d.next = self.known.q.val();
        for i in 1..STEP_DELAY {
            self.stage[i].d.next = self.stage[i - 1].q.val();
        }
        self.valids[0].d.next = self.valid_a.q.val();
        for i in 1..VALIDS {
            self.valids[i].d.next = self.valids[i - 1].q.val();
        }
        for i in STEP_END..STEP_DELAY {
            self.step.next = self.stage[i].q.val();
        }
        for i in AT_LOW..AT_HIGH {
            self.low.next = self.valids[i].q.val();
        }
        for i in AT_HIGH..AT_STEP {
            self.high.next = self.valids[i].q.val();
        }
        for i in AT_STEP..VALIDS {
            self.valid.next = self.valids[i].q.val();
        }
        if self.reset.val() {
            self.fire_1.d.next = false;
            self.fire_2.d.next = false;
            self.valid_a.d.next = false;
            for i in 0..VALIDS {
                self.valids[i].d.next = false;
            }
        }
    }
}

//! Front of the drain unit: takes jobs and reads their accumulators.

use firebrick_spec::HwConfig;
use firebrick_spec::command::Mode;
use firebrick_spec::latency::{DRAIN_PACE, sums_pace, tap_pace};
use rust_hdl::prelude::*;

use crate::drain::job::DrainJob;

/// Takes one job at a time and issues its vectors of `lanes` positions, at most one in two cycles.
///
/// - `job` is taken in a cycle with `job_valid` and `job_ready`, which is high whenever no job is
///   in hand. The job's first vector may be issued in the next cycle. The cycle after a job's
///   last vector takes the next job, so that vectors keep their distance of two cycles over the
///   change of jobs.
/// - `acc_re` asks for the accumulators at `acc_rbank`, `acc_raddr`; the read happens in the
///   cycle in which `acc_grant` answers, else the request stands.
/// - `fire` marks a vector that enters the pipeline, `first` and `last` its place in the job;
///   `held` is the job, still in the cycle after. The end of an image passes as one vector
///   without a read.
/// - Jobs that send to the host start each vector only with `out_room`; `blocked` is high while
///   that is all that is missing. After each vector of a job with taps the next one, also of
///   another job, keeps a distance of [`tap_pace`] cycles; after the last vector of a tile whose
///   sums are sent, one of [`sums_pace`].
/// - A job has `ceil(count / lanes)` vectors. From four lanes on, a pooled tile of even width
///   with `partial` has one more if it ends with a row's last pixel and a full vector: its last
///   window ends in the position behind.
#[derive(LogicBlock)]
pub struct DrainReader {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset.
    pub reset: Signal<In, Bit>,
    /// A job waits.
    pub job_valid: Signal<In, Bit>,
    /// The job.
    pub job: Signal<In, DrainJob>,
    /// The job is taken.
    pub job_ready: Signal<Out, Bit>,
    /// `job_valid` and `job_ready`.
    pub taken: Signal<Out, Bit>,
    /// The host stream has room.
    pub out_room: Signal<In, Bit>,
    /// A vector waits for `out_room` only.
    pub blocked: Signal<Out, Bit>,
    /// Asks for accumulators.
    pub acc_re: Signal<Out, Bit>,
    /// Bank of the request.
    pub acc_rbank: Signal<Out, Bit>,
    /// Address of the request.
    pub acc_raddr: Signal<Out, Bits<11>>,
    /// The request is served in this cycle.
    pub acc_grant: Signal<In, Bit>,
    /// The job in hand.
    pub held: Signal<Out, DrainJob>,
    /// A vector enters the pipeline.
    pub fire: Signal<Out, Bit>,
    /// First vector of its job.
    pub first: Signal<Out, Bit>,
    /// Last vector of its job.
    pub last: Signal<Out, Bit>,
    active: DFF<Bit>,
    hand: DFF<DrainJob>,
    sends: DFF<Bit>,
    sends_sums: DFF<Bit>,
    starting: DFF<Bit>,
    address: DFF<Bits<11>>,
    // Inverted, so that it counts up.
    not_remaining: DFF<Bits<14>>,
    remaining: Signal<Local, Bits<14>>,
    cool: DFF<Bits<4>>,
    // The last window may end behind the tile.
    tail: DFF<Bit>,
    // Column behind the next vector.
    column: DFF<Bits<11>>,
    pitch: DFF<Bits<11>>,
    count: Signal<Local, Bits<14>>,
    width: Signal<Local, Bits<10>>,
    even: Signal<Local, Bit>,
    full: Signal<Local, Bit>,
    issue: Signal<Local, Bit>,
    request: Signal<Local, Bit>,
    go: Signal<Local, Bit>,
    goes_on: Signal<Local, Bit>,
    final_one: Signal<Local, Bit>,
    ready: Signal<Local, Bit>,
    take: Signal<Local, Bit>,
    job_sends_sums: Signal<Local, Bit>,
    column_next: Signal<Local, Bits<11>>,
    several: Constant<Bit>,
    lanes: Constant<Bits<11>>,
    lane_mask: Constant<Bits<14>>,
    lane_shift: Constant<Bits<2>>,
    pool: Constant<Bits<2>>,
    sum: Constant<Bits<2>>,
    plain_cool: Constant<Bits<4>>,
    tap_cool: Constant<Bits<4>>,
    sums_cool: Constant<Bits<4>>,
}

impl DrainReader {
    /// A reader for the lanes of `config`.
    #[must_use]
    pub fn new(config: &HwConfig) -> Self {
        let lanes = config.lanes;
        block! {
            clock, reset, job_valid, job, job_ready, taken, out_room, blocked, acc_re, acc_rbank,
            acc_raddr, acc_grant, held, fire, first, last, active, hand, sends, sends_sums,
            starting, address, not_remaining, remaining, cool, tail, column, pitch, count, width, even, full,
            issue, request, go, goes_on, final_one, ready, take, job_sends_sums, column_next;
            several: Constant::new(config.drain_pixels() > 1),
            lanes: Constant::new((lanes as u64).into()),
            lane_mask: Constant::new((lanes as u64 - 1).into()),
            lane_shift: Constant::new(u64::from(lanes.trailing_zeros()).into()),
            pool: Constant::new((Mode::Pool as u64).into()),
            sum: Constant::new((Mode::Sum as u64).into()),
            plain_cool: Constant::new((DRAIN_PACE as u64 - 1).into()),
            tap_cool: Constant::new((tap_pace(lanes) as u64 - 1).into()),
            sums_cool: Constant::new((sums_pace(lanes) as u64 - 1).into()),
        }
    }
}

impl Logic for DrainReader {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            active,
            hand,
            sends,
            sends_sums,
            starting,
            address,
            not_remaining,
            cool,
            tail,
            column,
            pitch
        );

        self.remaining.next = !self.not_remaining.q.val();
        // A vector when the one before has made way.
        self.issue.next = self.active.q.val()
            & !self.cool.q.val().any()
            & (!self.sends.q.val() | self.out_room.val());
        self.blocked.next = self.active.q.val()
            & !self.cool.q.val().any()
            & self.sends.q.val()
            & !self.out_room.val();
        self.request.next = self.issue.val() & !self.hand.q.val().end_image;
        self.go.next = (self.request.val() & self.acc_grant.val())
            | (self.issue.val() & self.hand.q.val().end_image);
        self.goes_on.next = self.tail.q.val()
            & (self.column.q.val() == bit_cast::<11, 10>(self.hand.q.val().width));
        self.final_one.next = (self.remaining.val() == 1) & !self.goes_on.val();
        self.column_next.next = self.column.q.val() + self.lanes.val();
        if self.cool.q.val().any() {
            self.cool.d.next = self.cool.q.val() - 1;
        }
        if self.go.val() {
            self.starting.d.next = false;
            self.address.d.next = self.address.q.val() + 1;
            self.column.d.next = self.column_next.val();
            if self.column_next.val() >= self.pitch.q.val() {
                self.column.d.next = self.column_next.val() - self.pitch.q.val();
            }
            self.cool.d.next = self.plain_cool.val();
            if self.hand.q.val().tap & !self.hand.q.val().end_image {
                self.cool.d.next = self.tap_cool.val();
            }
            if self.remaining.val() == 1 {
                self.tail.d.next = false;
            } else {
                self.not_remaining.d.next = self.not_remaining.q.val() + 1;
            }
            if self.final_one.val() {
                self.active.d.next = false;
                if self.sends_sums.q.val() {
                    self.cool.d.next = self.sums_cool.val();
                }
            }
        }

        // The next job.
        self.ready.next = !self.active.q.val() & !self.reset.val();
        self.take.next = self.ready.val() & self.job_valid.val();
        self.job_sends_sums.next =
            (self.job.val().mode == self.sum.val()) & self.job.val().sum_last;
        self.count.next = bit_cast::<14, 13>(self.job.val().count);
        self.full.next = (self.count.val() & self.lane_mask.val()) == 0;
        self.width.next = self.job.val().width;
        self.even.next = !self.width.val().get_bit(0);
        if self.take.val() {
            self.active.d.next = true;
            self.starting.d.next = true;
            self.hand.d.next = self.job.val();
            self.sends_sums.d.next = self.job_sends_sums.val() & !self.job.val().end_image;
            self.sends.d.next =
                self.job.val().tap | self.job_sends_sums.val() | self.job.val().end_image;
            self.address.d.next = self.job.val().acc_base;
            self.not_remaining.d.next =
                !((self.count.val() + self.lane_mask.val()) >> self.lane_shift.val());
            self.tail.d.next = self.several.val()
                & (self.job.val().mode == self.pool.val())
                & self.job.val().partial
                & self.even.val()
                & self.full.val()
                & !self.job.val().end_image;
            if self.job.val().end_image {
                self.not_remaining.d.next = 0x3ffe.into();
            }
            self.column.d.next = self.lanes.val();
            self.pitch.d.next =
                bit_cast::<11, 10>(self.job.val().width) + bit_cast::<11, 4>(self.job.val().in_gap);
        }
        if self.reset.val() {
            self.active.d.next = false;
            self.cool.d.next = 0.into();
        }

        self.job_ready.next = self.ready.val();
        self.taken.next = self.take.val();
        self.acc_re.next = self.request.val();
        self.acc_rbank.next = self.hand.q.val().acc_bank;
        self.acc_raddr.next = self.address.q.val();
        self.held.next = self.hand.q.val();
        self.fire.next = self.go.val();
        self.first.next = self.starting.q.val();
        self.last.next = self.final_one.val();
    }
}

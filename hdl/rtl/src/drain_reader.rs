//! Front of the drain unit: takes jobs and reads their accumulators.

use rust_hdl::prelude::*;

use crate::drain_job::DrainJob;

/// Takes one job at a time and issues its pixel vectors, at most one in two cycles.
///
/// - `job` is taken in a cycle with `job_valid` and `job_ready`; both jobs' vectors keep the
///   distance of two cycles over the change of jobs if the next one waits.
/// - `acc_re` asks for the accumulators at `acc_rbank`, `acc_raddr`; the read happens in the
///   cycle in which `acc_grant` answers, else the request stands.
/// - `fire` marks a vector that enters the pipeline, `first` and `last` its place in the job,
///   `param` its parameter group (still valid one cycle later). The end of an image passes as
///   one vector without a read.
/// - Jobs that send to the host start a vector only with `out_room`. After a tile whose sums are
///   sent, the next vector keeps a distance of six cycles, so that the sums leave undisturbed.
/// - A new job is taken only with `place_room`.
#[derive(LogicBlock, Default)]
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
    /// The rest of the unit can note another job.
    pub place_room: Signal<In, Bit>,
    /// The host stream has room.
    pub out_room: Signal<In, Bit>,
    /// Asks for accumulators.
    pub acc_re: Signal<Out, Bit>,
    /// Bank of the request.
    pub acc_rbank: Signal<Out, Bit>,
    /// Address of the request.
    pub acc_raddr: Signal<Out, Bits<11>>,
    /// The request is served in this cycle.
    pub acc_grant: Signal<In, Bit>,
    /// Parameter group of the vector.
    pub param: Signal<Out, Bits<12>>,
    /// A vector enters the pipeline.
    pub fire: Signal<Out, Bit>,
    /// First vector of its job.
    pub first: Signal<Out, Bit>,
    /// Last vector of its job.
    pub last: Signal<Out, Bit>,
    active: DFF<Bit>,
    cooling: DFF<Bit>,
    is_end: DFF<Bit>,
    sends: DFF<Bit>,
    sends_sums: DFF<Bit>,
    starting: DFF<Bit>,
    bank: DFF<Bit>,
    address: DFF<Bits<11>>,
    remaining: DFF<Bits<13>>,
    group: DFF<Bits<12>>,
    pause: DFF<Bits<3>>,
    ready: Signal<Local, Bit>,
    take: Signal<Local, Bit>,
    issue: Signal<Local, Bit>,
    request: Signal<Local, Bit>,
    go: Signal<Local, Bit>,
    final_one: Signal<Local, Bit>,
    job_sends_sums: Signal<Local, Bit>,
}

impl Logic for DrainReader {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, active, cooling, is_end, sends, sends_sums, starting, bank, address,
            remaining, group, pause
        );

        // A vector at most every other cycle.
        self.issue.next = self.active.q.val()
            & !self.cooling.q.val()
            & (!self.sends.q.val() | self.out_room.val());
        self.request.next = self.issue.val() & !self.is_end.q.val();
        self.go.next =
            (self.request.val() & self.acc_grant.val()) | (self.issue.val() & self.is_end.q.val());
        self.final_one.next = self.remaining.q.val() == 1;
        self.cooling.d.next = self.go.val();
        if self.pause.q.val().any() {
            self.pause.d.next = self.pause.q.val() - 1;
        }
        if self.go.val() {
            self.starting.d.next = false;
            self.address.d.next = self.address.q.val() + 1;
            self.remaining.d.next = self.remaining.q.val() - 1;
            if self.final_one.val() {
                self.active.d.next = false;
                if self.sends_sums.q.val() {
                    self.pause.d.next = 4.into();
                }
            }
        }

        // The next job.
        self.ready.next = !self.active.q.val()
            & self.place_room.val()
            & !self.pause.q.val().any()
            & !self.reset.val();
        self.take.next = self.ready.val() & self.job_valid.val();
        self.job_sends_sums.next = (self.job.val().mode == 2) & self.job.val().sum_last;
        if self.take.val() {
            self.active.d.next = true;
            self.starting.d.next = true;
            self.is_end.d.next = self.job.val().end_image;
            self.sends_sums.d.next = self.job_sends_sums.val() & !self.job.val().end_image;
            self.sends.d.next =
                self.job.val().tap | self.job_sends_sums.val() | self.job.val().end_image;
            self.bank.d.next = self.job.val().acc_bank;
            self.address.d.next = self.job.val().acc_base;
            self.group.d.next = self.job.val().param;
            self.remaining.d.next = self.job.val().count;
            if self.job.val().end_image {
                self.remaining.d.next = 1.into();
            }
        }
        if self.reset.val() {
            self.active.d.next = false;
            self.cooling.d.next = false;
            self.pause.d.next = 0.into();
        }

        self.job_ready.next = self.ready.val();
        self.taken.next = self.take.val();
        self.acc_re.next = self.request.val();
        self.acc_rbank.next = self.bank.q.val();
        self.acc_raddr.next = self.address.q.val();
        self.param.next = self.group.q.val();
        self.fire.next = self.go.val();
        self.first.next = self.starting.q.val();
        self.last.next = self.final_one.val();
    }
}

//! The drain unit: from finished accumulators to features and results.

use rust_hdl::prelude::*;

use crate::acc::ACC_READ_LATENCY;
use crate::delay::Delay;
use crate::drain_gather::DrainGather;
use crate::drain_job::DrainJob;
use crate::drain_place::DrainPlace;
use crate::drain_reader::DrainReader;
use crate::drain_send::DrainSend;
use crate::drain_spread::DrainSpread;
use crate::pool::{POOL_LATENCY, Pool};
use crate::requant::{REQUANT_LATENCY, Requantiser};
use crate::sum::GlobalSum;

/// Cycles from a granted request to the requantised vector: the read, one register, the
/// requantisers, the second half, the register that joins the halves.
pub const VECTOR_LATENCY: usize = ACC_READ_LATENCY + 1 + REQUANT_LATENCY + 2;

/// Cycles from a granted request to the write into the feature buffer.
pub const DRAIN_LATENCY: usize = VECTOR_LATENCY + POOL_LATENCY + 1;

/// Cycles from a granted request to the last beat that follows from it: four beats of sums.
pub const SEND_LATENCY: usize = VECTOR_LATENCY + 5;

/// Beats that must still fit when `out_room` is set, if it is at most four cycles old: the
/// pipeline's contents at five beats (a tapped vector and its sums) in six cycles, and the five
/// of the vector that is about to start.
pub const OUT_MARGIN: usize = 24;

/// Drains finished tiles: accumulators, requantisation, then write, pool or sum.
///
/// Jobs ([`DrainJob`]) pass one after the other, each `count` vectors of sixteen channels, one
/// vector in two cycles through eight requantisers, without a gap between jobs (but for six
/// cycles after a tile whose sums are sent). Any number of vectors of several jobs is in the
/// pipeline at a time.
///
/// - Jobs: taken with `job_valid` and `job_ready`.
/// - Accumulators: `acc_re` asks for bank `acc_rbank`, address `acc_raddr`; `acc_grant` answers in
///   the same cycle; `acc_rdata` (sixteen i32, channel 0 in the low bits) is sampled
///   [`ACC_READ_LATENCY`] cycles later. The request stands until it is granted.
/// - Parameters: `param_raddr` is the group and, in bit 0, the half; `param_rdata` one cycle later
///   holds eight channels of bias (i32), multiplier (16 bit) and shift (8 bit), in that order
///   from the low bits.
/// - Features: `fw_valid`, `fw_addr`, `fw_data` (sixteen u8) must always be accepted. An address
///   from `feature_words` on is not written but reported by `range_error`.
/// - Host: `out_valid`, `out_data`, `out_last` must always be accepted. New vectors of jobs that
///   send wait for `out_room`, which promises [`OUT_MARGIN`] beats of room. The trailer
///   (`out_last`) carries the tag in word 2 and leaves the other words 0.
/// - `drained` comes once for each tile, not before its last feature write and its last beat;
///   `ended` once for each end of image. `busy` from the cycle after a job is taken to that of
///   `drained` or `ended`.
///
/// Requantisation is that of `firebrick_spec::arith::Requant::apply`, see [`Requantiser`] for the
/// range. The pool's line memory has `2^A` words; addresses wrap there. Pool tiles are whole rows
/// of a map at least 3 wide. All data outputs are registers; see [`DRAIN_LATENCY`] and
/// [`SEND_LATENCY`].
#[derive(LogicBlock)]
pub struct Drain<const A: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high, one cycle.
    pub reset: Signal<In, Bit>,
    /// A job waits.
    pub job_valid: Signal<In, Bit>,
    /// The job.
    pub job: Signal<In, DrainJob>,
    /// The job is taken.
    pub job_ready: Signal<Out, Bit>,
    /// Asks for accumulators.
    pub acc_re: Signal<Out, Bit>,
    /// Bank of the request.
    pub acc_rbank: Signal<Out, Bit>,
    /// Address of the request.
    pub acc_raddr: Signal<Out, Bits<11>>,
    /// The request is served in this cycle.
    pub acc_grant: Signal<In, Bit>,
    /// Accumulators of an earlier request.
    pub acc_rdata: Signal<In, Bits<512>>,
    /// Parameter address: group and half.
    pub param_raddr: Signal<Out, Bits<13>>,
    /// Parameters of the address of the cycle before.
    pub param_rdata: Signal<In, Bits<512>>,
    /// Writes a feature word.
    pub fw_valid: Signal<Out, Bit>,
    /// Its address.
    pub fw_addr: Signal<Out, Bits<20>>,
    /// The word.
    pub fw_data: Signal<Out, Bits<128>>,
    /// A write was suppressed because its address lies beyond the memory.
    pub range_error: Signal<Out, Bit>,
    /// The host stream can take [`OUT_MARGIN`] more beats.
    pub out_room: Signal<In, Bit>,
    /// A beat for the host.
    pub out_valid: Signal<Out, Bit>,
    /// The beat.
    pub out_data: Signal<Out, Bits<128>>,
    /// It is the trailer.
    pub out_last: Signal<Out, Bit>,
    /// A tile is finished.
    pub drained: Signal<Out, Bit>,
    /// An end of image is finished.
    pub ended: Signal<Out, Bit>,
    /// A job is under way.
    pub busy: Signal<Out, Bit>,
    reader: DrainReader,
    // Bits: fire, first, last.
    read_delay: Delay<3, ACC_READ_LATENCY>,
    group_delay: Delay<12, ACC_READ_LATENCY>,
    half: DFF<Bit>,
    spread: DrainSpread,
    lane: [Requantiser; 8],
    lane_delay: Delay<3, { REQUANT_LATENCY + 1 }>,
    gather: DrainGather,
    step: DFF<Bits<3>>,
    place: DrainPlace,
    valid: DFF<Bit>,
    first: DFF<Bit>,
    last: DFF<Bit>,
    tile_vector: Signal<Local, Bit>,
    pool: Pool<A>,
    sum: GlobalSum,
    send: DrainSend,
    emit_1: DFF<Bit>,
    emit_2: DFF<Bit>,
    address_1: DFF<Bits<21>>,
    address_2: DFF<Bits<21>>,
    in_range: Signal<Local, Bit>,
    write: DFF<Bit>,
    write_address: DFF<Bits<20>>,
    write_data: DFF<Bits<128>>,
    outside: DFF<Bit>,
    jobs: DFF<Bits<4>>,
    over: Signal<Local, Bit>,
    feature_words: Constant<Bits<21>>,
}

impl<const A: usize> Drain<A> {
    /// A drain unit for a feature buffer of `feature_words` words.
    ///
    /// # Panics
    /// If an address of 20 bits cannot reach them, or `A` is beyond 12.
    #[must_use]
    pub fn new(feature_words: usize) -> Self {
        assert!(feature_words <= 1 << 20, "a feature address has 20 bits");
        assert!(A <= 12, "a line address has 12 bits");
        Self {
            clock: Default::default(),
            reset: Default::default(),
            job_valid: Default::default(),
            job: Default::default(),
            job_ready: Default::default(),
            acc_re: Default::default(),
            acc_rbank: Default::default(),
            acc_raddr: Default::default(),
            acc_grant: Default::default(),
            acc_rdata: Default::default(),
            param_raddr: Default::default(),
            param_rdata: Default::default(),
            fw_valid: Default::default(),
            fw_addr: Default::default(),
            fw_data: Default::default(),
            range_error: Default::default(),
            out_room: Default::default(),
            out_valid: Default::default(),
            out_data: Default::default(),
            out_last: Default::default(),
            drained: Default::default(),
            ended: Default::default(),
            busy: Default::default(),
            reader: Default::default(),
            read_delay: Default::default(),
            group_delay: Default::default(),
            half: Default::default(),
            spread: Default::default(),
            lane: Default::default(),
            lane_delay: Default::default(),
            gather: Default::default(),
            step: Default::default(),
            place: Default::default(),
            valid: Default::default(),
            first: Default::default(),
            last: Default::default(),
            tile_vector: Default::default(),
            pool: Default::default(),
            sum: Default::default(),
            send: Default::default(),
            emit_1: Default::default(),
            emit_2: Default::default(),
            address_1: Default::default(),
            address_2: Default::default(),
            in_range: Default::default(),
            write: Default::default(),
            write_address: Default::default(),
            write_data: Default::default(),
            outside: Default::default(),
            jobs: Default::default(),
            over: Default::default(),
            feature_words: Constant::new((feature_words as u64).into()),
        }
    }
}

impl<const A: usize> Logic for Drain<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            half,
            step,
            valid,
            first,
            last,
            emit_1,
            emit_2,
            address_1,
            address_2,
            write,
            write_address,
            write_data,
            outside,
            jobs
        );
        clock!(
            self,
            clock,
            reader,
            read_delay,
            group_delay,
            spread,
            lane_delay,
            gather,
            place,
            pool,
            sum,
            send
        );
        for i in 0..8 {
            self.lane[i].clock.next = self.clock.val();
        }
        self.reader.reset.next = self.reset.val();
        self.read_delay.reset.next = self.reset.val();
        self.group_delay.reset.next = self.reset.val();
        self.lane_delay.reset.next = self.reset.val();
        self.place.reset.next = self.reset.val();
        self.send.reset.next = self.reset.val();

        // Jobs come in and accumulators are asked for.
        self.reader.job_valid.next = self.job_valid.val();
        self.job_ready.next = self.reader.job_ready.val();
        self.reader.job.next = self.job.val();
        self.reader.place_room.next = self.place.room.val();
        self.reader.out_room.next = self.out_room.val();
        self.reader.acc_grant.next = self.acc_grant.val();
        self.acc_re.next = self.reader.acc_re.val();
        self.acc_rbank.next = self.reader.acc_rbank.val();
        self.acc_raddr.next = self.reader.acc_raddr.val();

        // The accumulators arrive; half a vector a cycle goes through the lanes.
        self.read_delay.d.next = bit_cast::<3, 1>(self.reader.fire.val().into())
            | (bit_cast::<3, 1>(self.reader.first.val().into()) << 1)
            | (bit_cast::<3, 1>(self.reader.last.val().into()) << 2);
        self.group_delay.d.next = self.reader.param.val();
        self.half.d.next = self.read_delay.q.val().get_bit(0);
        self.param_raddr.next = (bit_cast::<13, 12>(self.group_delay.q.val()) << 1)
            | bit_cast::<13, 1>(self.half.q.val().into());
        self.spread.load.next = self.read_delay.q.val().get_bit(0);
        self.spread.advance.next = self.half.q.val();
        self.spread.data.next = self.acc_rdata.val();
        for i in 0..8 {
            self.lane[i].acc.next = self.spread.acc[i].val();
            self.lane[i].bias.next = self.param_rdata.val().get_bits::<32>(i * 64);
            self.lane[i].mult.next = self.param_rdata.val().get_bits::<15>(i * 64 + 32);
            self.lane[i].shift.next = self.param_rdata.val().get_bits::<6>(i * 64 + 48);
            self.gather.y[i].next = self.lane[i].y.val();
        }
        self.lane_delay.d.next = self.read_delay.q.val();
        self.gather.low.next = self.lane_delay.q.val().get_bit(0);
        self.step.d.next = self.lane_delay.q.val();
        if self.reset.val() {
            self.step.d.next = 0.into();
        }
        self.gather.high.next = self.step.q.val().get_bit(0);

        // The vector is complete one cycle after `step`.
        self.place.push.next = self.reader.taken.val();
        self.place.job.next = self.job.val();
        self.place.step.next = self.step.q.val().get_bit(0);
        self.place.first.next = self.step.q.val().get_bit(1);
        self.valid.d.next = self.step.q.val().get_bit(0) & !self.reset.val();
        self.first.d.next = self.step.q.val().get_bit(1);
        self.last.d.next = self.step.q.val().get_bit(2);
        self.tile_vector.next = self.valid.q.val() & !self.place.current.val().end_image;

        // Write and pool.
        self.pool.valid.next = self.tile_vector.val();
        self.pool.vector.next = self.gather.vector.val();
        self.pool.plain.next = self.place.plain.val();
        self.pool.x_even.next = self.place.x_even.val();
        self.pool.y_even.next = self.place.y_even.val();
        self.pool.column_end.next = self.place.column_end.val();
        self.pool.line_address.next = self.place.line_address.val().get_bits::<A>(0);
        self.emit_1.d.next = self.tile_vector.val() & self.place.emit.val() & !self.reset.val();
        self.address_1.d.next = self.place.out_address.val();
        self.emit_2.d.next = self.emit_1.q.val() & !self.reset.val();
        self.address_2.d.next = self.address_1.q.val();
        self.in_range.next = self.address_2.q.val() < self.feature_words.val();
        self.write.d.next = self.emit_2.q.val() & self.in_range.val() & !self.reset.val();
        self.outside.d.next = self.emit_2.q.val() & !self.in_range.val() & !self.reset.val();
        self.write_address.d.next = self.address_2.q.val().get_bits::<20>(0);
        self.write_data.d.next = self.pool.pooled.val();
        self.fw_valid.next = self.write.q.val();
        self.fw_addr.next = self.write_address.q.val();
        self.fw_data.next = self.write_data.q.val();
        self.range_error.next = self.outside.q.val();

        // Sum.
        self.sum.add.next = self.tile_vector.val() & (self.place.current.val().mode == 2);
        self.sum.restart.next = self.first.q.val() & self.place.current.val().sum_first;
        self.sum.vector.next = self.gather.vector.val();
        self.sum.select.next = self.send.select.val();

        // To the host.
        self.send.valid.next = self.valid.q.val();
        self.send.last.next = self.last.q.val();
        self.send.job.next = self.place.current.val();
        self.send.vector.next = self.gather.vector.val();
        self.send.beat.next = self.sum.beat.val();
        self.out_valid.next = self.send.out_valid.val();
        self.out_data.next = self.send.out_data.val();
        self.out_last.next = self.send.out_last.val();
        self.drained.next = self.send.drained.val();
        self.ended.next = self.send.ended.val();

        // Jobs under way.
        self.over.next = self.send.drained.val() | self.send.ended.val();
        if self.reader.taken.val() & !self.over.val() {
            self.jobs.d.next = self.jobs.q.val() + 1;
        }
        if self.over.val() & !self.reader.taken.val() {
            self.jobs.d.next = self.jobs.q.val() - 1;
        }
        if self.reset.val() {
            self.jobs.d.next = 0.into();
        }
        self.busy.next = self.jobs.q.val().any();
    }
}

//! The drain unit: from finished accumulators to features and results.

pub mod address;
pub mod byte_max;
pub mod column;
pub mod gather;
pub mod job;
pub mod params;
pub mod place;
pub mod pool;
pub mod reader;
pub mod requant;
pub mod send;
pub mod spread;
pub mod step;
pub mod sum;
pub mod tap;

use crate::common::words::{Beat, Word};
use firebrick_spec::HwConfig;
pub use firebrick_spec::latency::{
    DRAIN_LATENCY, OUT_MARGIN, TAP_LATENCY, VECTOR_LATENCY, sums_beat_latency, sums_pace, tap_pace,
    tapped_latency,
};
use rust_hdl::prelude::*;

use crate::array::accumulators::ACC_READ_LATENCY;
use crate::common::delay::DelayLine;
use crate::drain::address::DrainAddress;
use crate::drain::gather::DrainGather;
use crate::drain::job::DrainJob;
use crate::drain::place::DrainPlace;
use crate::drain::pool::Pool;
use crate::drain::reader::DrainReader;
use crate::drain::requant::{COARSE_DELAY, FINE_DELAY, Requantiser};
use crate::drain::send::DrainSend;
use crate::drain::spread::{DrainSpread, requantisers};
use crate::drain::step::DrainStep;
use crate::drain::sum::GlobalSum;
use crate::drain::tap::DrainTap;

const _: () = assert!(ACC_READ_LATENCY == 2, "words come with their parameters");

/// Drains finished tiles: accumulators, requantisation, then write, pool or sum.
///
/// Jobs ([`DrainJob`]) pass one after the other, in vectors of `lanes` positions, one vector in
/// two cycles through `tile / 2` requantisers a lane, without a gap between jobs. What comes
/// later, and how many vectors a job has, is said at [`DrainReader`]. Any number of vectors of
/// several jobs is in the pipeline at a time. Positions that are no pixels are dropped.
///
/// - Jobs: taken with `job_valid` and `job_ready`, in any cycle without a job in hand. The first
///   request comes in the next cycle.
/// - Accumulators: `acc_re` asks all lanes for bank `acc_rbank`, address `acc_raddr`; `acc_grant`
///   answers in the same cycle; of `acc_words_0` and `acc_words_1` (for each lane sixteen sums of 32
///   bits, channel 0 in the low bits) that of the bank is sampled [`ACC_READ_LATENCY`] cycles later.
///   The request stands until it is granted. Sums are as wide as the configuration says; bits above
///   do not count.
/// - Parameters: with one lane `param_raddr` is the group and, in bit 0, the half, else the group;
///   `param_rdata` holds, [`ACC_READ_LATENCY`] cycles later, the channels' bias (i32), multiplier (16 bit) and shift
///   (8 bit), in that order from the low bits.
/// - Features: up to `drain_pixels` words a cycle, `fw_valid`, `fw_addr`, `fw_data` (sixteen u8),
///   must always be accepted. An address from `feature_words` on is not written but reported by
///   `range_error`, in the cycle in which it would have been.
/// - Host: `out_valid`, `out_data`, `out_last` must always be accepted. New vectors of jobs that
///   send wait for `out_room`, which promises [`OUT_MARGIN`] beats of room; `blocked` is high in a
///   cycle in which that is all that is missing. The trailer (`out_last`) carries the tag in
///   word 2 and leaves the other words 0.
/// - `drained` comes once for each tile, with its last feature write ([`DRAIN_LATENCY`] cycles
///   after the last grant, [`tapped_latency`] with taps) or its last beat of sums
///   ([`sums_beat_latency`] + beats - 1 cycles after); `ended` once for each end of image. `busy` from the cycle after a job is taken to
///   that of `drained` or `ended`.
///
/// Requantisation is that of `firebrick_spec::arith::Requant::apply_within`, see [`Requantiser`] for the
/// range. All data outputs are registers.
#[derive(LogicBlock)]
pub struct Drain {
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
    /// Accumulators in bank 0 of the request [`ACC_READ_LATENCY`] cycles before, for each lane.
    pub acc_words_0: Vec<Signal<In, Bits<512>>>,
    /// Those in bank 1.
    pub acc_words_1: Vec<Signal<In, Bits<512>>>,
    /// Parameter address.
    pub param_raddr: Signal<Out, Bits<13>>,
    /// Parameters of the address [`ACC_READ_LATENCY`] cycles before.
    pub param_rdata: Signal<In, Bits<1024>>,
    /// Writes feature words.
    pub fw_valid: Vec<Signal<Out, Bit>>,
    /// Their addresses.
    pub fw_addr: Vec<Signal<Out, Bits<20>>>,
    /// The words.
    pub fw_data: Vec<Signal<Out, Word>>,
    /// A write was suppressed because its address lies beyond the memory.
    pub range_error: Signal<Out, Bit>,
    /// The host stream can take [`OUT_MARGIN`] more beats.
    pub out_room: Signal<In, Bit>,
    /// A vector waits for `out_room` only.
    pub blocked: Signal<Out, Bit>,
    /// A beat for the host.
    pub out_valid: Signal<Out, Bit>,
    /// The beat.
    pub out_data: Signal<Out, Beat>,
    /// It is the trailer.
    pub out_last: Signal<Out, Bit>,
    /// A tile is finished.
    pub drained: Signal<Out, Bit>,
    /// An end of image is finished.
    pub ended: Signal<Out, Bit>,
    /// A job is under way.
    pub busy: Signal<Out, Bit>,
    reader: DrainReader,
    fire_1: DFF<Bit>,
    bank_1: DFF<Bit>,
    fire_2: DFF<Bit>,
    bank_2: DFF<Bit>,
    spread_0: DrainSpread,
    spread_1: DrainSpread,
    // What requantisers of the same channel share.
    factor: Vec<DFF<Bits<15>>>,
    coarse: Vec<DelayLine<2>>,
    fine: Vec<DelayLine<4>>,
    lane: Vec<Requantiser>,
    gather: DrainGather,
    place: DrainPlace,
    step: Signal<Local, DrainStep>,
    pool: Pool,
    address: DrainAddress,
    sum: GlobalSum,
    tap: DrainTap,
    send: DrainSend,
    jobs: DFF<Bits<4>>,
    over: Signal<Local, Bit>,
    single: Constant<Bit>,
    _lanes: usize,
    _pixels: usize,
    _channels: usize,
    _requantisers: usize,
}

impl Drain {
    /// A drain unit for the lanes, the tile and the memories of `config`.
    ///
    /// # Panics
    /// If `config` has other than 1, 2, 4 or 8 lanes of tile 16, or one of tile 8; other than
    /// `tile / 2` requantisers a lane; or memories that the addresses do not reach.
    #[must_use]
    pub fn new(config: &HwConfig) -> Self {
        assert!(
            matches!((config.tile, config.lanes), (16, 1 | 2 | 4 | 8) | (8, 1)),
            "no drain unit for {} lanes of tile {}",
            config.lanes,
            config.tile
        );
        assert_eq!(config.requantisers, config.tile / 2, "two cycles a vector");
        assert!(
            config.feature_words <= 1 << 20,
            "a feature address has 20 bits"
        );
        assert!(config.line_words <= 1 << 10, "a line address has 10 bits");
        let pixels = config.drain_pixels();
        let channels = requantisers(config) / pixels;
        block! {
            clock, reset, job_valid, job, job_ready, acc_re, acc_rbank, acc_raddr, acc_grant,
            param_raddr, param_rdata, range_error, out_room, blocked, out_valid, out_data,
            out_last, drained, ended, busy, fire_1, bank_1, fire_2, bank_2, step, jobs, over;
            acc_words_0: (0..config.lanes).map(|_| Signal::default()).collect(),
            acc_words_1: (0..config.lanes).map(|_| Signal::default()).collect(),
            fw_valid: (0..pixels).map(|_| Signal::default()).collect(),
            fw_addr: (0..pixels).map(|_| Signal::default()).collect(),
            fw_data: (0..pixels).map(|_| Signal::default()).collect(),
            reader: DrainReader::new(config),
            spread_0: DrainSpread::new(config),
            spread_1: DrainSpread::new(config),
            factor: (0..channels).map(|_| DFF::default()).collect(),
            coarse: (0..channels).map(|_| DelayLine::new(COARSE_DELAY)).collect(),
            fine: (0..channels).map(|_| DelayLine::new(FINE_DELAY)).collect(),
            lane: (0..requantisers(config))
                .map(|_| Requantiser::of(config))
                .collect(),
            gather: DrainGather::new(config),
            place: DrainPlace::new(config),
            pool: Pool::new(pixels, config.line_words),
            address: DrainAddress::new(pixels, config.feature_words),
            sum: GlobalSum::new(pixels),
            tap: DrainTap::new(config.lanes),
            send: DrainSend::new(config.lanes),
            single: Constant::new(config.lanes == 1),
            _lanes: config.lanes,
            _pixels: pixels,
            _channels: channels,
            _requantisers: requantisers(config),
        }
    }
}

impl Drain {
    /// Puts the pool's lines into UltraRAM.
    pub fn in_ultra_ram(&mut self) {
        self.pool.in_ultra_ram();
    }
}

impl Logic for Drain {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, fire_1, bank_1, fire_2, bank_2, jobs);
        clock!(
            self, clock, reader, gather, place, pool, address, sum, tap, send
        );
        self.reader.reset.next = self.reset.val();
        self.place.reset.next = self.reset.val();
        self.address.reset.next = self.reset.val();
        self.tap.reset.next = self.reset.val();
        self.send.reset.next = self.reset.val();

        // Jobs come in and accumulators are asked for.
        self.reader.job_valid.next = self.job_valid.val();
        self.job_ready.next = self.reader.job_ready.val();
        self.reader.job.next = self.job.val();
        self.reader.out_room.next = self.out_room.val();
        self.blocked.next = self.reader.blocked.val();
        self.reader.acc_grant.next = self.acc_grant.val();
        self.acc_re.next = self.reader.acc_re.val();
        self.acc_rbank.next = self.reader.acc_rbank.val();
        self.acc_raddr.next = self.reader.acc_raddr.val();
        self.place.fire.next = self.reader.fire.val();
        self.place.first.next = self.reader.first.val();
        self.place.last.next = self.reader.last.val();
        self.place.job.next = self.reader.held.val();

        // The accumulators arrive; half a vector a cycle goes through the requantisers, the second
        // half a cycle later, with its parameters.
        self.fire_1.d.next = self.reader.fire.val();
        self.bank_1.d.next = self.reader.acc_rbank.val();
        self.fire_2.d.next = self.fire_1.q.val();
        self.bank_2.d.next = self.bank_1.q.val();
        self.param_raddr.next = bit_cast::<13, 10>(self.reader.held.val().param);
        if self.single.val() {
            self.param_raddr.next = (bit_cast::<13, 10>(self.reader.held.val().param) << 1)
                | bit_cast::<13, 1>(self.fire_1.q.val().into());
        }
        for i in 0..self._lanes {
            self.spread_0.words[i].next = self.acc_words_0[i].val();
            self.spread_1.words[i].next = self.acc_words_1[i].val();
        }
        for i in 0..self._requantisers {
            self.lane[i].clock.next = self.clock.val();
            self.lane[i].now.next = self.fire_2.q.val();
            self.lane[i].bank.next = self.bank_2.q.val();
            self.lane[i].now_0.next = self.spread_0.now[i].val();
            self.lane[i].now_1.next = self.spread_1.now[i].val();
            self.lane[i].later_0.next = self.spread_0.later[i].val();
            self.lane[i].later_1.next = self.spread_1.later[i].val();
            self.gather.y[i].next = self.lane[i].y.val();
        }
        for i in 0..self._channels {
            self.factor[i].clock.next = self.clock.val();
            self.coarse[i].clock.next = self.clock.val();
            self.fine[i].clock.next = self.clock.val();
            self.coarse[i].reset.next = false;
            self.fine[i].reset.next = false;
            self.factor[i].d.next = self.param_rdata.val().get_bits::<15>(i * 64 + 32);
            self.fine[i].d.next = self.param_rdata.val().get_bits::<4>(i * 64 + 48);
            self.coarse[i].d.next = self.param_rdata.val().get_bits::<2>(i * 64 + 52);
        }
        for p in 0..self._pixels {
            for i in 0..self._channels {
                self.lane[p * 16 + i].bias.next = self.param_rdata.val().get_bits::<32>(i * 64);
                self.lane[p * 16 + i].mult.next =
                    self.param_rdata.val().get_bits::<15>(i * 64 + 32);
                self.lane[p * 16 + i].factor.next = self.factor[i].q.val();
                self.lane[p * 16 + i].coarse.next = self.coarse[i].q.val();
                self.lane[p * 16 + i].fine.next = self.fine[i].q.val();
            }
        }
        self.gather.low.next = self.place.low.val();
        self.gather.high.next = self.place.high.val();
        for i in 0..self._pixels {
            self.gather.keep[i].next = self.place.keep[i].val();
        }

        // Write and pool.
        self.step.next = self.place.step.val();
        self.pool.valid.next = self.place.valid.val();
        self.pool.plain.next = self.step.val().plain;
        self.pool.x_even.next = self.step.val().x_even;
        self.pool.y_even.next = self.step.val().y_even;
        self.pool.pairs.next = self.step.val().pairs;
        self.pool.line_write.next = self.step.val().line_write;
        self.pool.line_address.next = self.step.val().line;
        self.address.valid.next = self.place.valid.val();
        self.address.opens.next = self.step.val().opens;
        self.address.word.next = self.step.val().word;
        self.range_error.next = self.address.range_error.val();
        for i in 0..self._pixels {
            self.pool.vector[i].next = self.gather.vector[i].val();
            self.address.emit[i].next = self.place.emit[i].val();
            self.address.row_end[i].next = self.place.row_end[i].val();
            self.fw_valid[i].next = self.address.write[i].val();
            self.fw_addr[i].next = self.address.address[i].val();
            self.fw_data[i].next = self.pool.pooled[i].val();
        }

        // Sum.
        self.sum.add.next = self.place.valid.val() & self.step.val().adds;
        self.sum.restart.next = self.step.val().opens & self.step.val().sum_first;
        self.sum.clear.next = self.send.clear.val();
        self.sum.turn.next = self.send.turn.val();

        // To the host.
        self.tap.load.next = self.place.valid.val() & self.step.val().tap;
        self.tap.second.next = self.step.val().second;
        for i in 0..self._pixels {
            self.sum.vector[i].next = self.gather.vector[i].val();
            self.tap.vector[i].next = self.gather.vector[i].val();
            self.tap.keep[i].next = self.place.kept[i].val();
        }
        self.send.valid.next = self.place.valid.val();
        self.send.step.next = self.step.val();
        self.send.word_valid.next = self.tap.word_valid.val();
        self.send.word.next = self.tap.word.val();
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

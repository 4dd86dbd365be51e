//! The engine: all blocks and the wires between them.

use crate::common::words::Beat;
use firebrick_spec::BEAT_BITS;
use firebrick_spec::command::ErrorCode;
use firebrick_spec::latency::{SETTLE_LATENCY, TAG_LEAD, tag_latency};
use firebrick_spec::resources::{Memory, MemoryKind};
use firebrick_spec::{HwConfig, regs};
use rust_hdl::prelude::*;

use crate::array::lane::Lane;
use crate::common::delay::DelayLine;
use crate::common::mem::Fifo;
use crate::common::reset::ResetTree;
use crate::common::slice::RegisterSlice;
use crate::decode::decoder::Decoder;
use crate::decode::record::{BlockFields, EndFields, RecordKind};
use crate::decode::sparse::Sparse;
use crate::decode::streamer::Streamer;
use crate::drain::Drain;
use crate::drain::params::Params;
use crate::io::counters::Counters;
use crate::io::histogram::Histogram;
use crate::io::output::Output;
use crate::io::registers::Registers;
use crate::sequence::loader::{Loader, WEIGHT_LATENCY};
use crate::sequence::passes::Passes;
use crate::store::feature::{FEATURE_LATENCY, FeatureBuffer};
use crate::window::Window;

const _: () = assert!(
    FEATURE_LATENCY == WEIGHT_LATENCY,
    "swap and load must keep their distance"
);

/// The accelerator core: up to eight lanes of a 16 x 16 tile, or one of 8 x 8. Ports as in `docs/registers.md`.
#[derive(LogicBlock)]
pub struct Engine {
    /// Clock of everything.
    pub aclk: Signal<In, Clock>,
    /// Synchronous reset, active low.
    pub aresetn: Signal<In, Bit>,
    /// AXI4-Lite write address.
    pub s_axil_awaddr: Signal<In, Bits<12>>,
    /// AXI4-Lite write address.
    pub s_axil_awvalid: Signal<In, Bit>,
    /// AXI4-Lite write address.
    pub s_axil_awready: Signal<Out, Bit>,
    /// AXI4-Lite write data.
    pub s_axil_wdata: Signal<In, Bits<32>>,
    /// AXI4-Lite write data.
    pub s_axil_wstrb: Signal<In, Bits<4>>,
    /// AXI4-Lite write data.
    pub s_axil_wvalid: Signal<In, Bit>,
    /// AXI4-Lite write data.
    pub s_axil_wready: Signal<Out, Bit>,
    /// AXI4-Lite write response.
    pub s_axil_bvalid: Signal<Out, Bit>,
    /// AXI4-Lite write response.
    pub s_axil_bready: Signal<In, Bit>,
    /// AXI4-Lite read address.
    pub s_axil_araddr: Signal<In, Bits<12>>,
    /// AXI4-Lite read address.
    pub s_axil_arvalid: Signal<In, Bit>,
    /// AXI4-Lite read address.
    pub s_axil_arready: Signal<Out, Bit>,
    /// AXI4-Lite read data.
    pub s_axil_rdata: Signal<Out, Bits<32>>,
    /// AXI4-Lite read data.
    pub s_axil_rvalid: Signal<Out, Bit>,
    /// AXI4-Lite read data.
    pub s_axil_rready: Signal<In, Bit>,
    /// Command stream.
    pub s_axis_tdata: Signal<In, Beat>,
    /// Command stream.
    pub s_axis_tvalid: Signal<In, Bit>,
    /// Command stream.
    pub s_axis_tready: Signal<Out, Bit>,
    /// Command stream.
    pub s_axis_tlast: Signal<In, Bit>,
    /// Result packets.
    pub m_axis_tdata: Signal<Out, Beat>,
    /// Result packets.
    pub m_axis_tvalid: Signal<Out, Bit>,
    /// Result packets.
    pub m_axis_tready: Signal<In, Bit>,
    /// Result packets.
    pub m_axis_tlast: Signal<Out, Bit>,
    /// Interrupt, level, active high.
    pub irq: Signal<Out, Bit>,
    // Soft and hard, and the hard one alone.
    resets: ResetTree,
    hard_resets: ResetTree,
    arrival: RegisterSlice<129>,
    registers: Registers,
    counters: Counters,
    decoder: Decoder,
    sparse: Sparse,
    queue: Fifo<225, 5, 6>,
    weight_jobs: Fifo<36, 5, 6>,
    passes: Passes,
    streamer: Streamer,
    loader: Loader,
    window: Window,
    feature: FeatureBuffer,
    lanes: Vec<Lane>,
    tags: DelayLine<15>,
    swaps: DelayLine<1>,
    stores: DelayLine<1>,
    settle: DelayLine<1>,
    params: Params,
    jobs: Fifo<224, 4, 5>,
    queued: BlockFields,
    job_kind: RecordKind,
    job_block: BlockFields,
    job_end: EndFields,
    drain: Drain,
    by_layer: Histogram<10>,
    ragged_by_layer: Histogram<6>,
    output_stage: Output,
    released: DFF<Bits<5>>,
    begun: DFF<Bit>,
    // Far more than the queues can hold.
    streams: DFF<Bits<12>>,
    // What the cycle before was, and the one before it, for the counters.
    clears: DFF<Bit>,
    clears_2: DFF<Bit>,
    counts: DFF<Bit>,
    counts_2: DFF<Bit>,
    cause: DFF<Bits<4>>,
    cause_2: DFF<Bits<4>>,
    cause_layer: DFF<Bits<6>>,
    cause_layer_2: DFF<Bits<6>>,
    ragged: DFF<Bits<4>>,
    took: DFF<Bit>,
    gave: DFF<Bit>,
    asks: Signal<Local, Bit>,
    takes: Signal<Local, Bit>,
    active: Signal<Local, Bit>,
    tag: Signal<Local, Bits<15>>,
    late_tag: Signal<Local, Bits<15>>,
    job_ready: Signal<Local, Bit>,
    job_goes: Signal<Local, Bit>,
    job_comes: Signal<Local, Bit>,
    finished: Signal<Local, Bit>,
    beat_in: Signal<Local, Bit>,
    beat_out: Signal<Local, Bit>,
    range_error: Signal<Local, Bit>,
    ragged_now: Signal<Local, Bit>,
    range_code: Constant<Bits<8>>,
    ragged_cause: Constant<Bits<4>>,
    _lanes: usize,
    _drain: usize,
    _window: usize,
}

impl Engine {
    /// The engine for `config`: 1, 2, 4 or 8 lanes of 16 x 16 or one of 8 x 8, on a 16-byte bus.
    pub fn new(config: &HwConfig) -> Result<Self, String> {
        config
            .check()
            .map_err(|error| format!("configuration {:?}: {error}", config.name))?;
        Ok(block! {
            aclk, aresetn, s_axil_awaddr, s_axil_awvalid, s_axil_awready, s_axil_wdata,
            s_axil_wstrb, s_axil_wvalid, s_axil_wready, s_axil_bvalid, s_axil_bready, s_axil_araddr,
            s_axil_arvalid, s_axil_arready, s_axil_rdata, s_axil_rvalid, s_axil_rready,
            s_axis_tdata, s_axis_tvalid, s_axis_tready, s_axis_tlast, m_axis_tdata, m_axis_tvalid,
            m_axis_tready, m_axis_tlast, irq, counters, sparse, queue, weight_jobs, passes, jobs,
            queued, job_kind, job_block, job_end, by_layer, ragged_by_layer, output_stage, arrival,
            released, begun, streams, asks, takes, active, tag, late_tag, job_ready, job_goes,
            job_comes, finished, beat_in, beat_out, range_error, ragged_now, clears, counts, cause,
            cause_layer, clears_2, counts_2, cause_2, cause_layer_2, ragged, took, gave;
            resets: ResetTree::new(15),
            hard_resets: ResetTree::new(3),
            registers: Registers::new(config),
            decoder: Decoder::new(config),
            streamer: Streamer::new(config),
            loader: Loader::new(config),
            window: Window::new(config),
            feature: FeatureBuffer::new(config),
            lanes: (0..config.lanes).map(|_| Lane::new(config)).collect(),
            tags: DelayLine::new(tag_latency(config)),
            swaps: DelayLine::new(FEATURE_LATENCY),
            stores: DelayLine::new(FEATURE_LATENCY),
            settle: DelayLine::new(TAG_LEAD + SETTLE_LATENCY),
            params: Params::new(config),
            drain: Drain::new(config),
            range_code: Constant::new((ErrorCode::FeatureRange as u64).into()),
            ragged_cause: Constant::new((regs::RAGGED_INDEX as u64).into()),
            _lanes: config.lanes,
            _drain: config.drain_pixels(),
            _window: config.window_words(),
        })
    }

    /// Marks the top's inputs as driven and wires everything up, for the emitter.
    pub fn connect_inputs(&mut self) {
        self.aclk.connect();
        self.aresetn.connect();
        self.s_axil_awaddr.connect();
        self.s_axil_awvalid.connect();
        self.s_axil_wdata.connect();
        self.s_axil_wstrb.connect();
        self.s_axil_wvalid.connect();
        self.s_axil_bready.connect();
        self.s_axil_araddr.connect();
        self.s_axil_arvalid.connect();
        self.s_axil_rready.connect();
        self.s_axis_tdata.connect();
        self.s_axis_tvalid.connect();
        self.s_axis_tlast.connect();
        self.m_axis_tready.connect();
        self.connect_all();
    }
}

impl Engine {
    /// Puts memories into UltraRAM: those of features, weights, pooling lines and statistics
    /// can be.
    pub fn in_ultra_ram(&mut self, memories: &[Memory]) {
        for memory in memories {
            match memory.kind {
                MemoryKind::Features => self.feature.in_ultra_ram(),
                MemoryKind::Weights => self.loader.in_ultra_ram(),
                MemoryKind::PoolingLines => self.drain.in_ultra_ram(),
                MemoryKind::Statistics => self.by_layer.in_ultra_ram(),
                _ => {}
            }
        }
    }
}

impl Logic for Engine {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            aclk,
            released,
            begun,
            streams,
            clears,
            counts,
            cause,
            cause_layer,
            clears_2,
            counts_2,
            cause_2,
            cause_layer_2,
            ragged,
            took,
            gave
        );
        clock!(
            self,
            aclk,
            resets,
            hard_resets,
            arrival,
            registers,
            counters,
            decoder,
            sparse,
            queue,
            weight_jobs,
            passes,
            streamer,
            loader,
            window,
            feature,
            tags,
            swaps,
            stores,
            settle,
            params,
            jobs,
            drain,
            by_layer,
            ragged_by_layer,
            output_stage
        );
        for i in 0..self._lanes {
            self.lanes[i].clock.next = self.aclk.val();
        }
        self.asks.next = (!self.aresetn.val()) | self.registers.soft_reset.val();
        self.resets.request.next = self.asks.val();
        self.hard_resets.request.next = !self.aresetn.val();
        self.registers.reset.next = !self.aresetn.val();
        self.registers.forget.next = self.resets.reset[0].val();
        self.decoder.reset.next = self.resets.reset[1].val();
        self.queue.reset.next = self.resets.reset[2].val();
        self.weight_jobs.reset.next = self.resets.reset[2].val();
        self.jobs.reset.next = self.resets.reset[2].val();
        self.passes.reset.next = self.resets.reset[3].val();
        self.streamer.reset.next = self.resets.reset[4].val();
        self.loader.reset.next = self.resets.reset[5].val();
        self.sparse.reset.next = self.resets.reset[6].val();
        self.window.reset.next = self.resets.reset[7].val();
        self.tags.reset.next = self.resets.reset[8].val();
        self.swaps.reset.next = self.resets.reset[8].val();
        self.stores.reset.next = self.resets.reset[8].val();
        self.settle.reset.next = self.resets.reset[8].val();
        self.drain.reset.next = self.resets.reset[9].val();
        self.output_stage.reset.next = self.resets.reset[10].val();
        self.feature.reset.next = self.resets.reset[11].val();
        self.arrival.reset.next = self.resets.reset[12].val();
        self.output_stage.hard.next = self.hard_resets.reset[0].val();
        self.queue.keep.next = false;
        self.weight_jobs.keep.next = false;
        self.jobs.keep.next = false;

        // AXI4-Lite.
        self.registers.awaddr.next = self.s_axil_awaddr.val();
        self.registers.awvalid.next = self.s_axil_awvalid.val();
        self.s_axil_awready.next = self.registers.awready.val();
        self.registers.wdata.next = self.s_axil_wdata.val();
        self.registers.wstrb.next = self.s_axil_wstrb.val();
        self.registers.wvalid.next = self.s_axil_wvalid.val();
        self.s_axil_wready.next = self.registers.wready.val();
        self.s_axil_bvalid.next = self.registers.bvalid.val();
        self.registers.bready.next = self.s_axil_bready.val();
        self.registers.araddr.next = self.s_axil_araddr.val();
        self.registers.arvalid.next = self.s_axil_arvalid.val();
        self.s_axil_arready.next = self.registers.arready.val();
        self.s_axil_rdata.next = self.registers.rdata.val();
        self.s_axil_rvalid.next = self.registers.rvalid.val();
        self.registers.rready.next = self.s_axil_rready.val();
        self.irq.next = self.registers.irq.val();

        // Stream in: decoder, then the queue and the loader's queue.
        // What is offered while a reset is under way stays outside.
        self.takes.next = (!self.resets.under_way.val()) & (!self.by_layer.clearing.val());
        self.arrival.in_valid.next = self.s_axis_tvalid.val() & self.takes.val();
        self.arrival.in_data.next = bit_cast::<129, BEAT_BITS>(self.s_axis_tdata.val())
            | (bit_cast::<129, 1>(bit_cast::<1, 1>(self.s_axis_tlast.val().into())) << 128);
        self.s_axis_tready.next = self.arrival.in_ready.val() & self.takes.val();
        self.decoder.s_valid.next = self.arrival.out_valid.val();
        self.decoder.s_data.next = self.arrival.out_data.val().get_bits::<BEAT_BITS>(0);
        self.decoder.s_last.next = self.arrival.out_data.val().get_bit(128);
        self.arrival.out_ready.next = self.decoder.s_ready.val();
        self.decoder.halt.next = self.registers.halted.val();
        self.decoder.queue_full.next = self.queue.full.val() | self.weight_jobs.full.val();
        self.decoder.reads_done.next = self.streamer.reads_done.val();
        self.decoder.drained.next = self.drain.drained.val();
        self.decoder.store_done.next = self.streamer.store_done.val();
        self.queue.push.next = self.decoder.queue_push.val();
        self.queue.push_data.next = bit_cast::<225, 224>(self.decoder.queue_data.val())
            | (bit_cast::<225, 1>(bit_cast::<1, 1>(self.decoder.queue_single.val().into())) << 224);
        self.queued.record.next = self.decoder.queue_data.val();
        self.queue.pop.next = self.passes.record_pop.val();
        self.weight_jobs.push.next = self.decoder.queue_push.val() & self.decoder.queue_block.val();
        self.weight_jobs.push_data.next = bit_cast::<36, 20>(self.queued.weight_base.val())
            | (bit_cast::<36, 16>(self.decoder.queue_passes.val()) << 20);
        self.weight_jobs.pop.next = self.loader.job_pop.val();
        self.loader.job_valid.next = self.weight_jobs.valid.val();
        self.loader.job_base.next = self.weight_jobs.data.val().get_bits::<20>(0);
        self.loader.job_passes.next = self.weight_jobs.data.val().get_bits::<16>(20);
        self.sparse.start.next = self.decoder.sparse_start.val();
        self.sparse.rows.next = self.decoder.sparse_rows.val();
        self.sparse.address.next = self.decoder.sparse_address.val();
        self.sparse.in_valid.next = self.decoder.sparse_valid.val();
        self.sparse.in_data.next = self.decoder.payload.val();
        self.decoder.sparse_ready.next = self.sparse.in_ready.val();
        self.decoder.sparse_busy.next = self.sparse.busy.val();
        self.loader.write_valid.next =
            self.decoder.weight_valid.val() | self.sparse.write_valid.val();
        self.loader.write_address.next = self.decoder.weight_address.val();
        self.loader.write_data.next = self.decoder.payload.val();
        if self.sparse.write_valid.val() {
            self.loader.write_address.next = self.sparse.write_address.val();
            self.loader.write_data.next = self.sparse.write_data.val();
        }
        self.params.write_valid.next = self.decoder.param_valid.val();
        self.params.write_address.next = self.decoder.param_address.val();
        self.params.write_data.next = self.decoder.payload.val();
        self.window.start.next = self.decoder.window_start.val();
        self.window.record.next = self.decoder.queue_data.val();
        self.window.in_valid.next = self.decoder.window_valid.val();
        self.window.in_data.next = self.decoder.payload.val();
        self.decoder.window_ready.next = self.window.in_ready.val();
        self.decoder.window_busy.next = self.window.busy.val();

        // Sequencer.
        self.passes.record_valid.next = self.queue.valid.val();
        self.passes.record_data.next = self.queue.data.val().get_bits::<224>(0);
        self.passes.record_single.next = self.queue.data.val().get_bit(224);
        self.passes.pass_pop.next = self.streamer.pass_pop.val();
        self.streamer.block.next = self.passes.block.val();
        self.streamer.store.next = self.passes.store.val();
        self.streamer.mark.next = self.passes.mark.val();
        self.streamer.record.next = self.passes.record.val();
        self.streamer.taken.next = self.passes.record_pop.val();
        self.streamer.first_pass.next = self.passes.first_pass.val();
        self.streamer.final_pass.next = self.passes.final_pass.val();
        self.streamer.address.next = self.passes.address.val();
        self.streamer.ring_base.next = self.passes.ring_base.val();
        self.streamer.ring_mask.next = self.passes.ring_mask.val();
        self.streamer.pitch.next = self.passes.pitch.val();
        self.streamer.drain_blocked.next = self.drain.blocked.val();
        self.streamer.late_weights.next = self.decoder.late_weights.val();
        self.streamer.late_input.next = self.decoder.late_input.val();
        self.streamer.tap_row.next = self.passes.tap_row.val();
        self.streamer.tap_column.next = self.passes.tap_column.val();
        self.streamer.weights_ready.next = self.loader.ready.val();
        self.loader.swap.next = self.streamer.swap.val();
        self.streamer.strip_done.next = self.window.strip_done.val();
        self.finished.next = self.drain.drained.val() | self.drain.ended.val();
        self.streamer.drained.next = self.finished.val();
        self.streamer.trailer_sent.next = self.output_stage.trailer_sent.val();
        self.streamer.store_room.next = self.output_stage.room.val();

        // Feature buffer to array to accumulators; tags travel beside.
        self.feature.read_address.next = self.streamer.read_address.val();
        self.feature.read_valid.next = self.streamer.read_valid.val();
        self.feature.ring_base.next = self.streamer.read_ring_base.val();
        self.feature.ring_mask.next = self.streamer.read_ring_mask.val();
        for i in 0..self._lanes {
            self.feature.read_mask[i].next = self.streamer.read_mask[i].val();
        }
        for i in 0..self._window {
            self.feature.window_valid[i].next = self.window.out_valid[i].val();
            self.feature.window_address[i].next = self.window.out_address[i].val();
            self.feature.window_beyond[i].next = self.window.out_beyond[i].val();
            self.feature.window_data[i].next = self.window.out_data[i].val();
            self.window.out_taken[i].next = self.feature.window_taken[i].val();
        }
        for i in 0..self._drain {
            self.feature.drain_valid[i].next = self.drain.fw_valid[i].val();
            self.feature.drain_address[i].next = self.drain.fw_addr[i].val();
            self.feature.drain_data[i].next = self.drain.fw_data[i].val();
        }
        self.swaps.d.next = bit_cast::<1, 1>(self.streamer.tag_swap.val().into());
        self.stores.d.next = bit_cast::<1, 1>(self.streamer.store_read.val().into());
        self.tag.next = bit_cast::<15, 11>(self.streamer.tag_address.val());
        if self.streamer.tag_valid.val() {
            self.tag.next = self.tag.val() | 0x800;
        }
        if self.streamer.tag_first.val() {
            self.tag.next = self.tag.val() | 0x1000;
        }
        if self.streamer.tag_bank.val() {
            self.tag.next = self.tag.val() | 0x2000;
        }
        if self.streamer.tag_job.val() {
            self.tag.next = self.tag.val() | 0x4000;
        }
        self.tags.d.next = self.tag.val();
        self.late_tag.next = self.tags.q.val();
        for i in 0..self._lanes {
            self.lanes[i].x_in.next = self.feature.read_data[i].val();
            self.lanes[i].swap_in.next = self.swaps.q.val().any();
            self.lanes[i].load_in.next = self.loader.load.val();
            self.lanes[i].w_in.next = self.loader.row.val();
            self.lanes[i].tag_address.next = self.late_tag.val().get_bits::<11>(0);
            self.lanes[i].tag_valid.next = self.late_tag.val().get_bit(11);
            self.lanes[i].tag_first.next = self.late_tag.val().get_bit(12);
            self.lanes[i].tag_bank.next = self.late_tag.val().get_bit(13);
        }

        // Jobs wait in their queue until their tile has settled in the accumulators.
        self.jobs.push.next = self.streamer.job_push.val();
        self.jobs.push_data.next = self.streamer.job_record.val();
        self.settle.d.next = self.late_tag.val().get_bits::<1>(14);
        self.job_comes.next = self.settle.q.val().any();
        self.job_ready.next = self.jobs.valid.val() & self.released.q.val().any();
        self.job_goes.next = self.job_ready.val() & self.drain.job_ready.val();
        self.drain.job_valid.next = self.job_ready.val();
        self.jobs.pop.next = self.job_goes.val();
        if self.job_comes.val() & (!self.job_goes.val()) {
            self.released.d.next = self.released.q.val() + 1;
        }
        if (!self.job_comes.val()) & self.job_goes.val() {
            self.released.d.next = self.released.q.val() - 1;
        }
        self.job_kind.record.next = self.jobs.data.val();
        self.job_block.record.next = self.jobs.data.val();
        self.job_end.record.next = self.jobs.data.val();
        self.drain.job.next.end_image = self.job_kind.is_end.val();
        self.drain.job.next.tag = self.job_end.tag.val();
        self.drain.job.next.acc_bank = self.job_block.acc_bank.val();
        self.drain.job.next.acc_base = self.job_block.acc_base.val();
        self.drain.job.next.count = self.job_block.count.val();
        self.drain.job.next.param = self.job_block.param.val();
        self.drain.job.next.mode = self.job_block.mode.val();
        self.drain.job.next.tap = self.job_block.tap.val();
        self.drain.job.next.partial = self.job_block.partial.val();
        self.drain.job.next.pairs = self.job_block.pairs.val();
        self.drain.job.next.sum_first = self.job_block.sum_first.val();
        self.drain.job.next.sum_last = self.job_block.sum_last.val();
        self.drain.job.next.more_beats = self.job_block.more_beats.val();
        self.drain.job.next.out_base = self.job_block.out_base.val();
        self.drain.job.next.out_gap = self.job_block.out_gap.val();
        self.drain.job.next.out_ring = self.job_block.out_ring.val();
        self.drain.job.next.line_base = self.job_block.line_base.val();
        self.drain.job.next.width = self.job_block.width.val();
        self.drain.job.next.in_gap = self.job_block.in_gap.val();
        self.drain.job.next.height = self.job_block.height.val();
        self.drain.job.next.y0 = self.job_block.y0.val();
        self.drain.job.next.x0 = self.job_block.x0.val();

        // Drain.
        for i in 0..self._lanes {
            self.lanes[i].drain_read.next = self.drain.acc_re.val();
            self.lanes[i].drain_bank.next = self.drain.acc_rbank.val();
            self.lanes[i].drain_address.next = self.drain.acc_raddr.val();
            self.drain.acc_words_0[i].next = self.lanes[i].drain_words_0.val();
            self.drain.acc_words_1[i].next = self.lanes[i].drain_words_1.val();
        }
        // All lanes answer alike.
        self.drain.acc_grant.next = self.lanes[0].drain_grant.val();
        self.params.read_address.next = self.drain.param_raddr.val();
        self.drain.param_rdata.next = self.params.read_data.val();

        // Stream out.
        self.drain.out_room.next = self.output_stage.room.val();
        self.output_stage.end_accepted.next = self.decoder.queue_end.val();
        // As late as a fault of what was read before.
        self.begun.d.next = self.streamer.end_begun.val();
        self.output_stage.end_begun.next = self.begun.q.val();
        self.output_stage.input_fault.next =
            self.decoder.error.val() | self.feature.window_error.val();
        self.output_stage.read_fault.next = self.feature.range_error.val();
        self.output_stage.drain_fault.next = self.drain.range_error.val();
        self.output_stage.drain_valid.next = self.drain.out_valid.val();
        self.output_stage.drain_data.next = self.drain.out_data.val();
        self.output_stage.drain_last.next = self.drain.out_last.val();
        self.output_stage.store_valid.next = self.stores.q.val().any();
        self.output_stage.store_data.next = self.feature.read_data[0].val();
        self.output_stage.cycles.next = self.counters.cycles.val();
        self.m_axis_tdata.next = self.output_stage.m_data.val();
        self.m_axis_tvalid.next = self.output_stage.m_valid.val();
        self.m_axis_tlast.next = self.output_stage.m_last.val();
        self.output_stage.m_ready.next = self.m_axis_tready.val();

        // Status, errors, counters.
        self.registers.queued.next = bit_cast::<8, 6>(self.queue.count.val());
        self.registers.draining.next = bit_cast::<8, 4>(self.streamer.outstanding.val());
        self.registers.done.next = self.output_stage.trailer_sent.val();
        self.registers.results.next = self.output_stage.results.val();
        self.registers.aborting.next = self.output_stage.aborting.val();
        self.registers.owing.next = self.output_stage.owing.val();
        self.range_error.next = self.feature.range_error.val()
            | self.feature.window_error.val()
            | self.drain.range_error.val();
        self.registers.error_set.next = self.decoder.error.val() | self.range_error.val();
        self.registers.error_code.next = self.decoder.error_code.val();
        if self.range_error.val() {
            self.registers.error_code.next = self.range_code.val();
        }
        self.registers.error_record.next = self.decoder.record_index.val();
        if self.decoder.stream_begins.val() & (!self.output_stage.trailer_sent.val()) {
            self.streams.d.next = self.streams.q.val() + 1;
        }
        if (!self.decoder.stream_begins.val()) & self.output_stage.trailer_sent.val() {
            self.streams.d.next = self.streams.q.val() - 1;
        }
        self.active.next = self.streams.q.val().any();
        self.registers.busy.next = self.active.val();
        self.beat_in.next = self.arrival.out_valid.val() & self.decoder.s_ready.val();
        self.beat_out.next = self.output_stage.m_valid.val() & self.m_axis_tready.val();
        // What is counted is known two cycles late, so that it need not be found out and counted in
        // one.
        self.counters.clear_cycles.next =
            self.registers.clear_counters.val() | self.resets.reset[13].val();
        self.counters.cycle.next = self.active.val();
        self.clears.d.next = self.registers.clear_counters.val() | self.resets.reset[13].val();
        self.clears_2.d.next = self.clears.q.val();
        self.counters.clear.next = self.clears_2.q.val();
        self.counters.reset.next = self.hard_resets.reset[1].val();
        self.counts.d.next = self.active.val();
        self.cause.d.next = self.streamer.cause.val();
        self.cause_layer.d.next = self.streamer.layer.val();
        self.ragged.d.next = self.streamer.ragged.val();
        self.counts_2.d.next = self.counts.q.val();
        self.cause_2.d.next = self.cause.q.val();
        self.cause_layer_2.d.next = self.cause_layer.q.val();
        self.took.d.next = self.beat_in.val();
        self.gave.d.next = self.beat_out.val();
        for i in 0..14 {
            self.counters.adds[i].next =
                self.counts_2.q.val() & (self.cause_2.q.val().index() == i);
        }
        self.counters.adds[0].next = self.counts_2.q.val();
        self.counters.adds[11].next = false;
        self.counters.adds[12].next = self.took.q.val();
        self.counters.adds[13].next = self.gave.q.val();
        self.counters.ragged.next = 0.into();
        if self.counts_2.q.val() {
            self.counters.ragged.next = self.ragged.q.val();
        }
        self.counters.read.next = self.registers.counter_read.val();
        self.counters.index.next = self.registers.counter_index.val();
        self.registers.counter_done.next = self.counters.done.val();
        self.registers.counter.next = self.counters.value.val();

        // Statistics by layer.
        self.by_layer.reset.next = self.hard_resets.reset[2].val();
        self.ragged_by_layer.reset.next = self.hard_resets.reset[2].val();
        self.by_layer.enable.next = self.counts_2.q.val();
        self.by_layer.index.next = (bit_cast::<10, 6>(self.cause_layer_2.q.val()) << 4)
            | bit_cast::<10, 4>(self.cause_2.q.val());
        self.by_layer.amount.next = 1.into();
        self.by_layer.read_index.next = self.registers.stats_index.val();
        self.ragged_by_layer.enable.next = self.counts_2.q.val();
        self.ragged_by_layer.index.next = self.cause_layer_2.q.val();
        self.ragged_by_layer.amount.next = self.ragged.q.val();
        self.ragged_by_layer.read_index.next = self.registers.stats_index.val().get_bits::<6>(4);
        self.ragged_now.next =
            self.registers.stats_index.val().get_bits::<4>(0) == self.ragged_cause.val();
        self.registers.stats.next = self.by_layer.read_data.val();
        if self.ragged_now.val() {
            self.registers.stats.next = self.ragged_by_layer.read_data.val();
        }
        if self.resets.reset[14].val() {
            self.released.d.next = 0.into();
            self.streams.d.next = 0.into();
            self.begun.d.next = false;
            self.counts.d.next = false;
            self.counts_2.d.next = false;
            self.took.d.next = false;
            self.gave.d.next = false;
        }
    }
}

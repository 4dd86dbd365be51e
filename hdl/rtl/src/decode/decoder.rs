//! Command decoder: reads the stream in order, checks every record, and hands out payloads.

use crate::common::words::Beat;
use firebrick_spec::command::{ErrorCode, Mode};
use firebrick_spec::{ABI_VERSION, HwConfig, MAGIC};
use rust_hdl::prelude::*;

use crate::decode::crc::{Crc32x128, RESIDUE};
use crate::decode::record::{
    BlockFields, HelloFields, LoadFields, LoadSparseFields, RecordKind, RowsFields, StoreFields,
};

/// What the decoder does.
#[derive(LogicState, Clone, Copy, Debug, PartialEq)]
pub enum DecoderState {
    /// Waits for words 0 to 3.
    Header0,
    /// Waits for words 4 to 7.
    Header1,
    /// Checks the record: sums of its fields, and comparisons of all bits.
    Check,
    /// What is wrong with it.
    Judge,
    /// The verdict.
    Decide,
    /// Waits for earlier records.
    Hold,
    /// Copies weights.
    Weights,
    /// Feeds the unit that puts the zeros back.
    Sparse,
    /// Copies requantisation parameters.
    Params,
    /// Feeds the window unit.
    Picture,
    /// Waits for room in the queue.
    Push,
    /// After an error: drops everything until reset.
    Dead,
}

impl DecoderState {
    /// Names of all states, each at the place of its number.
    #[must_use]
    pub fn names() -> Vec<String> {
        let TypeKind::Enum(names) = DecoderState::descriptor().kind else {
            return Vec::new();
        };
        let names = names.iter().map(|name| name.rsplit(':').next());
        names.flatten().map(str::to_owned).collect()
    }
}

/// Consumes `s_axis` in order. A record is checked completely before it has any effect; a payload
/// when it has been taken, before the next record. Blocks,
/// stores and ends go to the queue (`queue_*`), a block's weights also to the loader's queue.
/// After an error all input is accepted and dropped until `reset`.
#[derive(LogicBlock)]
pub struct Decoder {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Starts anew.
    pub reset: Signal<In, Bit>,
    /// Beat offered.
    pub s_valid: Signal<In, Bit>,
    /// Beat taken.
    pub s_ready: Signal<Out, Bit>,
    /// Beat.
    pub s_data: Signal<In, Beat>,
    /// Last beat of the transfer.
    pub s_last: Signal<In, Bit>,
    /// Record for the sequencer, words 0 to 6.
    pub queue_data: Signal<Out, Bits<224>>,
    /// Enters it.
    pub queue_push: Signal<Out, Bit>,
    /// The record is a block.
    pub queue_block: Signal<Out, Bit>,
    /// An end enters it.
    pub queue_end: Signal<Out, Bit>,
    /// The record has a single pass, or is no block.
    pub queue_single: Signal<Out, Bit>,
    /// Passes of the block.
    pub queue_passes: Signal<Out, Bits<16>>,
    /// No room.
    pub queue_full: Signal<In, Bit>,
    /// A block has read all its pixels.
    pub reads_done: Signal<In, Bit>,
    /// A tile has drained.
    pub drained: Signal<In, Bit>,
    /// A store has read all its words.
    pub store_done: Signal<In, Bit>,
    /// Weights to write.
    pub weight_valid: Signal<Out, Bit>,
    /// Beat of the weight buffer.
    pub weight_address: Signal<Out, Bits<24>>,
    /// Parameters to write: two channels.
    pub param_valid: Signal<Out, Bit>,
    /// Group x tile / 2 + pair of channels.
    pub param_address: Signal<Out, Bits<15>>,
    /// The unit for sparse weights starts with `sparse_rows` rows for `sparse_address`.
    pub sparse_start: Signal<Out, Bit>,
    /// Rows of 16 weights.
    pub sparse_rows: Signal<Out, Bits<24>>,
    /// Beat of the weight buffer.
    pub sparse_address: Signal<Out, Bits<24>>,
    /// A beat for it.
    pub sparse_valid: Signal<Out, Bit>,
    /// It takes it.
    pub sparse_ready: Signal<In, Bit>,
    /// It has rows to write.
    pub sparse_busy: Signal<In, Bit>,
    /// The beat that these writes and units take.
    pub payload: Signal<Out, Beat>,
    /// Starts the window unit on `queue_data`.
    pub window_start: Signal<Out, Bit>,
    /// A beat for the window unit.
    pub window_valid: Signal<Out, Bit>,
    /// It takes it.
    pub window_ready: Signal<In, Bit>,
    /// It is not done with its rows.
    pub window_busy: Signal<In, Bit>,
    /// An error outside the decoder: stop.
    pub halt: Signal<In, Bit>,
    /// An error was found.
    pub error: Signal<Out, Bit>,
    /// Its code.
    pub error_code: Signal<Out, Bits<8>>,
    /// Index of the current record in its stream.
    pub record_index: Signal<Out, Bits<24>>,
    /// The first beat of a stream is taken.
    pub stream_begins: Signal<Out, Bit>,
    /// Copies weights or parameters, or waits to.
    pub late_weights: Signal<Out, Bit>,
    /// Feeds the window unit, or waits to.
    pub late_input: Signal<Out, Bit>,
    state: DFF<DecoderState>,
    low: DFF<Beat>,
    high: DFF<Beat>,
    crc_state: DFF<Bits<32>>,
    ended: DFF<Bit>,
    greeted: DFF<Bit>,
    // The CRC of a payload is to be compared.
    compare: DFF<Bit>,
    // Beats of a sparse payload are left.
    more: DFF<Bit>,
    // The record under way, or the one before, which has then `passed`.
    index: DFF<Bits<24>>,
    passed: DFF<Bit>,
    // Its first beat was the last of the transfer.
    short: DFF<Bit>,
    // The payload that has just been taken does not have the CRC that its record says.
    damaged: DFF<Bit>,
    // What the record is.
    is_hello: DFF<Bit>,
    is_weights: DFF<Bit>,
    is_sparse: DFF<Bit>,
    is_params: DFF<Bit>,
    is_rows: DFF<Bit>,
    is_block: DFF<Bit>,
    is_store: DFF<Bit>,
    is_end: DFF<Bit>,
    is_known: DFF<Bit>,
    // First cycle of its check: sums of its fields, and what takes a comparison of all bits.
    bad_crc_1: DFF<Bit>,
    bad_magic_1: DFF<Bit>,
    bad_abi_1: DFF<Bit>,
    bad_hash_1: DFF<Bit>,
    nothing_1: DFF<Bit>,
    no_rows_1: DFF<Bit>,
    no_block_1: DFF<Bit>,
    single_1: DFF<Bit>,
    beyond_1: DFF<Bit>,
    pitch_1: DFF<Bits<11>>,
    widest_gap_1: DFF<Bits<5>>,
    load_end_1: DFF<Bits<21>>,
    load_limit_1: DFF<Bits<21>>,
    loads_1: DFF<Bit>,
    acc_end_1: DFF<Bits<14>>,
    wide_1: DFF<Bit>,
    base_beyond_1: DFF<Bit>,
    // Second cycle: what is wrong with it.
    bad_field_2: DFF<Bit>,
    bad_load_2: DFF<Bit>,
    bad_address_2: DFF<Bit>,
    // The records before it that it waits for are done.
    free: DFF<Bit>,
    // An error, a cycle after it was found.
    error_1: DFF<Bit>,
    code_1: DFF<Bits<8>>,
    record_1: DFF<Bits<24>>,
    fails: Signal<Local, Bit>,
    fault: Signal<Local, Bits<8>>,
    step: Signal<Local, Bits<24>>,
    current: Signal<Local, Bits<24>>,
    // Inverted, so that it counts up: what counts down inverts each bit in a LUT.
    beats: DFF<Bits<24>>,
    address: DFF<Bits<24>>,
    reads: DFF<Bits<8>>,
    drains: DFF<Bits<8>>,
    // Stores whose words are not all read. As many as the queues can hold.
    stores: DFF<Bits<6>>,
    started: DFF<Bit>,
    crc: Crc32x128,
    ones: Constant<Bits<32>>,
    residue: Constant<Bits<32>>,
    magic: Constant<Bits<32>>,
    abi: Constant<Bits<32>>,
    hash_low: Constant<Bits<32>>,
    hash_high: Constant<Bits<32>>,
    feature_words: Constant<Bits<21>>,
    weight_blocks: Constant<Bits<21>>,
    param_groups: Constant<Bits<21>>,
    acc_depth: Constant<Bits<14>>,
    line_words: Constant<Bits<13>>,
    narrow: Constant<Bit>,
    several: Constant<Bit>,
    lanes: Constant<Bits<11>>,
    lane_shift: Constant<Bits<3>>,
    lanes_less_one: Constant<Bits<14>>,
    half_lanes: Constant<Bits<5>>,
    window_kernel: Constant<Bits<10>>,
    window_width: Constant<Bits<10>>,
    // Error codes.
    bad_crc: Constant<Bits<8>>,
    bad_opcode: Constant<Bits<8>>,
    no_hello: Constant<Bits<8>>,
    early_end: Constant<Bits<8>>,
    late_end: Constant<Bits<8>>,
    bad_magic: Constant<Bits<8>>,
    bad_abi: Constant<Bits<8>>,
    bad_hash: Constant<Bits<8>>,
    bad_field: Constant<Bits<8>>,
    bad_address: Constant<Bits<8>>,
    bad_payload: Constant<Bits<8>>,
    // Drain modes.
    mode_write: Constant<Bits<2>>,
    mode_pool: Constant<Bits<2>>,
    mode_sum: Constant<Bits<2>>,
    record: Signal<Local, Bits<224>>,
    kind: RecordKind,
    of_hello: HelloFields,
    of_load: LoadFields,
    of_load_sparse: LoadSparseFields,
    of_rows: RowsFields,
    of_block: BlockFields,
    of_store: StoreFields,
    take: Signal<Local, Bit>,
    positions: Signal<Local, Bits<14>>,
    pitch: Signal<Local, Bits<11>>,
    rows_kernel: Signal<Local, Bits<10>>,
    widest_gap: Signal<Local, Bits<5>>,
    field20: Signal<Local, Bits<20>>,
    count20: Signal<Local, Bits<20>>,
    first_beat: Signal<Local, Bits<24>>,
    row_count: Signal<Local, Bits<24>>,
    load_end: Signal<Local, Bits<21>>,
    base21: Signal<Local, Bits<21>>,
    weight_base: Signal<Local, Bits<21>>,
    out_base: Signal<Local, Bits<21>>,
    param: Signal<Local, Bits<21>>,
    line: Signal<Local, Bits<13>>,
    acc_end: Signal<Local, Bits<14>>,
    code: Signal<Local, Bits<8>>,
    limit: Signal<Local, Bits<8>>,
    waited: Signal<Local, Bits<8>>,
    adds_read: Signal<Local, Bit>,
    adds_drain: Signal<Local, Bit>,
    adds_store: Signal<Local, Bit>,
    groups: Signal<Local, Bits<16>>,
}

/// The number of an error.
fn code(error: ErrorCode) -> Constant<Bits<8>> {
    Constant::new((error as u64).into())
}

impl Decoder {
    /// A decoder for `config`.
    #[must_use]
    pub fn new(config: &HwConfig) -> Self {
        let size = |n: usize| n as u64;
        block! {
            clock, reset, s_valid, s_ready, s_data, s_last, queue_data, queue_push, queue_block,
            queue_end, queue_single, queue_passes, queue_full, reads_done, drained, store_done,
            weight_valid, weight_address, param_valid, param_address, sparse_start, sparse_rows,
            sparse_address, sparse_valid, sparse_ready, sparse_busy, payload, window_start,
            window_valid, window_ready, window_busy, halt, error, error_code, record_index,
            stream_begins, late_weights, late_input, state, low, high, crc_state, ended, greeted,
            compare, more, index, passed, short, damaged, is_hello, is_weights, is_sparse,
            is_params, is_rows, is_block, is_store, is_end, is_known, bad_crc_1, bad_magic_1,
            bad_abi_1, bad_hash_1, nothing_1, no_rows_1, no_block_1, single_1, beyond_1, pitch_1,
            widest_gap_1, load_end_1, load_limit_1, loads_1, acc_end_1, wide_1, base_beyond_1, bad_field_2, bad_load_2, bad_address_2,
            free, error_1, code_1, record_1, fails, fault, step, current, beats, address, reads,
            drains, stores, started, crc, record, kind, of_hello, of_load, of_load_sparse, of_rows,
            of_block, of_store, take, positions, pitch, rows_kernel, widest_gap, field20, count20,
            first_beat, row_count, load_end, base21, weight_base, out_base, param, line, acc_end,
            code, limit, waited, adds_read, adds_drain, adds_store, groups;
            ones: Constant::new(0xffff_ffff.into()),
            residue: Constant::new(RESIDUE.into()),
            magic: Constant::new(u64::from(MAGIC).into()),
            abi: Constant::new(u64::from(ABI_VERSION).into()),
            hash_low: Constant::new((config.hash() & 0xffff_ffff).into()),
            hash_high: Constant::new((config.hash() >> 32).into()),
            feature_words: Constant::new(size(config.feature_words).into()),
            weight_blocks: Constant::new(size(config.weight_blocks).into()),
            param_groups: Constant::new(size(config.param_groups).into()),
            acc_depth: Constant::new(size(config.acc_depth).into()),
            line_words: Constant::new(size(config.line_words).into()),
            narrow: Constant::new(config.tile == 8),
            several: Constant::new(config.lanes > 1),
            lanes: Constant::new(size(config.lanes).into()),
            lane_shift: Constant::new(u64::from(config.lanes.trailing_zeros()).into()),
            lanes_less_one: Constant::new((size(config.lanes) - 1).into()),
            half_lanes: Constant::new((size(config.lanes) / 2).into()),
            window_kernel: Constant::new(size(config.window_kernel).into()),
            window_width: Constant::new(size(config.window_width).into()),
            bad_crc: code(ErrorCode::BadCrc),
            bad_opcode: code(ErrorCode::BadOpcode),
            no_hello: code(ErrorCode::NoHello),
            early_end: code(ErrorCode::EarlyEnd),
            late_end: code(ErrorCode::LateEnd),
            bad_magic: code(ErrorCode::BadMagic),
            bad_abi: code(ErrorCode::BadAbi),
            bad_hash: code(ErrorCode::BadHash),
            bad_field: code(ErrorCode::BadField),
            bad_address: code(ErrorCode::BadAddress),
            bad_payload: code(ErrorCode::BadPayload),
            mode_write: Constant::new((Mode::Write as u64).into()),
            mode_pool: Constant::new((Mode::Pool as u64).into()),
            mode_sum: Constant::new((Mode::Sum as u64).into()),
        }
    }
}

impl Logic for Decoder {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            low,
            high,
            crc_state,
            ended,
            greeted,
            compare,
            more,
            index,
            passed,
            beats,
            address,
            reads,
            drains,
            stores,
            started,
            short,
            damaged,
            is_hello,
            is_weights,
            is_sparse,
            is_params,
            is_rows,
            is_block,
            is_store,
            is_end,
            is_known,
            bad_crc_1,
            bad_magic_1,
            bad_abi_1,
            bad_hash_1,
            nothing_1,
            no_rows_1,
            no_block_1,
            single_1,
            beyond_1,
            pitch_1,
            widest_gap_1,
            load_end_1,
            load_limit_1,
            loads_1,
            wide_1,
            base_beyond_1,
            bad_load_2,
            acc_end_1,
            bad_field_2,
            bad_address_2,
            free,
            error_1,
            code_1,
            record_1
        );
        // The record's fields.
        self.record.next = bit_cast::<224, 128>(self.low.q.val())
            | (bit_cast::<224, 96>(self.high.q.val().get_bits::<96>(0)) << 128);
        self.kind.record.next = self.record.val();
        self.of_hello.record.next = self.record.val();
        self.of_load.record.next = self.record.val();
        self.of_load_sparse.record.next = self.record.val();
        self.of_rows.record.next = self.record.val();
        self.of_block.record.next = self.record.val();
        self.of_store.record.next = self.record.val();
        self.positions.next =
            bit_cast::<14, 13>(self.of_block.count.val()) + self.lanes_less_one.val();
        self.pitch.next = bit_cast::<11, 10>(self.of_block.width.val())
            + bit_cast::<11, 4>(self.of_block.in_gap.val());
        self.widest_gap.next = bit_cast::<5, 4>(self.of_block.in_gap.val()) + self.half_lanes.val();
        self.rows_kernel.next = bit_cast::<10, 4>(self.of_rows.kernel.val());
        self.weight_base.next = bit_cast::<21, 20>(self.of_block.weight_base.val());
        self.out_base.next = bit_cast::<21, 20>(self.of_block.out_base.val());
        self.param.next = bit_cast::<21, 10>(self.of_block.param.val());
        self.line.next = bit_cast::<13, 10>(self.of_block.line_base.val());
        self.acc_end.next = bit_cast::<14, 11>(self.of_block.acc_base.val())
            + (self.positions.val() >> self.lane_shift.val());

        // What is loaded or stored.
        self.field20.next = self.of_load.base.val();
        self.count20.next = self.of_load.count.val();
        if self.kind.is_load_sparse.val() {
            self.field20.next = self.of_load_sparse.base.val();
            self.count20.next = self.of_load_sparse.count.val();
        }
        if self.kind.is_store.val() {
            self.field20.next = self.of_store.base.val();
            self.count20.next = self.of_store.count.val();
        }
        self.load_end.next =
            bit_cast::<21, 20>(self.field20.val()) + bit_cast::<21, 20>(self.count20.val());

        // Where rows go, or where a block reads.
        self.base21.next = bit_cast::<21, 20>(self.of_block.in_base.val());
        if self.kind.is_rows.val() {
            self.base21.next = bit_cast::<21, 20>(self.of_rows.base.val());
        }

        // The first cycle of the check.
        self.is_hello.d.next = self.kind.is_hello.val();
        self.is_weights.d.next = self.kind.is_load_weights.val();
        self.is_sparse.d.next = self.kind.is_load_sparse.val();
        self.is_params.d.next = self.kind.is_load_params.val();
        self.is_rows.d.next = self.kind.is_rows.val();
        self.is_block.d.next = self.kind.is_block.val();
        self.is_store.d.next = self.kind.is_store.val();
        self.is_end.d.next = self.kind.is_end.val();
        self.is_known.d.next = self.kind.known.val();
        self.bad_crc_1.d.next = self.crc_state.q.val() != self.residue.val();
        self.bad_magic_1.d.next = self.of_hello.magic.val() != self.magic.val();
        self.bad_abi_1.d.next = self.of_hello.abi.val() != self.abi.val();
        self.bad_hash_1.d.next = (self.of_hello.hash_lo.val() != self.hash_low.val())
            | (self.of_hello.hash_hi.val() != self.hash_high.val());
        self.load_end_1.d.next = self.load_end.val();
        self.load_limit_1.d.next = self.weight_blocks.val();
        if self.kind.is_load_params.val() {
            self.load_limit_1.d.next = self.param_groups.val();
        }
        if self.kind.is_store.val() {
            self.load_limit_1.d.next = self.feature_words.val();
        }
        self.loads_1.d.next = self.kind.is_load_weights.val()
            | self.kind.is_load_sparse.val()
            | self.kind.is_load_params.val()
            | self.kind.is_store.val();
        self.acc_end_1.d.next = self.acc_end.val();
        self.wide_1.d.next = self.of_rows.width.val() > self.window_width.val();
        self.base_beyond_1.d.next = self.base21.val() >= self.feature_words.val();
        self.pitch_1.d.next = self.pitch.val();
        self.widest_gap_1.d.next = self.widest_gap.val();
        self.nothing_1.d.next = (!self.count20.val().any())
            | (self.kind.is_load_sparse.val() & (!self.of_load_sparse.beats.val().any()));
        self.no_rows_1.d.next = (!self.of_rows.rows.val().any())
            | ((self.rows_kernel.val() != 3) & (self.rows_kernel.val() != 7))
            | (self.rows_kernel.val() > self.window_kernel.val())
            | ((self.of_rows.stride.val() != 1) & (self.of_rows.stride.val() != 2))
            | (self.of_rows.width.val() < self.rows_kernel.val());
        self.beyond_1.d.next = (self.weight_base.val() >= self.weight_blocks.val())
            | (self.param.val() >= self.param_groups.val())
            | (self.line.val() >= self.line_words.val())
            | (self.out_base.val() >= self.feature_words.val());
        self.single_1.d.next = (!self.kind.is_block.val())
            | ((!self.of_block.kernel3.val()) & (self.of_block.groups.val() == 1));
        self.no_block_1.d.next = (!self.of_block.count.val().any())
            | (!self.of_block.groups.val().any())
            | (!self.of_block.width.val().any())
            | ((self.of_block.mode.val() != self.mode_write.val())
                & (self.of_block.mode.val() != self.mode_pool.val())
                & (self.of_block.mode.val() != self.mode_sum.val()));

        // The second: what is wrong with it.
        self.bad_field_2.d.next = false;
        self.bad_address_2.d.next = false;
        self.bad_load_2.d.next =
            self.loads_1.q.val() & (self.load_end_1.q.val() > self.load_limit_1.q.val());
        if self.loads_1.q.val() {
            self.bad_field_2.d.next = self.nothing_1.q.val();
        }
        if self.is_rows.q.val() {
            self.bad_field_2.d.next = self.no_rows_1.q.val();
            self.bad_address_2.d.next = self.wide_1.q.val() | self.base_beyond_1.q.val();
        }
        if self.is_block.q.val() {
            self.bad_field_2.d.next = self.no_block_1.q.val()
                | (self.pitch_1.q.val() < self.lanes.val())
                | (self.several.val()
                    & (self.of_block.mode.val() == self.mode_write.val())
                    & (bit_cast::<5, 4>(self.of_block.out_gap.val()) > self.widest_gap_1.q.val()));
            self.bad_address_2.d.next = (self.acc_end_1.q.val() > self.acc_depth.val())
                | self.beyond_1.q.val()
                | self.base_beyond_1.q.val();
        }

        // The third: the verdict.
        self.code.next = 0.into();
        if self.bad_crc_1.q.val() {
            self.code.next = self.bad_crc.val();
        } else if !self.is_known.q.val() {
            self.code.next = self.bad_opcode.val();
        } else if self.is_hello.q.val() == self.greeted.q.val() {
            self.code.next = self.no_hello.val();
        } else if self.ended.q.val() & (!self.is_end.q.val()) {
            self.code.next = self.early_end.val();
        } else if (!self.ended.q.val()) & self.is_end.q.val() {
            self.code.next = self.late_end.val();
        } else if self.is_hello.q.val() {
            if self.bad_magic_1.q.val() {
                self.code.next = self.bad_magic.val();
            } else if self.bad_abi_1.q.val() {
                self.code.next = self.bad_abi.val();
            } else if self.bad_hash_1.q.val() {
                self.code.next = self.bad_hash.val();
            }
        } else if self.bad_field_2.q.val() {
            self.code.next = self.bad_field.val();
        } else if self.bad_load_2.q.val() | self.bad_address_2.q.val() {
            self.code.next = self.bad_address.val();
        }

        // Blocks under way.
        self.limit.next = self.of_load.limit.val();
        if self.is_sparse.q.val() {
            self.limit.next = self.of_load_sparse.limit.val();
        }
        if self.is_rows.q.val() {
            self.limit.next = self.of_rows.limit.val();
        }
        self.waited.next = self.reads.q.val();
        if self.is_params.q.val() {
            self.waited.next = self.drains.q.val();
        }
        // The window unit writes where a drain or a store before it may still be at work.
        // What it waits for only falls until it goes on.
        self.free.d.next = (self.waited.val() <= self.limit.val())
            & ((!self.is_rows.q.val())
                | ((self.drains.q.val() <= self.of_rows.drains.val())
                    & (!self.stores.q.val().any())));

        // Outputs that depend on the state alone.
        self.queue_data.next = self.record.val();
        self.queue_push.next = false;
        self.queue_block.next = self.is_block.q.val();
        self.queue_single.next = self.single_1.q.val();
        self.queue_end.next = false;
        self.groups.next = bit_cast::<16, 12>(self.of_block.groups.val());
        self.queue_passes.next = self.groups.val();
        if self.of_block.kernel3.val() {
            self.queue_passes.next = (self.groups.val() << 3) + self.groups.val();
        }
        self.weight_valid.next = false;
        self.weight_address.next = self.address.q.val();
        self.param_valid.next = false;
        self.param_address.next = self.address.q.val().get_bits::<15>(0);
        self.sparse_start.next = false;
        self.sparse_valid.next = false;
        self.payload.next = self.s_data.val();
        self.window_start.next = false;
        self.window_valid.next = false;
        self.fails.next = false;
        self.fault.next = self.code.val();
        self.stream_begins.next = false;
        self.s_ready.next = false;
        // Payload beats, outside the state machine as well: much follows from them.
        self.take.next = self.s_valid.val()
            & ((self.state.q.val() == DecoderState::Weights)
                | (self.state.q.val() == DecoderState::Params)
                | ((self.state.q.val() == DecoderState::Sparse)
                    & self.sparse_ready.val()
                    & self.more.q.val()));
        // A record's CRC follows its payload's without a cycle between them.
        self.crc.state.next = self.crc_state.q.val();
        if self.state.q.val() == DecoderState::Header0 {
            self.crc.state.next = self.ones.val();
        }
        self.crc.data.next = self.s_data.val();
        // Outside the state machine, which reads the result: event-driven simulators would see
        // the machine's defaults as glitches and go round for ever. Not in every cycle, which
        // spares simulators the work.
        self.crc.enable.next = self.s_valid.val()
            & (self.state.q.val() != DecoderState::Dead)
            & (self.state.q.val() != DecoderState::Push);
        self.damaged.d.next = self.compare.q.val()
            & (self.state.q.val() == DecoderState::Header0)
            & ((!self.crc_state.q.val()) != self.kind.payload_crc.val());
        // The record that is damaged is the one before.
        self.step.next = 0.into();
        if self.passed.q.val() & !self.damaged.q.val() {
            self.step.next = 1.into();
        }
        self.current.next = self.index.q.val() + self.step.val();
        self.adds_read.next = false;
        self.adds_drain.next = false;
        self.adds_store.next = false;
        self.late_weights.next = (self.state.q.val() == DecoderState::Weights)
            | (self.state.q.val() == DecoderState::Sparse)
            | (self.state.q.val() == DecoderState::Params)
            | ((self.state.q.val() == DecoderState::Hold) & (!self.is_rows.q.val()));
        self.late_input.next = (self.state.q.val() == DecoderState::Picture)
            | ((self.state.q.val() == DecoderState::Hold) & self.is_rows.q.val());

        // Where a load's first beat goes, and how many there are without the zeros left out.
        self.first_beat.next = bit_cast::<24, 20>(self.field20.val()) << 4;
        self.row_count.next = bit_cast::<24, 20>(self.count20.val()) << 4;
        if self.is_params.q.val() {
            self.first_beat.next = bit_cast::<24, 20>(self.field20.val()) << 3;
            self.row_count.next = bit_cast::<24, 20>(self.count20.val()) << 3;
        }
        if self.narrow.val() {
            // Both have four beats to an entry.
            self.first_beat.next = bit_cast::<24, 20>(self.field20.val()) << 2;
            self.row_count.next = bit_cast::<24, 20>(self.count20.val()) << 2;
        }
        self.sparse_rows.next = self.row_count.val();
        self.sparse_address.next = self.first_beat.val();

        match self.state.q.val() {
            DecoderState::Header0 => {
                self.compare.d.next = false;
                self.s_ready.next = true;
                if self.s_valid.val() {
                    self.stream_begins.next = !self.started.q.val();
                    self.started.d.next = true;
                    self.low.d.next = self.s_data.val();
                    self.short.d.next = self.s_last.val();
                    self.crc_state.d.next = self.crc.result.val();
                    self.state.d.next = DecoderState::Header1;
                }
            }
            DecoderState::Header1 => {
                self.s_ready.next = true;
                if self.s_valid.val() {
                    self.index.d.next = self.current.val();
                    self.passed.d.next = false;
                    self.high.d.next = self.s_data.val();
                    self.ended.d.next = self.s_last.val();
                    self.crc_state.d.next = self.crc.result.val();
                    self.state.d.next = DecoderState::Check;
                }
                if self.short.q.val() {
                    self.fails.next = true;
                    self.fault.next = self.early_end.val();
                    self.state.d.next = DecoderState::Dead;
                }
            }
            DecoderState::Check => {
                self.state.d.next = DecoderState::Judge;
            }
            DecoderState::Judge => {
                self.state.d.next = DecoderState::Decide;
            }
            DecoderState::Decide => {
                self.crc_state.d.next = self.ones.val();
                if self.code.val().any() {
                    self.fails.next = true;
                    self.state.d.next = DecoderState::Dead;
                } else if self.is_hello.q.val() {
                    self.greeted.d.next = true;
                    self.passed.d.next = true;
                    self.state.d.next = DecoderState::Header0;
                } else if self.is_block.q.val() | self.is_store.q.val() | self.is_end.q.val() {
                    self.state.d.next = DecoderState::Push;
                } else {
                    self.state.d.next = DecoderState::Hold;
                }
            }
            DecoderState::Hold => {
                self.beats.d.next = !self.row_count.val();
                self.address.d.next = self.first_beat.val();
                if self.is_sparse.q.val() {
                    self.beats.d.next = !bit_cast::<24, 20>(self.of_load_sparse.beats.val());
                }
                self.compare.d.next = true;
                self.more.d.next = true;
                if self.free.q.val() {
                    if self.is_weights.q.val() {
                        self.state.d.next = DecoderState::Weights;
                    } else if self.is_sparse.q.val() {
                        self.sparse_start.next = true;
                        self.state.d.next = DecoderState::Sparse;
                    } else if self.is_params.q.val() {
                        self.state.d.next = DecoderState::Params;
                    } else {
                        self.window_start.next = true;
                        self.state.d.next = DecoderState::Picture;
                    }
                }
            }
            DecoderState::Weights => {
                self.s_ready.next = true;
                self.weight_valid.next = self.s_valid.val();
            }
            DecoderState::Sparse => {
                // Both must come to their end together.
                if self.sparse_ready.val() & self.more.q.val() {
                    self.s_ready.next = true;
                    self.sparse_valid.next = self.s_valid.val();
                } else if self.sparse_ready.val() | ((!self.sparse_busy.val()) & self.more.q.val())
                {
                    self.fails.next = true;
                    self.fault.next = self.bad_field.val();
                    self.state.d.next = DecoderState::Dead;
                } else if !self.sparse_busy.val() {
                    self.passed.d.next = true;
                    self.state.d.next = DecoderState::Header0;
                }
            }
            DecoderState::Params => {
                self.s_ready.next = true;
                self.param_valid.next = self.s_valid.val();
            }
            DecoderState::Picture => {
                self.s_ready.next = self.window_ready.val();
                self.window_valid.next = self.s_valid.val();
                if self.s_valid.val() & self.window_ready.val() {
                    self.crc_state.d.next = self.crc.result.val();
                }
                if self.s_valid.val() & self.window_ready.val() & self.s_last.val() {
                    self.fails.next = true;
                    self.fault.next = self.early_end.val();
                    self.state.d.next = DecoderState::Dead;
                } else if !self.window_busy.val() {
                    self.passed.d.next = true;
                    self.state.d.next = DecoderState::Header0;
                }
            }
            DecoderState::Push => {
                if !self.queue_full.val() {
                    self.queue_push.next = true;
                    self.adds_read.next = self.is_block.q.val();
                    self.adds_drain.next = self.is_block.q.val() & self.of_block.last.val();
                    self.adds_store.next = self.is_store.q.val();
                    self.passed.d.next = true;
                    if self.is_end.q.val() {
                        self.queue_end.next = true;
                        self.index.d.next = 0.into();
                        self.passed.d.next = false;
                        self.greeted.d.next = false;
                        self.started.d.next = false;
                    }
                    self.state.d.next = DecoderState::Header0;
                }
            }
            DecoderState::Dead => {
                self.s_ready.next = true;
            }
            _ => {
                self.state.d.next = DecoderState::Dead;
            }
        }
        // Payload beats.
        if self.take.val() {
            self.crc_state.d.next = self.crc.result.val();
            self.beats.d.next = self.beats.q.val() + 1;
            self.address.d.next = self.address.q.val() + 1;
            self.more.d.next = self.beats.q.val() != 0xff_fffe;
            if self.s_last.val() {
                self.fails.next = true;
                self.fault.next = self.early_end.val();
                self.state.d.next = DecoderState::Dead;
            } else if (self.beats.q.val() == 0xff_fffe) & (!self.is_sparse.q.val()) {
                self.passed.d.next = true;
                self.state.d.next = DecoderState::Header0;
            }
        }
        // In the second cycle of the next record, whether a beat is offered or not.
        if self.damaged.q.val() {
            self.fails.next = true;
            self.fault.next = self.bad_payload.val();
            self.state.d.next = DecoderState::Dead;
        }
        if self.halt.val() {
            self.state.d.next = DecoderState::Dead;
        }
        self.error_1.d.next = self.fails.val();
        self.code_1.d.next = self.fault.val();
        if self.fails.val() {
            self.record_1.d.next = self.current.val();
        }
        self.error.next = self.error_1.q.val();
        self.error_code.next = self.code_1.q.val();
        self.record_index.next = self.record_1.q.val();

        if self.adds_read.val() & (!self.reads_done.val()) {
            self.reads.d.next = self.reads.q.val() + 1;
        }
        if (!self.adds_read.val()) & self.reads_done.val() {
            self.reads.d.next = self.reads.q.val() - 1;
        }
        if self.adds_drain.val() & (!self.drained.val()) {
            self.drains.d.next = self.drains.q.val() + 1;
        }
        if (!self.adds_drain.val()) & self.drained.val() {
            self.drains.d.next = self.drains.q.val() - 1;
        }
        if self.adds_store.val() & (!self.store_done.val()) {
            self.stores.d.next = self.stores.q.val() + 1;
        }
        if (!self.adds_store.val()) & self.store_done.val() {
            self.stores.d.next = self.stores.q.val() - 1;
        }
        if self.reset.val() {
            self.state.d.next = DecoderState::Header0;
            self.crc_state.d.next = self.ones.val();
            self.greeted.d.next = false;
            self.compare.d.next = false;
            self.damaged.d.next = false;
            self.error_1.d.next = false;
            self.started.d.next = false;
            self.index.d.next = 0.into();
            self.passed.d.next = false;
            self.reads.d.next = 0.into();
            self.drains.d.next = 0.into();
            self.stores.d.next = 0.into();
        }
    }
}

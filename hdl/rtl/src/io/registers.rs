//! AXI4-Lite registers; offsets and meaning as in `firebrick_spec::regs`.

use firebrick_spec::{HwConfig, regs};
use rust_hdl::prelude::*;

pub use firebrick_spec::latency::STATS_LATENCY;

const _: () = assert!(STATS_LATENCY == 2, "STATS_AT follows through two registers");

// Where the registers are. A match on these names becomes a case of the block's constants of the
// same names.
const CTRL: usize = regs::CTRL.index() as usize;
const STATUS: usize = regs::STATUS.index() as usize;
const ERROR: usize = regs::ERROR.index() as usize;
const IRQ_ENABLE: usize = regs::IRQ_ENABLE.index() as usize;
const IRQ_STATUS: usize = regs::IRQ_STATUS.index() as usize;
const SCRATCH: usize = regs::SCRATCH.index() as usize;
const RESULTS: usize = regs::RESULTS.index() as usize;
const STATS_INDEX: usize = regs::STATS_INDEX.index() as usize;
const STATS_DATA: usize = regs::STATS_DATA.index() as usize;
const STATS_AT: usize = regs::STATS_AT.index() as usize;

/// Where a register is, in the form of a block's constant.
fn place(index: u32) -> Constant<Bits<5>> {
    Constant::new(u64::from(index).into())
}

/// The register file behind `s_axil_*`. One write and one read at a time, each answered with
/// OKAY; unknown addresses read as 0. A read takes three cycles from address to data, that of a
/// counter's low half up to [`firebrick_spec::latency::COUNTER_LATENCY`] more.
#[derive(LogicBlock)]
#[allow(
    non_snake_case,
    reason = "the registers' places have the names of the constants that the cases match"
)]
pub struct Registers {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Resets all registers.
    pub reset: Signal<In, Bit>,
    /// Write address channel.
    pub awvalid: Signal<In, Bit>,
    /// Ready for it.
    pub awready: Signal<Out, Bit>,
    /// Byte address.
    pub awaddr: Signal<In, Bits<12>>,
    /// Write data channel.
    pub wvalid: Signal<In, Bit>,
    /// Ready for it.
    pub wready: Signal<Out, Bit>,
    /// Data.
    pub wdata: Signal<In, Bits<32>>,
    /// Byte enables; a write without all four is ignored.
    pub wstrb: Signal<In, Bits<4>>,
    /// Write response channel.
    pub bvalid: Signal<Out, Bit>,
    /// Response accepted.
    pub bready: Signal<In, Bit>,
    /// Read address channel.
    pub arvalid: Signal<In, Bit>,
    /// Ready for it.
    pub arready: Signal<Out, Bit>,
    /// Byte address.
    pub araddr: Signal<In, Bits<12>>,
    /// Read data channel.
    pub rvalid: Signal<Out, Bit>,
    /// Data accepted.
    pub rready: Signal<In, Bit>,
    /// Data.
    pub rdata: Signal<Out, Bits<32>>,
    /// A stream is under way.
    pub busy: Signal<In, Bit>,
    /// Records waiting for the sequencer.
    pub queued: Signal<In, Bits<8>>,
    /// Tiles computed and not drained.
    pub draining: Signal<In, Bits<8>>,
    /// The output has something from before a soft reset.
    pub aborting: Signal<In, Bit>,
    /// After an error, results of earlier streams are on their way.
    pub owing: Signal<In, Bit>,
    /// An error is found.
    pub error_set: Signal<In, Bit>,
    /// Its code.
    pub error_code: Signal<In, Bits<8>>,
    /// Its record.
    pub error_record: Signal<In, Bits<24>>,
    /// A trailer is accepted.
    pub done: Signal<In, Bit>,
    /// Trailers sent.
    pub results: Signal<In, Bits<32>>,
    /// Asks for counter `counter_index`, in the order of `regs::COUNTERS`, until `counter_done`.
    pub counter_read: Signal<Out, Bit>,
    /// Which.
    pub counter_index: Signal<Out, Bits<4>>,
    /// It is here.
    pub counter_done: Signal<In, Bit>,
    /// The counter that was asked for last.
    pub counter: Signal<In, Bits<64>>,
    /// The statistic at `stats_index`, [`STATS_LATENCY`] cycles later.
    pub stats: Signal<In, Bits<32>>,
    /// Which statistic: cause in bits 3:0, layer above.
    pub stats_index: Signal<Out, Bits<10>>,
    /// Forgets an error and what asks for an interrupt, one cycle.
    pub forget: Signal<In, Bit>,
    /// Resets the engine, one cycle.
    pub soft_reset: Signal<Out, Bit>,
    /// Clears the counters, one cycle.
    pub clear_counters: Signal<Out, Bit>,
    /// An error is held.
    pub halted: Signal<Out, Bit>,
    /// Interrupt.
    pub irq: Signal<Out, Bit>,
    write_address: DFF<Bits<5>>,
    write_known: DFF<Bit>,
    have_address: DFF<Bit>,
    write_data: DFF<Bits<32>>,
    write_full: DFF<Bit>,
    have_data: DFF<Bit>,
    respond: DFF<Bit>,
    // A read: its address is taken, is told apart, is looked up.
    read_index: DFF<Bits<10>>,
    read_asked: DFF<Bit>,
    read_looks: DFF<Bit>,
    is_known: DFF<Bit>,
    is_counter: DFF<Bit>,
    read_data: DFF<Bits<32>>,
    read_full: DFF<Bit>,
    scratch: DFF<Bits<32>>,
    statistic: DFF<Bits<10>>,
    statistic_1: DFF<Bits<10>>,
    statistic_2: DFF<Bits<10>>,
    irq_enable: DFF<Bits<2>>,
    irq_status: DFF<Bits<2>>,
    error: DFF<Bits<32>>,
    held: DFF<Bit>,
    reset_pulse: DFF<Bit>,
    clear_pulse: DFF<Bit>,
    CTRL: Constant<Bits<5>>,
    STATUS: Constant<Bits<5>>,
    ERROR: Constant<Bits<5>>,
    IRQ_ENABLE: Constant<Bits<5>>,
    IRQ_STATUS: Constant<Bits<5>>,
    SCRATCH: Constant<Bits<5>>,
    RESULTS: Constant<Bits<5>>,
    STATS_INDEX: Constant<Bits<5>>,
    STATS_DATA: Constant<Bits<5>>,
    STATS_AT: Constant<Bits<5>>,
    identity: Vec<Constant<Bits<32>>>,
    counters: Constant<Bits<4>>,
    does_write: Signal<Local, Bit>,
    read_idle: Signal<Local, Bit>,
    own: Signal<Local, Bits<32>>,
    half: Signal<Local, Bits<32>>,
    value: Signal<Local, Bits<32>>,
    events: Signal<Local, Bits<2>>,
    clears: Signal<Local, Bits<2>>,
    status: Signal<Local, Bits<32>>,
}

impl Registers {
    /// Registers of a core built for `config`.
    #[must_use]
    pub fn new(config: &HwConfig) -> Self {
        let identity = regs::identity(config);
        assert!(
            identity.len() == 8 && (0..).zip(&identity).all(|(i, (r, _))| r.index() == i),
            "the read multiplexer has eight identity registers in its first places"
        );
        assert!(
            (0..)
                .zip(regs::COUNTERS)
                .all(|(i, low)| low.index() == 32 + 2 * i)
                && regs::COUNTERS.len() < 16,
            "the read multiplexer has counters, and nothing else, from place 32 on"
        );
        block! {
            clock, reset, awvalid, awready, awaddr, wvalid, wready, wdata, wstrb, bvalid, bready,
            arvalid, arready, araddr, rvalid, rready, rdata, busy, queued, draining, aborting,
            owing, error_set, error_code, error_record, done, results, counter_read, counter_index,
            counter_done, counter, stats, stats_index, forget, soft_reset, clear_counters, halted,
            irq, write_address, write_known, have_address, write_data, write_full, have_data,
            respond, read_index, read_asked, read_looks, is_known, is_counter, read_data, read_full,
            scratch, statistic, statistic_1, statistic_2, irq_enable, irq_status, error, held,
            reset_pulse, clear_pulse, does_write, read_idle, own, half, value, events, clears,
            status;
            CTRL: place(regs::CTRL.index()),
            STATUS: place(regs::STATUS.index()),
            ERROR: place(regs::ERROR.index()),
            IRQ_ENABLE: place(regs::IRQ_ENABLE.index()),
            IRQ_STATUS: place(regs::IRQ_STATUS.index()),
            SCRATCH: place(regs::SCRATCH.index()),
            RESULTS: place(regs::RESULTS.index()),
            STATS_INDEX: place(regs::STATS_INDEX.index()),
            STATS_DATA: place(regs::STATS_DATA.index()),
            STATS_AT: place(regs::STATS_AT.index()),
            identity: identity
                .into_iter()
                .map(|(_, value)| Constant::new(u64::from(value).into()))
                .collect(),
            counters: Constant::new((regs::COUNTERS.len() as u64).into()),
        }
    }
}

impl Logic for Registers {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            write_address,
            write_known,
            have_address,
            write_data,
            write_full,
            have_data,
            respond,
            read_index,
            read_asked,
            read_looks,
            is_known,
            is_counter,
            read_data,
            read_full,
            scratch,
            statistic,
            statistic_1,
            statistic_2,
            irq_enable,
            irq_status,
            error,
            held,
            reset_pulse,
            clear_pulse
        );
        self.reset_pulse.d.next = false;
        self.clear_pulse.d.next = false;

        // Writes: address and data in any order, then the response.
        // What were taken during a reset would never be answered.
        self.awready.next = (!self.have_address.q.val()) & (!self.reset.val());
        self.wready.next = (!self.have_data.q.val()) & (!self.reset.val());
        self.bvalid.next = self.respond.q.val();
        if self.awvalid.val() & (!self.have_address.q.val()) {
            self.have_address.d.next = true;
            self.write_address.d.next = self.awaddr.val().get_bits::<5>(2);
            self.write_known.d.next = !self.awaddr.val().get_bits::<5>(7).any();
        }
        if self.wvalid.val() & (!self.have_data.q.val()) {
            self.have_data.d.next = true;
            self.write_data.d.next = self.wdata.val();
            self.write_full.d.next = self.wstrb.val().all();
        }
        if self.respond.q.val() & self.bready.val() {
            self.respond.d.next = false;
        }
        self.does_write.next = self.have_address.q.val()
            & self.have_data.q.val()
            & ((!self.respond.q.val()) | self.bready.val());
        self.clears.next = 0.into();
        if self.does_write.val() {
            self.have_address.d.next = false;
            self.have_data.d.next = false;
            self.respond.d.next = true;
            if self.write_full.q.val() & self.write_known.q.val() {
                match self.write_address.q.val().index() {
                    CTRL => {
                        self.reset_pulse.d.next = self.write_data.q.val().get_bit(0);
                        self.clear_pulse.d.next = self.write_data.q.val().get_bit(1);
                    }
                    IRQ_ENABLE => {
                        self.irq_enable.d.next = self.write_data.q.val().get_bits::<2>(0);
                    }
                    IRQ_STATUS => {
                        self.clears.next = self.write_data.q.val().get_bits::<2>(0);
                    }
                    SCRATCH => {
                        self.scratch.d.next = self.write_data.q.val();
                    }
                    STATS_INDEX => {
                        self.statistic.d.next = self.write_data.q.val().get_bits::<10>(0);
                    }
                    _ => {}
                }
            }
        }

        // As far behind the index as the statistics are.
        self.statistic_1.d.next = self.statistic.q.val();
        self.statistic_2.d.next = self.statistic_1.q.val();

        // State.
        self.events.next = 0.into();
        if self.done.val() {
            self.events.next = 1.into();
        }
        if self.error_set.val() {
            self.events.next = self.events.val() | 2;
        }
        self.irq_status.d.next =
            (self.irq_status.q.val() & (!self.clears.val())) | self.events.val();
        self.irq.next = (self.irq_status.q.val() & self.irq_enable.q.val()).any();
        if self.error_set.val() & (!self.held.q.val()) {
            self.held.d.next = true;
            self.error.d.next = bit_cast::<32, 8>(self.error_code.val())
                | (bit_cast::<32, 24>(self.error_record.val()) << 8);
        }
        self.status.next = (bit_cast::<32, 8>(self.queued.val()) << 8)
            | (bit_cast::<32, 8>(self.draining.val()) << 16);
        if self.busy.val() {
            self.status.next = self.status.val() | 1;
        }
        if self.held.q.val() {
            self.status.next = self.status.val() | 2;
        }
        if self.aborting.val() {
            self.status.next = self.status.val() | 4;
        }
        if self.owing.val() {
            self.status.next = self.status.val() | 8;
        }

        // Reads: the address, then what kind of register it is, then the value.
        self.read_idle.next =
            !(self.read_asked.q.val() | self.read_looks.q.val() | self.read_full.q.val());
        self.arready.next = self.read_idle.val() & (!self.reset.val());
        self.rvalid.next = self.read_full.q.val();
        self.rdata.next = self.read_data.q.val();
        self.read_asked.d.next = false;
        if self.read_idle.val() {
            self.read_index.d.next = self.araddr.val().get_bits::<10>(2);
            self.read_asked.d.next = self.arvalid.val();
        }
        if self.read_asked.q.val() {
            self.read_looks.d.next = true;
            self.is_known.d.next = !self.read_index.q.val().get_bits::<5>(5).any();
            self.is_counter.d.next = (self.read_index.q.val().get_bits::<5>(5) == 1)
                & (self.read_index.q.val().get_bits::<4>(1) < self.counters.val());
        }
        self.own.next = 0.into();
        if !self.read_index.q.val().get_bits::<2>(3).any() {
            for i in 0..8 {
                if self.read_index.q.val().get_bits::<3>(0).index() == i {
                    self.own.next = self.identity[i].val();
                }
            }
        }
        match self.read_index.q.val().get_bits::<5>(0).index() {
            STATUS => {
                self.own.next = self.status.val();
            }
            ERROR => {
                self.own.next = self.error.q.val();
            }
            IRQ_ENABLE => {
                self.own.next = bit_cast::<32, 2>(self.irq_enable.q.val());
            }
            IRQ_STATUS => {
                self.own.next = bit_cast::<32, 2>(self.irq_status.q.val());
            }
            SCRATCH => {
                self.own.next = self.scratch.q.val();
            }
            RESULTS => {
                self.own.next = self.results.val();
            }
            STATS_INDEX => {
                self.own.next = bit_cast::<32, 10>(self.statistic.q.val());
            }
            STATS_DATA => {
                self.own.next = self.stats.val();
            }
            STATS_AT => {
                self.own.next = bit_cast::<32, 10>(self.statistic_2.q.val());
            }
            _ => {}
        }
        // The low half of a counter is asked for, the high half comes with it.
        self.half.next = self.counter.val().get_bits::<32>(0);
        if self.read_index.q.val().get_bit(0) {
            self.half.next = self.counter.val().get_bits::<32>(32);
        }
        self.value.next = 0.into();
        if self.is_known.q.val() {
            self.value.next = self.own.val();
        }
        if self.is_counter.q.val() {
            self.value.next = self.half.val();
        }
        self.counter_index.next = self.read_index.q.val().get_bits::<4>(1);
        self.counter_read.next = self.read_looks.q.val()
            & self.is_counter.q.val()
            & (!self.read_index.q.val().get_bit(0));
        if self.read_looks.q.val() {
            self.read_data.d.next = self.value.val();
            if self.counter_done.val()
                | (!self.is_counter.q.val())
                | self.read_index.q.val().get_bit(0)
            {
                self.read_looks.d.next = false;
                self.read_full.d.next = true;
            }
        }
        if self.read_full.q.val() & self.rready.val() {
            self.read_full.d.next = false;
        }

        self.stats_index.next = self.statistic.q.val();
        self.soft_reset.next = self.reset_pulse.q.val();
        self.clear_counters.next = self.clear_pulse.q.val();
        self.halted.next = self.held.q.val();
        if self.forget.val() {
            self.held.d.next = false;
            self.error.d.next = 0.into();
            self.irq_status.d.next = 0.into();
        }
        if self.reset.val() {
            self.have_address.d.next = false;
            self.have_data.d.next = false;
            self.respond.d.next = false;
            self.read_asked.d.next = false;
            self.read_looks.d.next = false;
            self.read_full.d.next = false;
            self.scratch.d.next = 0.into();
            self.statistic.d.next = 0.into();
            self.statistic_1.d.next = 0.into();
            self.statistic_2.d.next = 0.into();
            self.irq_enable.d.next = 0.into();
            self.irq_status.d.next = 0.into();
            self.error.d.next = 0.into();
            self.held.d.next = false;
            self.reset_pulse.d.next = false;
            self.clear_pulse.d.next = false;
        }
    }
}

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
fn place(index: u32) -> Constant<Bits<10>> {
    Constant::new(u64::from(index).into())
}

/// The register file behind `s_axil_*`. One write and one read at a time, each answered with
/// OKAY; unknown addresses read as 0.
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
    /// Counters in the order of `regs::COUNTERS`.
    pub counter: [Signal<In, Bits<64>>; 14],
    /// The statistic at `stats_index`, [`STATS_LATENCY`] cycles later.
    pub stats: Signal<In, Bits<32>>,
    /// Which statistic: cause in bits 3:0, layer above.
    pub stats_index: Signal<Out, Bits<10>>,
    /// Resets the engine, one cycle.
    pub soft_reset: Signal<Out, Bit>,
    /// Clears the counters, one cycle.
    pub clear_counters: Signal<Out, Bit>,
    /// An error is held.
    pub halted: Signal<Out, Bit>,
    /// Interrupt.
    pub irq: Signal<Out, Bit>,
    write_address: DFF<Bits<10>>,
    have_address: DFF<Bit>,
    write_data: DFF<Bits<32>>,
    write_full: DFF<Bit>,
    have_data: DFF<Bit>,
    respond: DFF<Bit>,
    read_data: DFF<Bits<32>>,
    read_full: DFF<Bit>,
    upper: DFF<Bits<32>>,
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
    CTRL: Constant<Bits<10>>,
    STATUS: Constant<Bits<10>>,
    ERROR: Constant<Bits<10>>,
    IRQ_ENABLE: Constant<Bits<10>>,
    IRQ_STATUS: Constant<Bits<10>>,
    SCRATCH: Constant<Bits<10>>,
    RESULTS: Constant<Bits<10>>,
    STATS_INDEX: Constant<Bits<10>>,
    STATS_DATA: Constant<Bits<10>>,
    STATS_AT: Constant<Bits<10>>,
    identity: Vec<Constant<Bits<32>>>,
    identity_at: Vec<Constant<Bits<10>>>,
    lower_at: Vec<Constant<Bits<10>>>,
    upper_at: Vec<Constant<Bits<10>>>,
    does_write: Signal<Local, Bit>,
    does_read: Signal<Local, Bit>,
    read_index: Signal<Local, Bits<10>>,
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
        assert_eq!(
            identity.len(),
            8,
            "the read multiplexer knows eight identity registers"
        );
        block! {
            clock, reset, awvalid, awready, awaddr, wvalid, wready, wdata, wstrb, bvalid, bready,
            arvalid, arready, araddr, rvalid, rready, rdata, busy, queued, draining, aborting,
            owing, error_set, error_code, error_record, done, results, counter, stats, stats_index,
            soft_reset, clear_counters, halted, irq, write_address, have_address, write_data,
            write_full, have_data, respond, read_data, read_full, upper, scratch, statistic,
            statistic_1, statistic_2, irq_enable, irq_status, error, held, reset_pulse,
            clear_pulse, does_write, does_read, read_index, value, events, clears, status;
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
            identity_at: identity
                .iter()
                .map(|(register, _)| place(register.index()))
                .collect(),
            identity: identity
                .into_iter()
                .map(|(_, value)| Constant::new(u64::from(value).into()))
                .collect(),
            lower_at: regs::COUNTERS
                .iter()
                .map(|low| place(low.index()))
                .collect(),
            upper_at: regs::COUNTERS
                .iter()
                .map(|low| place(low.index() + 1))
                .collect(),
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
            have_address,
            write_data,
            write_full,
            have_data,
            respond,
            read_data,
            read_full,
            upper,
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
            self.write_address.d.next = self.awaddr.val().get_bits::<10>(2);
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
            if self.write_full.q.val() {
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

        // Reads.
        self.read_index.next = self.araddr.val().get_bits::<10>(2);
        self.does_read.next = self.arvalid.val() & (!self.read_full.q.val());
        self.arready.next = (!self.read_full.q.val()) & (!self.reset.val());
        self.rvalid.next = self.read_full.q.val();
        self.rdata.next = self.read_data.q.val();
        self.value.next = 0.into();
        for i in 0..8 {
            if self.read_index.val() == self.identity_at[i].val() {
                self.value.next = self.identity[i].val();
            }
        }
        for i in 0..14 {
            if self.read_index.val() == self.lower_at[i].val() {
                self.value.next = self.counter[i].val().get_bits::<32>(0);
                if self.does_read.val() {
                    self.upper.d.next = self.counter[i].val().get_bits::<32>(32);
                }
            }
            if self.read_index.val() == self.upper_at[i].val() {
                self.value.next = self.upper.q.val();
            }
        }
        match self.read_index.val().index() {
            STATUS => {
                self.value.next = self.status.val();
            }
            ERROR => {
                self.value.next = self.error.q.val();
            }
            IRQ_ENABLE => {
                self.value.next = bit_cast::<32, 2>(self.irq_enable.q.val());
            }
            IRQ_STATUS => {
                self.value.next = bit_cast::<32, 2>(self.irq_status.q.val());
            }
            SCRATCH => {
                self.value.next = self.scratch.q.val();
            }
            RESULTS => {
                self.value.next = self.results.val();
            }
            STATS_INDEX => {
                self.value.next = bit_cast::<32, 10>(self.statistic.q.val());
            }
            STATS_DATA => {
                self.value.next = self.stats.val();
            }
            STATS_AT => {
                self.value.next = bit_cast::<32, 10>(self.statistic_2.q.val());
            }
            _ => {}
        }
        if self.does_read.val() {
            self.read_full.d.next = true;
            self.read_data.d.next = self.value.val();
        }
        if self.read_full.q.val() & self.rready.val() {
            self.read_full.d.next = false;
        }

        self.stats_index.next = self.statistic.q.val();
        self.soft_reset.next = self.reset_pulse.q.val();
        self.clear_counters.next = self.clear_pulse.q.val();
        self.halted.next = self.held.q.val();
        if self.reset_pulse.q.val() {
            self.held.d.next = false;
            self.error.d.next = 0.into();
            self.irq_status.d.next = 0.into();
        }
        if self.reset.val() {
            self.have_address.d.next = false;
            self.have_data.d.next = false;
            self.respond.d.next = false;
            self.read_full.d.next = false;
            self.upper.d.next = 0.into();
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

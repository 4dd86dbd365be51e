//! Weight buffer and loader: brings each pass's weight block into the array's shadow registers
//! while the pass before it computes.

use crate::common::words::{Beat, WeightRow};
use firebrick_spec::BEAT_BITS;
use firebrick_spec::HwConfig;
use firebrick_spec::latency::load_lead;
pub use firebrick_spec::latency::{PASS_INTERVAL, WEIGHT_LATENCY};
use rust_hdl::prelude::*;

use crate::common::mem::{Ram, RamStyle};

const _: () = assert!(
    WEIGHT_LATENCY == 3,
    "the memory has two registers, the row has one"
);
// A block that waited in the shadow registers is followed by the next one's `ready` after two
// cycles; the accumulators need two more.
const _: () = assert!(
    PASS_INTERVAL == 4,
    "a swap holds `ready` back for two cycles"
);

/// Reads weight blocks pass by pass.
///
/// A job (`job_base`, `job_passes`) is taken with `job_pop`. Each block takes as many cycles as the
/// tile has rows: `load` marks row 0 at `row`, the other rows follow. `ready` says that the shadow holds (or is just
/// taking) a block that no pass has used, far enough for the array ([`load_lead`]), and that the pass
/// before began [`PASS_INTERVAL`] cycles ago or earlier; the streamer answers with `swap` in its pass's first
/// cycle, and the next block may follow. Writes to the buffer need no handshake.
#[derive(LogicBlock)]
pub struct Loader {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets all jobs.
    pub reset: Signal<In, Bit>,
    /// A job waits.
    pub job_valid: Signal<In, Bit>,
    /// First block.
    pub job_base: Signal<In, Bits<20>>,
    /// Blocks.
    pub job_passes: Signal<In, Bits<16>>,
    /// Takes the job.
    pub job_pop: Signal<Out, Bit>,
    /// A block is there for the next pass, and the pass may begin.
    pub ready: Signal<Out, Bit>,
    /// The next pass has begun.
    pub swap: Signal<In, Bit>,
    /// Row 0 is at `row`.
    pub load: Signal<Out, Bit>,
    /// A row of weights, output channel 0 lowest; the upper half is zero for a tile of 8.
    pub row: Signal<Out, WeightRow>,
    /// Writes a row into the buffer.
    pub write_valid: Signal<In, Bit>,
    /// At this beat: blocks follow each other without a gap, a beat is 16 weights.
    pub write_address: Signal<In, Bits<24>>,
    /// This beat: a row, or two of a tile of 8, the first in the low half.
    pub write_data: Signal<In, Beat>,
    memory: Ram<128, 24>,
    active: DFF<Bit>,
    block: DFF<Bits<20>>,
    // Inverted, so that it counts up.
    passes: DFF<Bits<16>>,
    rows: DFF<Bits<4>>,
    // A job's last block is being read.
    last_pass: DFF<Bit>,
    reading: DFF<Bit>,
    pending: DFF<Bit>,
    swap_1: DFF<Bit>,
    swap_2: DFF<Bit>,
    swap_3: DFF<Bit>,
    // The memory's output register, and the row.
    read_2: DFF<WeightRow>,
    row_3: DFF<WeightRow>,
    load_1: DFF<Bit>,
    load_2: DFF<Bit>,
    load_3: DFF<Bit>,
    upper_1: DFF<Bit>,
    upper_2: DFF<Bit>,
    // Too few rows are on their way; never so if the array wants its vector right behind the first.
    early: DFF<Bit>,
    leads: Constant<Bit>,
    last_early: Constant<Bits<4>>,
    narrow: Constant<Bit>,
    last_row: Constant<Bits<4>>,
    last_block: Constant<Bits<20>>,
    start: Signal<Local, Bit>,
    over: Signal<Local, Bit>,
    row_index: Signal<Local, Bits<4>>,
    word: Signal<Local, WeightRow>,
}

impl Loader {
    /// The buffer and the loader of a configuration with a tile of 8 or 16.
    #[must_use]
    pub fn new(config: &HwConfig) -> Self {
        let (tile, blocks) = (config.tile, config.weight_blocks);
        block! {
            clock, reset, job_valid, job_base, job_passes, job_pop, ready, swap, load, row,
            write_valid, write_address, write_data, active, block, passes, rows, last_pass, reading,
            pending, over, swap_1, swap_2, swap_3, read_2, row_3, load_1, load_2, load_3, upper_1, upper_2, early, start, row_index,
            word;
            memory: Ram::new(blocks * tile * tile / 16),
            narrow: Constant::new(tile == 8),
            leads: Constant::new(load_lead(config) > 1),
            last_early: Constant::new((load_lead(config) as u64 - 1).into()),
            last_row: Constant::new((tile as u64 - 1).into()),
            last_block: Constant::new((blocks as u64 - 1).into()),
        }
    }
}

impl Loader {
    /// Puts the weights into UltraRAM.
    pub fn in_ultra_ram(&mut self) {
        self.memory.place(RamStyle::Ultra);
    }
}

impl Logic for Loader {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, active, block, passes, rows, last_pass, reading, pending, swap_1, swap_2,
            swap_3, read_2, row_3, load_1, load_2, load_3, upper_1, upper_2, early
        );
        self.memory.clock.next = self.clock.val();
        // A block starts when the array is done with the one before.
        self.start.next = self.active.q.val() & (!self.reading.q.val()) & (!self.pending.q.val());
        // The number of passes stands still while a block is read.
        self.last_pass.d.next = self.passes.q.val() == 0xfffe;
        self.over.next = self.reading.q.val()
            & (self.rows.q.val() == self.last_row.val())
            & self.last_pass.q.val();
        self.row_index.next = self.rows.q.val();
        if self.start.val() {
            self.row_index.next = 0.into();
            self.rows.d.next = 1.into();
            self.reading.d.next = true;
            self.pending.d.next = true;
            self.early.d.next = self.leads.val();
        }
        if self.reading.q.val() {
            self.rows.d.next = self.rows.q.val() + 1;
            if self.rows.q.val() == self.last_early.val() {
                self.early.d.next = false;
            }
            if self.rows.q.val() == self.last_row.val() {
                self.reading.d.next = false;
                self.passes.d.next = self.passes.q.val() + 1;
                if self.block.q.val() == self.last_block.val() {
                    self.block.d.next = 0.into();
                } else {
                    self.block.d.next = self.block.q.val() + 1;
                }
                if self.last_pass.q.val() {
                    self.active.d.next = false;
                }
            }
        }
        if self.swap.val() {
            self.pending.d.next = false;
        }
        self.swap_1.d.next = self.swap.val();
        self.swap_2.d.next = self.swap_1.q.val();
        self.swap_3.d.next = self.swap_2.q.val();
        self.ready.next = self.pending.q.val()
            & (!self.swap_2.q.val())
            & (!self.swap_3.q.val())
            & (!self.early.q.val());

        // The next job, in the very cycle in which the last row of this one is read.
        self.job_pop.next = false;
        if self.job_valid.val() & ((!self.active.q.val()) | self.over.val()) {
            self.job_pop.next = true;
            self.active.d.next = true;
            self.block.d.next = self.job_base.val();
            self.passes.d.next = !self.job_passes.val();
        }

        self.memory.read_address.next =
            (bit_cast::<24, 20>(self.block.q.val()) << 4) | bit_cast::<24, 4>(self.row_index.val());
        if self.narrow.val() {
            self.memory.read_address.next = (bit_cast::<24, 20>(self.block.q.val()) << 2)
                | bit_cast::<24, 3>(self.row_index.val().get_bits::<3>(1));
        }
        self.upper_1.d.next = self.row_index.val().get_bit(0);
        self.upper_2.d.next = self.upper_1.q.val();
        self.read_2.d.next = self.memory.read_data.val();
        self.word.next = self.read_2.q.val();
        if self.narrow.val() {
            self.word.next = bit_cast::<BEAT_BITS, 64>(self.read_2.q.val().get_bits::<64>(0));
            if self.upper_2.q.val() {
                self.word.next = bit_cast::<BEAT_BITS, 64>(self.read_2.q.val().get_bits::<64>(64));
            }
        }
        self.memory.read_enable.next = true;
        self.load_1.d.next = self.start.val();
        self.load_2.d.next = self.load_1.q.val();
        self.load_3.d.next = self.load_2.q.val();
        self.row_3.d.next = self.word.val();
        self.row.next = self.row_3.q.val();
        self.load.next = self.load_3.q.val();
        self.memory.write_enable.next = self.write_valid.val();
        self.memory.write_address.next = self.write_address.val();
        self.memory.write_data.next = self.write_data.val();
        if self.reset.val() {
            self.active.d.next = false;
            self.reading.d.next = false;
            self.pending.d.next = false;
            self.early.d.next = false;
            self.swap_1.d.next = false;
            self.swap_2.d.next = false;
            self.swap_3.d.next = false;
            self.load_1.d.next = false;
            self.load_2.d.next = false;
            self.load_3.d.next = false;
        }
    }
}

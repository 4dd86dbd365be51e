//! Accumulators: two banks of partial sums for each output channel.

use firebrick_spec::arith::wrap;
pub use firebrick_spec::latency::{ACC_READ_LATENCY, ACC_REUSE, TAG_LEAD};
use rust_hdl::prelude::*;

use crate::common::mem::{Pack, Ram};
use crate::emit::pragma;

// The word read, and the memory's output register.
const _: () = assert!(ACC_READ_LATENCY == 2, "a drain read has two registers");
// A word read in cycle 0 is added to in cycle 2 and written in cycle 3.
const _: () = assert!(ACC_REUSE == 4, "an accumulation has four stages");
// A tag reads in cycle 0 what its sums of cycle 2 are added to.
const _: () = assert!(TAG_LEAD == 2, "tags come two cycles before their sums");

/// The adder of an output channel: `sum` is `psum`, with the word of `bank` unless `first`, one
/// cycle later, in `bits` bits; those above are zero. No back-pressure.
///
/// Its own Verilog: a bit of the sum, its choice of a bank and its start from 0 are one look-up
/// table, if the sum that comes is the operand which the carry chain has without one. Yosys takes
/// for that the operand that is in fewer parts; extended by Verilog, and not bit by bit, the sum that
/// comes is in one part.
#[derive(LogicBlock)]
pub struct AccAdder {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Sum that comes, signed.
    pub psum: Signal<In, Bits<19>>,
    /// Word of bank 0.
    pub word_0: Signal<In, Bits<32>>,
    /// Word of bank 1.
    pub word_1: Signal<In, Bits<32>>,
    /// Bank that accumulates.
    pub bank: Signal<In, Bit>,
    /// Starts the sum.
    pub first: Signal<In, Bit>,
    /// New sum.
    pub sum: Signal<Out, Bits<32>>,
    _bits: usize,
}

impl AccAdder {
    /// For sums of `bits` bits, 24 to 32.
    #[must_use]
    pub fn new(bits: usize) -> Self {
        assert!(
            (24..=32).contains(&bits),
            "a sum has 24 to 32 bits, not {bits}"
        );
        block! {
            clock, psum, word_0, word_1, bank, first, sum;
            _bits: bits,
        }
    }
}

impl Logic for AccAdder {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let psum = wrap(self.psum.val().to_u64() as i64, 19) as u64;
            let old = match (self.first.val(), self.bank.val()) {
                (true, _) => 0,
                (false, false) => self.word_0.val().to_u64(),
                (false, true) => self.word_1.val().to_u64(),
            };
            self.sum.next = (psum.wrapping_add(old) & ((1 << self._bits) - 1)).into();
        }
    }

    fn connect(&mut self) {
        self.sum.connect();
    }

    fn hdl(&self) -> Verilog {
        let top = self._bits - 1;
        let above = match 31 - top {
            0 => String::new(),
            bits => format!("{bits}'d0, "),
        };
        let (off, on) = (pragma(false, "WIDTH"), pragma(true, "WIDTH"));
        Verilog::Custom(format!(
            "wire signed [18:0] added = psum;\n\
             wire signed [{top}:0] old = first ? {bits}'d0 : bank ? word_1[{top}:0] : word_0[{top}:0];\n\
             reg [{top}:0] held;\n\
             {off}\n\
             always @(posedge clock) held <= added + old;\n\
             {on}\n\
             assign sum = {{{above}held}};\n",
            bits = self._bits,
        ))
    }
}

/// Two banks and one adder for one output channel. Its parent makes the addresses, which all
/// channels share.
///
/// Cycle 0: the read address of the bank in use. Cycle 2: `psum`, to which the old sum is added
/// unless `first_2`; `word_0` and `word_1` are what cycle 0's addresses read, for the drain.
/// Cycle 3: the parent has `write_enable_*` high and the sum is written. Between the memories and
/// the adder is the memories' own output register.
///
/// Words have as many bits as the sums; those above are zero when read, and what the adder carries
/// into them is dropped: sums are exact modulo 2^bits.
#[derive(LogicBlock)]
pub struct AccColumn {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Array output, cycle 2, signed.
    pub psum: Signal<In, Bits<19>>,
    /// Read address of bank 0, cycle 0.
    pub read_address_0: Signal<In, Bits<9>>,
    /// Read address of bank 1, cycle 0.
    pub read_address_1: Signal<In, Bits<9>>,
    /// Bank that accumulates, cycle 2.
    pub bank_2: Signal<In, Bit>,
    /// Starts the sum, cycle 2.
    pub first_2: Signal<In, Bit>,
    /// Write address, cycle 3.
    pub write_address: Signal<In, Bits<9>>,
    /// Writes bank 0, cycle 3.
    pub write_enable_0: Signal<In, Bit>,
    /// Writes bank 1, cycle 3.
    pub write_enable_1: Signal<In, Bit>,
    /// Word of bank 0, cycle 2.
    pub word_0: Signal<Out, Bits<32>>,
    /// Word of bank 1, cycle 2.
    pub word_1: Signal<Out, Bits<32>>,
    bank_a: Ram<32, 9>,
    bank_b: Ram<32, 9>,
    read_a: DFF<Bits<32>>,
    read_b: DFF<Bits<32>>,
    adder: AccAdder,
}

impl AccColumn {
    /// Two banks of `depth` words, at most 512, of `bits` bits, at most 32.
    #[must_use]
    pub fn new(depth: usize, bits: usize) -> Self {
        block! {
            clock, psum, read_address_0, read_address_1, bank_2, first_2, write_address,
            write_enable_0, write_enable_1, word_0, word_1, read_a, read_b;
            adder: AccAdder::new(bits),
            bank_a: Ram::narrow(depth, bits),
            bank_b: Ram::narrow(depth, bits),
        }
    }
}

impl Logic for AccColumn {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, read_a, read_b);
        self.adder.clock.next = self.clock.val();
        self.bank_a.clock.next = self.clock.val();
        self.bank_b.clock.next = self.clock.val();
        self.bank_a.read_enable.next = true;
        self.bank_b.read_enable.next = true;
        self.bank_a.read_address.next = self.read_address_0.val();
        self.bank_b.read_address.next = self.read_address_1.val();
        self.read_a.d.next = self.bank_a.read_data.val();
        self.read_b.d.next = self.bank_b.read_data.val();
        self.word_0.next = self.read_a.q.val();
        self.word_1.next = self.read_b.q.val();
        self.adder.psum.next = self.psum.val();
        self.adder.word_0.next = self.read_a.q.val();
        self.adder.word_1.next = self.read_b.q.val();
        self.adder.bank.next = self.bank_2.val();
        self.adder.first.next = self.first_2.val();
        self.bank_a.write_address.next = self.write_address.val();
        self.bank_b.write_address.next = self.write_address.val();
        self.bank_a.write_data.next = self.adder.sum.val();
        self.bank_b.write_data.next = self.adder.sum.val();
        self.bank_a.write_enable.next = self.write_enable_0.val();
        self.bank_b.write_enable.next = self.write_enable_1.val();
    }
}

/// Accumulators of one lane: a column for each output channel, the array on one side and the
/// drain on the other.
///
/// The array writes without back-pressure: `tag_*` describe the sums that are at `psums`
/// [`TAG_LEAD`] cycles later. The drain asks with `drain_read`; it is granted in the same cycle
/// unless the array accumulates in that bank, and gets the words at its address in both banks
/// [`ACC_READ_LATENCY`] cycles later: that of `drain_bank` is the one it asked for, the other means
/// nothing. Whoever takes them chooses, where it costs nothing.
#[derive(LogicBlock)]
pub struct Accumulators {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Array output, 19 bits for each output channel, signed, channel 0 lowest.
    pub psums: Signal<In, Bits<304>>,
    /// What comes to `psums` is a pixel vector.
    pub tag_valid: Signal<In, Bit>,
    /// It starts the sum.
    pub tag_first: Signal<In, Bit>,
    /// Its bank.
    pub tag_bank: Signal<In, Bit>,
    /// Its address.
    pub tag_address: Signal<In, Bits<11>>,
    /// The drain wants a word.
    pub drain_read: Signal<In, Bit>,
    /// From this bank.
    pub drain_bank: Signal<In, Bit>,
    /// At this address.
    pub drain_address: Signal<In, Bits<11>>,
    /// It gets it.
    pub drain_grant: Signal<Out, Bit>,
    /// Words of bank 0, 32 bits for each output channel, channel 0 lowest; zero above a sum's bits
    /// and above the last column.
    pub drain_words_0: Signal<Out, Bits<512>>,
    /// The same of bank 1.
    pub drain_words_1: Signal<Out, Bits<512>>,
    column: Vec<AccColumn>,
    pack_0: Pack<32, 512>,
    pack_1: Pack<32, 512>,
    valid_1: DFF<Bit>,
    first_1: DFF<Bit>,
    bank_1: DFF<Bit>,
    address_1: DFF<Bits<9>>,
    valid_2: DFF<Bit>,
    first_2: DFF<Bit>,
    bank_2: DFF<Bit>,
    address_2: DFF<Bits<9>>,
    valid_3: DFF<Bit>,
    bank_3: DFF<Bit>,
    address_3: DFF<Bits<9>>,
    reads_0: Signal<Local, Bit>,
    reads_1: Signal<Local, Bit>,
    address_a: Signal<Local, Bits<9>>,
    address_b: Signal<Local, Bits<9>>,
    write_a: Signal<Local, Bit>,
    write_b: Signal<Local, Bit>,
    _columns: usize,
}

impl Accumulators {
    /// Two banks of `depth` vectors, at most 512, of `columns` sums, at most 16, of `bits` bits,
    /// at most 32.
    #[must_use]
    pub fn new(columns: usize, depth: usize, bits: usize) -> Self {
        block! {
            clock, psums, tag_valid, tag_first, tag_bank, tag_address, drain_read, drain_bank,
            drain_address, drain_grant, drain_words_0, drain_words_1, valid_1, first_1, bank_1,
            address_1, valid_2, first_2, bank_2, address_2, valid_3, bank_3, address_3, reads_0, reads_1, address_a, address_b, write_a,
            write_b;
            column: (0..columns).map(|_| AccColumn::new(depth, bits)).collect(),
            pack_0: Pack::new(columns),
            pack_1: Pack::new(columns),
            _columns: columns,
        }
    }
}

impl Logic for Accumulators {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, valid_1, first_1, bank_1, address_1, valid_2, first_2, bank_2, address_2,
            valid_3, bank_3, address_3
        );
        self.valid_1.d.next = self.tag_valid.val();
        self.first_1.d.next = self.tag_first.val();
        self.bank_1.d.next = self.tag_bank.val();
        self.address_1.d.next = self.tag_address.val().get_bits::<9>(0);
        self.valid_2.d.next = self.valid_1.q.val();
        self.first_2.d.next = self.first_1.q.val();
        self.bank_2.d.next = self.bank_1.q.val();
        self.address_2.d.next = self.address_1.q.val();
        self.valid_3.d.next = self.valid_2.q.val();
        self.bank_3.d.next = self.bank_2.q.val();
        self.address_3.d.next = self.address_2.q.val();

        // A sum that starts needs no read, so the drain may use that bank's port.
        self.reads_0.next = self.tag_valid.val() & (!self.tag_first.val()) & (!self.tag_bank.val());
        self.reads_1.next = self.tag_valid.val() & (!self.tag_first.val()) & self.tag_bank.val();
        self.address_a.next = self.drain_address.val().get_bits::<9>(0);
        if self.reads_0.val() {
            self.address_a.next = self.tag_address.val().get_bits::<9>(0);
        }
        self.address_b.next = self.drain_address.val().get_bits::<9>(0);
        if self.reads_1.val() {
            self.address_b.next = self.tag_address.val().get_bits::<9>(0);
        }
        self.drain_grant.next = self.drain_read.val()
            & ((self.drain_bank.val() & (!self.reads_1.val()))
                | ((!self.drain_bank.val()) & (!self.reads_0.val())));
        self.write_a.next = self.valid_3.q.val() & (!self.bank_3.q.val());
        self.write_b.next = self.valid_3.q.val() & self.bank_3.q.val();
        for i in 0..self._columns {
            self.column[i].clock.next = self.clock.val();
            self.column[i].psum.next = self.psums.val().get_bits::<19>(i * 19);
            self.column[i].read_address_0.next = self.address_a.val();
            self.column[i].read_address_1.next = self.address_b.val();
            self.column[i].bank_2.next = self.bank_2.q.val();
            self.column[i].first_2.next = self.first_2.q.val();
            self.column[i].write_address.next = self.address_3.q.val();
            self.column[i].write_enable_0.next = self.write_a.val();
            self.column[i].write_enable_1.next = self.write_b.val();
            self.pack_0.words[i].next = self.column[i].word_0.val();
            self.pack_1.words[i].next = self.column[i].word_1.val();
        }
        self.drain_words_0.next = self.pack_0.joined.val();
        self.drain_words_1.next = self.pack_1.joined.val();
    }
}

//! Requantisation parameters on their way from the stream to the drain.

use crate::common::words::{Beat, Word};
use firebrick_spec::HwConfig;
pub use firebrick_spec::latency::ACC_READ_LATENCY;
use rust_hdl::prelude::*;

use crate::common::mem::Ram;

const _: () = assert!(ACC_READ_LATENCY == 2, "the memory and its output register");

/// Written two channels a beat, read as the requantisers take them: with one lane half a group at
/// a time, else a group.
///
/// `read_data` is the word at `read_address` [`ACC_READ_LATENCY`] cycles later.
#[derive(LogicBlock)]
pub struct Params {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Writes a beat.
    pub write_valid: Signal<In, Bit>,
    /// Group x `tile` / 2 + pair of channels.
    pub write_address: Signal<In, Bits<15>>,
    /// The beat.
    pub write_data: Signal<In, Beat>,
    /// With one lane group x 2 + half, else the group.
    pub read_address: Signal<In, Bits<13>>,
    /// Channels of 64 bits, the first lowest; zero above them.
    pub read_data: Signal<Out, Bits<1024>>,
    bank: Vec<Ram<128, 13>>,
    read: Vec<DFF<Word>>,
    joiner: JoinBanks,
    shifted: Signal<Local, Bits<15>>,
    row: Signal<Local, Bits<13>>,
    number: Signal<Local, Bits<15>>,
    row_shift: Constant<Bits<2>>,
    number_mask: Constant<Bits<15>>,
    _banks: usize,
}

impl Params {
    /// Room for the parameter groups of `config`.
    #[must_use]
    pub fn new(config: &HwConfig) -> Self {
        let halves = if config.lanes == 1 { 2 } else { 1 };
        let banks = config.tile / 2 / halves;
        block! {
            clock, write_valid, write_address, write_data, read_address, read_data, shifted, row,
            number;
            bank: (0..banks)
                .map(|_| Ram::new(halves * config.param_groups))
                .collect(),
            read: (0..banks).map(|_| DFF::default()).collect(),
            joiner: JoinBanks::new(banks),
            row_shift: Constant::new(u64::from(banks.trailing_zeros()).into()),
            number_mask: Constant::new((banks as u64 - 1).into()),
            _banks: banks,
        }
    }
}

impl Logic for Params {
    #[hdl_gen]
    fn update(&mut self) {
        self.shifted.next = self.write_address.val() >> self.row_shift.val();
        self.row.next = self.shifted.val().get_bits::<13>(0);
        self.number.next = self.write_address.val() & self.number_mask.val();
        for i in 0..self._banks {
            self.bank[i].clock.next = self.clock.val();
            self.bank[i].read_enable.next = true;
            self.bank[i].read_address.next = self.read_address.val();
            self.bank[i].write_address.next = self.row.val();
            self.bank[i].write_data.next = self.write_data.val();
            self.bank[i].write_enable.next =
                self.write_valid.val() & (self.number.val().index() == i);
            self.read[i].clock.next = self.clock.val();
            self.read[i].d.next = self.bank[i].read_data.val();
            self.joiner.word[i].next = self.read[i].q.val();
        }
        self.read_data.next = self.joiner.joined.val();
    }
}

/// Joins up to eight words, word 0 lowest, zero above them: wires.
#[derive(LogicBlock)]
pub struct JoinBanks {
    /// Words.
    pub word: Vec<Signal<In, Word>>,
    /// All of them.
    pub joined: Signal<Out, Bits<1024>>,
}

impl JoinBanks {
    /// Of `words` words, 1 to 8.
    #[must_use]
    pub fn new(words: usize) -> Self {
        Self {
            word: (0..words).map(|_| Signal::default()).collect(),
            joined: Default::default(),
        }
    }
}

impl Logic for JoinBanks {
    fn update(&mut self) {
        let words = self.word.iter().rev();
        self.joined.next = words.fold(Bits::<1024>::default(), |joined, word| {
            (joined << 128) | bit_cast::<1024, 128>(word.val())
        });
    }

    fn connect(&mut self) {
        self.joined.connect();
    }

    fn hdl(&self) -> Verilog {
        let missing = 128 * (8 - self.word.len());
        let zeros = (missing > 0).then(|| format!("{missing}'d0"));
        let words = (0..self.word.len()).rev().map(|i| format!("word${i}"));
        let all: Vec<String> = zeros.into_iter().chain(words).collect();
        Verilog::Custom(format!("assign joined = {{{}}};\n", all.join(", ")))
    }
}

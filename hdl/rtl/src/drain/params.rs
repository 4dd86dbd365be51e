//! Requantisation parameters on their way from the stream to the drain.

use crate::common::words::{Beat, Word};
use firebrick_spec::HwConfig;
pub use firebrick_spec::latency::ACC_READ_LATENCY;
use rust_hdl::prelude::*;

use crate::common::mem::{Pack, Ram};

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
    joiner: Pack<128, 1024>,
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
            joiner: Pack::new(banks),
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
            self.joiner.words[i].next = self.read[i].q.val();
        }
        self.read_data.next = self.joiner.joined.val();
    }
}

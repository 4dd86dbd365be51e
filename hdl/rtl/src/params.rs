//! Requantisation parameters on their way from the stream to the drain.

use rust_hdl::prelude::*;

use crate::mem::Ram;

/// Written two channels a beat, read eight channels (half a group) at a time.
///
/// `read_data` is the word at `read_address` (group x 2 + half) one cycle later.
#[derive(LogicBlock)]
pub struct Params {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Writes a beat.
    pub write_valid: Signal<In, Bit>,
    /// Group x 8 + pair of channels.
    pub write_address: Signal<In, Bits<15>>,
    /// The beat.
    pub write_data: Signal<In, Bits<128>>,
    /// Group x 2 + half.
    pub read_address: Signal<In, Bits<13>>,
    /// Eight channels of 64 bits, the first lowest.
    pub read_data: Signal<Out, Bits<512>>,
    bank: Vec<Ram<128, 13>>,
    row: Signal<Local, Bits<13>>,
    number: Signal<Local, Bits<2>>,
}

impl Params {
    /// Room for `groups` groups of 16 channels.
    #[must_use]
    pub fn new(groups: usize) -> Self {
        Self {
            clock: Default::default(),
            write_valid: Default::default(),
            write_address: Default::default(),
            write_data: Default::default(),
            read_address: Default::default(),
            read_data: Default::default(),
            bank: (0..4).map(|_| Ram::new(2 * groups)).collect(),
            row: Default::default(),
            number: Default::default(),
        }
    }
}

impl Logic for Params {
    #[hdl_gen]
    fn update(&mut self) {
        self.row.next = self.write_address.val().get_bits::<13>(2);
        self.number.next = self.write_address.val().get_bits::<2>(0);
        for i in 0..4 {
            self.bank[i].clock.next = self.clock.val();
            self.bank[i].read_enable.next = true;
            self.bank[i].read_address.next = self.read_address.val();
            self.bank[i].write_address.next = self.row.val();
            self.bank[i].write_data.next = self.write_data.val();
            self.bank[i].write_enable.next =
                self.write_valid.val() & (self.number.val().index() == i);
        }
        self.read_data.next = bit_cast::<512, 128>(self.bank[0].read_data.val())
            | (bit_cast::<512, 128>(self.bank[1].read_data.val()) << 128)
            | (bit_cast::<512, 128>(self.bank[2].read_data.val()) << 256)
            | (bit_cast::<512, 128>(self.bank[3].read_data.val()) << 384);
    }
}

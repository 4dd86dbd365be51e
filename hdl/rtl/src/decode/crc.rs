//! CRC-32 over 128-bit beats.

use crate::common::words::Beat;
use firebrick_spec::BEAT_BITS;
use rust_hdl::prelude::*;

/// Reflected polynomial of the CRC-32 of IEEE 802.3.
const POLYNOMIAL: u32 = 0xedb8_8320;

/// Register value after a message followed by its own CRC (little-endian).
pub const RESIDUE: u64 = 0xdebb_20e3;

/// One beat further: `result` is the CRC register after the 16 bytes of `data`, low byte first.
/// Combinational. Start from all ones; the CRC is the complement.
#[derive(LogicBlock)]
pub struct Crc32x128 {
    /// Register before.
    pub state: Signal<In, Bits<32>>,
    /// Beat.
    pub data: Signal<In, Beat>,
    /// Evaluates; `result` is 0 otherwise. Spares simulators the work.
    pub enable: Signal<In, Bit>,
    /// Register after.
    pub result: Signal<Out, Bits<32>>,
    part_mask: Vec<Constant<Beat>>,
    part_one: Vec<Constant<Bits<PARTS>>>,
    sum_mask: Vec<Constant<Bits<PARTS>>>,
    one: Vec<Constant<Bits<32>>>,
    mixed: Signal<Local, Beat>,
    parts: Signal<Local, Bits<PARTS>>,
    sum: Signal<Local, Bits<32>>,
}

/// Bits of the result that share parities.
const SHARED: usize = 4;
/// Parities that a group of [`SHARED`] bits is made of: one for each choice of them.
const CHOICES: usize = (1 << SHARED) - 1;
/// All parities.
const PARTS: usize = 32 / SHARED * CHOICES;

/// The register after 128 bits, bit by bit.
fn advance(mut crc: u32, data: u128) -> u32 {
    for i in 0..128 {
        let bit = (crc ^ (data >> i) as u32) & 1;
        crc = (crc >> 1) ^ (POLYNOMIAL * bit);
    }
    crc
}

impl Default for Crc32x128 {
    fn default() -> Self {
        // The step is linear: bit i of the result is the parity of some bits of the beat, after
        // the old register has been added to the beat's first 32 bits. Of four bits of the result,
        // those bits of the beat that go into the same of them are added once.
        let columns: Vec<u32> = (0..128).map(|i| advance(0, 1u128 << i)).collect();
        let part = |number: usize| {
            let (group, choice) = (number / CHOICES, number as u32 % CHOICES as u32 + 1);
            let chosen = |column: u32| column >> (SHARED * group) & CHOICES as u32 == choice;
            let bits = (0..128)
                .filter(|&i| chosen(columns[i]))
                .fold(0u128, |mask, i| mask | 1u128 << i);
            Constant::new(bits.to_bits())
        };
        let sum = |row: usize| {
            let (group, bit) = (row / SHARED, row % SHARED);
            let bits = (1..=CHOICES)
                .filter(|choice| choice >> bit & 1 == 1)
                .fold(0u128, |mask, choice| {
                    mask | 1u128 << (CHOICES * group + choice - 1)
                });
            Constant::new(bits.to_bits())
        };
        block! {
            state, data, enable, result, mixed, parts, sum;
            part_mask: (0..PARTS).map(part).collect(),
            part_one: (0..PARTS).map(|i| Constant::new((1u128 << i).to_bits())).collect(),
            sum_mask: (0..32).map(sum).collect(),
            one: (0..32).map(|i| Constant::new((1u64 << i).into())).collect(),
        }
    }
}

impl Logic for Crc32x128 {
    #[hdl_gen]
    fn update(&mut self) {
        self.parts.next = 0.into();
        self.sum.next = 0.into();
        self.mixed.next = self.data.val() ^ bit_cast::<BEAT_BITS, 32>(self.state.val());
        if self.enable.val() {
            for i in 0..PARTS {
                if (self.mixed.val() & self.part_mask[i].val()).xor() {
                    self.parts.next = self.parts.val() | self.part_one[i].val();
                }
            }
            for i in 0..32 {
                if (self.parts.val() & self.sum_mask[i].val()).xor() {
                    self.sum.next = self.sum.val() | self.one[i].val();
                }
            }
        }
        self.result.next = self.sum.val();
    }
}

#[cfg(test)]
mod tests {
    use super::advance;

    #[test]
    fn a_message_and_its_crc_leave_the_residue() {
        // "123456789" is the customary check: 0xcbf43926. Here 16 + 12 bytes and the CRC.
        let mut message: Vec<u8> = (0..28).map(|i| (i * 37 + 5) as u8).collect();
        let mut crc = u32::MAX;
        for byte in &message {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = (crc >> 1) ^ (super::POLYNOMIAL * (crc & 1));
            }
        }
        message.extend((!crc).to_le_bytes());
        let state = message.chunks_exact(16).fold(u32::MAX, |state, chunk| {
            advance(state, u128::from_le_bytes(chunk.try_into().unwrap()))
        });
        assert_eq!(u64::from(state), super::RESIDUE);
    }
}

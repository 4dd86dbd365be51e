//! The result packet: taps and stores in the order of their records, the logits, then one
//! trailer beat of four little-endian words with TLAST.

/// The last beat of every result packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Trailer {
    /// CRC-32 (IEEE 802.3) of all bytes of the packet before the trailer.
    pub crc: u32,
    /// Number of packets sent before this one since reset.
    pub sequence: u32,
    /// Tag of the end record.
    pub tag: u32,
    /// Register CYCLES, bits 31:0, when the trailer was formed.
    pub cycles: u32,
}

impl Trailer {
    /// Size of a trailer in bytes.
    pub const BYTES: usize = 16;

    /// Decodes a trailer.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Trailer::BYTES]) -> Trailer {
        let word = |i: usize| {
            u32::from_le_bytes([
                bytes[4 * i],
                bytes[4 * i + 1],
                bytes[4 * i + 2],
                bytes[4 * i + 3],
            ])
        };
        Trailer {
            crc: word(0),
            sequence: word(1),
            tag: word(2),
            cycles: word(3),
        }
    }

    /// Encodes a trailer.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Trailer::BYTES] {
        let mut bytes = [0; Trailer::BYTES];
        for (chunk, word) in
            bytes
                .chunks_exact_mut(4)
                .zip([self.crc, self.sequence, self.tag, self.cycles])
        {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}

/// CRC-32 of the bytes of a packet before its trailer.
#[must_use]
pub fn packet_crc(payload: &[u8]) -> u32 {
    crc32fast::hash(payload)
}

//! Where a transfer ends in a stream of bytes: as the engine finds it, by the records alone.

use firebrick_spec::BEAT_BYTES;
use firebrick_spec::HwConfig;
use firebrick_spec::command::{Command, RECORD_BYTES, RECORD_WORDS};

/// What a piece of a stream held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framed {
    /// All of it belongs to the transfer, and there is more to come.
    More,
    /// The transfer ends after this many bytes of the piece.
    End(usize),
    /// The record that ends after this many bytes of the piece is none, so nobody knows where
    /// the transfer ends. The engine stops with an error there.
    Lost(usize),
}

/// Follows the records of one transfer. It keeps no payload, whatever lengths the records claim.
#[derive(Clone, Debug)]
pub struct Framer {
    config: HwConfig,
    record: [u8; RECORD_BYTES],
    have: usize,
    /// Bytes of payload still to come.
    payload: usize,
}

impl Framer {
    /// At the start of a transfer.
    #[must_use]
    pub fn new(config: &HwConfig) -> Framer {
        Framer {
            config: config.clone(),
            record: [0; RECORD_BYTES],
            have: 0,
            payload: 0,
        }
    }

    /// Takes a piece. After an end it is at the start of the next transfer.
    pub fn push(&mut self, piece: &[u8]) -> Framed {
        let mut at = 0;
        while at < piece.len() {
            let skip = self.payload.min(piece.len() - at);
            self.payload -= skip;
            at += skip;
            let take = (RECORD_BYTES - self.have).min(piece.len() - at);
            self.record[self.have..self.have + take].copy_from_slice(&piece[at..at + take]);
            self.have += take;
            at += take;
            if self.have < RECORD_BYTES {
                continue;
            }
            self.have = 0;
            let mut words = [0; RECORD_WORDS];
            for (word, bytes) in words.iter_mut().zip(self.record.chunks_exact(4)) {
                *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            }
            match Command::decode(&words) {
                Ok(Command::End(_)) => return Framed::End(at),
                Ok(command) => {
                    let payload = command.payload_bytes(&self.config);
                    self.payload = payload.next_multiple_of(BEAT_BYTES);
                }
                Err(_) => return Framed::Lost(at),
            }
        }
        Framed::More
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CompileOptions, compile, probe};
    use firebrick_network::{NodeId, random};
    use proptest::prelude::*;

    fn transfer() -> (HwConfig, Vec<u8>) {
        let config = HwConfig::preset(firebrick_spec::config::DEFAULT_PRESET).unwrap();
        let mut builder = random::Builder::new(3);
        let conv = builder.conv("conv1", NodeId::INPUT, 16, (3, 2, 0));
        let second = builder.conv("conv2", conv, 16, (1, 1, 0));
        let network = builder.finish(second, 20, 20);
        let program = compile(&network, &config, 20, 20, &CompileOptions::default()).unwrap();
        let picture = random::picture(20, 20, 1);
        (config, program.transfer(&picture.view()).unwrap())
    }

    #[test]
    fn the_end_is_found_in_pieces_of_any_size() {
        let (config, transfer) = transfer();
        let mut stream = transfer.clone();
        stream.extend(probe(&config, 7));
        stream.extend(&transfer[..100]);
        for size in [1, 7, 16, 33, 4096, stream.len()] {
            let mut framer = Framer::new(&config);
            let mut ends = Vec::new();
            for (number, piece) in stream.chunks(size).enumerate() {
                let mut at = 0;
                while let Framed::End(end) = framer.push(&piece[at..]) {
                    at += end;
                    ends.push(number * size + at);
                }
            }
            assert_eq!(ends, [transfer.len(), transfer.len() + 64], "{size}");
        }
    }

    #[test]
    fn a_damaged_record_loses_the_end() {
        let (config, mut transfer) = transfer();
        transfer[5] ^= 1;
        assert_eq!(
            Framer::new(&config).push(&transfer),
            Framed::Lost(RECORD_BYTES)
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let config = HwConfig::preset(firebrick_spec::config::DEFAULT_PRESET).unwrap();
            let mut framer = Framer::new(&config);
            if let Framed::End(at) | Framed::Lost(at) = framer.push(&bytes) {
                prop_assert!(at <= bytes.len());
            }
        }
    }
}

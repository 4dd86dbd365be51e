//! Every record survives encoding; no eight words make the decoder panic.

use firebrick_spec::HwConfig;
use firebrick_spec::command::{Command, ErrorCode, Opcode, RECORD_WORDS, common, record_crc};
use proptest::prelude::*;

/// Eight words with a valid opcode, fields from `bits` (whether they mean something or not), and
/// a matching CRC.
fn record(opcode: Opcode, bits: [u32; RECORD_WORDS]) -> [u32; RECORD_WORDS] {
    let mut words = [0; RECORD_WORDS];
    common::OPCODE.set(&mut words, opcode as u64).unwrap();
    for field in Command::fields(opcode) {
        field.set(&mut words, field.get(&bits).into()).unwrap();
    }
    words[RECORD_WORDS - 1] = record_crc(&words);
    words
}

proptest! {
    #[test]
    fn decoding_and_encoding_are_inverse(
        index in 0..Opcode::ALL.len(),
        bits in any::<[u32; RECORD_WORDS]>(),
    ) {
        let words = record(Opcode::ALL[index], bits);
        match Command::decode(&words) {
            Ok(command) => {
                prop_assert_eq!(command.encode().unwrap(), words);
                prop_assert_eq!(Command::decode(&command.encode().unwrap()).unwrap(), command);
                for config in HwConfig::presets() {
                    let _ = command.check(&config);
                    let _ = command.payload_bytes(&config);
                }
                prop_assert!(command.to_string().starts_with(command.opcode().mnemonic()));
            }
            // Drain mode 3 is all that decoding itself refuses.
            Err(error) => prop_assert_eq!(error.code, ErrorCode::BadField),
        }
    }

    #[test]
    fn any_values_that_fit_come_back(
        index in 0..Opcode::ALL.len(),
        bits in any::<[u32; 64]>(),
    ) {
        let mut bits = bits.iter().copied().cycle();
        let opcode = Opcode::ALL[index];
        let command = Command::random(opcode, &mut || bits.next().unwrap_or_default());
        prop_assert_eq!(command.opcode(), opcode);
        let words = command.encode().unwrap();
        prop_assert_eq!(Command::decode(&words).unwrap(), command);
    }

    #[test]
    fn random_words_never_panic(mut words in any::<[u32; RECORD_WORDS]>(), fix in any::<bool>()) {
        if fix {
            words[RECORD_WORDS - 1] = record_crc(&words);
        }
        if let Ok(command) = Command::decode(&words) {
            for config in HwConfig::presets() {
                let _ = command.check(&config);
            }
        }
    }

    #[test]
    fn a_flipped_bit_breaks_the_crc(
        index in 0..Opcode::ALL.len(),
        bits in any::<[u32; RECORD_WORDS]>(),
        bit in 0..32 * RECORD_WORDS,
    ) {
        let mut words = record(Opcode::ALL[index], bits);
        words[bit / 32] ^= 1 << (bit % 32);
        prop_assert_eq!(Command::decode(&words).unwrap_err().code, ErrorCode::BadCrc);
    }
}

#[test]
fn fields_do_not_overlap() {
    for &opcode in Opcode::ALL {
        let mut used = [0u32; RECORD_WORDS];
        let payload = Command::random(opcode, &mut || 0)
            .has_payload()
            .then_some(&common::PAYLOAD_CRC);
        for field in Command::fields(opcode)
            .iter()
            .chain(&[common::OPCODE, common::CRC])
            .chain(payload)
        {
            let mask = field.max() << field.lsb;
            assert_eq!(used[field.word] & mask, 0, "{opcode:?} {}", field.name);
            used[field.word] |= mask;
        }
    }
}

//! Command streams: the decoder, the framer that finds a stream's end, and the engine that checks
//! and executes every record. The first byte says how the rest is taken: as it is, or as records
//! whose CRC is made right and whose opcode is one, so that what lies behind these two checks is
//! reached.
#![no_main]

use firebrick_spec::BEAT_BYTES;
use std::cell::RefCell;
use std::sync::LazyLock;

use firebrick_driver::{ExecError, Executor, Framed, Framer};
use firebrick_fuzz::{Bytes, config};
use firebrick_spec::command::{Command, Hello, Opcode, RECORD_BYTES, RECORD_WORDS, record_crc};
use firebrick_spec::regs;
use libfuzzer_sys::fuzz_target;

const OPCODES: [Opcode; 6] = [
    Opcode::LoadWeights,
    Opcode::LoadParams,
    Opcode::Rows,
    Opcode::Block,
    Opcode::Store,
    Opcode::End,
];
/// Longest stream.
const LONGEST: usize = 1 << 14;

static HELLO: LazyLock<[u32; RECORD_WORDS]> = LazyLock::new(|| {
    let hello = Command::Hello(Hello::for_config(config())).encode();
    hello.expect("its fields fit")
});

thread_local! {
    static ENGINE: RefCell<Executor> = RefCell::new(Executor::new(config()));
}

fn append(stream: &mut Vec<u8>, words: &[u32; RECORD_WORDS]) {
    stream.extend(words.iter().flat_map(|word| word.to_le_bytes()));
}

/// Records with right CRCs; payloads of what the bytes have, filled up with zeros.
fn records(mut bytes: Bytes<'_>) -> Vec<u8> {
    let config = config();
    let mut stream = Vec::new();
    if bytes.byte() % 8 != 0 {
        append(&mut stream, &HELLO);
    }
    while !bytes.is_empty() && stream.len() < LONGEST {
        let mut words = [0; RECORD_WORDS];
        let opcode = OPCODES[bytes.byte() as usize % OPCODES.len()];
        // Fields in whole bytes would seldom fit their ranges: a shift of each makes them small.
        for word in &mut words[..RECORD_WORDS - 1] {
            let shape = bytes.byte();
            *word = match shape {
                0..=127 => 0,
                _ => bytes.word() >> (shape & 31),
            };
        }
        words[0] = words[0] & !0xff | opcode as u32;
        words[RECORD_WORDS - 1] = record_crc(&words);
        append(&mut stream, &words);
        if let Ok(command) = Command::decode(&words) {
            let payload = command
                .payload_bytes(config)
                .next_multiple_of(BEAT_BYTES);
            let payload = payload.min(LONGEST);
            let start = stream.len();
            let given = usize::from(bytes.byte());
            stream.extend_from_slice(bytes.take(given.min(payload)));
            stream.resize(start + payload, 0);
        }
    }
    stream
}

fuzz_target!(|data: &[u8]| {
    let Some((mode, rest)) = data.split_first() else {
        return;
    };
    let stream = match mode % 4 {
        0 => rest.to_vec(),
        _ => records(Bytes(rest)),
    };
    for record in stream.chunks_exact(RECORD_BYTES).take(8) {
        let mut words = [0; RECORD_WORDS];
        for (word, bytes) in words.iter_mut().zip(record.chunks_exact(4)) {
            *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        if let Ok(command) = Command::decode(&words) {
            let _ = command.check(config());
            // Bits in no field are not looked at.
            let again = command.encode().expect("what was decoded");
            assert_eq!(Command::decode(&again), Ok(command));
        }
    }
    let mut framer = Framer::new(config());
    if let Framed::End(at) | Framed::Lost(at) = framer.push(&stream) {
        assert!(at <= stream.len());
    }
    ENGINE.with_borrow_mut(|engine| {
        // What memories hold comes from run to run; whether a stream is accepted does not
        // depend on it.
        engine.write_reg(regs::CTRL.offset, 1);
        engine.set_strict(mode & 0x80 == 0);
        match engine.run(&stream) {
            Ok(packet) => assert!(packet.len() >= 16 && packet.len() % 16 == 0),
            Err(ExecError::Fault(fault)) => assert_eq!(engine.fault(), Some(fault)),
            Err(_) => assert!(engine.fault().is_none()),
        }
    });
});

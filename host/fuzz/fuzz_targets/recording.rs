//! Recordings: any bytes as a file, or entries with right heads and CRCs, read and run again on the
//! software engine.
#![no_main]

use std::cell::RefCell;
use std::time::Duration;

use firebrick_driver::{Device, ExecutorDevice, RecordReader, replay};
use firebrick_fuzz::{Bytes, config};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static ENGINE: RefCell<ExecutorDevice> = RefCell::new(ExecutorDevice::new(config()));
}

/// A file of whole entries, except for what the bytes say.
fn file(mut bytes: Bytes<'_>) -> Vec<u8> {
    let mut file = b"FBRKREC\n\x01\0\0\0\0\0\0\0".to_vec();
    while !bytes.is_empty() {
        let kind = bytes.byte();
        let length = match kind & 0x80 {
            0 => usize::from(bytes.byte()),
            _ => 64 + usize::from(bytes.byte()) * 16,
        };
        let mut entry = u32::from(kind & 0x0f).to_le_bytes().to_vec();
        let content = bytes.take(length);
        entry.extend((content.len() as u32).to_le_bytes());
        entry.extend([kind; 8]);
        entry.extend(content);
        let crc = crc32fast::hash(&entry);
        file.extend(entry);
        file.extend(crc.to_le_bytes());
    }
    file
}

fuzz_target!(|data: &[u8]| {
    let Some((mode, rest)) = data.split_first() else {
        return;
    };
    let file = match mode % 4 {
        0 => rest.to_vec(),
        _ => file(Bytes(rest)),
    };
    let Ok(mut reader) = RecordReader::new(&file[..]) else {
        return;
    };
    while let Ok(Some(entry)) = reader.next_entry() {
        assert!(entry.number < file.len() as u64);
    }
    ENGINE.with_borrow_mut(|engine| {
        let _ = engine.reset(Duration::ZERO);
        let _ = replay(&file[..], engine, Duration::from_secs(1));
    });
});

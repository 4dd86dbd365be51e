//! Whether a JPEG file holds its end.

/// Walks the segments (ITU-T T.81, annex B) to the end-of-image marker behind a scan. Markers
/// inside a segment, as an embedded thumbnail has them, are passed over.
pub(super) fn jpeg(bytes: &[u8]) -> bool {
    walk(bytes).is_some()
}

fn walk(bytes: &[u8]) -> Option<()> {
    let mut at = 2;
    let mut scanned = false;
    loop {
        // To the next marker: fill bytes, and entropy-coded data behind a scan.
        while *bytes.get(at)? != 0xff || matches!(*bytes.get(at + 1)?, 0x00 | 0xff) {
            at += 1;
        }
        let marker = *bytes.get(at + 1)?;
        at += 2;
        match marker {
            0xd9 => return scanned.then_some(()),
            0x01 | 0xd0..=0xd8 => {}
            _ => {
                let length = u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]);
                at += usize::from(length.max(2));
                scanned |= marker == 0xda;
            }
        }
    }
}

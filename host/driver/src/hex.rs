//! Transfers and results as text, for test benches that read them with `$readmemh`.

use std::fmt::Write as _;

/// `bytes` as text, a beat of `beat` bytes a line: one digit for `tlast`, 1 in the last line, and
/// the data in hexadecimal, byte 0 last. A last beat that is not full is filled with zeros. The
/// first line is a comment with the `title`.
#[must_use]
pub fn beats(title: &str, bytes: &[u8], beat: usize) -> String {
    let beat = beat.max(1);
    let count = bytes.len().div_ceil(beat);
    let mut text = format!("// {title}\n");
    text.reserve(count * (2 * beat + 2));
    for (index, data) in bytes.chunks(beat).enumerate() {
        text.push(if index + 1 == count { '1' } else { '0' });
        for at in (0..beat).rev() {
            let byte = data.get(at).copied().unwrap_or(0);
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_first_byte_stands_last() {
        let text = super::beats("Two beats", &[1, 2, 3, 4, 0xab], 4);
        assert_eq!(text, "// Two beats\n004030201\n1000000ab\n");
        assert_eq!(super::beats("None", &[], 4), "// None\n");
    }
}
